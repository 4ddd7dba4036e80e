-- SPDX-License-Identifier: BSD-2-Clause
-- luarocks make rockspec/lua-kvm-scm-1.rockspec, in a checkout. The Makefile knows the files; the
-- libraries of the codecs, libelf and libdw must be installed (make deps).
rockspec_format = "3.0"
package = "lua-kvm"
version = "scm-1"
source = {
  url = "git+file://.",
}
description = {
  summary = "kvm(3) for Lua: symbols, memory, processes and types of a kernel in a crash dump",
  detailed = [[
Opens Linux crash dumps (ELF vmcore, kdump-compressed, QEMU) with no debuginfo: symbols and types are read
out of the dump itself. With the command luakvm.]],
  license = "BSD-2-Clause",
  labels = {"debug", "kernel", "linux"},
}
supported_platforms = {"linux"}
dependencies = {
  "lua ~> 5.4",
  "argparse >= 0.7",
  "lua-cjson >= 2.1",
  "lpeg >= 1.0",
}
build = {
  type = "make",
  build_target = "rock",
  install_target = "install-lua",
  build_variables = {
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS) -g",
    LIBFLAG = "$(LIBFLAG)",
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    B = "build/rock",
  },
  install_variables = {
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS) -g",
    LIBFLAG = "$(LIBFLAG)",
    B = "build/rock",
    PREFIX = "$(PREFIX)",
    LUADIR = "$(LUADIR)",
    LUACDIR = "$(LIBDIR)",
    BINDIR = "$(BINDIR)",
    -- PREFIX is TREE/lib/luarocks/rocks-5.4/lua-kvm/scm-1
    RUN_LUADIR = "$(PREFIX)/../../../../../share/lua/5.4",
    RUN_LUACDIR = "$(PREFIX)/../../../../../lib/lua/5.4",
  },
}
