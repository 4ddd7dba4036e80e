-- SPDX-License-Identifier: BSD-2-Clause
-- What an address of the kernel is: each part of the kernel that knows its memory is asked, from symbols to the map of pages. Of x86-64.
-- Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out per-CPU memory outside of the first chunk, which is an area of vmalloc.
local kvm_error = require "kvm.error"
local cpumask = require "kvm.linux.cpumask"
local kallsyms = require "kvm.linux.kallsyms"
local mm_types = require "kvm.linux.mm_types"
local module = require "kvm.linux.module"
local object = require "kvm.object"
local page_flags = require "kvm.linux.page_flags"
local pagemap = require "kvm.linux.pagemap"
local rmap = require "kvm.linux.rmap"
local slub = require "kvm.linux.slub"
local types = require "kvm.type"
local vmalloc = require "kvm.linux.vmalloc"

local M = {}

local TASK <const> = "struct task_struct"
local THREAD_SIZE <const> = 16384 -- x86-64, where no task's area tells
local MOST_TASKS <const> = 1 << 22

local function within(addr, first, bytes) return math.ult(addr - first, bytes) end

local function symbol(k, addr)
  local found, offset = k:symbol(addr)
  return found and {kind = "symbol", name = found.name, addr = found.value, offset = offset, module = found.module}
end

local function of_module(k, addr)
  for m in k:modules() do
    for _, part in ipairs(module.memory(k, m.addr)) do
      if within(addr, part.addr, part.bytes) then
        return {kind = "module", name = m.name, addr = part.addr, offset = addr - part.addr, bytes = part.bytes}
      end
    end
  end
  return nil
end

-- The per-CPU variable at a place of the kernel's own ones; addresses that far below all others are not looked up as symbols.
local function variable_at(k, place)
  local first, last, best = kallsyms.address(k, "__per_cpu_start"), kallsyms.address(k, "__per_cpu_end"), nil
  if place >= last - first then return nil end
  for s in k:symbols() do
    local at = s.value - first
    if not s.module and within(s.value, first, last - first) and at <= place and (not best or at > best.value - first) then best = s end
  end
  return best and best.name, best and place - (best.value - first)
end

-- The CPUs' units of the first chunk of per-CPU memory, which has the kernel's own variables at its start.
local function per_cpu(k, addr)
  local base, offsets = k:ptr(kallsyms.address(k, "pcpu_base_addr")), k:ptr(kallsyms.address(k, "pcpu_unit_offsets"))
  local size = k:u32(kallsyms.address(k, "pcpu_unit_size"))
  for _, cpu in ipairs(cpumask.of(k, "possible")) do
    local unit = base + k:u64(offsets + 8 * cpu)
    if within(addr, unit, size) then
      local name, offset = variable_at(k, addr - unit)
      offset = offset or addr - unit
      return {kind = "percpu", cpu = cpu, name = name, addr = addr - offset, offset = offset}
    end
  end
  return nil
end

-- Where a task's stack is, how large. What the kernel was linked with, as that of the first task, is no area.
local function stack_of(k, task, has_area)
  local area = has_area and task.stack_vm_area -- CONFIG_VMAP_STACK
  return object.addr(task.stack), area and area.size - k:page_size() or THREAD_SIZE
end

local function stack(k, addr)
  local has_area, left = types.of(k, TASK):strip():field "stack_vm_area" ~= nil, MOST_TASKS
  for p in k:procs("all", nil, true) do
    left = left - 1
    if left < 0 then kvm_error.fail("format", "more than %d tasks", MOST_TASKS) end
    local task = kvm_error.check(k:object(p.addr, TASK))
    if k:ptr(object.addr(task, "stack")) ~= 0 then -- one that died has none
      local first, bytes = stack_of(k, task, has_area)
      if within(addr, first, bytes) then
        return {kind = "stack", addr = first, offset = addr - first, bytes = bytes, task = p.addr, pid = task.pid, comm = task.comm}
      end
    end
  end
  return nil
end

local function of_slab(k, addr)
  local info = slub.object_info(k, addr)
  if not info then return nil end
  local rec = {kind = "slab", name = info.name, addr = info.object, offset = info.offset, bytes = info.bytes, index = info.index,
    state = info.state, cpu = info.cpu, slab = object.addr(info.slab)}
  if info.name == "task_struct" and info.state == "used" then
    local task = kvm_error.check(k:object(info.object, TASK))
    rec.task, rec.pid, rec.comm = info.object, task.pid, task.comm
  end
  return rec
end

local function area(k, addr)
  local found = vmalloc.find_vmap_area(k, addr)
  if not found then return nil end
  local rec = vmalloc.describe(found)
  return {kind = "area", name = rec.caller, addr = rec.addr, offset = addr - rec.addr, bytes = rec.bytes, kinds = rec.kinds,
    phys = rec.phys}
end

local function of_page(kind, k, page, offset)
  local rec = page_flags.describe(k, page)
  return {kind = kind, addr = page, offset = offset, pfn = rec.pfn, flags = rec.names, type = rec.type, refcount = rec.refcount,
    mapcount = rec.mapcount, mapping = rec.mapping, index = rec.index, anon = rec.anon, head = rec.head}
end

local function struct_page(k, addr)
  local size = types.sizeof(k, "struct page")
  local base = k:u64(kallsyms.address(k, "vmemmap_base"))
  if math.ult(addr, base) or not within(addr, base, k:u64(kallsyms.address(k, "max_pfn")) * size) then return nil end
  local offset = (addr - base) % size
  return of_page("struct page", k, addr - offset, offset)
end

local function page(k, addr, space)
  local pa, bytes, entry = k:translate(addr, space)
  if not pa then return nil end
  local size = k:page_size()
  local pfn = pa // size
  if pfn >= k:u64(kallsyms.address(k, "max_pfn")) then -- a device's
    return {kind = "page", phys = pa, pfn = pfn, offset = pa % size, page_bytes = bytes, entry = entry}
  end
  local rec = of_page("page", k, pagemap.pfn_to_page(k, pfn), pa % size)
  rec.phys, rec.page_bytes, rec.entry = pa, bytes, entry
  return rec
end

-- The processes that map the page at an address, or the page that a struct page stands for.
local function mapped(k, addr, space)
  local rec = struct_page(k, addr) or page(k, addr, space)
  local users = rec and rec.mapping and rmap.users(k, rec.addr) or {}
  if not users[1] then return nil end
  local pids, places = {}, {}
  for i, user in ipairs(users) do pids[i], places[i] = user.pid, user.addr end
  return {kind = "mapped", addr = rec.addr, offset = rec.offset, pfn = rec.pfn, pids = pids, places = places, pid = pids[1],
    comm = users[1].comm}
end

-- In the order in which they tell most.
local FINDERS <const> = {{"symbol", symbol}, {"module", of_module}, {"percpu", per_cpu}, {"stack", stack}, {"slab", of_slab},
  {"area", area}, {"struct page", struct_page}, {"page", page}, {"mapped", mapped}}

local function ask(finders, ...)
  local found, failed = {}, {}
  for _, finder in ipairs(finders) do
    local rec, err = kvm_error.try(finder[2], ...)
    if rec then
      found[#found + 1] = rec
    elseif err and err.code ~= "fault" then -- nothing is there
      failed[#failed + 1] = {kind = finder[1], error = err}
    end
  end
  return found, failed
end

--- What an address is.
-- @param k an open handle
-- @tparam integer addr virtual, of the kernel
-- @treturn {table,...} each with kind, offset (bytes from the start of what it tells), addr (of that start) and what else the kind has:
--  "symbol": name, module. "module": name, bytes (of this part of it). "percpu": cpu, name (of a variable, nil of memory that was
--  allocated). "stack": bytes, task (`struct task_struct *`), pid, comm. "slab": name (of the cache), bytes, index, slab, state ("used",
--  "free", "kept"), cpu (that keeps it), of a task task, pid, comm. "area" (of vmalloc): name (who made it), bytes, kinds, phys.
--  "struct page", "page" (what is at the address): pfn, flags ({string,...}), type, refcount, mapcount, mapping, index, anon, head; of
--  "page" phys, page_bytes, entry (of the page table). "mapped" (the page is user memory): pids and places ({integer,...}: processes and
--  the addresses where they have it), pid and comm of the first. Empty where nothing is known of it
-- @treturn {table,...} kind and error (kvm.Error) of what could not be asked
-- @usage local found = kvm.linux.identify.address(k, k:symbol("linux_banner").value + 4)
-- assert(found[1].kind == "symbol" and found[1].offset == 4)
function M.address(k, addr)
  return ask(FINDERS, k, addr)
end

local function user_area(k, addr, task)
  local mm = kvm_error.check(k:object(task.addr, TASK)).mm
  local found = mm and mm_types.find_vma(mm, addr)
  if not found then return nil end
  return {kind = "user area", name = mm_types.name(found), addr = found.vm_start, offset = addr - found.vm_start,
    bytes = found.vm_end - found.vm_start, permissions = mm_types.permissions(found)}
end

local USER_FINDERS <const> = {{"user area", user_area}, {"page", page}, {"mapped", mapped}}

--- What an address of a process is.
-- @param k an open handle
-- @tparam integer addr virtual, of user space
-- @tparam table task a record of k:procs
-- @treturn {table,...} as address gives them: "user area" (name: a file's path, "[heap]" ...; permissions: "rw-p"; bytes), "page", "mapped"
-- @treturn {table,...} kind and error (kvm.Error) of what could not be asked
-- @usage local p = k:procs("pid", 1)()
-- for _, rec in ipairs(p and kvm.linux.identify.user_address(k, 0x401000, p) or {}) do assert(rec.offset >= 0) end
function M.user_address(k, addr, task)
  return ask(USER_FINDERS, k, addr, task)
end

return M
