# make run: build Postern and start it on the embedded default, in ./data.
# make test: everything that has to pass, against the real Postfix and Dovecot.

CARGO ?= cargo
export POSTERN__DATA ?= $(CURDIR)/data
TARGET := $(or $(CARGO_TARGET_DIR),./target)
BIN := $(TARGET)/debug
CONFIG := $(or $(POSTERN_CONFIG),postern.toml)

.PHONY: run build dist demo test test-all without-features lint deny screenshots fuzz bench timings crash packages cmdlets transcripts clean

run: build $(CONFIG)
	@echo
	@echo "Next step: put these lines into Postfix's main.cf and run 'postfix reload'."
	@echo "----------------------------------------------------------------------"
	@$(BIN)/postern --config $(CONFIG) wiring postfix
	@echo "----------------------------------------------------------------------"
	@echo "Then, in a second terminal here:"
	@echo "  POSTERN__DATA=$(POSTERN__DATA) $(BIN)/postern --config $(CONFIG) doctor"
	@echo
	@exec $(BIN)/postern --config $(CONFIG) serve

# A simulated organization, one account taken over; needs no mail server.
demo: build
	@$(BIN)/postern demo

# The file to start from, unless there is one.
postern.toml:
	cp packaging/postern.toml postern.toml

# Quick to build. What is installed is built by `make dist`.
build:
	$(CARGO) build -p postern

# The program as it is installed and measured: target/dist/postern.
dist:
	$(CARGO) build --profile dist -p postern

# Scenarios wait for servers more than they compute: twice as many side by side as there are cores.
export RUST_TEST_THREADS ?= $(shell expr 2 \* $$(nproc))

# What a person waits for is timed with nothing beside it.
TIMED := cmdlets::powershell::pipelines

test: packages
	env -u POSTERN__DATA $(CARGO) test --workspace --no-fail-fast -- --skip $(TIMED)
	env -u POSTERN__DATA $(CARGO) test --workspace --test scenarios $(TIMED)

# The long round: the tests with a thousand rounds of the kill -9 loop, a hundred thousand of the model of two nodes, and the
# API tried by many more requests, the program without its optional parts, and the dependencies.
test-all: export POSTERN_CRASH_ROUNDS = 1000
test-all: export POSTERN_API_EXAMPLES = 200
test-all: export POSTERN_MODEL_ROUNDS = 100000
test-all: test without-features deny

# The program without MySQL, LDAP, passkeys and single sign-on: lints and unit tests.
without-features:
	$(CARGO) clippy -p postern --no-default-features -- -D warnings
	env -u POSTERN__DATA $(CARGO) test -p postern -p postern-config -p postern-portal -p postern-services \
	    --no-default-features --lib --bins

# Debian packages that the scenarios start their own instances of.
packages:
	@packaging/test-packages

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

# Licences, sources, twin generations of crates, known vulnerabilities.
deny:
	@packaging/deny

# The PowerShell functions and the docs page, from integrations/cmdlets.toml.
cmdlets:
	POSTERN_WRITE_CMDLETS=1 $(CARGO) test -p postern-cmdlets --lib module_and_docs

# The transcripts in docs/exchange.md, from a real PowerShell.
transcripts: packages
	env -u POSTERN__DATA POSTERN_WRITE_TRANSCRIPTS=1 $(CARGO) test -p postern --test scenarios transcripts_of_the_docs

# Pictures of every page at 1440 and 390 pixels, light and dark: target/screenshots.
screenshots: packages
	env -u POSTERN__DATA POSTERN_SCREENSHOTS=$(CURDIR)/target/screenshots \
	    $(CARGO) test -p postern --test scenarios -- access portal

bench:
	$(CARGO) build --profile dist -p postern -p postern-bench
	env -u POSTERN__DATA $(TARGET)/dist/postern-bench --postern $(TARGET)/dist/postern

# What a build takes, crate by crate: target/cargo-timings/cargo-timing.html.
timings:
	$(CARGO) build --timings -p postern

# Thousands of rounds of the kill -9 loop, as it is installed.
crash:
	env -u POSTERN__DATA POSTERN_CRASH_ROUNDS=5000 $(CARGO) test --profile dist -p postern --test scenarios crash

# Takes cargo-fuzz and a nightly toolchain.
fuzz:
	mkdir -p fuzz/target/corpus/policy_request fuzz/target/corpus/maillog
	$(CARGO) +nightly fuzz run policy_request fuzz/target/corpus/policy_request fuzz/corpus/policy_request -- -max_total_time=60
	$(CARGO) +nightly fuzz run maillog fuzz/target/corpus/maillog fuzz/corpus/maillog -- -max_total_time=60

clean:
	$(CARGO) clean
