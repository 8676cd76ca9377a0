package render

// What a source may cost beyond what the catalog's limits say. Each refusal names its limit.
const (
	// maxFile is the largest single file, also inside an archive. Helm has the same.
	maxFile = 5 << 20
	// maxFolders is how deep folders of a repository nest.
	maxFolders = 64
	// maxSchema is the largest values.schema.json.
	maxSchema = 2 << 20
	// maxArchive, maxUnpacked and maxEntries bound one chart archive with everything in it; maxCharts how deep charts contain charts.
	maxArchive  = 20 << 20
	maxUnpacked = 50 << 20
	maxEntries  = 10_000
	maxCharts   = 8
)
