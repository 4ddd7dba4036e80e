-- SPDX-License-Identifier: BSD-2-Clause
-- Objects as text that C could read: nested initializers, `(struct list_head){.next = 0xffff..., .prev = 0xffff...}`. What fits
-- on a line stands on one. Members of anonymous structs and unions appear as C names them. Pointers are not followed, but for
-- the text behind a char *. An object's bytes are read once; what of them is not there is told in the place of each member,
-- and the rest goes on. The text of one object holds at most a quarter of a million values.
local core = require "kvm.core"
local err = require "kvm.error"
local value = require "kvm.format.value"

local objects = core.objects
local M = {}

local MAX_NESTING <const> = 64
local MAX_VALUES <const> = 1 << 18
local MAX_SCANNED <const> = 1 << 16 -- elements of one array
local MAX_COPY <const> = 64 << 20   -- bytes; what is larger is not read at once

local DEFAULTS = {
  depth = MAX_NESTING, hex = false, types = false, offsets = false, columns = 80, elements = 64, string = 256, indent = 2,
  zeros = true, symbols = true,
}

local function options(given)
  local opts = {}
  for name, default in pairs(DEFAULTS) do opts[name] = default end
  for name, v in pairs(given or {}) do
    local default = DEFAULTS[name]
    if default == nil then error(err.new{code = "inval", message = ("there is no option %s"):format(tostring(name))}, 0) end
    local wanted = math.type(default) or type(default)
    if (math.type(v) or type(v)) ~= wanted or wanted == "integer" and v < 0 then
      error(err.new{code = "inval", message = ("option %s takes %s, not %s"):format(name,
        wanted == "integer" and "a number of 0 or more" or "true or false", tostring(v))}, 0)
    end
    opts[name] = v
  end
  return opts
end

local render -- (context, type, value, column, depth, offset) -> text, whether it is zero

-- V by index KEY of an object, as text. Only what says that memory can't be read stands in its place.
local function member(c, t, o, key, column, depth, offset)
  local ok, v = pcall(function() return o[key] end)
  if ok then return render(c, t, v, column, depth, offset) end
  if not err.is(v) or v.code == "closed" then error(v, 0) end
  return value.failure(v), false
end

local function pad(c, depth) return (" "):rep(c.opts.indent * depth) end

-- "{" and items, on one line where they fit behind COLUMN, else one a line. ITEMS may have line ends.
local function braces(c, items, column, depth, one_line)
  if #items == 0 then return "{}" end
  local length = column + 3 -- "{", "}", ","
  for _, item in ipairs(items) do
    length = length + #item + 2
    if item:find("\n", 1, true) then one_line = false end
  end
  if one_line and length - 2 <= c.opts.columns then return "{" .. table.concat(items, ", ") .. "}" end
  local inner = pad(c, depth + 1)
  return "{\n" .. inner .. table.concat(items, ",\n" .. inner) .. ",\n" .. pad(c, depth) .. "}"
end

-- Members of T, and of the anonymous structs and unions in it: name, type, bits from the start of the outermost, bit size.
local function each_member(t, base, depth, into)
  if depth > MAX_NESTING then error(err.new{code = "format", message = "types: anonymous members nest too deep"}, 0) end
  for _, m in ipairs(err.check(t:members())) do
    if m.name then
      into[#into + 1] = {name = m.name, type = m.type, offset = base + m.offset, bit_size = m.bit_size}
    elseif m.bit_size == 0 then
      each_member(m.type:strip(), base + m.offset, depth + 1, into)
    end
  end
  return into
end

local function members_of(c, t)
  local id = t:id()
  c.members[id] = c.members[id] or each_member(t, 0, 0, {})
  return c.members[id]
end

local function label(c, m, offset)
  local text = "." .. m.name
  if c.opts.types then
    text = require "kvm.layout".declare(m.type:spell(), m.name)
    if m.bit_size > 0 then text = ("%s:%d"):format(text, m.bit_size) end
  end
  if c.opts.offsets then text = ("/* 0x%04x */ %s"):format(offset + m.offset, text) end
  return require "kvm.format".escape(text) .. " = "
end

local function struct(c, t, o, column, depth, offset)
  if depth > c.opts.depth or depth > MAX_NESTING then return "{...}", false end
  local items, all_zero = {}, true
  for _, m in ipairs(members_of(c, t)) do
    if c.left <= 0 then
      items[#items + 1], all_zero = "/* cut short */", false
      break
    end
    local head = label(c, m, offset)
    local text, is_zero = member(c, m.type, o, m.name, c.opts.indent * (depth + 1) + #head, depth + 1, offset + m.offset)
    all_zero = all_zero and is_zero
    if c.opts.zeros or not is_zero then items[#items + 1] = head .. text end
  end
  return braces(c, items, column, depth, not c.opts.offsets), all_zero
end

-- Runs of equal elements: {text, is_zero, first, last}. Returns also the index behind the last that was looked at.
local function runs_of(c, t, a, count, depth, offset)
  local runs, stride, i = {}, t:size(), 0
  while i < count and i < MAX_SCANNED and c.left > 0 do
    local text, is_zero = member(c, t, a, i, c.opts.indent * (depth + 1), depth + 1, offset + i * stride)
    local run = runs[#runs]
    if run and run.text == text then
      run.last = i
    else
      if #runs >= c.opts.elements then break end
      runs[#runs + 1] = {text = text, is_zero = is_zero, first = i, last = i}
    end
    i = i + 1
  end
  return runs, i
end

local COMPOUND = {struct = true, union = true, array = true}
local REPEATS <const> = 4 -- plain elements from which on a run is folded

-- Elements as items of a list: of structs with their indices, of plain values without.
local function element_items(c, runs, designated)
  local items = {}
  for _, run in ipairs(runs) do
    local n = run.last - run.first + 1
    if designated then
      local index = n == 1 and ("[%d] = "):format(run.first) or ("[%d ... %d] = "):format(run.first, run.last)
      if c.opts.zeros or not run.is_zero then items[#items + 1] = index .. run.text end
    elseif n >= REPEATS then
      items[#items + 1] = ("%s <repeats %d times>"):format(run.text, n)
    else
      for _ = 1, n do items[#items + 1] = run.text end
    end
  end
  return items
end

-- Plain items in lines as wide as there is room.
local function fill(c, items, depth)
  local lines, line, room = {}, "", c.opts.columns - c.opts.indent * (depth + 1)
  for i, item in ipairs(items) do
    local text = i < #items and item .. "," or item
    if line ~= "" and #line + 1 + #text > room then
      lines[#lines + 1], line = line, text
    else
      line = line == "" and text or line .. " " .. text
    end
  end
  lines[#lines + 1] = line
  local inner = pad(c, depth + 1)
  return "{\n" .. inner .. table.concat(lines, "\n" .. inner) .. "\n" .. pad(c, depth) .. "}"
end

local function array(c, t, a, column, depth, offset)
  local element, count = t:target(), t:count()
  if depth > c.opts.depth or depth > MAX_NESTING then return "{...}", false end
  local designated = COMPOUND[element:strip():kind()] and true or false
  local runs, seen = runs_of(c, element, a, count, depth, offset)
  local all_zero = seen == count
  for _, run in ipairs(runs) do all_zero = all_zero and run.is_zero end
  local items = element_items(c, runs, designated)
  if seen < count then items[#items + 1] = ("... <%d more>"):format(count - seen) end
  local text = braces(c, items, column, depth, true)
  if not designated and text:find("\n", 1, true) and not table.concat(items):find("\n", 1, true) then text = fill(c, items, depth) end
  return text, all_zero
end

local function pointed_text(c, t, addr)
  if t:target():strip():kind() ~= "char" then return nil end
  local s = c.k:cstring(addr, c.opts.string + 1)
  return s and value.string(s, c.opts.string)
end

local function pointer(c, t, v)
  local addr = v ~= nil and (math.type(v) and v or objects.addr(v)) or 0
  if addr == 0 then return "NULL", true end
  local text = ("0x%x"):format(addr)
  local symbol = c.opts.symbols and value.symbol(c.k, addr)
  if symbol then text = text .. " " .. symbol end
  local ok, pointed = pcall(pointed_text, c, t, addr)
  return ok and pointed and text .. " " .. pointed or text, false
end

local KINDS = {
  struct = struct, union = struct, pointer = pointer,
  array = function(c, t, v, ...)
    if type(v) == "string" then return value.string(v, c.opts.string), v == "" end
    return array(c, t, v, ...)
  end,
  int = function(c, t, v) return value.integer(t, v, c.opts.hex), v == 0 or v == "0x" .. ("0"):rep(32) end,
  char = function(c, t, v) return value.char(t, v, c.opts.hex), v == 0 end,
  bool = function(_, _, v) return tostring(v), v == false end,
  float = function(_, _, v) return value.float(v), v == 0 end,
  enum = function(c, t, v) return value.enum(t, v, c.opts.hex, c.enums), v == 0 end,
}

function render(c, t, v, column, depth, offset)
  c.left = c.left - 1
  local bare = t:strip()
  local kind = KINDS[bare:kind()]
  if not kind then return ("<%s>"):format(bare:kind()), false end
  return kind(c, bare, v, column, depth, offset)
end

local function context(k, opts)
  return {k = k, opts = options(opts), left = MAX_VALUES, members = {}, enums = {}}
end

-- O as a copy whose bytes were read once, where that can be.
local function copied(s, o)
  if (s.kind ~= "record" and s.kind ~= "array") or objects.copied(o) or s.size > MAX_COPY then return o end
  return require "kvm.object".fetch(o)
end

local function plain(v, opts)
  if type(v) == "string" then return value.string(v, opts.string) end
  if math.type(v) == "integer" and opts.hex then return ("0x%x"):format(v) end
  if math.type(v) == "float" then return value.float(v) end
  return v == nil and "NULL" or tostring(v)
end

--- An object as text, as C writes initializers.
-- @function kvm.format
-- @param o object; other values become text as well
-- @tparam[opt] table opts `depth` (how deep structs and arrays in structs are shown; all), `hex` (boolean: integers), `types`
--  (boolean: types before members), `offsets` (boolean: offsets from the start, before members), `columns` (width of lines; 80),
--  `elements` (of an array, equal ones in a row counting once; 64), `string` (bytes of a string; 256), `indent` (2), `zeros`
--  (false: leave out what is zero), `symbols` (false: not behind pointers)
-- @treturn string without an end of line
-- @raise kvm.Error `closed`; `inval` for unknown options; damage of the dump
-- @usage local text = kvm.format(k:object("init_task").tasks, {types = true}) assert(text:find("(struct list_head){", 1, true) == 1)
function M.format(o, opts)
  local s = objects.shape(o)
  if not s then return plain(o, options(opts)) end
  local c = context(s.handle, opts)
  local head = ("(%s)"):format(require "kvm.format".escape(s.type:spell()))
  if s.kind == "function" or s.kind == "void" or s.bare:kind() == "forward" then
    return ("%s0x%x %s"):format(head, objects.addr(o), value.symbol(s.handle, objects.addr(o)) or ""):gsub(" $", "")
  end
  return head .. render(c, s.type, copied(s, o), #head, 0, 0)
end

-- The member of O at PATH as text, at a depth and column.
local function at_path(c, bare, o, path, column, depth)
  local f = err.check(bare:field(path))
  local ok, v = pcall(function()
    local v = o
    for key in path:gsub("[%[%]]", "."):gmatch "[%w_]+" do v = v[math.tointeger(tonumber(key)) or key] end
    return v
  end)
  if ok then return (render(c, f.type, v, column, depth, 0)) end
  if not err.is(v) or v.code == "closed" then error(v, 0) end
  return value.failure(v)
end

--- A member of an object as text.
-- @param o object, a struct or union
-- @tparam string path as `Type:field` takes it
-- @tparam[opt] table opts as `kvm.format` takes them
-- @treturn string
-- @raise kvm.Error `notfound`
-- @usage assert(require "kvm.format.object".member(k:object("init_task"), "comm"):find '^"swapper')
function M.member(o, path, opts)
  local s = objects.shape(o)
  return at_path(context(s.handle, opts), s.bare, o, path, 0, 0)
end

--- Some members of an object as text, as `kvm.format` shows all.
-- @param o object, a struct or union
-- @tparam {string,...} paths as `Type:field` takes them
-- @tparam[opt] table opts as `kvm.format` takes them
-- @treturn string
-- @raise kvm.Error `notfound`
-- @usage assert(require "kvm.format.object".members(k:object("init_task"), {"pid"}):find("\n  .pid = 0,\n", 1, true))
function M.members(o, paths, opts)
  local s = objects.shape(o)
  local c = context(s.handle, opts)
  local out = {("(%s){\n"):format(require "kvm.format".escape(s.type:spell()))}
  for _, path in ipairs(paths) do
    local f = err.check(s.bare:field(path))
    local head = label(c, {name = path, type = f.type, offset = f.offset, bit_size = f.bit_size}, 0)
    out[#out + 1] = pad(c, 1) .. head .. at_path(c, s.bare, o, path, c.opts.indent + #head, 1) .. ",\n"
  end
  return table.concat(out) .. "}"
end

return M
