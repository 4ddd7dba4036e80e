-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.vmalloc"
local memory = require "spec.support.memory"
local vmalloc = require "kvm.linux.vmalloc"

local START = made.at.START

for _, layout in ipairs {{name = "7.2"}, {name = "6.1", old = true}} do
  describe("kvm.linux.vmalloc of " .. layout.name, function()
    harness.guard()
    local k, symbols
    before_each(function()
      k, symbols = memory.open(made.TYPES), {}
      made.fill(k, symbols, layout.old)
      memory.symbols(symbols)
    end)
    after_each(memory.forget)

    it("gives areas", function()
      assert.are.same({made.at.A, made.at.B}, (memory.collect(vmalloc.for_each_vmap_area(k), kvm.addr)))
      assert.are.same({made.at.C}, (memory.collect(vmalloc.for_each_lazy_area(k), kvm.addr)))
    end)

    it("gives areas that a lockless list has", function()
      if not layout.old then return end
      symbols.purge_vmap_area_list, symbols.vmap_purge_list = nil, made.at.VARIABLES
      assert(k:write(made.at.VARIABLES, ("<i8"):pack(made.at.C + k:type("struct vmap_area"):strip():field("purge_list").offset)))
      assert.are.same({made.at.C}, (memory.collect(vmalloc.for_each_lazy_area(k), kvm.addr)))
    end)

    it("tells what they are", function()
      local infos = memory.collect(vmalloc.for_each_vmap_area(k), vmalloc.describe)
      assert.are.same({{addr = START, bytes = 0x3000, kinds = {"vmalloc", "user"}, vm = made.at.VM, pages = 2, caller = "a_caller+0x0",
        unready = false}, {addr = START + 0x4000, bytes = 0x1000, kinds = {"vm_map_ram"}, unready = false}}, infos)
      memory.set(k, "struct vm_struct", made.at.VM, {flags = 0x21, phys_addr = 0x1000, caller = 5, nr_pages = 0})
      assert.are.same({addr = START, bytes = 0x3000, kinds = {"ioremap"}, vm = made.at.VM, phys = 0x1000, caller = "0x5", unready = true},
        vmalloc.describe(vmalloc.for_each_vmap_area(k)()))
      -- what was given back has a pointer to what is no more
      memory.set(k, "struct vmap_area", made.at.C, {vm = memory.UNMAPPED})
      assert.are.same({addr = START + 0x8000, bytes = 0x1000, kinds = {}, unready = false},
        vmalloc.describe(vmalloc.for_each_lazy_area(k)(), true))
    end)

    it("finds them by address", function()
      local function at(offset)
        local area = vmalloc.find_vmap_area(k, START + offset)
        return area and kvm.addr(area)
      end
      assert.are.same({made.at.A, made.at.A, made.at.B}, {at(0), at(0x2fff), at(0x4000)})
      assert.are.same({}, {at(0x3000), at(-1), at(0x5000)})
    end)

    it("stops where they are damaged", function()
      memory.set(k, "struct vmap_area", made.at.A, {["list.next"] = memory.UNMAPPED})
      local got, err = memory.collect(vmalloc.for_each_vmap_area(k))
      assert.are.same({1, "fault"}, {#got, err.code})
      memory.set(k, "struct vmap_area", made.at.A, {["rb_node.rb_right"] = memory.UNMAPPED})
      _, err = kvm.try(vmalloc.find_vmap_area, k, START + 0x4000)
      assert.are.equal("fault", err.code)
      if layout.old then return end
      assert(k:write(made.at.VARIABLES + 8, ("<I4"):pack(1 << 20)))
      got, err = memory.collect(vmalloc.for_each_vmap_area(k))
      assert.are.same({0, "format"}, {#got, err.code})
    end)
  end)
end
