// Package repo holds no code of its own: its tests check the repository as a whole — its workflows, that its documents keep up with
// the code, and that nothing is in it that belongs elsewhere.
package repo
