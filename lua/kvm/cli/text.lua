-- SPDX-License-Identifier: BSD-2-Clause
-- Records as text for people. A command that has a function `text` says itself what a record looks like; else its
-- records are a table of those columns that have a title, or, with view="fields", a line for each column. All text
-- from a dump is escaped.
local M = {}

local format -- kvm.format, loaded when it is needed: `luakvm log` is not to wait for it

local KINDS = {
  hex = function(v) return ("0x%x"):format(v) end,
  signed_hex = function(v) return v < 0 and ("-0x%x"):format(-v) or ("0x%x"):format(v) end,
  boolean = function(v) return v and "yes" or "no" end,
  time = function(v) return os.date("!%Y-%m-%d %H:%M:%S UTC", v) end,
  duration = function(v) return format.duration(v) end,
  size = function(v) return format.size(v) end,
  strings = function(v) return v[1] and format.escape(table.concat(v, ", ")) or "-" end,
  numbers = function(v)
    local out = {}
    for i, n in ipairs(v) do out[i] = math.type(n) == "float" and ("%.2f"):format(n) or tostring(n) end
    return table.concat(out, " ")
  end,
}

local function cell(v, column)
  if v == nil then return "-" end
  local kind = KINDS[column.kind]
  if kind then return kind(v) end
  if type(v) == "table" then return require "kvm.cli.json".encode(v, column) end
  local text = format.escape(tostring(v))
  return text == "" and "-" or text
end

local function fields(command, rec, write)
  local width = 0
  for _, c in ipairs(command.columns) do width = math.max(width, #c.name) end
  for _, c in ipairs(command.columns) do
    local v = rec[c.name]
    if v ~= nil then write(("%-" .. width .. "s  %s\n"):format(c.name, cell(v, c))) end
  end
end

local function pad(text, column)
  return ("%" .. (column.left and "-" or "") .. column.width .. "s"):format(text)
end

-- The last column is not padded.
local function row(columns, text_of)
  local out = {}
  for i, c in ipairs(columns) do
    local text = text_of(c)
    out[i] = i < #columns and pad(text, c) or text
  end
  return table.concat(out, " ") .. "\n"
end

local function titled(command, opts)
  local out = {}
  for _, c in ipairs(command.columns) do
    if c.title and (not c.only or opts[c.only]) and not opts[c.without] then out[#out + 1] = c end
  end
  return out
end

--- Writes records.
-- @tparam table command
-- @tparam function records an iterator
-- @tparam table opts the command's options
-- @tparam function write takes text
function M.render(command, records, opts, write)
  local text, count, columns = command.text, 0, nil
  for rec in records do
    count = count + 1
    local own = text and text(rec, opts)
    if own then
      write(own)
    else
      format = format or require "kvm.format"
      if command.view == "fields" then
        fields(command, rec, write)
      else
        if not columns then
          columns = titled(command, opts)
          write(row(columns, function(c) return c.title end))
        end
        write(row(columns, function(c) return cell(rec[c.name], c) end))
      end
    end
  end
  return count
end

return M
