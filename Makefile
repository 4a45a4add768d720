# SPDX-License-Identifier: MIT
#
# make            build/hookdir.fcgi, build/hookdir and build/hookdir-net
# make demo       see it work: installs what is missing, sends a message
# make test       installs what is missing, runs every test
# make help       what else there is

VERSION = 0.1.0
PREFIX = /usr/local
DESTDIR =
BUILD = build
CC = gcc
PYTHON = /usr/bin/python3

# One place for what the code is written in and held to.
STANDARD = -std=c11 -D_GNU_SOURCE -DHOOKDIR_VERSION='"$(VERSION)"' \
	-DHOOKDIR_BINDIR='"$(PREFIX)/bin"' -Ilib -Ihandler -Itools
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wcast-qual -Wcast-align -Wundef -Wvla -Wformat=2 -Wwrite-strings \
	-Wpointer-arith -Wnull-dereference -Werror
HARDENING = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE \
	-fstack-clash-protection -fcf-protection
OPTIMIZE = -O2 -g
# The folder is not part of what is built: two builds are the same.
CFLAGS = $(OPTIMIZE) $(HARDENING) -ffile-prefix-map=$(CURDIR)=.
LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
LIBS = -lfcgi -ljansson -lcrypto -pthread
TOOL_LIBS = -ljansson -lcrypto -pthread
NET_LIBS = -lcurl $(TOOL_LIBS)

LIB_OBJECTS = $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/*/*.c))
HANDLER_OBJECTS = $(patsubst %.c,$(BUILD)/%.o,$(wildcard handler/*.c))
NET_OBJECTS = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tools/net/*.c))
TOOL_OBJECTS = $(filter-out $(NET_OBJECTS),\
	$(patsubst %.c,$(BUILD)/%.o,$(wildcard tools/*.c tools/*/*.c)))
UNIT_TESTS = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,\
	$(wildcard tests/unit/test_*.c))

# make V=1 shows the commands.
ifeq ($(V),)
say = @echo "  $(1)	$@";
endif

.PHONY: all
all: $(BUILD)/hookdir.fcgi $(BUILD)/hookdir $(BUILD)/hookdir-net

$(BUILD)/hookdir.fcgi: $(HANDLER_OBJECTS) $(BUILD)/libhookdir.a
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/hookdir: $(TOOL_OBJECTS) $(BUILD)/libhookdir.a
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(TOOL_LIBS)

# What it needs of the other command comes from an archive.
$(BUILD)/hookdir-net: $(NET_OBJECTS) $(BUILD)/libtools.a $(BUILD)/libhookdir.a
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(NET_LIBS)

$(BUILD)/libhookdir.a: $(LIB_OBJECTS)
	$(call say,AR)rm -f $@ && $(AR) rcsD $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The assembler puts these into it, which -MMD does not see.
$(BUILD)/tools/endpoint/samples.o: nginx/hookdir_params apache/unavailable.asis \
	$(foreach server,nginx apache,$(wildcard $(server)/hookdir.conf \
		$(server)/hookdir-tradecloud.conf $(server)/hookdir-nshift.conf))

$(BUILD)/libtools.a: $(filter-out %/main.o,$(TOOL_OBJECTS))
	$(call say,AR)rm -f $@ && $(AR) rcsD $@ $^

$(BUILD)/libnet.a: $(filter-out %/main.o,$(NET_OBJECTS))
	$(call say,AR)rm -f $@ && $(AR) rcsD $@ $^

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libnet.a $(BUILD)/libhookdir.a
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< \
		$(BUILD)/libnet.a $(BUILD)/libhookdir.a -lcmocka $(LIBS) -lm


# What has to be installed, for each entry point.
BUILD_PACKAGES = gcc libc6-dev libfcgi-dev libjansson-dev libssl-dev \
	libcurl4-openssl-dev
DEMO_PACKAGES = $(BUILD_PACKAGES) openssl curl jq python3
TEST_PACKAGES = $(DEMO_PACKAGES) libcmocka-dev apache2-utils strace mandoc groff-base \
	git
# Clients and libraries of OAuth and JWT that other people wrote.
TEST_PACKAGES += python3-cryptography python3-jwt python3-requests-oauthlib \
	ruby ruby-jwt $(if $(shell command -v npm),,nodejs npm)
# What the samples for consumers are written in, and a systemd to boot.
TEST_PACKAGES += sqlite3 perl libdbd-sqlite3-perl bash-completion mmdebstrap e2fsprogs
LINT_PACKAGES = $(BUILD_PACKAGES) clang clang-format cppcheck mandoc \
	groff-base shellcheck python3
# What would start or enable something if it was installed is unpacked in
# build/packages: tests/need refuses to install it.
DEMO_UNPACK = $(if $(wildcard /usr/sbin/nginx /usr/sbin/apache2),,nginx)
TEST_UNPACK = nginx apache2 php-cli php-sqlite3 systemd-container \
	prometheus prometheus-node-exporter
TORTURE_UNPACK = $(TEST_UNPACK) apparmor linux-image-cloud-amd64
BENCH_UNPACK = nginx webhook php-fpm redis-server libnginx-mod-http-lua

# By themselves and before anything is built, which needs them.
.PHONY: need-demo need-test need-torture need-bench need-lint
need-demo:; @tests/need $(DEMO_PACKAGES) --unpack $(DEMO_UNPACK)
need-test:; @tests/need $(TEST_PACKAGES) --unpack $(TEST_UNPACK)
need-torture:; @tests/need $(TORTURE_PACKAGES) --unpack $(TORTURE_UNPACK)
need-bench:; @tests/need $(BENCH_PACKAGES) --unpack $(BENCH_UNPACK)
need-lint:; @tests/need $(LINT_PACKAGES)

.PHONY: demo
demo: need-demo
	@$(MAKE) --no-print-directory all
	@tests/demo

-include tests/fuzz/fuzz.mk
-include tests/torture/broken.mk

# The longest first, so that none of them is left to run alone; and three at a
# time on two processors, as they boot systems and wait for much of their time.
LONG_TESTS = $(patsubst %,tests/e2e/test_%.py,systemd consumers senders fetch \
	reconcile faults oauth rotation run) $(BUILD)/tests/test_faults
TESTS = tests/check-layers.sh tests/check-banned.sh tests/check-install.sh \
	$(UNIT_TESTS) $(BUILD)/tests/replay $(wildcard tests/e2e/test_*.py)

.PHONY: test
test: need-test
	@$(MAKE) --no-print-directory all $(UNIT_TESTS) $(BUILD)/tests/replay
	@HOOKDIR_FCGI=$(abspath $(BUILD)/hookdir.fcgi) \
		HOOKDIR_TOOL=$(abspath $(BUILD)/hookdir) \
		tests/run -j 3 $(LONG_TESTS) $(filter-out $(LONG_TESTS),$(TESTS))

# The same programs, with the compiler looking on. Build folders of their
# own; the handler may then be looked into, which the leak check needs.
SANITIZED = HARDENING=-DHOOKDIR_SANITIZED LDFLAGS=

.PHONY: test-asan test-tsan
test-asan:
	@$(MAKE) --no-print-directory test BUILD=build-asan $(SANITIZED) \
		OPTIMIZE='-O1 -g -fno-omit-frame-pointer \
		-fsanitize=address,undefined -fno-sanitize-recover=undefined'

test-tsan:
	@TSAN_OPTIONS=allocator_may_return_null=1 \
		$(MAKE) --no-print-directory test BUILD=build-tsan $(SANITIZED) \
		OPTIMIZE='-O1 -g -fsanitize=thread'

# The longer proofs, each with controls that it must catch. As root: disks
# are mounted and cut off, systems booted.
TORTURE = $(wildcard tests/torture/powercut.py \
	tests/torture/powercut_order.py tests/torture/guest.py \
	tests/torture/faults.py tests/torture/fuzz.py tests/torture/afl.py \
	tests/torture/fastcgi.py tests/torture/sandbox.py \
	tests/torture/secrets.py tests/torture/load.py \
	tests/torture/flood.py tests/torture/pipe.py \
	tests/torture/static.py \
	tests/torture/tls.py tests/torture/machine.py tests/torture/fetch.py \
	tests/torture/reconcile.py tests/torture/nfs.py \
	tests/torture/readme.py) \
	$(BUILD)/tests/torture/timing
TORTURE_PACKAGES = $(TEST_PACKAGES) $(FUZZ_PACKAGES) xfsprogs e2fsprogs \
	btrfs-progs qemu-system-x86 qemu-utils kmod nbdkit libnbd-bin fuse3 testssl.sh bsdextrautils dnsutils \
	clang-tidy clang-tools clang-format cppcheck shellcheck faketime \
	binutils
RESULTS = tests/RESULTS.md

$(BUILD)/tests/torture/timing: tests/torture/timing.c $(BUILD)/libhookdir.a
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) $(LDFLAGS) -o $@ $< \
		$(BUILD)/libhookdir.a $(LIBS) -lm

.PHONY: torture torture-long
torture: need-torture
	@$(MAKE) --no-print-directory all broken fuzz-build \
		$(BUILD)/tests/torture/timing
	@HOOKDIR_FCGI=$(abspath $(BUILD)/hookdir.fcgi) \
		HOOKDIR_TOOL=$(abspath $(BUILD)/hookdir) \
		HOOKDIR_FUZZ=$(abspath $(BUILD)/fuzz) \
		tests/run -j 2 --limit $(if $(HOOKDIR_LONG),36000,1800) \
		--progress 60 --results $(RESULTS) $(TORTURE)

torture-long:
	@HOOKDIR_LONG=1 HOOKDIR_COMMAND='make torture-long' \
		$(MAKE) --no-print-directory torture

# Side by side with what one would use instead. For short: two minutes.
BENCH_PACKAGES = $(DEMO_PACKAGES) wrk eatmydata gunicorn python3-jwt \
	e2fsprogs xfsprogs \
	$(if $(shell command -v npm),,nodejs npm)
BENCH_PROGRAMS = $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,\
	$(wildcard tests/bench/*.c))

$(BUILD)/tests/bench/%: tests/bench/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) $(LDFLAGS) -o $@ $< \
		-lfcgi -pthread

.PHONY: bench bench-short
bench bench-short: need-bench
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@HOOKDIR_BENCH=$(abspath $(BUILD)/tests/bench) $(PYTHON) \
		tests/bench/bench.py $(if $(filter %-short,$@),--short)

SOURCES = $(shell find lib handler tools tests -name '*.[ch]')
SCRIPTS = tests/need tests/lint-manuals tests/check-layers.sh \
	tests/check-banned.sh tests/check-install.sh tests/bench/peers/save.sh \
	nginx/hookdir-jwks.sh tools/hookdir/hookdir.bash tools/samples/book-order.sh \
	tools/samples/tradecloud-lines.sh tools/samples/pipe-orders.sh \
	debian/tests/shop \
	debian/tests/receive debian/tests/upgrade debian/tests/remove \
	debian/hookdir.postinst debian/hookdir.prerm debian/hookdir.postrm \
	.ci/run
MANUALS = $(wildcard docs/*.[1-8])

# Leaks are left to the address sanitizer: the analyzer of gcc 12 loses sight
# of what hangs in a list or an array.
.PHONY: lint
lint: need-lint
	clang-format --dry-run -Werror $(SOURCES)
	@$(MAKE) --no-print-directory all CC=clang BUILD=build-clang
	@$(MAKE) --no-print-directory all BUILD=build-analyzer \
		OPTIMIZE='-O2 -fanalyzer -Wno-analyzer-malloc-leak'
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem -Ilib -Ihandler -Itools \
		lib handler tools
	shellcheck --external-sources $(SCRIPTS)
	tests/lint-manuals $(MANUALS)
	$(PYTHON) -m compileall -q tests tests/demo tests/run
	tests/check-layers.sh >/dev/null
	tests/check-banned.sh >/dev/null

SBIN = $(DESTDIR)$(PREFIX)/sbin
BIN = $(DESTDIR)$(PREFIX)/bin
SHARE = $(DESTDIR)$(PREFIX)/share
MAN = $(SHARE)/man
BASH_COMPLETION = $(SHARE)/bash-completion/completions/hookdir
ZSH_FOLDER = $(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
ZSH_COMPLETION = $(SHARE)/zsh/$(ZSH_FOLDER)/_hookdir
FISH_COMPLETION = $(SHARE)/fish/vendor_completions.d/hookdir.fish
# The package has these elsewhere.
UNITDIR = $(PREFIX)/lib/systemd/system
DOCS = $(PREFIX)/share/doc/hookdir
SAMPLES = $(DOCS)
UNITS = $(DESTDIR)$(UNITDIR)
SAMPLES_HERE = $(DESTDIR)$(SAMPLES)
UNIT_FILES = hookdir.socket hookdir.service hookdir-run@.path \
	hookdir-run@.service

.PHONY: install
install: all
	install -d $(SBIN) $(BIN) $(MAN)/man1 $(MAN)/man5 $(MAN)/man7 $(MAN)/man8 $(UNITS) \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(DESTDIR)/etc/hookdir/run \
		$(DESTDIR)$(DOCS) \
		$(SAMPLES_HERE)/nginx/secrets $(SAMPLES_HERE)/apache/secrets \
		$(SAMPLES_HERE)/tools/samples
	install -m 0755 $(BUILD)/hookdir.fcgi $(SBIN)/
	install -m 0755 $(BUILD)/hookdir $(BUILD)/hookdir-net $(BIN)/
	install -D -m 0644 tools/hookdir/hookdir.bash $(BASH_COMPLETION)
	install -D -m 0644 tools/hookdir/hookdir.zsh $(ZSH_COMPLETION)
	install -D -m 0644 tools/hookdir/hookdir.fish $(FISH_COMPLETION)
	install -m 0644 docs/*.1 $(MAN)/man1/
	install -m 0644 docs/*.5 $(MAN)/man5/
	install -m 0644 docs/*.7 $(MAN)/man7/
	install -m 0644 docs/*.8 $(MAN)/man8/
	install -m 0644 $(wildcard $(addprefix handler/,$(UNIT_FILES)) \
		$(addprefix tools/run/,$(UNIT_FILES))) $(UNITS)/
	sed -i 's|@PREFIX@|$(PREFIX)|' $(UNITS)/hookdir.service \
		$(UNITS)/hookdir-run@.service
	install -m 0644 handler/hookdir.sysusers \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/hookdir.conf
	install -m 0644 handler/hookdir.tmpfiles \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/hookdir.conf
	install -m 0644 nginx/*.conf nginx/hookdir_params nginx/*.service \
		nginx/*.timer nginx/*.path $(SAMPLES_HERE)/nginx/
	install -m 0755 nginx/*.sh $(SAMPLES_HERE)/nginx/
	install -m 0644 nginx/secrets/* $(SAMPLES_HERE)/nginx/secrets/
	install -m 0644 apache/*.conf apache/*.asis apache/*.json \
		$(SAMPLES_HERE)/apache/
	install -m 0644 apache/secrets/* $(SAMPLES_HERE)/apache/secrets/
	install -m 0755 tools/samples/book-order.* tools/samples/pipe-orders.* \
		tools/samples/tradecloud-lines.sh $(SAMPLES_HERE)/tools/samples/
	install -m 0644 tools/samples/hookdir* $(SAMPLES_HERE)/tools/samples/
	install -m 0644 handler/hookdir.apparmor $(SAMPLES_HERE)/
	install -m 0644 README.md CHANGELOG.md SECURITY.md LICENSE \
		$(DESTDIR)$(DOCS)/

# Where Debian's nginx and Apache look for what a site may include: for the
# package. Neither server reads a file there unless it is told to.
SNIPPETS = $(DESTDIR)/etc/nginx/snippets
CONFS = $(DESTDIR)/etc/apache2/conf-available
.PHONY: install-snippets
install-snippets:
	install -d $(SNIPPETS) $(CONFS) $(SHARE)/hookdir
	install -m 0644 nginx/hookdir_params $(SNIPPETS)/
	sed 's|/etc/hookdir/hookdir_params|/etc/nginx/snippets/hookdir_params|' \
		nginx/hookdir.conf >$(SNIPPETS)/hookdir.conf
	sed 's|/etc/hookdir/unavailable.asis|/usr/share/hookdir/unavailable.asis|' \
		apache/hookdir.conf >$(CONFS)/hookdir.conf
	install -m 0644 apache/unavailable.asis $(SHARE)/hookdir/

.PHONY: uninstall
uninstall:
	rm -f $(SBIN)/hookdir.fcgi $(BIN)/hookdir $(BIN)/hookdir-net \
		$(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION) \
		$(foreach page,$(MANUALS:docs/%=%),\
			$(MAN)/man$(subst .,,$(suffix $(page)))/$(page)) \
		$(addprefix $(UNITS)/,$(UNIT_FILES)) \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/hookdir.conf \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/hookdir.conf
	rm -rf $(DESTDIR)$(DOCS) $(SAMPLES_HERE)

# The Debian packages, in build/deb: as root, in a Debian of their own.
.PHONY: deb
deb:
	@tests/need mmdebstrap
	@$(PYTHON) tests/e2e/package.py $(BUILD)/deb

.PHONY: clean
clean:
	rm -rf build build-*

.PHONY: help
help:
	@echo 'make              build hookdir.fcgi, hookdir and hookdir-net'
	@echo 'make demo         install what is missing, send a message, show it'
	@echo 'make test         install what is missing, run every test'
	@echo 'make test-asan    the same with address and undefined sanitizers'
	@echo 'make test-tsan    the same with the thread sanitizer'
	@echo 'make fuzz         hostile input, for a few minutes'
	@echo 'make torture      power cuts, faults, hostile input: as root'
	@echo 'make torture-long the same for hours'
	@echo 'make lint         formatting, second compiler, analyzers, manuals'
	@echo 'make bench        rate, latency, CPU and memory beside others; 20 minutes'
	@echo 'make bench-short  the same in two minutes, with less in it'
	@echo 'make install      DESTDIR= PREFIX=/usr/local'
	@echo 'make uninstall    the same'
	@echo 'make deb          Debian packages, in build/deb: as root'
	@echo 'make clean        remove all build folders'

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)
