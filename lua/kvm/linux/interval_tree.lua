-- SPDX-License-Identifier: BSD-2-Clause
-- linux/interval_tree.h, linux/interval_tree_generic.h: red-black trees of ranges, ordered by their first value; each node also knows
-- the highest last value below it. Three of the kernel's are described here (lib/interval_tree.c, mm/interval_tree.c); others by a
-- table of the caller. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local rbtree = require "kvm.linux.rbtree"
local types = require "kvm.type"

local M = {}

-- An area of a mapped file, in pages of the file.
local function area_first(area) return area.vm_pgoff end
local function area_last(area)
  return area.vm_pgoff + (area.vm_end - area.vm_start) // object.handle(area):page_size() - 1
end

--- Descriptions of trees, as for_each takes them: type of the entries, node and subtree (paths of the rb_node and of the highest last
-- value), first and last (functions of an entry). RANGES: struct interval_tree_node, in unsigned longs. MAPPINGS: the areas of
-- address_space.i_mmap, in pages of the file. ANON: those of anon_vma.rb_root (struct anon_vma_chain), likewise.
M.RANGES = {type = "struct interval_tree_node", node = "rb", subtree = "__subtree_last",
  first = function(n) return n.start end, last = function(n) return n.last end}
M.MAPPINGS = {type = "struct vm_area_struct", node = "shared.rb", subtree = "shared.rb_subtree_last", first = area_first, last = area_last}
M.ANON = {type = "struct anon_vma_chain", node = "rb", subtree = "rb_subtree_last",
  first = function(c) return area_first(c.vma) end, last = function(c) return area_last(c.vma) end}

local function describe(root, tree, name)
  if type(tree) ~= "table" or not tree.type or not tree.first then
    error(("bad argument to '%s' (description of a tree expected)"):format(name), 3)
  end
  local k = object.handle(root)
  local t = type(tree.type) == "string" and types.of(k, tree.type) or tree.type
  return k, t, types.offsetof(k, t:strip(), tree.subtree)
end

--- The entries of a tree that overlap a range, in the order of their first values.
-- @param root `struct rb_root_cached` (or `struct rb_root`)
-- @tparam table tree how it is made: RANGES, MAPPINGS, ANON, or another such table
-- @tparam[opt] integer first of the range (unsigned); absent: 0
-- @tparam[opt] integer last of the range (unsigned); absent: all that follow
-- @return iterator of objects
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local interval_tree, file = kvm.linux.interval_tree, nil
-- for task in kvm.linux.list.for_each_entry("struct task_struct", k:object("init_task").tasks, "tasks") do
-- file = file or task.mm and task.mm.exe_file end
-- for area in interval_tree.for_each(file.f_mapping.i_mmap, interval_tree.MAPPINGS) do assert(area.vm_file.f_mapping == file.f_mapping) end
function M.for_each(root, tree, first, last)
  local k, t, subtree = describe(root, tree, "for_each")
  first, last = first or 0, last or -1
  local step = rbtree.for_each_entry_below(t, root, tree.node, function(entry)
    return not math.ult(k:u64(object.addr(entry) + subtree), first) -- else nothing there ends late enough
  end)
  return function()
    for entry in step do
      if math.ult(last, tree.first(entry)) then return nil end
      if not math.ult(tree.last(entry), first) then return entry end
    end
  end
end

-- How many entries there are; raises where they are out of order or the highest last value below one is not what it says.
local function check(root, tree)
  local k, t, subtree = describe(root, tree, "validate")
  local node_offset = types.offsetof(k, t:strip(), tree.node)
  local highest, count, before = {}, 0, nil
  for entry in rbtree.for_each_entry(t, root, tree.node) do
    local first = tree.first(entry)
    if before and math.ult(first, before) then
      error(kvm_error.new {code = "format", addr = object.addr(entry), message =
        ("interval tree: the entry at 0x%x starts at 0x%x, behind one at 0x%x"):format(object.addr(entry), first, before)}, 0)
    end
    before, count = first, count + 1
  end
  for entry in rbtree.for_each_entry_postorder(t, root, tree.node) do
    local at, most = object.addr(entry), tree.last(entry)
    local node = object.cast(at + node_offset, types.of(k, "struct rb_node"))
    for _, side in ipairs {"rb_left", "rb_right"} do
      local below = node[side] and highest[object.addr(node[side])]
      if below and math.ult(most, below) then most = below end
      if below then highest[object.addr(node[side])] = nil end
    end
    if k:u64(at + subtree) ~= most then
      error(kvm_error.new {code = "format", addr = at, message =
        ("interval tree: the entry at 0x%x says that all below ends at 0x%x, not 0x%x"):format(at, k:u64(at + subtree), most)}, 0)
    end
    highest[at + node_offset] = most
  end
  return count
end

--- Goes over a whole tree and tells what is wrong with it: links, colours, order, the highest values.
-- @param root `struct rb_root_cached` (or `struct rb_root`)
-- @tparam table tree as for_each takes it
-- @treturn[1] integer its entries
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage local interval_tree, file = kvm.linux.interval_tree, nil
-- for task in kvm.linux.list.for_each_entry("struct task_struct", k:object("init_task").tasks, "tasks") do
-- file = file or task.mm and task.mm.exe_file end
-- assert(interval_tree.validate(file.f_mapping.i_mmap, interval_tree.MAPPINGS))
function M.validate(root, tree)
  local count, err = rbtree.validate(root)
  if not count then return nil, err end
  return kvm_error.try(check, root, tree)
end

return M
