# `make` lists the targets.

.DEFAULT_GOAL := help
SHELL := bash

CRD := crds/resellercustomers.yaml

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Show the operator at work against a local control plane and the simulator; then clean up
	dev/demo

.PHONY: demo-up
demo-up: ## The same, and leave it running to try things by hand
	dev/demo up

.PHONY: test
test: ## Run all tests; the first time fetches or builds a local control plane
	KUBEBUILDER_ASSETS="$$(dev/control-plane assets)" && export KUBEBUILDER_ASSETS \
		&& cargo test --all-targets

.PHONY: fmt
fmt: ## Format the code
	cargo fmt

.PHONY: lint
lint: ## Check format and lints
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

.PHONY: generate
generate: ## Make the generated files anew from the code
	crd="$$(cargo run --quiet -- crd)" && mkdir -p $(dir $(CRD)) && printf '%s\n' "$$crd" > $(CRD)

.PHONY: ci
ci: ## Run what CI runs
	.ci/run
