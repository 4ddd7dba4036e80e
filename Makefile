# SPDX-License-Identifier: BSD-2-Clause
# lua-kvm: libkvm (C), kvm.core (its Lua module) and luakvm (the command). GNU make.
#
#   make            all libraries and the command, in build/
#   make demo       install what is missing, build, analyse the dump in examples/
#   make test       install what is missing, build, run every test that needs no kernel to boot
#   make install    into $(DESTDIR)$(PREFIX)
#
# Honoured: CC CFLAGS CPPFLAGS LDFLAGS AR PREFIX DESTDIR LUA LUA_INCDIR LIBFLAG and the directories
# below; B=DIR builds elsewhere; WERROR=1 makes warnings errors; V=1 shows commands; NO_DEPS=1 keeps
# demo and test from looking for packages. WITH_LIBDEFLATE=0 (then zlib inflates), WITH_LZO=0,
# WITH_SNAPPY=0, WITH_ZSTD=0, WITH_LZMA=0, WITH_BZ2=0, WITH_LZ4=0, WITH_DW=0 leave a library out.

VERSION := 0.1.0
SOVERSION := 0

CC ?= cc
AR ?= ar
OBJCOPY ?= objcopy
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
LIBFLAG ?= -shared
LUA ?= lua5.4
LUA_INCDIR ?=
BUSTED ?= busted

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
LUADIR ?= $(PREFIX)/share/lua/5.4
LUACDIR ?= $(PREFIX)/lib/lua/5.4
# Where luakvm finds the modules: luarocks moves them after it has installed them.
RUN_LUADIR ?= $(LUADIR)
RUN_LUACDIR ?= $(LUACDIR)
INSTALL ?= install

B ?= build

# --- Debian packages, by purpose
DEPS_BUILD := gcc libc6-dev binutils make pkg-config lua5.4 liblua5.4-dev libdeflate-dev zlib1g-dev \
    liblzo2-dev libsnappy-dev libzstd-dev liblzma-dev libbz2-dev liblz4-dev libelf-dev libdw-dev libcapstone-dev libreadline-dev
DEPS_RUN := lua5.4 lua-argparse lua-cjson lua-lpeg
# g++: the static link of spec/packaging (snappy); python3: a file server for debuginfod; the packers: files to unpack
DEPS_TEST := lua-busted luarocks g++ libdebuginfod1 python3 gzip bzip2 xz-utils zstd lz4 chromium \
    tmux less python3-jsonschema
DEPS_LINT := clang-format clang-tidy cppcheck lua-check shellcheck mandoc
DEPS_FUZZ := clang
# the cross compilers: layouts on a 32-bit and a big-endian machine (spec/cdef_structs_spec.lua can do without)
DEPS_KERNELS := qemu-system-x86 busybox-static kexec-tools makedumpfile cpio xz-utils pahole gdb python3-drgn \
    elfutils binutils python3 gcc-i686-linux-gnu gcc-powerpc64-linux-gnu
DEPS_BENCH := python3-drgn makedumpfile crash libkdumpfile-dev
DEPS_ALL := $(sort $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST) $(DEPS_LINT) $(DEPS_FUZZ) \
    $(DEPS_KERNELS) $(DEPS_BENCH))

# --- libraries that can be left out
WITH_LIBDEFLATE ?= 1
WITH_LZO ?= 1
WITH_SNAPPY ?= 1
WITH_ZSTD ?= 1
WITH_LZMA ?= 1
WITH_BZ2 ?= 1
WITH_LZ4 ?= 1
WITH_DW ?= 1
WITH_CAPSTONE ?= 1
WITH_READLINE ?= 1
on = $(if $(filter-out 0 no off,$($1)),1)
PC_CODECS := $(if $(call on,WITH_LIBDEFLATE),libdeflate) zlib $(if $(call on,WITH_LZO),lzo2) \
    $(if $(call on,WITH_SNAPPY),snappy) $(if $(call on,WITH_ZSTD),libzstd) \
    $(if $(call on,WITH_LZMA),liblzma) $(if $(call on,WITH_LZ4),liblz4)
PC_LIBS := $(strip $(PC_CODECS) libelf $(if $(call on,WITH_DW),libdw))
# Modules of their own, kvm.capstone and kvm.readline: a folder of csrc/ and a library of the same name, which libkvm and
# kvm.core know nothing of.
MODULES := $(if $(call on,WITH_CAPSTONE),capstone) $(if $(call on,WITH_READLINE),readline)
HAVE := $(if $(call on,WITH_LIBDEFLATE),-DHAVE_LIBDEFLATE=1) \
    $(if $(call on,WITH_LZO),-DHAVE_LZO=1) $(if $(call on,WITH_SNAPPY),-DHAVE_SNAPPY=1) \
    $(if $(call on,WITH_ZSTD),-DHAVE_ZSTD=1) $(if $(call on,WITH_LZMA),-DHAVE_LZMA=1) \
    $(if $(call on,WITH_BZ2),-DHAVE_BZ2=1) $(if $(call on,WITH_LZ4),-DHAVE_LZ4=1) \
    $(if $(call on,WITH_DW),-DHAVE_LIBDW=1)
# bzip2 has a .pc in some distributions only.
BZ2_LIBS := $(if $(call on,WITH_BZ2),-lbz2)
# For a static link of libkvm: snappy's own .pc does not name the C++ runtime, which must follow it.
PC_REQUIRES := $(filter-out snappy,$(PC_LIBS))
PC_PRIVATE_LIBS := $(if $(call on,WITH_SNAPPY),-lsnappy -lstdc++) $(BZ2_LIBS)

# Goals that compile nothing here must work before the packages are installed.
NO_BUILD_GOALS := deps deps-% clean demo test test-kernels lint asan fuzz mutate bench uninstall help
ifneq ($(or $(if $(MAKECMDGOALS),,all),$(filter-out $(NO_BUILD_GOALS),$(MAKECMDGOALS))),)
MISSING_PC := $(strip $(foreach p,$(PC_LIBS) $(MODULES),$(shell $(PKG_CONFIG) --exists $p || echo $p)))
ifneq ($(MISSING_PC),)
$(error pkg-config does not find: $(MISSING_PC). "make deps" installs them on Debian; \
WITH_LIBDEFLATE=0, WITH_LZO=0, WITH_SNAPPY=0, WITH_ZSTD=0, WITH_LZMA=0, \
WITH_BZ2=0, WITH_LZ4=0, WITH_DW=0, WITH_CAPSTONE=0, WITH_READLINE=0 leave one out)
endif
PC_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PC_LIBS) $(MODULES))
PC_LDLIBS := $(shell $(PKG_CONFIG) --libs $(PC_LIBS)) $(BZ2_LIBS)
LUA_CFLAGS := $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(shell for p in lua5.4 lua-5.4 lua54 lua; do \
    $(PKG_CONFIG) --cflags $$p 2>/dev/null && break; done))
endif

# --- flags
WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes \
    $(if $(call on,WERROR),-Werror)
comma := ,
SAN_FLAGS := $(if $(call on,SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined \
    -fno-omit-frame-pointer)
KVM_CPPFLAGS := -D_GNU_SOURCE -DKVM_VERSION='"$(VERSION)"' $(HAVE) -Icsrc -Icsrc/include
KVM_CFLAGS = -std=c11 -fPIC -fvisibility=hidden $(WARN) $(WARN_LAYER) $(PC_CFLAGS) $(SAN_FLAGS)
COMPILE = $(CC) $(KVM_CPPFLAGS) $(CPPFLAGS) $(CFLAGS) $(KVM_CFLAGS) $(KVM_CFLAGS_LAYER) -MMD -MP
LINK_FLAGS := -Wl,--as-needed $(SAN_FLAGS)
Q := $(if $(call on,V),,@)
say = $(if $(call on,V)$(call on,QUIET),,@printf '  %-5s %s\n' $1 $2)

# --- sources: what lies in csrc/ is built, there is no list
SRC := $(sort $(wildcard csrc/*/*.c csrc/os/*/*.c))
LIB_SRC := $(filter-out csrc/bind/% csrc/capstone/% csrc/readline/%,$(SRC))
BIND_SRC := $(filter csrc/bind/%,$(SRC))
MODULE_SRC := $(filter $(MODULES:%=csrc/%/%),$(SRC))
TEST_SRC := $(sort $(wildcard spec/csrc/test_*.c))
TEST_HELP_SRC := $(filter-out $(TEST_SRC),$(wildcard spec/csrc/*.c))
LIB_OBJ := $(LIB_SRC:csrc/%.c=$(B)/obj/%.o)
BIND_OBJ := $(BIND_SRC:csrc/%.c=$(B)/obj/%.o)
MODULE_OBJ := $(MODULE_SRC:csrc/%.c=$(B)/obj/%.o)
TEST_OBJ := $(TEST_SRC:spec/csrc/%.c=$(B)/obj/spec/%.o)
TEST_HELP_OBJ := $(TEST_HELP_SRC:spec/csrc/%.c=$(B)/obj/spec/%.o)
TESTS := $(TEST_SRC:spec/csrc/test_%.c=$(B)/test/%)
# Each fuzz target once more, without a fuzzer, for its seeds and what crashed it once.
FUZZ_NAMES := $(patsubst spec/fuzz/fuzz_%.c,%,$(sort $(wildcard spec/fuzz/fuzz_*.c)))
REPLAYS := $(FUZZ_NAMES:%=$(B)/replay/%)
SO := libkvm.so.$(SOVERSION)
LUA_SO := core.so $(MODULES:%=%.so)

.PHONY: all rock objects lib tests tests-objects print-flags deps deps-run demo test test-c test-lua test-kernels lint asan fuzz \
    mutate bench install uninstall clean force
.DELETE_ON_ERROR:
.SECONDARY:

all: lib rock
rock: $(LUA_SO:%=$(B)/kvm/%) $(B)/bin/luakvm
lib: $(B)/libkvm.a $(B)/$(SO) $(B)/libkvm.so
objects: $(LIB_OBJ) $(BIND_OBJ) $(MODULE_OBJ)
tests-objects: $(TEST_OBJ) $(TEST_HELP_OBJ)
print-flags:
	@echo -std=c11 $(KVM_CPPFLAGS) $(PC_CFLAGS) $(LUA_CFLAGS) -Ispec/csrc
tests: $(TESTS) $(REPLAYS)

# --- compile
$(B)/obj/base/%.o $(B)/obj/fmt/%.o: private WARN_LAYER := -Wconversion
$(B)/obj/bind/%.o $(MODULE_OBJ): private KVM_CFLAGS_LAYER = $(LUA_CFLAGS)
$(B)/obj/spec/%.o: private KVM_CFLAGS_LAYER := -Ispec/csrc

$(B)/obj/spec/%.o: spec/csrc/%.c $(B)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(COMPILE) -c $< -o $@
$(B)/obj/%.o: csrc/%.c $(B)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(COMPILE) -c $< -o $@

# Compiler and flags of the last build; other ones compile everything anew.
$(B)/flags: force
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(COMPILE) $(LUA_CFLAGS) $(LDFLAGS))' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

-include $(wildcard $(LIB_OBJ:.o=.d) $(BIND_OBJ:.o=.d) $(MODULE_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(TEST_HELP_OBJ:.o=.d))

# --- link
# Every object with its internal names, for core.so and the unit tests; made anew, so that an object
# whose source is gone does not stay in it.
$(B)/obj/all.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@.new && $(AR) rcs $@.new $^
	$(Q)mv $@.new $@

# The installed archive is one object in which only kvm_* is global, so that a program may have an
# err_set or file_open of its own.
$(B)/libkvm.a: $(B)/obj/all.a
	$(call say,AR,$@)
	$(Q)$(CC) $(CFLAGS) -r -nostdlib -Wl,--whole-archive $< -Wl,--no-whole-archive -o $(B)/obj/libkvm.o
	$(Q)$(OBJCOPY) --localize-hidden $(B)/obj/libkvm.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/obj/libkvm.o

$(B)/$(SO): $(B)/obj/all.a csrc/libkvm.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(LINK_FLAGS) -shared -Wl,-soname,$(SO) \
	    -Wl,--version-script=csrc/libkvm.map $(if $(SAN_FLAGS),,-Wl,-z,defs) \
	    -Wl,--whole-archive $< -Wl,--no-whole-archive $(PC_LDLIBS) -o $@
$(B)/libkvm.so: $(B)/$(SO)
	$(Q)ln -sf $(SO) $@

$(B)/kvm/core.so: $(BIND_OBJ) $(B)/obj/all.a csrc/bind/core.map
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) $(LINK_FLAGS) $(LIBFLAG) \
	    -Wl,--version-script=csrc/bind/core.map \
	    $(BIND_OBJ) $(B)/obj/all.a $(PC_LDLIBS) -o $@

define module_rule
$(B)/kvm/$1.so: $(filter $(B)/obj/$1/%,$(MODULE_OBJ)) csrc/$1/$1.map
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D) && $$(CC) $$(CFLAGS) $$(LDFLAGS) $$(LINK_FLAGS) $$(LIBFLAG) \
	    -Wl,--version-script=csrc/$1/$1.map $$(filter %.o,$$^) $$(shell $$(PKG_CONFIG) --libs $1) -o $$@
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$m)))

$(B)/test/%: $(B)/obj/spec/test_%.o $(TEST_HELP_OBJ) $(B)/obj/all.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) $(SAN_FLAGS) $(filter %.o,$^) $(B)/obj/all.a \
	    $(PC_LDLIBS) -o $@

$(B)/replay/%: spec/fuzz/fuzz_%.c spec/fuzz/replay.c $(wildcard spec/fuzz/*.h) $(B)/obj/all.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(COMPILE) -MF $@.d -Ispec/fuzz $(filter %.c,$^) $(B)/obj/all.a $(PC_LDLIBS) -o $@

# The launcher: the script of the CLI behind lines that tell Lua where the modules lie: beside the
# script (so that an installed tree can be moved), else where they were built for.
LAUNCHER := lua/kvm/cli/luakvm.lua
# 1: from bin/ to the Lua files, 2: from bin/ to the C module, 3 and 4: both as absolute paths
launcher = { printf '%s\n' '\#!$(shell command -v $(LUA))' \
    'local function dirs(lua, c)' \
    '  package.path = lua .. "/?.lua;" .. lua .. "/?/init.lua;" .. package.path' \
    '  package.cpath = c .. "/?.so;" .. package.cpath' 'end' \
    'dirs("$3", "$4")' \
    'local bin = arg[0]:match("^(.*)/[^/]*$$") or "."' \
    'dirs(bin .. "/$1", bin .. "/$2")'; sed '1{/^\#!/d;}' $(LAUNCHER); }

$(B)/bin/luakvm: $(LAUNCHER) $(B)/flags
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call launcher,../../lua,..,$(CURDIR)/lua,$(abspath $(B))) >$@ && chmod 755 $@

# --- packages
need = @NO_DEPS='$(NO_DEPS)' .ci/deps
MAKE_SELF = @$(MAKE) --no-print-directory

deps:
	$(need) $(DEPS_ALL)
# One purpose: deps-build, deps-run, deps-test, deps-lint, deps-fuzz, deps-kernels, deps-bench.
deps-%:
	$(need) $(DEPS_$(shell echo $* | tr a-z A-Z))

# --- run
demo:
	$(need) $(sort $(DEPS_BUILD) $(DEPS_RUN))
	$(MAKE_SELF) all
	$(B)/bin/luakvm triage examples/panic.kdump

# The specs that boot kernels are run by test-kernels, those that build and install by test alone.
SPECS := $(sort $(shell find spec -name '*_spec.lua' ! -path 'spec/kernels/*' 2>/dev/null))
SHELL_TESTS := $(sort $(wildcard spec/*/test_*.sh))
RUN_BUSTED = $(BUSTED) --lua=$(shell command -v $(LUA)) -o TAP
list_c = $(foreach t,$(TESTS),csrc/$(notdir $t) $t\n)
list_replay = $(foreach n,$(FUZZ_NAMES),fuzz/$n $(B)/replay/$n $(B)/seeds/fuzz_$n.corpus spec/fuzz/regress/$n\n)
list_lua = $(foreach t,$(SPECS),$t $(PRELOAD) $(RUN_BUSTED) $(BUSTED_FLAGS) $t\n)
list_sh = $(foreach t,$(SHELL_TESTS),$t $t\n)
TEST_CC = $(CC)
TEST_ENV = KVM_BUILD=$(B) KVM_LUA=$(LUA) CC='$(TEST_CC)' MAKE='$(MAKE)'

test:
	$(need) $(sort $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST))
	$(MAKE_SELF) all tests
	$(MAKE_SELF) run-tests

.PHONY: run-tests run-asan seeds
run-tests run-asan: seeds
seeds:
	@rm -rf $(B)/seeds && $(LUA) spec/fuzz/seeds.lua $(B)/seeds
run-tests:
	@printf "$(subst ",\",$(list_sh)$(list_c)$(list_replay)$(list_lua))" | $(TEST_ENV) spec/tap.sh $(B)/tap

test-kernels:
	$(need) $(sort $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST) $(DEPS_KERNELS))
	$(MAKE_SELF) all
	@$(TEST_ENV) spec/kernels/run.sh

lint:
	$(need) $(sort $(DEPS_BUILD) $(DEPS_LINT))
	$(MAKE_SELF) all
	@$(TEST_ENV) spec/lint/run.sh

# --- sanitizers: a build of their own
ASAN_B := build/asan
asan:
	$(need) $(sort $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST))
	$(MAKE_SELF) B=$(ASAN_B) SAN=1 CFLAGS='-O1 -g' all tests
	$(MAKE_SELF) B=$(ASAN_B) SAN=1 CFLAGS='-O1 -g' run-asan

run-asan: export ASAN_OPTIONS ?= abort_on_error=0:detect_stack_use_after_return=1
run-asan: export UBSAN_OPTIONS ?= print_stacktrace=1
run-asan: PRELOAD = LD_PRELOAD=$(shell $(CC) -print-file-name=libasan.so)
run-asan: BUSTED_FLAGS = --exclude-tags=slow
# a compiler that a spec starts must not be looked at: compilers leak
run-asan: TEST_CC = env -u LD_PRELOAD $(CC)
run-asan:
	@printf "$(subst ",\",$(list_c)$(list_replay)$(list_lua))" | $(TEST_ENV) spec/tap.sh $(B)/tap

# --- fuzzing: each target FUZZ_SECONDS long; spec/fuzz/seeds.lua makes the first inputs
FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang
FUZZ_B := build/fuzz
FUZZ_CFLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
FUZZERS := $(patsubst spec/fuzz/fuzz_%.c,$(FUZZ_B)/fuzz_%,$(sort $(wildcard spec/fuzz/fuzz_*.c)))
fuzz:
	$(need) $(sort $(DEPS_BUILD) $(DEPS_FUZZ))
	$(MAKE_SELF) B=$(FUZZ_B) CC=$(FUZZ_CC) CFLAGS='$(FUZZ_CFLAGS)' $(FUZZERS)
	@$(LUA) spec/fuzz/seeds.lua $(FUZZ_B)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) spec/fuzz/run.sh $(FUZZERS)
$(FUZZ_B)/fuzz_%: spec/fuzz/fuzz_%.c $(wildcard spec/fuzz/*.h) $(B)/obj/all.a
	$(call say,LD,$@)
	$(Q)$(COMPILE) -fsanitize=fuzzer -Ispec/fuzz $< $(B)/obj/all.a $(PC_LDLIBS) -o $@

# --- real dumps, damaged in MUTANTS ways, through luakvm under sanitizers
MUTANTS ?= 2000
MUTATE_SEED ?= 1
mutate:
	$(need) $(sort $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST))
	$(MAKE_SELF) all
	$(MAKE_SELF) B=$(ASAN_B) SAN=1 CFLAGS='-O1 -g' rock
	@KVM_BUILD=$(ASAN_B) KVM_LUA=$(LUA) spec/mutate/run.sh $(MUTANTS) $(MUTATE_SEED)

bench:
	$(need) $(sort $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_KERNELS) $(DEPS_BENCH))
	$(MAKE_SELF) all $(addprefix $(B)/bench/,measure btf_index pages open random)
	@[ -n "$$KVM_DUMPS" ] || spec/kernels/dump.sh k61 debug61
	@$(TEST_ENV) $(LUA) spec/bench/run.lua
$(B)/bench/measure: spec/bench/measure.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) -O2 -Wall -Wextra -D_GNU_SOURCE $< -o $@
$(B)/bench/btf_index $(B)/bench/open: $(B)/bench/%: spec/bench/%.c $(B)/obj/all.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(COMPILE) $< $(B)/obj/all.a $(PC_LDLIBS) -o $@

$(B)/bench/pages $(B)/bench/random: $(B)/bench/%: spec/bench/%.c $(B)/obj/all.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(COMPILE) $< $(B)/obj/all.a $(PC_LDLIBS) -lkdumpfile -o $@

# --- install
LUA_FILES := $(shell cd lua && find kvm -name '*.lua' ! -path '$(LAUNCHER:lua/%=%)' 2>/dev/null | sort)
MAN1 := $(wildcard lua/man/*.1)
MAN3 := $(wildcard csrc/man/*.3)
D = $(DESTDIR)
INSTALLED = $(addprefix $(D)$(LUADIR)/,$(LUA_FILES)) $(LUA_SO:%=$(D)$(LUACDIR)/kvm/%) $(D)$(BINDIR)/luakvm \
    $(addprefix $(D)$(LIBDIR)/,$(SO) libkvm.so libkvm.a) $(D)$(INCLUDEDIR)/kvm.h \
    $(D)$(PKGCONFIGDIR)/libkvm.pc $(addprefix $(D)$(MANDIR)/man1/,$(notdir $(MAN1))) \
    $(addprefix $(D)$(MANDIR)/man3/,$(notdir $(MAN3)))

# install-lua is the part that a rock has: the modules in Lua and in C and the command.
.PHONY: install-c install-lua
install: install-c install-lua
install-c: lib
	$(INSTALL) -d $(D)$(LIBDIR) $(D)$(INCLUDEDIR) $(D)$(PKGCONFIGDIR) $(D)$(MANDIR)/man3
	$(INSTALL) -m 755 $(B)/$(SO) $(D)$(LIBDIR)/$(SO)
	ln -sf $(SO) $(D)$(LIBDIR)/libkvm.so
	$(INSTALL) -m 644 $(B)/libkvm.a $(D)$(LIBDIR)/libkvm.a
	$(INSTALL) -m 644 csrc/include/kvm.h $(D)$(INCLUDEDIR)/kvm.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@REQUIRES@|$(PC_REQUIRES)|' -e 's|@LIBS@|$(PC_PRIVATE_LIBS)|' \
	    csrc/libkvm.pc.in >$(B)/libkvm.pc
	$(INSTALL) -m 644 $(B)/libkvm.pc $(D)$(PKGCONFIGDIR)/libkvm.pc
	$(if $(MAN3),$(INSTALL) -m 644 $(MAN3) $(D)$(MANDIR)/man3)
install-lua: $(LUA_SO:%=$(B)/kvm/%) $(B)/bin/luakvm
	$(INSTALL) -d $(D)$(LUACDIR)/kvm $(D)$(BINDIR) $(D)$(MANDIR)/man1
	set -e; for f in $(LUA_FILES); do \
	    $(INSTALL) -d $$(dirname $(D)$(LUADIR)/$$f); $(INSTALL) -m 644 lua/$$f $(D)$(LUADIR)/$$f; done
	$(INSTALL) -m 755 $(LUA_SO:%=$(B)/kvm/%) $(D)$(LUACDIR)/kvm
	$(call launcher,$(call from_bin,$(RUN_LUADIR)),$(call from_bin,$(RUN_LUACDIR)),$(RUN_LUADIR),$(RUN_LUACDIR)) >$(B)/luakvm.installed
	$(INSTALL) -m 755 $(B)/luakvm.installed $(D)$(BINDIR)/luakvm
	$(if $(MAN1),$(INSTALL) -m 644 $(MAN1) $(D)$(MANDIR)/man1)
from_bin = $(shell realpath -m -s --relative-to='$(BINDIR)' '$1')

uninstall:
	rm -f $(INSTALLED)
	-find $(D)$(LUADIR)/kvm $(D)$(LUACDIR)/kvm -depth -type d -empty -delete 2>/dev/null

clean:
	rm -rf build $(B)
