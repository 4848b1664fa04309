# Livelong. `make` prints what there is.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
GO ?= go
export CHROMIUM ?= /usr/bin/chromium
NPM := npm --no-fund --no-audit

.PHONY: help
help: ## print this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## start the counter at http://localhost:8080, recordings at /replay/ (needs only Go)
	$(GO) run ./examples/counter -dev $(ARGS)

.PHONY: test
test: tools ## install what is missing and run all tests: Go (with -race), TypeScript, browser
	$(GO) test -timeout 10m ./...
	$(GO) test -race -timeout 15m ./...
	$(NPM) run typecheck
	$(NPM) run test
	$(MAKE) e2e

.PHONY: e2e
e2e: tools ## run the browser tests
	$(NPM) run e2e

.PHONY: test-s3
test-s3: ## run the S3 tests against a real server: versitygw, or that of AWS_ENDPOINT_URL
	GOBIN=$(CURDIR)/bin $(GO) install github.com/versity/versitygw/cmd/versitygw@v1.8.0
	$(GO) vet -tags s3server ./durable/...
	$(GO) run ./durable/s3/internal/gateway -server bin/versitygw \
		$(GO) test -tags s3server -run Server -v -count=1 -timeout 15m ./durable ./durable/s3 $(ARGS)

.PHONY: bench
bench: ## print every performance figure beside the hand-written floor (about 10 minutes)
	$(GO) test ./live/internal/diff -run TestFigures -v -count=1
	$(GO) run ./bench/run

.PHONY: soak
soak: tools soak-durable soak-replay ## fuzz and repeat what make test does once, for about 25 minutes
	$(GO) test ./live/internal/diff -run '^$$' -fuzz FuzzDiff -fuzztime 90s
	$(GO) test ./live/internal/diff -run '^$$' -fuzz FuzzParse -fuzztime 90s
	$(GO) test ./live/internal/diff -run '^$$' -fuzz FuzzApply -fuzztime 60s
	$(GO) test ./live/internal/wire -run '^$$' -fuzz FuzzDecodeUp -fuzztime 60s
	$(GO) test ./live/internal/token -run '^$$' -fuzz FuzzOpen -fuzztime 30s
	$(GO) test -race -count=20 -timeout 10m ./live ./live/livetest ./examples/...
	for i in 1 2 3 4 5 6 7 8 9 10; do SEED=$$RANDOM $(NPM) run e2e -- pairs; done

.PHONY: soak-durable
soak-durable: ## the part of soak that is about durable state, for about 10 minutes
	$(GO) test ./durable -run '^$$' -fuzz FuzzDecodeDocument -fuzztime 60s
	$(GO) test ./durable -run '^$$' -fuzz FuzzOpenObject -fuzztime 60s
	$(GO) test ./durable -soak 10 -v -count=1 -timeout 30m | grep --line-buffered -v '^=== '
	$(GO) test ./durable/local -run 'TestKilled$$' -count=10 -v -timeout 10m | grep --line-buffered -v '^=== '
	$(GO) test -race ./durable -soak 10 -count=1 -timeout 30m

.PHONY: soak-replay
soak-replay: ## the part of soak that is about recordings, for about 6 minutes
	for f in FuzzOpenSegment FuzzEntries FuzzSummary FuzzSplices; do \
		$(GO) test ./replay -run '^$$' -fuzz "^$$f\$$" -fuzztime 60s; \
	done
	$(GO) test ./replay ./replay/bugtest -run 'Exact|Random|Leaks|Killed|TakenAgain' -soak 10 -v -count=1 -timeout 20m | grep --line-buffered -v '^=== '

.PHONY: fmt
fmt: ## format Go and templ
	$(GO) tool templ fmt -log-level error .
	gofmt -w $$(git ls-files -co --exclude-standard '*.go')

.PHONY: lint
lint: ## vet, staticcheck, formatting
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "run make fmt: $$unformatted"; exit 1; fi

.PHONY: generate
generate: node_modules/.package-lock.json ## build *_templ.go and js/dist from their sources
	$(GO) tool templ generate -log-level error
	$(NPM) run build

.PHONY: size
size: node_modules/.package-lock.json ## check the size of the client and of the counter's binary
	$(NPM) run size
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/counter ./examples/counter
	@bytes=$$(stat -c %s bin/counter); echo "examples/counter, stripped: $$bytes B, at most 15728640"; test $$bytes -le 15728640

.PHONY: tools
tools: node_modules/.package-lock.json
	@if ! [ -x "$(CHROMIUM)" ]; then \
		echo "installing chromium"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	fi
	@if ! [ -x "$(CHROMIUM)" ]; then echo "no browser at $(CHROMIUM): install chromium or set CHROMIUM"; exit 1; fi
	@.ci/postgresql

node_modules/.package-lock.json: package.json package-lock.json
	$(NPM) ci
	@touch $@
