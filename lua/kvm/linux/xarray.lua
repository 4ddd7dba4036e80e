-- SPDX-License-Identifier: BSD-2-Clause
-- linux/xarray.h: sparse arrays of pointers, also what radix trees and IDRs are made of since 4.20. Each node must name its array,
-- its parent and its slot there, so no walk runs in a circle. An entry is a pointer, or a value (bit 0); internal ones (low bits
-- 2) are nodes, siblings of an entry that has several indices, or marks of an unfinished change. Checked against Linux 5.10 to 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local shapes = require "kvm.object.shape"
local types = require "kvm.type"

local M = {}

-- include/linux/xarray.h: xa_mk_internal and what it is used for
local INTERNAL <const>, KIND <const> = 2, 3
local LOWEST_NODE <const> = 4096
local RETRY <const>, ZERO <const> = 256 << 2 | INTERNAL, 257 << 2 | INTERNAL
local MAX_SHIFT <const> = 63
local MARKS <const>, FREE_MARK <const>, TRACK_FREE <const> = 3, 0, 4 -- XA_MAX_MARKS, XA_FREE_MARK, XA_FLAGS_TRACK_FREE (ROOT_IS_IDR)

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = ("xarray: node 0x%x: "):format(addr) .. form:format(...)}, 0)
end

--- Whether an entry is a value (an integer), no pointer.
-- @tparam integer entry
-- @treturn boolean
-- @usage assert(require "kvm.linux.xarray".is_value(3))
function M.is_value(entry)
  return entry & 1 == 1
end

--- The integer that a value entry stands for.
-- @tparam integer entry
-- @treturn integer
-- @usage assert(require "kvm.linux.xarray".to_value(7) == 3)
function M.to_value(entry)
  return entry >> 1
end

--- Whether an entry only reserves its index (XA_ZERO_ENTRY).
-- @tparam integer entry
-- @treturn boolean
-- @usage assert(not require "kvm.linux.xarray".is_zero(0))
function M.is_zero(entry)
  return entry == ZERO
end

local function is_internal(entry) return entry & KIND == INTERNAL end
local function is_node(entry) return is_internal(entry) and math.ult(LOWEST_NODE, entry) end

local layouts = setmetatable({}, {__mode = "k"})

-- Offsets, and how many slots a node has (CONFIG_BASE_SMALL: 16, else 64).
local function layout_of(k)
  local l = layouts[k]
  if l then return l end
  local t = "struct xa_node"
  local slots = kvm_error.check(types.of(k, t):strip():field("slots")).type:strip():count()
  l = {slots = types.offsetof(k, t, "slots"), shift = types.offsetof(k, t, "shift"), offset = types.offsetof(k, t, "offset"),
    parent = types.offsetof(k, t, "parent"), array = types.offsetof(k, t, "array"), marks = types.offsetof(k, t, "marks"), count = slots,
    used = types.offsetof(k, t, "count"), values = types.offsetof(k, t, "nr_values"), mark_bytes = (slots + 63) // 64 * 8,
    flags = types.offsetof(k, "struct xarray", "xa_flags")}
  l.bits = 0
  while 1 << l.bits < slots do l.bits = l.bits + 1 end
  if 1 << l.bits ~= slots then kvm_error.fail("unsupported", "struct xa_node with %d slots", slots) end
  layouts[k] = l
  return l
end

local ARRAYS <const> = {xarray = "xa_head", radix_tree_root = "xa_head"}

local function array_of(xa, name)
  local head = object.is_object(xa) and ARRAYS[object.typeof(xa):name() or ""]
  if not head then error(("bad argument to '%s' (struct xarray expected)"):format(name), 3) end
  local k = object.handle(xa)
  return {k = k, addr = object.addr(xa), head = k:ptr(object.addr(xa, head)), at = layout_of(k)}
end

local function shift_of(a, node)
  return a.k:u8(node + a.at.shift)
end

-- The node that ENTRY is, in SLOT of PARENT (0: the head).
local function node_of(a, entry, parent, slot)
  local node = entry - INTERNAL
  local array, up, offset = a.k:ptr(node + a.at.array), a.k:ptr(node + a.at.parent), a.k:u8(node + a.at.offset)
  local shift = shift_of(a, node)
  if array ~= a.addr then fail(node, "it is of the array 0x%x", array) end
  if up ~= parent then fail(node, "its parent is 0x%x, it hangs below 0x%x", up, parent) end
  if parent ~= 0 and offset ~= slot then fail(node, "its slot is %d, it hangs in %d", offset, slot) end
  if shift > MAX_SHIFT then fail(node, "its shift is %d", shift) end
  if parent ~= 0 and a.at.count << shift ~= 1 << shift_of(a, parent) then
    fail(node, "its shift is %d, below one of %d", shift, shift_of(a, parent))
  end
  return node, shift
end

local function slot_at(a, node, i)
  return a.k:ptr(node + a.at.slots + 8 * i)
end

-- Whether an entry is one that a user stored.
local function is_stored(entry)
  return entry ~= 0 and entry ~= RETRY and not is_internal(entry)
end

-- How many slots an entry has: itself and its siblings behind it.
local function span_of(a, node, i)
  local n = 1
  while i + n < a.at.count and slot_at(a, node, i + n) == (i << 2 | INTERNAL) do n = n + 1 end
  return n
end

local function is_marked(a, node, i, mark)
  local word = a.k:u64(node + a.at.marks + mark * a.at.mark_bytes + (i // 64) * 8)
  return word >> (i % 64) & 1 == 1
end

local walk
function walk(a, node, shift, base, first, last, mark)
  local from = math.ult(base, first) and (first - base) >> shift or 0
  for i = from, a.at.count - 1 do
    local index = base + (i << shift)
    if math.ult(last, index) then return end
    local entry = slot_at(a, node, i)
    if not mark or is_marked(a, node, i, mark) then
      if is_node(entry) and shift > 0 then
        local below, below_shift = node_of(a, entry, node, i)
        walk(a, below, below_shift, index, first, last, mark)
      elseif is_stored(entry) or entry == ZERO then
        coroutine.yield(index, entry, span_of(a, node, i) << shift)
      end
    end
  end
end

local function start(a, first, last, mark)
  if not is_node(a.head) then
    if (is_stored(a.head) or a.head == ZERO) and first == 0 and not mark then coroutine.yield(0, a.head, 1) end
    return
  end
  local node, shift = node_of(a, a.head, 0, 0)
  if shift + a.at.bits < 64 and not math.ult(first, a.at.count << shift) then return end
  walk(a, node, shift, 0, first, last, mark)
end

--- The entries of an array, in order.
-- @param xa `struct xarray` (also as `struct radix_tree_root`)
-- @tparam[opt] integer first index (unsigned)
-- @tparam[opt] integer last index (unsigned)
-- @treturn function an iterator of index, entry (integer: a pointer, or a value, see is_value; what only reserves its index is told
--  as is_zero) and how many indices it has (a folio of several pages is one entry)
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local xa = k:object("init_pid_ns", "struct pid_namespace").idr.idr_rt
-- for index, entry in kvm.linux.xarray.for_each(xa) do assert(index > 0 and entry ~= 0) end
function M.for_each(xa, first, last)
  local a = array_of(xa, "for_each")
  return coroutine.wrap(function() start(a, first or 0, last or -1, nil) end)
end

--- The entries with a mark, in order.
-- @param xa `struct xarray`
-- @tparam integer mark 0 to 2 (XA_MARK_0: of page cache the dirty pages, XA_MARK_1: those that are written back)
-- @tparam[opt] integer first index (unsigned)
-- @tparam[opt] integer last index (unsigned)
-- @treturn function as that of for_each
-- @raise kvm.Error as for_each
-- @usage local xa = k:object("init_pid_ns", "struct pid_namespace").idr.idr_rt
-- for index in kvm.linux.xarray.for_each_marked(xa, 0) do assert(index >= 0) end
function M.for_each_marked(xa, mark, first, last)
  local a = array_of(xa, "for_each_marked")
  return coroutine.wrap(function() start(a, first or 0, last or -1, mark) end)
end

--- The entries of an array that are pointers, as objects; values are passed over.
-- @tparam string|kvm.Type t what the entries lead to
-- @param xa `struct xarray`
-- @tparam[opt] integer first index (unsigned)
-- @tparam[opt] integer last index (unsigned)
-- @treturn function an iterator of index and object
-- @raise kvm.Error as for_each
-- @usage local xa = k:object("init_pid_ns", "struct pid_namespace").idr.idr_rt
-- for index, pid in kvm.linux.xarray.for_each_entry("struct pid", xa) do assert(pid.numbers[0].nr == index) end
function M.for_each_entry(t, xa, first, last)
  local step, k = M.for_each(xa, first, last), object.handle(xa)
  if type(t) == "string" then t = types.of(k, t) end
  return function()
    for index, entry in step do
      if not M.is_value(entry) and entry ~= ZERO then return index, shapes.at(k, t, entry) end
    end
  end
end

--- The entry of an index.
-- @param xa `struct xarray`
-- @tparam integer index (unsigned)
-- @treturn integer entry; 0 when there is none, or it only reserves its index
-- @raise kvm.Error as for_each
-- @usage local xa = k:object("init_pid_ns", "struct pid_namespace").idr.idr_rt
-- assert(kvm.linux.xarray.load(xa, 1) ~= 0)
function M.load(xa, index)
  local a = array_of(xa, "load")
  local entry, parent, slot, shift = a.head, 0, 0, nil
  while is_node(entry) and shift ~= 0 do
    local node
    node, shift = node_of(a, entry, parent, slot)
    if parent == 0 and shift + a.at.bits < 64 and not math.ult(index, a.at.count << shift) then return 0 end
    parent, slot = node, index >> shift & a.at.count - 1
    entry = slot_at(a, node, slot)
    if is_internal(entry) and entry >> 2 < a.at.count - 1 then entry = slot_at(a, node, entry >> 2) end -- a sibling
  end
  if shift == nil and index ~= 0 then return 0 end
  return is_stored(entry) and entry or 0
end

-- What a node says of its slots must be so: how many are in use, how many of them hold values, and which marks there are below.
-- Returns the entries below, and which marks.
local check
function check(a, node, shift, free)
  local entries, used, values, marks = 0, 0, 0, {[0] = false, false, false}
  for i = 0, a.at.count - 1 do
    local entry = slot_at(a, node, i)
    local below = nil -- marks of the node there
    if is_node(entry) and shift > 0 then
      local at, at_shift = node_of(a, entry, node, i)
      local n, found = check(a, at, at_shift, free)
      entries, below = entries + n, found
    elseif is_stored(entry) or entry == ZERO then
      entries = entries + 1
    end
    for mark = 0, MARKS - 1 do
      local set = is_marked(a, node, i, mark)
      if below and set ~= below[mark] then
        fail(node, "slot %d %s mark %d, the node there %s", i, set and "has" or "lacks", mark, set and "does not" or "has it")
      end
      marks[mark] = marks[mark] or set
    end
    local owner = entry
    if is_internal(entry) and entry >> 2 < i then owner = slot_at(a, node, entry >> 2) end -- a sibling
    if M.is_value(owner) then values = values + 1 end
    if entry ~= 0 or free and not is_marked(a, node, i, FREE_MARK) then used = used + 1 end -- an IDR's NULL counts
  end
  local said, said_values = a.k:u8(node + a.at.used), a.k:u8(node + a.at.values)
  if said ~= used then fail(node, "it says that %d slots are in use, %d are", said, used) end
  if said_values ~= values then fail(node, "it says that %d slots hold values, %d do", said_values, values) end
  return entries, marks
end

--- Goes over a whole array and tells what is wrong with it: links, and what the nodes say of how many slots are in use, of values and of
-- marks.
-- @param xa `struct xarray`
-- @treturn[1] integer its entries
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage local xa = k:object("init_pid_ns", "struct pid_namespace").idr.idr_rt
-- assert(kvm.linux.xarray.validate(xa))
function M.validate(xa)
  local a = array_of(xa, "validate")
  if not is_node(a.head) then return (is_stored(a.head) or a.head == ZERO) and 1 or 0 end
  return kvm_error.try(function()
    local node, shift = node_of(a, a.head, 0, 0)
    return (check(a, node, shift, a.k:u32(a.addr + a.at.flags) & TRACK_FREE ~= 0))
  end)
end

return M
