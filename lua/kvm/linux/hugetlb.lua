-- SPDX-License-Identifier: BSD-2-Clause
-- linux/hugetlb.h: the pools of huge pages, one of each size, as /sys/kernel/mm/hugepages has them. Checked against Linux 5.10, 6.1, 6.12
-- and 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MOST <const> = 16 -- HUGE_MAX_HSTATE is 2 on x86-64

--- The pools of huge pages.
-- @param k an open handle
-- @treturn function an iterator of `struct hstate` and whether it is the default one
-- @raise kvm.Error `notfound`: this kernel has no huge pages (CONFIG_HUGETLB_PAGE)
-- @usage for pool in kvm.linux.hugetlb.for_each_hstate(k) do assert(pool.free_huge_pages <= pool.nr_huge_pages) end
function M.for_each_hstate(k)
  local base = kallsyms.need(k, {"hstates"}, "huge pages", "CONFIG_HUGETLB_PAGE")
  local count, default = k:u32(kallsyms.address(k, "hugetlb_max_hstate")), k:u32(kallsyms.address(k, "default_hstate_idx"))
  if count > MOST then kvm_error.fail("format", "there are %d pools of huge pages", count) end
  local t, i = types.of(k, "struct hstate"), -1
  return function()
    i = i + 1
    if i >= count then return nil end
    return kvm_error.check(k:object(base + i * t:size(), t)), i == default
  end
end

--- How many pages a pool has.
-- @param pool `struct hstate`
-- @tparam[opt] integer node its number; nil: of all nodes
-- @treturn table bytes (of a page), total, free, surplus, and of all nodes reserved
-- @raise kvm.Error
-- @usage for pool in kvm.linux.hugetlb.for_each_hstate(k) do
-- assert(kvm.linux.hugetlb.usage(pool, 0).free <= kvm.linux.hugetlb.usage(pool).total) end
function M.usage(pool, node)
  local bytes = object.handle(pool):page_size() << pool.order
  if node then
    return {bytes = bytes, total = pool.nr_huge_pages_node[node], free = pool.free_huge_pages_node[node],
      surplus = pool.surplus_huge_pages_node[node]}
  end
  return {bytes = bytes, total = pool.nr_huge_pages, free = pool.free_huge_pages, surplus = pool.surplus_huge_pages,
    reserved = pool.resv_huge_pages}
end

return M
