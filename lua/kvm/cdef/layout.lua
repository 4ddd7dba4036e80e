-- SPDX-License-Identifier: BSD-2-Clause
-- Where members of a struct or union lie: the System V rules as gcc has them on Linux, for attributes packed and aligned and bit
-- fields of any type, compared with gcc 12.2 (spec/cdef_structs_spec.lua). Bit fields are counted in the order in which they are
-- allocated, from the low bit on little-endian machines and from the high one on big-endian ones, as DW_AT_data_bit_offset does.
-- Not Microsoft's rules (ms_struct), not #pragma pack.
local M = {}

local MAX_BITS = 8 << 48 -- of a type: no address space is larger

local function round_up(v, to) return (v + to - 1) // to * to end

local function power_of_two_in(v) return v & -v end

-- Alignment in bits that a member asks for where it is placed, and that it gives its struct.
local function alignments(f, packed, anon_aligns)
  local own, of_type = (f.aligned or 0) * 8, f.align * 8
  if not f.bits then
    local align = packed and math.max(own, 8) or math.max(own, of_type)
    return align, align
  end
  local place = math.max(own, f.bits == 0 and of_type or 1)
  if not f.named and not anon_aligns then return place, 1 end
  if packed and f.bits > 0 then of_type = 8 end
  return place, math.max(place, of_type)
end

-- A bit field does not span more units of its type's alignment than the type itself does (PCC_BITFIELD_TYPE_MATTERS).
local function spans_too_much(f, at)
  local unit = f.align * 8
  return (at % unit + f.bits + unit - 1) // unit > f.size * 8 // unit
end

-- The place of a member whose offset is fixed by hand, and the alignment that this leaves to the struct.
local function fixed(f, pos)
  local at = f.offset * 8
  if at < pos then return nil, "it overlaps with the member in front of it" end
  local align = math.max(f.align, f.aligned or 1)
  return at, (at == 0 and align or math.min(align, power_of_two_in(f.offset))) * 8
end

local function place(f, pos, packed, anon_aligns)
  if f.offset then return fixed(f, pos) end
  local align, given = alignments(f, packed, anon_aligns)
  local at = round_up(pos, align)
  if f.bits and f.bits > 0 and not packed and spans_too_much(f, at) then at = round_up(at, f.align * 8) end
  return at, given
end

-- The size, when it is fixed by hand: the alignment then divides it.
local function fix_size(size, bytes, align)
  if bytes > size then return nil, ("its members need %d bytes"):format(bytes) end
  return size, size == 0 and align or math.min(align, power_of_two_in(size))
end

--- Places members.
-- @tparam table record `union`, `packed` (booleans), `aligned` (bytes), `size` (bytes, when fixed by hand)
-- @tparam {table,...} fields `size` and `align` (bytes, of the type), `bits` (of a bit field), `named`, `packed` (booleans),
-- `aligned` (bytes), `offset` (bytes, when fixed by hand); each gets `at` (bits from the start)
-- @tparam boolean anon_aligns bit fields without a name align their struct
-- @treturn[1] integer size in bytes
-- @treturn[1] integer alignment in bytes
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] table the field it is about, or nil
-- @usage assert(require "kvm.cdef.layout".place({}, {{size=1, align=1, named=true}, {size=4, align=4, named=true}}) == 8)
function M.place(record, fields, anon_aligns)
  local pos, last, align = 0, 0, math.max(record.aligned or 1, 1) * 8
  for _, f in ipairs(fields) do
    if record.union then pos = 0 end
    local at, given = place(f, pos, record.packed or f.packed, anon_aligns)
    if not at then return nil, given, f end
    f.at = at
    pos = at + (f.bits or f.size * 8)
    align, last = math.max(align, given), math.max(last, pos)
    if last > MAX_BITS or at > MAX_BITS then return nil, "the type is too large", f end
  end
  local bytes = (last + 7) // 8
  if record.size then return fix_size(record.size, bytes, align // 8) end
  return round_up(bytes, align // 8), align // 8
end

return M
