-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm swap: swap devices and files, as /proc/swaps has them.
local walk = require "kvm.cmd.walk"

local M = {
  name = "swap",
  summary = "swap devices and files",
  operands = {},
  options = {},
  columns = {
    {name = "name", kind = "string", title = "NAME", width = 24, left = true},
    {name = "size_bytes", kind = "size", title = "SIZE", width = 8},
    {name = "used_bytes", kind = "size", title = "USED", width = 8},
    {name = "flags", kind = "hex", title = "FLAGS", left = true, width = 0},
  },
  no_match = "there is no swap",
}

--- Swap devices and files.
-- @param k an open handle
-- @treturn function an iterator of records: name (path), size_bytes, used_bytes, flags (SWP_*); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for s in require "kvm.cmd.swap".run(k) do assert(s.stopped or s.used_bytes <= s.size_bytes) end
function M.run(k)
  return walk.records(function(emit)
    local page = k:page_size()
    for s in k:swaps() do emit {name = s.name, size_bytes = s.total_pages * page, used_bytes = s.used_pages * page, flags = s.flags} end
  end)
end

return M
