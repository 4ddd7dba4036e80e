# shellcheck shell=bash disable=SC2034,SC2153 # dump.sh uses and sets them
# SPDX-License-Identifier: BSD-2-Clause
# Debian packages of other releases, by name, from the mirrors that this machine's own apt uses. Each release has a small
# apt configuration of its own below $PACKAGES; the machine's is left alone and nothing is installed.
# Sourced by dump.sh. All packages are amd64's.

# missing WORDS: ends with status 3: what is missing can't be fetched
missing() {
  echo "dump.sh: $*" >&2
  exit 3
}

# The address of the machine's own archive for suites that end in $1 ("" or -security).
mirror() {
  apt-get indextargets --format "\$(RELEASE) \$(REPO_URI)" 'Created-By: Packages' |
    awk -v end="$1" '(end == "" && $1 !~ /-/) || (end != "" && substr($1, length($1) - length(end) + 1) == end) { print $2; exit }'
}

apt_of() { # apt_of SUITE get|cache ARGUMENT...
  local suite=$1 tool=$2 d=$PACKAGES/apt/$1 main security
  shift 2
  local o=(-qq -o "Dir::Etc::sourcelist=$d/list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Etc::preferencesparts=/dev/null -o "Dir::State=$d" -o "Dir::State::status=$d/status" -o "Dir::Cache=$d"
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o Acquire::Languages=none
    -o Acquire::Check-Valid-Until=false -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
    -o APT::Sandbox::User=root -o APT::Install-Recommends=0)
  if [ ! -e "$d/ok" ]; then
    mkdir -p "$d/lists/partial" "$d/archives/partial"
    : >"$d/status"
    main=$(mirror '') security=$(mirror -security)
    [ -n "$main" ] || missing "apt has no archive to take $suite from"
    echo "deb $main $suite main" >"$d/list"
    case $suite in bookworm | trixie) [ -z "$security" ] || echo "deb $security $suite-security main" >>"$d/list" ;; esac
    # A list that does not come (an archive without this release's updates) does no harm where the other did.
    apt-get "${o[@]}" update >&2 || :
    [ -n "$(apt-cache "${o[@]}" pkgnames)" ] || missing "the package lists of $suite did not come"
    touch "$d/ok"
  fi
  "apt-$tool" "${o[@]}" "$@"
}

unpack() { # unpack DIR SUITE PACKAGE...: those packages, fetched once and unpacked in DIR
  local dir=$1 suite=$2 debs=$PACKAGES/debs/$2 p
  shift 2
  [ ! -e "$dir/.ok" ] || return 0
  echo "  packages of $suite: $*" >&2
  rm -rf "$dir"
  mkdir -p "$dir" "$debs"
  for p in "$@"; do
    compgen -G "$debs/${p}_*.deb" >/dev/null || (cd "$debs" && apt_of "$suite" get download "$p" >&2) ||
      missing "package $p of $suite did not come"
    dpkg -x "$(compgen -G "$debs/${p}_*.deb" | sort -V | tail -1)" "$dir"
  done
  touch "$dir/.ok"
}

kernel() { # kernel SUITE: sets KROOT (its newest cloud kernel, unpacked), VMLINUZ, MODULES
  local suite=$1 f=$PACKAGES/kernel.$1 version packages
  if [ ! -s "$f" ]; then
    version=$(apt_of "$suite" cache depends linux-image-cloud-amd64 |
      sed -n 's/.*Depends: linux-image-\([0-9].*\)/\1/p' | head -1)
    [ -n "$version" ] || missing "$suite has no linux-image-cloud-amd64"
    echo "$version" >"$f"
  fi
  version=$(cat "$f")
  KROOT=$PACKAGES/root/kernel-$version
  packages="linux-image-$version"
  if [ ! -e "$KROOT/.ok" ] && apt_of "$suite" cache show "linux-modules-$version" >/dev/null 2>&1; then
    packages="linux-binary-$version linux-modules-$version linux-base-$version" # the split of 7.2's packages
  fi
  # shellcheck disable=SC2086 # a list
  unpack "$KROOT" "$suite" $packages
  VMLINUZ=$(find "$KROOT" -type f \( -name 'vmlinuz-*' -o -name vmlinuz \) | head -1)
  MODULES=$(find "$KROOT" -type d -path "*/lib/modules/$version" | head -1)
}

# kexec and makedumpfile of sid with their libraries: older ones know neither zstd nor the newest kernels. Sets TOOLS.
tools() {
  local packages
  TOOLS=$PACKAGES/root/tools
  [ ! -e "$TOOLS/.ok" ] || return 0
  packages=$(apt_of sid get install -s makedumpfile kexec-tools | sed -n 's/^Inst \([^ ]*\).*/\1/p' |
    grep -E '^(lib|zlib|makedumpfile|kexec)' | grep -vE 'perl|debconf|systemd')
  [ -n "$packages" ] || missing "sid has no makedumpfile and kexec-tools"
  # shellcheck disable=SC2086 # a list
  unpack "$TOOLS" sid $packages
}

newest_drgn() { # sets DRGN_ROOT: drgn and Python of sid, with all that they need
  local packages
  DRGN_ROOT=$PACKAGES/root/drgn
  [ ! -e "$DRGN_ROOT/.ok" ] || return 0
  packages=$(apt_of sid get install -s python3-drgn | sed -n 's/^Inst \([^ ]*\).*/\1/p')
  [ -n "$packages" ] || missing "sid has no python3-drgn"
  # shellcheck disable=SC2086 # a list
  unpack "$DRGN_ROOT" sid $packages
}

makedumpfile() { # sid's, on this machine
  local dirs
  dirs=$(find "$TOOLS" -name 'lib*.so*' -printf '%h\n' | sort -u | paste -sd:)
  "$(find "$TOOLS" -name ld-linux-x86-64.so.2 | head -1)" --library-path "$dirs" "$TOOLS/usr/bin/makedumpfile" "$@"
}

busybox() { # sets BUSYBOX, a static one
  unpack "$PACKAGES/root/busybox" trixie busybox-static
  BUSYBOX=$(find "$PACKAGES/root/busybox" -name busybox -type f -path '*bin*' | head -1)
}

debug_vmlinux() { # debug_vmlinux SUITE: sets DEBUG_VMLINUX; 283 MB to fetch, 590 MB unpacked
  kernel "$1"
  local version
  version=$(cat "$PACKAGES/kernel.$1")
  unpack "$PACKAGES/root/debug-$version" "$1" "linux-image-$version-dbg"
  # boot/vmlinux-VERSION, or since Debian 14 lib/modules/VERSION/vmlinux
  DEBUG_VMLINUX=$(find "$PACKAGES/root/debug-$version" -type f -name 'vmlinux*' | head -1)
  [ -n "$DEBUG_VMLINUX" ] || missing "linux-image-$version-dbg has no vmlinux"
}

# A root folder with the compiler and the headers that modules of its kernel are built with. Sets BUILDER.
builder() { # builder SUITE
  local packages version d
  kernel "$1"
  version=$(cat "$PACKAGES/kernel.$1")
  BUILDER=$PACKAGES/root/build-$version
  if [ ! -e "$BUILDER/.ok" ]; then
    packages=$(apt_of "$1" get install -s "linux-headers-$version" make dash bash coreutils sed grep mawk findutils |
      sed -n 's/^Inst \([^ ]*\).*/\1/p' | grep -vE "^($NOT_TO_BUILD)")
    [ -n "$packages" ] || missing "$1 has no linux-headers-$version"
    # shellcheck disable=SC2086 # a list
    unpack "$BUILDER" "$1" $packages
  fi
  for d in bin sbin lib lib64; do # as installed: /bin is /usr/bin
    [ ! -L "$BUILDER/$d" ] || continue
    mkdir -p "$BUILDER/usr/$d" "$BUILDER/$d"
    cp -a "$BUILDER/$d/." "$BUILDER/usr/$d/"
    rm -rf "${BUILDER:?}/$d"
    ln -s "usr/$d" "$BUILDER/$d"
  done
  ln -sf dash "$BUILDER/usr/bin/sh"
  ln -sf mawk "$BUILDER/usr/bin/awk"
}
# What those depend on to be installed, not to run.
NOT_TO_BUILD='linux-(image|binary|modules|base)|initramfs|(lib)?systemd|udev|mount|(lib)?kmod|(lib)?klibc|dracut|perl|dpkg|debconf'
