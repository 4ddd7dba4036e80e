-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm search: where a number or text lies in memory: the kernel's, physical, or a process's.
local kvm_error = require "kvm.error"
local tasks = require "kvm.cmd.tasks"
local words = require "kvm.cmd.words"

local M = {
  name = "search",
  summary = "where a number or text lies in memory",
  operands = {{key = "what", name = "NUMBER|SYMBOL"}},
  options = {
    {flags = "-t --text", help = "WHAT is text, at any address"},
    {flags = "-w --width", value = "BYTES", type = "integer", help = "of a number: 1, 2, 4 or 8 (default: a pointer's)"},
    {flags = "-p --physical", help = "physical memory"},
    {flags = "-u --user", value = "PID", type = "integer", help = "the user space of a process"},
    {flags = "-f --from", value = "ADDR", help = "from this address on"},
    {flags = "-e --end", key = "to", value = "ADDR", help = "up to this address"},
    {flags = "-m --most", value = "COUNT", type = "integer", help = "at most so many"},
  },
  columns = {
    {name = "addr", kind = "hex", title = "ADDRESS", width = 18, left = true},
    {name = "symbol", kind = "string", title = "SYMBOL", left = true, width = 0},
  },
  no_match = "it is nowhere",
}

local function symbol_at(k, addr)
  local symbol, offset = k:symbol(addr)
  if not symbol then return nil end
  return offset == 0 and symbol.name or ("%s+0x%x"):format(symbol.name, offset)
end

local function space_of(k, opts)
  if opts.physical then return "physical" end
  if not opts.user then return nil end
  local p = tasks.each(k, {opts.user})()
  if not p then kvm_error.fail("notfound", "there is no process %d", opts.user) end
  return p
end

--- Where something lies in memory.
-- @param k an open handle
-- @tparam table opts what (integer, text of a number or symbol; with text the bytes themselves), text, width (bytes), physical, user
--  (process id), from, to (addresses), most
-- @treturn function an iterator of records: addr, symbol ("name+0x8", of kernel memory, nil where none is near)
-- @raise kvm.Error `notfound`: no such symbol or process; where a page is damaged, behind the last match
-- @usage local banner = k:symbol("linux_banner").value
-- for r in require "kvm.cmd.search".run(k, {what = "Linux version", text = true, from = banner, to = banner + 64}) do assert(r.addr ==
-- banner) end
function M.run(k, opts)
  local what = opts.what
  if not opts.text and math.type(what) ~= "integer" then what = words.address(k, what) end
  local function address(v) return v and (math.type(v) == "integer" and v or words.address(k, v)) end
  local space = space_of(k, opts)
  local step = k:search(what, {space = space, size = opts.width, from = address(opts.from), to = address(opts.to)})
  local left = opts.most or math.maxinteger
  return function()
    if left <= 0 then return nil end
    left = left - 1
    local addr = step()
    return addr and {addr = addr, symbol = not space and symbol_at(k, addr) or nil} or nil
  end
end

return M
