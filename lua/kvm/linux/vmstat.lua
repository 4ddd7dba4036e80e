-- SPDX-License-Identifier: BSD-2-Clause
-- linux/vmstat.h: the kernel's counters of memory, by the names of their enums (node_stat_item, zone_stat_item, vm_event_item). The global
-- ones are up to date but for what CPUs have not yet added (vm_stat_diff), which /proc/meminfo leaves out as well. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local cpumask = require "kvm.linux.cpumask"
local kallsyms = require "kvm.linux.kallsyms"
local percpu = require "kvm.linux.percpu"
local types = require "kvm.type"

local M = {}

local function index_of(k, enum, name)
  for _, e in ipairs(types.of(k, enum):strip():enumerators()) do
    if e.name == name then return e.value end
  end
  return nil
end

local function global(k, symbol, enum, name)
  local i = index_of(k, enum, name)
  if not i then kvm_error.fail("notfound", "this kernel has no counter %s", name) end
  return math.max(k:i64(kallsyms.address(k, symbol) + 8 * i), 0) -- as global_node_page_state
end

--- A counter of the nodes' memory, over all nodes.
-- @param k an open handle
-- @tparam string name of enum node_stat_item: "NR_FILE_PAGES"
-- @treturn integer pages (of NR_KERNEL_STACK_KB kB; those that end in _B bytes)
-- @raise kvm.Error `notfound`: this kernel has no such counter
-- @usage assert(kvm.linux.vmstat.node_page_state(k, "NR_FILE_PAGES") >= 0)
function M.node_page_state(k, name)
  return global(k, "vm_node_stat", "enum node_stat_item", name)
end

--- A counter of the zones' memory, over all zones.
-- @param k an open handle
-- @tparam string name of enum zone_stat_item: "NR_FREE_PAGES"
-- @treturn integer pages
-- @raise kvm.Error `notfound`: this kernel has no such counter
-- @usage assert(kvm.linux.vmstat.zone_page_state(k, "NR_FREE_PAGES") > 0)
function M.zone_page_state(k, name)
  return global(k, "vm_zone_stat", "enum zone_stat_item", name)
end

--- Whether a kernel has a counter.
-- @param k an open handle
-- @tparam string enum "node_stat_item", "zone_stat_item" or "vm_event_item"
-- @tparam string name
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(kvm.linux.vmstat.has(k, "zone_stat_item", "NR_FREE_PAGES"))
function M.has(k, enum, name)
  return index_of(k, "enum " .. enum, name) ~= nil
end

--- The counters of events, over all CPUs that there can be.
-- @param k an open handle
-- @treturn {string=integer,...} by the name of enum vm_event_item: "PGFAULT"
-- @raise kvm.Error `notfound`: this kernel has no event counters (CONFIG_VM_EVENT_COUNTERS)
-- @usage assert(kvm.linux.vmstat.events(k).PGFAULT > 0)
function M.events(k)
  local base = kallsyms.need(k, {"vm_event_states"}, "event counters", "CONFIG_VM_EVENT_COUNTERS")
  local items, out = types.of(k, "enum vm_event_item"):strip():enumerators(), {}
  local places = {}
  for i, cpu in ipairs(cpumask.of(k, "possible")) do places[i] = percpu.per_cpu_ptr(k, base, cpu) end
  for _, item in ipairs(items) do
    if item.name ~= "NR_VM_EVENT_ITEMS" then
      local n = 0
      for _, place in ipairs(places) do n = n + k:u64(place + 8 * item.value) end
      out[item.name] = n
    end
  end
  return out
end

return M
