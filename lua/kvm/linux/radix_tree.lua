-- SPDX-License-Identifier: BSD-2-Clause
-- linux/radix-tree.h: since 4.20 only another name of the XArray (struct radix_tree_root is struct xarray, radix_tree_node xa_node, tags
-- are marks), of which kvm.linux.xarray tells more. Checked against Linux 5.10 to 7.2. Leaves out what 4.19 and older have.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local xarray = require "kvm.linux.xarray"

local M = {}

M.MAX_TAGS = 3 -- RADIX_TREE_MAX_TAGS

--- The entries of a tree, in order.
-- @param root `struct radix_tree_root`, which is `struct xarray`
-- @tparam[opt] integer first index (unsigned)
-- @tparam[opt] integer last index (unsigned)
-- @treturn function an iterator of index and entry (integers)
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage for index in kvm.linux.radix_tree.for_each(k:object("init_pid_ns", "struct pid_namespace").idr.idr_rt) do assert(index > 0) end
function M.for_each(root, first, last)
  return xarray.for_each(root, first, last)
end

--- The entries of a tree, as objects.
-- @tparam string|kvm.Type t what the entries lead to
-- @param root `struct radix_tree_root`, which is `struct xarray`
-- @treturn function an iterator of index and object
-- @raise kvm.Error as for_each
-- @usage local root = k:object("init_pid_ns", "struct pid_namespace").idr.idr_rt
-- for index, pid in kvm.linux.radix_tree.for_each_entry("struct pid", root) do assert(pid.numbers[0].nr == index) end
function M.for_each_entry(t, root)
  return xarray.for_each_entry(t, root)
end

--- The entries of a tree that have a tag.
-- @param root `struct radix_tree_root`, which is `struct xarray`
-- @tparam integer tag 0 to 2
-- @treturn function an iterator of index and entry (integers)
-- @raise kvm.Error as for_each; `inval` for other tags
-- @usage local root = k:object("init_pid_ns", "struct pid_namespace").idr.idr_rt
-- for index in kvm.linux.radix_tree.for_each_tagged(root, 1) do error(index) end
function M.for_each_tagged(root, tag)
  if tag < 0 or tag >= M.MAX_TAGS then kvm_error.fail("inval", "there is no tag %d", tag) end
  return xarray.for_each_marked(root, tag)
end

--- The entry of an index.
-- @param root `struct radix_tree_root`, which is `struct xarray`
-- @tparam integer index (unsigned)
-- @tparam[opt] string|kvm.Type t what it leads to
-- @return integer (0 when there is none); with T an object (nil when there is none)
-- @raise kvm.Error as for_each
-- @usage local root = k:object("init_pid_ns", "struct pid_namespace").idr.idr_rt
-- assert(kvm.linux.radix_tree.lookup(root, 1, "struct pid").numbers[0].nr == 1)
function M.lookup(root, index, t)
  local entry = xarray.load(root, index)
  if not t then return entry end
  return entry ~= 0 and object.handle(root):object(entry, t) or nil
end

return M
