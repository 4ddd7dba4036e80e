-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm diff: what is not the same in two dumps: of two moments of one machine, or of two machines that should be alike.
local walk = require "kvm.cmd.walk"

-- What is compared: the records of a command, by their key, and which of their values.
local PARTS <const> = {
  {kind = "task", command = "ps", opts = {}, key = function(r) return ("%d %s"):format(r.pid, r.comm) end, values = {"state", "rss_bytes"}},
  {kind = "module", command = "mod", opts = {}, values = {"state", "size", "refs"}},
  {kind = "slab", command = "kmem", opts = {slab = true}, values = {"objects", "bytes"}},
  {kind = "memory", command = "kmem", opts = {info = true}, values = {"bytes", "count"}},
  {kind = "counter", command = "kmem", opts = {events = true}, values = {"count"}},
  {kind = "sysctl", command = "sys", opts = {what = "sysctl", names = {}}, values = {"value"}},
}

local M = {
  name = "diff",
  summary = "what differs between two dumps: tasks, modules, memory, counters, sysctl values",
  operands = {{key = "other", name = "OTHER"}},
  options = {
    {flags = "-k --kind", value = "KIND,...", type = "list", help = "only these: task, module, slab, memory, counter, sysctl"},
  },
  columns = {
    {name = "kind", kind = "string", title = "KIND", width = 7, left = true},
    {name = "name", kind = "string", title = "NAME", width = 32, left = true},
    {name = "value", kind = "string", title = "VALUE", width = 9, left = true},
    {name = "before", kind = "string", title = "BEFORE", width = 14},
    {name = "after", kind = "string", title = "AFTER", width = 14},
    {name = "change", kind = "integer", title = "CHANGE", width = 14},
  },
  no_match = "no difference",
}

local function key_of(part, rec) return part.key and part.key(rec) or rec.name end

-- The records of a kernel by their keys, and the keys in order. Two records of one key are numbered. What stopped a walk is emitted.
local function records_of(k, part, emit)
  local by_key, order = {}, {}
  for rec in require("kvm.cmd." .. part.command).run(k, part.opts) do
    if rec.stopped then
      emit(rec)
    else
      local name, n = key_of(part, rec), 1
      local key = name
      while by_key[key] do
        n = n + 1
        key = ("%s #%d"):format(name, n)
      end
      by_key[key], order[#order + 1] = rec, key
    end
  end
  return by_key, order
end

local function text_of(v) return v ~= nil and tostring(v) or nil end

local function compare(part, key, one, other, emit)
  for _, name in ipairs(part.values) do
    local a, b = one and one[name], other and other[name]
    if a ~= b then
      local is_number = math.type(a or 0) == "integer" and math.type(b or 0) == "integer"
      emit {kind = part.kind, name = key, value = name, before = text_of(a), after = text_of(b),
        change = is_number and (b or 0) - (a or 0) or nil}
    end
  end
end

local function compare_part(k, other, part, emit)
  local before, order = records_of(k, part, emit)
  local after, later = records_of(other, part, emit)
  for _, key in ipairs(order) do compare(part, key, before[key], after[key], emit) end
  for _, key in ipairs(later) do
    if not before[key] then compare(part, key, nil, after[key], emit) end
  end
end

local function chosen(kinds)
  if not kinds then return PARTS end
  local by_kind, out = {}, {}
  for _, part in ipairs(PARTS) do by_kind[part.kind] = part end
  for i, kind in ipairs(kinds) do out[i] = by_kind[kind] or error {usage = ("diff compares no %q"):format(kind)} end
  return out
end

--- What differs between a kernel and another one.
-- @param k an open handle: before
-- @tparam table opts other (an open handle, or the path of a dump: after), kind ({string,...}: what is compared, all without)
-- @treturn function an iterator of records: kind ("task", "module", "slab", "memory", "counter", "sysctl"), name, value (the name of what
--  differs), before and after (text; nil: there is no such value then), change (of numbers: after less before; what is not there
--  counts as 0)
-- @raise kvm.Error where the other dump can't be opened
-- @usage local step = require "kvm.cmd.diff".run(k, {other = k, kind = {"module"}}) assert(step() == nil)
function M.run(k, opts)
  local parts = chosen(opts.kind)
  local kvm = require "kvm"
  local own = type(opts.other) == "string" and kvm.check(kvm.open(opts.other)) or nil
  return walk.records(function(emit)
    local close <close> = own -- luacheck: ignore 211
    for _, part in ipairs(parts) do walk.part(emit, compare_part, k, own or opts.other, part, emit) end
  end)
end

return M
