-- SPDX-License-Identifier: BSD-2-Clause
-- linux/rbtree.h: red-black trees. Each node must name its parent, so no walk runs in a circle; a damaged tree ends a walk with
-- an error that names the node. The parent's address shares a word with the colour (bit 0: black). Checked against Linux 5.10
-- to 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local shapes = require "kvm.object.shape"
local types = require "kvm.type"

local M = {}

local MAX_HEIGHT <const> = 128 -- 2 log2 of more nodes than there is memory for
local BLACK <const> = 1

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = ("rbtree: node 0x%x: "):format(addr) .. form:format(...)}, 0)
end

-- What all walks of a tree share: offsets, and the address of the node at the top.
local function tree_of(root, name)
  local kind = object.is_object(root) and object.typeof(root):name()
  if kind ~= "rb_root" and kind ~= "rb_root_cached" then
    error(("bad argument to '%s' (struct rb_root or rb_root_cached expected)"):format(name), 3)
  end
  local k = object.handle(root)
  local t = "struct rb_node"
  local top = object.addr(root, kind == "rb_root" and "rb_node" or "rb_root.rb_node")
  return {
    k = k, top = k:ptr(top), root = root, cached = kind == "rb_root_cached",
    left = types.offsetof(k, t, "rb_left"), right = types.offsetof(k, t, "rb_right"),
    parent = types.offsetof(k, t, "__rb_parent_color"),
  }
end

local function child(tree, node, side)
  local addr = tree.k:ptr(node + tree[side])
  if addr == 0 then return nil end
  local parent = tree.k:ptr(addr + tree.parent) & ~3
  if parent ~= node then fail(addr, "its parent is 0x%x, it hangs below 0x%x", parent, node) end
  if side == "right" and addr == tree.k:ptr(node + tree.left) then fail(addr, "it hangs on both sides of 0x%x", node) end
  return addr
end

-- An iterator of node addresses in order; NEAR is the side that comes first.
local function in_order(tree, near, far, max)
  local stack, left = {}, max or math.maxinteger
  local function descend(node)
    while node do
      if #stack >= MAX_HEIGHT then fail(node, "the tree is higher than %d", MAX_HEIGHT) end
      stack[#stack + 1] = node
      node = child(tree, node, near)
    end
  end
  local pending = tree.top ~= 0 and tree.top or nil
  if pending and tree.k:ptr(pending + tree.parent) & ~3 ~= 0 then fail(pending, "the root has a parent") end
  local last
  return function()
    if last then pending = child(tree, last, far) end
    descend(pending)
    local node = table.remove(stack)
    if not node then return nil end
    if left == 0 then fail(node, "the tree has more than %d nodes", max) end
    left, last = left - 1, node
    return node
  end
end

local function pre_order(tree)
  local stack = {tree.top ~= 0 and tree.top or nil}
  return function()
    local node = table.remove(stack)
    if not node then return nil end
    local right, left = child(tree, node, "right"), child(tree, node, "left")
    if #stack > MAX_HEIGHT then fail(node, "the tree is higher than %d", MAX_HEIGHT) end
    stack[#stack + 1] = right
    stack[#stack + 1] = left
    return node
  end
end

local function objects(k, t, offset, step)
  return function()
    local node = step()
    return node and shapes.at(k, t, node - offset) or nil
  end
end

local function entries(t, root, member, name, how)
  local tree = tree_of(root, name)
  if type(t) == "string" then t = types.of(tree.k, t) end
  return objects(tree.k, t, types.offsetof(tree.k, t:strip(), member), how(tree))
end

local function nodes(root, name, how)
  local tree = tree_of(root, name)
  return objects(tree.k, types.of(tree.k, "struct rb_node"), 0, how(tree))
end

local function ascending(max) return function(tree) return in_order(tree, "left", "right", max) end end
local function descending(max) return function(tree) return in_order(tree, "right", "left", max) end end

--- The nodes of a tree in order.
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @tparam[opt] integer max nodes; more are an error
-- @return iterator of objects `struct rb_node`
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- for node in kvm.linux.rbtree.for_each(root) do assert(kvm.addr(node) ~= 0) end
function M.for_each(root, max)
  return nodes(root, "for_each", ascending(max))
end

--- The nodes of a tree, the last first.
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @tparam[opt] integer max nodes; more are an error
-- @return iterator of objects `struct rb_node`
-- @raise kvm.Error as for_each
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- for node in kvm.linux.rbtree.for_each_reverse(root) do assert(kvm.addr(node) ~= 0) end
function M.for_each_reverse(root, max)
  return nodes(root, "for_each_reverse", descending(max))
end

--- The entries of a tree in order: what its nodes are members of.
-- @tparam string|kvm.Type t struct of the entries
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @tparam string member path of the node in an entry
-- @tparam[opt] integer max entries; more are an error
-- @return iterator of objects
-- @raise kvm.Error as for_each; `notfound`
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- for se in kvm.linux.rbtree.for_each_entry("struct sched_entity", root, "run_node") do assert(se.on_rq == 1) end
function M.for_each_entry(t, root, member, max)
  return entries(t, root, member, "for_each_entry", ascending(max))
end

--- The entries of a tree, the last first.
-- @tparam string|kvm.Type t struct of the entries
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @tparam string member path of the node in an entry
-- @tparam[opt] integer max entries; more are an error
-- @return iterator of objects
-- @raise kvm.Error as for_each_entry
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- for se in kvm.linux.rbtree.for_each_entry_reverse("struct sched_entity", root, "run_node") do assert(se.on_rq == 1) end
function M.for_each_entry_reverse(t, root, member, max)
  return entries(t, root, member, "for_each_entry_reverse", descending(max))
end

--- The entries of a tree, each before those below it: what is next to the root first.
-- @tparam string|kvm.Type t struct of the entries
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @tparam string member path of the node in an entry
-- @return iterator of objects
-- @raise kvm.Error as for_each_entry
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- for se in kvm.linux.rbtree.for_each_entry_preorder("struct sched_entity", root, "run_node") do assert(se.on_rq == 1) end
function M.for_each_entry_preorder(t, root, member)
  return entries(t, root, member, "for_each_entry_preorder", pre_order)
end

--- Whether a tree has no nodes.
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @treturn boolean
-- @raise kvm.Error
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- assert(type(kvm.linux.rbtree.empty(root)) == "boolean")
function M.empty(root)
  return tree_of(root, "empty").top == 0
end

--- The first entry of a tree.
-- @tparam string|kvm.Type t struct of the entries
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @tparam string member path of the node in an entry
-- @return object; nil when the tree is empty
-- @raise kvm.Error as for_each_entry
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- local se = kvm.linux.rbtree.first("struct sched_entity", root, "run_node") assert(not se or se.on_rq == 1)
function M.first(t, root, member)
  return M.for_each_entry(t, root, member)()
end

--- The last entry of a tree.
-- @tparam string|kvm.Type t struct of the entries
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @tparam string member path of the node in an entry
-- @return object; nil when the tree is empty
-- @raise kvm.Error as for_each_entry
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- local se = kvm.linux.rbtree.last("struct sched_entity", root, "run_node") assert(not se or se.on_rq == 1)
function M.last(t, root, member)
  return M.for_each_entry_reverse(t, root, member)()
end

--- The entry of a tree that a comparison finds, in as many steps as the tree is high.
-- @tparam string|kvm.Type t struct of the entries
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @tparam string member path of the node in an entry
-- @tparam function compare of an entry: negative when what is looked for lies before it, positive behind it, 0 when it is it
-- @return object, nil when there is none
-- @raise kvm.Error as for_each_entry
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- assert(not kvm.linux.rbtree.find("struct sched_entity", root, "run_node", function() return -1 end))
function M.find(t, root, member, compare)
  local tree = tree_of(root, "find")
  if type(t) == "string" then t = types.of(tree.k, t) end
  local offset = types.offsetof(tree.k, t:strip(), member)
  local node = tree.top ~= 0 and tree.top or nil
  for _ = 1, MAX_HEIGHT do
    if not node then return nil end
    local entry = shapes.at(tree.k, t, node - offset)
    local order = compare(entry)
    if order == 0 then return entry end
    node = child(tree, node, order < 0 and "left" or "right")
  end
  return fail(node, "the tree is higher than %d", MAX_HEIGHT)
end

-- Nodes below and at NODE, and black ones on each way down.
local function check(tree, node, above_red, depth)
  if not node then return 0, 0 end
  if depth > MAX_HEIGHT then fail(node, "the tree is higher than %d", MAX_HEIGHT) end
  local red = tree.k:ptr(node + tree.parent) & BLACK == 0
  if red and above_red then fail(node, "it is red, and so is its parent") end
  local left, left_black = check(tree, child(tree, node, "left"), red, depth + 1)
  local right, right_black = check(tree, child(tree, node, "right"), red, depth + 1)
  if left_black ~= right_black then fail(node, "%d black nodes on the left, %d on the right", left_black, right_black) end
  return left + right + 1, left_black + (red and 0 or 1)
end

local function validate(root)
  local tree = tree_of(root, "validate")
  local top = tree.top ~= 0 and tree.top or nil
  if top and tree.k:ptr(top + tree.parent) ~= BLACK then fail(top, "the root is red, or has a parent") end
  local count = check(tree, top, false, 1)
  if tree.cached then
    local first, cached = in_order(tree, "left", "right")() or 0, tree.k:ptr(object.addr(root, "rb_leftmost"))
    if first ~= cached then fail(cached, "it is cached as the leftmost, which is 0x%x", first) end
  end
  return count
end

--- Goes over a whole tree and tells what is wrong with it: links, colours, the cached leftmost node.
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @treturn[1] integer its nodes
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- assert(kvm.linux.rbtree.validate(root))
function M.validate(root)
  return kvm_error.try(validate, root)
end

return M
