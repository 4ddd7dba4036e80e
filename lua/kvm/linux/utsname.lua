-- SPDX-License-Identifier: BSD-2-Clause
-- linux/utsname.h: what uname(2) tells of a kernel, of the first or of any UTS namespace, and the line that the kernel begins its log with
-- (linux_banner, init/version.c). Needs no types where the dump has VMCOREINFO for the namespace. Checked against Linux 5.10, 6.1, 6.12
-- and 7.2.
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local UTS_LEN <const>, BANNER_LEN <const> = 65, 1024 -- __NEW_UTS_LEN + 1; a build's own limit is below

--- The names of a struct new_utsname, in its order.
M.FIELDS = {"sysname", "nodename", "release", "version", "machine", "domainname"}

--- A name of the first namespace.
-- @param k an open handle
-- @tparam string name one of FIELDS
-- @treturn string
-- @raise kvm.Error
-- @usage assert(kvm.linux.utsname.field(k, "sysname") == "Linux")
function M.field(k, name)
  local at = kallsyms.address(k, "init_uts_ns") + types.offsetof(k, "struct uts_namespace", "name." .. name)
  return k:cstring(at, UTS_LEN)
end

--- The names of a namespace, as that of a task's `nsproxy.uts_ns`.
-- @param ns `struct uts_namespace`
-- @treturn {string=string,...} by FIELDS
-- @raise kvm.Error
-- @usage assert(kvm.linux.utsname.of(k:object("init_uts_ns", "struct uts_namespace")).sysname == "Linux")
function M.of(ns)
  local k, base, out = object.handle(ns), object.addr(ns), {}
  for _, name in ipairs(M.FIELDS) do
    out[name] = k:cstring(base + types.offsetof(k, "struct uts_namespace", "name." .. name), UTS_LEN)
  end
  return out
end

--- The line that the log begins with.
-- @param k an open handle
-- @treturn string without its line break
-- @raise kvm.Error
-- @usage assert(kvm.linux.utsname.banner(k):find "^Linux version ")
function M.banner(k)
  return (k:cstring(kallsyms.address(k, "linux_banner"), BANNER_LEN):gsub("\n$", ""))
end

return M
