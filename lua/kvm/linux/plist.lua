-- SPDX-License-Identifier: BSD-2-Clause
-- linux/plist.h: lists in the order of priority, the lowest number first: all nodes hang in node_list, the first of each priority also in
-- prio_list. Checked against Linux 5.10 to 7.2.
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"

local M = {}

local NODE <const> = "struct plist_node"

local function check(head, name)
  if not object.is_object(head) or object.typeof(head):name() ~= "plist_head" then
    error(("bad argument to '%s' (struct plist_head expected)"):format(name), 3)
  end
end

local function broken(node, form, ...)
  error(kvm_error.new {code = "format", addr = object.addr(node), message = form:format(...)}, 0)
end

--- The nodes of a list, by priority.
-- @param head `struct plist_head`
-- @tparam[opt] integer max nodes; more are an error
-- @treturn function an iterator of `struct plist_node`, whose prio is the priority
-- @raise kvm.Error `format`: a broken link, or a priority before a lower one; `fault`, `excluded`
-- @usage local swaps = k:object(k:symbol("swap_active_head").value, "struct plist_head")
-- for node in kvm.linux.plist.for_each(swaps) do assert(node.prio) end
function M.for_each(head, max)
  check(head, "for_each")
  local step, last = list.for_each_entry(NODE, head.node_list, "node_list", max), math.mininteger
  return function()
    local node = step()
    if not node then return nil end
    if node.prio < last then broken(node, "plist: 0x%x has priority %d behind %d", object.addr(node), node.prio, last) end
    last = node.prio
    return node
  end
end

--- The entries of a list, by priority.
-- @tparam string|kvm.Type t struct of the entries
-- @param head `struct plist_head`
-- @tparam string member path of the node in an entry
-- @tparam[opt] integer max entries; more are an error
-- @treturn function an iterator of objects
-- @raise kvm.Error as for_each; `notfound`
-- @usage local swaps = k:object(k:symbol("swap_active_head").value, "struct plist_head")
-- for s in kvm.linux.plist.for_each_entry("struct swap_info_struct", swaps, "list") do assert(s.pages > 0) end
function M.for_each_entry(t, head, member, max)
  local step = M.for_each(head, max)
  return function()
    local node = step()
    return node and object.container_of(node, t, member)
  end
end

-- The first node of each priority, as node_list has them, must be those of prio_list, in the same order.
local function check_priorities(firsts)
  local first = firsts[1]
  if not first then return end
  local i = 1
  for node in list.for_each_entry(NODE, first.prio_list, "prio_list", #firsts) do -- from the first on, as if it was a head
    i = i + 1
    if not firsts[i] or object.addr(firsts[i]) ~= object.addr(node) then
      broken(node, "plist: 0x%x is not the first of a priority", object.addr(node))
    end
  end
  if i < #firsts then broken(firsts[i + 1], "plist: 0x%x is not in the list of priorities", object.addr(firsts[i + 1])) end
end

--- Goes over a whole list and tells what is wrong with it: with the links, the order, the list of priorities.
-- @param head `struct plist_head`
-- @tparam[opt] integer max nodes; more are an error
-- @treturn[1] integer its nodes
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage assert(kvm.linux.plist.validate(k:object(k:symbol("swap_active_head").value, "struct plist_head")))
function M.validate(head, max)
  check(head, "validate")
  return kvm_error.try(function()
    local count, firsts, last = 0, {}, nil
    for node in M.for_each(head, max) do
      count = count + 1
      if node.prio ~= last then firsts[#firsts + 1] = node end
      last = node.prio
    end
    check_priorities(firsts)
    return count
  end)
end

return M
