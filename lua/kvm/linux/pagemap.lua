-- SPDX-License-Identifier: BSD-2-Clause
-- linux/pagemap.h and asm/page.h: struct page and what memory it stands for, and the page cache of a file: the pages of its address space
-- (an XArray, in which a folio of several pages is one entry since 5.17, a head page and its tails' siblings before). x86-64: the map of
-- struct pages starts at vmemmap_base. Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out other memory models.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local types = require "kvm.type"
local xarray = require "kvm.linux.xarray"

local M = {}

local MAX_BYTES <const> = 1 << 46 -- of a file: what an i_size that is not damaged can be here

-- Where the map of struct pages starts, how large one is.
local function map_of(k)
  return k:u64((kallsyms.need(k, {"vmemmap_base"}, "map of pages in virtual memory", "CONFIG_SPARSEMEM_VMEMMAP"))), types.sizeof(k,
    "struct page")
end

--- The page frame that a struct page stands for.
-- @param k an open handle
-- @tparam integer page `struct page *` (or `struct folio *`)
-- @treturn integer page frame number
-- @raise kvm.Error `inval` for what is no struct page; `notfound`
-- @usage local pagemap = kvm.linux.pagemap assert(pagemap.page_to_pfn(k, pagemap.pfn_to_page(k, 7)) == 7)
function M.page_to_pfn(k, page)
  local base, size = map_of(k)
  local offset = page - base
  if math.ult(page, base) or offset % size ~= 0 or offset // size >= 1 << 40 then
    error(kvm_error.new {code = "inval", addr = page, message = ("0x%x is no struct page"):format(page)}, 0)
  end
  return offset // size
end

--- The struct page of a page frame.
-- @param k an open handle
-- @tparam integer pfn
-- @treturn integer `struct page *`
-- @raise kvm.Error `notfound`
-- @usage assert(kvm.linux.pagemap.pfn_to_page(k, 1) - kvm.linux.pagemap.pfn_to_page(k, 0) == kvm.sizeof(k:type "struct page"))
function M.pfn_to_page(k, pfn)
  local base, size = map_of(k)
  return base + pfn * size
end

--- The page cache of a file.
-- @param inode `struct inode`
-- @treturn function an iterator of tables: index (of the first page in the file), pages (how many), pfn (of the first), addr (`struct
--  page *`); of what was swapped or evicted (a value entry) shadow=true and no pfn
-- @raise kvm.Error `format` where the tree is damaged; `fault`, `excluded`
-- @usage for _, file in kvm.linux.fdtable.for_each_file(k:object("init_task")) do
-- for p in kvm.linux.pagemap.for_each_page(file.f_inode) do assert(p.index >= 0) end end
function M.for_each_page(inode)
  local k, step = object.handle(inode), xarray.for_each(inode.i_mapping.i_pages)
  return function()
    local index, entry, span = step()
    if not index then return nil end
    if xarray.is_value(entry) then return {index = index, pages = span, shadow = true} end
    return {index = index, pages = span, pfn = M.page_to_pfn(k, entry), addr = entry}
  end
end

--- The contents of a file as far as they are in the page cache.
-- @param inode `struct inode`
-- @treturn function an iterator of offset (bytes, in the file) and bytes (string), in order; what is not cached, or not in the dump, is
--  left out
-- @treturn integer the file's size in bytes
-- @raise kvm.Error `format` for a size that can't be, or a damaged tree
-- @usage for _, file in kvm.linux.fdtable.for_each_file(k:object("init_task")) do
-- local contents, size = kvm.linux.pagemap.contents(file.f_inode) for at, bytes in contents do assert(at + #bytes <= size) end end
function M.contents(inode)
  local k, size, page = object.handle(inode), inode.i_size, object.handle(inode):page_size()
  if size < 0 or size > MAX_BYTES then kvm_error.fail("format", "the inode at 0x%x has %d bytes", object.addr(inode), size) end
  local step = M.for_each_page(inode)
  return coroutine.wrap(function()
    for p in step do
      for i = 0, p.pfn and p.pages - 1 or -1 do
        local at = (p.index + i) * page
        local bytes = at < size and k:read((p.pfn + i) * page, math.min(page, size - at), "physical")
        if bytes then coroutine.yield(at, bytes) end
      end
    end
  end), size
end

return M
