-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local pci = require "kvm.linux.pci"

local DECLARATIONS = [[
  struct pci_sysdata { int domain; };
  struct pci_bus { struct list_head node, children, devices; void *sysdata; unsigned char number; };
  struct pci_driver { const char *name; };
  struct pci_dev { struct list_head bus_list; struct pci_bus *bus; unsigned int devfn; unsigned short vendor,
    device; struct pci_driver *driver; };
]]
local ROOT, DATA, DRIVER, NAME = memory.START, memory.START + 0x20, memory.START + 0x30, memory.START + 0x40
local function bus(i) return memory.START + 0x100 * i end
local function dev(i) return memory.START + 0x800 + 0x40 * i end

describe("kvm.linux.pci", function()
  harness.guard()
  local k

  local function ring(head, ...)
    local nodes = {head, ...}
    for i, at in ipairs(nodes) do
      local to = nodes[i % #nodes + 1]
      assert(k:write(at, ("<I8"):pack(to)))
      assert(k:write(to + 8, ("<I8"):pack(at)))
    end
  end
  local function has_root(name)
    return setmetatable({}, {__index = function(_, key)
      if key == "symbol" then
        return function(_, asked)
          if asked == name then return {value = ROOT} end
          return nil, "no symbol " .. asked, "notfound"
        end
      end
      return function(_, ...) return k[key](k, ...) end
    end})
  end

  before_each(function()
    k = memory.open(DECLARATIONS)
    ring(ROOT, bus(1))
    ring(bus(1) + 16, bus(2))
    ring(bus(2) + 16)
    ring(bus(1) + 32, dev(0), dev(1))
    ring(bus(2) + 32, dev(2))
    assert(k:write(NAME, "a-driver\0"))
    memory.set(k, "struct pci_sysdata", DATA, {domain = 3})
    memory.set(k, "struct pci_driver", DRIVER, {name = NAME})
    for i = 1, 2 do memory.set(k, "struct pci_bus", bus(i), {sysdata = DATA, number = 0x20 * i}) end
    for i = 0, 2 do
      memory.set(k, "struct pci_dev", dev(i), {bus = bus(i == 2 and 2 or 1), devfn = 0x1f << 3 | i, driver = i == 1 and DRIVER or 0})
    end
  end)

  local function names()
    return memory.collect(pci.for_each_dev(has_root "pci_root_buses"), function(d) return pci.name(d) .. " " .. tostring(pci.driver(d)) end)
  end

  it("gives the devices of each bus, and of those behind it", function()
    assert.are.same({"0003:20:1f.0 nil", "0003:20:1f.1 a-driver", "0003:40:1f.2 nil"}, (names()))
    assert.are.same({0x20, 0x40}, (memory.collect(pci.for_each_bus(has_root "pci_root_buses"), function(b) return b.number end)))
  end)

  it("stops where it is damaged, and does not run in a circle", function()
    assert(k:write(dev(1) + 8, ("<I8"):pack(dev(2))))
    local got, err = names()
    assert.are.same({1, "format"}, {#got, err.code})
    ring(bus(1) + 32)
    ring(bus(2) + 16, bus(1))
    ring(bus(1) + 16, bus(2))
    ring(bus(2) + 16, bus(2))
    got, err = names()
    assert.are.equal("format", err.code)
    assert.is_true(#got < 300)
  end)

  it("says when a kernel has no PCI", function()
    local ok, err = pcall(pci.for_each_bus, has_root "x")
    assert.are.same({false, "this kernel has no PCI (CONFIG_PCI): no symbol pci_root_buses"}, {ok, err.message})
  end)
end)
