-- SPDX-License-Identifier: BSD-2-Clause
-- Files that are physical memory nearly as it is: LiME, AVML, raw.
local codec = require "spec.support.build.codec"

local M = {}

local CHUNK <const> = 65536

local function header(magic, version, first, last) return ("<I4I4I8I8I8"):pack(magic, version, first, last, 0) end

--- CRC-32C, bit by bit.
function M.crc32c(bytes)
  local crc = 0xffffffff
  for i = 1, #bytes do
    crc = crc ~ bytes:byte(i)
    for _ = 1, 8 do crc = crc & 1 == 1 and 0x82f63b78 ~ crc >> 1 or crc >> 1 end
  end
  return ~crc & 0xffffffff
end

--- A LiME file of a Memory.
function M.lime(memory)
  local out = {}
  for _, run in ipairs(memory:runs()) do
    out[#out + 1] = header(0x4c694d45, 1, run.pa, run.pa + #run.bytes - 1) .. run.bytes
  end
  return table.concat(out)
end

local function snappy_chunk(bytes, stored)
  local crc = M.crc32c(bytes)
  local masked = ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff
  local body = ("<I4"):pack(masked) .. (stored and bytes or codec.snappy(bytes))
  return ("<I4"):pack((stored and 1 or 0) | #body << 8) .. body
end

--- An AVML file, version 2. t.stored: chunks that are not compressed; t.chunk: bytes in each (65536).
function M.avml(memory, t)
  t = t or {}
  local out = {}
  for _, run in ipairs(memory:runs()) do
    local parts = {"\xff\6\0\0sNaPpY", "\xfe\3\0\0pad"}
    for at = 1, #run.bytes, t.chunk or CHUNK do
      parts[#parts + 1] = snappy_chunk(run.bytes:sub(at, at + (t.chunk or CHUNK) - 1), t.stored)
    end
    local stream = table.concat(parts)
    out[#out + 1] = header(0x4c4d5641, 2, run.pa, run.pa + #run.bytes - 1) .. stream .. ("<I8"):pack(#stream)
  end
  return table.concat(out)
end

--- Raw memory from address 0 on: what is between the pages is zeros.
function M.raw(memory)
  local out, at = {}, 0
  for _, run in ipairs(memory:runs()) do
    out[#out + 1] = ("\0"):rep(run.pa - at) .. run.bytes
    at = run.pa + #run.bytes
  end
  return table.concat(out)
end

return M
