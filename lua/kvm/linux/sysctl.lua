-- SPDX-License-Identifier: BSD-2-Clause
-- linux/sysctl.h: the tables behind /proc/sys, and what their variables hold. A directory is a red-black tree of the entries of
-- all tables that were registered there (fs/proc/proc_sysctl.c); what differs by namespace has a tree of its own. Checked against Linux
-- 5.10, 6.1, 6.12 and 7.2. How an entry is printed is known by the function that prints it (kernel/sysctl.c); what a function computes
-- when it is asked, and has no variable of, has no value here.
local kvm_error = require "kvm.error"
local jiffies = require "kvm.linux.jiffies"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local rbtree = require "kvm.linux.rbtree"
local types = require "kvm.type"

local M = {}

local MAX_DEPTH <const>, MOST <const> = 32, 1 << 16
local S_IFMT <const>, S_IFDIR <const>, S_IFLNK <const> = 0xf000, 0x4000, 0xa000

-- A node of a directory's tree: its table entry and the header of its table. Nodes and entries of a table are in the same order.
local function entry_of(k, node, sizes)
  local header = node.header
  local index = (object.addr(node) - object.addr(header.node)) // sizes.node
  local count = sizes.counted and header.ctl_table_size or MOST -- since 6.6; before, an empty entry ends a table
  if index < 0 or index >= count then
    kvm_error.fail("format", "sysctl: the node at 0x%x is not one of its table's", object.addr(node))
  end
  return kvm_error.check(k:object(object.addr(header.ctl_table) + index * sizes.entry, sizes.type)), header
end

local function sizes_of(k)
  local t = types.of(k, "struct ctl_table")
  return {node = types.sizeof(k, "struct ctl_node"), entry = t:size(), type = t,
    counted = types.of(k, "struct ctl_table_header"):field "ctl_table_size" ~= nil}
end

--- The entries of a set of tables, by directory and name.
-- @param set `struct ctl_table_set`
-- @treturn function an iterator of the path ("kernel/panic") and `struct ctl_table`
-- @raise kvm.Error `format` where a tree is damaged, behind what was found; `fault`, `excluded`
-- @usage for path, entry in kvm.linux.sysctl.for_each(kvm.linux.sysctl.sets(k)[1]) do assert(#path > 0 and entry.mode ~= 0) end
function M.for_each(set)
  local k = object.handle(set)
  local sizes, left = sizes_of(k), MOST
  local function walk(dir, prefix, depth)
    if depth > MAX_DEPTH then kvm_error.fail("format", "sysctl: directories are nested deeper than %d", MAX_DEPTH) end
    for node in rbtree.for_each_entry("struct ctl_node", dir.root, "node", MOST) do
      left = left - 1
      if left < 0 then kvm_error.fail("format", "sysctl: more than %d entries", MOST) end
      local entry, header = entry_of(k, node, sizes)
      local path, kind = prefix .. object.string(entry.procname, 256), entry.mode & S_IFMT
      if kind == S_IFDIR then
        walk(object.container_of(header, "struct ctl_dir", "header"), path .. "/", depth + 1)
      elseif kind ~= S_IFLNK then -- a link leads to the set of a namespace
        coroutine.yield(path, entry)
      end
    end
  end
  return coroutine.wrap(function() walk(set.dir, "", 1) end)
end

-- Where the sets of namespaces are: variable of the first one, its type, member.
local NAMESPACES <const> = {
  {"init_net", "struct net", "sysctls"},
  {"init_user_ns", "struct user_namespace", "set"},
  {"init_pid_ns", "struct pid_namespace", "set"},      -- since 6.14
  {"init_ipc_ns", "struct ipc_namespace", "ipc_set"},  -- since 5.19
  {"init_ipc_ns", "struct ipc_namespace", "mq_set"},   -- since 5.19
}

--- The sets of tables: that of all namespaces first, then those of the first namespaces of network, users and IPC.
-- @param k an open handle
-- @treturn {table,...} `struct ctl_table_set`
-- @raise kvm.Error `notfound`: this kernel has no sysctl (CONFIG_SYSCTL)
-- @usage assert(#kvm.linux.sysctl.sets(k) > 0)
function M.sets(k)
  local root = kallsyms.need(k, {"sysctl_table_root"}, "sysctl", "CONFIG_SYSCTL")
  local out = {kvm_error.check(k:object(root, "struct ctl_table_root")).default_set}
  for _, ns in ipairs(NAMESPACES) do
    local sym, t = k:symbol(ns[1]), k:type(ns[2])
    if sym and t and t:field(ns[3]) then out[#out + 1] = k:object(sym.value, t)[ns[3]] end
  end
  return out
end

-- --- values

local MOST_INTEGERS <const>, MOST_TEXT <const>, MOST_BITS <const> = 1024, 4096, 1 << 20

-- Numbers of a size from the variable on, as /proc parts them.
local function numbers(size, form, convert)
  local pack = "<" .. form
  return function(k, entry, name)
    if not entry.data then return "" end
    local count = entry.maxlen // size
    if count < 0 or count > MOST_INTEGERS then kvm_error.fail("format", "sysctl: %s has %d bytes", name, entry.maxlen) end
    local bytes, out = kvm_error.check(k:read(object.addr(entry.data), count * size)), {}
    local hz = convert and jiffies.hz(k)
    for i = 1, count do
      local value = pack:unpack(bytes, (i - 1) * size + 1)
      if convert then value = value < 0 and -convert(-value, hz) or convert(value, hz) end
      out[i] = (form == "I8" and "%u" or "%d"):format(value)
    end
    return table.concat(out, "\t")
  end
end

local function to_seconds(value, hz) return value // hz end

local int = numbers(4, "i4")
local int_jiffies = numbers(4, "i4", to_seconds)
local int_ms_jiffies = numbers(4, "i4", jiffies.to_msecs)
local ulong = numbers(8, "I8")
local byte = numbers(1, "I1")

-- These variables were int, and became u8 in 5.13 and 5.18.
local function byte_or_int(k, entry, name) return (entry.maxlen == 1 and byte or int)(k, entry, name) end

local function text_at(k, addr, max)
  return k:cstring(addr, math.min(math.max(max, 1), MOST_TEXT))
end

local function text(k, entry)
  return entry.data and entry.maxlen > 0 and text_at(k, object.addr(entry.data), entry.maxlen) or ""
end

-- A static key counts its users; it is on where there are any, and -1 while it is being switched on.
local function key_at(k, addr) return k:i32(addr) ~= 0 and "1" or "0" end

-- "0-1,3-127" of the bitmap that a pointer leads to.
local function bitmap(k, entry, name)
  local at, count = entry.data and k:ptr(object.addr(entry.data)), entry.maxlen
  if not at or at == 0 then return "" end
  if count < 0 or count > MOST_BITS then kvm_error.fail("format", "sysctl: %s has %d bits", name, count) end
  local bytes, out, first = kvm_error.check(k:read(at, (count + 7) // 8)), {}, nil
  for bit = 0, count do
    local is_set = bit < count and bytes:byte(bit // 8 + 1) >> bit % 8 & 1 == 1
    if is_set and not first then first = bit end
    if first and not is_set then
      out[#out + 1] = first == bit - 1 and tostring(first) or ("%d-%d"):format(first, bit - 1)
      first = nil
    end
  end
  return table.concat(out, ",")
end

local function hexadecimal(bytes, form) return (bytes:gsub(".", function(c) return form:format(c:byte()) end)) end

local function uuid(k, entry)
  if not entry.data then return nil end -- each read makes another one
  local digits = hexadecimal(kvm_error.check(k:read(object.addr(entry.data), 16)), "%02x")
  return digits:gsub("^(%x%x%x%x%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)", "%1-%2-%3-%4-")
end

-- The handler serves several entries, which differ by unit.
local function by_name(k, entry, name)
  if name:find "_ms$" then return int_ms_jiffies(k, entry, name) end
  if name:find "reachable_time$" then return int_jiffies(k, entry, name) end
  return int(k, entry, name)
end

-- The variable that a handler prints instead of one that the table names.
local function variable(symbol, read)
  return function(k) return read(k, kallsyms.address(k, symbol)) end
end
local function int_at(k, addr) return ("%d"):format(k:i32(addr)) end

-- usermodehelper_bset and _inheritable: kernel_cap_t, two words of 32 bits (one of 64 since 6.3).
local function capabilities(k, _, name)
  local at = kallsyms.address(k, "usermodehelper_" .. name:match "[^/]+$")
  return ("%d\t%d"):format(k:u32(at), k:u32(at + 4))
end

local function name_of(k, pointer, t, member)
  local at = k:ptr(pointer)
  if at == 0 then return "" end
  return text_at(k, at + types.offsetof(k, t, member), 64)
end

-- How the functions print that tables name as proc_handler, as they are called from 5.10 to 7.2.
local KINDS <const> = {
  [int] = [[proc_dointvec proc_dointvec_minmax proc_dointvec_minmax_sysadmin proc_dointvec_minmax_coredump proc_dointvec_minmax_bpf_enable
    proc_dointvec_minmax_bpf_restricted proc_dointvec_minmax_warn_RT_change proc_ipc_dointvec proc_ipc_dointvec_minmax
    proc_ipc_dointvec_minmax_orphans proc_ipc_sem_dointvec proc_mq_dointvec proc_mq_dointvec_minmax proc_do_rointvec
    proc_dopipe_max_size proc_do_dev_weight proc_do_skb_defer_max proc_fib_multipath_hash_fields proc_rt6_multipath_hash_fields
    proc_tfo_blackhole_detect_timeout proc_watchdog proc_soft_watchdog proc_watchdog_thresh
    proc_kprobes_optimization_handler apparmor_dointvec bpf_unpriv_handler devinet_conf_proc devinet_sysctl_forward
    addrconf_sysctl_addr_gen_mode addrconf_sysctl_disable addrconf_sysctl_disable_policy addrconf_sysctl_forward
    addrconf_sysctl_ignore_routes_with_linkdown addrconf_sysctl_mtu addrconf_sysctl_proxy_ndp addrconf_sysctl_force_forwarding
    dirty_background_ratio_handler dirty_ratio_handler dirty_writeback_centisecs_handler dirtytime_interval_handler
    flow_limit_table_len_sysctl ftrace_enable_sysctl ipv4_doint_and_flush ipv4_ping_group_range
    ipv4_privileged_ports lowmem_reserve_ratio_sysctl_handler min_free_kbytes_sysctl_handler neigh_proc_dointvec_zero_intmax
    overcommit_policy_handler overcommit_ratio_handler percpu_pagelist_fraction_sysctl_handler
    percpu_pagelist_high_fraction_sysctl_handler perf_cpu_time_max_percent_handler perf_event_max_stack_handler
    perf_event_max_sample_rate_handler perf_proc_update_handler pid_mfd_noexec_dointvec_minmax sched_energy_aware_handler sched_rr_handler
    sched_rt_handler sysctl_sched_uclamp_handler sched_proc_update_handler stack_trace_sysctl sysctl_min_slab_ratio_sysctl_handler
    sysctl_min_unmapped_ratio_sysctl_handler sysctl_vm_numa_stat_handler timer_migration_handler tracepoint_printk_sysctl
    watermark_boost_factor_sysctl_handler watermark_scale_factor_sysctl_handler yama_dointvec_minmax nf_conntrack_hash_sysctl
    compaction_proactiveness_sysctl_handler]],
  [numbers(4, "I4")] = "proc_douintvec proc_douintvec_minmax",
  [int_jiffies] = "proc_dointvec_jiffies neigh_proc_dointvec_jiffies",
  [numbers(4, "i4", jiffies.to_clock)] = "proc_dointvec_userhz_jiffies neigh_proc_dointvec_userhz_jiffies",
  [int_ms_jiffies] = [[proc_dointvec_ms_jiffies proc_dointvec_ms_jiffies_minmax neigh_proc_dointvec_ms_jiffies
    neigh_proc_dointvec_ms_jiffies_positive]],
  [ulong] = [[proc_doulongvec_minmax proc_dolongvec_minmax_bpf_restricted proc_dohung_task_timeout_secs proc_ipc_doulongvec_minmax
    dirty_background_bytes_handler dirty_bytes_handler mmap_min_addr_handler overcommit_kbytes_handler sysctl_panic_print_handler]],
  [numbers(8, "I8", jiffies.to_msecs)] = "proc_doulongvec_ms_jiffies_minmax",
  [byte] = "proc_dou8vec_minmax",
  [byte_or_int] = "proc_fib_multipath_hash_policy proc_rt6_multipath_hash_policy ipv4_fwd_update_priority",
  [function(k, entry) return tostring(k:u8(object.addr(entry.data))) end] = "proc_dobool", -- its length may be that of an int
  [text] = "proc_dostring proc_dostring_coredump proc_do_uts_string devkmsg_sysctl_set_loglvl",
  [function(k, entry) return key_at(k, object.addr(entry.data)) end] = "proc_do_static_key bpf_stats_handler",
  [bitmap] = "proc_do_large_bitmap proc_watchdog_cpumask",
  [by_name] = "ndisc_ifinfo_sysctl_change neigh_proc_base_reachable_time",
  [uuid] = "proc_do_uuid",
  [capabilities] = "proc_cap_handler",
  [variable("tainted_mask", function(k, addr) return ("%d"):format(k:u64(addr)) end)] = "proc_taint",
  [variable("max_threads", int_at)] = "sysctl_max_threads",
  [variable("sysrq_enabled", int_at)] = "sysrq_sysctl_handler",
  [variable("delayacct_key", key_at)] = "sysctl_delayacct",
  [variable("sched_schedstats", key_at)] = "sysctl_schedstats",
  [function(k) return name_of(k, kallsyms.address(k, "default_qdisc_ops"), "struct Qdisc_ops", "id") end] = "set_default_qdisc",
  [function(k, entry) return name_of(k, object.addr(entry.data), "struct tcp_congestion_ops", "name") end] = "proc_tcp_congestion_control",
  [function(k)
    return ("%d"):format(k:object(k:ptr(kallsyms.address(k, "cad_pid")), "struct pid").numbers[0].nr)
  end] = "proc_do_cad_pid",
}

local PRINTERS <const> = {}
for printer, names in pairs(KINDS) do
  for name in names:gmatch "%S+" do
    assert(not PRINTERS[name], name)
    PRINTERS[name] = printer
  end
end

--- What an entry holds, as reading its file would tell.
-- @param entry `struct ctl_table`
-- @tparam string path as for_each gives it
-- @treturn[1] string without its line break; several numbers are parted by tabs
-- @return[2] nil where the value is no variable but what a function computes, or where the file can't be read
-- @treturn ?string the function that prints it
-- @raise kvm.Error
-- @usage for path, entry in kvm.linux.sysctl.for_each(kvm.linux.sysctl.sets(k)[1]) do
--   if path == "kernel/pid_max" then assert(kvm.linux.sysctl.value(entry, path):find "^%d+$") end end
function M.value(entry, path)
  local k, handler = object.handle(entry), entry.proc_handler
  local symbol = handler and k:symbol(object.addr(handler))
  local name = symbol and symbol.name
  local printer = name and PRINTERS[name]
  if not printer or entry.mode & 0x124 == 0 then return nil, name end -- no one may read it: 0444
  return printer(k, entry, path), name
end

return M
