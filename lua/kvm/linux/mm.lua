-- SPDX-License-Identifier: BSD-2-Clause
-- linux/mm.h: how much memory the kernel has. /proc/meminfo's MemTotal is totalram_pages(), the counter
-- _totalram_pages (mm/page_alloc.c, later mm/mm_init.c; an atomic_long_t since 5.0), in pages. Checked against Linux
-- 5.10, 6.1, 6.12 and 7.2.
local kallsyms = require "kvm.linux.kallsyms"

local M = {}

--- Bytes of memory that the page allocator manages: MemTotal.
-- @param k an open handle
-- @treturn integer bytes
-- @raise kvm.Error
-- @usage local bytes = kvm.try(require "kvm.linux.mm".totalram_bytes, k) assert(not bytes or bytes > 0)
function M.totalram_bytes(k)
  return k:u64(kallsyms.address(k, "_totalram_pages")) * k:info().page_size
end

return M
