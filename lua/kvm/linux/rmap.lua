-- SPDX-License-Identifier: BSD-2-Clause
-- linux/rmap.h: which address spaces map a page of user memory, and where: of anonymous memory the areas that its anon_vma knows, of a file
-- those of its address space (rmap_walk_anon and rmap_walk_file, mm/rmap.c). Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out
-- pages of KSM and of hugetlbfs.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local page_flags = require "kvm.linux.page_flags"
local rbtree = require "kvm.linux.rbtree"
local types = require "kvm.type"

local M = {}

local AREA <const>, MOST <const> = "struct vm_area_struct", 1 << 20

local function areas_of(k, rec)
  if not rec.anon then
    local mapping = kvm_error.check(k:object(rec.mapping, "struct address_space"))
    return rbtree.for_each_entry(AREA, mapping.i_mmap, "shared.rb", MOST)
  end
  local anon_vma = kvm_error.check(k:object(rec.mapping, "struct anon_vma"))
  local step = rbtree.for_each_entry("struct anon_vma_chain", anon_vma.rb_root, "rb", MOST)
  return function()
    local chain = step()
    return chain and chain.vma
  end
end

--- The areas that a page would be in, and where there. Whether their page tables have it is not asked: a process may have its own copy.
-- @param k an open handle
-- @tparam integer page `struct page *`
-- @treturn function an iterator of `struct vm_area_struct` and address; none of a page that is no user memory
-- @raise kvm.Error `inval` for what is no struct page; `format` where a tree is damaged; `fault`, `excluded`
-- @usage for area, addr in kvm.linux.rmap.for_each_area(k, kvm.linux.pagemap.pfn_to_page(k, 256)) do assert(area.vm_start <= addr) end
function M.for_each_area(k, page)
  local head, page_size = page_flags.compound_head(k, page), k:page_size()
  local rec = page_flags.describe(k, head)
  if not rec.mapping then return function() end end
  local index = rec.index + (page - head) // types.sizeof(k, "struct page")
  local step = areas_of(k, rec)
  return function()
    for area in step do
      local start, pages = area.vm_start, (area.vm_end - area.vm_start) // page_size
      local offset = index - area.vm_pgoff
      if offset >= 0 and offset < pages then return area, start + offset * page_size end
    end
    return nil
  end
end

--- The processes that have a page in their page tables.
-- @param k an open handle
-- @tparam integer page `struct page *`
-- @treturn {table,...} pid, comm, addr (where the process has it), mm (`struct mm_struct *`); of threads that share an address space one
-- @raise kvm.Error as for_each_area
-- @usage for _, user in ipairs(kvm.linux.rmap.users(k, kvm.linux.pagemap.pfn_to_page(k, 256))) do assert(user.pid > 0) end
function M.users(k, page)
  local by_mm, out = {}, {}
  local pa = page_flags.describe(k, page).pfn * k:page_size()
  for area, addr in M.for_each_area(k, page) do
    if not next(by_mm) then
      for p in k:procs() do by_mm[p.mm] = by_mm[p.mm] or p end
    end
    local mm = object.addr(area.vm_mm)
    local p = by_mm[mm]
    if p and p.mm ~= 0 and k:translate(addr, p) == pa then out[#out + 1] = {pid = p.pid, comm = p.comm, addr = addr, mm = mm} end
  end
  return out
end

return M
