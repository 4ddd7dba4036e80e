-- SPDX-License-Identifier: BSD-2-Clause
-- linux/vmstat.h: the kernel's counters of memory, by the names of their enums (node_stat_item, zone_stat_item, vm_event_item). The global
-- ones are up to date but for what CPUs have not yet added (vm_stat_diff), which /proc/meminfo leaves out as well. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local cpumask = require "kvm.linux.cpumask"
local kallsyms = require "kvm.linux.kallsyms"
local mmzone = require "kvm.linux.mmzone"
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
-- @treturn integer pages, also of those that end in _B, which are bytes for control groups only (of NR_KERNEL_STACK_KB kB)
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

local MAX_NAME <const> = 64

-- What /proc/vmstat prints, part by part (mm/vmstat.c, vmstat_start): an enum, whose last one is the number of its names, and what gives
-- the value of one. Thresholds and what describes memory itself are computed, and left out. A part that a kernel lacks has no names there.
local PARTS <const> = {
  {enums = {"enum zone_stat_item"}, count = "NR_VM_ZONE_STAT_ITEMS", values = function(k)
    local base = kallsyms.address(k, "vm_zone_stat")
    return function(i) return math.max(k:i64(base + 8 * i), 0) end
  end},
  {enums = {"enum numa_stat_item"}, count = "NR_VM_NUMA_EVENT_ITEMS", old_count = "NR_VM_NUMA_STAT_ITEMS", values = function(k)
    local sums = {}
    for zone in mmzone.for_each_populated_zone(k) do
      for name, n in pairs(mmzone.numa_events(zone)) do sums[name] = (sums[name] or 0) + n end
    end
    local by_index = {}
    for name, i in pairs(types.enumerators(k, "enum numa_stat_item")) do by_index[i] = sums[name] or by_index[i] end
    return function(i) return by_index[i] end
  end},
  {enums = {"enum node_stat_item"}, count = "NR_VM_NODE_STAT_ITEMS", values = function(k)
    local base = kallsyms.address(k, "vm_node_stat")
    return function(i) return math.max(k:i64(base + 8 * i), 0) end
  end},
  {enums = {"enum vm_stat_item", "enum writeback_stat_item"}, count = "NR_VM_STAT_ITEMS", old_count = "NR_VM_WRITEBACK_STAT_ITEMS"},
  {enums = {"enum vm_event_item"}, count = "NR_VM_EVENT_ITEMS", values = function(k)
    local by_index, counts = {}, M.events(k)
    for name, i in pairs(types.enumerators(k, "enum vm_event_item")) do by_index[i] = counts[name] end
    return function(i) return by_index[i] end
  end},
}

local function names_of(k, part)
  for _, enum in ipairs(part.enums) do
    local own = types.enumerators(k, enum)
    if own then return own end
  end
  return nil
end

--- The counters of memory by the names of /proc/vmstat, in its order, but for those that it computes (nr_dirty_threshold, nr_memmap_pages
-- and the like). Those of huge pages are in pages since 5.11, where /proc prints how many huge pages they are.
-- @param k an open handle
-- @treturn function an iterator of name (string) and value (integer)
-- @raise kvm.Error `notfound`: this kernel has no names of its counters (CONFIG_VM_EVENT_COUNTERS, CONFIG_PROC_FS)
-- @usage for name, value in kvm.linux.vmstat.for_each(k) do assert(#name > 0 and value >= 0) end
function M.for_each(k)
  local text = (kallsyms.need(k, {"vmstat_text"}, "names of its counters", "CONFIG_VM_EVENT_COUNTERS"))
  return coroutine.wrap(function()
    for _, part in ipairs(PARTS) do
      local names = names_of(k, part)
      local count = names and (names[part.count] or names[part.old_count]) or 0
      local value = count > 0 and part.values and part.values(k)
      for i = 0, count - 1 do
        if value then coroutine.yield(k:cstring(k:ptr(text + 8 * i), MAX_NAME), value(i)) end
      end
      text = text + 8 * count
    end
  end)
end

return M
