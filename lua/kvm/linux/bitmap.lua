-- SPDX-License-Identifier: BSD-2-Clause
-- linux/bitmap.h: arrays of bits in words of the machine's size, bit 0 the lowest of the first word. Read in one piece, so that a
-- bitmap of many bits costs one read for each 64 KB. Checked against Linux 5.10 to 7.2. Leaves out machines of 32 bits.
local kvm_error = require "kvm.error"

local M = {}

local WORD <const> = 64            -- bits
local PIECE <const> = 1 << 16      -- bytes that are read at once
local MOST_BITS <const> = 1 << 32

local function check_bits(nbits)
  if nbits < 0 or nbits > MOST_BITS then kvm_error.fail("format", "a bitmap of %d bits", nbits) end
end

-- Index of the lowest bit that is set.
local function lowest(word)
  local n = 0
  for _, step in ipairs {32, 16, 8, 4, 2, 1} do
    if word & (1 << step) - 1 == 0 then word, n = word >> step, n + step end
  end
  return n
end

-- Bits that are set in a word.
local function ones(word)
  local n = 0
  while word ~= 0 do
    word = word & word - 1
    n = n + 1
  end
  return n
end

-- An iterator of words that are not 0, and the number of the first bit of each. Bits behind the last one are cleared.
local function words(k, addr, nbits)
  check_bits(nbits)
  local bytes, at, piece = (nbits + WORD - 1) // WORD * 8, 0, nil
  return function()
    while at < bytes do
      if at % PIECE == 0 then piece = kvm_error.check(k:read(addr + at, math.min(PIECE, bytes - at))) end
      local set = piece:find("[^\0]", at % PIECE + 1) -- most words of most bitmaps are 0
      at = set and at // PIECE * PIECE + (set - 1) // 8 * 8 or (at // PIECE + 1) * PIECE
      if set then
        local word, first = ("<i8"):unpack(piece, at % PIECE + 1), at * 8
        at = at + 8
        if nbits - first < WORD then word = word & (1 << nbits - first) - 1 end
        if word ~= 0 then return word, first end
      end
    end
  end
end

--- The bits of a bitmap that are set.
-- @param k an open handle
-- @tparam integer addr `unsigned long *`
-- @tparam integer nbits how many bits it has
-- @treturn function an iterator of bit numbers, ascending
-- @raise kvm.Error `format` for more than 2^32 bits; `fault`, `excluded`
-- @usage for cpu in kvm.linux.bitmap.for_each_set_bit(k, k:symbol("__cpu_online_mask").value, 8) do assert(cpu < 8) end
function M.for_each_set_bit(k, addr, nbits)
  local step, word, first = words(k, addr, nbits), 0, 0
  return function()
    if word == 0 then
      word, first = step()
      if not word then
        word = 0
        return nil
      end
    end
    local bit = lowest(word)
    word = word & word - 1
    return first + bit
  end
end

--- The bits of a bitmap that are set, as ranges.
-- @param k an open handle
-- @tparam integer addr `unsigned long *`
-- @tparam integer nbits how many bits it has
-- @treturn function an iterator of the first and the last bit of each range
-- @raise kvm.Error as for_each_set_bit
-- @usage assert(kvm.linux.bitmap.for_each_set_range(k, k:symbol("__cpu_online_mask").value, 8)() == 0)
function M.for_each_set_range(k, addr, nbits)
  local step = M.for_each_set_bit(k, addr, nbits)
  local pending = step()
  return function()
    local first = pending
    if not first then return nil end
    local last = first
    pending = step()
    while pending == last + 1 do
      last = pending
      pending = step()
    end
    return first, last
  end
end

--- How many bits of a bitmap are set.
-- @param k an open handle
-- @tparam integer addr `unsigned long *`
-- @tparam integer nbits how many bits it has
-- @treturn integer
-- @raise kvm.Error as for_each_set_bit
-- @usage assert(kvm.linux.bitmap.weight(k, k:symbol("__cpu_online_mask").value, 8) > 0)
function M.weight(k, addr, nbits)
  local n = 0
  for word in words(k, addr, nbits) do n = n + ones(word) end
  return n
end

--- Whether a bit is set.
-- @param k an open handle
-- @tparam integer nr number of the bit
-- @tparam integer addr `unsigned long *`
-- @treturn boolean
-- @raise kvm.Error `inval` for a negative number; `fault`, `excluded`
-- @usage assert(kvm.linux.bitmap.test_bit(k, 0, k:symbol("__cpu_online_mask").value))
function M.test_bit(k, nr, addr)
  if nr < 0 then kvm_error.fail("inval", "there is no bit %d", nr) end
  return k:u64(addr + nr // WORD * 8) >> nr % WORD & 1 == 1
end

--- Numbers as the kernel prints lists of bits (%*pbl): "0-3,7".
-- @tparam function step an iterator of numbers, ascending
-- @treturn string
-- @usage local bits = kvm.linux.bitmap.for_each_set_bit(k, k:symbol("__cpu_online_mask").value, 8)
-- assert(kvm.linux.bitmap.list(bits):match "^0")
function M.list(step)
  local out, first, last = {}, nil, nil
  local function close()
    if first then out[#out + 1] = first == last and tostring(first) or ("%d-%d"):format(first, last) end
  end
  for n in step do
    if not first or n ~= last + 1 then
      close()
      first = n
    end
    last = n
  end
  close()
  return table.concat(out, ",")
end

return M
