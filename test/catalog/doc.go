// Package catalog holds no code: its tests take the repository's own catalog.yaml and addons/ as input, and build
// every addon for every minor it is offered on.
package catalog
