-- SPDX-License-Identifier: BSD-2-Clause
-- Compressors for the pages of built dumps, in plain Lua. Each finds runs of one byte and nothing else; what it writes
-- is valid for any reader: zlib (RFC 1950 and 1951, fixed Huffman codes), LZO1X (Linux Documentation/staging/lzo.rst),
-- snappy (format_description.txt), zstd (RFC 8878, raw and RLE blocks).
local M = {}

local MIN_RUN = 8

-- Cuts bytes into literals and runs: {{literal=bytes} | {byte=, count=}, ...}. The byte in front of a run is a literal,
-- so that a run is always a repetition of what came before.
local function cut(bytes)
  local out, at, literal = {}, 1, 1
  local function flush(last)
    if last >= literal then out[#out + 1] = {literal = bytes:sub(literal, last)} end
  end
  while at <= #bytes do
    local byte = bytes:sub(at, at)
    -- A letter behind % would be a class: only runs of zeros and signs are looked for.
    local stop = byte:find "%w" and at + 1 or bytes:find("[^%" .. byte .. "]", at)
    local last = (stop or #bytes + 1) - 1
    if last - at >= MIN_RUN then
      flush(at)
      out[#out + 1] = {byte = byte:byte(), count = last - at}
      literal = last + 1
    end
    at = last + 1
  end
  flush(#bytes)
  return out
end

function M.adler32(bytes)
  local a, b = 1, 0
  for i = 1, #bytes do
    a = (a + bytes:byte(i)) % 65521
    b = (b + a) % 65521
  end
  return b << 16 | a
end

local function bit_writer()
  local out, acc, n = {}, 0, 0
  local w = {}
  function w.bits(value, count) -- least significant bit first
    acc = acc | value << n
    n = n + count
    while n >= 8 do
      out[#out + 1] = string.char(acc & 255)
      acc, n = acc >> 8, n - 8
    end
  end
  function w.code(value, count) -- Huffman codes go most significant bit first
    for i = count - 1, 0, -1 do w.bits(value >> i & 1, 1) end
  end
  function w.finish()
    if n > 0 then w.bits(0, 8 - n) end
    return table.concat(out)
  end
  return w
end

-- RFC 1951 3.2.6: the fixed codes of literals and lengths.
local function fixed_code(w, symbol)
  if symbol < 144 then w.code(0x30 + symbol, 8)
  elseif symbol < 256 then w.code(0x190 + symbol - 144, 9)
  elseif symbol < 280 then w.code(symbol - 256, 7)
  else w.code(0xc0 + symbol - 280, 8) end
end

-- A repetition of the last byte: lengths 258 (code 285) and 3 to 10 (codes 257 to 264, no extra bits), distance 1 (code
-- 0).
local function deflate_run(w, count)
  while count > 0 do
    local n = count >= 258 + 3 and 258 or count == 258 and 258 or math.min(count, 10)
    if count - n > 0 and count - n < 3 then n = n - 3 end
    fixed_code(w, n == 258 and 285 or 254 + n)
    w.code(0, 5)
    count = count - n
  end
end

--- A zlib stream.
function M.zlib(bytes)
  local w = bit_writer()
  w.bits(1, 1) -- the last block
  w.bits(1, 2) -- fixed codes
  for _, part in ipairs(cut(bytes)) do
    if part.literal then
      for i = 1, #part.literal do fixed_code(w, part.literal:byte(i)) end
    else
      deflate_run(w, part.count)
    end
  end
  fixed_code(w, 256)
  return "\x78\x01" .. w.finish() .. (">I4"):pack(M.adler32(bytes))
end

--- A zlib stream of one stored block, longer than what it holds.
function M.zlib_stored(bytes)
  return "\x78\x01\x01" .. ("<I2I2"):pack(#bytes, ~#bytes & 0xffff) .. bytes .. (">I4"):pack(M.adler32(bytes))
end

local function lzo_extended(first, base, n)
  -- n = base + 255 * zeros + last, with last in 1 .. 255
  local zeros = (n - base - 1) // 255
  return string.char(first) .. ("\0"):rep(zeros) .. string.char(n - base - zeros * 255)
end

--- An LZO1X stream.
function M.lzo(bytes)
  local parts, out = cut(bytes), {}
  local first = parts[1] and parts[1].literal or ""
  if #first <= 238 then
    out[1] = string.char(17 + #first) .. first
  else
    out[1] = lzo_extended(0, 18, #first) .. first
  end
  local i = 2
  while parts[i] do
    -- A match (001LLLLL, distance 1) takes up to three literals with it; more are an instruction of their own.
    local run, literal = parts[i].count, parts[i + 1] and parts[i + 1].literal or ""
    local few = #literal < 4 and #literal or 0
    out[#out + 1] = (run <= 33 and string.char(0x20 | run - 2) or lzo_extended(0x20, 33, run)) .. ("<I2"):pack(few)
    if #literal >= 4 then out[#out + 1] = #literal <= 18 and string.char(#literal - 3) or lzo_extended(0, 18, #literal) end
    out[#out + 1] = literal
    i = i + (literal == "" and 1 or 2)
  end
  return table.concat(out) .. "\x11\0\0"
end

--- A snappy stream.
function M.snappy(bytes)
  local out, n = {}, #bytes
  repeat
    out[#out + 1] = string.char(n & 127 | (n > 127 and 128 or 0))
    n = n >> 7
  until n == 0
  for _, part in ipairs(cut(bytes)) do
    if part.literal then
      out[#out + 1] = string.char(61 << 2) .. ("<I2"):pack(#part.literal - 1) .. part.literal
    else
      local left = part.count
      while left > 0 do -- copies of up to 64 bytes with an offset of two bytes
        local k = math.min(left, 64)
        out[#out + 1] = string.char((k - 1) << 2 | 2) .. ("<I2"):pack(1)
        left = left - k
      end
    end
  end
  return table.concat(out)
end

--- A zstd frame.
function M.zstd(bytes)
  local parts = cut(bytes)
  local out = {("<I4"):pack(0xfd2fb528) .. "\x60" .. ("<I2"):pack(#bytes - 256)} -- single segment, content size in two bytes
  for i, part in ipairs(parts) do
    local last = i == #parts and 1 or 0
    local size = part.literal and #part.literal or part.count
    out[#out + 1] = ("<I3"):pack(last | (part.literal and 0 or 1) << 1 | size << 3)
    out[#out + 1] = part.literal or string.char(part.byte)
  end
  return table.concat(out)
end

return M
