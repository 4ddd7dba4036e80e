-- SPDX-License-Identifier: BSD-2-Clause
-- Physical memory of a machine that never was: bytes at physical addresses, kept as pages. The format builders
-- (elfcore, kdump) turn it into files.
local Memory = {}
Memory.__index = Memory

local PAGE = 4096

--- An empty memory. `m.pages` is {[page frame number] = 4096 bytes}.
function Memory.new()
  return setmetatable({pages = {}}, Memory)
end

--- Writes bytes at a physical address; pages come into being, zeroed, where there were none.
function Memory:write(pa, bytes)
  local done = 0
  while done < #bytes do
    local at = pa + done
    local pfn, off = at // PAGE, at % PAGE
    local n = math.min(PAGE - off, #bytes - done)
    local old = self.pages[pfn] or ("\0"):rep(PAGE)
    self.pages[pfn] = old:sub(1, off) .. bytes:sub(done + 1, done + n) .. old:sub(off + n + 1)
    done = done + n
  end
end

--- Bytes at a physical address; memory that was never written reads as nil.
function Memory:read(pa, len)
  local out, done = {}, 0
  while done < len do
    local at = pa + done
    local page = self.pages[at // PAGE]
    if not page then return nil end
    local n = math.min(PAGE - at % PAGE, len - done)
    out[#out + 1] = page:sub(at % PAGE + 1, at % PAGE + n)
    done = done + n
  end
  return table.concat(out)
end

--- The page frame numbers that exist, ascending.
function Memory:pfns()
  local out = {}
  for pfn in pairs(self.pages) do out[#out + 1] = pfn end
  table.sort(out)
  return out
end

--- Stretches of pages that touch: {{pa=, bytes=}, ...}, ascending.
function Memory:runs()
  local out, parts, start, last = {}, nil, nil, nil
  local function close()
    if parts then out[#out + 1] = {pa = start * PAGE, bytes = table.concat(parts)} end
  end
  for _, pfn in ipairs(self:pfns()) do
    if last == nil or pfn ~= last + 1 then
      close()
      parts, start = {}, pfn
    end
    parts[#parts + 1] = self.pages[pfn]
    last = pfn
  end
  close()
  return out
end

return Memory
