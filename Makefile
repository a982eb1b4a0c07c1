# make run and make test need nothing but Go, gcc and make; README.md says what each target shows.

GO       ?= go
FUZZTIME ?= 1m
ROUNDS   ?= 1
CORPORA  ?= $(abspath ../shared/corpora)
export CORPORA

VERSION  := $(shell git describe --always --dirty 2>/dev/null || echo development)
BUILT    := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
LDFLAGS  := -X main.version=$(VERSION) -X main.buildTime=$(BUILT)

GOFUMPT     := $(GO) run mvdan.cc/gofumpt@v0.12.0
STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Packages whose goroutines share memory.
SHARED := $(addprefix ./drivers/,answer forward hid lamp scannertest serial tcp usb) ./firmware/usbip ./gateway/sig/... ./gateway/rows ./gateway/lane/... ./gateway/journal/... ./gateway/people ./gateway/report/... ./gateway/web/... ./gateway/trust/... ./gateway/verify/...
# Packages that run on arm64 under qemu-user: all that computes.
PURE := ./gateway/encoding/... ./gateway/rows/... ./gateway/credential/... ./gateway/sig/... ./gateway/identity ./gateway/policy/... ./gateway/verify/... ./gateway/trust/... ./gateway/issuer/... ./drivers/frame/... ./drivers/keyboard/... ./drivers/setup/... ./firmware/scanners/...

.PHONY: all run build test check format race generic fuzz cross interop vectors peers bench picture testdata cuts soak scenarios image e2e tools clean

all: build

run: build ## the demo: a lane turning green, amber and red in a browser
	./build/passerelle demo --state build/demo

build:
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o build/passerelle ./gateway

test: tools ## the whole suite; names what it has to skip
	$(GO) test -timeout 10m ./... ./testdata

check: format ## before each commit
	$(GO) vet ./...
	$(STATICCHECK) ./...
	$(STATICCHECK) -tags p256generic ./gateway/sig/...
	cd benchmarks && $(GO) vet ./... && $(STATICCHECK) ./...
	$(GO) test -timeout 10m ./... ./testdata
	cd benchmarks && $(GO) test ./...

format:
	@files=$$(gofmt -l . && $(GOFUMPT) -l .); if [ -n "$$files" ]; then echo "not formatted: $$files" >&2; exit 1; fi

race:
	$(GO) test -race -timeout 20m $(SHARED)
	$(GO) test -race -timeout 20m -run 'CloseEnds|FailedCamera|CodesAndFrames|Interrupted|OldFrames' ./drivers/camera
	$(GO) test -race -timeout 20m -run 'Row|Core|Progress|Difference|Pipeline|Hostile|Interrupt' ./gateway

generic: ## the packages of the hot path without assembly
	$(GO) test -tags p256generic ./gateway/sig/... ./gateway/verify

fuzz: ## every fuzz target for FUZZTIME
	@GO=$(GO) FUZZTIME=$(FUZZTIME) .ci/fuzz

cross: ## arm64: the pure packages under qemu-user, and the program built with and without cgo
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test -exec qemu-aarch64-static -timeout 20m $(PURE)
	GOARCH=arm64 CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc $(GO) build -tags netgo,osusergo -trimpath -ldflags '$(LDFLAGS) -linkmode external -extldflags -static' -o build/passerelle-arm64 ./gateway
	GOARCH=arm64 CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o build/passerelle-arm64-nocgo ./gateway
	qemu-aarch64-static build/passerelle-arm64 version

interop: ## the public certificates, with the keys given, at their clock
	@$(GO) run ./gateway/interop -corpora $(CORPORA)

vectors: ## boarding passes, MRZs, tickets, seals and more that others published
	@$(GO) run ./gateway/vectors -corpora $(CORPORA)

peers: ## ours against other people's code, as ratios
	cd benchmarks && $(GO) run ./peers

bench: ## for benchstat: hot path, POST /v1/verify, latency; then how cost grows
	$(GO) test -run '^$$' -bench . -count 6 ./gateway/encoding/... ./gateway/credential/... ./gateway/sig/... ./gateway/trust ./gateway/rows
	$(GO) test -run '^$$' -bench 'VerifyThroughput|LaneLatency|VerifyCommand' ./gateway/web ./gateway
	cd benchmarks && $(GO) run ./growth

picture: ## draws benchmarks/results/growth.svg anew, from figures kept beside it
	cd benchmarks && $(GO) run ./growth -save results -picture results/growth.svg

testdata: ## writes testdata/ again: the same bytes
	$(GO) test ./gateway/issuer -run Testdata -update

cuts: ## the journal under power cuts; needs root
	$(GO) test ./gateway/journal -run PowerCut -v -timeout 30m

soak: build ## five minutes at 50 scans a second
	./build/passerelle simulate --rate 50 --for 5m

scenarios: build ## a boarding, a stadium hour and a checkpoint, whole: each code has one verdict that is right
	./build/passerelle simulate all --state build

image: ## the appliance for arm64: build/image/vmlinuz, initramfs.img, passerelle.img
	@mkdir -p build
	$(GO) run ./firmware/image

e2e: image ## boots it on an emulated board, ROUNDS times, and runs the scenarios with virtual devices
	$(GO) run ./firmware/e2e -rounds $(ROUNDS)

tools:
	@.ci/install

clean:
	rm -rf build
