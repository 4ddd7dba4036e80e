-- SPDX-License-Identifier: BSD-2-Clause
-- What may stand where the shell's user has typed a part of a word: commands and their options, symbols, types and paths of members in
-- the words of a command; in Lua the fields of the value that the text before leads to, of an object of the kernel its members.
local args = require "kvm.cli.args"
local names = require "kvm.object.names"
local object = require "kvm.object"
local registry = require "kvm.cmd"

local M = {}

local MOST <const> = 2000 -- offers

--- Characters that end words, so that what is left of a word is "symbol", "struct.member" or "value:method".
M.BREAKS = " \t\n\"'`@$><=;|&{}(),[]+*/%#~^"

local KEYWORDS <const> = {"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
  "not", "or", "repeat", "return", "then", "true", "until", "while"}

-- Collects words that begin with a text, each once.
local function collector(start)
  local out, seen = {}, {}
  return function(word, shown)
    if type(word) == "string" and word:sub(1, #start) == start and not seen[word] and #out < MOST then
      seen[word] = true
      out[#out + 1] = shown or word
    end
  end, out
end

local function pattern_of(start) return "^" .. start:gsub("%W", "%%%0") end

-- --- symbols and types

local function add_symbols(k, start, add)
  if start == "" then return end
  require "kvm.error".try(function()
    for symbol in k:symbols(pattern_of(start)) do add(symbol.name) end
  end)
end

local KINDS <const> = {"struct", "union", "enum", "typedef"}

local function add_types(k, start, kinds, add)
  if start == "" then return end
  local wanted = pattern_of(start)
  for _, kind in ipairs(kinds) do
    local step = k:types(kind)
    if not step then return end
    require "kvm.error".try(function()
      for t in step do
        local name = t:name()
        if name and name:find(wanted) then add(name) end
      end
    end)
  end
end

-- The type that a path of members leads to: "task_struct.mm.pgd"; pointers are followed.
local function type_at(k, path)
  local t
  for part in path:gmatch "[^.]+" do
    if not t then
      for _, kind in ipairs {"struct ", "union ", ""} do t = t or k:type(kind .. part) end
      if not t then
        local ok, found = pcall(object.variable_type, k, part)
        t = ok and found or nil
      end
    else
      local field = t:strip():field(part)
      t = field and field.type
    end
    while t and (t:strip():kind() == "pointer" or t:strip():kind() == "array") do t = t:strip():target() end
    if not t then return nil end
  end
  return t and t:strip()
end

-- The struct that an object is of, or that it points to.
local function type_of_object(o)
  local t = object.typeof(o):strip()
  while t and (t:kind() == "pointer" or t:kind() == "array") do t = t:target():strip() end
  return t
end

local function add_members(t, add, before)
  local kind = t and t:kind()
  if kind ~= "struct" and kind ~= "union" then return end
  local list = require "kvm.error".try(names.of, t) or {}
  for _, name in ipairs(list) do add(name, before .. name) end
end

-- --- the value that text leads to

local function opening(text, at)
  local close, depth = text:sub(at, at), 0
  local open = close == ")" and "(" or "["
  for i = at, 1, -1 do
    local c = text:sub(i, i)
    if c == close then depth = depth + 1 elseif c == open then depth = depth - 1 end
    if depth == 0 then return i end
  end
end

-- The expression at the end of a text: names, fields, calls, indices.
local function expression(text)
  local i = #text
  while i >= 1 do
    local c = text:sub(i, i)
    if c == ")" or c == "]" then
      i = opening(text, i)
      if not i then return nil end
      i = i - 1
      if not text:sub(1, i):find "[%w_%)%]]$" then return text:sub(i + 1) end
    elseif c:find "[%w_]" then
      i = text:sub(1, i):find "[%w_]+$" - 1
      if not text:sub(1, i):find "[.:]$" then return text:sub(i + 1) end
      i = i - 1
    else
      return text:sub(i + 1)
    end
  end
  return text
end

-- Calls that do nothing but look. Others are not made because somebody pressed a key.
local LOOKS <const> = {object = true, symbol = true, type = true, variable = true, info = true, stats = true}

local function only_looks(text)
  text = text:gsub('"[^"]*"', '""'):gsub("'[^']*'", "''")
  for path in text:gmatch "([%w_%.:]+)%s*[%({\"']" do
    if not LOOKS[path:match "[%w_]+$"] and not path:find "^kvm%." then return false end
  end
  return not text:find "[^=~<>]=[^=]" and not text:find "%f[%w_]function%f[^%w_]"
end

local function value_of(text, env)
  local source = expression(text)
  if not source or source == "" or not only_looks(source) then return nil end
  local fn = load("return " .. source, "=completion", "t", env)
  local ok, v = pcall(fn or error)
  return ok and v or nil
end

-- Modules of kvm, which are loaded when they are first used, by the files beside the one of that name.
local function add_modules(sample, add, before)
  local path, has_readline, readline = package.searchpath(sample, package.path), pcall(require, "kvm.readline")
  if not path or not has_readline then return end
  for _, file in ipairs(readline.files(path:match "^.*/")) do
    local name = file:match "([%w_]+)%.lua$" or file:match "/([%w_]+)$"
    if name and name ~= "init" then add(name, before .. name) end
  end
end

local function add_fields(v, add, before, env)
  if object.is_object(v) then return add_members(type_of_object(v), add, before) end
  if v == env.kvm then add_modules("kvm", add, before) end
  if v == env.kvm.linux then add_modules("kvm.linux.list", add, before) end
  local seen = 0
  while v ~= nil and seen < 4 do
    if type(v) == "table" then
      for key in next, v do
        if type(key) == "string" and not key:find "^__" and key:find "^[%a_][%w_]*$" then add(key, before .. key) end
      end
    end
    local meta = (type(v) == "table" or type(v) == "userdata" or type(v) == "string") and debug.getmetatable(v)
    v = type(meta) == "table" and meta.__index or nil
    if type(v) == "function" then v = meta end
    seen = seen + 1
  end
end

-- --- where the word is

local function in_lua(k, env, before, word)
  local path, start = word:match "^(.*[.:])([%w_]*)$"
  local text = before .. word
  if path then
    local add, out = collector(start)
    add_fields(value_of(text:sub(1, #text - #start - 1), env), add, path, env)
    return out
  end
  local add, out = collector(word)
  local quoted = before:match "[%w_:]*%s*%(?%s*[\"']([%w_ ]*)$"
  if quoted then
    if not quoted:find "^%a+ " then add_symbols(k, word, add) end
    add_types(k, word, KINDS, add)
    return out
  end
  for _, list in ipairs {env, _G} do
    for key in next, list do add(key) end
  end
  for _, key in ipairs(KEYWORDS) do add(key) end
  return out, nil, add
end

local function in_command(k, command, before, word)
  local add, out = collector(word)
  if word:find "^%-" then
    for _, option in ipairs(args.options(command)) do
      for flag in option.flags:gmatch "%S+" do add(flag) end
    end
    return out, " "
  end
  local path, start = word:match "^(.*)%.([%w_]*)$"
  if path then
    add, out = collector(start)
    add_members(type_at(k, path), add, path .. ".")
    return out
  end
  for _, operand in ipairs(before:match "^%s*help%s" and registry.names or {}) do add(operand) end
  add_types(k, word, command.name == "struct" and {"struct", "union"} or KINDS, add)
  if command.name ~= "struct" or before:find "^%s*%S+%s+%S+%s" then add_symbols(k, word, add) end
  return out
end

--- What may stand in place of a word.
-- @param k an open handle
-- @tparam table env the globals of the shell's Lua
-- @tparam {string,...} commands the words that begin a command
-- @tparam string line
-- @tparam integer from first byte of the word
-- @tparam integer to its last byte
-- @treturn {string,...} sorted
-- @treturn ?string what to put behind one that is the only one
-- @usage local list = require "kvm.cli.shell.complete".offers(k, {kvm = kvm}, {"ps", "pte"}, "p", 1, 1) assert(list[1] == "ps" or list[2])
function M.offers(k, env, commands, line, from, to)
  local before, word = line:sub(1, from - 1), line:sub(from, to)
  local first = before:match "^%s*([%a_][%w_]*)%s"
  local command = first and registry.get(first)
  local out, behind, add
  if command then
    out, behind = in_command(k, command, before, word)
  elseif first == "help" or first == "foreach" then
    add, out = collector(word)
    for _, name in ipairs(commands) do add(name) end
  else
    out, behind, add = in_lua(k, env, before, word)
    if add and before:find "^%s*$" then
      for _, name in ipairs(commands) do add(name) end
    end
  end
  table.sort(out)
  return out, behind or first and not out[2] and " " or nil
end

return M
