-- SPDX-License-Identifier: BSD-2-Clause
-- Records as comma-separated values (RFC 4180, but with "\n"): a line of column names, then a line for each record.
-- Text is escaped as for a terminal; lists and nested records are JSON.
local M = {}

local NESTED = {hexes = true, strings = true, numbers = true, counts = true, texts = true, hexes_by_name = true, record = true,
  records = true}

local function cell(v, column)
  if v == nil then return "" end
  local text
  if NESTED[column.kind] then
    text = require "kvm.cli.json".encode(v, column)
  elseif column.kind == "hex" then
    text = ("0x%x"):format(v)
  elseif column.kind == "signed_hex" then
    text = v < 0 and ("-0x%x"):format(-v) or ("0x%x"):format(v)
  else
    text = require "kvm.format".escape(tostring(v))
  end
  if text:find '[",\n]' then text = '"' .. text:gsub('"', '""') .. '"' end
  return text
end

--- Writes records.
-- @tparam table command whose columns are used
-- @tparam function records an iterator
-- @tparam function write takes text
function M.render(command, records, _, write)
  local columns, names, count = {}, {}, 0
  for _, c in ipairs(command.columns) do
    if c.json ~= false then
      columns[#columns + 1] = c
      names[#names + 1] = c.name
    end
  end
  write(table.concat(names, ",") .. "\n")
  for rec in records do
    local cells = {}
    for i, c in ipairs(columns) do cells[i] = cell(rec[c.name], c) end
    write(table.concat(cells, ",") .. "\n")
    count = count + 1
  end
  return count
end

return M
