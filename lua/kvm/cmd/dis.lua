-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm dis: code as instructions, with what they call and use by name.
local disassembler = require "kvm.disassembler"
local words = require "kvm.cmd.words"

local M = {
  name = "dis",
  summary = "code as instructions (needs Capstone)",
  operands = {{key = "addr", name = "ADDR|SYMBOL"}, {key = "count", name = "COUNT", optional = true}},
  options = {
    {flags = "-r --reverse", help = "from the start of the function to the address"},
    {flags = "-l --lines", help = "source lines, where a debug file tells (-N)"},
    {flags = "-i --intel", help = "Intel's syntax; AT&T's otherwise"},
  },
  columns = {
    {name = "addr", kind = "hex"},
    {name = "place", kind = "string"},
    {name = "bytes", kind = "string"},
    {name = "text", kind = "string"},
    {name = "target", kind = "hex"},
    {name = "target_name", kind = "string"},
    {name = "file", kind = "string"},
    {name = "line", kind = "integer"},
  },
}

local function count_of(opts)
  if not opts.count then return nil end
  local count = math.tointeger(tonumber(opts.count))
  if not count or count < 1 then error {usage = ("%s is not a count"):format(opts.count)} end
  return count
end

-- Where to begin, and the address behind the last byte.
local function range(k, opts, count)
  local addr = math.type(opts.addr) == "integer" and opts.addr or words.address(k, opts.addr)
  if opts.reverse then return (disassembler.bounds(k, addr)), addr + 1 end
  if count then return addr end
  local _, last = disassembler.bounds(k, addr)
  return addr, last
end

local function hex_of(bytes)
  return (bytes:gsub(".", function(c) return ("%02x "):format(c:byte()) end):sub(1, -2))
end

--- Instructions from an address on: COUNT of them, or to the end of its function.
-- @param k an open handle
-- @tparam table opts addr (integer, or text as a person types it), count, reverse (from the function's start to the address), lines
-- (look up source lines), intel
-- @treturn function an iterator of records: addr, place ("schedule+0x4"), bytes (hexadecimal), text (the instruction), target (the
-- address that it jumps to, calls, or uses relative to itself), target_name, file, line
-- @raise kvm.Error `notfound`, `fault`, `excluded`, `unsupported`: without Capstone
-- @usage for i in require "kvm.cmd.dis".run(k, {addr = "schedule", count = 1}) do assert(i.place == "schedule") end
function M.run(k, opts)
  local count = count_of(opts)
  local first, last = range(k, opts, count)
  local step = disassembler.instructions(k, first, {count = not opts.reverse and count or nil, last = last, intel = opts.intel})
  local last_file, last_line
  return function()
    local i = step()
    if not i then return nil end
    local place = opts.lines and (k:source(i.addr) or {})[1] or {}
    local is_new = place.line and (place.file ~= last_file or place.line ~= last_line)
    last_file, last_line = place.file, place.line
    return {addr = i.addr, place = disassembler.name(k, i.addr), bytes = hex_of(i.bytes), text = i.text, target = i.target,
      target_name = i.target and disassembler.name(k, i.target), file = place.file, line = place.line, starts_line = is_new}
  end
end

--- A record as a line of text, behind its source line where that is another one than the record's before.
function M.text(rec)
  local head = rec.starts_line and ("%s:%d\n"):format(rec.file or "?", rec.line) or ""
  local target = rec.target_name and ("  <%s>"):format(rec.target_name) or ""
  return ("%s0x%x <%s>:  %-29s %s%s\n"):format(head, rec.addr, rec.place or "?", rec.bytes, rec.text, target)
end

return M
