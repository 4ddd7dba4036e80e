-- SPDX-License-Identifier: BSD-2-Clause
-- linux/mmzone.h: nodes and zones of memory, their free lists and watermarks, as /proc/zoneinfo and /proc/buddyinfo have them. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local nodemask = require "kvm.linux.nodemask"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local types = require "kvm.type"

local M = {}

--- The numbers of the nodes of memory that are online.
-- @param k an open handle
-- @treturn {integer,...} ascending
-- @raise kvm.Error
-- @usage assert(kvm.linux.mmzone.node_numbers(k)[1] == 0)
function M.node_numbers(k)
  return k:symbol "node_data" and nodemask.of(k, "N_ONLINE") or {0} -- CONFIG_NUMA
end

--- The nodes of memory that are online.
-- @param k an open handle
-- @return iterator of objects `struct pglist_data`
-- @raise kvm.Error
-- @usage for node in kvm.linux.mmzone.for_each_node(k) do assert(node.nr_zones > 0) end
function M.for_each_node(k)
  local table = k:symbol "node_data" -- CONFIG_NUMA
  if not table then
    local only = kvm_error.check(k:object(kallsyms.address(k, "contig_page_data"), "struct pglist_data"))
    return function()
      local node = only
      only = nil
      return node
    end
  end
  local numbers, i = nodemask.of(k, "N_ONLINE"), 0
  return function()
    i = i + 1
    return numbers[i] and kvm_error.check(k:object(k:ptr(table.value + 8 * numbers[i]), "struct pglist_data")) or nil
  end
end

--- The zones of memory that have any.
-- @param k an open handle
-- @treturn function an iterator of `struct zone` and the number of its node
-- @raise kvm.Error
-- @usage for zone in kvm.linux.mmzone.for_each_populated_zone(k) do assert(zone.present_pages > 0) end
function M.for_each_populated_zone(k)
  return coroutine.wrap(function()
    for node in M.for_each_node(k) do
      local zones = node.node_zones
      for i = 0, #zones - 1 do
        if zones[i].present_pages > 0 then coroutine.yield(zones[i], node.node_id) end
      end
    end
  end)
end

--- How many free blocks a zone has of each order.
-- @param zone `struct zone`
-- @treturn {integer,...} of order 0, 1, ... (2^order pages each)
-- @raise kvm.Error
-- @usage for zone in kvm.linux.mmzone.for_each_populated_zone(k) do assert(#kvm.linux.mmzone.free_blocks(zone) > 5) end
function M.free_blocks(zone)
  local areas, out = zone.free_area, {}
  for order = 0, #areas - 1 do out[order + 1] = areas[order].nr_free end
  return out
end

--- A counter of a zone.
-- @param zone `struct zone`
-- @tparam string name of enum zone_stat_item: "NR_FREE_PAGES"
-- @treturn integer pages
-- @raise kvm.Error `notfound`
-- @usage for zone in kvm.linux.mmzone.for_each_populated_zone(k) do assert(kvm.linux.mmzone.page_state(zone, "NR_FREE_PAGES") >= 0) end
function M.page_state(zone, name)
  for _, e in ipairs(types.of(object.handle(zone), "enum zone_stat_item"):strip():enumerators()) do
    if e.name == name then return math.max(zone.vm_stat[e.value].counter, 0) end
  end
  return kvm_error.fail("notfound", "this kernel has no counter %s", name)
end

--- A counter of a node's memory, as far as CPUs have added their parts.
-- @param node `struct pglist_data`
-- @tparam string name of enum node_stat_item: "NR_ANON_MAPPED"
-- @treturn integer pages (of NR_KERNEL_STACK_KB kB; those that end in _B bytes)
-- @raise kvm.Error `notfound`
-- @usage for node in kvm.linux.mmzone.for_each_node(k) do assert(kvm.linux.mmzone.node_state(node, "NR_FILE_PAGES") >= 0) end
function M.node_state(node, name)
  local index = types.enumerators(object.handle(node), "enum node_stat_item")[name]
  if not index then kvm_error.fail("notfound", "this kernel has no counter %s", name) end
  return math.max(node.vm_stat[index].counter, 0)
end

-- Where a zone counts these events, and where each CPU has its part: 5.14 gave both other names (f19298b9516c).
local NUMA_LAYOUTS <const> = {
  {total = "vm_numa_event", cpus = "per_cpu_zonestats", part = "vm_numa_event"},
  {total = "vm_numa_stat", cpus = "pageset", part = "vm_numa_stat_diff"},
}

--- How often memory was taken from a zone as nodes prefer it, as /proc/zoneinfo has it.
-- @param zone `struct zone`
-- @treturn {string=integer,...} by the name of enum numa_stat_item: "NUMA_HIT"
-- @raise kvm.Error `notfound`: this kernel has no NUMA counters (CONFIG_NUMA)
-- @usage for zone in kvm.linux.mmzone.for_each_populated_zone(k) do assert(kvm.linux.mmzone.numa_events(zone).NUMA_HIT >= 0) end
function M.numa_events(zone)
  local k, t, out = object.handle(zone), object.typeof(zone):strip(), {}
  for _, layout in ipairs(NUMA_LAYOUTS) do
    if t:field(layout.total) then
      for name, i in pairs(types.enumerators(k, "enum numa_stat_item")) do
        if not name:find "^NR_" then
          local n = zone[layout.total][i].counter
          for _, own in percpu.for_each_copy(zone[layout.cpus]) do n = n + own[layout.part][i] end
          out[name] = n
        end
      end
      return out
    end
  end
  return kvm_error.fail("notfound", "this kernel has no NUMA counters (CONFIG_NUMA)")
end

-- Where CPUs keep free pages of a zone: 5.14 gave the lists a member of their own (28f836b6777b).
local PCP_LAYOUTS <const> = {{cpus = "per_cpu_pageset"}, {cpus = "pageset", lists = "pcp"}}

--- What CPUs keep of a zone's free pages for themselves.
-- @param zone `struct zone`
-- @treturn function an iterator of the CPU's number and its `struct per_cpu_pages`
-- @raise kvm.Error
-- @usage for zone in kvm.linux.mmzone.for_each_populated_zone(k) do
-- for _, own in kvm.linux.mmzone.for_each_cpu(zone) do assert(own.count >= 0) end end
function M.for_each_cpu(zone)
  local t = object.typeof(zone):strip()
  for _, layout in ipairs(PCP_LAYOUTS) do
    if t:field(layout.cpus) then
      local step, state, control = percpu.for_each_copy(zone[layout.cpus])
      return function()
        local cpu, own = step(state, control)
        control = cpu
        if cpu then return cpu, layout.lists and own[layout.lists] or own end
      end
    end
  end
  return kvm_error.fail("notfound", "struct zone has no per_cpu_pageset or pageset")
end

--- The free pages of a zone that CPUs keep for themselves; the zone does not count them as free.
-- @param zone `struct zone`
-- @treturn integer pages
-- @raise kvm.Error
-- @usage for zone in kvm.linux.mmzone.for_each_populated_zone(k) do assert(kvm.linux.mmzone.pages_of_cpus(zone) >= 0) end
function M.pages_of_cpus(zone)
  local n = 0
  for _, own in M.for_each_cpu(zone) do n = n + own.count end
  return n
end

--- The watermarks of a zone.
-- @param zone `struct zone`
-- @treturn integer min, pages
-- @treturn integer low
-- @treturn integer high
-- @raise kvm.Error
-- @usage for zone in kvm.linux.mmzone.for_each_populated_zone(k) do
-- local min, low = kvm.linux.mmzone.watermarks(zone) assert(min <= low) end
function M.watermarks(zone)
  local marks, boost = zone._watermark, zone.watermark_boost -- enum zone_watermarks: min, low, high
  return marks[0] + boost, marks[1] + boost, marks[2] + boost
end

return M
