-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm whatis: what a name is: a type, a variable, a function, a value of an enum; or all structs of a size, or with a
-- member of a type.
local kvm_error = require "kvm.error"
local words = require "kvm.cmd.words"

local M = {
  name = "whatis",
  summary = "what a name of C is; structs by size or member",
  operands = {{key = "name", name = "NAME", optional = true}},
  options = {
    {flags = "-r --size", value = "SIZE[-SIZE]", help = "structs and unions of that many bytes"},
    {flags = "-m --member", value = "TYPE", help = "structs and unions with a member of that type, a pointer to it, or an array"},
    {flags = "--module", value = "MODULE", help = "types as this module has them"},
  },
  columns = {
    {name = "name", kind = "string"},
    {name = "kind", kind = "string"},
    {name = "type", kind = "string"},
    {name = "size", kind = "integer"},
    {name = "value", kind = "integer"},
    {name = "addr", kind = "hex"},
    {name = "members", kind = "strings"},
  },
  no_match = "no struct or union is like that",
}

local RECORD = {struct = true, union = true}

local function type_record(t)
  return {name = t:name() or t:spell(), kind = t:kind(), type = t:spell(), size = t:size(), ctype = t}
end

-- Kernels have a dozen names that are several types: all of them are told.
local function of_several(k, name)
  local tag, bare = name:match "^(%l+)%s+([%w_]+)$"
  local found = {}
  for _, kind in ipairs {"struct", "union", "enum", "typedef"} do
    if not tag or tag == kind then
      for t in kvm_error.check(k:types(kind, bare or name)) do found[#found + 1] = type_record(t) end
    end
  end
  return found
end

local function of_type(k, name, module)
  local t, message, code = k:type(name, module)
  if t then return {type_record(t)} end
  local found = code == "inval" and of_several(k, name) or {}
  if #found == 0 and code ~= "notfound" then kvm_error.check(t, message, code) end
  return found
end

local function of_function(k, name, symbol)
  local step = k:types("function", name)
  local t = step and step()
  return t and {name = name, kind = "function", type = t:target():spell(), size = 0, addr = symbol and symbol.value}
end

-- A variable that has a symbol, but no type that is known, is told without one.
local function of_variable(k, name, module, symbol)
  local ask = symbol and require "kvm.object".variable_type or k.variable -- the table of well-known ones has more than a kernel
  local t, message, code = ask(k, name, module or symbol and symbol.module)
  local each_cpu = symbol and words.of_each_cpu(k, symbol.value)
  if t then
    return {name = name, kind = "variable", type = t:spell(), size = t:size(), addr = symbol and symbol.value, each_cpu = each_cpu}
  end
  if code ~= "notfound" then kvm_error.check(t, message, code) end
  if symbol and not symbol.type:lower():find "t" then
    return {name = name, kind = "variable", addr = symbol.value, each_cpu = each_cpu}
  end
  return nil
end

local function of_enumerator(k, name)
  for t in kvm_error.check(k:types "enum") do
    for _, e in ipairs(t:enumerators()) do
      if e.name == name then
        return {name = name, kind = "enumerator", type = t:spell(), size = t:size(), value = e.value, signed = t:signed()}
      end
    end
  end
  return nil
end

local function lookup(k, name, module)
  local found = of_type(k, name, module)
  if name:find "^[%a_][%w_]*$" then
    local symbol = k:symbol(name)
    found[#found + 1] = of_function(k, name, symbol) or of_variable(k, name, module, symbol)
    if #found == 0 then found[1] = of_enumerator(k, name) end
  end
  return found
end

-- Structs and unions with a name, and typedefs of those without.
local function each_record(k)
  local kinds, kind, step = {"struct", "union", "typedef"}, 1, nil
  return function()
    while kind <= #kinds do
      step = step or kvm_error.check(k:types(kinds[kind]))
      local t = step()
      if not t then
        kind, step = kind + 1, nil
      elseif kinds[kind] ~= "typedef" then
        if t:name() then return t, t end
      else
        local target = t:target()
        if RECORD[target:kind()] and not target:name() then return t, target end
      end
    end
    return nil
  end
end

local function range(text)
  local low, high = text:match "^(%w+)%-(%w+)$"
  low, high = math.tointeger(tonumber(low or text)), math.tointeger(tonumber(high or text))
  if not low or not high or low < 0 or high < low then error {usage = ("%q is no size or range of sizes"):format(text)} end
  return low, high
end

-- What a member's type comes down to when pointers and dimensions are taken off.
local function core_of(t)
  for _ = 1, 32 do
    local kind = t:kind()
    if kind ~= "pointer" and kind ~= "array" and kind ~= "const" and kind ~= "volatile" and kind ~= "restrict" and kind ~= "tag" then
      return t
    end
    t = t:target()
  end
  return t
end

-- Names of members of RECORD, through anonymous ones, whose type is one of IDS.
local function matching_members(record, ids, into, depth)
  for _, m in ipairs(kvm_error.check(record:members())) do
    local core = core_of(m.type)
    if ids[core:id()] and m.name then
      into[#into + 1] = m.name
    elseif not core:name() and RECORD[core:kind()] and core:id() == m.type:id() and depth < 32 then
      matching_members(core, ids, into, depth + 1)
    end
  end
  return into
end

-- Entries of the same name count, too: "struct x;" in front of its definition.
local function ids_of(k, name, module)
  local t = words.type(k, name, module)
  local ids = {[t:id()] = true}
  if RECORD[t:kind()] and t:name() then
    for other in kvm_error.check(k:types(t:kind(), t:name())) do ids[other:id()] = true end
    for other in kvm_error.check(k:types("forward", t:name())) do ids[other:id()] = true end
  end
  return ids
end

local function search(k, opts)
  local low, high
  if opts.size then low, high = range(tostring(opts.size)) end
  local ids = opts.member and ids_of(k, opts.member, opts.module)
  local step = each_record(k)
  return function()
    for t, record in step do
      local size = record:size()
      local members = ids and (not low or size >= low and size <= high) and matching_members(record, ids, {}, 0)
      if (not low or size >= low and size <= high) and (not ids or members[1]) then
        return {name = t:name(), kind = record:kind(), type = t:spell(), size = size, members = members or nil, listed = true}
      end
    end
    return nil
  end
end

--- What a name is, or structs by size or member.
-- @param k an open handle
-- @tparam table opts name ("list_head", "struct page", "init_task"), or size ("16", "64-128") and member (a type's name); module
-- @treturn function an iterator of records: name, kind (that of kvm.Type, or `variable function enumerator`), type (its C
--  spelling), size (bytes), value (of an enumerator), addr (of a variable or function), members (names, with opts.member)
-- @raise kvm.Error `notfound` for a name of which nothing is known
-- @usage for t in require "kvm.cmd.whatis".run(k, {name = "list_head"}) do assert(t.kind == "struct" and t.size == 16) end
function M.run(k, opts)
  if opts.size or opts.member then
    if opts.name then error {usage = "whatis takes a name, or --size and --member"} end
    return search(k, opts)
  end
  if not opts.name then error {usage = "whatis needs a name, --size or --member"} end
  local found, i = lookup(k, opts.name, opts.module), 0
  if #found == 0 then
    error(kvm_error.new {code = "notfound", message = ("nothing is known of %q"):format(opts.name) .. words.nearest_types(k, opts.name)})
  end
  return function()
    i = i + 1
    return found[i]
  end
end

-- "/* size: 16, at 0xffffffff81000000 */", "/* size: 8, one for each CPU: x:0 is CPU 0's */"
local function facts(rec, size)
  local list = {}
  if size then list[1] = ("size: %d"):format(rec.size) end
  if rec.each_cpu then
    list[#list + 1] = ("one for each CPU: %s:0 is CPU 0's"):format(rec.name)
  elseif rec.addr then
    list[#list + 1] = ("at 0x%x"):format(rec.addr)
  end
  return list[1] and (" /* %s */\n"):format(table.concat(list, ", ")) or "\n"
end

local FORMS = {
  ["function"] = function(rec, declare) return declare(rec.type, rec.name) .. ";" .. facts(rec) end,
  variable = function(rec, declare)
    if not rec.type then return ("%s: a variable of a type that is not known%s"):format(rec.name, facts(rec)) end
    return declare(rec.type, rec.name) .. ";" .. facts(rec, rec.size > 0)
  end,
  enumerator = function(rec)
    local value = (rec.signed or rec.value >= 0) and "%d" or "0x%x"
    return ("%s { %s = " .. value .. " };\n"):format(rec.type:gsub(" ?{%.%.%.}$", ""), rec.name, rec.value)
  end,
}

local function definition(t, layout)
  local bare = t:kind() == "typedef" and t:target() or t
  if RECORD[bare:kind()] and (bare == t or not bare:name()) then return layout.text(layout.of(t), "plain") end
  return layout.definition(t)
end

--- A record as text: a declaration in C; of a search a line with the size, the type and the members.
function M.text(rec)
  local escape = require "kvm.format".escape
  local layout = require "kvm.layout"
  if rec.listed then
    return escape(("%8d  %s%s"):format(rec.size, rec.type, rec.members and ": " .. table.concat(rec.members, ", ") or "")) .. "\n"
  end
  local text = rec.ctype and definition(rec.ctype, layout) or FORMS[rec.kind](rec, layout.declare)
  return escape(text, "\n")
end

return M
