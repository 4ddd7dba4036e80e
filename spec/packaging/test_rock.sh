#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The rockspec: luarocks builds and installs the Lua part with it, and luakvm runs from the rock's tree, from any
# directory and without LUA_PATH. Speaks TAP.
set -u
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
if ! command -v luarocks >/dev/null 2>&1; then
  echo '1..0 # SKIP there is no luarocks'
  exit 0
fi
n=0
run() { # WHAT COMMAND...
  what=$1
  shift
  n=$((n + 1))
  if "$@" >"$tmp/log" 2>&1; then echo "ok $n - $what"; else
    echo "not ok $n - $what"
    tail -n 20 "$tmp/log" | cut -c1-300 | sed 's/^/# /'
  fi
}
core=$PWD/examples/panic.kdump
# luarocks builds where the rockspec's sources are: a copy, so that build/ stays as it is
mkdir "$tmp/src"
cp -R csrc lua rockspec Makefile .ci "$tmp/src"
cd "$tmp/src" || exit 1
run 'luarocks make builds and installs it' env -u MAKEFLAGS -u MAKELEVEL NO_DEPS=1 \
  luarocks --lua-version 5.4 --tree "$tmp/tree" make --deps-mode none rockspec/lua-kvm-scm-1.rockspec
cd / || exit 1
run 'the C module is in its tree' test -f "$tmp/tree/lib/lua/5.4/kvm/core.so"
run 'luakvm runs from there' env -u LUA_PATH -u LUA_CPATH "$tmp/tree/bin/luakvm" info "$core"
mv "$tmp/log" "$tmp/info"
run '... and says what the dump is' grep -q '^release ' "$tmp/info"
echo "1..$n"
