-- SPDX-License-Identifier: BSD-2-Clause
-- Who holds memory, by the counters of /proc/meminfo, and of each kind of holder who has how much of it. Nothing is counted twice: stacks
-- of tasks are no areas of vmalloc here, shared memory is no page cache; what is left is in no counter.
local fs = require "kvm.linux.fs"
local kvm_error = require "kvm.error"
local mm_types = require "kvm.linux.mm_types"
local mmzone = require "kvm.linux.mmzone"
local module = require "kvm.linux.module"
local mount = require "kvm.linux.mount"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local types = require "kvm.type"
local vmalloc = require "kvm.linux.vmalloc"
local xref = require "kvm.linux.xref"

local M = {}

local MOST_AREAS <const> = 1 << 20

-- {{bytes=, ...}, ...}, the largest first.
local function by_size(list)
  table.sort(list, function(a, b)
    if a.bytes ~= b.bytes then return a.bytes > b.bytes end
    return a.name < b.name
  end)
  return list
end

-- --- who has it, of each kind, the largest first: {{name=, bytes=, pid=, module=, func=},...}

local function processes(context, member)
  local out = {}
  for _, t in ipairs(context:tasks()) do
    local mm = t.pid == t.tgid and t.task.mm
    local usage = mm and mm_types.usage(mm)
    local bytes = usage and usage[member] or 0
    if bytes > 0 then out[#out + 1] = {name = ("%s (pid %d)"):format(t.comm, t.pid), bytes = bytes, pid = t.pid} end
  end
  return by_size(out)
end

local function caches(context, is_reclaimable)
  local out = {}
  for _, c in ipairs(context:slab_caches()) do
    if c.bytes > 0 and c.is_reclaimable == is_reclaimable then out[#out + 1] = c end
  end
  return by_size(out)
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
  return by_size(out)
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
  return by_size(out)
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
  return by_size(out)
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
M.UNACCOUNTED = {what = "memory that no counter has", named = page_takers, dominates = 0.30}

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

--- Who holds what is not free.
-- @param k an open handle
-- @tparam table info as kvm.linux.meminfo.all gives it, with MemTotal and MemFree
-- @treturn {table,...} kind (what: its words; dominates: the share of memory from which on it is abnormal; nil), bytes; the largest first
-- @raise kvm.Error where the zones can't be read
-- @usage local info = require "kvm.linux.meminfo".all(k)
-- for _, h in ipairs(require "kvm.linux.check.memory_holders".all(k, info)) do assert(h.kind.what and h.bytes >= 0) end
function M.all(k, info)
  local with_stacks = setmetatable({VmapStacks = has_stack_areas(k) and info.KernelStack or nil}, {__index = info})
  local out, left = {}, info.MemTotal - info.MemFree - own_free_pages(k)
  for _, kind in ipairs(KINDS) do
    local bytes = sum(with_stacks, kind.lines)
    if bytes then
      bytes = math.max(bytes - (sum(with_stacks, kind.less) or 0), 0)
      out[#out + 1], left = {kind = kind, bytes = bytes}, left - bytes
    end
  end
  out[#out + 1] = {kind = M.UNACCOUNTED, bytes = math.max(left, 0)}
  table.sort(out, function(a, b) return a.bytes > b.bytes end)
  return out
end

--- Who has the memory of a holder.
-- @tparam Context context
-- @tparam table holder of all()
-- @treturn {table,...} name, bytes (nil where only the code tells that it takes pages), pid, module, func, count (of areas); the largest
-- first; none where nothing tells, or it can't be read
-- @treturn ?kvm.Error why it can't be read
-- @usage local holders = require "kvm.linux.check.memory_holders"
-- assert(#holders.named(require "kvm.linux.check.context".new(k), {kind = {what = "per-CPU memory"}}) == 0)
function M.named(context, holder)
  local named, err
  if holder.kind.named then named, err = kvm_error.try(holder.kind.named, context) end
  return named or {}, err
end

return M
