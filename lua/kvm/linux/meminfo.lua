-- SPDX-License-Identifier: BSD-2-Clause
-- /proc/meminfo, remade (fs/proc/meminfo.c, meminfo_proc_show; hugetlb_report_meminfo). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
-- Lines whose counters a kernel does not have are left out, as are DirectMap*, HardwareCorrupted and the constants.
local kvm_error = require "kvm.error"
local hugetlb = require "kvm.linux.hugetlb"
local kallsyms = require "kvm.linux.kallsyms"
local list = require "kvm.linux.list"
local mmzone = require "kvm.linux.mmzone"
local percpu = require "kvm.linux.percpu"
local vmstat = require "kvm.linux.vmstat"

local M = {}

local MOST <const> = 1 << 20
local KB <const> = 1024

local function pages_at(k, symbol) return math.max(k:i64(kallsyms.address(k, symbol)), 0) end

-- Pages of the block devices' own inodes: Buffers.
local function blockdev_pages(k)
  local sb = kvm_error.check(k:object(k:ptr(kallsyms.address(k, "blockdev_superblock")), "struct super_block"))
  local n = 0
  for inode in list.for_each_entry("struct inode", sb.s_inodes, "i_sb_list", MOST) do n = n + inode.i_mapping.nrpages end
  return n
end

-- A counter of the nodes since 5.12; before, pages of the swap devices' address spaces (mm/swap_state.c).
local function swapcache_pages(k)
  if vmstat.has(k, "node_stat_item", "NR_SWAPCACHE") then return vmstat.node_page_state(k, "NR_SWAPCACHE") end
  local spaces, counts, n = kallsyms.address(k, "swapper_spaces"), kallsyms.address(k, "nr_swapper_spaces"), 0
  local symbol = k:symbol "swapper_spaces"
  for i = 0, (symbol.size > 0 and symbol.size // 8 or 32) - 1 do
    local space, count = k:ptr(spaces + 8 * i), k:u32(counts + 4 * i)
    if space ~= 0 and count > 0 and count <= MOST then
      local array = kvm_error.check(k:object(space, ("struct address_space[%d]"):format(count)))
      for j = 0, count - 1 do n = n + array[j].nrpages end
    end
  end
  return n
end

local function huge_pages(k)
  if not k:symbol "hstates" then return nil end
  local out, all = nil, 0
  for pool, is_default in hugetlb.for_each_hstate(k) do
    local usage = hugetlb.usage(pool)
    all = all + usage.total * usage.bytes
    if is_default then out = usage end
  end
  if out then out.all_bytes = all end
  return out
end

-- si_mem_available(), mm/show_mem.c (mm/page_alloc.c before 6.5)
local function available(k)
  local node, low = vmstat.node_page_state, 0
  for zone in mmzone.for_each_populated_zone(k) do
    local _, mark = mmzone.watermarks(zone)
    low = low + mark
  end
  local cache = node(k, "NR_ACTIVE_FILE") + node(k, "NR_INACTIVE_FILE")
  local reclaimable = node(k, "NR_SLAB_RECLAIMABLE_B") + node(k, "NR_KERNEL_MISC_RECLAIMABLE")
  local n = vmstat.zone_page_state(k, "NR_FREE_PAGES") - pages_at(k, "totalreserve_pages")
  n = n + cache - math.min(cache // 2, low) + reclaimable - math.min(reclaimable // 2, low)
  return math.max(n, 0)
end

local function commit_limit(k, huge)
  local kbytes = k:u64(kallsyms.address(k, "sysctl_overcommit_kbytes"))
  local page = k:page_size()
  if kbytes ~= 0 then return kbytes * KB // page + pages_at(k, "total_swap_pages") end
  local ram = pages_at(k, "_totalram_pages") - (huge and huge.all_bytes // page or 0)
  return ram * k:u32(kallsyms.address(k, "sysctl_overcommit_ratio")) // 100 + pages_at(k, "total_swap_pages")
end

-- Lines that are one counter of the nodes: name, counter, what it counts ("page" unless told).
local NODE <const> = {
  {"Active(anon)", "NR_ACTIVE_ANON"}, {"Inactive(anon)", "NR_INACTIVE_ANON"}, {"Active(file)", "NR_ACTIVE_FILE"},
  {"Inactive(file)", "NR_INACTIVE_FILE"}, {"Unevictable", "NR_UNEVICTABLE"}, {"Dirty", "NR_FILE_DIRTY"}, {"Writeback", "NR_WRITEBACK"},
  {"AnonPages", "NR_ANON_MAPPED"}, {"Mapped", "NR_FILE_MAPPED"}, {"Shmem", "NR_SHMEM"}, {"SReclaimable", "NR_SLAB_RECLAIMABLE_B"},
  {"SUnreclaim", "NR_SLAB_UNRECLAIMABLE_B"}, {"KernelStack", "NR_KERNEL_STACK_KB", "kB"}, {"PageTables", "NR_PAGETABLE"},
  {"SecPageTables", "NR_SECONDARY_PAGETABLE"}, {"WritebackTmp", "NR_WRITEBACK_TEMP"}, {"FilePmdMapped", "NR_FILE_PMDMAPPED"},
}

--- Lines of /proc/meminfo.
-- @param k an open handle
-- @treturn function an iterator of name ("MemTotal") and value: bytes; of HugePages_Total, _Free, _Rsvd, _Surp a number of pages. A line
--  that can't be told is a name, nil and the kvm.Error
-- @raise kvm.Error
-- @usage local name, bytes = kvm.linux.meminfo.for_each(k)() assert(name == "MemTotal" and bytes > 0)
function M.for_each(k)
  local page, huge = k:page_size(), huge_pages(k)
  local node = function(name) return vmstat.node_page_state(k, name) end
  local lines = {
    {"MemTotal", function() return pages_at(k, "_totalram_pages") end},
    {"MemFree", function() return vmstat.zone_page_state(k, "NR_FREE_PAGES") end},
    {"MemAvailable", function() return available(k) end},
    {"Buffers", function() return blockdev_pages(k) end},
    {"Cached", function() return math.max(node "NR_FILE_PAGES" - swapcache_pages(k) - blockdev_pages(k), 0) end},
    {"SwapCached", function() return swapcache_pages(k) end},
    {"Active", function() return node "NR_ACTIVE_ANON" + node "NR_ACTIVE_FILE" end},
    {"Inactive", function() return node "NR_INACTIVE_ANON" + node "NR_INACTIVE_FILE" end},
    {"Mlocked", function() return vmstat.zone_page_state(k, "NR_MLOCK") end},
    {"SwapTotal", function() return pages_at(k, "total_swap_pages") end},
    {"SwapFree", function() return pages_at(k, "nr_swap_pages") end},
    {"KReclaimable", function() return node "NR_SLAB_RECLAIMABLE_B" + node "NR_KERNEL_MISC_RECLAIMABLE" end},
    {"Slab", function() return node "NR_SLAB_RECLAIMABLE_B" + node "NR_SLAB_UNRECLAIMABLE_B" end},
    {"CommitLimit", function() return commit_limit(k, huge) end},
    {"Committed_AS", function()
      return math.max(percpu.counter_sum(kvm_error.check(k:object(kallsyms.address(k, "vm_committed_as"), "struct percpu_counter"))), 0)
    end},
    {"VmallocUsed", function()
      if vmstat.has(k, "node_stat_item", "NR_VMALLOC") then return node "NR_VMALLOC" end -- since 6.19 or 7.0
      return pages_at(k, "nr_vmalloc_pages")
    end},
    {"Percpu", function() return pages_at(k, "pcpu_nr_populated") * k:u32(kallsyms.address(k, "pcpu_nr_units")) end},
  }
  local function has(enum, name) return (kvm_error.try(vmstat.has, k, enum, name)) end
  for _, line in ipairs(NODE) do
    local of_node = has("node_stat_item", line[2])
    if of_node or has("zone_stat_item", line[2]) then -- NR_PAGETABLE was one of zones until 5.10
      lines[#lines + 1] = {line[1], function() return (of_node and vmstat.node_page_state or vmstat.zone_page_state)(k, line[2]) end,
        line[3] == "kB" and KB or page}
    end
  end
  if huge then
    for _, line in ipairs {{"HugePages_Total", huge.total}, {"HugePages_Free", huge.free}, {"HugePages_Rsvd", huge.reserved},
      {"HugePages_Surp", huge.surplus}, {"Hugepagesize", huge.bytes}, {"Hugetlb", huge.all_bytes}} do
      lines[#lines + 1] = {line[1], function() return line[2] end, 1}
    end
  end
  local i = 0
  return function()
    i = i + 1
    local line = lines[i]
    if not line then return nil end
    local value, err = kvm_error.try(line[2])
    return line[1], value and math.tointeger(value) * (line[3] or page), err
  end
end

--- /proc/meminfo as a table.
-- @param k an open handle
-- @treturn {string=integer,...} as for_each gives them; lines that can't be told are absent
-- @raise kvm.Error
-- @usage assert(kvm.linux.meminfo.all(k).MemFree > 0)
function M.all(k)
  local out = {}
  for name, value in M.for_each(k) do out[name] = value end
  return out
end

return M
