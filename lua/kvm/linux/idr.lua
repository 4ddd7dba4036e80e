-- SPDX-License-Identifier: BSD-2-Clause
-- linux/idr.h: numbers given to pointers (IDR) or only given (IDA). An IDR is an XArray (a radix tree in name) of which index 0 stands
-- for idr_base; an IDA one of bitmaps: of 1024 bits, or small ones as values. Checked against Linux 5.10 to 7.2. A number that was given
-- to NULL is not told.
local bitmap = require "kvm.linux.bitmap"
local object = require "kvm.object"
local types = require "kvm.type"
local xarray = require "kvm.linux.xarray"

local M = {}

local function array_of(idr, name)
  if not object.is_object(idr) or object.typeof(idr):name() ~= "idr" then
    error(("bad argument to '%s' (struct idr expected)"):format(name), 3)
  end
  return idr.idr_rt, idr.idr_base
end

--- The pointers of an IDR, by number.
-- @param idr `struct idr`
-- @treturn function an iterator of number and pointer (integers)
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage for id, ptr in kvm.linux.idr.for_each(k:object("init_pid_ns", "struct pid_namespace").idr) do assert(id > 0 and ptr ~= 0) end
function M.for_each(idr)
  local rt, base = array_of(idr, "for_each")
  local step = xarray.for_each(rt)
  return function()
    local index, entry = step()
    if index then return index + base, entry end
  end
end

--- The entries of an IDR, as objects.
-- @tparam string|kvm.Type t what the pointers lead to
-- @param idr `struct idr`
-- @treturn function an iterator of number and object
-- @raise kvm.Error as for_each
-- @usage local idr = k:object("init_pid_ns", "struct pid_namespace").idr
-- for id, pid in kvm.linux.idr.for_each_entry("struct pid", idr) do assert(pid.numbers[0].nr == id) end
function M.for_each_entry(t, idr)
  local rt, base = array_of(idr, "for_each_entry")
  local k, step = object.handle(idr), xarray.for_each(rt)
  return function()
    local index, entry = step()
    if index then return index + base, k:object(entry, t) end
  end
end

--- The pointer of a number.
-- @param idr `struct idr`
-- @tparam integer id
-- @treturn integer 0 when there is none
-- @raise kvm.Error as for_each
-- @usage assert(kvm.linux.idr.find(k:object("init_pid_ns", "struct pid_namespace").idr, 1) ~= 0)
function M.find(idr, id)
  local rt, base = array_of(idr, "find")
  return xarray.load(rt, id - base)
end

--- Goes over a whole IDR and tells what is wrong with it.
-- @param idr `struct idr`
-- @treturn[1] integer its entries
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage assert(kvm.linux.idr.validate(k:object("init_pid_ns", "struct pid_namespace").idr))
function M.validate(idr)
  return xarray.validate((array_of(idr, "validate")))
end

local function ida_of(ida, name)
  if not object.is_object(ida) or object.typeof(ida):name() ~= "ida" then
    error(("bad argument to '%s' (struct ida expected)"):format(name), 3)
  end
  return object.handle(ida), ida.xa, 8 * types.sizeof(object.handle(ida), "struct ida_bitmap")
end

-- The numbers of one entry of an IDA, from BASE on.
local function ids_of(k, entry, base, bits)
  if not xarray.is_value(entry) then
    for bit in bitmap.for_each_set_bit(k, entry, bits) do coroutine.yield(base + bit) end
    return
  end
  local value, bit = xarray.to_value(entry), 0
  while value ~= 0 do
    if value & 1 == 1 then coroutine.yield(base + bit) end
    value, bit = value >> 1, bit + 1
  end
end

--- The numbers that an IDA has given.
-- @param ida `struct ida`
-- @treturn function an iterator of numbers, ascending
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local ida = k:object(k:symbol("unnamed_dev_ida").value, "struct ida")
-- for id in kvm.linux.idr.for_each_id(ida) do assert(id >= 0) end
function M.for_each_id(ida)
  local k, xa, bits = ida_of(ida, "for_each_id")
  return coroutine.wrap(function()
    for index, entry in xarray.for_each(xa) do ids_of(k, entry, index * bits, bits) end
  end)
end

--- Whether an IDA has given a number.
-- @param ida `struct ida`
-- @tparam integer id
-- @treturn boolean
-- @raise kvm.Error as for_each_id
-- @usage assert(not kvm.linux.idr.has_id(k:object(k:symbol("unnamed_dev_ida").value, "struct ida"), 1 << 20))
function M.has_id(ida, id)
  local k, xa, bits = ida_of(ida, "has_id")
  local entry = id >= 0 and xarray.load(xa, id // bits) or 0
  if entry == 0 then return false end
  if xarray.is_value(entry) then return id % bits < 63 and xarray.to_value(entry) >> id % bits & 1 == 1 end
  return bitmap.test_bit(k, id % bits, entry)
end

return M
