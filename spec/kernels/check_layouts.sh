#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_layouts.sh dwarf VMLINUX [BTF] | btf FILE: builds layouts.c against the objects in $KVM_BUILD and runs
# check_layouts.lua with it.
set -eu
here=$(dirname "$0")
build=${KVM_BUILD:-build}
# shellcheck disable=SC2046,SC2086 # flags are words
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -I"$here/../../csrc" "$here/layouts.c" "$build/obj/all.a" \
    $(pkg-config --cflags --libs libelf $(pkg-config --exists libdw && echo libdw)) -o "$build/layouts"
exec "${KVM_LUA:-lua5.4}" "$here/check_layouts.lua" "$build/layouts" "$@"
