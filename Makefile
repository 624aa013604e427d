# `make` lists the targets.

.DEFAULT_GOAL := help
SHELL := bash

CRD := crds/resellercustomers.yaml

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Show the operator at work against a local control plane and the simulator; then clean up
	dev/demo

.PHONY: demo-up
demo-up: ## The same, and leave it running to try things by hand
	dev/demo up

.PHONY: demo-down
demo-down: ## Stop what `make demo-up` left running
	dev/demo down

.PHONY: test
test: ## Run all tests; the first time fetches or builds a local control plane
	KUBEBUILDER_ASSETS="$$(dev/control-plane assets)" && export KUBEBUILDER_ASSETS \
		&& export KUBECONFIG=/dev/null && cargo test --all-targets && cargo test --doc

SCHEDULES ?= 1000000
MINUTES ?= 180
SEED ?= $(shell date +%s)

.PHONY: soak
soak: ## Hold the laws against 1,000,000 generated schedules: SCHEDULES, MINUTES, SEED
	LAWS_SCHEDULES=$(SCHEDULES) LAWS_MINUTES=$(MINUTES) PROPTEST_RNG_SEED=$(SEED) \
		cargo test --test laws -- --test-threads=4

.PHONY: bench-failover
bench-failover: ## Measure how long nobody works when the leader goes; 200 leaders order nothing twice
	KUBEBUILDER_ASSETS="$$(dev/control-plane assets)" && export KUBEBUILDER_ASSETS \
		&& export KUBECONFIG=/dev/null BENCH_FAILOVER=1 && cargo test --test control_plane failover:: \
		-- --nocapture --test-threads=1

.PHONY: fmt
fmt: ## Format the code
	cargo fmt

.PHONY: lint
lint: ## Check format and lints
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --no-default-features -- -D warnings

.PHONY: deny
deny: ## Check the dependencies: licences, sources, bans (deny.toml)
	"$$(dev/tools path cargo-deny)" check --deny warnings bans licenses sources

.PHONY: generate
generate: ## Make the generated files anew from the code
	crd="$$(cargo run --quiet -- crd)" && printf '%s\n' "$$crd" > $(CRD)
	cp $(CRD) charts/reseller-operator/files/crd.yaml
	UPDATE=1 cargo test --quiet --test docs -- the_page_of_conditions the_schema_of_the_plan

.PHONY: ci
ci: ## Run what CI runs
	.ci/run
