-- SPDX-License-Identifier: BSD-2-Clause
-- linux/pci.h: PCI buses and devices, as lspci(8) lists them: the buses of pci_root_buses and their children, each bus's devices.
-- Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local kallsyms = require "kvm.linux.kallsyms"
local list = require "kvm.linux.list"

local M = {}

local MOST <const> = 1 << 20 -- devices of a bus, buses of a bridge
local MAX_DEPTH <const> = 256 -- bus numbers

local function buses(head, depth)
  if depth > MAX_DEPTH then
    error(kvm_error.new {code = "format", addr = object.addr(head), message = ("PCI buses are nested deeper than %d"):format(MAX_DEPTH)}, 0)
  end
  for bus in list.for_each_entry("struct pci_bus", head, "node", MOST) do
    coroutine.yield(bus)
    buses(bus.children, depth + 1)
  end
end

--- The PCI buses, each before those behind it.
-- @param k an open handle
-- @return iterator of objects `struct pci_bus`
-- @raise kvm.Error `notfound` where the kernel has no PCI (CONFIG_PCI); `format`, `fault`, `excluded`
-- @usage for bus in kvm.linux.pci.for_each_bus(k) do assert(bus.number) end
function M.for_each_bus(k)
  local head = kvm_error.check(k:object(kallsyms.need(k, {"pci_root_buses"}, "PCI", "CONFIG_PCI"), "struct list_head"))
  return coroutine.wrap(function() buses(head, 0) end)
end

--- The PCI devices.
-- @param k an open handle
-- @return iterator of objects `struct pci_dev`, bus by bus
-- @raise kvm.Error as for_each_bus
-- @usage for dev in kvm.linux.pci.for_each_dev(k) do assert(dev.vendor > 0) end
function M.for_each_dev(k)
  return coroutine.wrap(function()
    for bus in M.for_each_bus(k) do
      for dev in list.for_each_entry("struct pci_dev", bus.devices, "bus_list", MOST) do coroutine.yield(dev) end
    end
  end)
end

--- The address of a device, as lspci -D writes it.
-- @param dev `struct pci_dev`
-- @treturn string "DOMAIN:BUS:SLOT.FUNCTION"; the domain of x86 is that of struct pci_sysdata
-- @raise kvm.Error
-- @usage for dev in kvm.linux.pci.for_each_dev(k) do assert(kvm.linux.pci.name(dev):find "^%x+:%x%x:%x%x%.%x$") end
function M.name(dev)
  local bus = dev.bus
  local domain = object.cast(bus.sysdata, "struct pci_sysdata").domain
  return ("%04x:%02x:%02x.%d"):format(domain, bus.number, dev.devfn >> 3, dev.devfn & 7)
end

--- The name of a device's driver.
-- @param dev `struct pci_dev`
-- @treturn string nil when no driver has it
-- @raise kvm.Error
-- @usage for dev in kvm.linux.pci.for_each_dev(k) do kvm.linux.pci.driver(dev) end
function M.driver(dev)
  return dev.driver and object.string(dev.driver.name)
end

return M
