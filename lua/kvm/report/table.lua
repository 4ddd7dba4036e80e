-- SPDX-License-Identifier: BSD-2-Clause
-- Records as the data of a table that the page's script draws: JSON in which no "<" ends the element that it stands in. Integers that a
-- double does not hold, addresses and masks are strings. Text is made printable here: the script shows it as it is.
local markup = require "kvm.flame_graph.markup"

local M = {}

local EXACT <const> = 1 << 53

local ESCAPES = {["\\"] = "\\\\", ['"'] = '\\"', ["<"] = "\\u003c", ["\n"] = "\\n", ["\t"] = "\\t"}

local function text(s, keep)
  return '"' .. markup.printable(s, keep):gsub('[\\"<\n\t]', ESCAPES) .. '"'
end

local function number(v)
  if math.type(v) == "integer" then return (v <= -EXACT or v >= EXACT) and ('"%d"'):format(v) or ("%d"):format(v) end
  return v == v and math.abs(v) ~= math.huge and ("%.14g"):format(v) or "null"
end

local function array(list, item)
  local out = {}
  for i, v in ipairs(list) do out[i] = item(v) end
  return "[" .. table.concat(out, ",") .. "]"
end

-- The kinds of a command's columns, and those of a report alone: lines (strings, each in a line), words (text with line ends), pids,
-- said (as words, with links from the ids of tasks), level, caller (of the log), stack (the number of a record of the table of stacks).
local KINDS = {
  integer = number, number = number, duration = number, size = number, time = number, level = number, stack = number,
  hex = function(v) return ('"0x%x"'):format(v) end,
  boolean = tostring,
  strings = function(v) return text(table.concat(v, ", ")) end,
  numbers = function(v) return text(table.concat(v, " ")) end,
  lines = function(v)
    local out = {}
    for i, s in ipairs(v) do out[i] = markup.printable(s) end
    return text(table.concat(out, "\n"), "\n")
  end,
  words = function(v) return text(v, "\n\t") end,
  said = function(v) return text(v, "\n\t") end,
  pids = function(v) return array(v, number) end,
}

local function cell(v, column)
  if v == nil then return "null" end
  local encode = KINDS[column.kind]
  if encode then return encode(v) end
  return text(tostring(v))
end

local function column(c)
  return ('{"name":%s,"title":%s,"kind":%s%s%s}'):format(text(c.name), text(c.title or c.name:upper()), text(c.kind),
    c.minor and ',"minor":true' or "", c.detail and ',"detail":true' or "")
end

--- A table as JSON.
-- @tparam table t columns ({name, kind, title, minor: not on a phone, detail: below its row alone}), records, key (the column by whose
-- value links find a record), sort (how it is sorted at first, such as "-bytes"), tail (true: its end is shown first), level (true: it can
-- be filtered by the column level)
-- @treturn string
-- @usage local json = require "kvm.report.table".json {columns = {{name = "a", kind = "hex"}}, records = {{a = -1}}}
-- assert(json:find('[["0xffffffffffffffff"]]', 1, true))
function M.json(t)
  local columns, rows = {}, {}
  for i, c in ipairs(t.columns) do columns[i] = column(c) end
  for i, rec in ipairs(t.records) do
    local cells = {}
    for j, c in ipairs(t.columns) do cells[j] = cell(rec[c.name], c) end
    rows[i] = "[" .. table.concat(cells, ",") .. "]"
  end
  return ('{"columns":[%s],"key":%s,"sort":%s,"tail":%s,"level":%s,"rows":[%s]}'):format(table.concat(columns, ","), text(t.key or ""),
    text(t.sort or ""), tostring(t.tail or false), tostring(t.level or false), table.concat(rows, ",\n"))
end

return M
