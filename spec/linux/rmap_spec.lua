-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.slub"
local memory = require "spec.support.memory"
local rmap = require "kvm.linux.rmap"

local S = memory.START
local PAGE, MM, AREA, ANON, CHAIN, MAPPING = S + 64 * 3, S + 0xc00, S + 0xc80, S + 0xd80, S + 0xe00, S + 0xe80
local TYPES = [[
  struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };
  struct rb_root { struct rb_node *rb_node; };
  struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };
  struct mm_struct { int count; };
  struct vm_area_struct { unsigned long vm_start, vm_end, vm_pgoff; struct mm_struct *vm_mm; struct { struct rb_node rb; } shared; };
  struct anon_vma { struct rb_root_cached rb_root; };
  struct anon_vma_chain { struct vm_area_struct *vma; struct rb_node rb; };
  struct address_space { struct rb_root_cached i_mmap; };
]]

describe("kvm.linux.rmap", function()
  harness.guard()
  local k
  before_each(function()
    k = made.open(false, TYPES)
    local function root_at(at, node)
      assert(k:write(at, ("<i8i8"):pack(node, node)))
      assert(k:write(node, ("<i8"):pack(1))) -- black, no parent
    end
    memory.set(k, "struct vm_area_struct", AREA, {vm_start = 0x10000, vm_end = 0x18000, vm_pgoff = 16, vm_mm = MM})
    memory.set(k, "struct anon_vma_chain", CHAIN, {vma = AREA})
    root_at(ANON, CHAIN + k:type("struct anon_vma_chain"):strip():field("rb").offset)
    root_at(MAPPING, AREA + k:type("struct vm_area_struct"):strip():field("shared.rb").offset)
  end)
  after_each(memory.forget)

  local function set(members) memory.set(k, "struct page", PAGE, members) end
  local function areas() return memory.collect(rmap.for_each_area(k, PAGE), function(area, addr) return {kvm.addr(area), addr} end) end

  it("finds the areas of anonymous memory and of files", function()
    set {mapping = ANON | 1, __folio_index = 18}
    assert.are.same({{AREA, 0x12000}}, (areas()))
    set {mapping = MAPPING, __folio_index = 23}
    assert.are.same({{AREA, 0x17000}}, (areas()))
    for _, outside in ipairs {15, 24} do
      set {__folio_index = outside}
      assert.are.same({}, (areas()))
    end
  end)

  it("counts from the head of a compound page", function()
    memory.set(k, "struct page", PAGE - 64, {mapping = ANON | 1, __folio_index = 18})
    set {compound_info = PAGE - 64 | 1}
    assert.are.same({{AREA, 0x13000}}, (areas()))
  end)

  it("knows none of what is no user memory", function()
    assert.are.same({}, (areas()))
    set {mapping = ANON | 3} -- KSM
    assert.are.same({}, (areas()))
    assert.are.same({}, rmap.users(k, made.at.SLAB))
    local _, err = kvm.try(rmap.for_each_area, k, PAGE + 1)
    assert.is_true(err.code == "inval" or err.code == "fault")
  end)

  it("stops where a tree is damaged", function()
    set {mapping = MAPPING, __folio_index = 16}
    assert(k:write(MAPPING, ("<i8"):pack(memory.UNMAPPED)))
    local _, err = kvm.try(areas)
    assert.are.equal("fault", err.code)
  end)
end)
