#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# spec/lint/run.sh [CHECK...]: all checks, or those named. Prints one line for each, with what it found
# where that is not nothing, and "N passed, N failed" on the last line.
set -u
B=${KVM_BUILD:-build}
lua=${KVM_LUA:-lua5.4}
jobs=${KVM_JOBS:-2}
mkdir -p "$B/lint"

c_files() { find csrc spec -name '*.[ch]' 2>/dev/null | sort; }
flags() { "${MAKE:-make}" -s --no-print-directory print-flags; }

check_format() { c_files | xargs clang-format --dry-run -Werror; }
# clang-tidy says on stderr how many warnings it left out; xargs has its status. One file at a time: with
# more, version 14 takes va_start for missing in all but the first.
check_tidy() {
  # shellcheck disable=SC2046 # a list
  clang-tidy --quiet csrc/base/err.c -- $(flags) 2>/dev/null || return 1
  # A test may fall over a NULL that it did not expect: it has failed then.
  # shellcheck disable=SC2016 # the inner shell's
  { find csrc -name '*.c' ! -path csrc/base/err.c && find spec/csrc spec/fuzz -name '*.c' -printf '%p --checks=-clang-analyzer-*\n'; } |
    KVM_FLAGS="$(flags) -Ispec/fuzz -include spec/lint/analyzer.h" xargs -L 1 -P "$jobs" sh -c \
      'clang-tidy --quiet "$@" -- $KVM_FLAGS 2>/dev/null' sh
}
# Uninitialised variables are clang-tidy's, which follows the paths.
check_cppcheck() {
  # shellcheck disable=SC2046
  cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr -j "$jobs" \
    --error-exitcode=1 --suppress=missingIncludeSystem --suppress=ctuuninitvar --suppress=uninitvar --cppcheck-build-dir="$B/lint" \
    -i csrc/base/err.c --include=spec/lint/analyzer.h \
    $(flags | tr ' ' '\n' | grep -E '^-[DI](csrc|HAVE|KVM|_GNU)') csrc
}
check_coverage() { "$lua" spec/coverage/table.lua --check; }
check_luacheck() { luacheck --quiet --no-color lua spec rockspec/*.rockspec; }
check_shellcheck() { grep -rlE '^#!/bin/(ba)?sh' .ci spec | sort | xargs shellcheck; }
check_man() {
  set -- csrc/man/*.3 lua/man/*.1
  mandoc -T lint -W warning "$@"
}
check_gcc() { werror gcc; }
check_clang() { werror clang; }
werror() {
  "${MAKE:-make}" -s --no-print-directory -k -j "$jobs" B="$B/$1" CC="$1" WERROR=1 QUIET=1 objects tests-objects
}
passed=0 failed=0
[ $# -gt 0 ] || set -- format luacheck shellcheck man top layers size text calls docs coverage exports gcc clang cppcheck tidy
for name in "$@"; do
  out=$B/lint/$name.txt
  start=$(date +%s)
  status=0
  if [ -f "spec/lint/$name.lua" ]; then
    "$lua" "spec/lint/$name.lua" >"$out" 2>&1 || status=$?
  else
    "check_$name" >"$out" 2>&1 || status=$?
  fi
  took=$(($(date +%s) - start))
  if [ "$status" = 0 ]; then
    passed=$((passed + 1))
    echo "ok     $name ($took s)"
  else
    failed=$((failed + 1))
    echo "FAILED $name ($took s)"
    head -n "${LINT_LINES:-60}" "$out" | sed 's/^/    /'
    echo "    (all of it: $out)"
  fi
done
[ -z "${TAP_TOTALS:-}" ] || echo "$passed $failed 0" >>"$TAP_TOTALS"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
