-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm info: what was opened. One record, made from k:info() alone; symbols and types are looked for only with
-- --full.
local M = {
  name = "info",
  summary = "what the dump is: release, build id, format, addresses",
  options = {
    {flags = "-f --full", help = "also find the symbols and types, and say where they come from"},
    {flags = "--vmcoreinfo", value = "FILE", optional = true,
      help = "without FILE: print the VMCOREINFO lines; with it: they stand for those of the dump"},
  },
  columns = {
    {name = "os", kind = "string"},
    {name = "arch", kind = "string"},
    {name = "byte_order", kind = "string"},
    {name = "pointer_size", kind = "integer"},
    {name = "release", kind = "string"},
    {name = "machine", kind = "string"},
    {name = "build_id", kind = "string"},
    {name = "path", kind = "string"},
    {name = "format", kind = "string"},
    {name = "incomplete", kind = "boolean"},
    {name = "vmcoreinfo_from", kind = "string"},
    {name = "found", kind = "string"},
    {name = "page_size", kind = "integer"},
    {name = "cpus", kind = "integer"},
    {name = "kaslr_offset", kind = "hex"},
    {name = "phys_base", kind = "signed_hex"},
    {name = "crash_time", kind = "time"},
    {name = "types_from", kind = "string"},
    {name = "symbols_from", kind = "string"},
  },
  view = "fields",
}

--- The facts of an open kernel.
-- @param k an open handle
-- @tparam[opt] table opts full
-- @treturn function an iterator of one record
-- @usage for r in require "kvm.cmd.info".run(k) do assert(r.os == "linux") end
function M.run(k, opts)
  opts = opts or {}
  local info = k:info {full = opts.full or nil}
  local done = false
  return function()
    if done then return nil end
    done = true
    return info
  end
end

--- With opts.vmcoreinfo the VMCOREINFO lines; else nothing of its own.
function M.text(rec, opts)
  if not opts.vmcoreinfo then return nil end
  local keys = {}
  for key in pairs(rec.vmcoreinfo or {}) do keys[#keys + 1] = key end
  table.sort(keys)
  local format, out = require "kvm.format", {}
  for i, key in ipairs(keys) do out[i] = format.escape(key .. "=" .. rec.vmcoreinfo[key]) .. "\n" end
  return table.concat(out)
end

return M
