-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm list: the entries of a linked list: a ring of struct list_head, or structs that a pointer to the next one links. Each
-- ring's back links are checked on the way; a list that is damaged is told as far as it goes.
local entries = require "kvm.cmd.entries"
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local list = require "kvm.linux.list"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"

local M = {
  name = "list",
  summary = "the entries of a linked list",
  operands = {{key = "start", name = "START"}},
  options = {
    {flags = "-t --type", value = "TYPE", help = "the struct that is linked"},
    {flags = "-m --member", value = "MEMBER", help = "what links it: its struct list_head, or a pointer to the next (START is the first)"},
    {flags = "-s --show", value = "MEMBERS", type = "list", help = "members to show of each, with commas"},
    {flags = "-r --reverse", help = "the last one first (struct list_head)"},
    {flags = "-c --count", value = "MOST", type = "integer", help = "at most so many"},
  },
  columns = entries.COLUMNS,
  no_match = "the list is empty",
}

local MOST <const> = 10000000

local function ring(k, start, opts)
  local head = kvm_error.check(k:object(start, "struct list_head"))
  if opts.type then
    return (opts.reverse and list.for_each_entry_reverse or list.for_each_entry)(words.type(k, opts.type), head, opts.member, MOST)
  end
  return (opts.reverse and list.for_each_reverse or list.for_each)(head, MOST)
end

-- Structs linked by a pointer, up to NULL or the first again.
local function chain(k, start, t, member)
  local seen, at = {}, start
  return function()
    if at == 0 then return nil end
    if seen[at] then
      if at == start then return nil end
      error(kvm_error.new {code = "format", addr = at, message = ("the list comes back to 0x%x, which is not its start"):format(at)})
    end
    seen[at] = true
    local o = kvm_error.check(k:object(at, t))
    at = k:ptr(object.addr(o, member))
    return o
  end
end

local function is_ring(k, opts)
  if not opts.type then return true end
  local t = words.type(k, opts.type)
  if not opts.member then error {usage = "--type needs --member"} end
  local of = kvm_error.check(t:strip():field(opts.member)).type:strip()
  if of:kind() == "pointer" then return false end
  if of:name() == "list_head" then return true end
  error {usage = ("%s is neither a struct list_head nor a pointer"):format(opts.member)}
end

--- The entries of a list.
-- @param k an open handle
-- @tparam table opts start (symbol, SYMBOL.MEMBER or address: the list's head; the first entry where member is a pointer), type,
--  member, show ({string,...}: members), reverse, count
-- @treturn function an iterator of records: index (from 0), addr (of the entry; of the node without type), members (text by
--  path), partial (paths that could not be read)
-- @raise kvm.Error `notfound`; what damages the list is the last record, see kvm.cmd.walk
-- @usage for e in require "kvm.cmd.list".run(k, {start = "init_task.tasks", type = "struct task_struct", member = "tasks", show = {"pid"}})
--   do assert(tonumber(e.members.pid)) end
function M.run(k, opts)
  if opts.show and not opts.type then error {usage = "--show needs --type"} end
  local ringed = is_ring(k, opts)
  if opts.reverse and not ringed then error {usage = "a list of pointers goes one way"} end
  local start = entries.start(k, opts.start)
  return walk.records(function(emit)
    local index = 0
    for o in ringed and ring(k, start, opts) or chain(k, start, opts.type, opts.member) do
      if opts.count and index >= opts.count then return end
      emit(entries.record(k, object.addr(o), opts, index))
      index = index + 1
    end
  end)
end

return M
