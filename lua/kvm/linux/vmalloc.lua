-- SPDX-License-Identifier: BSD-2-Clause
-- linux/vmalloc.h: areas of the kernel's virtual memory outside of its direct map, as /proc/vmallocinfo has them (mm/vmalloc.c): what
-- vmalloc, vmap and ioremap have made, modules, stacks of tasks. Since 6.9 they are shared out among nodes, each with a tree and a
-- list; before there was one of each. Areas that were given back are kept until the TLBs are flushed. Checked against Linux 5.10, 6.1,
-- 6.12 and 7.2. Leaves out per node counts of pages, and where the array of pages lies.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local list = require "kvm.linux.list"
local llist = require "kvm.linux.llist"
local object = require "kvm.object"
local rbtree = require "kvm.linux.rbtree"
local types = require "kvm.type"

local M = {}

local AREA <const> = "struct vmap_area"
local MOST <const>, MOST_NODES <const> = 1 << 24, 65536
local UNINITIALIZED <const> = 0x20 -- VM_UNINITIALIZED: it is being made
-- VM_IOREMAP, VM_SPARSE (since 6.9), VM_ALLOC, VM_MAP, VM_USERMAP, VM_DMA_COHERENT, in the order of /proc/vmallocinfo
local FLAGS <const> = {{0x1, "ioremap"}, {0x1000, "sparse"}, {0x2, "vmalloc"}, {0x4, "vmap"}, {0x8, "user"}, {0x10, "dma-coherent"}}

local function at(k, name, t) return kvm_error.check(k:object(kallsyms.address(k, name), t)) end

-- Lists of areas: struct list_head, or struct llist_head.
local function steps(head, member) return function() return list.for_each_entry(AREA, head, member, MOST) end end
local function lockless(head, member) return function() return llist.for_each_entry(AREA, head, member, MOST) end end

-- Areas that were given back, where all are in one list: a lockless one in 5.10.
local function lazy_of(k)
  if k:symbol "vmap_purge_list" then return lockless(at(k, "vmap_purge_list", "struct llist_head"), "purge_list") end
  return steps(at(k, "purge_vmap_area_list", "struct list_head"), "list")
end

-- Where areas are kept: {busy=, lazy= functions that give an iterator, root=tree}.
local function nodes_of(k)
  if k:symbol "vmap_nodes" then
    local base, count = k:ptr(kallsyms.address(k, "vmap_nodes")), k:u32(kallsyms.address(k, "nr_vmap_nodes"))
    local t = types.of(k, "struct vmap_node")
    if count > MOST_NODES then kvm_error.fail("format", "there are %d nodes of areas", count) end
    local out = {}
    for i = 0, count - 1 do
      local node = kvm_error.check(k:object(base + i * t:size(), t))
      out[i + 1] = {busy = steps(node.busy.head, "list"), root = node.busy.root, lazy = steps(node.lazy.head, "list")}
    end
    return out
  end
  return {{busy = steps(at(k, "vmap_area_list", "struct list_head"), "list"), root = at(k, "vmap_area_root", "struct rb_root"),
    lazy = function() return lazy_of(k)() end}}
end

local function over(k, which)
  return coroutine.wrap(function()
    for _, node in ipairs(nodes_of(k)) do
      for area in node[which]() do coroutine.yield(area) end
    end
  end)
end

--- The areas that are in use.
-- @param k an open handle
-- @treturn function an iterator of `struct vmap_area`, since 6.9 those of a node one behind the other
-- @raise kvm.Error `format` where a list is damaged; `fault`, `excluded`
-- @usage for area in kvm.linux.vmalloc.for_each_vmap_area(k) do assert(math.ult(area.va_start, area.va_end)) end
function M.for_each_vmap_area(k)
  return over(k, "busy")
end

--- The areas that were given back, whose addresses are not yet free.
-- @param k an open handle
-- @treturn function an iterator of `struct vmap_area`
-- @raise kvm.Error as for_each_vmap_area
-- @usage for area in kvm.linux.vmalloc.for_each_lazy_area(k) do assert(math.ult(area.va_start, area.va_end)) end
function M.for_each_lazy_area(k)
  return over(k, "lazy")
end

--- The area that an address is in.
-- @param k an open handle
-- @tparam integer addr
-- @return `struct vmap_area`; nil where there is none
-- @raise kvm.Error `format` where a tree is damaged; `fault`, `excluded`
-- @usage local area = kvm.linux.vmalloc.for_each_vmap_area(k)()
-- assert(kvm.linux.vmalloc.find_vmap_area(k, area.va_start).va_end == area.va_end)
function M.find_vmap_area(k, addr)
  local function compare(area)
    if math.ult(addr, area.va_start) then return -1 end
    return math.ult(addr, area.va_end) and 0 or 1
  end
  for _, node in ipairs(nodes_of(k)) do
    local area = rbtree.find(AREA, node.root, "rb_node", compare)
    if area then return area end
  end
  return nil
end

-- "kernel_clone+0x9b/0x3f0 [module]", as %pS
local function place_of(k, addr)
  local symbol, offset = k:symbol(addr)
  if not symbol then return ("0x%x"):format(addr) end
  local size = symbol.size > 0 and ("/0x%x"):format(symbol.size) or ""
  return ("%s+0x%x%s%s"):format(symbol.name, offset, size, symbol.module and (" [%s]"):format(symbol.module) or "")
end

--- What an area is.
-- @param area `struct vmap_area`
-- @tparam[opt] boolean is_lazy it was given back: what it was has been freed, and the pointer to that may be anything
-- @treturn table addr, bytes (with the guard page behind it), kinds ({string,...} of "ioremap", "sparse", "vmalloc", "vmap", "user",
--  "dma-coherent", or "vm_map_ram"; none of one that is being given back), vm (`struct vm_struct *`), caller (who made it: symbol and
--  offset), pages (how many), phys (address; of ioremap), unready (boolean: it is being made)
-- @raise kvm.Error `fault`, `excluded`
-- @usage local info = kvm.linux.vmalloc.describe(kvm.linux.vmalloc.for_each_vmap_area(k)()) assert(info.bytes >= 4096)
function M.describe(area, is_lazy)
  local rec = {addr = area.va_start, bytes = area.va_end - area.va_start, kinds = {}, unready = false}
  if is_lazy then return rec end
  local k, vm = object.handle(area), area.vm
  if not vm then
    local flags = object.typeof(area):strip():field "flags" and area.flags -- since 6.3
    if not flags or flags & 1 ~= 0 then rec.kinds[1] = "vm_map_ram" end -- VMAP_RAM
    return rec
  end
  local flags = vm.flags
  for _, flag in ipairs(FLAGS) do
    if flags & flag[1] ~= 0 then rec.kinds[#rec.kinds + 1] = flag[2] end
  end
  rec.vm, rec.bytes, rec.unready = object.addr(vm), vm.size, flags & UNINITIALIZED ~= 0
  rec.pages = vm.nr_pages > 0 and vm.nr_pages or nil
  rec.phys = vm.phys_addr ~= 0 and vm.phys_addr or nil
  local caller = k:ptr(object.addr(vm, "caller"))
  rec.caller = caller ~= 0 and place_of(k, caller) or nil
  return rec
end

return M
