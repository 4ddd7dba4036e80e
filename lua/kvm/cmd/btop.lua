-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm btop: the page frames of physical addresses.
local words = require "kvm.cmd.words"

local M = {
  name = "btop",
  summary = "the page frames of physical addresses",
  operands = {{key = "addrs", name = "ADDR", many = true}},
  options = {},
  columns = {
    {name = "physical", kind = "hex", title = "PHYSICAL", width = 18, left = true},
    {name = "pfn", kind = "integer"},
    {name = "frame", kind = "hex", title = "PFN", width = 18, left = true, json = false},
  },
}

--- The page frames of physical addresses.
-- @param k an open handle
-- @tparam table opts addrs ({integer|string,...}: hexadecimal text)
-- @treturn function an iterator of records: physical (address), pfn (page frame number)
-- @raise kvm.Error `inval` for what is no number
-- @usage assert(require "kvm.cmd.btop".run(k, {addrs = {"12345678"}})().pfn == 0x12345)
function M.run(k, opts)
  return words.each_number(opts.addrs, function(value)
    local pfn = value // k:page_size()
    return {physical = value, pfn = pfn, frame = pfn}
  end)
end

return M
