-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local klist = require "kvm.linux.klist"
local kvm = require "kvm"
local memory = require "spec.support.memory"

local DECLARATIONS = [[
  struct kref { int refs; };
  struct klist { int k_lock; struct list_head k_list; };
  struct klist_node { void *n_klist; struct list_head n_node; struct kref n_ref; };
  struct holder { long number; struct klist_node node; };
]]
local LIST = memory.START
local function holder(i) return memory.START + 0x40 * i end

describe("kvm.linux.klist", function()
  harness.guard()
  local k, list

  local function set(i, members) memory.set(k, "struct holder", holder(i), members) end
  before_each(function()
    k = memory.open(DECLARATIONS)
    list = k:object(LIST, "struct klist")
    local head = kvm.addr(list.k_list)
    local ring = {head}
    for i = 1, 3 do ring[i + 1] = holder(i) + kvm.offsetof(k:type "struct holder", "node.n_node") end
    for i, at in ipairs(ring) do
      assert(k:write(at, ("<i8"):pack(ring[i % 4 + 1])))
      assert(k:write(ring[i % 4 + 1] + 8, ("<i8"):pack(at)))
    end
    for i = 1, 3 do set(i, {number = i * 10, ["node.n_klist"] = LIST}) end
  end)

  local function numbers() return memory.collect(klist.for_each_entry("struct holder", list, "node"), function(o) return o.number end) end

  it("gives the entries that are alive", function()
    assert.are.same({10, 20, 30}, (numbers()))
    set(2, {["node.n_klist"] = LIST | 1})
    assert.are.same({10, 30}, (numbers()))
    assert.are.equal(2, klist.validate(list))
    assert.are.equal("struct klist_node", kvm.typeof(klist.for_each(list)()):spell())
  end)

  it("stops where a node is of another list, or a link is broken", function()
    set(2, {["node.n_klist"] = LIST + 8})
    local got, err = numbers()
    assert.are.same({{10}, "format", kvm.addr(k:object(holder(2), "struct holder"), "node")}, {got, err.code, err.addr})
    set(2, {["node.n_klist"] = LIST, ["node.n_node.next"] = memory.UNMAPPED})
    got, err = numbers()
    assert.are.same({{10, 20}, "fault"}, {got, err.code})
    assert.are.equal("fault", select(2, klist.validate(list)).code)
    assert.are.equal("format", select(2, klist.validate(list, 1)).code)
    assert.has_error(function() klist.for_each(list.k_list) end)
  end)
end)
