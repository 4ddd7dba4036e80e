-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm run: a Lua script with the open handle as the global `k` and the rest of the command line as `...`.
local kvm_error = require "kvm.error"

local M = {
  name = "run",
  summary = "run a Lua script: k is the open kernel",
  operands = {{key = "args", name = "ARG", many = true, optional = true}},
  script_first = true, -- luakvm run SCRIPT [CORE] [ARG ...]: everything behind SCRIPT is the script's
  options = {},
  columns = {},
}

-- What a script's error says, and where: an error value carries no position, so the innermost line of the script is
-- found.
local function explain(source)
  return function(err)
    if type(err) == "string" then return err end
    local meta = type(err) == "table" and getmetatable(err)
    local message = meta and meta.__tostring and tostring(err) or ("(error object is a %s value)"):format(type(err))
    for level = 2, 100 do
      local at = debug.getinfo(level, "Sl")
      if not at then break end
      if at.source == source then
        message = ("%s:%d: %s"):format(at.short_src, at.currentline, message)
        break
      end
    end
    local code = type(err) == "table" and type(err.code) == "string" and err.code or "inval"
    return kvm_error.new {code = code, message = message, addr = type(err) == "table" and err.addr or nil}
  end
end

local function first_line(text)
  return (text:match "^[^\n]*")
end

--- Runs a script. It prints what it likes; its globals stay behind, `k` and `arg` are taken away again.
-- @param k an open handle
-- @tparam table opts script (path), args ({string,...})
-- @treturn function an iterator without records: the script has run when this returns
-- @raise kvm.Error what the script raised, with its file and line
-- @usage local f = assert(io.open(tmpname, "w")) f:write "assert(k:info())" f:close() require "kvm.cmd.run".run(k, {script = tmpname})
function M.run(k, opts)
  local chunk, message = loadfile(opts.script, "t")
  if not chunk then error(kvm_error.new {code = "inval", message = first_line(message)}) end
  local args = opts.args or {}
  local old_k, old_arg = rawget(_G, "k"), rawget(_G, "arg")
  rawset(_G, "k", k)
  rawset(_G, "arg", table.move(args, 1, #args, 1, {[0] = opts.script}))
  local ok, err = xpcall(chunk, explain("@" .. opts.script), table.unpack(args))
  rawset(_G, "k", old_k)
  rawset(_G, "arg", old_arg)
  if not ok then
    if type(err) == "string" then err = kvm_error.new {code = "inval", message = first_line(err)} end
    error(err)
  end
  return function() return nil end
end

return M
