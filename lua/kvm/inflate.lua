-- SPDX-License-Identifier: BSD-2-Clause
-- Unpacks a gzip member (RFC 1951 and 1952), for what a kernel keeps packed in its own memory. The result is bounded; the
-- checksum and the length behind the data are checked. Leaves out preset dictionaries, which gzip has none of, and speed.
local kvm_error = require "kvm.error"

local M = {}

local function damaged(form, ...) kvm_error.fail("format", "gzip: " .. form, ...) end

-- --- bits, the lowest first

local function take(bits, count)
  while bits.count < count do
    local byte = bits.data:byte(bits.at)
    if not byte then damaged "the data ends early" end
    bits.word, bits.count, bits.at = bits.word | byte << bits.count, bits.count + 8, bits.at + 1
  end
  local value = bits.word & (1 << count) - 1
  bits.word, bits.count = bits.word >> count, bits.count - count
  return value
end

-- --- Huffman codes

local MOST_BITS <const> = 15

-- By length: how many codes there are, and their symbols in order.
local function code_of(lengths, first, last)
  local counts, symbols, starts = {}, {}, {}
  for n = 0, MOST_BITS do counts[n] = 0 end
  for i = first, last do counts[lengths[i]] = counts[lengths[i]] + 1 end
  counts[0] = 0
  local left, at = 1, 0
  for n = 1, MOST_BITS do
    left = (left << 1) - counts[n]
    if left < 0 then damaged "a code has too many words" end
    starts[n], at = at, at + counts[n]
  end
  for i = first, last do
    local n = lengths[i]
    if n > 0 then
      symbols[starts[n]], starts[n] = i - first, starts[n] + 1
    end
  end
  return {counts = counts, symbols = symbols}
end

local function decode(bits, code)
  local word, first, index = 0, 0, 0
  for n = 1, MOST_BITS do
    word = word | take(bits, 1)
    local count = code.counts[n]
    if word - first < count then return code.symbols[index + word - first] end
    index, first = index + count, first + count << 1
    word = word << 1
  end
  return damaged "a word of no code"
end

-- --- blocks

local LENGTH_BASE <const> = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258}
local LENGTH_BITS <const> = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
local DISTANCE_BASE <const> = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
  6145, 8193, 12289, 16385, 24577}
local DISTANCE_BITS <const> = {0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
local ORDER <const> = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
local END <const> = 256

local function fixed_codes()
  local lengths = {}
  for i = 0, 287 do lengths[i] = i < 144 and 8 or i < 256 and 9 or i < 280 and 7 or 8 end
  for i = 288, 317 do lengths[i] = 5 end
  return code_of(lengths, 0, 287), code_of(lengths, 288, 317)
end

local function read_codes(bits)
  local literals, distances, count = take(bits, 5) + 257, take(bits, 5) + 1, take(bits, 4) + 4
  local lengths = {}
  for i = 0, 18 do lengths[i] = 0 end
  for i = 1, count do lengths[ORDER[i]] = take(bits, 3) end
  local code = code_of(lengths, 0, 18)
  local i, total = 0, literals + distances
  lengths = {}
  while i < total do
    local symbol, value, times = decode(bits, code), 0, 1
    if symbol < 16 then
      value = symbol
    elseif symbol == 16 then
      value, times = lengths[i - 1] or damaged "a repeated length without a first", 3 + take(bits, 2)
    else
      times = symbol == 17 and 3 + take(bits, 3) or 11 + take(bits, 7)
    end
    if i + times > total then damaged "too many lengths" end
    for _ = 1, times do
      lengths[i], i = value, i + 1
    end
  end
  return code_of(lengths, 0, literals - 1), code_of(lengths, literals, total - 1)
end

local function check_room(out, more)
  if #out + more > out.max then damaged("more than %d bytes", out.max) end
end

local function packed(bits, out, literals, distances)
  while true do
    local symbol = decode(bits, literals)
    if symbol == END then return end
    if symbol < END then
      check_room(out, 1)
      out[#out + 1] = symbol
    else
      local i = symbol - END
      local length = (LENGTH_BASE[i] or damaged "a length that there is not") + take(bits, LENGTH_BITS[i])
      local d = decode(bits, distances) + 1
      local distance = (DISTANCE_BASE[d] or damaged "a distance that there is not") + take(bits, DISTANCE_BITS[d])
      if distance > #out then damaged "a distance beyond the beginning" end
      check_room(out, length)
      for _ = 1, length do out[#out + 1] = out[#out + 1 - distance] end
    end
  end
end

local function stored(bits, out)
  take(bits, bits.count & 7)
  local length, check = take(bits, 16), take(bits, 16)
  if length ~= ~check & 0xffff then damaged "a stored block's length is not what it is beside" end
  check_room(out, length)
  for _ = 1, length do out[#out + 1] = take(bits, 8) end
end

local function inflate(bits, max)
  local out = {max = max}
  repeat
    local is_last, kind = take(bits, 1), take(bits, 2)
    if kind == 0 then
      stored(bits, out)
    elseif kind == 1 then
      packed(bits, out, fixed_codes())
    elseif kind == 2 then
      packed(bits, out, read_codes(bits))
    else
      damaged "a block of a kind that there is not"
    end
  until is_last == 1
  return out
end

-- --- gzip

local CRC = {}
for i = 0, 255 do
  local c = i
  for _ = 1, 8 do c = c & 1 == 1 and 0xedb88320 ~ c >> 1 or c >> 1 end
  CRC[i] = c
end

-- Where the data begins behind a member's header.
local function data_start(data)
  if #data < 18 or data:sub(1, 3) ~= "\x1f\x8b\8" then damaged "no header" end
  local flags, at = data:byte(4), 11
  if flags & 4 ~= 0 then at = at + 2 + (#data >= 12 and ("<I2"):unpack(data, 11) or damaged "the header ends early") end
  for _, flag in ipairs {8, 16} do -- a file's name, a comment
    if flags & flag ~= 0 then at = (data:find("\0", at, true) or damaged "the header ends early") + 1 end
  end
  if flags & 2 ~= 0 then at = at + 2 end
  return at
end

--- Unpacks a gzip member; what is behind it is left alone.
-- @tparam string data
-- @tparam integer max most bytes that may come out
-- @treturn string
-- @raise kvm.Error `format`: the data is damaged, or is more than max
-- @usage assert(not kvm.try(require "kvm.inflate".gzip, "none", 100))
function M.gzip(data, max)
  local bits = {data = data, at = data_start(data), word = 0, count = 0}
  local bytes = inflate(bits, max)
  take(bits, bits.count & 7)
  local sum, length = take(bits, 32), take(bits, 32)
  local crc, out = 0xffffffff, {}
  for i, byte in ipairs(bytes) do
    crc = CRC[(crc ~ byte) & 255] ~ crc >> 8
    out[i] = string.char(byte)
  end
  if crc ~ 0xffffffff ~= sum or #bytes & 0xffffffff ~= length then damaged "the checksum is another" end
  return table.concat(out)
end

return M
