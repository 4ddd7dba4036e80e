-- SPDX-License-Identifier: BSD-2-Clause
-- C objects as Lua values. Every name behind the dot is a C member, so an object has no methods: what C spells as an
-- operator is a function here, and all of these are functions of `kvm` as well (kvm.addr, kvm.cast, ...).
--
--   local init = k:object("init_task")
--   print(init.comm, init.cred.uid.val, init.thread_info.flags)
--   for task in kvm.linux.list.for_each_entry("struct task_struct", init.tasks, "tasks") do print(task.pid) end
--
-- The same place with the same type is the same object: objects compare with == and serve as keys. How members read is told
-- in object/shape.lua. A bad pointer raises kvm.Error with code `fault` and the way that led there.
local core = require "kvm.core"
local err = require "kvm.error"
local names = require "kvm.object.names"
local shapes = require "kvm.object.shape"
local types = require "kvm.type"
local write = require "kvm.object.write"

local objects = core.objects
local check, fail = err.check, err.fail
local M = {}

-- The shape of an object; an argument error where it is none.
local function shape_of(o, name)
  return objects.shape(o) or error(("bad argument to '%s' (object expected, got %s)"):format(name, type(o)), 3)
end

-- A kvm.Type: given as such, as an object's, or as a C type expression for the handle. With K only one of that handle.
local function type_arg(k, what)
  if type(what) == "string" then
    if not k then fail("inval", "a type's name needs a handle: give a kvm.Type (k:type)") end
    return types.of(k, what)
  end
  local s, mt = objects.shape(what), getmetatable(what)
  local t = s and s.type or type(mt) == "table" and mt.__name == "kvm.Type" and what
  if not t then error("bad argument (type or object expected, got " .. type(what) .. ")", 3) end
  if k and t:handle() ~= k then fail("inval", "%s is a type of another handle", t:spell()) end
  return t
end

-- The address of an object; of what was made in Lua an error.
local function place_of(o)
  return objects.addr(o) or fail("inval", "what was made in Lua has no address")
end

--- Whether a value is an object.
-- @param v
-- @treturn boolean
-- @usage assert(kvm.is_object(k:object("init_task")) and not kvm.is_object(1))
function M.is_object(v)
  return objects.shape(v) ~= nil
end

--- The address of an object, or of a member; the value of a pointer.
-- @param o an object
-- @tparam[opt] string path of a member, as `Type:field` takes it
-- @treturn integer; nil for what `new` made
-- @raise kvm.Error `notfound`; `inval` for a bit field
-- @usage local t = k:object("init_task") assert(kvm.addr(t, "tasks") == kvm.addr(t.tasks))
function M.addr(o, path)
  local s = shape_of(o, "addr")
  local addr = objects.addr(o)
  return path and addr and addr + types.offsetof(s.handle, s.bare, path) or addr
end

--- The type of an object: of what lies at its address; of a pointer value, the pointer's.
-- @param o
-- @treturn kvm.Type
-- @usage assert(kvm.typeof(k:object("init_task")):spell() == "struct task_struct")
function M.typeof(o)
  return shape_of(o, "typeof").type
end

--- The handle of an object.
-- @param o
-- @treturn kvm.Handle
-- @usage assert(kvm.handle(k:object("init_task")) == k)
function M.handle(o)
  return shape_of(o, "handle").handle
end

--- The size of a type or object.
-- @param t kvm.Type or object
-- @treturn integer bytes
-- @usage assert(kvm.sizeof(k:type("struct list_head")) == 16)
function M.sizeof(t)
  return check(type_arg(nil, t):size())
end

--- The offset of a member.
-- @param t kvm.Type or object
-- @tparam string path as `Type:field` takes it
-- @treturn integer bytes
-- @raise kvm.Error `notfound`; `inval` for a bit field
-- @usage assert(kvm.offsetof(k:type("struct list_head"), "prev") == 8)
function M.offsetof(t, path)
  t = type_arg(nil, t)
  return types.offsetof(t:handle(), t:strip(), path)
end

local function truncate(v, t)
  local bits = 8 * t:size()
  if bits >= 64 then return v end
  v = v & (1 << bits) - 1
  return t:signed() and v >= 1 << bits - 1 and v - (1 << bits) or v
end

local PLAIN = {int = true, char = true, enum = true}

--- What an object or address is as another type. A pointer type gives what it leads to when that is a struct or union, else
-- a pointer value; a struct, union or array type the object at that address; an integer type the number.
-- @param o object, integer or nil (NULL)
-- @param t kvm.Type, or a C type expression where o is an object
-- @return object, integer, boolean or nil
-- @raise kvm.Error `notfound`, `inval`
-- @usage local t = k:object("init_task") assert(kvm.cast(kvm.addr(t), k:type("struct task_struct")) == t)
function M.cast(o, t)
  local s = objects.shape(o)
  t = type_arg(s and s.handle, t)
  if o == nil then return nil end
  local v = s and objects.addr(o) or o
  if math.type(v) ~= "integer" then fail("inval", "a %s can't be cast to %s", s and "value without an address" or type(o), t:spell()) end
  local k, bare = t:handle(), t:strip()
  local kind = bare:kind()
  if PLAIN[kind] then return truncate(v, bare) end
  if kind == "bool" then return v ~= 0 end
  if kind ~= "pointer" then return objects.object(shapes.targets(k), shapes.of(k, t).index, v) end
  if v == 0 then return nil end
  return objects.object(shapes.targets(k), shapes.describe(k, t).target, v)
end

--- The object of which another one is a member.
-- @param o an object, such as a struct list_head
-- @param t kvm.Type or C name of the container
-- @tparam string member path of o in it
-- @return object
-- @raise kvm.Error `notfound`
-- @usage local t = k:object("init_task") assert(kvm.container_of(t.tasks, "struct task_struct", "tasks") == t)
function M.container_of(o, t, member)
  local s = shape_of(o, "container_of")
  t = type_arg(s.handle, t)
  return M.cast(place_of(o) - types.offsetof(s.handle, t:strip(), member), t)
end

--- What a pointer leads to. A struct that a pointer led to is that already.
-- @param p
-- @return object or value
-- @raise kvm.Error `fault`, `excluded`; `inval` for void *
-- @usage local t = k:object("init_task") assert(kvm.deref(t) == t)
function M.deref(p)
  local s = shape_of(p, "deref")
  if s.kind == "pointer" then return p[0] end
  return p
end

local function each_element(a, s)
  if s.count == 0 then fail("inval", "%s does not tell how many elements it has", s.type:spell()) end
  local i, n = -1, s.count
  return function()
    i = i + 1
    if i < n then return i, a[i] end
  end
end

local function names_of(s)
  s.names = s.names or names.of(s.bare)
  return s.names
end

local function each_member(o, s)
  local list, i = names_of(s), 0
  return function()
    i = i + 1
    if list[i] then return list[i], o[list[i]] end
  end
end

--- Iterates over an array (index from 0, element) or over a struct or union (name, value).
-- @param o array or struct
-- @return iterator
-- @raise kvm.Error `inval` for a flexible array and for pointers
-- @usage local n = 0 for i in kvm.each(k:object("init_task").signal.rlim) do n = i + 1 end assert(n == 16)
function M.each(o)
  local s = shape_of(o, "each")
  if s.kind == "array" then return each_element(o, s) end
  if s.kind == "record" then return each_member(o, s) end
  return fail("inval", "%s has no elements to go through", s.type:spell())
end

local MAX_COPY <const> = 64 << 20 -- bytes

local function check_size(s)
  if s.size > MAX_COPY or s.size < 0 then fail("inval", "%s has %u bytes: too many for a copy", s.type:spell(), s.size) end
end

--- Copies an object: its bytes are read once, and members of the copy come from it. Of pages that are not there, members raise.
-- @param o struct, union or array
-- @return object, not equal to any other by identity, but with == to o
-- @raise kvm.Error `inval` for pointers; damage of the dump
-- @usage local t = kvm.fetch(k:object("init_task")) assert(t.comm:match "^swapper")
function M.fetch(o)
  local s = shape_of(o, "fetch")
  if s.kind ~= "record" and s.kind ~= "array" then fail("inval", "%s is nothing to copy: kvm.deref it", s.type:spell()) end
  check_size(s)
  return objects.copy(s.handle, shapes.targets(s.handle), s.index, s.size, place_of(o))
end

--- An object of bytes that were never in memory.
-- @tparam kvm.Type t
-- @tparam[opt] string bytes at least as many as the type has; absent: zeros
-- @return object; its `addr` is nil
-- @raise kvm.Error `inval`
-- @usage local l = kvm.new(k:type("struct list_head"), ("\0"):rep(16)) assert(l.next == nil)
function M.new(t, bytes)
  t = type_arg(nil, t)
  local k = t:handle()
  local s = shapes.of(k, t)
  if s.kind ~= "record" and s.kind ~= "array" then fail("inval", "%s is no struct, union or array", t:spell()) end
  check_size(s)
  bytes = bytes or ("\0"):rep(s.size)
  if #bytes < s.size then fail("inval", "%s has %d bytes, not %d", t:spell(), s.size, #bytes) end
  return objects.copy(k, shapes.targets(k), s.index, s.size, bytes)
end

local MAX_VALUE_DEPTH <const> = 32
local MAX_VALUES <const> = 1 << 20

-- The value of V. budget: errors (of members), left (values that may still come).
local function value_of(v, budget, depth)
  local s = objects.shape(v)
  if not s then return v end
  if s.kind == "pointer" or s.kind == "function" or s.kind == "void" then return objects.addr(v) end
  if depth > MAX_VALUE_DEPTH then fail("format", "types: a value nests deeper than %d", MAX_VALUE_DEPTH) end
  local out = {}
  local function take(key, index)
    budget.left = budget.left - 1
    if budget.left < 0 then fail("inval", "more than %d values", MAX_VALUES) end
    local ok, got = pcall(function() return v[index] end)
    if not ok then
      if not err.is(got) or got.code == "closed" then error(got, 0) end
      table.insert(budget.errors, got)
    elseif shapes.leads(s, index) then
      out[key] = got and objects.addr(got) or 0
    else
      out[key] = value_of(got, budget, depth + 1)
    end
  end
  if s.kind == "array" then
    for i = 0, s.count - 1 do take(i + 1, i) end
  else
    for _, name in ipairs(names_of(s)) do take(name, name) end
  end
  return out
end

--- An object as a plain table: members by name, arrays from 1 on, pointers as integers (NULL is 0), what lies inside as tables.
-- @param o
-- @treturn table; members that can't be read are absent
-- @treturn ?{kvm.Error,...} why they can't, nil when all were read
-- @raise kvm.Error `inval`; more than a million values
-- @usage local v = kvm.value(k:object("init_task").tasks) assert(math.type(v.next) == "integer")
function M.value(o)
  shape_of(o, "value")
  local budget = {errors = {}, left = MAX_VALUES}
  local v = value_of(o, budget, 0)
  return v, #budget.errors > 0 and budget.errors or nil
end

--- Compiles a reader of several members of a type, for hot loops.
-- @tparam kvm.Type t struct or union
-- @tparam {string,...} members names, or paths through nested structs
-- @treturn function of an object of that type or an address: the values in that order; where some can't be read nil, and behind the
--  last value the first kvm.Error
-- @raise kvm.Error `notfound`; what the function is given is no such object
-- @usage local read = kvm.reader(k:type("struct task_struct"), {"pid", "comm"}) assert(read(k:object("init_task")) == 0)
function M.reader(t, members)
  t = type_arg(nil, t)
  local k = t:handle()
  local s = shapes.of(k, t)
  local fields = {}
  for i, path in ipairs(members) do fields[i] = shapes.field(s, path) end
  return objects.reader(k, shapes.targets(k), fields, s, s.name)
end

--- The name of an enumerator: of an enum member of an object, or of a value.
-- @param o object, or kvm.Type of the enum
-- @param member of the object, or the value
-- @treturn string; nil when the value has no name
-- @treturn integer the value
-- @raise kvm.Error `inval` when it is no enum
-- @usage assert(kvm.enum(k:type("enum pid_type"), 0) == "PIDTYPE_PID")
function M.enum(o, member)
  local s = objects.shape(o)
  local t, value = o, member
  if s then
    t, value = check(s.bare:field(member)).type, o[member]
  end
  t = type_arg(nil, t):strip()
  if t:kind() ~= "enum" then fail("inval", "%s is no enum", t:spell()) end
  for _, e in ipairs(t:enumerators()) do
    if e.value == value then return e.name, value end
  end
  return nil, value
end

--- The string that a pointer to char leads to, or that lies in an array of bytes.
-- @param p pointer or array
-- @tparam[opt] integer max bytes
-- @treturn string up to its NUL
-- @raise kvm.Error `fault`, `excluded`
-- @usage assert(kvm.string(kvm.cast(k:symbol("linux_banner").value, kvm.type.of(k, "const char *")), 5) == "Linux")
function M.string(p, max)
  local s = shape_of(p, "string")
  if s.kind == "array" and s.size > 0 then max = math.min(max or s.size, s.size) end
  if objects.copied(p) then return (objects.bytes(p, max or s.size):match "^[^\0]*") end
  return s.handle:cstring(objects.addr(p), max)
end

-- --- operators of objects
local mm = shapes.metamethods

-- What P + N is: N elements further.
local function moved(p, n)
  local s = objects.shape(p)
  local addr = place_of(p)
  if s.kind == "record" then return objects.object(shapes.targets(s.handle), s.index, addr + n * s.size) end
  if s.kind == "pointer" and s.stride > 0 then
    return objects.object(shapes.targets(s.handle), s.index, addr + n * s.stride)
  end
  if s.kind == "array" then return M.cast(addr + n * s.stride, types.pointer_to(s.element_type)) end
  return fail("inval", "no arithmetic on %s", s.type:spell())
end

function mm.__add(a, b)
  if math.type(a) == "integer" then a, b = b, a end
  if math.type(b) ~= "integer" then fail("inval", "only integers can be added to %s", M.typeof(a):spell()) end
  return moved(a, b)
end

function mm.__sub(a, b)
  if math.type(b) == "integer" then return moved(a, -b) end
  local s, r = objects.shape(a), objects.shape(b)
  local stride = s and (s.kind == "record" and s.size or s.stride)
  if not r or s ~= r or not stride or stride == 0 then fail("inval", "pointers to different types have no difference") end
  return (place_of(a) - place_of(b)) // stride
end

function mm.__lt(a, b)
  return math.ult(place_of(a), place_of(b))
end

function mm.__le(a, b)
  return not math.ult(place_of(b), place_of(a))
end

-- Copies, and types that several sources have: the same place and type.
function mm.__eq(a, b)
  local s, r = objects.shape(a), objects.shape(b)
  local addr = s and r and objects.addr(a)
  if not addr or addr ~= objects.addr(b) then return false end
  return s == r or s.bare == r.bare
end

function mm.__len(o)
  local s = objects.shape(o)
  if s.kind ~= "array" then fail("inval", "%s has no length", s.type:spell()) end
  return s.count
end

function mm.__pairs(o)
  return M.each(o)
end

function mm.__tostring(o)
  return require "kvm.format"(o)
end

function mm.__newindex(o, key, v)
  local s = objects.shape(o)
  local addr = objects.addr(o)
  if objects.copied(o) then fail("inval", "a copy can't be written") end
  if s.kind == "record" then
    shapes.field(s, key) -- for its errors
    return write.place(s.handle, addr, s.bare:field(key), v)
  end
  if not s.stride or math.type(key) ~= "integer" or s.kind == "array" and s.count > 0 and (key < 0 or key >= s.count) then
    fail("inval", "no element %s of %s", tostring(key), s.type:spell())
  end
  write.place(s.handle, addr + key * s.stride, {type = s.element_type, bit_offset = 0, bit_size = 0}, v)
end

-- --- k:object

-- A module of the kernel's operating system, as data: nil where there is none.
local function of_system(k, name)
  local found, module = pcall(require, ("kvm.%s.%s"):format(k:info().os, name))
  return found and module or nil
end

--- The type of a variable: declared by hand, or as the types tell it, else as the operating system's table of well-known
-- variables has it (kvm.linux.globals).
-- @tparam kvm.Handle k
-- @tparam string name
-- @tparam[opt] string module
-- @treturn[1] kvm.Type
-- @return[2] nil
-- @treturn[2] string message, which says how to give the type
-- @treturn[2] string code `notfound`; `inval`: several types have the name of its type
-- @usage assert(kvm.object.variable_type(k, "init_task"):spell() == "struct task_struct")
function M.variable_type(k, name, module)
  local t, message, code = k:variable(name, module)
  if t or code ~= "notfound" then return t, message, code end
  local globals, why = of_system(k, "globals"), message
  if globals then
    t, why, code = globals.type_of(k, name)
    if t then return t end
  end
  return nil, ("the type of %s is not known (%s): give it, as in k:object(%q, \"struct x\"), or declare it, "
    .. "as in kvm.cdef \"extern struct x %s;\""):format(name, why, name, name), code
end

local function object(k, where, what)
  if type(where) == "number" then
    if what == nil then fail("inval", "an address needs a type") end
    return shapes.at(k, type_arg(k, what), where)
  end
  local symbol = check(k:symbol(where))
  local percpu = of_system(k, "percpu")
  if percpu and percpu.is_per_cpu(k, symbol.value) then
    fail("inval", "%s is a variable of each CPU: kvm.linux.percpu.per_cpu(k, %q, 0) gives CPU 0's", where, where)
  end
  local t = what == nil and check(M.variable_type(k, where, symbol.module)) or type_arg(k, what)
  return shapes.at(k, t, symbol.value, objects.root(shapes.targets(k), where))
end

--- The object of a variable, or at an address: `k:object("init_task")`, `k:object(addr, "struct task_struct")`. Variables
-- of plain types give their values; a function is an object without members.
-- @function Handle:object
-- @tparam string|integer where symbol or address
-- @param[opt] t kvm.Type or C type expression; without it the variable's own type
-- @return[1] object or value
-- @return[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `notfound`: no such symbol, or its type is not known
-- @raise wrong types
-- @usage assert(k:object("init_task").pid == 0)
function core.Handle:object(where, t)
  objects.state(self) -- raises for what is no open handle
  if type(where) ~= "string" and math.type(where) ~= "integer" then
    error("bad argument #1 to 'object' (symbol or address expected, got " .. type(where) .. ")", 2)
  end
  local ok, v = pcall(object, self, where, t)
  if ok then return v end
  if not err.is(v) then error(v, 2) end
  return nil, v.message, v.code, v.addr
end

return M
