-- SPDX-License-Identifier: BSD-2-Clause
-- linux/timerqueue.h: timers in the order in which they expire: a red-black tree (struct timerqueue_head, lib/timerqueue.c), in 7.2
-- also one whose nodes are linked (struct timerqueue_linked_head, for hrtimers). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local rbtree = require "kvm.linux.rbtree"
local types = require "kvm.type"

local M = {}

-- By the struct of the head: that of the nodes, and the path of the rb_node there.
local HEADS <const> = {
  timerqueue_head = {node = "struct timerqueue_node", path = "node"},
  timerqueue_linked_head = {node = "struct timerqueue_linked_node", path = "node.node"},
}

local function kind_of(head, name)
  local kind = object.is_object(head) and HEADS[object.typeof(head):name() or ""]
  if not kind then error(("bad argument to '%s' (struct timerqueue_head expected)"):format(name), 3) end
  return kind
end

--- The nodes of a queue, the one that expires next first.
-- @param head `struct timerqueue_head` or `struct timerqueue_linked_head`
-- @tparam[opt] integer max nodes; more are an error
-- @return iterator of objects `struct timerqueue_node` or `struct timerqueue_linked_node`; expires is in ns
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local base = kvm.linux.percpu.per_cpu(k, "hrtimer_bases", 0, "struct hrtimer_cpu_base").clock_base[0]
-- for node in kvm.linux.timerqueue.for_each(base.active) do assert(node.expires >= 0) end
function M.for_each(head, max)
  local kind = kind_of(head, "for_each")
  return rbtree.for_each_entry(kind.node, head.rb_root, kind.path, max)
end

--- The entries of a queue: what its nodes are members of.
-- @tparam string|kvm.Type t struct of the entries
-- @param head `struct timerqueue_head` or `struct timerqueue_linked_head`
-- @tparam string member path of the node in an entry
-- @tparam[opt] integer max entries; more are an error
-- @return iterator of objects
-- @raise kvm.Error as for_each; `notfound`
-- @usage local base = kvm.linux.percpu.per_cpu(k, "hrtimer_bases", 0, "struct hrtimer_cpu_base").clock_base[0]
-- for timer in kvm.linux.timerqueue.for_each_entry("struct hrtimer", base.active, "node") do assert(timer.base == base) end
function M.for_each_entry(t, head, member, max)
  local kind = kind_of(head, "for_each_entry")
  return rbtree.for_each_entry(t, head.rb_root, member .. "." .. kind.path, max)
end

--- The node that expires next.
-- @param head `struct timerqueue_head` or `struct timerqueue_linked_head`
-- @return object; nil when there is none
-- @raise kvm.Error `fault`, `excluded`
-- @usage local base = kvm.linux.percpu.per_cpu(k, "hrtimer_bases", 0, "struct hrtimer_cpu_base").clock_base[0]
-- local first = kvm.linux.timerqueue.getnext(base.active) assert(not first or first.expires >= 0)
function M.getnext(head)
  local kind = kind_of(head, "getnext")
  local first = head.rb_root.rb_leftmost
  return first and object.container_of(first, types.of(object.handle(head), kind.node), "node") or nil
end

--- Goes over a whole queue and tells what is wrong with it: its tree, and nodes that are out of order.
-- @param head `struct timerqueue_head` or `struct timerqueue_linked_head`
-- @treturn[1] integer its nodes
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage local base = kvm.linux.percpu.per_cpu(k, "hrtimer_bases", 0, "struct hrtimer_cpu_base").clock_base[0]
-- assert(kvm.linux.timerqueue.validate(base.active))
function M.validate(head)
  kind_of(head, "validate")
  local count, err = rbtree.validate(head.rb_root)
  if not count then return nil, err end
  return kvm_error.try(function()
    local last
    for node in M.for_each(head) do
      if last and node.expires < last then
        error(kvm_error.new {code = "format", addr = object.addr(node),
          message = ("timerqueue: node 0x%x expires at %d, behind one at %d"):format(object.addr(node), node.expires, last)}, 0)
      end
      last = node.expires
    end
    return count
  end)
end

return M
