-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm struct: the layout of a struct or union, or what lies at an address as one. NAME.MEMBER,MEMBER picks members, as in
-- crash(8). Other types that have a name, such as enums, work as well.
local kvm_error = require "kvm.error"
local words = require "kvm.cmd.words"

local M = {
  name = "struct",
  summary = "the layout of a struct, or one in memory",
  operands = {{key = "type", name = "NAME[.MEMBER,...]"}, {key = "addr", name = "ADDR|SYMBOL", optional = true}},
  options = {
    {flags = "-o --offsets", help = "offsets before members; with ADDR their addresses"},
    {flags = "-l --member", value = "MEMBER", help = "ADDR is that of this member: show the struct around it"},
    {flags = "-c --count", value = "COUNT", type = "integer", help = "as many of them, one behind the other"},
    {flags = "-d --depth", value = "N", type = "integer", help = "values: structs nested deeper are {...}"},
    {flags = "-x --hex", help = "integers in hexadecimal"},
    {flags = "-t --types", help = "values: types before members"},
    {flags = "-z --nonzero", help = "values: only what is not zero"},
    {flags = "--module", value = "MODULE", help = "the type as this module has it"},
  },
  columns = {
    {name = "name", kind = "string"},
    {name = "kind", kind = "string"},
    {name = "size", kind = "integer"},
    {name = "addr", kind = "hex"},
    {name = "members", kind = "records", columns = {
      {name = "name", kind = "string"},
      {name = "type", kind = "string"},
      {name = "offset", kind = "integer"},
      {name = "bit_offset", kind = "integer"},
      {name = "bit_size", kind = "integer"},
      {name = "size", kind = "integer"},
      {name = "depth", kind = "integer"},
      {name = "value", kind = "string"},
    }},
  },
}

local MAX_COUNT <const> = 1 << 20

-- "page.flags,lru" -> "page", {"flags", "lru"}
local function split(text)
  local name, members = text:match "^([^.]*)%.(.+)$"
  if not name then return text end
  local paths = {}
  for path in (members .. ","):gmatch "([^,]*)," do
    if path == "" then error {usage = ("%q names an empty member"):format(text)} end
    paths[#paths + 1] = path
  end
  return name, paths
end

local RECORD = {struct = true, union = true}

local function layout_of(t, paths)
  local layout = require "kvm.layout"
  if not RECORD[t:strip():kind()] then
    if paths then error(kvm_error.new {code = "inval", message = t:spell() .. " has no members"}) end
    return {name = t:name(), kind = t:kind(), size = t:size(), definition = layout.definition(t)}
  end
  local whole = layout.of(t)
  if not paths then return whole end
  local some = {name = whole.name, kind = whole.kind, size = whole.size, alias = whole.alias, members = {}}
  for i, path in ipairs(paths) do some.members[i] = layout.member(t, path) end
  return some
end

-- Where the first one is: -l NAME of a member, or crash's STRUCT.MEMBER.
local function start_of(k, t, addr, opts)
  addr = math.type(addr) == "integer" and addr or words.address(k, addr)
  if not opts.member then return addr end
  local path = opts.member
  local prefix = (t:strip():name() or t:name() or "") .. "."
  if path:sub(1, #prefix) == prefix then path = path:sub(#prefix + 1) end
  return addr - require "kvm.type".offsetof(k, t:strip(), path)
end

local function format_opts(opts)
  return {hex = opts.hex or false, types = opts.types or false, zeros = not opts.nonzero, depth = opts.depth,
    columns = math.tointeger(tonumber(os.getenv "COLUMNS"))}
end

-- Raises where nothing of it can be read: that is a wrong address, not a partial dump.
local function check_readable(k, addr, size)
  local bytes, message, code, at = k:read(addr, math.min(size, 8))
  if not bytes and not k:read(addr + math.max(size - 8, 0), math.min(size, 8)) then
    kvm_error.check(bytes, message, code, at)
  end
end

local function record_of(layout, paths, object, addr, opts)
  local rec = {name = layout.name or layout.alias, kind = layout.kind, size = layout.size, addr = addr, layout = layout}
  if layout.definition then
    rec.object = object
    return rec
  end
  rec.members, rec.object, rec.paths = {}, object, paths
  for i, m in ipairs(layout.members) do
    local copy = {}
    for key, v in pairs(m) do copy[key] = v end
    if object ~= nil and m.path then copy.value = require "kvm.format.object".member(object, m.path, format_opts(opts)) end
    rec.members[i] = copy
  end
  return rec
end

--- A struct, or structs in memory.
-- @param k an open handle
-- @tparam table opts type ("struct page", "page.flags,lru", "char [16]"), addr (integer, or text as a person types it), offsets, member,
--  count, depth, hex, types, nonzero, module
-- @treturn function an iterator of records: name, kind, size (bytes), addr, members ({name, type, offset, bit_offset, bit_size,
--  size, depth, value}; those of unnamed structs follow it, one deeper)
-- @raise kvm.Error `notfound`; `fault`, `excluded` where nothing of the first one can be read
-- @usage for s in require "kvm.cmd.struct".run(k, {type = "list_head"}) do assert(s.size == 16 and s.members[1].name == "next") end
function M.run(k, opts)
  local name, paths = split(opts.type)
  local t = words.type(k, name, opts.module)
  local layout = layout_of(t, paths)
  local count = opts.count or 1
  if count < 1 or count > MAX_COUNT then error {usage = ("%s is not a count"):format(opts.count)} end
  if not opts.addr and (opts.count or opts.member) then error {usage = "--count and --member need an address"} end
  local addr = opts.addr and start_of(k, t, opts.addr, opts)
  local i = 0
  return function()
    i = i + 1
    if i > count then return nil end
    if not addr then
      count = 0
      return record_of(layout, paths, nil, nil, opts)
    end
    local here = addr + (i - 1) * layout.size
    if i == 1 then check_readable(k, here, layout.size) end
    return record_of(layout, paths, require "kvm.object.shape".at(k, t, here), here, opts)
  end
end

--- A record as text: C, as a declaration or as an initializer.
function M.text(rec, opts)
  local escape = require "kvm.format".escape
  local layout = require "kvm.layout"
  if rec.addr and not opts.offsets then
    local form = require "kvm.format.object"
    if rec.paths then return form.members(rec.object, rec.paths, format_opts(opts)) .. "\n" end
    return form.format(rec.object, format_opts(opts)) .. "\n"
  end
  if rec.layout.definition then return escape(rec.layout.definition, "\n") end
  return escape(layout.text(rec.layout, opts.offsets and "offset" or "comment", rec.addr), "\n")
end

return M
