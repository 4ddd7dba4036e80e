-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm mod: the loaded modules, as /proc/modules and lsmod(8) tell them, the one loaded last first.
local module = require "kvm.linux.module"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"

local M = {
  name = "mod",
  summary = "loaded modules",
  operands = {{key = "names", name = "NAME", many = true, optional = true}},
  options = {},
  columns = {
    {name = "name", kind = "string", title = "MODULE", width = 24, left = true},
    {name = "addr", kind = "hex", title = "ADDRESS", width = 18, left = true},
    {name = "size", kind = "integer", title = "SIZE", width = 9},
    {name = "refs", kind = "integer", title = "REFS", width = 4},
    {name = "taints", kind = "string", title = "TAINTS", width = 6, left = true},
    {name = "state", kind = "string", title = "STATE", width = 6, left = true},
    {name = "used_by", kind = "strings"},
    {name = "partial", kind = "strings"},
    {name = "users", kind = "string", title = "USED BY", left = true, width = 0, json = false},
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

local function record(k, m)
  local rec = {name = m.name, addr = m.base, size = m.size}
  walk.fields(rec, PARTS, k, m.addr)
  rec.users = rec.used_by and table.concat(rec.used_by, ",")
  return rec
end

--- The loaded modules.
-- @param k an open handle
-- @tparam[opt] table opts names ({string,...}: only these; * stands for any text)
-- @treturn function an iterator of records: name, addr (of its text), size (bytes in memory), refs (users; -1: it goes),
--   used_by ({string,...}), taints (letters, "" for none), state ("live", "coming", "going"), partial (the keys that could
--   not be read; nil when all could)
-- @raise kvm.Error where the list is damaged, behind what was found
-- @usage for m in require "kvm.cmd.mod".run(k, {names = {"virtio*"}}) do assert(m.size > 0) end
function M.run(k, opts)
  local wanted = filter(opts and opts.names)
  local step, state, control = k:modules()
  return function()
    while true do
      control = step(state, control)
      if control == nil then return nil end
      if wanted(control.name) then return record(k, control) end
    end
  end
end

return M
