-- SPDX-License-Identifier: BSD-2-Clause
-- Flattened dumps (makedumpfile -F), from the bytes of the file that they stand for.
local M = {}

local HEADER = 4096

--- The header. t: type, version (both 1)
function M.header(t)
  t = t or {}
  local head = ("c16>i8i8"):pack("makedumpfile", t.type or 1, t.version or 1)
  return head .. ("\0"):rep(HEADER - #head)
end

--- A record.
function M.record(offset, bytes) return (">i8i8"):pack(offset, #bytes) .. bytes end

M.last = (">i8i8"):pack(-1, -1)

--- A stream of such records, {{offset, bytes}, ...}.
function M.stream(records)
  local out = {M.header()}
  for _, r in ipairs(records) do out[#out + 1] = M.record(r[1], r[2]) end
  out[#out + 1] = M.last
  return table.concat(out)
end

--- The bytes of a file, flattened.
-- t.size: bytes in a record (1000, so that pages straddle records); t.shuffle: records in an odd order, some of them written
-- twice, the first time with other bytes
function M.of(bytes, t)
  t = t or {}
  local size, records = t.size or 1000, {}
  for at = 0, #bytes - 1, size do records[#records + 1] = {at, bytes:sub(at + 1, at + size)} end
  if not t.shuffle then return M.stream(records) end
  local mixed, n = {}, #records
  local step = 7
  while n % step == 0 do step = step + 2 end -- prime to n or near it: each once
  local done = {}
  for i = 0, n - 1 do
    local at = i * step % n + 1
    if not done[at] then mixed[#mixed + 1] = records[at] end
    done[at] = true
  end
  for i = 1, n do if not done[i] then mixed[#mixed + 1] = records[i] end end
  for i = 1, n, 3 do -- wrong ones first, over the ends of their neighbours
    table.insert(mixed, 1, {math.max(0, records[i][1] - 10), ("\xa5"):rep(#records[i][2])})
  end
  return M.stream(mixed)
end

return M
