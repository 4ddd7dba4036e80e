-- SPDX-License-Identifier: BSD-2-Clause
-- linux/poison.h: values that the kernel puts where nothing should be read any more, or not yet. Checked against Linux 5.10, 6.1, 6.12
-- and 7.2 (POISON_POINTER_DELTA is CONFIG_ILLEGAL_POINTER_VALUE, 0xdead000000000000 on x86-64 and arm64).
local M = {}

local DELTA <const> = 0xdead000000000000
local NEAR <const> = 0x1000 -- a member of what the pointer should lead to

local BYTES = {
  [0x6b] = "use after free (POISON_FREE, SLUB)", [0x5a] = "use of uninitialised memory (POISON_INUSE, SLUB)",
  [0xa5] = "end of a SLUB object (POISON_END)", [0xbb] = "red zone of a free object (SLUB_RED_INACTIVE)",
  [0xcc] = "red zone of an object in use (SLUB_RED_ACTIVE)", [0xaa] = "a free page (PAGE_POISON)",
}
local POINTERS = {
  {DELTA + 0x100, "deleted list entry (LIST_POISON1)"}, {DELTA + 0x122, "deleted list entry (LIST_POISON2)"},
  {DELTA + 0x400, "freed timer entry (TIMER_ENTRY_STATIC)"},
}

-- The byte that at least six of the eight repeat from above: what is added to such a pointer changes its lowest ones.
local function repeated(value)
  local byte = value >> 56 & 0xff
  for shift = 48, 16, -8 do
    if value >> shift & 0xff ~= byte then return nil end
  end
  return byte
end

--- What a value means if it is poison.
-- @tparam integer value
-- @treturn ?string "use after free (POISON_FREE, SLUB)"; nil for any other
-- @usage assert(kvm.linux.poison.meaning(0x6b6b6b6b6b6b6b6b):find "use after free" and not kvm.linux.poison.meaning(5))
function M.meaning(value)
  for _, p in ipairs(POINTERS) do
    local distance = value - p[1]
    if distance >= -8 and distance < 8 then return p[2] end
  end
  if value & ~(NEAR - 1) == DELTA then return "deleted list entry (LIST_POISON)" end
  local byte = repeated(value)
  return byte and BYTES[byte] or nil
end

return M
