-- SPDX-License-Identifier: BSD-2-Clause
-- What a made-up kernel has of what addresses can be; stacks and modules are asked of real ones in spec/kernels/identify_spec.lua.
local areas = require "spec.support.vmalloc"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local identify = require "kvm.linux.identify"
local made = require "spec.support.slub"
local memory = require "spec.support.memory"

local S = memory.START
local UNITS = S + 0xb00 -- the first chunk: two units, the second one at 0x100

describe("kvm.linux.identify", function()
  harness.guard()
  local k, symbols
  before_each(function()
    local _
    k, _, symbols = made.open(false, areas.TYPES)
    areas.fill(k, symbols)
  end)
  after_each(memory.forget)

  local function found(addr, kind)
    for _, rec in ipairs((identify.address(k, addr))) do
      if rec.kind == kind then return rec end
    end
  end

  it("knows symbols, slabs, areas and pages", function()
    assert.are.same({kind = "symbol", name = "a_caller", addr = areas.CALLER, offset = 0}, found(areas.CALLER, "symbol"))
    assert.are.same({kind = "slab", name = "a-cache", addr = made.object(3), offset = 9, bytes = 56, index = 3, state = "kept", cpu = 0,
      slab = made.at.SLAB}, found(made.object(3) + 9, "slab"))
    assert.are.same({kind = "area", name = "a_caller+0x0", addr = areas.at.START, offset = 0x1000, bytes = 0x3000,
      kinds = {"vmalloc", "user"}}, found(areas.at.START + 0x1000, "area"))
    local page = found(made.object(3) + 9, "page")
    assert.are.same({made.at.SLAB, made.pfn + 1, "slab", {"locked", "referenced"}, (made.object(3) + 9) & 4095},
      {page.addr, page.pfn, page.type, page.flags, page.offset})
    page = found(made.at.SLAB + 8, "struct page")
    assert.are.same({made.at.SLAB, made.pfn + 1, 8}, {page.addr, page.pfn, page.offset})
    assert.is_nil(found(made.at.SLAB + 64, "slab"))
  end)

  it("knows per-CPU variables", function()
    assert(k:write(UNITS - 0x100, ("<i8i8i8i8"):pack(UNITS, UNITS - 0xe8, 0x100, 0)))
    symbols.pcpu_base_addr, symbols.pcpu_unit_offsets, symbols.pcpu_unit_size = UNITS - 0x100, UNITS - 0xf8, UNITS - 0xf0
    symbols.__per_cpu_start, symbols.__per_cpu_end = 0, 0x40
    local rec = found(UNITS + 0x90, "percpu")
    assert.are.same({kind = "percpu", cpu = 0, addr = UNITS, offset = 0x90}, rec)
    assert.is_nil(found(UNITS + 0x100, "percpu"))
  end)

  it("knows areas of processes", function()
    kvm.cdef(k, [[struct task_struct { struct mm_struct *mm; };
      struct vm_area_struct { unsigned long vm_start, vm_end; struct vm_area_struct *vm_next; struct file *vm_file; void *vm_ops;
        struct mm_struct *vm_mm; unsigned long vm_flags; };
      struct mm_struct { struct vm_area_struct *mmap; unsigned long brk, start_brk, start_stack; };]])
    local task, mm, area = S + 0xc00, S + 0xc40, S + 0xc80
    memory.set(k, "struct task_struct", task, {mm = mm})
    memory.set(k, "struct mm_struct", mm, {mmap = area, start_brk = 0x1000, brk = 0x3000})
    memory.set(k, "struct vm_area_struct", area, {vm_start = 0x1000, vm_end = 0x3000, vm_mm = mm, vm_flags = 3})
    local p = {addr = task, pid = 5, tid = 5, leader = task, mm = mm} -- as k:procs gives them
    local list = identify.user_address(k, 0x1234, p)
    assert.are.same({{kind = "user area", name = "[heap]", addr = 0x1000, offset = 0x234, bytes = 0x2000, permissions = "rw-p"}}, list)
    assert.are.same({}, (identify.user_address(k, 0x5000, p)))
  end)

  it("says what could not be asked", function()
    local list, failed = identify.address(k, memory.UNMAPPED)
    assert.are.same({}, list)
    local kinds = {}
    for _, f in ipairs(failed) do kinds[f.kind] = f.error.code end
    assert.are.same({module = "notfound", percpu = "notfound", stack = "notfound"}, kinds)
    made.free({6, 1}, 6, memory.UNMAPPED)
    local rec = found(made.object(1), "slab")
    assert.are.same({made.object(1)}, {rec.addr, rec.state})
  end)
end)
