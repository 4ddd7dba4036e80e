-- SPDX-License-Identifier: BSD-2-Clause
-- linux/maple_tree.h: ranges of indices to pointers, since 6.1. Each node must name its parent and its slot there, and its pivots
-- must ascend, so no walk runs in a circle. A pointer to a node has the node's type in bits 3 to 6. Checked against Linux 6.1,
-- 6.12 and 7.2 (lib/maple_tree.c: mte_node_type, mte_parent_slot, ma_data_end).
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local INTERNAL <const>, KIND <const>, LOWEST_NODE <const> = 2, 3, 4096 -- the root is marked as an XArray's nodes are
local ENODE_NULL <const> = 4 -- MAPLE_ENODE_NULL, set in all other pointers to nodes
local NODE_MASK <const> = 0xff -- nodes are aligned to 256 bytes
local TYPE_SHIFT <const>, TYPE_MASK <const> = 3, 0xf
local ROOT_PARENT <const> = 1
local SLOT_SHIFT <const>, SLOT_MASK <const> = 3, 0x1f
local ZERO <const> = 257 << 2 | INTERNAL -- XA_ZERO_ENTRY: only reserves its range
local MAX_HEIGHT <const> = 31            -- MAPLE_HEIGHT_MAX
local ALLOC_RANGE <const> = 1            -- MT_FLAGS_ALLOC_RANGE: internal nodes know the gaps below them

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = ("maple tree: node 0x%x: "):format(addr) .. form:format(...)}, 0)
end

local function is_root(entry) return entry & KIND == INTERNAL and math.ult(LOWEST_NODE, entry) end

local layouts = setmetatable({}, {__mode = "k"})

-- Slots and pivots of a type of node, by its number in enum maple_type.
local function form_of(k, t, prefix, leaf)
  local f = {slot = types.offsetof(k, t, prefix .. "slot"), pivots = 0, leaf = leaf}
  f.slots = kvm_error.check(types.of(k, t):strip():field(prefix .. "slot")).type:strip():count()
  local pivot = types.of(k, t):strip():field(prefix .. "pivot")
  if pivot then
    f.pivot, f.pivots = types.offsetof(k, t, prefix .. "pivot"), pivot.type:strip():count()
    f.last_slot = types.offsetof(k, t, prefix .. "meta.end")
  end
  if types.of(k, t):strip():field(prefix .. "gap") then
    f.gap, f.largest_gap = types.offsetof(k, t, prefix .. "gap"), types.offsetof(k, t, prefix .. "meta.gap")
  end
  return f
end

local function layout_of(k)
  local l = layouts[k]
  if l then return l end
  local enum = {}
  for _, e in ipairs(types.of(k, "enum maple_type"):strip():enumerators()) do enum[e.name] = e.value end
  l = {parent = types.offsetof(k, "struct maple_node", "parent"), flags = types.offsetof(k, "struct maple_tree", "ma_flags"), forms = {
    [enum.maple_dense] = form_of(k, "struct maple_node", "", true),
    [enum.maple_leaf_64] = form_of(k, "struct maple_node", "mr64.", true),
    [enum.maple_range_64] = form_of(k, "struct maple_node", "mr64.", false),
    [enum.maple_arange_64] = form_of(k, "struct maple_node", "ma64.", false),
  }}
  layouts[k] = l
  return l
end

local function tree_of(mt, name)
  if not object.is_object(mt) or object.typeof(mt):name() ~= "maple_tree" then
    error(("bad argument to '%s' (struct maple_tree expected)"):format(name), 3)
  end
  local k = object.handle(mt)
  return {k = k, addr = object.addr(mt), root = k:ptr(object.addr(mt, "ma_root")), at = layout_of(k)}
end

-- The node that ENTRY is, in SLOT of PARENT (nil: the root).
local function node_of(tree, entry, parent, slot)
  local node = entry & ~NODE_MASK
  local form = tree.at.forms[entry >> TYPE_SHIFT & TYPE_MASK]
  if not form then fail(node, "it is of type %d", entry >> TYPE_SHIFT & TYPE_MASK) end
  local up = tree.k:ptr(node + tree.at.parent)
  if up & ~NODE_MASK == node then fail(node, "it is dead, of an earlier tree") end -- ma_dead_node
  if not parent then
    if up ~= tree.addr | ROOT_PARENT then fail(node, "it is not the root of the tree at 0x%x", tree.addr) end
  elseif up & ~NODE_MASK ~= parent then
    fail(node, "its parent is 0x%x, it hangs below 0x%x", up & ~NODE_MASK, parent)
  elseif up >> SLOT_SHIFT & SLOT_MASK ~= slot then
    fail(node, "its slot is %d, it hangs in %d", up >> SLOT_SHIFT & SLOT_MASK, slot)
  end
  return node, form
end

-- The last slot of a node that ends at MAX (ma_data_end). Where there is room behind it, its number takes the place of a slot.
local function end_of(tree, node, form, max)
  if form.pivots == 0 then return form.slots - 1 end
  if not form.gap then
    local p = tree.k:u64(node + form.pivot + 8 * (form.pivots - 1))
    if p == max then return form.pivots - 1 end
    if p ~= 0 then return form.slots - 1 end
  end
  local last = tree.k:u8(node + form.last_slot)
  if last >= form.slots then fail(node, "slot %d is its last, of %d", last, form.slots) end
  return last
end

-- The last index of slot I, of a node that has slots to LAST and indices to MAX.
local function pivot_at(tree, node, form, i, last, min, max)
  if form.pivots == 0 then return min end -- dense: one index each
  if i == last then return max end
  local p = tree.k:u64(node + form.pivot + 8 * i)
  if math.ult(p, min) or not math.ult(p, max) then fail(node, "pivot %d is 0x%x, between 0x%x and 0x%x", i, p, min, max) end
  return p
end

-- Calls VISIT(slot number, first index, last index, entry) for each slot, until it returns true.
local function each_slot(tree, node, form, min, max, visit)
  local last = end_of(tree, node, form, max)
  for i = 0, last do
    local to = pivot_at(tree, node, form, i, last, min, max)
    if visit(i, min, to, tree.k:ptr(node + form.slot + 8 * i)) or to == max then return end
    min = to + 1
  end
end

local function below(tree, node, i, entry, depth)
  if entry & (KIND | ENODE_NULL) ~= ENODE_NULL then fail(node, "slot %d holds 0x%x, no node", i, entry) end
  if depth > MAX_HEIGHT then fail(node, "the tree is higher than %d", MAX_HEIGHT) end
  return node_of(tree, entry, node, i)
end

local walk
function walk(tree, node, form, min, max, first, last, depth)
  each_slot(tree, node, form, min, max, function(i, from, to, entry)
    if math.ult(last, from) then return true end
    if math.ult(to, first) then return false end
    if not form.leaf then
      local inner, inner_form = below(tree, node, i, entry, depth + 1)
      walk(tree, inner, inner_form, from, to, first, last, depth + 1)
    elseif entry ~= 0 and entry ~= ZERO then
      coroutine.yield(from, to, entry)
    end
  end)
end

local function start(tree, first, last)
  if not is_root(tree.root) then
    if tree.root ~= 0 and first == 0 then coroutine.yield(0, 0, tree.root) end
    return
  end
  local node, form = node_of(tree, tree.root)
  walk(tree, node, form, 0, -1, first, last, 1)
end

--- The entries of a tree, in order.
-- @param mt `struct maple_tree`
-- @tparam[opt] integer first index (unsigned)
-- @tparam[opt] integer last index (unsigned)
-- @treturn function an iterator of the first and the last index of an entry (integers, unsigned) and the entry (integer: a
--  pointer, or a value as in an XArray)
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local init = kvm.linux.list.first_entry("struct task_struct", k:object("init_task").tasks, "tasks")
-- for first, last in kvm.linux.maple_tree.for_each(init.mm.mm_mt) do assert(math.ult(first, last)) end
function M.for_each(mt, first, last)
  local tree = tree_of(mt, "for_each")
  return coroutine.wrap(function() start(tree, first or 0, last or -1) end)
end

--- The entries of a tree, as objects.
-- @tparam string|kvm.Type t what the entries lead to
-- @param mt `struct maple_tree`
-- @tparam[opt] integer first index (unsigned)
-- @tparam[opt] integer last index (unsigned)
-- @return iterator of objects
-- @raise kvm.Error as for_each
-- @usage local init = kvm.linux.list.first_entry("struct task_struct", k:object("init_task").tasks, "tasks")
-- for vma in kvm.linux.maple_tree.for_each_entry("struct vm_area_struct", init.mm.mm_mt) do assert(vma.vm_mm == init.mm) end
function M.for_each_entry(t, mt, first, last)
  local k, step = object.handle(mt), M.for_each(mt, first, last)
  return function()
    local _, _, entry = step()
    return entry and k:object(entry, t) or nil
  end
end

--- The entry of an index.
-- @param mt `struct maple_tree`
-- @tparam integer index (unsigned)
-- @treturn integer entry; 0 when there is none
-- @raise kvm.Error as for_each
-- @usage local init = kvm.linux.list.first_entry("struct task_struct", k:object("init_task").tasks, "tasks")
-- assert(kvm.linux.maple_tree.load(init.mm.mm_mt, init.mm.start_code) ~= 0)
function M.load(mt, index)
  local _, _, entry = M.for_each(mt, index, index)()
  return entry or 0
end

local function max_of(a, b) return math.ult(a, b) and b or a end

-- Entries below a node, and how many indices its largest gap has. With GAPS what it says of gaps must be so; the root's parent says
-- nothing, as does a leaf.
local check
function check(tree, node, form, min, max, gaps, depth)
  local entries, largest, run, last = 0, 0, 0, 0 -- run: of single empty slots
  each_slot(tree, node, form, min, max, function(i, from, to, entry)
    last = i
    if form.leaf then
      run = entry == 0 and (form.pivots == 0 and run or 0) + (to - from + 1) or 0
      largest = max_of(largest, run)
      if entry ~= 0 and entry ~= ZERO then entries = entries + 1 end
      return
    end
    local inner, inner_form = below(tree, node, i, entry, depth + 1)
    local n, gap = check(tree, inner, inner_form, from, to, gaps, depth + 1)
    entries, largest = entries + n, max_of(largest, gap)
    local said = gaps and form.gap and tree.k:u64(node + form.gap + 8 * i) or gap
    if said ~= gap then fail(node, "it says that slot %d has a gap of 0x%x, which is 0x%x", i, said, gap) end
  end)
  if gaps and form.gap then
    local said = tree.k:u8(node + form.largest_gap)
    if said > last or tree.k:u64(node + form.gap + 8 * said) ~= largest then
      fail(node, "it says that slot %d has its largest gap, which is 0x%x", said, largest)
    end
  end
  return entries, largest
end

--- Goes over a whole tree and tells what is wrong with it: links, pivots, and of trees that track free ranges what the nodes say of them.
-- @param mt `struct maple_tree`
-- @treturn[1] integer its entries
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage local init = kvm.linux.list.first_entry("struct task_struct", k:object("init_task").tasks, "tasks")
-- local n, err = kvm.linux.maple_tree.validate(init.mm.mm_mt) assert(n == init.mm.map_count or err.code == "excluded")
function M.validate(mt)
  local tree = tree_of(mt, "validate")
  if not is_root(tree.root) then return tree.root ~= 0 and 1 or 0 end
  return kvm_error.try(function()
    local node, form = node_of(tree, tree.root)
    return (check(tree, node, form, 0, -1, tree.k:u32(tree.addr + tree.at.flags) & ALLOC_RANGE ~= 0, 1))
  end)
end

return M
