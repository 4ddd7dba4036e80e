#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_layouts.sh dwarf VMLINUX | core CORE KERNEL: builds layouts.c against the objects in $KVM_BUILD and runs
# check_layouts.lua with it.
set -eu
here=$(dirname "$0")
build=${KVM_BUILD:-build}
libs() { # those that are there: one may have been left out of the build
  for lib in libelf libdw libdeflate zlib lzo2 snappy libzstd liblzma liblz4; do
    ! pkg-config --exists "$lib" || pkg-config --cflags --libs "$lib"
  done
}
# shellcheck disable=SC2046,SC2086 # flags are words
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -I"$here/../../csrc" -I"$here/../../csrc/include" "$here/layouts.c" "$build/obj/all.a" \
    $(libs) -lbz2 -o "$build/layouts.$$"
mv "$build/layouts.$$" "$build/layouts" # another check may be running the old one
exec "${KVM_LUA:-lua5.4}" "$here/check_layouts.lua" "$build/layouts" "$@"
