# Everything a newcomer does, one word each. `make test` is what CI runs.
SHELL := /bin/bash

# An older Go (1.21 or later) fetches the toolchain that go.mod names; some
# distributions switch that off. What the caller has set stays.
GOTOOLCHAIN ?= auto
export GOTOOLCHAIN

GO ?= go
# A checkout that git refuses to read (another user's) must still build.
BUILDVCS := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo auto || echo false)
BUILD := $(GO) build -buildvcs=$(BUILDVCS) -trimpath
FUZZTIME ?= 30s
TYPESCRIPT := typescript@5.9.3
BENCHSTAT := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
# What the benchmarks of whole rooms get, such as SUITEFLAGS='--runs 5 --viewers 50,1000'.
SUITEFLAGS ?=

.PHONY: run build test test-long lint check-format fuzz bench bench-micro bench-forward bench-gallery bench-storm screenshots clean

run: build ## build it, start it on its embedded defaults, print the links
	./bin/atrium dev

build: ## static binaries in bin/
	@mkdir -p bin
	CGO_ENABLED=0 $(BUILD) -o bin/ ./cmd/atrium ./cmd/atrium-bench

test: ## what CI runs: format, vet, architecture, all tests with the race detector
	@.ci/install
	@$(MAKE) --no-print-directory check-format
	$(GO) vet ./...
	$(GO) test -count=1 ./cmd/internal/architecture
	@.ci/test -race -timeout 15m $$($(GO) list ./... | grep -v /cmd/internal/endtoend)
	@# Real calls in real browsers, alone: others' load would freeze their pictures.
	@.ci/test -timeout 15m ./cmd/internal/endtoend
	@# The race detector makes sync.Pool drop at random, so that it allocates.
	@.ci/test -run '^TestNoAllocations$$' ./media/internal/udp

test-long: ## also the tests that take minutes (build tag long, ATRIUM_LONG=1): 50 minutes on two cores with nothing else to do
	@.ci/install long
	@# Real calls alone, without the race detector's load.
	@ATRIUM_LONG=1 .ci/test -count=1 -tags long -timeout 1h ./cmd/internal/endtoend
	@# Watches that no key, SSRC and packet index are ever used twice (RFC 3711).
	@ATRIUM_LONG=1 .ci/test -count=1 -tags srtpcheck -timeout 20m ./media ./media/internal/srtp
	@ATRIUM_LONG=1 .ci/test -count=1 -race -tags long -timeout 30m -p 1 $$($(GO) list ./... | grep -v /cmd/internal/endtoend)

lint: check-format ## format, vet, and the browser code's types where Node is installed
	$(GO) vet ./...
	@if ! command -v npx >/dev/null; then \
		echo "lint: the browser code was not checked: install Node (npx) to check it"; \
		exit 0; \
	fi; \
	for project in signal/sdk control/web; do \
		echo "tsc --project $$project"; \
		npx --yes --package $(TYPESCRIPT) -- tsc --project $$project || exit 1; \
	done

check-format:
	@bad=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$bad" ]; then echo "gofmt would change these; run gofmt -w on them:"; echo "$$bad"; exit 1; fi

fuzz: ## every fuzz target for FUZZTIME (30s) each
	@FUZZTIME=$(FUZZTIME) .ci/fuzz

bench: build ## Go benchmarks, then a room of 30 against `atrium dev`
	$(GO) test -run '^$$' -bench . -benchmem ./...
	@.ci/bench

bench-micro: ## the stages of the packet path one by one, into bench/out/micro.txt, beside micro-before.txt if there is one
	@mkdir -p bench/out
	$(GO) test -run '^$$' -bench . -benchmem -count 6 ./media ./media/internal/... | tee bench/out/micro.txt
	@cd bench/out; before=$$(ls micro-before.txt 2>/dev/null); \
	$(GO) run $(BENCHSTAT) $$before micro.txt || echo "bench-micro: no benchstat (it is fetched from the module proxy): the plain figures stand above"

bench-forward: build ## one publisher, 50 to 400 viewers, plain pion beside it: bench/out/forward (20 minutes; root for namespaces)
	bin/atrium-bench suite forward $(SUITEFLAGS)

bench-gallery: build ## a room of 60 in which all publish: bench/out/gallery
	bin/atrium-bench suite gallery $(SUITEFLAGS)

bench-storm: build ## 60 who join within two seconds: bench/out/storm
	bin/atrium-bench suite storm $(SUITEFLAGS)

screenshots: ## pictures of every page into out/screenshots, the README's into .github
	$(GO) test -count=1 -tags screenshots -run '^TestScreenshots$$' ./control/web -screenshots $(CURDIR)/out/screenshots
	cp out/screenshots/call-four-desktop-light.png .github/room.png
	cp out/screenshots/console-call-desktop-light.png .github/console.png
	cp out/screenshots/guest-waiting-phone-light.png .github/waiting.png

clean:
	rm -rf bin out bench/out
