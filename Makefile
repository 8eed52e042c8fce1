# Everything here needs Go and nothing else, but for what test-clients says.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# synctests lets franz-go work inside testing/synctest bubbles, in virtual time.
TAGS := synctests

# The race detector needs a C compiler. RACE=-race insists on it, RACE= goes without.
ifeq ($(origin RACE),undefined)
RACE = $(shell test "$$(go env CGO_ENABLED)" = 1 && echo '#include <stdlib.h>' | $$(go env CC) -x c -c -o /dev/null - 2>/dev/null && echo -race)
endif

# How long each benchmark runs, and each fuzz target of make fuzz.
BENCHTIME ?= 1s
FUZZTIME  ?= 1m

# Arguments for make run, such as ARGS='--traffic 60'.
ARGS ?=

GOLANGCI_LINT := go tool -modfile=tools/golangci-lint/go.mod golangci-lint

# The test files that hold benchmarks, or fuzz targets.
tests_with = $(shell grep -rl '^func $(1)' --include=*_test.go --exclude-dir=node_modules --exclude-dir=testdata .)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## everything in one process: webhook to Salesforce Task, with generated calls
	@go build -o bin/callfold ./cmd/callfold
	@bin/callfold dev $(ARGS)

.PHONY: build
build: ## the binary, into bin/
	go build -trimpath -o bin/callfold ./cmd/callfold

.PHONY: test
test: ## all tests, and ten seconds of fuzzing
	@$(if $(RACE),:,echo 'No C compiler: the tests run without the race detector.')
	go test $(RACE) -tags $(TAGS) ./...
	go test -run '^$$' -fuzz '^FuzzParseEvent$$' -fuzztime 10s ./schemas

.PHONY: test-clients
test-clients: test/clients/node_modules ## stock clients on callfold dev (needs kcat, node and npm)
	@command -v kcat >/dev/null || { echo 'kcat is missing: apt-get install kcat, brew install kcat' >&2; exit 1; }
	go test -tags clients -count=1 ./test/clients

test/clients/node_modules: test/clients/package.json test/clients/package-lock.json
	@command -v npm >/dev/null || { echo 'npm is missing: install Node.js 18 or later' >&2; exit 1; }
	cd test/clients && npm ci --ignore-scripts
	@touch $@

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (1m)
	@set -e; for file in $(call tests_with,Fuzz); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "$$target in $$(dirname "$$file")"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")"; \
		done; \
	done

.PHONY: bench
bench: ## every benchmark for BENCHTIME (1s), with allocations
	go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $(sort $(dir $(call tests_with,Benchmark)))

.PHONY: lint
lint: ## formatting, go.mod, and the linters of .golangci.yml
	go mod tidy -diff
	$(GOLANGCI_LINT) run ./...

.PHONY: fmt
fmt: ## format, and mend what the linters can mend themselves
	$(GOLANGCI_LINT) run --fix ./...

.PHONY: docs-check
docs-check: ## links between the documents; every command and setting is documented
	go test ./docs
	go test -run 'Documented|Docs|Reference' ./cmd/callfold ./internal/settings

.PHONY: clean
clean: ## remove what was built; .callfold, the data of make run, stays
	rm -rf bin test/clients/node_modules
