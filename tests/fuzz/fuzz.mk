# SPDX-License-Identifier: MIT
#
# fuzz.mk - hostile input: targets for libFuzzer and AFL++, and their replay
#
#   $(BUILD)/fuzz/TARGET         libFuzzer, address and undefined sanitizers
#   $(BUILD)/fuzz/broken/T.S     the same with symbol S broken: a control
#   $(BUILD)/fuzz/afl            a CGI request for AFL++; afl-broken: control
#   $(BUILD)/tests/replay        every target over its corpus, any compiler
#   make fuzz                    all of them, for HOOKDIR_FUZZ_SECONDS each

FUZZ_CC = clang
FUZZ_TARGETS = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BROKEN = $(filter-out afl.%,$(patsubst tests/fuzz/broken/%.c,%,\
	$(wildcard tests/fuzz/broken/*.c)))
FUZZ_PACKAGES = $(BUILD_PACKAGES) clang libclang-rt-14-dev llvm-14 afl++ python3

FUZZ_SANITIZE = -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_FLAGS = $(STANDARD) $(WARNINGS) -O1 -g -DHOOKDIR_SANITIZED \
	$(FUZZ_SANITIZE) -fsanitize=fuzzer-no-link
FUZZ_LIBS = -lcurl -ljansson -lcrypto -pthread -lm

# Of the programs all but their main(), as archives: a target takes what it
# calls.
fuzz_objects = $(filter-out %/main.o,$(patsubst %.c,$(1)/%.o,\
	$(wildcard lib/*/*.c handler/*.c tools/*.c tools/*/*.c)))
# Answers come from the input and not from the network.
FUZZ_WRAP = -Wl,--wrap=fetch_http -Wl,--wrap=fetch_state_pace
fuzz_wrap_of = $(if $(filter fetch_answer,$(1)),$(FUZZ_WRAP))

.PHONY: fuzz fuzz-build
fuzz-build: $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%) \
	$(FUZZ_BROKEN:%=$(BUILD)/fuzz/broken/%) \
	$(BUILD)/fuzz/afl $(BUILD)/fuzz/afl-broken

fuzz:
	@tests/need $(FUZZ_PACKAGES)
	@$(MAKE) --no-print-directory fuzz-build
	@HOOKDIR_FUZZ=$(abspath $(BUILD)/fuzz) $(PYTHON) tests/torture/fuzz.py
	@HOOKDIR_FUZZ=$(abspath $(BUILD)/fuzz) $(PYTHON) tests/torture/afl.py

.PRECIOUS: $(BUILD)/fuzz/%.o
$(BUILD)/fuzz/%.o: %.c Makefile tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call say,CC)$(FUZZ_CC) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/libfuzz.a: $(call fuzz_objects,$(BUILD)/fuzz)
	$(call say,AR)rm -f $@ && $(AR) rcsD $@ $^

$(FUZZ_TARGETS:%=$(BUILD)/fuzz/%): $(BUILD)/fuzz/%: \
		$(BUILD)/fuzz/tests/fuzz/fuzz_%.o $(BUILD)/fuzz/libfuzz.a
	$(call say,LD)$(FUZZ_CC) $(FUZZ_SANITIZE) -fsanitize=fuzzer \
		$(call fuzz_wrap_of,$*) -o $@ $^ $(FUZZ_LIBS)

# TARGET.SYMBOL: the target with that symbol replaced by one that is wrong.
.SECONDEXPANSION:
$(FUZZ_BROKEN:%=$(BUILD)/fuzz/broken/%): $(BUILD)/fuzz/broken/%: \
		$(BUILD)/fuzz/tests/fuzz/broken/%.o \
		$(BUILD)/fuzz/tests/fuzz/fuzz_$$(basename $$*).o \
		$(BUILD)/fuzz/libfuzz.a
	@mkdir -p $(@D)
	$(call say,LD)$(FUZZ_CC) $(FUZZ_SANITIZE) -fsanitize=fuzzer \
		$(call fuzz_wrap_of,$(basename $*)) \
		-Wl,--wrap=$(patsubst .%,%,$(suffix $*)) -o $@ $^ $(FUZZ_LIBS)

# Each target's function under a name of its own, so that they fit into one
# program.
REPLAY_FLAGS = -DREPLAY_TARGETS='$(foreach target,$(FUZZ_TARGETS),T($(target)))'
REPLAY_OBJECTS = $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/fuzz_%.o)

$(REPLAY_OBJECTS): $(BUILD)/tests/fuzz/fuzz_%.o: tests/fuzz/fuzz_%.c Makefile \
		tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) \
		-DLLVMFuzzerTestOneInput=target_$* -MMD -MP -c -o $@ $<

$(BUILD)/tests/fuzz/replay.o: tests/fuzz/replay.c Makefile \
		tests/fuzz/fuzz.mk $(FUZZ_TARGETS:%=tests/fuzz/fuzz_%.c)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) \
		$(REPLAY_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/fuzz/libreplay.a: $(call fuzz_objects,$(BUILD))
	@mkdir -p $(@D)
	$(call say,AR)rm -f $@ && $(AR) rcsD $@ $^

$(BUILD)/tests/replay: $(BUILD)/tests/fuzz/replay.o $(REPLAY_OBJECTS) \
		$(BUILD)/tests/fuzz/libreplay.a
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) $(FUZZ_WRAP) -o $@ $^ \
		-lfcgi $(FUZZ_LIBS)

# AFL++ puts its own code where branches are; the compiler is clang's.
AFL_CC = afl-clang-fast
AFL_FLAGS = $(STANDARD) -w -O2 -g -DHOOKDIR_SANITIZED

$(BUILD)/fuzz/afl-obj/%.o: %.c Makefile tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call say,CC)AFL_QUIET=1 $(AFL_CC) $(AFL_FLAGS) \
		$(if $(filter handler/main.c,$<),-Dmain=handler_main) \
		-MMD -MP -c -o $@ $<

AFL_OBJECTS = $(patsubst %.c,$(BUILD)/fuzz/afl-obj/%.o,\
	$(wildcard lib/*/*.c handler/*.c) tests/fuzz/afl.c)

$(BUILD)/fuzz/afl: $(AFL_OBJECTS)
	$(call say,LD)AFL_QUIET=1 $(AFL_CC) -O2 -g -o $@ $^ $(LIBS)

# The same with one function that ends the program at a word: a control.
AFL_BROKEN = request_check_method

$(BUILD)/fuzz/afl-broken: $(AFL_OBJECTS) \
		$(BUILD)/fuzz/afl-obj/tests/fuzz/broken/afl.$(AFL_BROKEN).o
	$(call say,LD)AFL_QUIET=1 $(AFL_CC) -O2 -g -Wl,--wrap=$(AFL_BROKEN) \
		-o $@ $^ $(LIBS)

-include $(wildcard $(BUILD)/fuzz/*/*.d $(BUILD)/fuzz/*/*/*.d \
	$(BUILD)/fuzz/tests/fuzz/broken/*.d $(BUILD)/tests/fuzz/*.d \
	$(BUILD)/fuzz/afl-obj/*/*.d $(BUILD)/fuzz/afl-obj/*/*/*.d)
