-- SPDX-License-Identifier: BSD-2-Clause
-- Physical memory, I/O ports and PCI devices of a dump are those that the guest printed.
local ioport = require "kvm.linux.ioport"
local matrix = require "spec.kernels.matrix"
local pci = require "kvm.linux.pci"

local function as_printed(k, which, width)
  local out = {}
  for r in ioport.for_each_resource(k, which) do
    -- r_show: at most five levels of indentation
    out[#out + 1] = ("%s%0" .. width .. "x-%0" .. width .. "x : %s"):format(("  "):rep(math.min(r.depth, 5)), r.start, r.last, r.name)
  end
  return table.concat(out, "\n")
end

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has the guest's physical memory and I/O ports", function()
    local k, raw = dump:open(), dump:truth().raw
    assert.are.equal((raw.iomem:gsub("%s+$", "")), as_printed(k, "memory", 8))
    assert.are.equal((raw.ioports:gsub("%s+$", "")), as_printed(k, "ports", 4))
  end)

  it("has the guest's PCI devices", function()
    local k, seen = dump:open(), {}
    for dev in pci.for_each_dev(k) do
      assert.is_nil(seen[pci.name(dev)])
      seen[pci.name(dev)] = ("%04x:%04x %s"):format(dev.vendor, dev.device, pci.driver(dev))
    end
    -- QEMU's i440FX with a virtio disk or more, an NVMe disk, a network card
    assert.are.equal("8086:1237 nil", seen["0000:00:00.0"])
    local drivers = {}
    for _, text in pairs(seen) do drivers[text:match " (.*)$"] = (drivers[text:match " (.*)$"] or 0) + 1 end
    assert.are.equal(1, drivers.nvme)
    assert.is_true(drivers["virtio-pci"] >= 3, drivers["virtio-pci"])
    for name in dump:truth().raw.iomem:gmatch "%x%x%x%x:%x%x:%x%x%.%x" do assert.is_string(seen[name], name) end
  end)
end)
