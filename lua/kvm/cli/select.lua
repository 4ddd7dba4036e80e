-- SPDX-License-Identifier: BSD-2-Clause
-- Which records and columns of a command are shown, and in which order: --columns, --sort, --where, --limit. They mean the same for
-- text, JSON and CSV. Records come one by one where no sort is asked for, and a limit ends the walk.
local names = require "kvm.object.names"

local M = {}

--- The options, as a command has its own.
M.OPTIONS = {
  {flags = "--columns", value = "NAME,...", type = "list", help = "these columns, in this order"},
  {flags = "--sort", value = "[-]NAME,...", type = "list", help = "in the order of these columns; -NAME: the largest first"},
  {flags = "--where", value = "EXPR", help = "only records for which a Lua expression over their columns is true"},
  {flags = "--limit", value = "N", type = "integer", help = "so many records at most"},
}

local function usage_error(form, ...) error({usage = form:format(...)}, 0) end

local function column_of(command, name)
  local known = {}
  for i, c in ipairs(command.columns) do
    if c.name == name and c.json ~= false then return c end
    known[i] = c.name
  end
  usage_error("%s has no column %q%s", command.name, name, names.nearest(known, name))
end

-- --- columns

-- What a column without one is titled, and how wide it is in a table.
local WIDTHS = {hex = 18, signed_hex = 18, string = 16, integer = 8, number = 8, boolean = 5, size = 9, duration = 10, time = 23}
local LEFT = {string = true, strings = true, time = true}

local function titled(c)
  local title = c.title or c.name:upper()
  return setmetatable({title = title, width = math.max(c.width or WIDTHS[c.kind] or 16, #title), left = c.left or LEFT[c.kind],
    only = false, without = false}, {__index = c})
end

local function with_columns(command, chosen)
  local columns = {}
  for i, name in ipairs(chosen) do columns[i] = titled(column_of(command, name)) end
  return setmetatable({columns = columns, text = false}, {__index = command})
end

-- --- order

-- Values of one kind as they are; of two kinds, which no column should have, by the kind's name.
local function is_less(a, b, kind)
  if type(a) ~= type(b) then return type(a) < type(b) end
  if type(a) == "boolean" then return not a and b end
  if kind == "hex" then return math.ult(a, b) end
  return a < b
end

-- nil comes last, whichever way it goes.
local function compare(keys, one, other)
  for _, key in ipairs(keys) do
    local a, b = one.rec[key.name], other.rec[key.name]
    if a ~= b then
      if a == nil or b == nil then return b == nil end
      if key.down then a, b = b, a end
      return is_less(a, b, key.kind)
    end
  end
  return one.n < other.n
end

local SORTABLE = {hex = true, signed_hex = true, string = true, integer = true, number = true, boolean = true, size = true,
  duration = true, time = true}

local function keys_of(command, words)
  local keys = {}
  for i, word in ipairs(words) do
    local down, name = word:match "^(%-?)(.*)$"
    local c = column_of(command, name)
    if not SORTABLE[c.kind] then usage_error("column %s has no order", name) end
    keys[i] = {name = name, kind = c.kind, down = down == "-"}
  end
  return keys
end

local function sorted(records, keys)
  local list, at
  return function()
    if not list then
      list, at = {}, 0
      for rec in records do list[#list + 1] = {rec = rec, n = #list} end
      table.sort(list, function(a, b) return compare(keys, a, b) end)
    end
    at = at + 1
    return list[at] and list[at].rec
  end
end

-- --- condition

local function copy(t)
  local out = {}
  for key, v in pairs(t) do out[key] = v end
  return out
end

local GLOBALS = {math = copy(math), string = copy(string), tostring = tostring, tonumber = tonumber, type = type}

local KEYWORDS <const> = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true until while"):gmatch
  "%a+" do KEYWORDS[word] = true end

-- Whether the error of an expression is that of a value that is not there.
local function is_about_nil(message)
  for _, words in ipairs {"nil value", "with nil", "nil with", "got nil", "got no value"} do
    if message:find(words, 1, true) then return true end
  end
  return false
end

-- Names of an expression that are neither fields nor its own locals: in the order in which they come. Strings are left out before.
local function free_names(text)
  text = text:gsub("%[(=*)%[.-%]%1%]", " "):gsub("\\.", ""):gsub('"[^"]*"', " "):gsub("'[^']*'", " ")
  local own, out = {}, {}
  for list in text:gmatch "function%s*%(([^)]*)%)" do
    for name in list:gmatch "[%a_][%w_]*" do own[name] = true end
  end
  for list in text:gmatch "%f[%w_]local%s+([%w_,%s]+)" do
    for name in list:gmatch "[%a_][%w_]*" do own[name] = true end
  end
  for list in text:gmatch "%f[%w_]for%s+([%w_,%s]-)%s+in%f[^%w_]" do
    for name in list:gmatch "[%a_][%w_]*" do own[name] = true end
  end
  for name in text:gmatch "%f[%w_]for%s+([%w_]+)%s*=" do own[name] = true end
  for before, name, behind in (" " .. text .. "  "):gmatch "([^%w_]%s*)%f[%a_]([%a_][%w_]*)%f[^%w_]()" do
    local is_field = before:find "^[.:]" and not text:sub(1, behind - 2 - #name - #before):find "%.$"
    local is_key = (text:sub(behind - 1) .. " "):find "^%s*=[^=]"
    if not (is_field or is_key or own[name] or KEYWORDS[name]) then out[#out + 1] = name end
  end
  return out
end

local MOST_INSTRUCTIONS <const> = 10000000 -- of an expression, for one record

local function endless() usage_error("--where: it does not end") end

-- Calls FN, which can't run for long.
local function bounded(fn)
  local hook, mask, count = debug.gethook()
  debug.sethook(endless, "", MOST_INSTRUCTIONS)
  local ok, answer = pcall(fn)
  debug.sethook(hook, mask, count)
  if not ok and require "kvm.error".is_interrupt(answer) then error(answer, 0) end
  return ok, answer
end

-- A function that tells whether a record is so. A column that a record does not have is nil: what compares it is not true, as with SQL.
local function condition(command, text)
  local rec, lacks
  local known = {}
  for _, c in ipairs(command.columns) do known[c.name] = c.json ~= false end
  local env = setmetatable({}, {__index = function(_, name)
    if known[name] then
      if rec[name] == nil then lacks = true end
      return rec[name]
    end
    if name == "r" then return rec end -- r["end"]: a column whose name is a word of Lua
    return GLOBALS[name] or column_of(command, name)
  end})
  local fn, message = load("return " .. text, "=--where", "t", env)
  if not fn then usage_error("--where: %s", message:gsub("^%-%-where:%d+: ", "")) end
  for _, name in ipairs(free_names(text)) do
    if not known[name] and name ~= "r" and not GLOBALS[name] then column_of(command, name) end
  end
  return function(given)
    rec, lacks = given, false
    local ok, answer = bounded(fn)
    if ok then return answer end
    if type(answer) == "table" then error(answer, 0) end
    if not (lacks and is_about_nil(tostring(answer))) then usage_error("--where: %s", tostring(answer):gsub("^%-%-where:%d+: ", "")) end
    return false
  end
end

local function filtered(records, is_so)
  return function()
    for rec in records do
      if is_so(rec) then return rec end
    end
    return nil
  end
end

local function limited(records, most)
  return function()
    most = most - 1
    return most >= 0 and records() or nil
  end
end

--- What is shown of a command's records. Wrong names are found before the first record is asked for.
-- @tparam table command
-- @tparam table how columns ({string,...}), sort ({string,...}), where (string), limit (integer); each may be absent
-- @treturn table the command, with the columns that were chosen
-- @treturn function takes an iterator of records and gives one
-- @raise {usage=} for what is no column, no expression, no number of records
-- @usage local _, choose = require "kvm.cli.select".of({name = "x", columns = {}}, {limit = 1})
-- local step = choose(function() return {} end) assert(step() and not step())
function M.of(command, how)
  local keys = how.sort and keys_of(command, how.sort)
  local is_so = how.where and condition(command, how.where)
  if how.limit and how.limit < 0 then usage_error("--limit: %d is no number of records", how.limit) end
  local shown = how.columns and with_columns(command, how.columns) or command
  return shown, function(records)
    if is_so then records = filtered(records, is_so) end
    if keys then records = sorted(records, keys) end
    if how.limit then records = limited(records, how.limit) end
    return records
  end
end

return M
