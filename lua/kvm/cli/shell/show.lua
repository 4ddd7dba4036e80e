-- SPDX-License-Identifier: BSD-2-Clause
-- Values of Lua as the shell prints them.
local format = require "kvm.format"
local object = require "kvm.object"

local M = {}

local MOST <const> = 200    -- entries of a table
local DEEPEST <const> = 3   -- tables in tables
local SMALL <const> = 65536 -- integers from here on, and negative ones, are told in hexadecimal too

local function escaped(text) return format.escape(text, "\n\t") end

local function is_less(a, b)
  if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
  return type(a) == "number" and type(b) ~= "number" or type(a) == "string" and type(b) ~= "number" and type(b) ~= "string"
end

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then return key end
  return "[" .. (type(key) == "string" and ('"%s"'):format(format.escape(key)) or tostring(key)) .. "]"
end

local text_of

local function table_text(t, depth)
  if depth >= DEEPEST then return "{...}" end
  local keys, parts, list = {}, {}, #t
  for key in next, t do
    if not (math.type(key) == "integer" and key >= 1 and key <= list) then keys[#keys + 1] = key end
  end
  table.sort(keys, is_less)
  for i = 1, math.min(list, MOST) do parts[i] = text_of(t[i], depth + 1) end
  for i = 1, math.min(#keys, MOST - #parts) do
    parts[#parts + 1] = ("%s = %s"):format(key_text(keys[i]), text_of(t[keys[i]], depth + 1))
  end
  local more = list + #keys - #parts
  if more > 0 then parts[#parts + 1] = ("... %d more"):format(more) end
  local line = "{" .. table.concat(parts, ", ") .. "}"
  if #line + 2 * depth <= 100 and not line:find "\n" then return line end
  local indent = ("  "):rep(depth + 1)
  return "{\n" .. indent .. table.concat(parts, ",\n" .. indent) .. "\n" .. ("  "):rep(depth) .. "}"
end

function text_of(v, depth)
  if type(v) == "string" then return depth == 0 and escaped(v) or ('"%s"'):format(format.escape(v)) end
  if math.type(v) == "integer" and (v < 0 or v >= SMALL) then return ("%d (0x%x)"):format(v, v) end
  local meta = type(v) == "table" and getmetatable(v)
  if type(v) == "table" and not object.is_object(v) and not (type(meta) == "table" and meta.__tostring) then return table_text(v, depth) end
  return escaped(tostring(v))
end

--- A value as text.
-- @param v
-- @treturn string integers in decimal, large ones also in hexadecimal; tables with their entries
-- @usage assert(require "kvm.cli.shell.show".text {1, a = "x"} == '{1, a = "x"}')
function M.text(v) return text_of(v, 0) end

return M
