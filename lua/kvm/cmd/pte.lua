-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm pte: what a page table entry says: what it maps and how, or where the page is that it does not map.
local pgtable_types = require "kvm.linux.pgtable_types"
local swapops = require "kvm.linux.swapops"
local words = require "kvm.cmd.words"

local M = {
  name = "pte",
  summary = "what page table entries say",
  operands = {{key = "entries", name = "ENTRY", many = true}},
  options = {},
  columns = {
    {name = "entry", kind = "hex", title = "ENTRY", width = 18, left = true},
    {name = "present", kind = "boolean"},
    {name = "physical", kind = "hex", title = "PHYSICAL", width = 16, left = true},
    {name = "pfn", kind = "integer"},
    {name = "flags", kind = "strings"},
    {name = "swap_type", kind = "integer"},
    {name = "swap_offset", kind = "integer"},
    {name = "what", kind = "string", title = "FLAGS", left = true, width = 0, json = false},
  },
}

local function swap_words(k, kind, offset)
  local area = swapops.area(k, kind)
  if not area then return ("not present, type %d, offset 0x%x"):format(kind, offset) end
  return ("not present, page %d of swap area %d"):format(offset, kind)
end

local function record(k, entry)
  local rec = {entry = entry, present = pgtable_types.present(k, entry)}
  if rec.present then
    rec.physical, rec.flags = pgtable_types.physical(k, entry), pgtable_types.flags(k, entry)
    rec.pfn, rec.what = rec.physical // k:page_size(), table.concat(rec.flags, " ")
  elseif entry == 0 then
    rec.what = "empty"
  else
    rec.swap_type, rec.swap_offset = swapops.entry(k, entry)
    rec.what = swap_words(k, rec.swap_type, rec.swap_offset)
  end
  return rec
end

--- What page table entries say.
-- @param k an open handle
-- @tparam table opts entries ({integer|string,...}: hexadecimal text)
-- @treturn function an iterator of records: entry, present; of one that is present physical (address), pfn, flags ({string,...}); of one
--  that is not, and not 0, swap_type and swap_offset (in pages), as kvm.linux.swapops.entry tells them
-- @raise kvm.Error `inval` for what is no number; `unsupported` on other machines than x86-64
-- @usage for r in require "kvm.cmd.pte".run(k, {entries = {"8000000012345063"}}) do assert(r.pfn == 0x12345) end
function M.run(k, opts)
  return words.each_number(opts.entries, function(entry) return record(k, entry) end)
end

return M
