-- SPDX-License-Identifier: BSD-2-Clause
-- linux/klist.h: lists of nodes that can be taken out while somebody walks them; the driver core's. A node that is dead stays in the
-- list until its last user is gone (KNODE_DEAD, the lowest bit of n_klist, lib/klist.c). Each node must name its list. Checked against
-- Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"

local M = {}

local DEAD <const> = 1

--- The nodes of a list that are alive.
-- @param klist `struct klist`
-- @tparam[opt] integer max nodes; more are an error
-- @treturn function an iterator of objects `struct klist_node`
-- @raise kvm.Error `format`: a broken link, or a node of another list; `fault`, `excluded`
-- @usage local devices = kvm.linux.device.subsystem(k:object "block_class").klist_devices
-- for node in kvm.linux.klist.for_each(devices) do assert(node.n_ref) end
function M.for_each(klist, max)
  if not object.is_object(klist) or object.typeof(klist):name() ~= "klist" then
    error("bad argument to 'for_each' (struct klist expected)", 2)
  end
  local own, step = object.addr(klist), list.for_each_entry("struct klist_node", klist.k_list, "n_node", max)
  return function()
    for node in step do
      local word = object.handle(node):ptr(object.addr(node, "n_klist"))
      if word & ~DEAD ~= own then
        local addr = object.addr(node)
        error(kvm_error.new {code = "format", addr = addr,
          message = ("klist: node 0x%x is of the list 0x%x, it hangs in 0x%x"):format(addr, word & ~DEAD, own)}, 0)
      end
      if word & DEAD == 0 then return node end
    end
  end
end

--- The entries of a list that are alive.
-- @tparam string|kvm.Type t struct of the entries
-- @param klist `struct klist`
-- @tparam string member path of the node in an entry
-- @tparam[opt] integer max nodes; more are an error
-- @treturn function an iterator of objects
-- @raise kvm.Error as for_each; `notfound`
-- @usage local devices = kvm.linux.device.subsystem(k:object "block_class").klist_devices
-- for p in kvm.linux.klist.for_each_entry("struct device_private", devices, "knode_class") do assert(p.device) end
function M.for_each_entry(t, klist, member, max)
  local step = M.for_each(klist, max)
  return function()
    local node = step()
    return node and object.container_of(node, t, member)
  end
end

--- Goes over a whole list and tells what is wrong with it.
-- @param klist `struct klist`
-- @tparam[opt] integer max nodes
-- @treturn[1] integer its nodes that are alive
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage assert(kvm.linux.klist.validate(kvm.linux.device.subsystem(k:object "block_class").klist_devices))
function M.validate(klist, max)
  return kvm_error.try(function()
    local n = 0
    for _ in M.for_each(klist, max) do n = n + 1 end
    return n
  end)
end

return M
