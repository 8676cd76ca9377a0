package catalog

import "time"

// What a catalog and the folders it names may cost. Each refusal names its limit.
const (
	// MaxSize is the largest catalog.yaml, in bytes.
	MaxSize = 1 << 20
	// MaxAddons is the most addons in one catalog.
	MaxAddons = 1_000
	// MaxMinors is the most Kubernetes minors offered at once.
	MaxMinors = 100
	// MaxList is the most entries of any other list.
	MaxList = 1_000
	// MaxMarks is the most lines and separators of catalog.yaml: 200 for each of MaxAddons.
	MaxMarks = 200_000
	// MaxDepth is how deep catalog.yaml nests: a well-formed one needs eight levels.
	MaxDepth = 20
	// MaxRanges is how long all different ranges are together, in bytes: each is tried on thousands of versions.
	MaxRanges = 4 << 10
	// MaxText is the longest text value, in bytes.
	MaxText = 4_096
	// MaxGrace is the longest time between switching an addon off and its removal.
	MaxGrace = 720 * time.Hour
	// MaxMinimumAge is the longest time that a new version is waited for.
	MaxMinimumAge = 8760 * time.Hour
	// MaxSchedule is the longest schedule, in bytes.
	MaxSchedule = 128
	// MaxProblems is how many problems are listed; the rest is counted.
	MaxProblems = 100

	// MaxEntries is the most files and folders of a repository: its links are looked at one by one.
	MaxEntries = 100_000
	// MaxPath is the longest path in bytes; longer ones cannot be checked out on Linux.
	MaxPath = 4_096
	// MaxFolderFiles and MaxFolderBytes bound one addon's folder.
	MaxFolderFiles = 10_000
	MaxFolderBytes = 50 << 20
	// MaxManifests is what Argo CD reads of a folder of plain YAML with its default settings, in bytes.
	MaxManifests = 10_000_000
	// MaxFile is the largest YAML file of an addon that is read.
	MaxFile = 4 << 20
	// MaxFileMarks and MaxDocuments bound what such a file holds.
	MaxFileMarks = 500_000
	MaxDocuments = 10_000
	// MaxFileDepth is how deep such a file nests. Generated CustomResourceDefinitions reach about 60 levels.
	MaxFileDepth = 256
	// MaxAliased is how many values aliases may add to such a file: each level of an alias bomb multiplies them.
	MaxAliased = 100_000
)
