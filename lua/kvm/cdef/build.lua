-- SPDX-License-Identifier: BSD-2-Clause
-- Trees of kvm.cdef.grammar to types of one handle: names resolved, constants computed, members placed. A type under construction
-- is a table (below); nothing is declared to the handle before the whole text is known to be right.
--   kind     as Type:kind names it; "known": a type of the handle
--   size, align  bytes, align as a member; align nil: not known           type     the kvm.Type, once there is one
--   target, count, params, name, fields, values, signed: as k:declare takes them     tag, complete: of struct, union, enum
local grammar = require "kvm.cdef.grammar"
local known = require "kvm.cdef.known"
local shape = require "kvm.cdef.shape"

local M = {}

local MAX_SIZE = 1 << 48
local MAX_CHAIN = 200 -- of pointers, dimensions, typedefs on each other; the graph follows 256

local methods = {}
for _, part in ipairs{"value", "record"} do
  for name, f in pairs(require("kvm.cdef." .. part)) do methods[name] = f end
end
local BUILDER = {__index = methods}

-- Within a macro, the place is where it was used.
function methods:fail(node, message, code) grammar.fail(self.text, (self.macro_at or node).pos, message, code) end

function methods:unknown(node, name, spelled)
  local why = self.failed[name]
  self:fail(node, ('unknown type "%s"%s'):format(spelled, why and ": " .. why.message or ""), "notfound")
end

-- --- names
-- Of the handle itself; kept for this text, so that types made from one and the same are one.
function methods:known(name)
  local t = self.found[name]
  if t ~= nil then return t end
  local got, message, code = self.k:type(name, self.module)
  t = false
  if got then
    t = {kind = "known", type = got, name = name}
  elseif code == "inval" then
    t = {kind = "ambiguous", message = message}
  end
  self.found[name] = t
  return t
end

function methods:lookup(node, name)
  local t = self:known(name)
  if t and t.kind == "ambiguous" then self:fail(node, t.message) end
  return t or nil
end

function methods:basic(node, words)
  local name = table.concat(words, " ")
  local made = self.basics[name]
  if made then return made end
  local t = known.basic(self.abi, words)
  if not t then self:fail(node, ('"%s" is no type of C on this machine'):format(name)) end
  local has = t.kind ~= "void" and self:known(name)
  if has and has.kind == "known" then
    if shape.size(has) ~= t.size then
      self:fail(node, ('"%s" has %d bytes in the types of the handle, %d on this machine'):format(name, has.size, t.size))
    end
    has.align, has.bits_of = t.align, t
    t = has
  end
  self.basics[name] = t
  return t
end

local function words_of(text)
  local out = {}
  for w in text:gmatch "%S+" do out[#out + 1] = w end
  return out
end

-- A name that is no keyword: a typedef, else (as k:type has it) a tag.
function methods:named(node)
  local name = node.name
  local t = self.scope.typedefs[name]
  if t then return t end
  for _, kind in ipairs{"struct", "union", "enum"} do
    t = self.scope.tags[kind .. " " .. name]
    if t and t.complete then return t end
  end
  t = self:lookup(node, name)
  if t then return t end
  local meaning = known.meaning(self.abi, name)
  if not meaning then self:unknown(node, name, name) end
  local target = self:basic(node, words_of(meaning))
  t = {kind = "typedef", follows = true, name = name, target = target}
  self.scope.typedefs[name] = t
  return t
end

-- struct foo without a body.
function methods:tagged(node)
  local key = node.node .. " " .. node.tag
  local t = self.scope.tags[key]
  if t and (t.complete or t.open) then return t end
  if not self.defined[key] then
    local has = self:lookup(node, key)
    if has and has.type:kind() ~= "forward" then return has end
  end
  if self.strict or self.failed[node.tag] then self:unknown(node, node.tag, key) end
  if not t then
    t = {kind = node.node, tag = node.tag, forward = true}
    self.scope.tags[key] = t
  end
  return t
end

-- The size of an object type; an error for what has none.
function methods:complete(node, t, what)
  local base, kind = shape.base(t), shape.kind(t)
  local lacks = (kind == "void" or kind == "prototype" or kind == "function" or kind == "forward") and kind
  if base.open then
    lacks = ("%s %s, of which this is a part"):format(base.kind, base.tag or "{...}")
  elseif base.forward then
    lacks = ("%s %s, which is not defined"):format(base.kind, base.tag)
  elseif t.flexible and what ~= "member" then
    lacks = "an array without a length"
  end
  if lacks then self:fail(node, ("%s: no size: it is %s"):format(what, lacks), base.forward and "notfound" or nil) end
  return shape.size(t)
end

-- --- specifiers and declarators
local QUALIFIERS = {"const", "volatile", "restrict"}

local function derived(t, kind, make)
  t.derived = t.derived or {}
  local new = t.derived[kind]
  if not new then
    new = make()
    new.depth = (t.depth or 0) + 1
    t.derived[kind] = new
  end
  return new
end

local function qualify(t, flags)
  for _, q in ipairs(QUALIFIERS) do
    if flags[q] then
      local target = t
      t = derived(t, q, function()
        return {kind = q, follows = true, target = target, flexible = target.flexible}
      end)
    end
  end
  return t
end

-- The type that a specifier names, its flags ("typedef", "const" ...) and the attributes of what it declares.
function methods:specifier(spec)
  local flags, words, attrs = {}, {}, {}
  for _, item in ipairs(spec) do
    if item.flag then flags[item.flag] = true end
    if item.word then words[#words + 1] = item.word end
    if item.node == "attribute" then attrs[#attrs + 1] = item end
  end
  local t
  if not spec.base then
    t = self:basic(spec, words)
  elseif spec.base.node == "named" then
    t = self:named(spec.base)
  elseif spec.base.node == "enum" then
    t = spec.base.body and self:enum(spec.base) or self:tagged(spec.base)
  else
    t = spec.base.body and self:record(spec.base) or self:tagged(spec.base)
  end
  return qualify(t, flags), flags, attrs
end

function methods:pointer(t, quals)
  local p = derived(t, "pointer", function()
    return {kind = "pointer", target = t, size = self.abi.pointer, align = self.abi.pointer}
  end)
  local flags = {}
  for _, q in ipairs(quals) do
    if q.node == "attribute" then self:fail(q, "packed and aligned stand behind the name") end
    flags[q.flag] = true
  end
  return qualify(p, flags)
end

function methods:array(node, t, length)
  if shape.kind(t) == "prototype" then self:fail(node, "an array of functions") end
  local size = self:complete(node, t, "the element of an array")
  local n = length and self:natural(length, "the length of the array", MAX_SIZE) or 0
  if size > 0 and n > MAX_SIZE // size then self:fail(node, "the array is too large") end
  return derived(t, length and n or "flexible", function()
    return {kind = "array", target = t, count = n, size = n * size, flexible = not length}
  end)
end

function methods:prototype(node, t, suffix)
  local kind = shape.kind(t)
  if kind == "array" or kind == "prototype" then self:fail(node, ("a function can't return an %s"):format(kind)) end
  local params = {}
  for i, p in ipairs(suffix.params) do
    local base = self:specifier(p.spec)
    local type = self:declarator(p.declarator, base)
    local bare = type
    while bare.follows and bare.kind ~= "typedef" do bare = bare.target end -- qualifiers of a parameter are no part of the type
    kind = shape.kind(bare)
    if kind == "array" then
      bare = self:pointer(shape.base(bare).target or {kind = "known", type = shape.base(bare).type:target()}, {})
    elseif kind == "prototype" then
      bare = self:pointer(bare, {})
    elseif kind == "void" then
      self:fail(p.declarator, "a parameter of type void")
    end
    params[i] = bare
  end
  return {kind = "prototype", target = t, params = params, variadic = suffix.variadic, depth = (t.depth or 0) + 1}
end

-- The type that a declarator gives to what it names, and the name.
function methods:declarator(d, t)
  if #d.pointers + #d.suffixes + (t.depth or 0) > MAX_CHAIN then self:fail(d, "the type is made of too many others") end
  for _, quals in ipairs(d.pointers) do t = self:pointer(t, quals) end
  for i = #d.suffixes, 1, -1 do
    local s = d.suffixes[i]
    t = s.params and self:prototype(s, t, s) or self:array(s, t, s.array)
  end
  if d.inner then return self:declarator(d.inner, t) end
  return t, d.name
end

function methods:type_name(tree)
  local t, flags, attrs = self:specifier(tree.spec)
  if flags.typedef or flags.extern or flags.static or attrs[1] then self:fail(tree, "only a type can stand here") end
  return (self:declarator(tree.declarator, t))
end

-- --- declarations
-- T is to be declared to the handle, after what was added before it.
function methods:add(t, name)
  self.order[#self.order + 1] = {t = t, name = name}
end

function methods:typedef(node, t, name, attrs)
  if attrs.packed then self:fail(node, "packed belongs to the struct") end
  local new = {kind = "typedef", follows = true, name = name, target = t, align = attrs.aligned, flexible = t.flexible,
    depth = (t.depth or 0) + 1}
  self.scope.typedefs[name] = new
  self:add(new, name)
end

function methods:variable(node, t, name)
  if shape.kind(t) == "prototype" then return self:add({kind = "function", name = name, target = shape.base(t)}, name) end
  local base = shape.base(t)
  if not base.forward and shape.kind(t) ~= "void" and not t.flexible then self:complete(node, t, "variable") end
  self:add({kind = "variable", name = name, target = t}, name)
end

function methods:declaration(node)
  local t, flags, front = self:specifier(node.spec)
  for _, d in ipairs(node.list) do
    local type, name = self:declarator(d.declarator, t)
    local attrs = self:attributes(d.attrs, self:attributes(front))
    if flags.typedef then
      self:typedef(d, type, name, attrs)
    elseif flags.extern or shape.kind(type) == "prototype" then
      self:variable(d, type, name)
    else
      self:fail(d, ('say "extern" to tell the type of the variable %s'):format(name))
    end
  end
end

function methods:assertion(node)
  if self:constant(node.expr, node.expr).v == 0 then
    self:fail(node.expr, "static assertion failed" .. (node.message and ": " .. node.message or ""))
  end
end

function methods:define(node)
  if node.call == "(" then return end -- with parameters: only its use is an error
  self.scope.constants[node.name] = {macro = true, value = node.value}
  self.macro_values = {}
end

-- All tags that a tree defines, so that a pointer to one that comes later is not taken for the kernel's own.
local function collect(nodes, into)
  for _, n in ipairs(nodes) do
    local base = n.spec and n.spec.base
    if base and base.body then
      if base.tag then into[base.node .. " " .. base.tag] = true end
      if base.node ~= "enum" then collect(base.body, into) end
    end
  end
  return into
end

local function layer(on)
  local out = {}
  for _, key in ipairs{"typedefs", "tags", "constants"} do out[key] = setmetatable({}, {__index = on[key]}) end
  return out
end

local function builder(t, nodes)
  return setmetatable({
    k = t.k, abi = t.abi, text = t.text, module = t.module, failed = t.failed or {}, scope = layer(t.scope), found = {}, basics = {},
    order = {}, macros = 0, macro_values = {}, completed = {}, defined = collect(nodes, {}),
  }, BUILDER)
end

--- Builds what a text declares.
-- @tparam table t `k`, `abi` (of kvm.cdef.abi), `text`, `scope` (what the handle was told before: typedefs, tags, constants; not
-- changed), `failed` (by name: the error of a text that was to declare it, or nil)
-- @tparam {table,...} nodes of kvm.cdef.grammar.parse
-- @treturn {table,...} `t` (a type as the head of the file tells), `name` (or nil), in the order in which they are to be declared
-- @treturn table the scope above t.scope, of what is new
-- @raise kvm.Error with line and column
function M.text(t, nodes)
  local self = builder(t, nodes)
  local ok, message = pcall(function()
    for _, node in ipairs(nodes) do self[node.node == "assert" and "assertion" or node.node](self, node) end
  end)
  if ok then return self.order, self.scope end
  for _, forward in ipairs(self.completed) do -- as they were
    forward.forward, forward.open, forward.complete, forward.fields, forward.size, forward.align = true, nil, nil, nil, nil, nil
  end
  error(message, 0)
end

--- Builds the type that an expression names.
-- @tparam table t as `text` takes it, and `module` (or nil), which is asked first
-- @tparam table tree of kvm.cdef.grammar.type_name
-- @treturn table a type
-- @treturn {table,...} what else is to be declared before it
-- @treturn table the scope
-- @raise kvm.Error with line and column
function M.type_name(t, tree)
  local self = builder(t, {tree})
  self.strict = true -- a tag that nobody knows is a slip
  return self:type_name(tree), self.order, self.scope
end

return M
