-- SPDX-License-Identifier: BSD-2-Clause
-- linux/kernfs.h: names and paths of what sysfs and cgroups are made of. A node's parent is `parent`, since 6.15 `__parent`. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"

local M = {}

local MAX_DEPTH <const> = 512

--- The node above.
-- @param node `struct kernfs_node`
-- @return `struct kernfs_node`; nil for a root
-- @raise kvm.Error
-- @usage assert(kvm.linux.kernfs.parent(kvm.linux.cgroup.root(k).kn) == nil)
function M.parent(node)
  if object.typeof(node):strip():field "__parent" then return node.__parent end
  return node.parent
end

--- The name of a node.
-- @param node `struct kernfs_node`
-- @treturn string "" for a root
-- @raise kvm.Error
-- @usage assert(kvm.linux.kernfs.name(kvm.linux.cgroup.root(k).kn) == "")
function M.name(node)
  return M.parent(node) and object.string(node.name) or ""
end

--- The path of a node from its root.
-- @param node `struct kernfs_node`
-- @treturn string "/" for a root
-- @raise kvm.Error `format` for a path that does not end
-- @usage assert(kvm.linux.kernfs.path(kvm.linux.cgroup.root(k).kn) == "/")
function M.path(node)
  local parts, at = {}, node
  for _ = 1, MAX_DEPTH do
    local parent = M.parent(at)
    if not parent then return "/" .. table.concat(parts, "/") end
    table.insert(parts, 1, (object.string(at.name)))
    at = parent
  end
  return kvm_error.fail("format", "the path of the kernfs node at 0x%x has more than %d components", object.addr(node), MAX_DEPTH)
end

return M
