-- SPDX-License-Identifier: BSD-2-Clause
-- zstd files with a table of their frames (zstd's contrib/seekable_format, version 0.1.0).
local codec = require "spec.support.build.codec"

local M = {}

--- The table behind frames. t.checksums: a list of 32-bit numbers
function M.table(frames, sizes, t)
  t = t or {}
  local entries = {}
  for i, frame in ipairs(frames) do
    entries[i] = ("<I4I4"):pack(#frame, sizes[i]) .. (t.checksums and ("<I4"):pack(t.checksums[i]) or "")
  end
  local body = table.concat(entries) .. ("<I4BI4"):pack(#frames, t.checksums and 0x80 or 0, 0x8f92eab1)
  return ("<I4s4"):pack(0x184d2a5e, body)
end

--- The bytes of a file as frames of SIZE bytes (8192; 256 at least), with the table unless t.bare.
function M.of(bytes, t)
  t = t or {}
  local size, frames, sizes = t.size or 8192, {}, {}
  local at = 1
  while at <= #bytes do
    local last = #bytes - at + 1 < size + 256 -- no frame is shorter than 256
    local part = bytes:sub(at, last and #bytes or at + size - 1)
    frames[#frames + 1], sizes[#sizes + 1] = codec.zstd(part), #part
    at = at + #part
  end
  return table.concat(frames) .. (t.bare and "" or M.table(frames, sizes, t))
end

return M
