-- SPDX-License-Identifier: BSD-2-Clause
-- Argument errors, made from a signature. For each argument of a function the call is tried with a value of every other type;
-- it must raise, and the message must name the argument's number.
--   badargs.check(k.read, "read", {k, 0, 1}, {"handle", "integer", "integer", "?space"})
-- Kinds: handle string integer number boolean table function, "a|b", any (not tried); ? in front: nil is allowed.
local assert = require "luassert"

local M = {}

local SAMPLES = {
  {type = "nil", value = nil}, {type = "boolean", value = true}, {type = "string", value = "no number"},
  {type = "integer", value = 7}, {type = "number", value = 7.5}, {type = "table", value = {}},
  {type = "function", value = print}, {type = "file", value = io.stdout},
}

-- What a kind takes beside its own name.
local TAKES = {
  number = {integer = true},
  space = {["nil"] = true, integer = true, table = true, string = true},
  process = {integer = true, table = true},
}

local function allows(kind, sample)
  if kind:find "^%?" then
    if sample.type == "nil" then return true end
    kind = kind:sub(2)
  end
  for one in kind:gmatch "[^|]+" do
    if one == "any" or one == sample.type or TAKES[one] and TAKES[one][sample.type] then return true end
  end
  return false
end

--- Tries all wrong arguments.
-- @tparam function f
-- @tparam string name for messages
-- @tparam table good arguments of a call that is right
-- @tparam {string,...} kinds one for each argument
-- @treturn integer how many calls were tried
function M.check(f, name, good, kinds)
  local tried = 0
  for i, kind in ipairs(kinds) do
    for _, sample in ipairs(SAMPLES) do
      if not allows(kind, sample) then
        local args = table.move(good, 1, #kinds, 1, {})
        args[i] = sample.value
        local ok, err = pcall(f, table.unpack(args, 1, #kinds))
        local what = ("%s with a %s as argument %d"):format(name, sample.type, i)
        assert.is_false(ok, what .. " does not raise")
        assert.are.equal("string", type(err), what .. " raises a value that is no argument error")
        local place = "#" .. i
        assert.is_truthy(err:find(place, 1, true), ("%s: %s does not name %s"):format(what, err, place))
        tried = tried + 1
      end
    end
  end
  return tried
end

return M
