#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# spec/fuzz/run.sh FUZZER...: runs each for FUZZ_SECONDS (60), first on spec/fuzz/regress/NAME, what crashed it once.
# Its inputs lie beside it, in FUZZER.corpus (the first of spec/fuzz/seeds.lua, then what it finds); words that its
# format is made of in spec/fuzz/NAME.dict. Inputs that crash are left as FUZZER-crash-*,
# with status 1; FUZZER FUZZER-crash-x runs one again.
set -u
[ $# -gt 0 ] || { echo 'no fuzzer was built' >&2; exit 1; }
passed=0 failed=0
for fuzzer in "$@"; do
  name=${fuzzer##*/}
  short=${name#fuzz_} here=${0%/*}
  mkdir -p "$fuzzer.corpus"
  set -- "$fuzzer.corpus"
  [ ! -d "$here/regress/$short" ] || set -- "$@" "$here/regress/$short"
  [ ! -f "$here/$short.dict" ] || set -- "-dict=$here/$short.dict" "$@"
  if "$fuzzer" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="$fuzzer-" "$@" >"$fuzzer.log" 2>&1; then
    passed=$((passed + 1))
    runs=$(awk '/number_of_executed_units/ { print $2 }' "$fuzzer.log")
    cover=$(grep -o 'cov: [0-9]*' "$fuzzer.log" | tail -n 1)
    echo "ok     $name: ${runs:-?} runs, $cover"
  else
    failed=$((failed + 1))
    echo "FAILED $name: "
    grep -vE '^#[0-9]' "$fuzzer.log" | tail -n 40 | sed 's/^/    /'
  fi
done
[ -z "${TAP_TOTALS:-}" ] || echo "$passed $failed 0" >>"$TAP_TOTALS"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
