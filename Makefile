# Everything installs what it needs by itself: only Go, git and make must be on the machine. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
LDFLAGS := -s -w -X github.com/addon-manager/addon-manager/internal/cli.Version=$(VERSION)
IMAGE   ?= addon-manager:$(VERSION)
DOCKER  ?= docker
ARGS    ?=
FUZZTIME ?= 30s
CHECKS ?= 1000

# Without cgo the programs are static, no C compiler is asked for, and one build cache serves everything.
export CGO_ENABLED := 0

# The pinned tools live in a module of their own, so that they never change a version of the product's.
TOOL := go tool -modfile=tools/go.mod
# Heavy packages start control planes and Argo CD in processes; two at a time fit two cores and 8 GB.
TESTFLAGS ?= -p 2 -timeout 45m
GOFILES = $(wildcard $(shell git ls-files --cached --others --exclude-standard '*.go' ':!:*zz_generated*'))

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/addon-manager and bin/branch-bot
	@test -e bin/addon-manager || echo "building addon-manager with Argo CD's types; the first time takes about 5 minutes on two cores"
	@go build -ldflags "$(LDFLAGS)" -o bin/ ./cmd/addon-manager ./cmd/branch-bot

.PHONY: sandbox
sandbox: ## Build what the sandbox runs: bin/plane, bin/helm, bin/kustomize
	@test -e bin/plane || echo "building Argo CD, Kubernetes and etcd from their modules; the first time takes about 15 minutes on two cores"
	@go build -ldflags "-s -w" -o bin/plane ./test/sandbox/plane
	@go build -ldflags "-s -w" -o bin/helm helm.sh/helm/v3/cmd/helm
	@go build -ldflags "-s -w" -o bin/kustomize sigs.k8s.io/kustomize/kustomize/v5

.PHONY: demo
demo: build sandbox ## Show the whole thing on this machine; ARGS=--once ends by itself
	@go build -ldflags "-s -w" -o bin/demo ./test/sandbox/demo
	@exec bin/demo $(ARGS)

.PHONY: test
test: ## Run every check and every test
	@if $(MAKE) -j1 lint test-quick build sandbox test-all; then echo "make test: PASSED"; \
	else echo "make test: FAILED; see above, failed tests have lines that begin with FAIL or ---"; exit 1; fi

.PHONY: test-quick
test-quick: ## Run the tests that start no control plane
	@echo "== quick tests"
	@go test -short -timeout 10m ./internal/... ./cmd/...

.PHONY: test-all
test-all: ## Run all tests, with real control planes and Argo CD
	@echo "== all tests, with real control planes and Argo CD"
	@$(TOOL) gotestsum --format standard-quiet --rerun-fails=1 --rerun-fails-max-failures=3 --packages=./... -- $(TESTFLAGS)

.PHONY: lint
lint: ## Check format, vet, staticcheck and the workflows
	@echo "== checks (the first time, staticcheck reads all of Kubernetes: some minutes)"
	@unformatted=$$($(TOOL) gofumpt -l $(GOFILES)); if [ -n "$$unformatted" ]; then echo "not formatted (run make fmt):"; echo "$$unformatted"; exit 1; fi
	@go vet ./...
	@$(TOOL) staticcheck ./...
	@$(TOOL) actionlint -shellcheck= -pyflakes=

.PHONY: fmt
fmt: ## Format the Go files
	@$(TOOL) gofumpt -w $(GOFILES)

.PHONY: generate
generate: ## Regenerate the CRDs and deep copies from internal/api
	@$(TOOL) controller-gen object paths=./internal/api/... crd:crdVersions=v1 output:crd:dir=deploy/crds

.PHONY: generate-apis
generate-apis: ## Regenerate what each Kubernetes minor serves, from Kubernetes' modules
	@go run ./test/apis/generate

.PHONY: generate-github
generate-github: ## Regenerate what the GitHub stand-in is held to, from GitHub's published description
	@go run ./test/github/generate

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s), and the property tests with other choices
	@grep -rl --include='*_test.go' '"pgregory.net/rapid"' internal | xargs -n1 dirname | sort -u | while read -r dir; do \
	  echo "== property tests in $$dir"; go test -count=1 "./$$dir" -rapid.seed=0 -rapid.checks=$(CHECKS); done
	@grep -roE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' cmd internal | sort | while IFS=: read -r file func; do \
	  echo "== $${func#func } ($$file)"; go test -run='^$$' -fuzz="^$${func#func }$$" -fuzztime=$(FUZZTIME) "./$$(dirname "$$file")"; done

.PHONY: bench
bench: sandbox ## Run the benchmarks
	@go test -run='^$$' -bench=. -benchmem -timeout 90m -p 1 ./...

.PHONY: tools
tools: ## Build the tools into bin/
	@go build -C tools -o ../bin/ tool

.PHONY: image
image: ## Build the container image (DOCKER=podman works too)
	$(DOCKER) build --build-arg VERSION=$(VERSION) -t $(IMAGE) .

.PHONY: dist
dist: ## Build both programs for release into dist/, with checksums
	@for arch in amd64 arm64; do \
	  echo "building for linux/$$arch"; \
	  CGO_ENABLED=0 GOOS=linux GOARCH=$$arch go build -trimpath -ldflags "$(LDFLAGS)" -o dist/addon-manager-linux-$$arch ./cmd/addon-manager; \
	  CGO_ENABLED=0 GOOS=linux GOARCH=$$arch go build -trimpath -ldflags "$(LDFLAGS)" -o dist/branch-bot-linux-$$arch ./cmd/branch-bot; \
	done
	@cd dist && sha256sum addon-manager-* branch-bot-* > SHA256SUMS && cat SHA256SUMS

.PHONY: clean
clean: ## Remove what was built
	@rm -rf bin dist
