#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# mkinitrd.sh OUT BUSYBOX MODULES_DIR PROGRAMS_DIR [VMLINUZ TOOLS_ROOT]: the initramfs of a guest, whose /init is guest-init or what INIT
# names. A module containers.ko or labfault.ko beside OUT is loaded by the guest.
# With VMLINUZ and TOOLS_ROOT (unpacked kexec-tools, makedumpfile and their libraries) the guest can crash into kdump.
set -eu
out=$1 busybox=$2 modules=$3 programs=$4 vmlinuz=${5:-} tools=${6:-}
here=$(cd "$(dirname "$0")" && pwd)
w=$(mktemp -d)
trap 'rm -rf "$w"' EXIT

chmod 755 "$w" # the guest's root, which is not only for root
mkdir -p "$w"/{bin,lab,mod,lib/tools}
cp "$busybox" "$w/bin/busybox"
ln -s busybox "$w/bin/sh"
cp "$here/${INIT:-guest-init}" "$w/init"
cp "$here/guest-tools" "$w/lab/tool"
cp "$programs"/* "$w/lab/"
[ ! -e "$(dirname "$out")/containers.ko" ] || cp "$(dirname "$out")/containers.ko" "$w/lab/"
for n in spin 'odd n)ame (' fault-sysrq; do
  ln -s tool "$w/lab/$n"
done

# virtio for the disks and the network, qemu_fw_cfg for the VMCOREINFO note, loop only to have one more module, then SCSI, device mapper
# and md. Busybox cannot load the compressed modules of 6.12 and later.
: >"$w/mod/order"
for m in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_mmio virtio_blk failover net_failover virtio_net qemu_fw_cfg loop \
  scsi_common scsi_mod sd_mod virtio_scsi dm-mod md-mod raid1; do
  f=$(find "$modules" -name "$m.ko*" | head -1)
  case $f in
  '') continue ;;
  *.xz) xz -dc "$f" >"$w/mod/$m.ko" ;;
  *.zst) zstd -qdc "$f" >"$w/mod/$m.ko" ;;
  *) cp "$f" "$w/mod/$m.ko" ;;
  esac
  echo "$m.ko" >>"$w/mod/order"
done

[ ! -e "$(dirname "$out")/labfault.ko" ] || cp "$(dirname "$out")/labfault.ko" "$w/mod/"

pack() { (cd "$w" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$1"; }

needed() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
library() { # library NAME: copies it and what it needs
  local f l
  [ ! -e "$w/lib/tools/$1" ] || return 0
  f=$(find "$tools" -name "$1" \( -type f -o -type l \) | head -1)
  [ -n "$f" ] || {
    echo "mkinitrd.sh: no $1 in $tools" >&2
    return 1
  }
  cp -L "$f" "$w/lib/tools/$1"
  for l in $(needed "$f"); do library "$l"; done
}
program() { # program NAME: copies it, its libraries and its interpreter
  local f l i
  f=$(find "$tools" -path "*bin/$1" -type f | head -1)
  cp "$f" "$w/lab/"
  for l in $(needed "$f"); do library "$l"; done
  i=$(readelf -lW "$f" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
  mkdir -p "$w$(dirname "$i")"
  cp -L "$(find "$tools" -name "${i##*/}" | head -1)" "$w$i"
}
if [ -n "$tools" ]; then
  program kexec
  program makedumpfile
  pack "$out.crash" # what the crash kernel gets
  mv "$out.crash" "$w/initrd.crash"
  cp "$vmlinuz" "$w/vmlinuz"
fi
pack "$out"
