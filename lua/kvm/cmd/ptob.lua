-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm ptob: the physical addresses of page frames.
local words = require "kvm.cmd.words"

local M = {
  name = "ptob",
  summary = "the physical addresses of page frames",
  operands = {{key = "pfns", name = "PFN", many = true}},
  options = {},
  columns = {
    {name = "pfn", kind = "integer"},
    {name = "frame", kind = "hex", title = "PFN", width = 18, left = true, json = false},
    {name = "physical", kind = "hex", title = "PHYSICAL", width = 18, left = true},
  },
}

--- The physical addresses of page frames.
-- @param k an open handle
-- @tparam table opts pfns ({integer|string,...}: hexadecimal text)
-- @treturn function an iterator of records: pfn (page frame number), physical (address of its first byte)
-- @raise kvm.Error `inval` for what is no number
-- @usage assert(require "kvm.cmd.ptob".run(k, {pfns = {"12345"}})().physical == 0x12345000)
function M.run(k, opts)
  return words.each_number(opts.pfns, function(value)
    return {pfn = value, frame = value, physical = value * k:page_size()}
  end)
end

return M
