-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm mod: the loaded modules, as /proc/modules and lsmod(8) tell them, the one loaded last first.
local kvm_error = require "kvm.error"
local module = require "kvm.linux.module"
local moduleparam = require "kvm.linux.moduleparam"
local panic = require "kvm.linux.panic"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"

local M = {
  name = "mod",
  summary = "loaded modules",
  operands = {{key = "names", name = "NAME", many = true, optional = true}},
  options = {
    {flags = "-p --parameters", help = "also the parameters, with their values"},
    {flags = "-s --sections", help = "also the sections with their addresses, and the number of symbols"},
    {flags = "-t --tainting", help = "only modules that taint the kernel, and how"},
  },
  columns = {
    {name = "name", kind = "string", title = "MODULE", width = 24, left = true},
    {name = "addr", kind = "hex", title = "ADDRESS", width = 18, left = true},
    {name = "size", kind = "integer", title = "SIZE", width = 9},
    {name = "refs", kind = "integer", title = "REFS", width = 4},
    {name = "taints", kind = "string", title = "TAINTS", width = 6, left = true},
    {name = "state", kind = "string", title = "STATE", width = 6, left = true},
    {name = "used_by", kind = "strings"},
    {name = "parameters", kind = "texts"},
    {name = "sections", kind = "records", columns = {{name = "name", kind = "string"}, {name = "addr", kind = "hex"}}},
    {name = "symbols", kind = "integer", title = "SYMBOLS", width = 7, only = "sections"},
    {name = "meanings", kind = "strings", title = "TAINTED BY", left = true, width = 24, only = "tainting"},
    {name = "partial", kind = "strings"},
    {name = "users", kind = "string", title = "USED BY", left = true, width = 16, json = false},
    {name = "values", kind = "string", title = "PARAMETERS", left = true, width = 32, only = "parameters", json = false},
    {name = "places", kind = "string", title = "SECTIONS", left = true, width = 0, only = "sections", json = false},
  },
}

-- The names that were asked for, of which * stands for any text; nil: all.
local function filter(names)
  local patterns = {}
  for i, name in ipairs(names or {}) do patterns[i] = words.glob(name) end
  if not patterns[1] then return function() return true end end
  return function(name)
    for _, pattern in ipairs(patterns) do
      if name:find(pattern) then return true end
    end
    return false
  end
end

local PARTS = {{"refs", module.refs}, {"taints", module.taints}, {"state", module.state}, {"used_by", module.users}}

local function parameters(k, addr)
  local out = {}
  for name, param in moduleparam.for_each(k, addr) do out[name] = moduleparam.value(param) end
  return out
end

local function meanings(k, addr)
  local out = {}
  for i, flag in ipairs(panic.taint_flags(kvm_error.check(k:object(addr, "struct module")).taints)) do out[i] = flag.meaning end
  return out
end

-- What options add: option, keys and how they are found, a text of them.
local MORE <const> = {
  {"parameters", {{"parameters", parameters}}, function(rec)
    local out = {}
    for name, value in pairs(rec.parameters or {}) do out[#out + 1] = name .. "=" .. value end
    table.sort(out)
    rec.values = table.concat(out, " ")
  end},
  {"sections", {{"sections", module.sections}, {"symbols", module.symbols}}, function(rec)
    local out = {}
    for i, section in ipairs(rec.sections or {}) do out[i] = ("%s=0x%x"):format(section.name, section.addr) end
    rec.places = table.concat(out, " ")
  end},
  {"tainting", {{"meanings", meanings}}, function() end},
}

local function record(k, m, opts)
  local rec = {name = m.name, addr = m.base, size = m.size}
  walk.fields(rec, PARTS, k, m.addr)
  rec.users = rec.used_by and table.concat(rec.used_by, ",")
  for _, more in ipairs(MORE) do
    if opts[more[1]] then
      walk.fields(rec, more[2], k, m.addr)
      more[3](rec)
    end
  end
  return rec
end

--- The loaded modules.
-- @param k an open handle
-- @tparam[opt] table opts names ({string,...}: only these; * stands for any text), parameters, sections, tainting (only those that do)
-- @treturn function an iterator of records: name, addr (of its text), size (bytes in memory), refs (users; -1: it goes),
--   used_by ({string,...}), taints (letters, "" for none), state ("live", "coming", "going"), with parameters: parameters
--   ({name=value}: those that have one), with sections: sections ({name, addr}) and symbols (their number), with tainting: meanings
--   ({string,...}), partial (the keys that could not be read; nil when all could)
-- @raise kvm.Error where the list is damaged, behind what was found
-- @usage for m in require "kvm.cmd.mod".run(k, {names = {"virtio*"}}) do assert(m.size > 0) end
function M.run(k, opts)
  opts = opts or {}
  local wanted = filter(opts.names)
  local step, state, control = k:modules()
  return function()
    while true do
      control = step(state, control)
      if control == nil then return nil end
      if wanted(control.name) then
        local rec = record(k, control, opts)
        if not opts.tainting or rec.taints ~= "" then return rec end -- also those of which that can't be told
      end
    end
  end
end

return M
