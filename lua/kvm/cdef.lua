-- SPDX-License-Identifier: BSD-2-Clause
-- C declarations typed by hand, and C's type expressions: structs, unions, enums, typedefs and types of variables for the machine of
-- a handle, on top of the types that it has. The language is C11 with GNU's packed and aligned; beyond it, `int a offset(24);` puts
-- a member at byte 24, and `struct foo { ... } size(64);` fixes a size. `#define NAME expression` is usable in array bounds, enums
-- and further constants. What is declared stands before the kernel's own types of that name, and a later one before an earlier one.
-- LPeg is loaded by the first text that is parsed.
local core = require "kvm.core"
local err = require "kvm.error"

local M = {}

-- Per handle: scope, applied (how many of TEXTS were laid out), failed (error by name), types (by expression). As long as the handle
-- lives; what it holds refers to the handle.
local states = setmetatable({}, {__mode = "k"})

local texts = {} -- for every handle: {text, nodes, names (set)}
local newest = {} -- by name: index of the last of TEXTS that declares it

local function state(k)
  local s = states[k]
  if not s then
    s = {scope = {typedefs = {}, tags = {}, constants = {}}, applied = 0, failed = {}, types = {}}
    states[k] = s
  end
  return s
end

local function abi_of(k)
  local abi, message = require "kvm.cdef.abi".of(k:info())
  if not abi then error(err.new{code = "unsupported", message = message}) end
  return abi
end

local function merge(scope, new)
  for key, entries in pairs(new) do
    for name, v in pairs(entries) do scope[key][name] = v end
  end
end

-- Builds and declares; returns the types by name.
local function declare(k, text, nodes)
  local s = state(k)
  local order, new = require "kvm.cdef.build".text({k = k, abi = abi_of(k), text = text, scope = s.scope, failed = s.failed}, nodes)
  local emit, out, typedefs = require "kvm.cdef.emit".type, {}, {}
  for _, e in ipairs(order) do
    local t, type = e.t, emit(k, e.t)
    if t.kind == "variable" then type = type:target() end
    if t.tag then out[t.kind .. " " .. t.tag] = type end
    if e.name and not (t.tag and typedefs[e.name]) then out[e.name] = type end
    if not t.tag and e.name then typedefs[e.name] = true end
  end
  merge(s.scope, new)
  s.types = {}
  return out
end

-- The names that nodes declare at file scope, tags in structs too.
local function names_of(nodes, into)
  for _, n in ipairs(nodes) do
    local base = n.spec and n.spec.base
    if base and base.body then
      if base.tag then into[base.tag] = true end
      if base.node ~= "enum" then names_of(base.body, into) end
    end
    for _, d in ipairs(n.node == "declaration" and n.list or {}) do
      local inner = d.declarator
      while inner.inner do inner = inner.inner end
      into[inner.name] = true
    end
  end
  return into
end

local function last_word(name) return type(name) == "string" and name:match "([%a_][%w_]*)%s*$" end

-- Lays out what is pending, in the order in which it was given. A text that can't be laid out for this handle (it may be about
-- another kernel) fails only those who ask for its names.
local function lay_out(k, s)
  while s.applied < #texts do
    s.applied = s.applied + 1
    local t = texts[s.applied]
    local ok, e = pcall(declare, k, t.text, t.nodes)
    if not ok and not err.is(e) then error(e, 0) end
    for name in pairs(t.names) do s.failed[name] = not ok and e or nil end
  end
end

--- Lays out for a handle what `kvm.cdef(text)` has declared for all: k:type and k:variable call it before they look a name up.
-- Without pending texts it costs two table lookups.
-- @tparam kvm.Handle k
-- @tparam[opt] string name as `k:type` takes it: only when it is declared by a text that is pending
-- @raise kvm.Error when a text that declares this name can't be laid out for this handle (without a name: any text)
-- @usage kvm.cdef.apply(k, "struct list_head")
function M.apply(k, name)
  if #texts == 0 then return end
  local s, word = state(k), last_word(name)
  if s.applied < #texts and (name == nil or (newest[word] or 0) > s.applied) then lay_out(k, s) end
  if name == nil then word = next(s.failed) end
  local e = word and s.failed[word]
  if e then error(err.new{code = e.code, message = e.message, addr = e.addr}) end
end

local PLAIN = "^[%w_ \t]+$"

-- What k:type says of a plain name; nil where the parser must look at it.
local function plain(k, expr, module)
  if not expr:find(PLAIN) then return nil end
  M.apply(k, expr)
  local t, message, code = k:type(expr, module)
  if t then return t end
  if code ~= "notfound" then err.check(t, message, code) end
end

local function parsed(k, expr, module)
  local s = state(k)
  local build, tree = require "kvm.cdef.build", require "kvm.cdef.grammar".type_name(expr)
  lay_out(k, s)
  local t, order, new = build.type_name({k = k, abi = abi_of(k), text = expr, scope = s.scope, failed = s.failed, module = module}, tree)
  local emit = require "kvm.cdef.emit".type
  for _, e in ipairs(order) do emit(k, e.t) end
  local type = emit(k, t)
  merge(s.scope, new)
  return type or err.check(k:type "void")
end

--- The type that a C expression names, as a cast has it.
-- @tparam kvm.Handle k
-- @tparam string expr "struct list_head *[4]", "int (*)(void)", "unsigned long", "char [16]", "const struct foo *"
-- @tparam[opt] string module whose types are asked before the kernel's
-- @treturn kvm.Type the same one for the same expression, until something is declared
-- @raise kvm.Error: `notfound` unknown name, `inval` no such expression, with line and column; `unsupported` where the layout of C on
-- the machine is not known
-- @usage assert(kvm.cdef.type(k, "struct list_head *[4]"):size() == 32)
function M.type(k, expr, module)
  if type(expr) ~= "string" then error("bad argument #2 to 'type' (string expected, got " .. type(expr) .. ")", 2) end
  local s = state(k)
  local key = module and module .. "\0" .. expr or expr
  local fresh = #texts == s.applied
  local t = fresh and s.types[key]
  if not t then
    t = plain(k, expr, module) or parsed(k, expr, module)
    s.types[key] = t
  end
  return t
end

-- What is declared for every handle is found by k:type and k:variable: from the first such text on they look here first.
local hooked = false
local function hook()
  if hooked then return end
  hooked = true
  for _, method in ipairs {"type", "variable"} do
    local find = core.Handle[method]
    core.Handle[method] = function(k, name, ...)
      local ok, e = pcall(M.apply, k, name)
      if ok then return find(k, name, ...) end
      if not err.is(e) then error(e, 2) end
      return nil, e.message, "inval" -- the declaration is wrong; `notfound` would let others be asked
    end
  end
end

local function is_handle(v)
  local mt = getmetatable(v)
  return type(v) == "userdata" and mt and mt.__name == "kvm.Handle"
end

--- Declares C types. With a text alone, for every handle, open now or later: it is parsed at once, and laid out for a handle when one
-- of its names is first looked up there. With a handle, for that one, at once.
-- @function cdef
-- @tparam[opt] kvm.Handle k
-- @tparam string text C declarations
-- @treturn table with a handle: kvm.Type by name ("foo", and of tags "struct foo" too; of a variable its type)
-- @raise kvm.Error: `inval`, `notfound` (a name), with line, column and the line's text
-- @usage local t = kvm.cdef(k, "struct point { int x, y; char name[4]; };") assert(t.point:size() == 12)
local function cdef(k, text)
  if not is_handle(k) then k, text = nil, k end
  if type(text) ~= "string" then error(("bad argument #%d to 'cdef' (string expected, got %s)"):format(k and 2 or 1, type(text)), 3) end
  local nodes = require "kvm.cdef.grammar".parse(text)
  if k then
    lay_out(k, state(k))
    return declare(k, text, nodes)
  end
  local names = names_of(nodes, {})
  texts[#texts + 1] = {text = text, nodes = nodes, names = names}
  for name in pairs(names) do newest[name] = #texts end
  hook()
end

return setmetatable(M, {__call = function(_, ...) return cdef(...) end})
