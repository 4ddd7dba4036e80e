-- SPDX-License-Identifier: BSD-2-Clause
-- What commands that walk containers have in common: where one starts, and what is shown of each entry. No command: a helper of commands.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local words = require "kvm.cmd.words"

local M = {}

--- Where a container is.
-- @param k an open handle
-- @tparam string|integer text a symbol, SYMBOL.MEMBER (of a variable whose type is known), or an address as kvm.cmd.words takes it
-- @treturn integer address
-- @raise kvm.Error `notfound`
-- @usage assert(require "kvm.cmd.entries".start(k, "init_task") == k:symbol("init_task").value)
function M.start(k, text)
  if math.type(text) == "integer" then return text end
  local name, path = text:match "^([^.]+)%.(.+)$"
  if not name then return words.address(k, text) end
  local o = kvm_error.check(k:object(name))
  return object.addr(o, path)
end

--- The columns of an entry's record.
M.COLUMNS = {
  {name = "index", kind = "integer", title = "#", width = 5},
  {name = "addr", kind = "hex", title = "ADDRESS", width = 18, left = true},
  {name = "members", kind = "texts"},
  {name = "partial", kind = "strings"},
  {name = "shown", kind = "string", title = "MEMBERS", left = true, width = 0, json = false},
}

--- The record of an entry.
-- @param k an open handle
-- @tparam integer addr of the entry
-- @tparam table opts type (of the entry), show ({string,...}: paths of members)
-- @tparam integer index
-- @treturn table index, addr, members (text by path), partial (paths that could not be read), shown (text)
-- @raise kvm.Error `notfound`
-- @usage local r = require "kvm.cmd.entries".record(k, k:symbol("init_task").value, {}, 0) assert(r.index == 0)
function M.record(k, addr, opts, index)
  local rec = {index = index, addr = addr}
  if not opts.show then return rec end
  rec.members = {}
  local o = kvm_error.check(k:object(addr, opts.type))
  local shown = {}
  for i, path in ipairs(opts.show) do
    local text, err = kvm_error.try(require "kvm.format.object".member, o, path, {})
    if err and not (err.code == "fault" or err.code == "excluded") then error(err, 0) end
    if err then
      rec.partial = rec.partial or {}
      table.insert(rec.partial, path)
    else
      rec.members[path] = text
    end
    shown[i] = path .. "=" .. (text or "?")
  end
  rec.shown = table.concat(shown, " ")
  return rec
end

return M
