-- SPDX-License-Identifier: BSD-2-Clause
-- Layouts of structs and unions as plain tables, and as C: what `luakvm struct` and `luakvm whatis` show. Members of anonymous
-- structs and unions stand in the list of their outermost struct, one level deeper; named ones are not entered. A hole is
-- what lies between the end of a member and the start of the next one of the same struct, in bits (pahole 1.24 counts the bits
-- behind a bit field and the bytes behind these as two).
local err = require "kvm.error"

local M = {}

local MAX_DEPTH <const> = 32
local MAX_MEMBERS <const> = 100000

local RECORD = {struct = true, union = true}

--- A C declaration of a name: what a type's spelling, which has no name in it, becomes with one.
-- @tparam string spelling as `Type:spell` gives it
-- @tparam[opt] string name
-- @treturn string
-- @usage assert(kvm.layout.declare("int (*)(void)", "f") == "int (*f)(void)")
-- @usage assert(kvm.layout.declare("char [16]", "comm") == "char comm[16]")
function M.declare(spelling, name)
  if not name then return spelling end
  local at = spelling:find("[%(%[]")
  if at and spelling:sub(at, at + 1) == "(*" then -- the innermost pointer has the name
    while spelling:sub(at, at + 1) == "(*" do at = spelling:match("^%(%*[%*%s]*()", at) end
    while spelling:find("^%l+ ?", at) do at = spelling:match("^%l+ ?()", at) end -- its qualifiers
    local space = spelling:find("^%l", at - 1) and " " or ""
    return spelling:sub(1, at - 1) .. space .. name .. spelling:sub(at)
  end
  local before, behind = spelling:sub(1, (at or #spelling + 1) - 1):gsub(" $", ""), at and spelling:sub(at) or ""
  return before .. (before:find("%*$") and "" or " ") .. name .. behind
end

-- The struct or union without a name that T is, or is an array of.
local function unnamed(t)
  for _ = 1, MAX_DEPTH do
    local kind = t:kind()
    if RECORD[kind] then return not t:name() and t or nil end
    if kind ~= "array" and kind ~= "const" and kind ~= "volatile" and kind ~= "tag" then return nil end
    t = t:target()
  end
  return nil
end

-- Bits that no member of a struct covers.
local function gaps_of(t, members)
  local gaps = {holes = 0, hole_bits = 0, padding_bits = 0}
  local finish, is_union = 0, t:kind() == "union"
  for i, m in ipairs(members) do
    local bits = m.bit_size > 0 and m.bit_size or 8 * m.type:size()
    if not is_union and m.bit_offset > finish then
      gaps[i] = m.bit_offset - finish
      gaps.holes, gaps.hole_bits = gaps.holes + 1, gaps.hole_bits + gaps[i]
    end
    finish = math.max(finish, m.bit_offset + bits)
  end
  if #members > 0 then gaps.padding_bits = math.max(0, 8 * t:size() - finish) end
  return gaps
end

local function record_of(m, base, depth)
  local bit_offset = base + m.bit_offset
  return {
    name = m.name, type = m.type:spell(), offset = bit_offset // 8, bit_offset = bit_offset, bit_size = m.bit_size,
    size = m.type:size(), depth = depth,
  }
end

-- PREFIX: what leads to the members from the outermost struct: "" or "name."; nil inside of an array.
local function collect(t, base, depth, prefix, into)
  if depth > MAX_DEPTH then
    error(err.new{code = "format", message = ("types: anonymous members nest deeper than %d"):format(MAX_DEPTH)})
  end
  local members = err.check(t:members())
  local gaps = gaps_of(t, members)
  for i, m in ipairs(members) do
    local rec = record_of(m, base, depth)
    rec.hole_bits = gaps[i] or 0
    rec.path = prefix and m.name and prefix .. m.name
    if #into >= MAX_MEMBERS then
      error(err.new{code = "format", message = ("types: more than %d members in one struct"):format(MAX_MEMBERS)})
    end
    into[#into + 1] = rec
    local inner = m.bit_size == 0 and unnamed(m.type)
    if inner then
      local deeper = prefix
      if m.name then deeper = prefix and m.type:strip():kind() ~= "array" and rec.path .. "." or nil end
      rec.gaps = collect(inner, rec.bit_offset, depth + 1, deeper, into)
    end
  end
  return gaps
end

--- The layout of a struct or union, through typedefs.
-- @tparam kvm.Type t
-- @treturn table `name`, `kind` ("struct" or "union"), `alias` (the typedef's name, where
--  the struct has none), `size` (bytes), `count` (its own members), `holes`, `hole_bits`,
--  `padding_bits`, and `members`: a list of `name` (nil for an anonymous one), `type` (its C spelling), `offset` (bytes),
--  `bit_offset` (bits; both from the start of the outermost struct), `bit_size` (0: no bit field), `size` (bytes of its type),
--  `depth` (0, and one more inside of each unnamed struct, whose members follow it), `hole_bits` (before it), `path` (that
--  leads to it from the struct; nil for anonymous ones and inside of arrays)
-- @raise kvm.Error `inval` for other types
-- @usage local l = kvm.layout.of(k:type("struct list_head")) assert(l.size == 16 and l.members[2].offset == 8 and l.holes == 0)
function M.of(t)
  local bare = t:strip()
  if not RECORD[bare:kind()] then
    error(err.new{code = "inval", message = ("%s is no struct or union"):format(t:spell())})
  end
  local out = {name = bare:name() or t:name(), kind = bare:kind(), size = bare:size(), count = bare:count(), members = {}}
  out.alias = not bare:name() and t:name() or nil
  local gaps = collect(bare, 0, 0, "", out.members)
  out.holes, out.hole_bits, out.padding_bits = gaps.holes, gaps.hole_bits, gaps.padding_bits
  return out
end

--- The record of one member, as those of `of`; its name is the path.
-- @tparam kvm.Type t struct or union
-- @tparam string path as `Type:field` takes it
-- @treturn table
-- @raise kvm.Error `notfound`
-- @usage assert(kvm.layout.member(k:type("struct list_head"), "prev").offset == 8)
function M.member(t, path)
  local f = require "kvm.object.names".field(t:strip(), path)
  local rec = record_of({name = path, type = f.type, bit_offset = f.bit_offset, bit_size = f.bit_size}, 0, 0)
  rec.hole_bits, rec.path = 0, path
  return rec
end

-- --- as C

local function bits_text(bits)
  if bits % 8 ~= 0 then return ("%d bit%s"):format(bits, bits == 1 and "" or "s") end
  return ("%d byte%s"):format(bits // 8, bits == 8 and "" or "s")
end

-- "36: 3   4": where it is, for a bit field its unit and the bit in it; its size.
local function place(m)
  if m.bit_size == 0 then return ("%6d %6d"):format(m.offset, m.size) end
  local unit = math.max(8 * m.size, 8)
  local start, bit = m.bit_offset // unit * unit, m.bit_offset % unit
  if bit + m.bit_size > unit then start, bit = m.bit_offset // 8 * 8, m.bit_offset % 8 end -- packed
  return ("%6d:%2d %3d"):format(start // 8, bit, m.size)
end

-- What stands before and behind a member in each style.
local STYLES = {
  comment = {
    behind = function(m) return "/* " .. place(m) .. " */" end,
    hole = function(bits) return ("/* hole: %s */"):format(bits_text(bits)) end,
  },
  offset = {
    before = function(m, base)
      if base then return ("[%x] "):format(base + m.offset) end
      return m.bit_size > 0 and ("[%d:%d] "):format(m.offset, m.bit_offset % 8) or ("[%d] "):format(m.offset)
    end,
  },
  plain = {},
}

local function declaration(m)
  local text = M.declare(m.type, m.name)
  if m.bit_size > 0 then text = ("%s:%d"):format(text, m.bit_size) end
  return text .. ";"
end

local function indent(depth) return ("    "):rep(depth + 1) end

local COLUMN <const> = 48 -- where comments start

local function add_line(out, style, m, text)
  if style.behind then
    out[#out + 1] = ("%-" .. COLUMN .. "s %s\n"):format(text, style.behind(m))
  else
    out[#out + 1] = text .. "\n"
  end
end

-- The members from I on, of a depth. Returns the index behind them.
local function write_members(out, members, i, depth, style, base)
  while members[i] and members[i].depth >= depth do
    local m = members[i]
    if style.hole and m.hole_bits > 0 then out[#out + 1] = indent(depth) .. style.hole(m.hole_bits) .. "\n" end
    local before = style.before and style.before(m, base) or ""
    if m.gaps then -- "struct {...} [4]" -> "struct {", "} name[4];"
      local opens, behind = m.type:match("^(.-{)%.%.%.(}.*)$")
      out[#out + 1] = indent(depth) .. before .. opens .. "\n"
      i = write_members(out, members, i + 1, depth + 1, style, base)
      if style.hole and m.gaps.padding_bits > 0 then
        out[#out + 1] = indent(depth + 1) .. ("/* padding: %s */\n"):format(bits_text(m.gaps.padding_bits))
      end
      add_line(out, style, m, indent(depth) .. M.declare(behind, m.name) .. ";")
    else
      add_line(out, style, m, indent(depth) .. before .. declaration(m))
      i = i + 1
    end
  end
  return i
end

--- A layout as C.
-- @tparam table layout as `of` returns it; or with some of its members, as `member` returns them
-- @tparam[opt] string style "comment" (the default: offset and size behind each member, holes), "offset" (in front,
--  as crash shows them), "plain"
-- @tparam[opt] integer base with "offset": the struct's address, to which offsets are added
-- @treturn string lines
-- @usage assert(kvm.layout.text(kvm.layout.of(k:type("struct list_head"))):find("struct list_head {\n", 1, true) == 1)
function M.text(layout, style, base)
  local alias = layout.alias
  local opens = {alias and "typedef " or "", layout.kind, not alias and layout.name and " " .. layout.name or "", " {\n"}
  local out = {table.concat(opens)}
  write_members(out, layout.members, 1, 0, STYLES[style or "comment"], base)
  local closes = "}" .. (alias and " " .. alias or "") .. ";"
  if not layout.holes then return table.concat(out) .. closes .. "\n" end
  local facts = {("size: %d"):format(layout.size), ("members: %d"):format(layout.count)}
  if style ~= "plain" then
    if layout.holes > 0 then facts[#facts + 1] = ("holes: %d (%s)"):format(layout.holes, bits_text(layout.hole_bits)) end
    if layout.padding_bits > 0 then facts[#facts + 1] = "padding: " .. bits_text(layout.padding_bits) end
  end
  out[#out + 1] = ("%s /* %s */\n"):format(closes, table.concat(facts, ", "))
  return table.concat(out)
end

--- What a type is, as C: `typedef int pid_t;`, the values of an enum, `struct x;` for one that is not defined.
-- @tparam kvm.Type t anything but a struct or union
-- @treturn string lines
-- @usage assert(kvm.layout.definition(k:type("pid_t")):find("typedef .+pid_t; /%* size: 4 %*/"))
function M.definition(t)
  local kind, size = t:kind(), (" /* size: %d */\n"):format(t:size())
  if kind == "typedef" then return ("typedef %s;%s"):format(M.declare(t:target():spell(), t:name()), size) end
  if kind ~= "enum" then return t:spell() .. ";" .. size end
  local out = {t:spell():gsub(" ?{%.%.%.}$", "") .. " {\n"}
  for _, e in ipairs(err.check(t:enumerators())) do
    out[#out + 1] = ("%s%s = %s,\n"):format(indent(0), e.name, require "kvm.format.value".integer(t, e.value, false))
  end
  out[#out + 1] = "};" .. size
  return table.concat(out)
end

return M
