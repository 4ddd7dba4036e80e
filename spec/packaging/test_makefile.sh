#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Promises of the Makefile that no other test keeps: packages that are missing are named where they
# can't be installed, a library that is missing stops the build, and all can be left out. Speaks TAP.
set -u
make=${MAKE:-make}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
run() { # WHAT COMMAND...
  what=$1
  shift
  n=$((n + 1))
  if "$@"; then echo "ok $n - $what"; else
    echo "not ok $n - $what"
    tail -n 20 "$tmp/log" | cut -c1-300 | sed 's/^/# /'
  fi
}
inner() { env -u WITH_LIBDEFLATE -u WITH_LZO -u WITH_SNAPPY -u WITH_ZSTD -u WITH_LZMA -u WITH_BZ2 -u WITH_LZ4 \
  -u WITH_DW -u WITH_CAPSTONE -u WITH_READLINE MAKEFLAGS='' "$make" --no-print-directory "$@" >"$tmp/log" 2>&1; }
said() { grep -q -- "$1" "$tmp/log"; }

# a machine of another distribution: neither dpkg-query nor apt-get
mkdir "$tmp/bin"
for tool in sh make env printf cat id sort tr; do ln -s "$(command -v $tool)" "$tmp/bin/$tool"; done
elsewhere() { (unset NO_DEPS && PATH="$tmp/bin" inner "$@"); }
for goal in demo test; do
  elsewhere $goal
  status=$?
  run "make $goal stops where it can install nothing" test $status = 2
  run '... and names the packages' said 'libdeflate-dev'
done
NO_DEPS=1 PATH="$tmp/bin" .ci/deps nothing-of-that-name >"$tmp/log" 2>&1
run 'NO_DEPS=1 takes for granted that all is there' test $? = 0

# pkg-config that knows nothing
printf '#!/bin/sh\nexit 1\n' >"$tmp/pkg-config"
chmod +x "$tmp/pkg-config"
inner -n all PKG_CONFIG="$tmp/pkg-config" B="$tmp/b"
run 'a missing library stops the build' test $? != 0
run '... and is named' said 'does not find: libdeflate zlib lzo2'

inner -n all WITH_LIBDEFLATE=0 WITH_LZO=0 WITH_SNAPPY=0 WITH_ZSTD=0 WITH_LZMA=0 WITH_BZ2=0 WITH_LZ4=0 \
  WITH_DW=0 WITH_CAPSTONE=0 WITH_READLINE=0 B="$tmp/b"
run 'all that is optional can be left out' test $? = 0
run '... and is not linked' sh -c "! grep -qE -e '-l(deflate|lzo2|snappy|zstd|lzma|bz2|lz4|dw|capstone|readline)' '$tmp/log'"
run '... zlib inflates then' said '-lz '
inner -n all B="$tmp/b"
run 'the default has all of it' said \
  'HAVE_LIBDEFLATE=1 .*-DHAVE_LZO=1 .*-DHAVE_SNAPPY=1 .*-DHAVE_ZSTD=1 .*-DHAVE_LZMA=1 .*-DHAVE_BZ2=1 .*-DHAVE_LZ4=1 .*-DHAVE_LIBDW=1'
for module in capstone readline; do run "... and the module kvm.$module" said "$module\.so"; done
echo "1..$n"
