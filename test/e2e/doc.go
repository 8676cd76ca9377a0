// Package e2e has the tests of the whole chain: Git, addon-manager, Argo CD and clusters, all real but for their nodes.
package e2e
