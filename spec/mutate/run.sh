#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# spec/mutate/run.sh [N [SEED [FIRST]]]: N (2000) damaged dumps through luakvm, built with sanitizers in $KVM_BUILD; see mutate.py.
# `run.sh 1 SEED I` runs mutant I again. Its inputs, and what failed, lie in build/mutate.
set -eu
build=${KVM_BUILD:-build/asan} lua=${KVM_LUA:-lua5.4} at=build/mutate
asan=$("${CC:-cc}" -print-file-name=libasan.so)
export LUA_PATH="./lua/?.lua;./lua/?/init.lua;./?.lua;;" LUA_CPATH="./build/?.so;;"
"$lua" spec/mutate/bases.lua "$at/bases" build/bin/luakvm
# The quarantine keeps what was freed: 16 MB of it find what is used too late, and memory stays what luakvm takes.
export UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=1:quarantine_size_mb=16
exec python3 spec/mutate/mutate.py "$at/bases" "env LD_PRELOAD=$asan $lua $build/bin/luakvm" --count "${1:-2000}" --seed "${2:-1}" \
  --first "${3:-0}" --keep "$at/failed"
