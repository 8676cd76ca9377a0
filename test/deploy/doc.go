// Package deploy holds no code of its own: its tests apply what deploy/ ships to a real API server, hold the manager's rights
// to exactly those it needs, and check that generated files and the image recipe are what they claim to be.
package deploy
