-- SPDX-License-Identifier: BSD-2-Clause
-- Records as JSON, one object a line, its keys in the order of the command's columns; absent values are null.
-- Integers are written with all their digits; addresses, masks and flags (kinds hex, signed_hex) are strings "0x...".
-- Strings are UTF-8: a byte that is not shows as the four characters \xNN; control characters are escaped, those of
-- C1 and those that turn the direction of text too.
local cjson = require "cjson"

local M = {}

local function hex(v)
  return ('"0x%x"'):format(v)
end

-- Replaces the bytes that are not part of valid UTF-8.
local function to_utf8(s)
  local out, pos = {}, 1
  while pos <= #s do
    local _, bad = utf8.len(s, pos)
    if not bad then break end
    out[#out + 1] = s:sub(pos, bad - 1) .. ("\\x%02x"):format(s:byte(bad))
    pos = bad + 1
  end
  return table.concat(out) .. s:sub(pos)
end

-- The characters of UTF-8 that kvm.format.escape escapes and cjson does not, as \u: in the text of JSON they mean the same.
local function escape_steering(text)
  local function escaped(c) return ("\\u%04x"):format(utf8.codepoint(c)) end
  return (text:gsub("\xc2[\x80-\x9f]", escaped):gsub("\xd8\x9c", escaped)
    :gsub("\xe2\x80[\x8e\x8f\xa8-\xae]", escaped):gsub("\xe2\x81[\xa6-\xa9]", escaped))
end

--- A string as JSON.
-- @tparam string s any bytes
-- @treturn string with its quotes
-- @usage assert(require "kvm.cli.json".string "a\27" == [["a\u001b"]])
function M.string(s)
  if not s:find "[^ !#-%.0-%[%]-~]" then return '"' .. s .. '"' end
  local text = cjson.encode(utf8.len(s) and s or to_utf8(s)):gsub("\\/", "/")
  return escape_steering(text)
end

local encode

local function array(list, item)
  local out = {}
  for i, v in ipairs(list) do out[i] = item(v) end
  return "[" .. table.concat(out, ",") .. "]"
end

local function object(rec, columns)
  local out = {}
  for _, c in ipairs(columns) do
    if c.json ~= false then out[#out + 1] = ('"%s":%s'):format(c.name, encode(rec[c.name], c)) end
  end
  return "{" .. table.concat(out, ",") .. "}"
end

-- Keys that come from the data: sorted.
local function map(values, item)
  local keys, out = {}, {}
  for key in pairs(values) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do out[i] = M.string(key) .. ":" .. item(values[key]) end
  return "{" .. table.concat(out, ",") .. "}"
end

local function number(v)
  if math.type(v) == "integer" then return ("%d"):format(v) end
  return v == v and v ~= math.huge and v ~= -math.huge and ("%.14g"):format(v) or "null"
end

local KINDS = {
  hex = hex,
  signed_hex = function(v) return v < 0 and ('"-0x%x"'):format(-v) or hex(v) end,
  hexes = function(v) return array(v, hex) end,
  strings = function(v) return array(v, M.string) end,
  numbers = function(v) return array(v, number) end,
  counts = function(v) return map(v, number) end,
  hexes_by_name = function(v) return map(v, hex) end,
  texts = function(v) return map(v, M.string) end,
  record = function(v, c) return object(v, c.columns) end,
  records = function(v, c) return array(v, function(rec) return object(rec, c.columns) end) end,
}

function encode(v, column)
  if v == nil then return "null" end
  local special = KINDS[column.kind]
  if special then return special(v, column) end
  if type(v) == "number" then return number(v) end
  if type(v) == "boolean" then return tostring(v) end
  return M.string(tostring(v))
end

--- One value as JSON.
M.encode = encode

--- Writes records.
-- @tparam table command whose columns are used
-- @tparam function records an iterator
-- @tparam function write takes text
function M.render(command, records, _, write)
  local count = 0
  for rec in records do
    count = count + 1
    write(object(rec, command.columns) .. "\n")
  end
  return count
end

return M
