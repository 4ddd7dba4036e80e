-- SPDX-License-Identifier: BSD-2-Clause
-- linux/list.h: doubly linked rings (struct list_head). Each node's prev must lead back to the node before it, so a walk over
-- a damaged list ends with an error that names the node, and no walk runs in a circle. Checked against Linux 5.10 to 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local shapes = require "kvm.object.shape"
local types = require "kvm.type"
local core = require "kvm.core"

local M = {}

local NAME <const> = "struct list_head"

local FORWARD <const>, BACKWARD <const> = {"next", "prev"}, {"prev", "next"}

local function ring(head, entry, target, max, way)
  local k = object.handle(head)
  local addr = object.addr(head)
  return core.objects.chain(k, shapes.targets(k), {
    name = ("list at 0x%x"):format(addr),
    at = addr, stop = addr, max = max,
    next = types.offsetof(k, NAME, way[1]), back = types.offsetof(k, NAME, way[2]),
    entry = entry, target = target,
  })
end

local function check_head(head, name)
  if not object.is_object(head) or object.typeof(head):name() ~= "list_head" then
    error(("bad argument to '%s' (struct list_head expected)"):format(name), 3)
  end
end

--- The nodes of a list.
-- @param head `struct list_head`, which is no node itself
-- @tparam[opt] integer max nodes; more are an error
-- @return iterator of objects `struct list_head`
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage for node in kvm.linux.list.for_each(k:object("init_task").tasks) do assert(node.prev) break end
function M.for_each(head, max)
  check_head(head, "for_each")
  return ring(head, 0, shapes.of(object.handle(head), object.typeof(head)).index, max, FORWARD)
end

--- The nodes of a list, the last first.
-- @param head `struct list_head`
-- @tparam[opt] integer max nodes; more are an error
-- @return iterator of objects `struct list_head`
-- @raise kvm.Error as for_each
-- @usage for node in kvm.linux.list.for_each_reverse(k:object("init_task").tasks) do assert(node.next) break end
function M.for_each_reverse(head, max)
  check_head(head, "for_each_reverse")
  return ring(head, 0, shapes.of(object.handle(head), object.typeof(head)).index, max, BACKWARD)
end

local function entries(t, head, member, max, way)
  local k = object.handle(head)
  if type(t) == "string" then t = types.of(k, t) end
  return ring(head, types.offsetof(k, t:strip(), member), shapes.of(k, t).index, max, way)
end

--- The entries of a list: what its nodes are members of.
-- @tparam string|kvm.Type t struct of the entries
-- @param head `struct list_head`
-- @tparam string member path of the node in an entry
-- @tparam[opt] integer max entries; more are an error
-- @return iterator of objects
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`; `notfound`
-- @usage for task in kvm.linux.list.for_each_entry("struct task_struct", k:object("init_task").tasks, "tasks") do assert(task.pid) end
function M.for_each_entry(t, head, member, max)
  check_head(head, "for_each_entry")
  return entries(t, head, member, max, FORWARD)
end

--- The entries of a list, the last first.
-- @tparam string|kvm.Type t struct of the entries
-- @param head `struct list_head`
-- @tparam string member path of the node in an entry
-- @tparam[opt] integer max entries; more are an error
-- @return iterator of objects
-- @raise kvm.Error as for_each_entry
-- @usage for task in kvm.linux.list.for_each_entry_reverse("struct task_struct", k:object("init_task").tasks, "tasks") do
--   assert(task.pid > 0) break end
function M.for_each_entry_reverse(t, head, member, max)
  check_head(head, "for_each_entry_reverse")
  return entries(t, head, member, max, BACKWARD)
end

--- Whether a list has no nodes.
-- @param head `struct list_head`
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(not kvm.linux.list.empty(k:object("init_task").tasks))
function M.empty(head)
  check_head(head, "empty")
  return head.next == head
end

--- Whether a list has exactly one node.
-- @param head `struct list_head`
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(not kvm.linux.list.is_singular(k:object("init_task").tasks) or kvm.linux.list.count(k:object("init_task").tasks) == 1)
function M.is_singular(head)
  check_head(head, "is_singular")
  return not M.empty(head) and head.next == head.prev
end

--- The first entry of a list.
-- @tparam string|kvm.Type t struct of the entries
-- @param head `struct list_head`
-- @tparam string member
-- @return object; nil when the list is empty
-- @raise kvm.Error
-- @usage assert(kvm.linux.list.first_entry("struct task_struct", k:object("init_task").tasks, "tasks").pid == 1)
function M.first_entry(t, head, member)
  if M.empty(head) then return nil end
  return object.container_of(head.next, t, member)
end

--- The last entry of a list.
-- @tparam string|kvm.Type t struct of the entries
-- @param head `struct list_head`
-- @tparam string member
-- @return object; nil when the list is empty
-- @raise kvm.Error
-- @usage assert(kvm.linux.list.last_entry("struct task_struct", k:object("init_task").tasks, "tasks").pid > 0)
function M.last_entry(t, head, member)
  if M.empty(head) then return nil end
  return object.container_of(head.prev, t, member)
end

--- How many nodes a list has; a broken link is an error as in `for_each`.
-- @param head `struct list_head`
-- @tparam[opt] integer max nodes
-- @treturn integer
-- @raise kvm.Error
-- @usage assert(kvm.linux.list.count(k:object("init_task").tasks) > 0)
function M.count(head, max)
  local n = 0
  for _ in M.for_each(head, max) do n = n + 1 end
  return n
end

--- Goes over a whole list and tells what is wrong with it.
-- @param head `struct list_head`
-- @tparam[opt] integer max nodes
-- @treturn[1] integer its nodes
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage assert(kvm.linux.list.validate(k:object("init_task").tasks))
function M.validate(head, max)
  return kvm_error.try(M.count, head, max)
end

return M
