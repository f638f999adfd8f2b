# Everything here works on a fresh machine with Go, make and curl: what is missing
# is installed where that needs no password, else one line says what to install.

GO          ?= go
PACKAGES    ?= ./...
TESTFLAGS   ?=
FUZZTIME    ?= 30s
# Packages tested at once. Some put load on the program to see what it does then; more
# of them at once than this, and four cores are too busy to meet anybody's deadlines.
AT_ONCE     ?= 2
SUITE       ?= click
BENCHFLAGS  ?=
TOOL        := $(GO) tool -modfile=.tools/go.mod
WITH_PG     := $(GO) run ./db/dbtest/withpg

# A checkout that belongs to another user must build too, and git refuses to tell
# Go about it.
export GOFLAGS ?= -buildvcs=false

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build and start everything on an embedded Postgres, with the demo network
	@exec bin/proofback serve

.PHONY: build
build: ## build bin/proofback
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/proofback ./server

.PHONY: test
test: cc ## run all tests on a Postgres started for them (PACKAGES=./db/... TESTFLAGS='-run X')
	$(GO) build -race $(PACKAGES)
	$(WITH_PG) $(GO) test -race -shuffle=on -p $(AT_ONCE) $(TESTFLAGS) $(PACKAGES)

.PHONY: clients
clients: ## hold the API against clients that others wrote, with npm (Apollo, urql, graphql-ws, Relay …)
	.ci/clients

.PHONY: chaos
chaos: ## take Postgres, disk, clock and processes away under load for minutes, and count what is missing
	PROOFBACK_CHAOS=long $(GO) test -count=1 -timeout=30m -v -run='^TestChaos$$' ./server

.PHONY: cover
cover: ## run all tests and tell how much of each package they reach
	$(WITH_PG) $(GO) test -coverprofile=coverage.out $(PACKAGES)
	@$(GO) tool cover -func=coverage.out | tail -n 1

.PHONY: bench
bench: build ## measure side by side with what the machine could do at best (SUITE=click BENCHFLAGS=...)
	bin/proofback bench $(SUITE) $(BENCHFLAGS)

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (30s)
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

.PHONY: lint
lint: ## check style, likely mistakes and the direction of imports
	$(TOOL) golangci-lint run

.PHONY: fmt
fmt: ## format all Go files
	$(TOOL) gofumpt -w .

.PHONY: vuln
vuln: ## look for known vulnerabilities in what we call
	$(TOOL) govulncheck ./...

.PHONY: generate
generate: ## make the generated code anew
	$(GO) generate ./...

.PHONY: generate-check
generate-check: ## fail when generated code is not what its sources make
	@.ci/unchanged $(MAKE) --no-print-directory generate

.PHONY: ci
ci: ## what is run before a change is taken
	.ci/run

# The race detector is linked with a C compiler.
.PHONY: cc
cc:
	@.ci/need-cc
