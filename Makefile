# Everything here needs Go and nothing else, but for test-clients, test-alerts,
# test-prometheus and test-chart, and for what runs Apache Kafka (Java 17 or later and
# Maven); each says what it misses.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# synctests lets franz-go work inside testing/synctest bubbles, in virtual time.
TAGS := synctests

# Modules of their own, whose dependencies the product does without. What they test is
# outside of them, where Go's cache of results does not look.
MODULES := test/chart test/compose test/promql

# The race detector needs a C compiler. RACE=-race insists on it, RACE= goes without.
ifeq ($(origin RACE),undefined)
RACE = $(shell test "$$(go env CGO_ENABLED)" = 1 && echo '#include <stdlib.h>' | $$(go env CC) -x c -c -o /dev/null - 2>/dev/null && echo -race)
endif

# How long each benchmark runs, and each fuzz target of make fuzz.
BENCHTIME ?= 1s
FUZZTIME  ?= 1m

# Arguments for make run, such as ARGS='--traffic 60'; and for make chaos, make
# bench-processor, make bench-sink and make test-breaks.
ARGS ?=

# What make chaos and make soak run on: embedded, or apache (three nodes).
BROKER ?= embedded

# Where make image pushes to, such as registry.example.com/callfold:1.2.3; empty: nowhere.
PUSH ?=

# How long make soak is.
EVENTS ?= 1000000
KILLS  ?= 200

GOLANGCI_LINT := go tool -modfile=tools/golangci-lint/go.mod golangci-lint

HELM_DOCS := go tool -modfile=tools/helm-docs/go.mod helm-docs --chart-search-root charts --sort-values-order file --log-level warning

# The test files that hold benchmarks, or fuzz targets.
tests_with = $(shell grep -rl '^func $(1)' --include=*_test.go --exclude-dir=node_modules --exclude-dir=testdata .)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## everything in one process: webhook to Salesforce Task, with generated calls
	@go build -o bin/callfold ./cmd/callfold
	@bin/callfold dev $(ARGS)

.PHONY: build
build: ## the binary, into bin/
	go build -trimpath -o bin/callfold ./cmd/callfold

.PHONY: test
test: ## all tests, and some fuzzing
	@$(if $(RACE),:,echo 'No C compiler: the tests run without the race detector.')
	go test $(RACE) -timeout 90m -tags $(TAGS) ./...
	@set -e; for module in $(MODULES); do echo "cd $$module && go test -count=1 -timeout 30m ./..."; (cd $$module && go test -count=1 -timeout 30m ./...); done
	go test -run '^$$' -fuzz '^FuzzParseEvent$$' -fuzztime 100000x ./schemas

.PHONY: kafka
kafka: ## Apache Kafka in the background on 127.0.0.1:19092 (needs Java 17 and Maven)
	@go run ./internal/apache/cmd up

.PHONY: kafka-cluster
kafka-cluster: ## three nodes of it, on 19092, 19094 and 19096
	@go run ./internal/apache/cmd up-cluster

.PHONY: kafka-down
kafka-down: ## end either
	@go run ./internal/apache/cmd down

.PHONY: test-kafka
test-kafka: ## the integration suite on Apache Kafka, one node and three (needs Java 17 and Maven)
	BROKER=apache go test -count=1 -timeout 30m ./internal/apache
	BROKER=apache go test -count=1 -timeout 40m ./test/kafka
	BROKER=cluster go test -count=1 -timeout 40m ./test/kafka

.PHONY: test-breaks
test-breaks: ## take out one handling of a hazard after the other; its test must turn red
	go run ./test/breaks $(ARGS)

.PHONY: test-sink
test-sink: ## every class of error in both lanes, and storms of faults, one of ten thousand calls; prints a table
	CALLFOLD_TEST_FULL=1 go test -count=1 -v -tags $(TAGS) -timeout 40m -run '^(TestMatrix|TestEveryCodeOfTheTaxonomy|TestStorm.*)$$' ./sfsink

.PHONY: test-upgrade
test-upgrade: ## rolling upgrade and downgrade with two builds
	go test -count=1 -timeout 30m -tags upgrade ./test/upgrade

.PHONY: test-chart
test-chart: ## the chart on a real kube-apiserver, and its pods ended as kubelets do (needs etcd; builds Kubernetes)
	cd test/apiserver && go test -count=1 -v -timeout 90m .
	go test -count=1 -v -tags chart -timeout 30m -run '^TestTermination' ./test/kafka

.PHONY: chaos
chaos: ## a minute of killed processes and a failing network (BROKER=apache needs Java 17 and Maven)
	go run ./test/chaos -broker $(BROKER) $(ARGS)

.PHONY: soak
soak: ## chaos with EVENTS (1000000) and KILLS (200)
	go run ./test/chaos -broker $(BROKER) -events $(EVENTS) -kills $(KILLS) $(ARGS)

.PHONY: bench-processor
bench-processor: ## events a second of the exactly-once fold, beside the limit
	go run ./processor/bench $(ARGS)

.PHONY: bench-sink
bench-sink: ## API requests a call, and rows a second of a backlog, beside the limit
	go test -run '^$$' -bench WorkingDay -benchtime 1x -timeout 1h ./sfsink -args -day.calls 100000 -day.hours 10
	for n in 2 4; do go test -tags synctests -run TestDrain -v -timeout 1h ./sfsink -args -drain.calls 100000 -drain.inflight $$n || exit; done
	go run ./sfsink/bench $(ARGS)

.PHONY: bench-rebuild
bench-rebuild: ## freshness of live calls while Salesforce is rebuilt
	go run ./test/rebuild $(ARGS)

.PHONY: bench-verify
bench-verify: ## events a second that verify folds and compares, and its memory, beside the limit
	go run ./test/verify $(ARGS)

.PHONY: image
image: ## bin/image: the container image for amd64 and arm64 with SBOMs, without an engine; PUSH=IMAGE:TAG also pushes it
	@cd tools/release && go run . image $(if $(PUSH),-push $(PUSH))

.PHONY: release
release: ## bin/archives: archives for Linux and macOS, the chart, SHA256SUMS
	@cd tools/release && go run . archives

.PHONY: test-release
test-release: ## image and archives of what is committed: the same twice; the image's program runs in its own files (needs Linux and root)
	cd tools/release && go test -count=1 -timeout 90m ./...

.PHONY: test-alerts
test-alerts: ## each alert fires and does not fire, also as several releases of the chart bring them (needs promtool)
	@command -v promtool >/dev/null || { echo 'promtool is missing: apt-get install prometheus, brew install prometheus' >&2; exit 1; }
	promtool check rules charts/callfold/rules/callfold.yaml
	promtool test rules test/promql/alerts/*_test.yaml
	cd test/chart && go test -count=1 -timeout 30m -tags prometheus -run '^TestRulesOfSeveralReleases$$' .

.PHONY: test-prometheus
test-prometheus: ## a real Prometheus on callfold dev: metrics, rules, and every query of the dashboards (needs prometheus)
	@command -v prometheus promtool >/dev/null || { echo 'prometheus or promtool is missing: apt-get install prometheus, brew install prometheus' >&2; exit 1; }
	cd test/promql && go test -count=1 -timeout 30m -tags prometheus -run '^TestPrometheus$$' .

.PHONY: test-clients
test-clients: test/clients/node_modules test/clients/venv ## stock clients on callfold dev (needs kcat, node, npm and python3 with venv)
	@command -v kcat >/dev/null || { echo 'kcat is missing: apt-get install kcat, brew install kcat' >&2; exit 1; }
	go test -count=1 -timeout 30m -tags clients ./test/clients

test/clients/node_modules: test/clients/package.json test/clients/package-lock.json
	@command -v npm >/dev/null || { echo 'npm is missing: install Node.js 18 or later' >&2; exit 1; }
	cd test/clients && npm ci --ignore-scripts || { rm -rf node_modules; exit 1; }
	@touch $@

test/clients/venv: test/clients/requirements.txt
	@python3 -c 'import ensurepip, venv' || { echo 'python3 or its venv module is missing: apt-get install python3-venv' >&2; exit 1; }
	python3 -m venv --clear $@ && $@/bin/pip install --quiet --require-hashes --only-binary :all: -r $< || { rm -rf $@; exit 1; }
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
	@set -e; for module in $(MODULES) test/apiserver tools/release; do echo "golangci-lint run in $$module"; \
		(cd $$module && go tool -modfile=$(CURDIR)/tools/golangci-lint/go.mod golangci-lint run ./...); done
	@$(HELM_DOCS) --dry-run | diff charts/callfold/README.md - || { echo 'The README of the chart is not made of its values: make chart-docs' >&2; exit 1; }

.PHONY: chart-docs
chart-docs: ## the table of values in the chart's README, from values.yaml
	$(HELM_DOCS)

.PHONY: fmt
fmt: ## format, and mend what the linters can mend themselves
	$(GOLANGCI_LINT) run --fix ./...

.PHONY: docs-check
docs-check: ## links between the documents; every command and setting is documented
	go test ./docs
	go test -run 'Documented|Docs|Reference' ./cmd/callfold ./internal/settings

.PHONY: clean
clean: ## remove what was built; .callfold and .kafka, the data of make run and make kafka, stay
	rm -rf bin test/clients/node_modules test/clients/venv
