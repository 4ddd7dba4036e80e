-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local rhashtable = require "kvm.linux.rhashtable"

local S = memory.START
local HT, TBL, TBL2 = S, S + 0x100, S + 0x300
local function item(i) return S + 0x600 + 0x20 * i end

describe("kvm.linux.rhashtable", function()
  harness.guard()
  local k, ht

  local function u64(at, v) assert(k:write(at, ("<I8"):pack(v))) end
  local function table_at(at, size, buckets, nest, future)
    memory.set(k, "struct bucket_table", at, {size = size, nest = nest or 0, future_tbl = future or 0})
    local base = at + k:type("struct bucket_table"):strip():field("buckets").offset
    for i = 0, size - 1 do u64(base + 8 * i, buckets[i] or 0) end
    return base
  end
  local function chain(hash, ...)
    local list = {...}
    for i, n in ipairs(list) do
      u64(item(n), list[i + 1] and item(list[i + 1]) or hash << 1 | 1)
      u64(item(n) + 8, n)
    end
    return item(list[1])
  end
  before_each(function()
    k = memory.open [[
      struct rhash_head { struct rhash_head *next; };
      struct bucket_table { unsigned int size, nest; struct bucket_table *future_tbl; void *buckets[0]; };
      struct rhashtable { struct bucket_table *tbl; struct { int counter; } nelems; };
      struct hashed { struct rhash_head node; long n; };
    ]]
    ht = k:object(HT, "struct rhashtable")
    memory.set(k, "struct rhashtable", HT, {tbl = TBL, ["nelems.counter"] = 4})
    table_at(TBL, 4, {[0] = chain(0, 1, 2), [2] = chain(2, 3) | 1, [3] = 1})
  end)

  local function numbers()
    local got, err = memory.collect(rhashtable.for_each_entry("struct hashed", ht, "node"), function(o) return o.n end)
    return got, err
  end

  it("gives the entries of a table, also those of its successor", function()
    assert.are.same({1, 2, 3}, (numbers()))
    assert.are.equal(4, rhashtable.count(ht))
    table_at(TBL2, 2, {[1] = chain(1, 4)})
    memory.set(k, "struct bucket_table", TBL, {future_tbl = TBL2})
    assert.are.same({1, 2, 3, 4}, (numbers()))
    memory.set(k, "struct rhashtable", HT, {tbl = 0})
    assert.are.same({}, (numbers()))
  end)

  it("goes through a nested table", function()
    local page = S + 0x1000
    local base = table_at(TBL, 8, {}, 1)
    u64(base, TBL2)
    u64(TBL2, page)
    u64(TBL2 + 8, 0)
    u64(page + 8 * 2, chain(4, 5)) -- hash 4: index 0 in one bit, then 2
    assert.are.same({5}, (numbers()))
  end)

  it("stops where it is damaged, and does not run in a circle", function()
    for _, damage in ipairs {{size = 3}, {size = 0}, {nest = 40}} do
      table_at(TBL, 4, {})
      memory.set(k, "struct bucket_table", TBL, damage)
      local got, err = numbers()
      assert.are.same({{}, "format", TBL}, {got, err.code, err.addr})
    end
    table_at(TBL, 4, {[0] = chain(0, 1)})
    u64(item(1), item(1))
    local got, err = numbers()
    assert.are.same({{1}, "format"}, {got, err.code})
    u64(item(1), memory.UNMAPPED)
    got, err = numbers()
    assert.are.same({{1}, "fault"}, {got, err.code})
    table_at(TBL, 4, {}, 0, TBL)
    got, err = numbers()
    assert.are.same({{}, "format"}, {got, err.code})
  end)

  it("refuses what is no table", function()
    assert.has_error(function() rhashtable.for_each_entry("struct hashed", k:object(HT, "struct hashed"), "node") end)
  end)
end)
