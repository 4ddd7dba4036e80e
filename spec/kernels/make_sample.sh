#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# make_sample.sh [OUT]: makes examples/panic.kdump, the sample that ships: the panic of a real Debian kernel (key k612 of
# dump.sh), cut down by luakvm slim to the pages that the commands and sample.lua read. No user memory is in it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../examples/panic.kdump}
dumps=${KVM_DUMPS:-${KVM_CACHE:-$HOME/.cache/lua-kvm}/kernels}
luakvm=${KVM_BUILD:-$here/../../build}/bin/luakvm

[ -e "$dumps/k612/vmcore" ] || "$here/dump.sh" k612
examples=()
for script in "$here"/../../examples/*.lua; do
  case $script in
  */environ.lua) ;; # user memory
  */slab_diff.lua) examples+=(-- run "$script" "$dumps/k612/vmcore") ;;
  *) examples+=(-- run "$script") ;;
  esac
done
new=$out.new # slim replaces no file
rm -f "$new"
"$luakvm" slim "$dumps/k612/vmcore" "$new" -- info -- ps --threads -- log -- sym -p '*' -- bt --all -- \
  run "$here/sample.lua" "${examples[@]}" >/dev/null
size=$(stat -c %s "$new")
if [ "$size" -gt $((6 << 20)) ]; then
  echo "make_sample.sh: $new has $size bytes, more than 6 MB" >&2
  exit 1
fi
chmod 644 "$new"
mv "$new" "$out"
