# SPDX-License-Identifier: MIT
#
# make            build/hookdir.fcgi
# make demo       see it work: installs what is missing, sends a message
# make test       installs what is missing, runs every test
# make help       the rest

VERSION = 0.1.0
PREFIX = /usr/local
DESTDIR =
BUILD = build
CC = gcc
PYTHON = /usr/bin/python3

# One place for what the code is written in and held to.
STANDARD = -std=c11 -D_GNU_SOURCE -DHOOKDIR_VERSION='"$(VERSION)"' \
	-Ilib -Ihandler
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wcast-qual -Wcast-align -Wundef -Wvla -Wformat=2 -Wwrite-strings \
	-Wpointer-arith -Wnull-dereference -Werror
HARDENING = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE \
	-fstack-clash-protection -fcf-protection
OPTIMIZE = -O2 -g
CFLAGS = $(OPTIMIZE) $(HARDENING)
LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
LIBS = -lfcgi -ljansson -lcrypto -pthread

LIB_OBJECTS = $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/*.c))
HANDLER_OBJECTS = $(patsubst %.c,$(BUILD)/%.o,$(wildcard handler/*.c))
UNIT_TESTS = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,\
	$(wildcard tests/unit/test_*.c))

# make V=1 shows the commands.
ifeq ($(V),)
say = @echo "  $(1)	$@";
endif

.PHONY: all
all: $(BUILD)/hookdir.fcgi

$(BUILD)/hookdir.fcgi: $(HANDLER_OBJECTS) $(BUILD)/libhookdir.a
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libhookdir.a: $(LIB_OBJECTS)
	$(call say,AR)rm -f $@ && $(AR) rcsD $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libhookdir.a
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< \
		$(BUILD)/libhookdir.a -lcmocka $(LIBS) -lm

-include $(wildcard $(BUILD)/*/*.d)
