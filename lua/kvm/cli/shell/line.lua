-- SPDX-License-Identifier: BSD-2-Clause
-- What a line of the shell is: a command of luakvm, Lua, or, behind "!", one of the system's shell; and what its output is piped to.
-- `ps -a | where(pid > 9) | grep sh`: stages of ours are options of the command, what follows them is the system's.
local M = {}

-- Calls FN for each character outside of quotes and brackets, with its place, until it returns something; false: brackets or quotes
-- are left open.
local function scan(text, fn)
  local quote, depth, i = nil, 0, 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == "\\" then
      i = i + 1
    elseif quote then
      if c == quote then quote = nil end
    elseif c == '"' or c == "'" then
      quote = c
    elseif c:find "[%(%[{]" then
      depth = depth + 1
    elseif c:find "[%)%]}]" then
      depth = depth - 1
    elseif depth == 0 then
      local found = fn(c, i)
      if found then return found end
    end
    i = i + 1
  end
  return not quote and nil
end

-- The parts of a text between bars.
local function stages(text)
  local out, from = {}, 1
  local closed = scan(text, function(c, i)
    if c ~= "|" then return end
    out[#out + 1], from = text:sub(from, i - 1), i + 1
  end)
  out[#out + 1] = text:sub(from)
  return out, closed ~= false
end

--- Words as a shell has them: parted by space; what is in quotes stays together, a backslash takes the next character as it is.
-- @tparam string text
-- @treturn[1] {string,...}
-- @return[2] nil
-- @treturn[2] string what is wrong
-- @usage assert(require "kvm.cli.shell.line".words("a 'b c'")[2] == "b c")
function M.words(text)
  local out, word, quote, i = {}, nil, nil, 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == "\\" and quote ~= "'" then
      i = i + 1
      word = (word or "") .. text:sub(i, i)
    elseif quote and c == quote then
      quote = nil
    elseif quote then
      word = word .. c
    elseif c == '"' or c == "'" then
      quote, word = c, word or ""
    elseif c:find "%s" then
      if word then out[#out + 1] = word end
      word = nil
    else
      word = (word or "") .. c
    end
    i = i + 1
  end
  if quote then return nil, "a quote is left open" end
  if word then out[#out + 1] = word end
  return out
end

-- Stages that are options which all commands have.
local OPTIONS <const> = {where = "--where", sort = "--sort", columns = "--columns", limit = "--limit"}

local function option_of(stage)
  local name, value = stage:match "^%s*(%a+)%s*(%b())%s*$"
  return OPTIONS[name], value and value:sub(2, -2)
end

-- "> file" and ">> file" behind a command, as a stage.
local function redirected(text)
  local at = scan(text, function(c, i) return c == ">" and i or nil end)
  if not at then return text, nil end
  local append, path = text:match("^>(>?)%s*(.-)%s*$", at)
  return text:sub(1, at - 1), ("cat >%s%s"):format(append, path)
end

local function command_line(text, name)
  local parts = stages(text)
  local first, file = redirected(parts[1])
  local words, message = M.words(first)
  if not words then return nil, message end
  local i = 2
  while parts[i] do
    local flag, value = option_of(parts[i])
    if not flag then break end
    words[#words + 1] = flag .. "=" .. value
    i = i + 1
  end
  if file then table.insert(parts, i, file) end
  local program = table.concat(parts, "|", i):match "^%s*(.-)%s*$"
  return {kind = "command", name = name, words = table.move(words, 2, #words, 1, {}), program = program ~= "" and program or nil}
end

-- Lua, and what it is piped to: "|" is also an operator of Lua's, so that it is a pipe only where a word stands behind it that is no
-- value.
local function lua_line(text, is_value)
  local parts = stages(text)
  for i = 2, #parts do
    local word = parts[i]:match "^%s*([%a_][%w_%-]*)"
    if word and not is_value(word) then
      return {kind = "lua", text = table.concat(parts, "|", 1, i - 1), program = table.concat(parts, "|", i):match "^%s*(.-)%s*$"}
    end
  end
  return {kind = "lua", text = text}
end

--- Takes a line apart.
-- @tparam string text
-- @tparam function is_command whether a word is one
-- @tparam function is_value whether a word is the name of a value
-- @treturn[1] table kind ("none", "system", "command", "lua"), text (of Lua, or for the system's shell), name and words (of a command),
-- program (what output is piped to)
-- @return[2] nil
-- @treturn[2] string what is wrong
-- @usage assert(require "kvm.cli.shell.line".parse("ps 1", function() return true end).words[1] == "1")
function M.parse(text, is_command, is_value)
  text = text:match "^%s*(.-)%s*$"
  if text == "" then return {kind = "none"} end
  if text:find "^!" then return {kind = "system", text = text:sub(2)} end
  if text:find "^=" then return lua_line("return " .. text:sub(2), is_value) end
  local name, behind = text:match "^([%a_][%w_]*)(.*)$"
  local is_lua = behind and (behind:find "^%s*[=%(%[%.:,]" or behind:find "^%s*[%{\"'].-$" and not behind:find "^%s")
  if name and is_command(name) and not is_lua then return command_line(text, name) end
  return lua_line(text, is_value)
end

return M
