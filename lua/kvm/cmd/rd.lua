-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm rd: memory as numbers and text, laid out as crash(8) does: 16 bytes a line.
local kvm_error = require "kvm.error"
local words = require "kvm.cmd.words"

local M = {
  name = "rd",
  summary = "memory at an address or a symbol",
  operands = {{key = "addr", name = "ADDR|SYMBOL"}, {key = "count", name = "COUNT", optional = true}},
  options = {
    {flags = "-8", key = "width8", help = "numbers of 8 bits (COUNT counts them)"},
    {flags = "-16", key = "width16", help = "of 16 bits"},
    {flags = "-32", key = "width32", help = "of 32 bits"},
    {flags = "-64", key = "width64", help = "of 64 bits (the default)"},
    {flags = "-a --ascii", help = "text only (COUNT counts bytes)"},
    {flags = "-x --no-ascii", key = "no_ascii", help = "numbers only"},
    {flags = "-r --raw", help = "the bytes as they are (COUNT counts bytes)"},
    {flags = "-p --physical", help = "ADDR is a physical address"},
    {flags = "-u --user", value = "PID", type = "integer", help = "ADDR is in the user space of a process"},
  },
  columns = {
    {name = "addr", kind = "hex"},
    {name = "width_bits", kind = "integer"},
    {name = "values", kind = "hexes"},
    {name = "text", kind = "string"},
  },
}

local CHUNK <const> = 65536 -- bytes read at a time: whole lines
local LINE <const> = 16     -- bytes a line
local FORMATS = {[8] = " %02x", [16] = " %04x", [32] = " %08x", [64] = " %016x"}

local function chosen_width(opts)
  if opts.ascii or opts.raw then return 8 end
  for _, width in ipairs {8, 16, 32, 64} do
    if opts["width" .. width] or opts.width == width then return width end
  end
  if opts.width then error {usage = ("there are no numbers of %s bits"):format(opts.width)} end
  return 64
end

local function count_of(opts)
  local count = opts.count or 1
  if type(count) == "string" then
    count = math.tointeger(tonumber(count)) or error {usage = ("%q is not a count"):format(opts.count)}
  end
  if count < 1 or count > 1 << 40 then error {usage = ("%s is not a count"):format(opts.count)} end
  return count
end

-- Bytes from ADDR on, a line at a time. Where a read of many bytes fails, what lies before the missing page is still
-- given.
local function line_reader(k, addr, bytes, space)
  local buffer, pos, start = "", 1, addr
  return function()
    if pos > #buffer then
      local left = bytes - (addr - start)
      if left <= 0 then return nil end
      local want = math.min(CHUNK, left)
      local data, message, code, at = k:read(addr, want, space)
      if not data and want > LINE then data, message, code, at = k:read(addr, math.min(LINE, left), space) end
      kvm_error.check(data, message, code, at)
      buffer, pos = data, 1
    end
    local line, here = buffer:sub(pos, pos + LINE - 1), addr
    pos, addr = pos + LINE, addr + #line
    return here, line
  end
end

--- Lines of memory.
-- @param k an open handle
-- @tparam table opts addr (integer, or text as a person types it), count (numbers; bytes with ascii or raw; default 1),
--   width (8, 16, 32 or 64 bits), physical, user (process id), ascii, raw
-- @treturn function an iterator of records: addr, width_bits, values ({integer,...}), text (printable ASCII, "." for the
--   rest), bytes (the memory itself)
-- @raise kvm.Error `notfound`, `fault`, `excluded`
-- @usage for line in require "kvm.cmd.rd".run(k, {addr = "init_task", count = 4}) do assert(#line.values == 2) end
function M.run(k, opts)
  local width = chosen_width(opts)
  local addr = math.type(opts.addr) == "integer" and opts.addr or words.address(k, opts.addr)
  local space = opts.physical and "physical" or opts.user
  local step = line_reader(k, addr, count_of(opts) * (width // 8), space)
  local fmt = "<I" .. width // 8 -- every machine that is read so far is little-endian
  return function()
    local here, bytes = step()
    if not here then return nil end
    local rec = {addr = here, width_bits = width, values = {}, bytes = bytes}
    for at = 1, #bytes, width // 8 do rec.values[#rec.values + 1] = (string.unpack(fmt, bytes, at)) end
    rec.text = bytes:gsub("[^ -~]", ".")
    return rec
  end
end

--- A record as a line of text; with opts.raw its bytes.
function M.text(rec, opts)
  if opts.raw then return rec.bytes end
  local head = ("%16x: "):format(rec.addr)
  if opts.ascii then return head .. " " .. rec.text .. "\n" end
  local out = {head}
  for _, v in ipairs(rec.values) do out[#out + 1] = FORMATS[rec.width_bits]:format(v) end
  local numbers = table.concat(out)
  if opts.no_ascii then return numbers .. "\n" end
  local full = #head + LINE * 8 // rec.width_bits * (rec.width_bits // 4 + 1)
  return ("%-" .. full .. "s   %s\n"):format(numbers, rec.text)
end

return M
