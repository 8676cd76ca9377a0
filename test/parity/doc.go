// Package parity renders the same sources with Argo CD's own repo-server and with our engine, and compares object by object. testdata has
// what is tricky about charts, kustomizations and plain folders; the addons of the reference catalog are rendered for every minor.
package parity
