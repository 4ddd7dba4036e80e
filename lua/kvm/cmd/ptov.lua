-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm ptov: where the kernel's direct map has physical addresses.
local mm = require "kvm.linux.mm"
local words = require "kvm.cmd.words"

local M = {
  name = "ptov",
  summary = "where the kernel's direct map has physical addresses",
  operands = {{key = "addrs", name = "ADDR", many = true}},
  options = {},
  columns = {
    {name = "physical", kind = "hex", title = "PHYSICAL", width = 18, left = true},
    {name = "virtual", kind = "hex", title = "VIRTUAL", width = 18, left = true},
  },
}

--- Where the kernel's direct map has physical addresses.
-- @param k an open handle
-- @tparam table opts addrs ({integer|string,...}: hexadecimal text)
-- @treturn function an iterator of records: physical, virtual (addresses); whether memory is there is not asked
-- @raise kvm.Error `inval` for what is no number; `notfound` where no variable says where the map starts
-- @usage local r = require "kvm.cmd.ptov".run(k, {addrs = {"1000"}})() assert(k:translate(r.virtual) == r.physical)
function M.run(k, opts)
  return words.each_number(opts.addrs, function(value)
    return {physical = value, virtual = mm.phys_to_virt(k, value)}
  end)
end

return M
