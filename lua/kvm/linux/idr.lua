-- SPDX-License-Identifier: BSD-2-Clause
-- linux/idr.h: numbers given to pointers. An IDR is an XArray (a radix tree in name) of which index 0 stands for idr_base.
-- Checked against Linux 5.10 to 7.2.
local object = require "kvm.object"
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

return M
