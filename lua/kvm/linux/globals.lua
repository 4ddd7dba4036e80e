-- SPDX-License-Identifier: BSD-2-Clause
-- Types of well-known variables of Linux: BTF has none for ordinary ones. Compared with the DWARF of Debian's 6.1 cloud kernel by
-- spec/kernels/globals_spec.lua; names and types of the others follow the sources of 5.10, 6.12 and 7.2. Where the type differs by
-- release, a test tells which one it is, the newest first. Arrays whose length the configuration sets have none here, as
-- in `extern struct list_head x[]`; [enum E N] is the value of N in enum E.
local kvm_error = require "kvm.error"
local types = require "kvm.type"

local M = {}

-- C type expression, without the qualifiers of the variable itself -> variables.
local TYPES = {
  -- processes
  ["struct task_struct"] = "init_task",
  ["struct signal_struct"] = "init_signals",
  ["struct sighand_struct"] = "init_sighand",
  ["struct fs_struct"] = "init_fs",
  ["struct files_struct"] = "init_files",
  ["struct cred"] = "init_cred",
  ["struct group_info"] = "init_groups",
  ["struct user_struct"] = "root_user",
  ["struct pid"] = "init_struct_pid",
  ["rwlock_t"] = "tasklist_lock dev_base_lock",
  ["struct pid_namespace"] = "init_pid_ns",
  ["struct uts_namespace"] = "init_uts_ns",
  ["struct ipc_namespace"] = "init_ipc_ns",
  ["struct user_namespace"] = "init_user_ns",
  ["struct time_namespace"] = "init_time_ns",
  ["struct cgroup_namespace"] = "init_cgroup_ns",
  ["struct nsproxy"] = "init_nsproxy",

  -- lists, trees, tables and locks of many subsystems
  ["struct list_head"] = "modules super_blocks net_namespace_list pernet_list slab_caches shrinker_list workqueues cgroup_roots"
    .. " task_groups kthread_create_list vmap_area_list free_vmap_area_list percpu_counters clocksource_list clockevent_devices"
    .. " formats bdi_list proto_list ptype_all tty_drivers misc_list input_dev_list input_handler_list pci_root_buses elv_list"
    .. " ftrace_events ftrace_trace_arrays dyn_event_list trace_bprintk_fmt_list kprobe_blacklist module_bug_list bpf_kallsyms"
    .. " ddebug_tables pgd_list irq_domain_list dmar_drhd_units iommu_device_list",
  ["struct list_head []"] = "ptype_base inetsw",
  ["struct list_head *"] = "pcpu_chunk_lists",
  ["struct hlist_head"] = "console_list",
  ["struct hlist_head *"] = "mount_hashtable mountpoint_hashtable inode_hashtable",
  ["struct hlist_bl_head *"] = "dentry_hashtable",
  ["struct hlist_head []"] = "css_set_table kprobe_table uidhash_table unbound_pool_hash posix_timers_hashtable"
    .. " bsd_socket_buckets event_hash blocked_hash",
  ["struct plist_head"] = "swap_active_head",
  ["struct plist_head *"] = "swap_avail_heads",
  ["struct rb_root"] = "vmap_area_root key_serial_tree key_user_tree uprobes_tree bdi_tree",
  ["struct latch_tree_root"] = "bpf_tree",
  ["struct mod_tree_root"] = "mod_tree",
  ["struct xarray"] = "irq_desc_tree",
  ["struct maple_tree"] = "sparse_irqs",
  ["struct idr"] = "prog_idr map_idr link_idr btf_idr worker_pool_idr pmu_idr",
  ["struct ida"] = "mnt_id_ida blk_queue_ida",
  ["struct mutex"] = "slab_mutex rtnl_mutex sched_domains_mutex jump_label_mutex",
  ["spinlock_t"] = "pidmap_lock sb_lock inode_hash_lock pgd_lock",
  ["struct semaphore"] = "console_sem",
  ["struct rw_semaphore"] = "namespace_sem pci_bus_sem",
  ["struct percpu_rw_semaphore"] = "cpu_hotplug_lock mem_hotplug_lock",
  ["struct srcu_struct"] = "pmus_srcu tracepoint_srcu",
  ["struct atomic_notifier_head"] = "panic_notifier_list die_chain",
  ["struct blocking_notifier_head"] = "reboot_notifier_list module_notify_list oom_notify_list inetaddr_chain",
  ["struct raw_notifier_head"] = "netdev_chain",

  -- memory
  ["struct mm_struct"] = "init_mm efi_mm",
  ["struct mem_section **"] = "mem_section", -- CONFIG_SPARSEMEM_EXTREME, all of x86-64
  ["struct pglist_data *[]"] = "node_data",
  ["nodemask_t [enum node_states NR_NODE_STATES]"] = "node_states",
  ["atomic_long_t"] = "_totalram_pages nr_swap_pages calc_load_tasks",
  ["atomic_long_t [enum zone_stat_item NR_VM_ZONE_STAT_ITEMS]"] = "vm_zone_stat",
  ["atomic_long_t [enum node_stat_item NR_VM_NODE_STAT_ITEMS]"] = "vm_node_stat",
  ["atomic_long_t [enum numa_stat_item NR_VM_NUMA_EVENT_ITEMS]"] = "vm_numa_event",
  ["struct percpu_counter"] = "vm_committed_as nr_files tcp_sockets_allocated",
  ["struct vmap_node *"] = "vmap_nodes", -- 6.9
  ["struct vm_struct *"] = "vmlist",
  ["struct swap_info_struct *[]"] = "swap_info",
  ["struct address_space *[]"] = "swapper_spaces",
  ["struct page *"] = "huge_zero_page",
  ["struct folio *"] = "huge_zero_folio", -- 6.10
  ["struct hstate []"] = "hstates",
  ["struct kmem_cache *"] = "kmem_cache task_struct_cachep inode_cachep dentry_cache filp_cachep names_cachep"
    .. " skbuff_head_cache skbuff_fclone_cache",
  ["struct mem_cgroup *"] = "root_mem_cgroup",
  ["struct khugepaged_scan"] = "khugepaged_scan",
  ["struct ksm_scan"] = "ksm_scan",
  ["struct wb_domain"] = "global_wb_domain",
  ["struct backing_dev_info"] = "noop_backing_dev_info",
  ["struct pcpu_chunk *"] = "pcpu_first_chunk",
  ["const unsigned long *"] = "pcpu_unit_offsets",
  ["void *"] = "high_memory pcpu_base_addr",
  ["pgd_t []"] = "init_top_pgt",
  ["struct resource"] = "iomem_resource ioport_resource crashk_res crashk_low_res",

  -- CPUs, scheduler, interrupts, work
  ["struct cpumask"] = "__cpu_online_mask __cpu_possible_mask __cpu_present_mask __cpu_active_mask",
  ["unsigned long []"] = "__per_cpu_offset",
  ["struct rq"] = "runqueues",
  ["struct sched_class"] = "fair_sched_class rt_sched_class dl_sched_class idle_sched_class stop_sched_class",
  ["struct task_group"] = "root_task_group",
  ["struct root_domain"] = "def_root_domain",
  ["struct cpuhp_cpu_state"] = "cpuhp_state",
  ["struct cpuinfo_x86"] = "boot_cpu_data cpu_info",
  ["struct boot_params"] = "boot_params",
  ["struct e820_table *"] = "e820_table",
  ["struct apic *"] = "apic",
  ["struct smp_ops"] = "smp_ops",
  ["struct x86_init_ops"] = "x86_init",
  ["struct x86_platform_ops"] = "x86_platform",
  ["struct efi"] = "efi",
  ["gate_desc [256]"] = "idt_table",
  ["struct softirq_action []"] = "softirq_vec",
  ["struct irq_domain *"] = "irq_default_domain",
  ["struct workqueue_struct *"] = "system_wq system_highpri_wq system_long_wq system_unbound_wq system_freezable_wq"
    .. " system_percpu_wq",
  ["struct rcu_state"] = "rcu_state",
  ["struct rcu_data"] = "rcu_data",
  ["enum system_states"] = "system_state",
  ["struct cgroup_root"] = "cgrp_dfl_root",
  ["struct css_set"] = "init_css_set",
  ["struct cgroup_subsys *[enum cgroup_subsys_id CGROUP_SUBSYS_COUNT]"] = "cgroup_subsys",
  ["struct cgroup_subsys"] = "memory_cgrp_subsys cpuset_cgrp_subsys cpu_cgrp_subsys io_cgrp_subsys pids_cgrp_subsys",

  -- time
  ["u64"] = "jiffies_64 syslog_seq",
  ["struct timer_base []"] = "timer_bases",
  ["struct hrtimer_cpu_base"] = "hrtimer_bases",
  ["struct alarm_base [enum alarmtimer_type ALARM_NUMTYPE]"] = "alarm_bases",
  ["struct timekeeper"] = "shadow_timekeeper",
  ["struct clocksource *"] = "curr_clocksource",
  ["struct clocksource"] = "clocksource_jiffies clocksource_tsc kvm_clock",
  ["struct tick_device"] = "tick_cpu_device tick_broadcast_device",
  ["struct tick_sched"] = "tick_cpu_sched",
  ["struct timezone"] = "sys_tz",

  -- log, panic, crash, boot
  ["char *"] = "log_buf saved_command_line static_command_line",
  ["const char []"] = "linux_banner linux_proc_banner",
  ["char [2048]"] = "boot_command_line",
  ["u32"] = "log_buf_len",
  ["struct printk_ringbuffer *"] = "prb",
  ["struct printk_ringbuffer"] = "printk_rb_static",
  ["struct console *"] = "console_drivers",
  ["int [4]"] = "console_printk",
  ["atomic_t"] = "panic_cpu",
  ["struct kimage *"] = "kexec_image kexec_crash_image",
  ["note_buf_t *"] = "crash_notes",
  ["unsigned char *"] = "vmcoreinfo_data",
  ["u32 *"] = "vmcoreinfo_note",
  ["size_t"] = "vmcoreinfo_size",
  ["unsigned long long"] = "elfcorehdr_addr",
  ["bool"] = "crash_kexec_post_notifiers kexec_in_progress oom_killer_disabled early_boot_irqs_disabled",
  ["dev_t"] = "ROOT_DEV",
  ["const int []"] = "kallsyms_offsets",
  ["const u8 []"] = "kallsyms_names kallsyms_seqs_of_names",
  ["const u16 []"] = "kallsyms_token_index",
  ["const unsigned int []"] = "kallsyms_markers",

  -- files
  ["struct file_system_type"] = "bd_type mqueue_fs_type",
  ["struct super_block *"] = "blockdev_superblock",
  ["struct vfsmount *"] = "pipe_mnt sock_mnt shm_mnt anon_inode_mnt",
  ["struct proc_dir_entry"] = "proc_root",
  ["struct ctl_table_root"] = "sysctl_table_root",

  -- devices
  ["struct class"] = "block_class",
  ["struct device_type"] = "disk_type",
  ["struct bus_type"] = "pci_bus_type platform_bus_type cpu_subsys node_subsys pmu_bus",
  ["struct kset *"] = "bus_kset class_kset devices_kset system_kset module_kset iommu_group_kset",
  ["struct kobject *"] = "kernel_kobj firmware_kobj block_depr",
  ["struct kobj_map *"] = "cdev_map",
  ["struct char_device_struct *[255]"] = "chrdevs",
  ["struct blk_major_name *[255]"] = "major_names",

  -- network
  ["struct net"] = "init_net",
  ["struct inet_hashinfo"] = "tcp_hashinfo",
  ["struct udp_table"] = "udp_table udplite_table",
  ["struct raw_hashinfo"] = "raw_v4_hashinfo",
  ["struct proto"] = "tcp_prot udp_prot",
  ["struct neigh_table"] = "arp_tbl nd_tbl",
  ["struct softnet_data"] = "softnet_data",
  ["const struct net_proto_family *[]"] = "net_families",

  -- tracing
  ["struct trace_array"] = "global_trace",
  ["struct tracer *"] = "trace_types",
  ["struct ftrace_ops *"] = "ftrace_ops_list",
  ["struct ftrace_page *"] = "ftrace_pages_start",

  -- numbers
  ["unsigned int"] = "nr_cpu_ids nr_node_ids nr_online_nodes nr_swapfiles tsc_khz cpu_khz pgdir_shift ptrs_per_p4d"
    .. " __pgtable_l5_enabled reset_devices default_hstate_idx sysctl_sched_features kallsyms_num_syms",
  ["int"] = "nr_threads max_threads panic_timeout panic_on_oops panic_on_warn oops_in_progress crashing_cpu watchdog_thresh"
    .. " root_mountflags hugetlb_max_hstate pcpu_nr_units pcpu_unit_size vm_swappiness sysctl_overcommit_memory"
    .. " tick_do_timer_cpu console_suspended",
  ["unsigned long"] = "jiffies total_forks tainted_mask max_pfn max_low_pfn min_low_pfn totalreserve_pages phys_base page_offset_base"
    .. " vmalloc_base vmemmap_base loops_per_jiffy calc_load_update sysctl_hung_task_timeout_secs mmu_cr4_features"
    .. " kallsyms_relative_base",
  ["unsigned long [3]"] = "avenrun",
  ["long"] = "total_swap_pages",
  ["long [3]"] = "sysctl_tcp_mem",
}

-- Variables whose type differs: {type, when=a type that has to be there, member=one that it has to have}, the newest first.
local ALTERNATIVES = {
  clear_seq = {{"struct latched_seq", when = "struct latched_seq"}, {"u64"}}, -- 5.13
  file_systems = { -- a hlist in 7.2
    {"struct hlist_head", when = "struct file_system_type", member = "list"},
    {"struct file_system_type *", when = "struct file_system_type", member = "next"},
  },
  kmalloc_caches = { -- 6.11; the second one is that of SLUB with pages of 4 KB
    {"kmem_buckets [enum kmalloc_cache_type NR_KMALLOC_TYPES]", when = "kmem_buckets"},
    {"struct kmem_cache *[enum kmalloc_cache_type NR_KMALLOC_TYPES][14]", when = "struct kmem_cache", member = "cpu_slab"},
  },
  tk_core = { -- 6.13; has another name where there are several, from 6.17 on
    {"struct tk_data", when = "struct tk_data"},
    {"struct { seqcount_raw_spinlock_t seq; struct timekeeper timekeeper; }"},
  },
  timekeeper_data = {{"struct tk_data []", when = "struct tk_data"}},
}

for expr, names in pairs(TYPES) do
  for name in names:gmatch "%S+" do
    assert(not ALTERNATIVES[name], name)
    ALTERNATIVES[name] = {{expr}}
  end
end

--- The variables that are known, with what their types can be.
-- @treturn table by name: a list of {C type expression, [when=], [member=]}
-- @usage assert(kvm.linux.globals.known().init_task[1][1] == "struct task_struct")
function M.known()
  return ALTERNATIVES
end

-- Whether this kernel has what an alternative asks for.
local function holds(k, alternative)
  if not alternative.when then return true end
  local t = k:type(alternative.when, "vmlinux")
  if not t or not alternative.member then return t ~= nil end
  return t:field(alternative.member) ~= nil
end

-- [enum E N] becomes the value of N.
local function with_counts(k, expr)
  return (expr:gsub("%[(enum [%w_]+) ([%w_]+)%]", function(enum, name)
    for _, e in ipairs(kvm_error.check(kvm_error.check(k:type(enum)):enumerators())) do
      if e.name == name then return ("[%d]"):format(e.value) end
    end
    error(kvm_error.new {code = "notfound", message = ("%s has no %s"):format(enum, name)}, 0)
  end))
end

-- The length of a constant string is what it holds.
local function with_length(k, expr, name)
  local symbol = expr:find "char %[%]$" and k:symbol(name)
  local text = symbol and k:cstring(symbol.value)
  return text and expr:gsub("%[%]$", ("[%d]"):format(#text + 1)) or expr
end

local ABSENT = {notfound = true, fault = true, excluded = true, inval = true}
local found = setmetatable({}, {__mode = "k"}) -- by handle: types by name

local function resolve(k, name)
  for _, alternative in ipairs(ALTERNATIVES[name]) do
    if holds(k, alternative) then
      return types.of(k, with_length(k, with_counts(k, alternative[1]), name))
    end
  end
  error(kvm_error.new {code = "notfound", message = "this kernel has none of the types that it is known with"}, 0)
end

--- The type of a well-known variable. Whether this kernel has the variable is not asked.
-- @tparam kvm.Handle k
-- @tparam string name
-- @treturn[1] kvm.Type
-- @return[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `notfound`; `inval`: several types have the name of its type; `fault`, `excluded`: types of modules are
--  asked, and are not in the dump
-- @raise kvm.Error where the types are damaged
-- @usage assert(kvm.linux.globals.type_of(k, "init_task"):spell() == "struct task_struct")
function M.type_of(k, name)
  local types_of = found[k] or {}
  found[k] = types_of
  if types_of[name] then return types_of[name] end
  if not ALTERNATIVES[name] then return nil, name .. " is not among the well-known ones", "notfound" end
  local t, e = kvm_error.try(resolve, k, name)
  types_of[name] = t
  if t then return t end
  if not ABSENT[e.code] then error(e, 0) end
  return nil, e.message, e.code
end

return M
