-- SPDX-License-Identifier: BSD-2-Clause
-- The text of a VMCOREINFO note (Linux Documentation/admin-guide/kdump/vmcoreinfo.rst).
local M = {}

--- t: release, build_id, page_size, symbols {name=address}, offsets {["struct.member"]=n}, sizes {name=n}, numbers {name=n},
--   kernel_offset, crash_time, lines (a list of more lines)
function M.build(t)
  local out = {"OSRELEASE=" .. t.release}
  if t.build_id then out[#out + 1] = "BUILD-ID=" .. t.build_id end
  out[#out + 1] = ("PAGESIZE=%d"):format(t.page_size or 4096)
  local function each(what, map, fmt)
    local names = {}
    for name in pairs(map or {}) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do out[#out + 1] = (what .. "(%s)=" .. fmt):format(name, map[name]) end
  end
  each("SYMBOL", t.symbols, "%x")
  each("SIZE", t.sizes, "%d")
  each("OFFSET", t.offsets, "%d")
  each("NUMBER", t.numbers, "%d")
  if t.kernel_offset then out[#out + 1] = ("KERNELOFFSET=%x"):format(t.kernel_offset) end
  if t.crash_time then out[#out + 1] = ("CRASHTIME=%d"):format(t.crash_time) end
  for _, line in ipairs(t.lines or {}) do out[#out + 1] = line end
  return table.concat(out, "\n") .. "\n"
end

return M
