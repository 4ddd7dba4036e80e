-- SPDX-License-Identifier: BSD-2-Clause
-- Page tables of x86-64 with 4 or 5 levels and pages of 4 KB, 2 MB and 1 GB (Intel SDM volume 3, 4.5), written into a
-- memory.
local M = {}

M.PRESENT, M.WRITE, M.USER, M.ACCESSED, M.LARGE = 1, 2, 4, 1 << 5, 1 << 7
local ADDRESS = 0x000ffffffffff000
local LEVEL_OF = {[0x1000] = 1, [0x200000] = 2, [0x40000000] = 3}

local Table = {}
Table.__index = Table

--- A new, empty table.
-- @param memory a memory (spec.support.build.memory)
-- @param alloc gives the physical address of a fresh page
-- @param t levels (4), flags (more bits of each entry), encryption (a bit that is set in each entry, as AMD's SME does)
-- @return the table; `root` is its physical address
function M.new(memory, alloc, t)
  t = t or {}
  local self = setmetatable({
    memory = memory, alloc = alloc, levels = t.levels or 4, encryption = (t.encryption or 0) | (t.flags or 0),
  }, Table)
  self.root = self:page()
  return self
end

function Table:page()
  local pa = self.alloc()
  self.memory:write(pa, ("\0"):rep(4096))
  return pa
end

local function slot(table_pa, level, va) return table_pa + (va >> (12 + 9 * (level - 1)) & 511) * 8 end

function Table:entry(at, value)
  if value then
    self.memory:write(at, ("<i8"):pack(value))
    return value
  end
  return (("<i8"):unpack(self.memory:read(at, 8)))
end

-- Physical address of the entry of `level` for va; tables above it are made.
function Table:slot(va, level)
  local pa = self.root
  for l = self.levels, level + 1, -1 do
    local at = slot(pa, l, va)
    local entry = self:entry(at)
    if entry & M.PRESENT == 0 then
      entry = self:entry(at, self:page() | M.PRESENT | M.WRITE | M.USER | self.encryption)
    end
    pa = entry & ADDRESS & ~self.encryption
  end
  return slot(pa, level, va)
end

--- Maps one page of `size` bytes (4096, 2 MB, 1 GB).
function Table:map(va, pa, size)
  local level = assert(LEVEL_OF[size or 4096])
  local large = level > 1 and M.LARGE or 0
  self:entry(self:slot(va, level), pa | M.PRESENT | M.WRITE | M.USER | large | self.encryption)
end

--- Maps [va, va + length) in pages of 4 KB.
function Table:map_range(va, pa, length)
  for off = 0, length - 1, 4096 do self:map(va + off, pa + off) end
end

--- Writes an entry as it is (a broken one, say) where va's page of 4 KB would be.
function Table:set(va, entry) self:entry(self:slot(va, 1), entry) end

return M
