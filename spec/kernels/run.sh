#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# spec/kernels/run.sh [SPEC...]: makes the dumps that are missing (dump.sh; minutes the first time), then runs the specs
# of this folder on them. KVM_DUMPS=DIR reads the dumps there and makes none. What can't be made is pending with its
# reason, or a failure where CI=true.
set -u
here=$(dirname "$0")
build=${KVM_BUILD:-build}
lua=$(command -v "${KVM_LUA:-lua5.4}")
dumps=${KVM_CACHE:-$HOME/.cache/lua-kvm}/kernels

if [ -z "${KVM_DUMPS:-}" ]; then
  export KVM_DUMPS=$dumps
  mkdir -p "$dumps"
  for key in $("$here/dump.sh" -l); do
    rm -f "$dumps/$key.why"
    "$here/dump.sh" "$key" 2>"$dumps/$key.log" && rm -f "$dumps/$key.log" && continue
    { grep -v '^  ' "$dumps/$key.log" | tail -1 | grep . || echo "dump.sh $key failed"; } | tee "$dumps/$key.why"
  done
fi

export KVM_BUILD=$build # .busted takes kvm.core from there
layouts() { # layouts KEY FILE ARGUMENTS: the line of check_layouts.sh, or of the reason why it is not run
  local key=$1 why
  if [ -e "$KVM_DUMPS/$key/$2" ]; then
    echo "$here/check_layouts-$key $here/check_layouts.sh $3"
    return
  fi
  why=$(cat "$KVM_DUMPS/$key.why" 2>/dev/null || echo "there is no $key/$2")
  why=$(printf %s "$why" | tr -cd '[:alnum:] ._/:-')
  if [ "${CI:-}" = true ]; then
    echo "$here/check_layouts-$key echo 'not ok 1 - $why'; echo 1..1"
  else
    echo "$here/check_layouts-$key echo 'ok 1 - # SKIP $why'; echo 1..1"
  fi
}
all_layouts() {
  local key
  for key in debug61 debug612 debug72; do layouts $key vmlinux "dwarf '$KVM_DUMPS/$key/vmlinux'"; done
  for key in k61 k612 k72; do layouts $key vmcore "core '$KVM_DUMPS/$key/vmcore' '$KVM_DUMPS/$key/kernel'"; done
}
if [ $# -gt 0 ]; then
  specs=("$@")
else
  specs=("$here"/*_spec.lua)
fi
{
  for spec in "${specs[@]}"; do
    echo "${spec#./} busted --lua=$lua -o TAP $spec"
  done
  [ $# -gt 0 ] || all_layouts
} | KVM_TEST_SECONDS=${KVM_TEST_SECONDS:-900} spec/tap.sh "$build/tap-kernels"
