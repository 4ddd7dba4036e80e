#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs programs that speak the Test Anything Protocol, KVM_JOBS (2) at a time.
#
#   spec/tap.sh DIR <list        each line of the list: NAME, a blank, COMMAND
#
# Prints one line for each program and every failure with its diagnostics, and the sum alone on the
# last line: "N passed, N failed" (", N skipped"). A program that ends early, prints no plan or
# another one than it ran, or fails without a failed test counts as one failure more. Outputs stay in
# DIR. TAP_TOTALS=FILE: "PASSED FAILED SKIPPED" is appended to it. Status 1 when
# anything failed or nothing ran.
set -u

if [ "${1:-}" = --one ]; then
  # DIR, then one line of the list
  dir=$2
  name=${3%% *}
  command=${3#* }
  out=$dir/$(printf %s "$name" | tr / _)
  start=$(date +%s)
  timeout -k 5 "${KVM_TEST_SECONDS:-300}" sh -c "$command" >"$out.tap" 2>"$out.err" </dev/null
  echo $? >"$out.status"
  echo $(($(date +%s) - start)) >"$out.seconds"
  exit 0
fi

dir=$1
rm -rf "$dir"
mkdir -p "$dir"
sed 's/^ *//' >"$dir/list"
tr '\n' '\0' <"$dir/list" | xargs -0 -r -n 1 -P "${KVM_JOBS:-2}" sh "$0" --one "$dir"

awk -v dir="$dir" -v totals="${TAP_TOTALS:-/dev/null}" '
function slurp(file, line, n) { n = 0; while ((getline line < file) > 0) { last[++n] = line }; close(file); return n }
{
  name = $1
  file = name; gsub("/", "_", file); file = dir "/" file
  pass = fail = skipped = 0; plan = -1; report = ""; showing = 0
  n = slurp(file ".tap")
  for (i = 1; i <= n; i++) {
    line = last[i]
    if (line ~ /^ok /) { if (line ~ /# SKIP/) { skipped++; why = why "    " name ": " line "\n" } else pass++; showing = 0 }
    else if (line ~ /^not ok /) { fail++; showing = 1; report = report "    " line "\n" }
    else if (line ~ /^1\.\.[0-9]+/) { plan = substr(line, 4) + 0; showing = 0 }
    else if (showing) report = report "    " line "\n"
  }
  getline status < (file ".status"); close(file ".status")
  getline seconds < (file ".seconds"); close(file ".seconds")
  ran = pass + fail + skipped
  if (plan != ran || (status != 0 && fail == 0)) {
    fail++
    report = report "    not ok - ended with status " status " after " ran " tests, plan " (plan < 0 ? "missing" : plan) "\n"
    m = slurp(file ".err")
    for (i = (m > 25 ? m - 24 : 1); i <= m; i++) report = report "    # " last[i] "\n"
  }
  printf "%-6s %s: %d passed%s%s (%d s)\n", fail ? "FAILED" : "ok", name, pass, fail ? ", " fail " failed" : "", skipped ? ", " skipped " skipped" : "", seconds
  printf "%s", report
  P += pass; F += fail; S += skipped
}
END {
  if (why != "") printf "skipped:\n%s", why
  print P + 0, F + 0, S + 0 >> totals
  printf "%d passed, %d failed%s\n", P, F, S ? ", " S " skipped" : ""
  exit F > 0 || P == 0
}' "$dir/list"
