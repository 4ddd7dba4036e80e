#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# build_module.sh SOURCE ROOT OUT: builds the module of the folder SOURCE in ROOT, a folder of packages.sh's builder, with the compiler
# and the headers there, and copies it to OUT. A namespace of its own has /dev and /proc there; that needs no root.
set -eu
source=$1 root=$2 out=$3
headers=$(find "$root/usr/lib/modules" -mindepth 1 -maxdepth 1 -printf '/usr/lib/modules/%f/build\n' | head -1)
work=$(mktemp -d "$root/tmp/lab.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$source/Makefile" "$source"/*.[ch] "$work/"
as_mounter=(unshare -rm)
[ "$(id -u)" != 0 ] || as_mounter=(unshare -m)
# shellcheck disable=SC2016 # the inner shell expands it
"${as_mounter[@]}" sh -c 'mount --rbind /dev "$1/dev"; mount --rbind /proc "$1/proc"
  PATH=/usr/sbin:$PATH exec chroot "$1" /usr/bin/env -i PATH=/usr/bin:/usr/sbin LC_ALL=C make -s -C "$2" "M=/tmp/$3" modules' \
  sh "$root" "$headers" "${work##*/}" >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}
strip --strip-debug -o "$out" "$work"/*.ko
