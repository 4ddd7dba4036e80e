-- SPDX-License-Identifier: BSD-2-Clause
-- linux/kprobes.h: places in the kernel's code at which functions of others are called. Several probes of one place stand in a list below
-- one that calls them all (aggr_pre_handler, kernel/kprobes.c). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local hlist = require "kvm.linux.hlist"
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local BUCKETS <const>, MOST <const> = 64, 1 << 20 -- KPROBE_TABLE_SIZE, kernel/kprobes.c
local PROBE <const> = "struct kprobe"

local function pointer(o, member) return object.handle(o):ptr(object.addr(o, member)) end

--- The probes of the kernel's code.
-- @param k an open handle
-- @treturn function an iterator of `struct kprobe`, without those that only stand for others
-- @raise kvm.Error `notfound`: this kernel has no kprobes (CONFIG_KPROBES); `format` where a list is damaged
-- @usage for probe in kvm.linux.kprobes.for_each_kprobe(k) do assert(probe.addr) end
function M.for_each_kprobe(k)
  local table_at = kallsyms.need(k, {"kprobe_table"}, "kprobes", "CONFIG_KPROBES")
  local heads = kvm_error.check(k:object(table_at, "struct hlist_head"))
  local aggregate = k:symbol "aggr_pre_handler"
  return coroutine.wrap(function()
    for probe in hlist.for_each_in_table(PROBE, heads, "hlist", BUCKETS, MOST) do
      if aggregate and pointer(probe, "pre_handler") == aggregate.value then
        for own in list.for_each_entry(PROBE, probe.list, "list", MOST) do coroutine.yield(own) end
      else
        coroutine.yield(probe)
      end
    end
  end)
end

--- The functions that a probe calls.
-- @param probe `struct kprobe`
-- @treturn {table,...} kind ("pre", "post", "entry" and "return" of a kretprobe), addr
-- @raise kvm.Error
-- @usage for probe in kvm.linux.kprobes.for_each_kprobe(k) do assert(#kvm.linux.kprobes.handlers(probe) < 5) end
function M.handlers(probe)
  local k, out = object.handle(probe), {}
  local function add(kind, addr)
    if addr ~= 0 then out[#out + 1] = {kind = kind, addr = addr} end
  end
  local returning = k:symbol "pre_handler_kretprobe"
  local pre = pointer(probe, "pre_handler")
  if returning and pre == returning.value then
    local own = object.container_of(probe, types.of(k, "struct kretprobe"), "kp")
    add("entry", pointer(own, "entry_handler"))
    add("return", pointer(own, "handler"))
  else
    add("pre", pre)
  end
  add("post", pointer(probe, "post_handler"))
  return out
end

return M
