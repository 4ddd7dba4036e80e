-- SPDX-License-Identifier: BSD-2-Clause
local device = require "kvm.linux.device"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.disk"
local memory = require "spec.support.memory"

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.device of " .. layout, function()
    harness.guard()
    local k, set
    before_each(function() k, set = made.open(layout) end)
    after_each(memory.forget)

    it("gives the devices of a class in order", function()
      local class = k:object "block_class"
      assert.are.equal(made.SUBSYS, kvm.addr(device.subsystem(class)))
      assert.are.same({"sda1", "sda"}, (memory.collect(device.for_each_device(class), device.name)))
      set("device_private", made.PRIVATE0, {["knode_class.n_klist"] = 8})
      local got, err = memory.collect(device.for_each_device(class), device.name)
      assert.are.same({{"sda1"}, "format"}, {got, err.code})
    end)

    it("says that a class is not registered", function()
      if layout == "5.10" then set("class", made.CLASS, {p = 0}) else set("subsys_private", made.SUBSYS, {class = made.CLASS + 8}) end
      local _, err = kvm.try(device.subsystem, k:object "block_class")
      assert.are.same({"notfound", ("the class at 0x%x is not registered"):format(made.CLASS)}, {err.code, err.message})
    end)
  end)
end

describe("kvm.linux.device", function()
  harness.guard()
  after_each(memory.forget)

  it("tells numbers apart", function()
    assert.are.same({254, 17}, {device.numbers(254 << 20 | 17)})
    assert.are.same({4095, 0xfffff}, {device.numbers(0xffffffff)})
  end)

  it("gives the numbers that were taken, in the order of /proc/devices", function()
    local k, set = made.open "7.2"
    local entry = made.NODES[2]
    assert(k:write(made.TABLES + 8, ("<i8"):pack(entry))) -- bucket 1: majors 256 and 1
    set("char_device_struct", entry, {major = 256, baseminor = 16, minorct = 8, next = entry + 0x80})
    set("char_device_struct", entry + 0x80, {major = 1, minorct = 256})
    assert(k:write(entry + 0x80 + k:type("struct char_device_struct"):strip():field("name").offset, "mem"))
    assert.are.same({{major = 1, name = "mem", minor = 0, minors = 256, addr = entry + 0x80},
      {major = 256, name = "", minor = 16, minors = 8, addr = entry}}, device.majors(k, "char"))
    assert.are.same({256, 1}, {k:object("major_names")[1].major == 256 and 256, device.majors(k, "block")[1].major})
    assert.has_error(function() device.majors(k, "net") end)
    set("char_device_struct", entry, {next = memory.UNMAPPED})
    assert.are.equal("fault", select(2, kvm.try(device.majors, k, "char")).code)
    memory.forget()
    local _, err = kvm.try(device.majors, k, "block")
    assert.matches("^this kernel has no block devices %(CONFIG_BLOCK%)", err.message)
  end)

  it("ends where a bucket does not", function()
    local k, set = made.open "7.2"
    assert(k:write(made.TABLES, ("<i8"):pack(made.NODES[2])))
    set("char_device_struct", made.NODES[2], {next = made.NODES[2]})
    assert.are.equal("format", select(2, kvm.try(device.majors, k, "char")).code)
  end)
end)
