-- SPDX-License-Identifier: BSD-2-Clause
-- What a command has cost: --time and --stats.
local M = {}

local Spent = {}
Spent.__index = Spent

--- A clock of the parts of a command; the first part begins now.
-- @tparam function seconds a clock
-- @tparam string part its name
-- @treturn Spent
-- @usage local spent = require "kvm.cli.spent".new(os.clock, "open") spent:enter "records"
function M.new(seconds, part)
  return setmetatable({seconds = seconds, part = part, since = seconds(), by_part = {}, order = {}, cpu = os.clock()}, Spent)
end

--- Ends a part and begins another, which may have been there before.
-- @tparam string part
-- @treturn string the part that ended
-- @usage local spent = require "kvm.cli.spent".new(os.clock, "open") assert(spent:enter "records" == "open")
function Spent:enter(part)
  local now, old = self.seconds(), self.part
  if not self.by_part[old] then self.order[#self.order + 1], self.by_part[old] = old, 0 end
  self.by_part[old] = self.by_part[old] + now - self.since
  self.part, self.since = part, now
  return old
end

--- The parts as a line of text.
-- @treturn string "time: 0.214 s: open 0.004 s, records 0.190 s, output 0.020 s; 0.205 s of CPU"
-- @usage assert(require "kvm.cli.spent".new(os.clock, "open"):text():find "open")
function Spent:text()
  self:enter(self.part)
  local words, total = {}, 0
  for i, part in ipairs(self.order) do
    words[i] = ("%s %.3f s"):format(part, self.by_part[part])
    total = total + self.by_part[part]
  end
  return ("time: %.3f s: %s; %.3f s of CPU\n"):format(total, table.concat(words, ", "), os.clock() - self.cpu)
end

--- How many pages were read for it, as a line of text.
-- @param k an open handle
-- @treturn string "pages: 20070 read, 4717 decompressed, 14110 from the cache; 3472 walks of page tables"
-- @usage assert(require "kvm.cli.spent".pages(k):find "^pages: ")
function M.pages(k)
  local stats = k:stats()
  return ("pages: %d read, %d decompressed, %d from the cache; %d walks of page tables\n"):format(stats.pages_read,
    stats.pages_decompressed, stats.pages_cached, stats.tlb_misses)
end

return M
