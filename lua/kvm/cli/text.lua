-- SPDX-License-Identifier: BSD-2-Clause
-- Records as text for people. A command that has a function `text` says itself what a record looks like; else its
-- records are a table of those columns that have a title, or, with view="fields", a line for each column. All text
-- from a dump is escaped.
local style = require "kvm.cli.style"

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

-- Kinds whose values --raw leaves as they are.
local UNITS <const> = {time = true, duration = true, size = true}

local function cell(v, column, look)
  if v == nil then return "-" end
  local kind = not (look.raw and UNITS[column.kind]) and KINDS[column.kind]
  if kind then return kind(v) end
  if type(v) == "table" then return require "kvm.cli.json".encode(v, column) end
  local text = format.escape(tostring(v))
  return text == "" and "-" or text
end

local function fields(command, rec, write, look)
  local width = 0
  for _, c in ipairs(command.columns) do width = math.max(width, #c.name) end
  for _, c in ipairs(command.columns) do
    local v = rec[c.name]
    if v ~= nil then write(("%-" .. width .. "s  %s\n"):format(c.name, cell(v, c, look))) end
  end
end

-- Characters of a text; of one that is not UTF-8, which nothing escaped is, bytes.
local function length(text) return utf8.len(text) or #text end

local function pad(text, column)
  local space = (" "):rep(column.width - length(text))
  return column.left and text .. space or space .. text
end

local ELLIPSIS <const> = "…"

-- A text of at most so many characters: of a longer one the beginning, and a mark that there was more.
local function clipped(text, most)
  if length(text) <= most then return text end
  if most < 1 then return "" end
  return text:sub(1, utf8.offset(text, most) - 1) .. ELLIPSIS
end

-- The cells of a line, which is no longer than the terminal is wide; the last column is not padded.
local function row(columns, text_of, look, style_of)
  local out, used = {}, 0
  for i, c in ipairs(columns) do
    local text = text_of(c)
    if i < #columns then text = pad(text, c) end
    if look.columns then text = clipped(text, look.columns - used) end
    used = used + length(text) + 1
    local name = look.color and style_of(c)
    out[i] = name and style.paint(name, text) or text
    if look.columns and used >= look.columns then break end
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

local function title_style() return "title" end

--- Writes records.
-- @tparam table command
-- @tparam function records an iterator
-- @tparam table opts the command's options
-- @tparam function write takes text
-- @tparam[opt] table look raw (boolean: units of programs, not of people), columns (of the terminal: no line of a table is longer),
-- color (boolean)
-- @treturn integer how many records there were
function M.render(command, records, opts, write, look)
  look = look or {}
  local text, count, columns = not look.raw and command.text, 0, nil
  local styles = look.color and command.styles
  for rec in records do
    count = count + 1
    local own = text and text(rec, opts)
    if own then
      local rules = type(styles) == "function" and styles(rec) or type(styles) == "table" and styles
      write(rules and style.lines(rules, own) or own)
    else
      format = format or require "kvm.format"
      if command.view == "fields" or look.raw and command.text then
        fields(command, rec, write, look)
      else
        if not columns then
          columns = titled(command, opts)
          write(row(columns, function(c) return c.title end, look, title_style))
        end
        write(row(columns, function(c) return cell(rec[c.name], c, look) end, look, function(c)
          return c.styles and c.styles[rec[c.name]]
        end))
      end
    end
  end
  return count
end

return M
