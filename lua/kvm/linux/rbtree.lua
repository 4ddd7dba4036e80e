-- SPDX-License-Identifier: BSD-2-Clause
-- linux/rbtree.h: red-black trees. Each node must name its parent, so no walk runs in a circle; a damaged tree ends a walk with
-- an error that names the node. The parent's address shares a word with the colour (bit 0: black). In struct rb_root_linked (7.2)
-- the nodes are also linked in order. Checked against Linux 5.10 to 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local shapes = require "kvm.object.shape"
local types = require "kvm.type"

local M = {}

local MAX_HEIGHT <const> = 128 -- 2 log2 of more nodes than there is memory for
local BLACK <const> = 1

-- Where the address of the node at the top is.
local ROOTS <const> = {rb_root = "rb_node", rb_root_cached = "rb_root.rb_node", rb_root_linked = "rb_root.rb_node"}

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = ("rbtree: node 0x%x: "):format(addr) .. form:format(...)}, 0)
end

-- What all walks of a tree share: offsets, and the address of the node at the top.
local function tree_of(root, name)
  local kind = object.is_object(root) and object.typeof(root):name()
  local path = ROOTS[kind or ""]
  if not path then error(("bad argument to '%s' (struct rb_root or rb_root_cached expected)"):format(name), 3) end
  local k = object.handle(root)
  local t = "struct rb_node"
  return {
    k = k, top = k:ptr(object.addr(root, path)), root = root, cached = kind ~= "rb_root", linked = kind == "rb_root_linked",
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

-- An iterator of node addresses in order; NEAR is the side that comes first. ENTER(node): whether to go below that node at all.
local function in_order(tree, near, far, max, enter)
  local stack, left = {}, max or math.maxinteger
  local function descend(node)
    while node and (not enter or enter(node)) do
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

-- An iterator of node addresses, each behind those below it.
local function post_order(tree)
  local stack, from = {}, nil -- the way down, and the node that was given last
  local function descend(node)
    while node do
      if #stack >= MAX_HEIGHT then fail(node, "the tree is higher than %d", MAX_HEIGHT) end
      stack[#stack + 1] = node
      node = child(tree, node, "left") or child(tree, node, "right")
    end
  end
  local started = false
  return function()
    if not started then
      started = true
      descend(tree.top ~= 0 and tree.top or nil)
    else
      local up = stack[#stack]
      local right = up and child(tree, up, "right")
      if right and right ~= from then descend(right) end
    end
    from = table.remove(stack)
    return from
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

--- The entries of a tree, each behind those below it: the root last.
-- @tparam string|kvm.Type t struct of the entries
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @tparam string member path of the node in an entry
-- @return iterator of objects
-- @raise kvm.Error as for_each_entry
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- for se in kvm.linux.rbtree.for_each_entry_postorder("struct sched_entity", root, "run_node") do assert(se.on_rq == 1) end
function M.for_each_entry_postorder(t, root, member)
  return entries(t, root, member, "for_each_entry_postorder", post_order)
end

--- Entries of a tree in order, without those parts of the tree that are not asked for: of trees whose nodes know something of all below.
-- @tparam string|kvm.Type t struct of the entries
-- @param root `struct rb_root` or `struct rb_root_cached`
-- @tparam string member path of the node in an entry
-- @tparam function enter of an entry: false passes over it and all below it
-- @return iterator of objects
-- @raise kvm.Error as for_each_entry
-- @usage local root = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline
-- for se in kvm.linux.rbtree.for_each_entry_below("struct sched_entity", root, "run_node", function() return false end) do error(se) end
function M.for_each_entry_below(t, root, member, enter)
  local k = object.is_object(root) and object.handle(root)
  if k and type(t) == "string" then t = types.of(k, t) end
  return entries(t, root, member, "for_each_entry_below", function(tree)
    local offset = types.offsetof(tree.k, t:strip(), member)
    return in_order(tree, "left", "right", nil, function(node) return enter(shapes.at(tree.k, t, node - offset)) end)
  end)
end

-- The node next to NODE: the first one below it on the FAR side, or the one that it lies below on its NEAR side.
local function neighbour(node, near, far, name)
  if not object.is_object(node) or object.typeof(node):name() ~= "rb_node" then
    error(("bad argument to '%s' (struct rb_node expected)"):format(name), 3)
  end
  local k, t = object.handle(node), "struct rb_node"
  local tree = {k = k, left = types.offsetof(k, t, "rb_left"), right = types.offsetof(k, t, "rb_right"),
    parent = types.offsetof(k, t, "__rb_parent_color")}
  local at = object.addr(node)
  local below = child(tree, at, far)
  for _ = 1, MAX_HEIGHT do
    if below then
      at, below = below, child(tree, below, near)
      if not below then return shapes.at(k, types.of(k, t), at) end
    else
      local up = k:ptr(at + tree.parent) & ~3
      if up == 0 then return nil end
      local is_near = k:ptr(up + tree[near]) == at
      if not is_near and k:ptr(up + tree[far]) ~= at then fail(at, "its parent 0x%x does not lead to it", up) end
      if is_near then return shapes.at(k, types.of(k, t), up) end
      at = up
    end
  end
  return fail(at, "the tree is higher than %d", MAX_HEIGHT)
end

--- The node behind a node.
-- @param node `struct rb_node` that is in a tree
-- @return `struct rb_node`; nil for the last one
-- @raise kvm.Error as for_each
-- @usage local root, last = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline, nil
-- for node in kvm.linux.rbtree.for_each(root) do assert(not last or kvm.linux.rbtree.next(last) == node) last = node end
function M.next(node)
  return neighbour(node, "left", "right", "next")
end

--- The node before a node.
-- @param node `struct rb_node` that is in a tree
-- @return `struct rb_node`; nil for the first one
-- @raise kvm.Error as for_each
-- @usage local root, last = require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cfs.tasks_timeline, nil
-- for node in kvm.linux.rbtree.for_each(root) do assert(kvm.linux.rbtree.prev(node) == last) last = node end
function M.prev(node)
  return neighbour(node, "right", "left", "prev")
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

-- The links of struct rb_node_linked, of which the rb_node is the first member: NULL at both ends.
local function check_links(tree)
  local k, t = tree.k, "struct rb_node_linked"
  local prev, next_at = types.offsetof(k, t, "prev"), types.offsetof(k, t, "next")
  local last, linked = 0, nil
  for node in in_order(tree, "left", "right") do
    if linked and linked ~= node then fail(last, "it links to 0x%x, 0x%x follows", linked, node) end
    if k:ptr(node + prev) ~= last then fail(node, "it links back to 0x%x, but follows 0x%x", k:ptr(node + prev), last) end
    last, linked = node, k:ptr(node + next_at)
  end
  if linked and linked ~= 0 then fail(last, "it is the last, and links to 0x%x", linked) end
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
  if tree.linked then check_links(tree) end
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
