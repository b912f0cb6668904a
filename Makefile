# What can be done here: `make`. Needs Go, and Node.js with npm; the rest is fetched.
# Kept to what GNU make 3.81 (macOS) understands.

.DEFAULT_GOAL := help
.PHONY: help setup tools bundle postgres demo screenshots test test-race test-browser test-monitoring test-versions corpus bench lint lint-deploy build package deploy clean
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
REVISION ?= $(shell git rev-parse --short HEAD 2>/dev/null)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
HELM := helm.sh/helm/v3/cmd/helm@v3.19.2
TEST := go test -timeout 15m
# As the binary is built, so that Go compiles what they share once; for this machine, whatever is built for.
GO_RUN := GOOS= GOARCH= CGO_ENABLED=0 go run -trimpath
BINARY := bin/avni-messenger

# npm writes NPM_STAMP itself; TOOLS_STAMP spares looking at the tools again.
NPM_STAMP := rules/js/node_modules/.package-lock.json
TOOLS_STAMP := .cache/tools
BUNDLE := rules/js/dist/bundle.js

help: ## what can be done
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: bundle postgres ## get all that the tests and the demo need (they call this themselves)

bundle: $(BUNDLE) ## the JavaScript that rules run on: rules/js/dist/bundle.js

demo: setup build ## a registration becomes a WhatsApp message, live (DEMO_EXIT=1: end after the story)
	@$(BINARY) demo

screenshots: setup ## the pictures of the README, docs/pictures, anew: needs Chromium
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || command -v chromium-browser >/dev/null || { echo "Chromium is not on the PATH: apt-get install chromium (Debian), or any Chrome"; exit 1; }
	@$(TEST) -vet=off -count=1 -tags screenshots -run TestScreenshots ./cmd/avni-messenger

test: setup ## every test, against a real PostgreSQL
	go vet ./...
	@echo "testing: about 10 minutes; each package reports when it is done"
	@$(TEST) -vet=off ./...

test-race: setup ## the same under the race detector (slow; needs a C compiler)
	$(TEST) -race ./...

test-browser: setup ## the page in a real browser (needs Chromium; MESSENGER_SCREENSHOTS=folder keeps what it saw)
	$(TEST) -tags browser -count=1 -run InABrowser ./internal/page

test-monitoring: setup ## boards and alerts on a real Prometheus: each has its figures, each fires (3 to 6 minutes)
	@command -v prometheus >/dev/null || { echo "prometheus is not on the PATH: apt-get install prometheus (Debian, Ubuntu), or see https://prometheus.io/download; 2.42 or later"; exit 1; }
	@echo "testing: 3 to 6 minutes, in which nothing is printed"
	@$(TEST) -vet=off -count=1 -tags monitoring -run TestBoardsAndAlerts ./cmd/avni-messenger

# What depends on the server's version, on each: the stream, and what prepares and removes it.
test-versions: setup ## the tests of stream and set-up on PostgreSQL 12 to 18 (20 minutes; Linux on x86-64)
	@$(GO_RUN) ./internal/avnitest/postgres/fetch versions
	@for bin in $(CURDIR)/.cache/postgres-versions/node_modules/postgres-*/native/bin; do \
		echo "== $$($$bin/postgres --version)"; \
		PGBIN=$$bin $(TEST) -vet=off -count=1 ./cdc || exit 1; \
		PGBIN=$$bin $(TEST) -vet=off -count=1 -run 'Setup|Detach|Teardown|EveryEntityType|Repair' ./cmd/avni-messenger || exit 1; \
	done

corpus: bundle ## ask Node.js for the answers that rules/testdata/corpus expects of rules
	@go run ./rules/testdata/corpus/node

bench: setup ## measure, and hold it against the goals (15 to 20 minutes; MESSENGER_BENCH_ROWS=20000: 10)
	@go run ./internal/bench

lint: tools ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not as gofmt writes it:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

lint-deploy: bundle ## what is in deploy/ (Debian: apt-get install systemd prometheus ansible-core yamllint)
	@deploy/check

build: bundle ## the static binary: bin/avni-messenger
	@echo "$(BINARY): compiling$$([ -x $(BINARY) ] || echo ' (the first time with all that it is made of: 1 to 2 minutes)')"
	@CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION) -X main.revision=$(REVISION)" -o $(BINARY) ./cmd/avni-messenger

# The same commit makes the same bytes: nothing of this machine or this moment is in them.
package: bundle ## dist/avni-messenger-VERSION-linux-amd64.tar.gz: binary, unit, environment, SQL (GOARCH=arm64 for that)
	@GOOS=$${GOOS:-linux} GOARCH=$${GOARCH:-amd64} CGO_ENABLED=0 go build -trimpath -buildvcs=false \
		-ldflags "-s -w -buildid= -X main.version=$(VERSION) -X main.revision=$(REVISION)" -o dist/avni-messenger ./cmd/avni-messenger
	@$(GO_RUN) ./deploy/package -binary dist/avni-messenger -version $(VERSION) -time $$(git log -1 --format=%ct 2>/dev/null || echo 0)
	@rm dist/avni-messenger

deploy: bundle ## write what in deploy/ is made from the program anew: the SQL, the manifests, the boards
	@$(GO_RUN) ./cmd/avni-messenger setup --print > deploy/postgres/setup.sql
	@$(GO_RUN) ./cmd/avni-messenger teardown --print > deploy/postgres/teardown.sql
	@go run $(HELM) template avni-messenger deploy/helm/avni-messenger --set existingSecret=avni-messenger > deploy/kubernetes/avni-messenger.yaml
	@cd deploy/grafana/gen && go run .
	@git status --short deploy 2>/dev/null | sed 's/^/changed: /'

clean: ## remove everything that make made
	rm -rf bin dist .cache rules/js/node_modules $(BUNDLE) rules/js/dist/NOTICE

postgres: tools
	@$(GO_RUN) ./internal/avnitest/postgres/fetch

tools: $(TOOLS_STAMP)

$(TOOLS_STAMP): go.mod
	@command -v go >/dev/null || { echo "Go is missing: get 1.26 or later from https://go.dev/dl and put its bin folder on the PATH"; exit 1; }
	@go env GOVERSION 2>/dev/null | awk -F '[go.]+' '{ok = $$2 > 1 || $$2 == 1 && $$3 >= 26} END {exit !ok}' || \
		{ echo "$$(go version 2>&1): too old; get Go 1.26 or later from https://go.dev/dl"; exit 1; }
	@command -v node >/dev/null && command -v npm >/dev/null || \
		{ echo "Node.js or npm is missing: get 18 or later (Debian, Ubuntu: apt-get install nodejs npm; macOS: brew install node; others: https://nodejs.org)"; exit 1; }
	@node --version | awk -F '[v.]' '{ok = $$2 >= 18} END {exit !ok}' || { echo "Node.js $$(node --version) is too old: get 18 or later from https://nodejs.org"; exit 1; }
	@mkdir -p $(@D) && touch $@

$(NPM_STAMP): rules/js/package.json rules/js/package-lock.json | $(TOOLS_STAMP)
	@echo "rules/js: getting Avni's JavaScript packages from npm (14 MB: some seconds)"
	@cd rules/js && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BUNDLE): $(NPM_STAMP) $(shell find rules/js/src rules/js/build -type f)
	@echo "$(BUNDLE): bundling (the first time Go compiles the bundler: about a minute)"
	@$(GO_RUN) ./rules/js/build
	@touch $@
