-- SPDX-License-Identifier: BSD-2-Clause
-- linux/mm.h and asm/page.h: how much memory the kernel has, and where it sees all of it. /proc/meminfo's MemTotal is totalram_pages(),
-- the counter _totalram_pages (mm/page_alloc.c, later mm/mm_init.c; an atomic_long_t since 5.0), in pages. x86-64: the direct map of all
-- physical memory starts at page_offset_base. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kallsyms = require "kvm.linux.kallsyms"

local M = {}

--- Bytes of memory that the page allocator manages: MemTotal.
-- @param k an open handle
-- @treturn integer bytes
-- @raise kvm.Error
-- @usage local bytes = kvm.try(require "kvm.linux.mm".totalram_bytes, k) assert(not bytes or bytes > 0)
function M.totalram_bytes(k)
  return k:u64(kallsyms.address(k, "_totalram_pages")) * k:page_size()
end

--- Where the kernel's direct map has a physical address.
-- @param k an open handle
-- @tparam integer addr physical
-- @treturn integer virtual address; whether memory is there is not asked
-- @raise kvm.Error `notfound`: the direct map does not start where a variable says
-- @usage local mm = require "kvm.linux.mm" assert(mm.phys_to_virt(k, 4096) - mm.phys_to_virt(k, 0) == 4096)
function M.phys_to_virt(k, addr)
  return k:u64((kallsyms.need(k, {"page_offset_base"}, "variable for its direct map", "CONFIG_DYNAMIC_MEMORY_LAYOUT"))) + addr
end

return M
