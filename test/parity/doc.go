// Package parity renders the same sources with Argo CD's own repo-server and with our engine, and compares object by object. testdata has
// what is tricky about charts, kustomizations and plain folders; the addons of the reference catalog are rendered for every minor, and charts
// from elsewhere when PARITY_CHARTS names some.
//
// Templates are shown what Argo CD's helm shows them: what it is told, and versions of its own (engine.Assumed). Comparisons for reviewers leave the
// latter out, and say where that matters.
//
// Every object is equal. What is different on purpose is what we refuse and Argo CD does not, each with a fixture:
//
//   - helm-schema-fetches: a values schema that refers to anything outside itself, which Helm would fetch.
//   - kustomize-bad-remote: an address in a kustomization, which kustomize would fetch.
//   - directory-bad-jsonnet: jsonnet, which Argo CD would run.
//   - source-overrides: .argocd-source.yaml, which changes the Application behind the catalog's back.
//   - helm-bad-name, helm-bad-nameless: objects without a name, or with one that is not text. Argo CD refuses them when it applies them.
//
// helm-bad-label needs Argo CD to put its label on objects: without that it would not refuse what it refuses in life.
package parity
