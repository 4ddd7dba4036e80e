#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# dump.sh KEY...: makes the dumps of each key in $KVM_CACHE/kernels/KEY, with truth.json (what the guest said of itself
# just before), kallsyms.gz (its /proc/kallsyms) and console.log beside them; does nothing where they are, unless what is in the
# guests has changed since. -l lists the keys.
# It boots Debian's own kernels under QEMU without KVM, 20-60 s each; packages are fetched once. No root needed.
# Status 3: a package can't be fetched. KVM_CACHE is $HOME/.cache/lua-kvm unless set; KEEP=1 keeps the disks of a run.
set -eu -o pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
cache=${KVM_CACHE:-$HOME/.cache/lua-kvm}
dumps=$cache/kernels
# Used by packages.sh.
export PACKAGES=$cache/packages
# shellcheck source=/dev/null
. "$here/packages.sh"

# KEY KIND SUITE MEGABYTES OPTIONS...   A kind is a function below.
KEYS='
k510           kdump    bullseye 768
k61            kdump    bookworm 768
k612           kdump    trixie   768
k72            kdump    sid      768
live510        live     bullseye 512
live61         live     bookworm 512
live612        live     trixie   512
live72         live     sid      512
live61-la57    live     bookworm 512 cpu=qemu64,+la57
live61-nokaslr live     bookworm 512 append=nokaslr
live61-noinfo  live     bookworm 512 noinfo
busy510        busy     bullseye 512 append=busy=1
busy61         busy     bookworm 512 append=busy=1
busy612        busy     trixie   512 append=busy=1
busy72         busy     sid      512 append=busy=1
memory61       memory   bookworm 512
formats61      formats  bookworm 0
healthy510     healthy  bullseye 256
healthy61      healthy  bookworm 256
healthy612     healthy  trixie   384
healthy72      healthy  sid      384
traced510      healthy  bullseye 256  append=trace=1
traced61       healthy  bookworm 256  append=trace=1
traced612      healthy  trixie   384  append=trace=1
traced72       healthy  sid      384  append=trace=1
many61         healthy  bookworm 1024 append=many=5000
drgn           peer     sid      0
debug510       debug    bullseye 0
debug61        debug    bookworm 0
debug612       debug    trixie   0
debug72        debug    sid      0
'

# Faults of the module in faults/: name, what fault-init is told of it and what the kernel is booted with. Each of 6.1 and 7.2; of the
# others those that are found in what differs between releases.
FAULTS='
null
use-after-free  slub_debug=FP
stack-overflow
list-corruption
refcount
ab-ba
rwsem-cycle
hung            hung=3 wait=12
softlockup      watchdog=2 wait=9
hardlockup      stall=3 wait=8
rcu-stall       stall=3 wait=8
rcu-reader      stall=3 wait=8
stuck-work      wait=14
slab-leak       slub_debug=U,kmalloc-1k
percpu-rwsem    hung=3 wait=12
bit-lock        hung=3 wait=12
inode-lock      hung=3 wait=12
redzone         slub_debug=FZPU
late-write      slub_debug=FZPU
free-list
free-page
task-refcount
list-poison
'
fault_keys() { # their lines for KEYS
  local name options more
  while read -r name options; do
    [ -n "$name" ] || continue
    more=0
    [ "$name" != slab-leak ] || more=320
    echo "fault-$name-61 fault bookworm $((384 + more)) $options"
    echo "fault-$name-72 fault sid $((448 + more)) $options"
  done <<<"$FAULTS"
  echo 'fault-null-again-61 fault bookworm 384'
  for name in ab-ba rwsem-cycle; do
    echo "fault-$name-510 fault bullseye 384"
    echo "fault-$name-612 fault trixie 448"
  done
  echo 'fault-null-612 fault trixie 448'
}
KEYS+=$(fault_keys)

option() { # option NAME DEFAULT: of the key's options
  local o
  for o in $OPTIONS; do
    case $o in
    "$1="*)
      echo "${o#*=}"
      return
      ;;
    "$1")
      echo 1
      return
      ;;
    esac
  done
  echo "${2:-}"
}

# --- a guest
guest() { # guest MARK QEMU.PY-ARGUMENTS...: runs it until its console has MARK. A guest that hangs or panics early in its
  # boot, which happens without KVM when the machine is busy, gets two more tries.
  local mark=$1 i
  shift
  for i in 1 2 3; do
    [ $i = 1 ] || echo "  once more"
    if "$here/qemu.py" --timeout 900 --stall $((100 + MEM / 16)) "$@" && grep -q "$mark" "$WORK/console.log"; then
      return 0
    fi
  done
  echo "$KEY: the guest did not come to \"$mark\", see $WORK/console.log" >&2
  return 1
}
setup() { # makes WORK, sets QEMU and APPEND
  local cpu
  cpu=$(option cpu)
  kernel "$SUITE"
  busybox
  tools
  mkdir -p "$cache/packages"
  programs
  WORK=$dumps/.$KEY.new
  rm -rf "$WORK"
  mkdir -p "$WORK"
  QEMU=(qemu-system-x86_64 ${cpu:+-cpu "$cpu"} -accel tcg -m "$MEM" -smp 2 -kernel "$VMLINUZ" -initrd "$WORK/initrd")
  APPEND="console=ttyS0 panic=1 no_timer_check $(option append)"
}
module() { # module FOLDER FILE: the module of that folder for the guest's kernel: $WORK/FILE, or $WORK/FOLDER.why
  local ko
  ko=$PACKAGES/$1-$(cat "$PACKAGES/kernel.$SUITE").ko
  if [ ! -e "$ko" ] || [ -n "$(find "$here/$1" -newer "$ko")" ]; then
    rm -f "$ko"
    (builder "$SUITE" && "$here/build_module.sh" "$here/$1" "$BUILDER" "$ko") 2>"$WORK/$1.why" || :
  fi
  [ ! -e "$ko" ] || { cp "$ko" "$WORK/$2" && rm -f "$WORK/$1.why"; }
}
programs() { # the guests' own: $PACKAGES/programs
  local p
  mkdir -p "$PACKAGES/programs"
  for p in threads objects confined mapper many; do
    [ "$PACKAGES/programs/$p" -nt "$here/$p.c" ] || gcc -static -O1 -pthread -o "$PACKAGES/programs/$p" "$here/$p.c"
  done
}
devices() { # devices LETTER: a disk vdLETTER for a file system and swap, an NVMe disk, a SCSI disk, a network
  disk data 64
  truncate -s 16M "$WORK/nvme.img" "$WORK/scsi.img"
  QEMU+=(-drive "file=$WORK/nvme.img,if=none,id=nvme,format=raw,cache=unsafe" -device "nvme,serial=lab-nvme,drive=nvme"
    -drive "file=$WORK/scsi.img,if=none,id=scsi,format=raw,cache=unsafe" -device virtio-scsi-pci -device "scsi-hd,serial=lab-scsi,drive=scsi"
    -nic "user,model=virtio-net-pci,restrict=on")
  APPEND="$APPEND data=vd$1"
}
disk() { # disk NAME MEGABYTES: one more virtio disk: vda, vdb, vdc in order
  truncate -s "$2M" "$WORK/$1.img"
  QEMU+=(-drive "file=$WORK/$1.img,if=virtio,format=raw,cache=unsafe,detect-zeroes=on")
}
finish() { # the folder is whole: it takes its name
  python3 "$here/truth.py" "$WORK" "key=$KEY" "suite=$SUITE" arch=amd64 "mem_mb=$MEM"
  ln -sfn "$KROOT" "$WORK/kernel"
  [ -n "${KEEP:-}" ] || rm -f "$WORK"/*.img "$WORK/initrd" "$WORK/containers.ko"
  publish
}
made_of() { # made_of KIND: what the guests are made of, as a number
  (
    cd "$here"
    case $1 in
    fault | healthy) cat fault-init faults/* ;;
    *) cat guest-init guest-tools ./*.c containers/* ;;
    esac
    cat mkinitrd.sh truth.py build_module.sh
  ) | sha256sum | cut -d' ' -f1
}
is_there() { # is_there KIND
  [ -e "$dumps/$KEY/truth.json" ] && { [ "$1" = debug ] || [ "$1" = peer ] || [ "$(cat "$dumps/$KEY/made-of" 2>/dev/null)" = "$(made_of "$1")" ]; }
}
publish() {
  local f
  made_of "$KIND" >"$WORK/made-of"
  for f in "$WORK"/*; do
    [ ! -f "$f" ] || fallocate --dig-holes "$f" 2>/dev/null || : # mostly zeros; not every file system can
  done
  rm -rf "${dumps:?}/$KEY"
  mv "$WORK" "$dumps/$KEY"
}

# --- kinds
kdump() { # a panic, kexec into the kdump kernel: vmcore is its raw /proc/vmcore, kdump is makedumpfile -d 31 of it
  setup
  module containers containers.ko
  "$here/mkinitrd.sh" "$WORK/initrd" "$BUSYBOX" "$MODULES" "$PACKAGES/programs" "$VMLINUZ" "$TOOLS"
  disk kdump $((MEM + 64))
  disk vmcore $((MEM + 64))
  disk kallsyms 32
  devices d
  guest 'makedumpfile rc=0' "$WORK/console.log" -- "${QEMU[@]}" -append "$APPEND crashkernel=256M docrash=sysrq truth=vdc"
  makedumpfile -R "$WORK/kdump" <"$WORK/kdump.img" >/dev/null
  mv "$WORK/vmcore.img" "$WORK/vmcore"
  truncate -s "$(sed -n 's/^VMCORE-SIZE \([0-9]*\).*/\1/p' "$WORK/console.log")" "$WORK/vmcore"
  makedumpfile --dump-dmesg "$WORK/vmcore" "$WORK/dmesg.txt" >/dev/null
  finish
}
live() { # a running guest, dumped by QEMU
  setup
  module containers containers.ko
  "$here/mkinitrd.sh" "$WORK/initrd" "$BUSYBOX" "$MODULES" "$PACKAGES/programs"
  disk kallsyms 32
  devices b
  [ -n "$(option noinfo)" ] || QEMU+=(-device vmcoreinfo)
  guest SETTLED --wait SETTLED --dump "elf=$WORK/elf" --dump "kdump-zlib=$WORK/kdump-zlib.flat" --dump "elf-paging=$WORK/elf-paging" \
    "$WORK/console.log" -- "${QEMU[@]}" -append "$APPEND truth=vda"
  makedumpfile -R "$WORK/kdump-zlib" <"$WORK/kdump-zlib.flat" >/dev/null
  finish
}
busy() { # a guest whose tasks, files, sockets and timers change all the time
  setup
  module containers containers.ko
  "$here/mkinitrd.sh" "$WORK/initrd" "$BUSYBOX" "$MODULES" "$PACKAGES/programs"
  disk kallsyms 32
  devices b
  guest SETTLED --wait SETTLED --dump "elf=$WORK/elf" "$WORK/console.log" -- "${QEMU[@]}" -append "$APPEND truth=vda"
  finish
}
memory() { # a running guest, in the ways of QEMU to write its memory
  setup
  module containers containers.ko
  "$here/mkinitrd.sh" "$WORK/initrd" "$BUSYBOX" "$MODULES" "$PACKAGES/programs"
  disk kallsyms 32
  QEMU+=(-device vmcoreinfo)
  guest SETTLED --wait SETTLED --dump "elf=$WORK/elf" --dump "raw:$((MEM * 1048576))=$WORK/raw" --dump "migration=$WORK/migration" \
    "$WORK/console.log" -- "${QEMU[@]}" -append "$APPEND truth=vda"
  finish
}
healthy() { # a running guest that nothing is wrong with
  setup
  idle_guest
}
fault() { # a guest with the fault that the key names: it panics, or hangs, or goes on
  setup
  module faults labfault.ko
  [ -e "$WORK/labfault.ko" ] || { echo "$KEY: no labfault.ko: $(tail -n 3 "$WORK/faults.why")" >&2; return 1; }
  local name=${KEY#fault-}
  name=${name%-*}
  APPEND="$APPEND fault=${name%-again} $OPTIONS"
  idle_guest
}
idle_guest() { # runs it until it has nothing more to do or has panicked
  APPEND="${APPEND/panic=1/panic=0}"
  INIT=fault-init "$here/mkinitrd.sh" "$WORK/initrd" "$BUSYBOX" "$MODULES" "$PACKAGES/programs"
  QEMU+=(-device vmcoreinfo)
  # A guest that has lost a CPU may not come to FAULTED: then RCU complains. It may do so of a slow start, too: then once more.
  guest FAULT --wait FAULTED --wait "end Kernel panic" --wait "detected stall" --settle 2 --dump "elf=$WORK/elf" "$WORK/console.log" -- "${QEMU[@]}" -append "$APPEND"
  python3 "$here/truth.py" --little "$WORK" "key=$KEY" "suite=$SUITE" arch=amd64 "mem_mb=$MEM"
  ln -sfn "$KROOT" "$WORK/kernel"
  rm -f "$WORK/initrd" "$WORK"/*.ko
  publish
}
formats() { # k61's vmcore in every format that makedumpfile writes, and some that are not whole
  "$0" k61
  tools
  local v=$dumps/k61/vmcore log
  WORK=$dumps/.$KEY.new
  log=$WORK/makedumpfile.log
  rm -rf "$WORK"
  mkdir -p "$WORK"
  (
    cd "$WORK"
    m() { makedumpfile "$@" >>"$log" 2>&1; }
    m -c -d 31 "$v" zlib
    m -l -d 31 "$v" lzo
    m -z -d 31 "$v" zstd
    m -d 31 "$v" raw # not compressed
    for level in 0 1 16; do m -c -d $level "$v" zlib.d$level; done
    m -E -d 31 "$v" elf.d31
    makedumpfile -F -c -d 31 "$v" >zlib.flat 2>>"$log"
    m --split --splitblock-size 16 -c -d 31 "$v" split3.1 split3.2 split3.3
    head -c $(($(stat -c %s zlib) * 6 / 10)) zlib >zlib.truncated # nothing in it says so
    head -c $(($(stat -c %s "$v") * 6 / 10)) "$v" >vmcore.truncated
    # A disk that fills up, which makedumpfile marks in the headers. Root needs no user namespace to mount one, and may
    # not be allowed to make one (in a chroot).
    export -f makedumpfile
    export TOOLS
    mkdir small
    as_mounter=(unshare -rm)
    [ "$(id -u)" != 0 ] || as_mounter=(env)
    # shellcheck disable=SC2016 # the inner shell expands it
    "${as_mounter[@]}" bash -c 'mount -t tmpfs -o size=12m small small || exit 1
      makedumpfile -c -d 31 "$1" small/x; cp small/x zlib.incomplete
      makedumpfile -E -d 31 -f "$1" small/x; cp small/x elf.incomplete
      umount small' bash "$v" >>"$log" 2>&1 || { tail -n 1 "$log" >&2; exit 1; }
    rmdir small
  )
  cp "$dumps/k61/truth.json" "$dumps/k61/kallsyms.gz" "$WORK/"
  publish
}
peer() { # no dump: drgn of the newest release, which knows all kernels here, to compare with
  newest_drgn
  WORK=$dumps/.$KEY.new
  rm -rf "$WORK"
  mkdir -p "$WORK"
  printf '%s\n' '#!/bin/sh' "exec env PYTHONHOME='$DRGN_ROOT/usr' PYTHONPATH='$DRGN_ROOT/usr/lib/python3/dist-packages' \\" \
    "  '$(find "$DRGN_ROOT" -name ld-linux-x86-64.so.2 | head -1)' --library-path '$DRGN_ROOT/usr/lib/x86_64-linux-gnu' \\" \
    "  '$(find "$DRGN_ROOT/usr/bin" -name 'python3.*' | sort | head -1)' -m drgn \"\$@\"" >"$WORK/drgn"
  chmod +x "$WORK/drgn"
  "$WORK/drgn" --version >&2
  echo '{}' >"$WORK/truth.json"
  publish
}
debug() { # no dump: the vmlinux with DWARF of a kernel that is dumped, for the comparison of layouts
  debug_vmlinux "$SUITE"
  WORK=$dumps/.$KEY.new
  rm -rf "$WORK"
  mkdir -p "$WORK"
  ln -s "$DEBUG_VMLINUX" "$WORK/vmlinux"
  echo '{}' >"$WORK/truth.json"
  publish
}

main() {
  local k started line
  if [ "${1:-}" = -l ]; then
    awk 'NF { print $1 }' <<<"$KEYS"
    return
  fi
  for k in "$@"; do
    line=$(awk -v k="$k" '$1 == k' <<<"$KEYS")
    [ -n "$line" ] || {
      echo "dump.sh: no key $k" >&2
      exit 2
    }
    read -r KEY KIND SUITE MEM OPTIONS <<<"$line"
    ! is_there "$KIND" || continue
    echo "$KEY: making it"
    started=$SECONDS
    mkdir -p "$dumps"
    $KIND
    echo "$KEY: $((SECONDS - started)) s"
  done
}
main "$@"
