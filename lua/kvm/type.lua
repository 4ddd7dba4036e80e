-- SPDX-License-Identifier: BSD-2-Clause
-- Layouts by name, for code that reads structures itself. Every function raises where a type or member is not there: a guessed
-- offset is worse than an error. Where a member was renamed between releases, `first` takes the newest name first.
local err = require "kvm.error"

local M = {}

--- A type by a C type expression: "struct list_head *[4]", "int (*)(void)", "unsigned long".
-- @tparam kvm.Handle k
-- @tparam string expr
-- @tparam[opt] string module whose types are asked before the kernel's
-- @treturn kvm.Type
-- @raise kvm.Error `notfound`; `inval` for what is no C type
-- @usage assert(kvm.type.of(k, "struct list_head *[4]"):size() == 32)
function M.of(k, expr, module)
  return require "kvm.cdef".type(k, expr, module)
end

--- The type of pointers to a type.
-- @tparam kvm.Type t
-- @treturn kvm.Type
-- @usage assert(kvm.type.pointer_to(k:type("int")):spell() == "int *")
function M.pointer_to(t)
  local k = t:handle()
  return err.check(k:declare{kind = "pointer", target = t, size = k:info().pointer_size})
end

local kernel_types = setmetatable({}, {__mode = "k"}) -- by handle: by name, what the kernel itself has

-- A kvm.Type for a name, or the type itself. Code that knows the kernel's structures wants the kernel's own first, and no
-- search for others of that name.
local function resolve(k, what)
  if type(what) ~= "string" then return what end
  local known = kernel_types[k]
  if not known then
    known = {}
    kernel_types[k] = known
  end
  if known[what] then return known[what] end
  local t = k:type(what, "vmlinux")
  known[what] = t
  return t or M.of(k, what)
end

--- The size of a type.
-- @tparam kvm.Handle k
-- @tparam string|kvm.Type name as `k:type` takes it
-- @treturn integer bytes
-- @raise kvm.Error
-- @usage assert(kvm.type.sizeof(k, "struct list_head") == 16)
function M.sizeof(k, name)
  return err.check(resolve(k, name):size())
end

--- The offset of a member.
-- @tparam kvm.Handle k
-- @tparam string|kvm.Type name of a struct or union
-- @tparam string member a path as `Type:field` takes it
-- @treturn integer bytes from the start of the struct
-- @raise kvm.Error: `notfound`; `inval` for a bit field, which has no offset in bytes
-- @usage assert(kvm.type.offsetof(k, "struct list_head", "prev") == 8)
function M.offsetof(k, name, member)
  local t = resolve(k, name)
  local field = err.check(t:field(member))
  if field.bit_size ~= 0 then
    error(err.new{code = "inval", message = ("%s of %s is a bit field"):format(member, t:spell())})
  end
  return field.offset
end

--- The first member of a list that a type has.
-- @tparam kvm.Handle k
-- @tparam string|kvm.Type name of a struct or union
-- @tparam {string,...} members paths, the newest layout's first
-- @treturn table as `Type:field` returns it
-- @treturn string the path that was found
-- @raise kvm.Error `notfound` with all the names that were tried
-- @usage local field, path = kvm.type.first(k, "struct task_struct", {"__state", "state"}) assert(path and field.bit_size == 0)
function M.first(k, name, members)
  local t = resolve(k, name)
  for _, member in ipairs(members) do
    local field, message, code, addr = t:field(member)
    if field then return field, member end
    if code ~= "notfound" then err.check(field, message, code, addr) end
  end
  error(err.new{code = "notfound", message = ("%s has no member %s"):format(t:spell(), table.concat(members, " or "))})
end

local enums = setmetatable({}, {__mode = "k"}) -- by handle: the kernel's own enums don't change

--- The values of an enum's names.
-- @tparam kvm.Handle k
-- @tparam string name of the enum, as `k:type` takes it
-- @treturn {[string]=integer} not to be changed; nil when the kernel has no such enum (macros instead, or it lacks what they are for)
-- @raise kvm.Error
-- @usage assert(kvm.type.enumerators(k, "enum pid_type").PIDTYPE_PID == 0)
function M.enumerators(k, name)
  enums[k] = enums[k] or {}
  local own = enums[k][name]
  if own ~= nil then return own or nil end
  local t, message, code, addr = k:type(name, "vmlinux")
  if not t and code ~= "notfound" then err.check(t, message, code, addr) end
  own = t and {} or false
  for _, e in ipairs(t and err.check(t:enumerators()) or {}) do own[e.name] = e.value end
  enums[k][name] = own
  return own or nil
end

return M
