-- SPDX-License-Identifier: BSD-2-Clause
-- A folder as core: /var/crash/<time>/, where a crash kernel has left the dump, and perhaps the vmlinux beside it. The names are those
-- of Debian's kdump-tools (dump.<time>) and of kdump-utils and SUSE's kdump (vmcore, vmcore.flat while it is flattened).
local kvm_error = require "kvm.error"

local M = {}

local ENOENT <const> = 2 -- errno of Linux and FreeBSD

local function opens(path)
  local file, _, code = io.open(path, "rb")
  return file and file:close() or false, code
end

local function is_folder(path) return (opens(path .. "/.")) end

-- Also what may not be read: opening it says so, where leaving it out would be silent.
local function is_there(path)
  local ok, code = opens(path)
  return ok or code ~= ENOENT
end

local function dumps_of(folder)
  local time = folder:match "([^/]+)/*$"
  return {"vmcore", "vmcore.flat", time and "dump." .. time}
end

--- The dump and its vmlinux where core is a folder; else what is given.
-- @tparam ?string|{string,...} core
-- @tparam[opt] string namelist goes before the folder's
-- @treturn ?string|{string,...} core
-- @treturn ?string namelist
-- @raise kvm.Error `notfound`: the folder has no dump; `inval`: it has several
-- @usage assert(require "kvm.cli.core_folder".files("/dev/null") == "/dev/null")
function M.files(core, namelist)
  if type(core) ~= "string" or not is_folder(core) then return core, namelist end
  local looked_for, found = dumps_of(core), {}
  for _, name in ipairs(looked_for) do
    if is_there(core .. "/" .. name) then found[#found + 1] = name end
  end
  if not found[1] then kvm_error.fail("notfound", "%s: no dump is in this folder (looked for %s)", core, table.concat(looked_for, ", ")) end
  if found[2] then kvm_error.fail("inval", "%s: several dumps are in this folder: %s", core, table.concat(found, ", ")) end
  local vmlinux = core .. "/vmlinux"
  return core .. "/" .. found[1], namelist or is_there(vmlinux) and vmlinux or nil
end

return M
