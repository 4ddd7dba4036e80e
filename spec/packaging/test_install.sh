#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What "make install" leaves behind works from where it lies: a C program built with pkg-config alone,
# shared and all static; luakvm; the manual; the exported names; and "make uninstall" takes all of it away.
# Speaks TAP. Builds nothing but what is in $KVM_BUILD already.
set -u
make=${MAKE:-make} cc=${CC:-cc} B=${KVM_BUILD:-build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
root=$tmp/root
n=0
ok() { # STATUS WHAT
  n=$((n + 1))
  if [ "$1" = 0 ]; then echo "ok $n - $2"; else
    echo "not ok $n - $2"
    tail -n 20 "$tmp/log" | cut -c1-300 | sed 's/^/# /'
  fi
}
run() { # WHAT COMMAND...
  what=$1
  shift
  "$@" >"$tmp/log" 2>&1
  ok $? "$what"
}
# The same about what the last command, or the caller, left in the log.
check() {
  what=$1
  shift
  "$@" >/dev/null 2>&1
  ok $? "$what"
}
# MAKEFLAGS of an outer make would bring its variables along.
inner() { MAKEFLAGS='' $make --no-print-directory B="$B" PREFIX=/usr DESTDIR="$root" "$@"; }

run 'make install ends well' inner install
for f in lib/libkvm.so.0 lib/libkvm.so lib/libkvm.a lib/pkgconfig/libkvm.pc include/kvm.h bin/luakvm \
  lib/lua/5.4/kvm/core.so share/lua/5.4/kvm/init.lua share/lua/5.4/kvm/cmd/triage.lua \
  share/man/man3/kvm_open.3 share/man/man3/kvm_read.3 share/man/man3/kvm_nlist.3 share/man/man3/kvm_getprocs.3 \
  share/man/man3/kvm_geterr.3 share/man/man3/kvm_getargv.3 share/man/man3/kvm_getloadavg.3 \
  share/man/man1/luakvm.1; do
  run "installs $f" test -s "$root/usr/$f"
done

cat >"$tmp/prog.c" <<'C'
#include <kvm.h>
#include <stdio.h>
#include <string.h>

// Names that the library has inside must not clash with a program's own.
int err_set(void);
int err_set(void) {
    return 7;
}

int main(int argc, char **argv) {
    char text[KVM_ERRBUF_SIZE] = "untouched";
    kvm_t *kd = kvm_openfiles(NULL, "/nowhere/core", NULL, 0, text);
    if (kd || strcmp(text, "untouched") == 0 || err_set() != 7) return 1;
    if (argc < 2) return 0;
    kd = kvm_openfiles(NULL, argv[1], NULL, 0, text);
    if (!kd) return fprintf(stderr, "%s\n", text), 1;
    struct nlist nl[] = {{.n_name = "init_task"}, {.n_name = NULL}};
    int missing = kvm_nlist(kd, nl), n = 0;
    struct kinfo_proc *p = kvm_getprocs(kd, KERN_PROC_PID, 1, &n);
    printf("%d missing, %d process, %s\n", missing, n, p && n ? p->ki_comm : "none");
    return kvm_close(kd);
}
C
export PKG_CONFIG_PATH="$root/usr/lib/pkgconfig"
pc() { pkg-config --define-variable=prefix="$root/usr" --define-variable=libdir="$root/usr/lib" \
  --define-variable=includedir="$root/usr/include" "$@" libkvm; }
# shellcheck disable=SC2046 # flags are lists
{
  run 'a C program compiles with what pkg-config says' \
    "$cc" -Wall -Wextra -Werror "$tmp/prog.c" $(pc --cflags --libs) -o "$tmp/shared"
  run 'a C++ program may include kvm.h' sh -c "printf '#include <kvm.h>\nint main() { return 0; }\n' >$tmp/p.cc &&
    g++ -Wall -Werror -fsyntax-only $(pc --cflags) $tmp/p.cc"
  run 'a static program links with what pkg-config --static says' \
    "$cc" -static "$tmp/prog.c" $(pc --cflags --libs --static) -o "$tmp/static"
}
export LD_LIBRARY_PATH="$root/usr/lib"
core=examples/panic.kdump
run 'the shared program runs' "$tmp/shared" "$core"
check 'it finds init in the example' grep -q '^0 missing, 1 process' "$tmp/log"
run 'the static program runs' env -u LD_LIBRARY_PATH "$tmp/static" "$core"
check 'it finds init in the example' grep -q '^0 missing, 1 process' "$tmp/log"
readelf -d "$tmp/shared" >"$tmp/log"
check 'a program asks for libkvm.so.0' grep -q 'NEEDED.*\[libkvm.so.0\]' "$tmp/log"
unset LD_LIBRARY_PATH

# from another folder, so that nothing of the tree is found by accident
run 'the installed luakvm runs' sh -c "cd / && '$root/usr/bin/luakvm' info '$PWD/$core'"
check 'it says what kernel it was' grep -q '6\.' "$tmp/log"
for page in "$root"/usr/share/man/man3/*.3 "$root"/usr/share/man/man1/*.1; do
  [ ! -e "$page" ] || run "${page##*/} has a NAME" grep -qE '^\.(Sh|SH) NAME' "$page"
done

nm -D --defined-only "$root/usr/lib/libkvm.so.0" | awk '{ print $3 }' >"$tmp/log"
check 'libkvm exports kvm_open' grep -qx kvm_open "$tmp/log"
check 'libkvm exports kvm_* alone' sh -c "! grep -v '^kvm_' '$tmp/log'"
nm -D --defined-only "$root/usr/lib/lua/5.4/kvm/core.so" | awk '{ print $3 }' >"$tmp/log"
check 'kvm.core exports its loader alone' test "$(cat "$tmp/log")" = luaopen_kvm_core
nm -g --defined-only "$root/usr/lib/libkvm.a" | awk 'NF == 3 { print $3 }' >"$tmp/log"
check 'the archive has no other global name than kvm_*' sh -c "! grep -v '^kvm_' '$tmp/log'"

run 'make uninstall ends well' inner uninstall
find "$root" ! -type d >"$tmp/log"
check 'nothing is left' test ! -s "$tmp/log"
find "$root" -path '*/kvm*' >"$tmp/log"
check 'no folder of ours is left' test ! -s "$tmp/log"
echo "1..$n"
