-- SPDX-License-Identifier: BSD-2-Clause
-- linux/rhashtable.h: resizable hash tables. A bucket is a pointer whose bit 0 is a lock; its list ends with an odd value. A large table
-- can be nested (a tree of pages); one that is being resized has a second table with what was moved. Checked against Linux 5.10
-- (rhash_lock_head, since 5.2) to 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local shapes = require "kvm.object.shape"
local types = require "kvm.type"

local M = {}

local MOST_BUCKETS <const> = 1 << 31
local MOST_IN_BUCKET <const> = 1 << 20
local PAGE_SLOTS <const> = 4096 // 8
local PAGE_BITS <const> = 9
local MAX_TABLES <const> = 64

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = ("rhashtable 0x%x: "):format(addr) .. form:format(...)}, 0)
end

-- The address of a bucket in a nested table (lib/rhashtable.c, __rht_bucket_nested); nil where no page of it is there.
local function nested(k, tbl, buckets, size, nest, hash)
  local slots_left = size >> nest
  local index = hash & ((1 << nest) - 1)
  local page = k:ptr(k:ptr(buckets) + 8 * index)
  local rest = hash >> nest
  while page ~= 0 and slots_left > PAGE_SLOTS do
    index = rest & (PAGE_SLOTS - 1)
    page = k:ptr(page + 8 * index)
    slots_left, rest = slots_left >> PAGE_BITS, rest >> PAGE_BITS
  end
  if slots_left < 1 then fail(tbl, "nested in %d bits, with %d buckets", nest, size) end
  return page ~= 0 and page + 8 * rest or nil
end

local function each_in_table(k, tbl, visit)
  local addr = object.addr(tbl)
  local size, nest = tbl.size, tbl.nest
  if size <= 0 or size > MOST_BUCKETS or size & (size - 1) ~= 0 or nest > 31 then
    fail(addr, "%d buckets, nested in %d bits", size, nest)
  end
  local buckets = addr + types.offsetof(k, "struct bucket_table", "buckets")
  for hash = 0, size - 1 do
    local at = nest == 0 and buckets + 8 * hash or nested(k, addr, buckets, size, nest, hash)
    local node, left = at and k:ptr(at) & ~1 or 0, MOST_IN_BUCKET
    -- A list ends with what is odd (a nulls value); an empty bucket is 0.
    while node ~= 0 and node & 1 == 0 do
      left = left - 1
      if left < 0 then fail(addr, "bucket %d has more than %d nodes", hash, MOST_IN_BUCKET) end
      local next_node = k:ptr(node)
      visit(node)
      if next_node == node then fail(addr, "the node at 0x%x leads to itself", node) end
      node = next_node
    end
  end
end

--- The entries of a table, in no order. One that is moved between tables while the dump is taken may come twice, or not.
-- @tparam string|kvm.Type t struct of the entries
-- @param ht `struct rhashtable`
-- @tparam string member path of the `struct rhash_head` in an entry
-- @return iterator of objects
-- @raise kvm.Error `format` where it is damaged; `fault`, `excluded`
-- @usage local table = k:object(k:ptr(k:symbol("nl_table").value), "struct netlink_table")
-- for sock in kvm.linux.rhashtable.for_each_entry("struct netlink_sock", table.hash, "node") do assert(sock.portid >= 0) end
function M.for_each_entry(t, ht, member)
  if not object.is_object(ht) or object.typeof(ht):name() ~= "rhashtable" then
    error("bad argument to 'for_each_entry' (struct rhashtable expected)", 2)
  end
  local k = object.handle(ht)
  if type(t) == "string" then t = types.of(k, t) end
  local offset = types.offsetof(k, t:strip(), member)
  return coroutine.wrap(function()
    local tbl, tables = ht.tbl, 0
    while tbl do
      tables = tables + 1
      if tables > MAX_TABLES then fail(object.addr(ht), "it has more than %d tables", MAX_TABLES) end
      each_in_table(k, tbl, function(node) coroutine.yield(shapes.at(k, t, node - offset)) end)
      tbl = tbl.future_tbl
    end
  end)
end

--- How many entries a table has.
-- @param ht `struct rhashtable`
-- @treturn integer as the table itself counts them
-- @raise kvm.Error
-- @usage assert(kvm.linux.rhashtable.count(k:object(k:ptr(k:symbol("nl_table").value), "struct netlink_table").hash) >= 0)
function M.count(ht)
  return ht.nelems.counter
end

return M
