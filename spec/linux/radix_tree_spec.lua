-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm_error = require "kvm.error"
local memory = require "spec.support.memory"
local radix_tree = require "kvm.linux.radix_tree"

local DECLARATIONS = [[
  struct xarray { unsigned int xa_lock; unsigned int xa_flags; void *xa_head; };
  struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
    unsigned long marks[3][1]; };
  struct leaf { long id; };
]]
local ROOT, NODE, LEAF = memory.START, memory.START + 0x100, memory.START + 0x800

describe("kvm.linux.radix_tree", function()
  harness.guard()

  it("is an XArray with tags for marks", function()
    local k = memory.open(DECLARATIONS)
    local root, slots = k:object(ROOT, "struct xarray"), k:type("struct xa_node"):strip():field("slots").offset
    local marks = k:type("struct xa_node"):strip():field("marks").offset
    memory.set(k, "struct xarray", ROOT, {xa_head = NODE | 2})
    memory.set(k, "struct xa_node", NODE, {array = ROOT})
    for i = 1, 3 do
      assert(k:write(NODE + slots + 8 * 10 * i, ("<I8"):pack(LEAF + 8 * i)))
      memory.set(k, "struct leaf", LEAF + 8 * i, {id = i})
    end
    assert(k:write(NODE + marks + 8, ("<I8"):pack(1 << 20)))
    assert.are.same({10, 20, 30}, (memory.collect(radix_tree.for_each(root))))
    assert.are.same({20, 30}, (memory.collect(radix_tree.for_each(root, 11, 63))))
    assert.are.same({1, 2, 3}, (memory.collect(radix_tree.for_each_entry("struct leaf", root), function(_, o) return o.id end)))
    assert.are.same({20}, (memory.collect(radix_tree.for_each_tagged(root, 1))))
    assert.are.same({LEAF + 16, 0, 2, nil}, {radix_tree.lookup(root, 20), radix_tree.lookup(root, 21),
      radix_tree.lookup(root, 20, "struct leaf").id, radix_tree.lookup(root, 21, "struct leaf")})
    for _, tag in ipairs {-1, 3} do assert.are.equal("inval", select(2, kvm_error.try(radix_tree.for_each_tagged, root, tag)).code) end
    memory.set(k, "struct xa_node", NODE, {array = ROOT + 8})
    local got, err = memory.collect(radix_tree.for_each(root))
    assert.are.same({{}, "format", NODE}, {got, err.code, err.addr})
  end)
end)
