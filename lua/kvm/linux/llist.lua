-- SPDX-License-Identifier: BSD-2-Clause
-- linux/llist.h: singly linked lists that are added to without a lock; the latest is the first. Nothing leads back, so a damaged list can
-- only be told by a node that comes twice, or by one that can't be read. Checked against Linux 5.10 to 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local NODE <const>, MOST <const> = "struct llist_node", 1 << 24

local function broken(at, form, ...)
  error(kvm_error.new {code = "format", addr = at, message = form:format(...)}, 0)
end

-- The addresses of the nodes. A circle is told when the walk meets the node that it remembers, which it changes after 1, 2, 4, 8, ...
-- steps (Brent's way).
local function nodes(first, at, max)
  local k, next_at = object.handle(first), types.offsetof(object.handle(first), NODE, "next")
  local mark, steps, limit, count = 0, 0, 1, 0
  return function()
    if at == 0 then return nil end
    if at == mark then broken(at, "the list at 0x%x leads back to 0x%x", object.addr(first), at) end
    if count >= max then broken(at, "the list at 0x%x has more than %d nodes", object.addr(first), max) end
    if steps == limit then mark, steps, limit = at, 0, 2 * limit end
    steps, count = steps + 1, count + 1
    local this = at
    at = k:ptr(at + next_at)
    return this
  end
end

local function walk(from, name, max)
  local kind = object.is_object(from) and object.typeof(from):name()
  if kind ~= "llist_head" and kind ~= "llist_node" then
    error(("bad argument to '%s' (struct llist_head or llist_node expected)"):format(name), 3)
  end
  local at = object.addr(from)
  if kind == "llist_head" then
    local first = from.first
    at = first and object.addr(first) or 0
  end
  return nodes(from, at, max or MOST)
end

--- The nodes of a list.
-- @param from `struct llist_head`, or the `struct llist_node` to start with
-- @tparam[opt] integer max nodes; more are an error
-- @treturn function an iterator of `struct llist_node`
-- @raise kvm.Error `format`: the list leads back to itself; `fault`, `excluded`
-- @usage local head = kvm.linux.percpu.per_cpu(k, "call_single_queue", 0, "struct llist_head")
-- for node in kvm.linux.llist.for_each(head) do assert(kvm.addr(node) ~= 0) end
function M.for_each(from, max)
  local k, step = object.handle(from), walk(from, "for_each", max)
  return function()
    local at = step()
    return at and k:object(at, NODE)
  end
end

--- The entries of a list: what its nodes are members of.
-- @tparam string|kvm.Type t struct of the entries
-- @param from as for_each
-- @tparam string member path of the node in an entry
-- @tparam[opt] integer max entries; more are an error
-- @treturn function an iterator of objects
-- @raise kvm.Error as for_each; `notfound`
-- @usage local head = kvm.linux.percpu.per_cpu(k, "call_single_queue", 0, "struct llist_head")
-- for csd in kvm.linux.llist.for_each_entry("call_single_data_t", head, "node.llist") do assert(csd.func) end
function M.for_each_entry(t, from, member, max)
  local k, step = object.handle(from), walk(from, "for_each_entry", max)
  if type(t) == "string" then t = types.of(k, t) end
  local offset = types.offsetof(k, t:strip(), member)
  return function()
    local at = step()
    return at and k:object(at - offset, t)
  end
end

--- Whether a list has no nodes.
-- @param head `struct llist_head`
-- @treturn boolean
-- @raise kvm.Error
-- @usage local head = kvm.linux.percpu.per_cpu(k, "call_single_queue", 0, "struct llist_head")
-- assert(kvm.linux.llist.empty(head) == (kvm.linux.llist.validate(head) == 0))
function M.empty(head) return head.first == nil end

--- Goes over a whole list and tells what is wrong with it.
-- @param from as for_each
-- @tparam[opt] integer max nodes; more are an error
-- @treturn[1] integer its nodes
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage local head = kvm.linux.percpu.per_cpu(k, "call_single_queue", 0, "struct llist_head")
-- assert(kvm.linux.llist.validate(head))
function M.validate(from, max)
  return kvm_error.try(function()
    local count = 0
    for _ in walk(from, "validate", max) do count = count + 1 end
    return count
  end)
end

return M
