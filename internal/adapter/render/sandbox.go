package render

// sandbox is what a renderer process has given up.
type sandbox struct {
	// missing are the protections that could not be had, for the log.
	missing []string
}
