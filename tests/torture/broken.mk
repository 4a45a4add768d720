# SPDX-License-Identifier: MIT
#
# Programs that are broken on purpose, which tests/torture must catch. Each is
# the real one and one more file, tests/torture/broken/NAME.c, that takes the
# place of the functions its line "wrap:" names.
#
# make broken     all of them, $(BUILD)/broken/NAME/hookdir{.fcgi,,-net}

BROKEN = $(patsubst tests/torture/broken/%.c,$(BUILD)/broken/%,\
	$(wildcard tests/torture/broken/*.c))
WRAPPED = $(addprefix -Wl$(comma)--wrap=,$(shell \
	sed -n 's|^ \* wrap: ||p' $<))
comma = ,

.PHONY: broken
broken: $(addsuffix /hookdir.fcgi,$(BROKEN)) $(addsuffix /hookdir,$(BROKEN)) \
	$(addsuffix /hookdir-net,$(BROKEN))

$(BUILD)/broken/%/hookdir.fcgi: tests/torture/broken/%.c $(HANDLER_OBJECTS) \
		$(BUILD)/libhookdir.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) $(WRAPPED) -o $@ $^ $(LIBS)

$(BUILD)/broken/%/hookdir: tests/torture/broken/%.c $(TOOL_OBJECTS) \
		$(BUILD)/libhookdir.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) $(WRAPPED) -o $@ $^ $(TOOL_LIBS)

$(BUILD)/broken/%/hookdir-net: tests/torture/broken/%.c $(NET_OBJECTS) \
		$(BUILD)/libtools.a $(BUILD)/libhookdir.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) $(WRAPPED) -o $@ $^ $(NET_LIBS)
