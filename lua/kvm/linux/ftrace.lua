-- SPDX-License-Identifier: BSD-2-Clause
-- linux/ftrace.h: what is called when functions of the kernel begin: the list of struct ftrace_ops, each with the functions that it wants
-- (kernel/trace/ftrace.c), and the functions that are sent elsewhere directly (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS). Checked against
-- Linux 5.10, 6.1, 6.12 and 7.2. Leaves out modules that functions are wanted of but not loaded yet.
local hlist = require "kvm.linux.hlist"
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local object = require "kvm.object"

local M = {}

local MOST_OPS <const>, MOST_BITS <const>, MOST <const> = 65536, 24, 1 << 24
local HASH <const>, OPS <const>, ENTRY <const> = "struct ftrace_hash", "struct ftrace_ops", "struct ftrace_func_entry"

--- struct ftrace_ops.flags: it may send functions elsewhere; include/linux/ftrace.h, since 5.7.
M.OPS_FL_IPMODIFY = 1 << 12

--- Those who are called when functions begin.
-- @param k an open handle
-- @treturn function an iterator of `struct ftrace_ops`
-- @raise kvm.Error `notfound`: this kernel traces no functions (CONFIG_FUNCTION_TRACER); `format` for a list that does not end
-- @usage for ops in kvm.linux.ftrace.for_each_ops(k) do assert(ops.func) end
function M.for_each_ops(k)
  local head = kallsyms.need(k, {"ftrace_ops_list"}, "list of traced functions", "CONFIG_FUNCTION_TRACER")
  local at, stop, count = k:ptr(head), kallsyms.address(k, "ftrace_list_end"), 0
  return function()
    if at == stop or at == 0 then return nil end
    count = count + 1
    if count > MOST_OPS then kvm_error.fail("format", "the list of struct ftrace_ops at 0x%x does not end", head) end
    local ops = kvm_error.check(k:object(at, OPS))
    at = k:ptr(object.addr(ops, "next"))
    return ops
  end
end

local function entries(k, hash)
  local bits, base = hash.size_bits, k:ptr(object.addr(hash, "buckets"))
  if bits > MOST_BITS then kvm_error.fail("format", "a hash of 2^%d functions at 0x%x", bits, object.addr(hash)) end
  if base == 0 or hash.count == 0 then return function() end end
  return hlist.for_each_in_table(ENTRY, kvm_error.check(k:object(base, "struct hlist_head")), "hlist", 1 << bits, MOST)
end

--- The places of the functions that are wanted: where each calls __fentry__, its beginning or behind an endbr64.
-- @param ops `struct ftrace_ops`
-- @treturn function an iterator of addresses; none where all functions are wanted
-- @raise kvm.Error `format` for a hash that can't be
-- @usage for ops in kvm.linux.ftrace.for_each_ops(k) do for ip in kvm.linux.ftrace.for_each_function(ops) do assert(ip ~= 0) end end
function M.for_each_function(ops)
  local k, own = object.handle(ops), ops.func_hash
  local hash = own and own.filter_hash
  local step = hash and entries(k, object.is_object(hash) and hash or kvm_error.check(k:object(object.addr(hash), HASH)))
  return function()
    local entry = step and step()
    return entry and entry.ip
  end
end

--- The functions that are sent elsewhere directly.
-- @param k an open handle
-- @treturn function an iterator of the place (as of for_each_function) and of the address that is called there
-- @raise kvm.Error `notfound`: this kernel has none (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)
-- @usage for ip, to in kvm.linux.ftrace.for_each_direct(k) do assert(ip ~= to) end
function M.for_each_direct(k)
  local pointer = kallsyms.need(k, {"direct_functions"}, "direct calls", "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS")
  local at = k:ptr(pointer)
  local step = at ~= 0 and entries(k, kvm_error.check(k:object(at, HASH)))
  return function()
    local entry = step and step()
    if entry then return entry.ip, entry.direct end
  end
end

return M
