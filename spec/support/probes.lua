-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with two struct ftrace_ops, a direct call and two kprobes, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
M.at = {LIST = S, OPS = S + 0x100, OTHER = S + 0x200, STOP = S + 0x300, HASH = S + 0x400, BUCKETS = S + 0x440, ENTRY = S + 0x500,
  OF_OPS = S + 0x600, DIRECT = S + 0x680, TABLE = S + 0x800, PROBE = S + 0xa00, AGGREGATE = S + 0xb00, PART = S + 0xc00,
  RETURNING = S + 0xd00, MODULE = S + 0xe00}

local function bucket(k, head, node)
  assert(k:write(head, ("<I8"):pack(node)))
  assert(k:write(node, ("<I8I8"):pack(0, head)))
end

--- An open handle, a function that sets members, symbols by name (memory.symbols is to be called with them).
function M.open()
  local k, at = memory.open [[
    struct hlist_node { struct hlist_node *next, **pprev; };
    struct hlist_head { struct hlist_node *first; };
    struct ftrace_func_entry { struct hlist_node hlist; unsigned long ip, direct; };
    struct ftrace_hash { unsigned long size_bits; struct hlist_head *buckets; unsigned long count; };
    struct ftrace_ops_hash { struct ftrace_hash *notrace_hash, *filter_hash; };
    struct ftrace_ops { void *func; struct ftrace_ops *next; unsigned long flags; struct ftrace_ops_hash *func_hash; };
    struct kprobe { struct hlist_node hlist; struct list_head list; void *addr; void *pre_handler, *post_handler; };
    struct kretprobe { struct kprobe kp; void *handler, *entry_handler; };
    struct module { unsigned long taints; };
  ]], M.at
  local function set(t, where, members) memory.set(k, "struct " .. t, where, members) end
  assert(k:write(at.LIST, ("<I8I8"):pack(at.OPS, at.HASH)))
  set("ftrace_ops", at.OPS, {func = 0x5010, next = at.OTHER, flags = 1 << 12, func_hash = at.OF_OPS})
  set("ftrace_ops", at.OTHER, {func = 0x1100, next = at.STOP})
  set("ftrace_ops_hash", at.OF_OPS, {filter_hash = at.HASH})
  set("ftrace_hash", at.HASH, {size_bits = 1, buckets = at.BUCKETS, count = 1})
  set("ftrace_func_entry", at.ENTRY, {ip = 0x1200, direct = 0x5020})
  bucket(k, at.BUCKETS + 8, at.ENTRY)
  -- A probe, one that stands for one part, one of a function's return.
  set("kprobe", at.PROBE, {addr = 0x1200, pre_handler = 0x5030, post_handler = 0x1100})
  bucket(k, at.TABLE, at.PROBE)
  set("kprobe", at.AGGREGATE, {addr = 0x1300, pre_handler = 0x1400, ["list.next"] = at.PART + 16, ["list.prev"] = at.PART + 16})
  set("kprobe", at.PART, {addr = 0x1300, pre_handler = 0x30, ["list.next"] = at.AGGREGATE + 16, ["list.prev"] = at.AGGREGATE + 16})
  bucket(k, at.TABLE + 8, at.AGGREGATE)
  set("kretprobe", at.RETURNING, {["kp.addr"] = 0x1300, ["kp.pre_handler"] = 0x1500, handler = 0x5040})
  bucket(k, at.TABLE + 8 * 63, at.RETURNING)
  return k, set, {ftrace_ops_list = at.LIST, direct_functions = at.LIST + 8, ftrace_list_end = at.STOP, kprobe_table = at.TABLE,
    aggr_pre_handler = 0x1400, pre_handler_kretprobe = 0x1500, vfs_read = 0x1200, vfs_write = 0x1300}
end

return M
