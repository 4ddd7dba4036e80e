-- SPDX-License-Identifier: BSD-2-Clause
-- Memory that is short, or that one holder has too much of: how much is free, against the marks at which the kernel reclaims and fails,
-- and who holds the rest, by the counters of /proc/meminfo. Of each kind the largest are named.
local format = require "kvm.format"
local fs = require "kvm.linux.fs"
local kvm_error = require "kvm.error"
local meminfo = require "kvm.linux.meminfo"
local mm_types = require "kvm.linux.mm_types"
local mmzone = require "kvm.linux.mmzone"
local module = require "kvm.linux.module"
local mount = require "kvm.linux.mount"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local types = require "kvm.type"
local vmalloc = require "kvm.linux.vmalloc"
local xref = require "kvm.linux.xref"

local M = {name = "memory", title = "memory that is short, or held by one"}

-- MemAvailable of all memory. What the kernel keeps for itself (totalreserve_pages) is not in it: at none, allocations fail or kill.
local EXHAUSTED <const>, SCARCE <const> = 0.02, 0.05
-- A share of memory that can be swapped out yet: it is slow, but not exhausted.
local SWAP_HELPS <const> = 0.10
local MOST_NAMED <const> = 3    -- of a kind
local MOST_AREAS <const> = 1 << 20

local function percent(n, of) return ("%.0f %%"):format(100 * n / math.max(of, 1)) end

-- The largest of {{bytes=, ...}, ...}.
local function largest(list)
  table.sort(list, function(a, b)
    if a.bytes ~= b.bytes then return a.bytes > b.bytes end
    return a.name < b.name
  end)
  return table.move(list, 1, math.min(#list, MOST_NAMED), 1, {})
end

-- --- the largest of each kind: {{name=, bytes=, pid=, module=, func=},...}

local function processes(context, member)
  local out = {}
  for _, t in ipairs(context:tasks()) do
    local mm = t.pid == t.tgid and t.task.mm
    local usage = mm and mm_types.usage(mm)
    local bytes = usage and usage[member] or 0
    if bytes > 0 then out[#out + 1] = {name = ("%s (pid %d)"):format(t.comm, t.pid), bytes = bytes, pid = t.pid} end
  end
  return largest(out)
end

local function caches(context, is_reclaimable)
  local out = {}
  for _, c in ipairs(context:slab_caches()) do
    if c.bytes > 0 and c.is_reclaimable == is_reclaimable then out[#out + 1] = c end
  end
  return largest(out)
end

-- Stacks of tasks are areas as well (CONFIG_VMAP_STACK), and counted by themselves.
local function has_stack_areas(k) return types.of(k, "struct task_struct"):strip():field "stack_vm_area" ~= nil end

local function stack_areas(context)
  local out = {}
  for _, t in ipairs(has_stack_areas(context.k) and context:tasks() or {}) do
    local vm = t.task.stack_vm_area
    if vm then out[object.addr(vm)] = true end
  end
  return out
end

-- Areas by who made them.
local function areas(context)
  local k, by_caller, out, left, stacks = context.k, {}, {}, MOST_AREAS, stack_areas(context)
  for area in vmalloc.for_each_vmap_area(k) do
    left = left - 1
    if left == 0 then break end
    local info = vmalloc.describe(area)
    if info.caller and info.pages and not stacks[info.vm] then
      local rec = by_caller[info.caller]
      if not rec then
        local symbol = k:symbol(k:ptr(info.vm + types.offsetof(k, "struct vm_struct", "caller")))
        rec = {name = info.caller, bytes = 0, count = 0, module = symbol and symbol.module, func = symbol and symbol.name:match "^[^.]+"}
        by_caller[info.caller], out[#out + 1] = rec, rec
      end
      rec.bytes, rec.count = rec.bytes + info.pages * k:page_size(), rec.count + 1
    end
  end
  return largest(out)
end

-- Where super blocks are mounted, in the first namespace.
local function directories(k)
  local out = {}
  for m in mount.for_each_mount(kvm_error.check(k:object "init_task").nsproxy.mnt_ns) do
    local at = object.addr(m.mnt.mnt_sb)
    out[at] = out[at] or mount.dir(m)
  end
  return out
end

local IN_MEMORY <const> = {tmpfs = true, devtmpfs = true, rootfs = true}

-- File systems in memory, as far as their super blocks count: those with a limit, as tmpfs has by default.
local function memory_files(context)
  local k, out = context.k, {}
  local dirs = kvm_error.try(directories, k) or {}
  for sb in fs.for_each_super_block(k) do
    if IN_MEMORY[object.string(sb.s_type.name)] and sb.s_fs_info then
      local at = object.addr(sb)
      local bytes = percpu.counter_sum(object.cast(sb.s_fs_info, "struct shmem_sb_info").used_blocks) * k:page_size()
      if bytes > 0 then out[#out + 1] = {name = dirs[at] or ("tmpfs of super block 0x%x"):format(at), bytes = bytes} end
    end
  end
  return largest(out)
end

local function threads(context)
  local by_comm, out = {}, {}
  for _, t in ipairs(context:tasks()) do
    local rec = by_comm[t.comm]
    if not rec then
      rec = {name = t.comm, bytes = 0}
      by_comm[t.comm], out[#out + 1] = rec, rec
    end
    rec.bytes = rec.bytes + 16384 -- THREAD_SIZE of x86-64
  end
  return largest(out)
end

-- What modules from outside of the kernel's tree take pages with: they are the ones of which nothing else tells.
local PAGE_ALLOCATORS <const> = {"alloc_pages_noprof", "alloc_pages", "__alloc_pages_noprof", "__alloc_pages", "__alloc_pages_nodemask",
  "alloc_pages_current", "__get_free_pages", "get_free_pages_noprof", "get_zeroed_page", "get_zeroed_page_noprof", "alloc_pages_exact",
  "alloc_pages_exact_noprof"}

local function page_takers(context)
  local k, out, taints = context.k, {}, {}
  for m in k:modules() do taints[m.name] = module.taints(k, m.addr) end
  for _, part in ipairs(xref.parts(k)) do
    if part.module and taints[part.module]:find "O" then
      for _, f in ipairs(xref.callers(k, part, PAGE_ALLOCATORS)) do
        out[#out + 1] = {name = ("%s [%s], which calls %s"):format(f.name, f.module, f.callee), module = f.module,
          func = f.name:match "^[^.]+"}
      end
    end
  end
  return out
end

-- --- who holds memory: in meminfo's words. DOMINATES is the share of memory from which on it is abnormal that the kernel can't take back.
local KINDS <const> = {
  {what = "anonymous memory", lines = {"AnonPages"}, named = function(c) return processes(c, "anon_bytes") end},
  {what = "page cache of files", lines = {"Cached", "Buffers", "SwapCached"}, less = {"Shmem"}},
  {what = "shared memory and tmpfs", lines = {"Shmem"}, named = memory_files},
  {what = "reclaimable slab caches", lines = {"SReclaimable"}, named = function(c) return caches(c, true) end},
  {what = "slab caches", lines = {"SUnreclaim"}, named = function(c) return caches(c, false) end},
  {what = "vmalloc", lines = {"VmallocUsed"}, less = {"VmapStacks"}, named = areas, dominates = 0.25},
  {what = "page tables", lines = {"PageTables", "SecPageTables"}, named = function(c) return processes(c, "pagetables_bytes") end,
    dominates = 0.20},
  {what = "kernel stacks", lines = {"KernelStack"}, named = threads, dominates = 0.20},
  {what = "per-CPU memory", lines = {"Percpu"}, dominates = 0.20},
  {what = "huge pages", lines = {"Hugetlb"}},
}
-- Of a machine at rest some percent are in no counter: pages of drivers, of network buffers.
local UNACCOUNTED <const> = {what = "memory that no counter has", named = page_takers, dominates = 0.30}

local function sum(info, names)
  local n
  for _, name in ipairs(names or {}) do
    if info[name] then n = (n or 0) + info[name] end
  end
  return n
end

local function own_free_pages(k)
  local n = 0
  for zone in mmzone.for_each_populated_zone(k) do n = n + mmzone.pages_of_cpus(zone) end
  return n * k:page_size()
end

-- {{kind=, bytes=},...}, the largest first; the last is what no counter has.
local function holders_of(k, info)
  local out, left = {}, info.MemTotal - info.MemFree - own_free_pages(k)
  for _, kind in ipairs(KINDS) do
    local bytes = sum(info, kind.lines)
    if bytes then
      bytes = math.max(bytes - (sum(info, kind.less) or 0), 0)
      out[#out + 1], left = {kind = kind, bytes = bytes}, left - bytes
    end
  end
  out[#out + 1] = {kind = UNACCOUNTED, bytes = math.max(left, 0)}
  table.sort(out, function(a, b) return a.bytes > b.bytes end)
  return out
end

local function named_text(item)
  if not item.bytes then return item.name end
  return ("%s %s%s"):format(item.name, format.size(item.bytes), item.count and (" in %d areas"):format(item.count) or "")
end

local function list_text(named)
  local out = {}
  for i, item in ipairs(named) do out[i] = named_text(item) end
  return table.concat(out, ", ")
end

-- The largest of a holder; why not, where they can't be read.
local function name_them(context, holder)
  local named, err
  if holder.kind.named then named, err = kvm_error.try(holder.kind.named, context) end
  holder.named, holder.err = named or {}, err
end

local function marks_of(k)
  local page, free, marks, lines = k:page_size(), 0, {min = 0, low = 0}, {}
  for zone, node in mmzone.for_each_populated_zone(k) do
    local own = mmzone.page_state(zone, "NR_FREE_PAGES")
    local min, low, high = mmzone.watermarks(zone)
    free, marks.min, marks.low = free + own, marks.min + min * page, marks.low + low * page
    lines[#lines + 1] = ("zone %s of node %d: %s free; marks: min %s, low %s, high %s"):format(object.string(zone.name), node,
      format.size(own * page), format.size(min * page), format.size(low * page), format.size(high * page))
  end
  return marks, lines
end

local function free_text(info)
  return ("%s of %s free, %s available"):format(format.size(info.MemFree), format.size(info.MemTotal), format.size(info.MemAvailable))
end

local function evidence_of(info, holders, zones)
  local out = {free_text(info)}
  if (info.SwapTotal or 0) > 0 then
    out[#out + 1] = ("%s of %s of swap free"):format(format.size(info.SwapFree or 0), format.size(info.SwapTotal))
  end
  table.move(zones, 1, #zones, #out + 1, out)
  for _, h in ipairs(holders) do
    local named = h.named[1] and ": " .. list_text(h.named) or h.err and (": not known who: %s"):format(h.err) or ""
    out[#out + 1] = ("%s, %s: %s%s"):format(format.size(h.bytes), percent(h.bytes, info.MemTotal), h.kind.what, named)
  end
  return out
end

-- Whose memory a holder's is, as lists of a finding, and a text of it: the largest one, or all of whom only the code tells.
local function blame(holder)
  local out, guilty = {pids = {}, modules = {}, functions = {}}, {}
  for i, item in ipairs(holder.named) do
    if i == 1 or i <= MOST_NAMED and not item.bytes then
      guilty[#guilty + 1] = named_text(item)
      for list, value in pairs {pids = item.pid or false, modules = item.module or false, functions = item.func or false} do
        if value then table.insert(out[list], value) end
      end
    end
  end
  return out, guilty[1] and ": " .. table.concat(guilty, "; ") or ""
end

local function shortage(info, marks)
  local share = info.MemAvailable / info.MemTotal
  if share >= SCARCE then return nil end
  local is_exhausted, below = share < EXHAUSTED and (info.SwapFree or 0) < SWAP_HELPS * info.MemTotal, ""
  if info.MemFree < marks.low then below = ", below the marks where it is reclaimed" end
  if info.MemFree < marks.min then below = ", below the marks where allocations must wait" end
  return is_exhausted and "error" or "warning", is_exhausted and "memory is exhausted" or "memory is short", below
end

local function say(report, fields, severity, confidence, title, evidence)
  fields.severity, fields.confidence, fields.title, fields.evidence = severity, confidence, title, evidence
  report(fields)
end

--- Tells of memory that is short, of one holder that has too much of it, or else where memory is.
-- @tparam table context what kvm.linux.check.context makes
-- @tparam function report called with each finding
-- @raise kvm.Error where the counters or the zones can't be read
-- @usage local context = require "kvm.linux.check.context".new(k)
-- require "kvm.linux.check.memory".run(context, function(f) assert(f.title) end)
function M.run(context, report)
  local k, info = context.k, meminfo.all(context.k)
  for _, name in ipairs {"MemTotal", "MemFree", "MemAvailable"} do
    if not info[name] then kvm_error.fail("notfound", "this kernel has no counters for %s", name) end
  end
  info.VmapStacks = has_stack_areas(k) and info.KernelStack or nil
  local marks, zones = marks_of(k)
  local holders = holders_of(k, info)
  for _, h in ipairs(holders) do
    if h.kind ~= UNACCOUNTED or h.bytes >= UNACCOUNTED.dominates * info.MemTotal then name_them(context, h) else h.named = {} end
  end
  local evidence = evidence_of(info, holders, zones)
  local has_told = false
  local severity, what, below = shortage(info, marks)
  if severity then
    local fields, first = blame(holders[1])
    say(report, fields, severity, "certain", ("%s: %s%s; most is %s, %s%s"):format(what, free_text(info), below,
      holders[1].kind.what, percent(holders[1].bytes, info.MemTotal), first), evidence)
    has_told = true
  end
  for _, h in ipairs(holders) do
    if h.kind.dominates and h.bytes >= h.kind.dominates * info.MemTotal then
      local fields, first = blame(h)
      say(report, fields, "warning", h.kind == UNACCOUNTED and "possible" or "certain", ("%s: %s, %s of all memory%s"):format(h.kind.what,
        format.size(h.bytes), percent(h.bytes, info.MemTotal), first), evidence)
      has_told = true
    end
  end
  if has_told then return end
  say(report, {}, "info", "certain", ("%s of %s of memory available (%s); most of the rest is %s"):format(format.size(info.MemAvailable),
    format.size(info.MemTotal), percent(info.MemAvailable, info.MemTotal), holders[1].kind.what), evidence)
end

return M
