-- SPDX-License-Identifier: BSD-2-Clause
-- linux/list.h and linux/list_nulls.h: singly headed lists (struct hlist_head, hlist_nulls_head), of which hash tables are made. Each
-- node's pprev must lead back to the pointer that led to it, so a walk over a damaged list ends with an error that names the node,
-- and no walk runs in a circle. A nulls list ends with an odd value that tells which bucket it is. Checked against Linux 5.10 to 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local shapes = require "kvm.object.shape"
local types = require "kvm.type"
local core = require "kvm.core"

local M = {}

local MOST_BUCKETS <const> = 1 << 26

-- By the struct of the head: that of the nodes, and the bit that ends a list besides NULL.
local HEADS <const> = {
  hlist_head = {node = "hlist_node", nulls = 0}, hlist_nulls_head = {node = "hlist_nulls_node", nulls = 1},
}

local function kind_of(head, name)
  local kind = object.is_object(head) and HEADS[object.typeof(head):name() or ""]
  if not kind then error(("bad argument to '%s' (struct hlist_head or hlist_nulls_head expected)"):format(name), 3) end
  return kind
end

local function chain(head, kind, entry, target, max)
  local k, addr = object.handle(head), object.addr(head)
  local node = "struct " .. kind.node
  return core.objects.chain(k, shapes.targets(k), {
    name = ("hlist at 0x%x"):format(addr), at = addr, stop = 0, max = max, nulls = kind.nulls,
    next = types.offsetof(k, node, "next"), back = types.offsetof(k, node, "pprev"), link = true, -- head.first lies as node.next does
    entry = entry, target = target,
  })
end

--- The nodes of a list.
-- @param head `struct hlist_head` or `struct hlist_nulls_head`
-- @tparam[opt] integer max nodes; more are an error
-- @return iterator of objects `struct hlist_node` or `struct hlist_nulls_node`
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage for node in kvm.linux.hlist.for_each(k:object("uidhash_table", "struct hlist_head[128]")[0]) do assert(kvm.addr(node) ~= 0) end
function M.for_each(head, max)
  local kind = kind_of(head, "for_each")
  local k = object.handle(head)
  return chain(head, kind, 0, shapes.of(k, types.of(k, "struct " .. kind.node)).index, max)
end

local function entries(t, head, member, max, name)
  local kind = kind_of(head, name)
  local k = object.handle(head)
  if type(t) == "string" then t = types.of(k, t) end
  return chain(head, kind, types.offsetof(k, t:strip(), member), shapes.of(k, t).index, max)
end

--- The entries of a list: what its nodes are members of.
-- @tparam string|kvm.Type t struct of the entries
-- @param head `struct hlist_head` or `struct hlist_nulls_head`
-- @tparam string member path of the node in an entry
-- @tparam[opt] integer max entries; more are an error
-- @return iterator of objects
-- @raise kvm.Error as for_each; `notfound`
-- @usage local head = k:object("uidhash_table", "struct hlist_head[128]")[0]
-- for u in kvm.linux.hlist.for_each_entry("struct user_struct", head, "uidhash_node") do assert(u.uid.val >= 0) end
function M.for_each_entry(t, head, member, max)
  return entries(t, head, member, max, "for_each_entry")
end

--- Whether a list has no nodes.
-- @param head `struct hlist_head` or `struct hlist_nulls_head`
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(type(kvm.linux.hlist.empty(k:object("uidhash_table", "struct hlist_head[128]")[0])) == "boolean")
function M.empty(head)
  local kind = kind_of(head, "empty")
  local first = object.handle(head):ptr(object.addr(head))
  return first == 0 or first & kind.nulls ~= 0
end

--- The entries of a hash table: those of each of its buckets.
-- @tparam string|kvm.Type t struct of the entries
-- @param table an array of heads (`struct hlist_head table[N]`), or its address as the object of the first head
-- @tparam string member path of the node in an entry
-- @tparam[opt] integer buckets how many there are; without it as many as the array has
-- @tparam[opt] integer max entries of one bucket; more are an error
-- @return iterator of objects
-- @raise kvm.Error as for_each_entry; `inval` for an array without bound
-- @usage local table = k:object("uidhash_table", "struct hlist_head[128]")
-- for u in kvm.linux.hlist.for_each_in_table("struct user_struct", table, "uidhash_node") do assert(u.uid.val >= 0) end
function M.for_each_in_table(t, table, member, buckets, max)
  local k = object.handle(table)
  local element = object.typeof(table):strip()
  local is_array = element:kind() == "array"
  if is_array and not buckets and element:count() == 0 then
    kvm_error.fail("inval", "%s does not tell how many buckets it has", object.typeof(table):spell())
  end
  buckets = buckets or is_array and element:count() or 1
  if is_array then element = element:target():strip() end
  if buckets < 0 or buckets > MOST_BUCKETS then
    kvm_error.fail("format", "a hash table of %d buckets at 0x%x", buckets, object.addr(table))
  end
  local size, at, i, step = element:size(), object.addr(table), 0, nil
  return function()
    while true do
      local entry = step and step()
      if entry then return entry end
      if i == buckets then return nil end
      local head = shapes.at(k, element, at + i * size)
      i, step = i + 1, nil
      if not M.empty(head) then step = entries(t, head, member, max, "for_each_in_table") end
    end
  end
end

--- How many nodes a list has.
-- @param head `struct hlist_head` or `struct hlist_nulls_head`
-- @tparam[opt] integer max nodes
-- @treturn integer
-- @raise kvm.Error as for_each
-- @usage assert(kvm.linux.hlist.count(k:object("uidhash_table", "struct hlist_head[128]")[0]) < 10)
function M.count(head, max)
  local n = 0
  for _ in M.for_each(head, max) do n = n + 1 end
  return n
end

--- Goes over a whole list and tells what is wrong with it.
-- @param head `struct hlist_head` or `struct hlist_nulls_head`
-- @tparam[opt] integer max nodes
-- @treturn[1] integer its nodes
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage assert(kvm.linux.hlist.validate(k:object("uidhash_table", "struct hlist_head[128]")[0]))
function M.validate(head, max)
  return kvm_error.try(M.count, head, max)
end

return M
