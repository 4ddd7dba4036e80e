-- SPDX-License-Identifier: BSD-2-Clause
-- The kernel's structs, cut down to the members that a reader of dumps can ask for, in the forms that they had in Linux
-- 5.10, 6.1, 6.12 and 7.2 (include/linux/sched.h, sched/signal.h, mm_types.h, pid.h, cred.h, module.h,
-- timekeeper_internal.h; kernel/printk/printk_ringbuffer.h).
local ctypes = require "spec.support.build.ctypes"

local M = {}

M.releases = {"5.10", "6.1", "6.12", "7.2"}
local ORDER = {["5.10"] = 1, ["6.1"] = 2, ["6.12"] = 3, ["7.2"] = 4}

local function basics(c)
  c:struct("list_head", {{"struct list_head *", "next"}, {"struct list_head *", "prev"}})
  c:struct("hlist_node", {{"struct hlist_node *", "next"}, {"struct hlist_node **", "pprev"}})
  c:struct("hlist_head", {{"struct hlist_node *", "first"}})
  c:struct(".atomic", {{"int", "counter"}})
  c:struct(".atomic_long", {{"long", "counter"}})
  c:struct(".atomic64", {{"s64", "counter"}})
  c:struct(".pgd", {{"unsigned long", "pgd"}})
  c:struct(".kuid", {{"uid_t", "val"}})
  c:struct(".kgid", {{"gid_t", "val"}})
  c:struct("cpumask", {{"unsigned long", "bits[1]"}})
  c:struct("new_utsname", {
    {"char", "sysname[65]"}, {"char", "nodename[65]"}, {"char", "release[65]"}, {"char", "version[65]"},
    {"char", "machine[65]"}, {"char", "domainname[65]"},
  })
  c:struct("uts_namespace", {{"struct new_utsname", "name"}, {"void *", "user_ns"}})
end

local function processes(c)
  c:enum("pid_type", {"PIDTYPE_PID", "PIDTYPE_TGID", "PIDTYPE_PGID", "PIDTYPE_SID", "PIDTYPE_MAX"})
  c:struct("upid", {{"int", "nr"}, {"struct pid_namespace *", "ns"}})
  c:struct("pid", {
    {"atomic_t", "count"}, {"unsigned int", "level"}, {"struct hlist_head", "tasks[4]"}, {"struct upid", "numbers[1]"},
  })
  c:struct("cred", {
    {"atomic_t", "usage"}, {"kuid_t", "uid"}, {"kgid_t", "gid"}, {"kuid_t", "suid"}, {"kgid_t", "sgid"},
    {"kuid_t", "euid"}, {"kgid_t", "egid"},
  })
  c:struct("tty_driver", {{"int", "magic"}, {"int", "major"}, {"int", "minor_start"}})
  c:struct("tty_struct", {{"int", "index"}, {"struct tty_driver *", "driver"}, {"char", "name[64]"}})
  c:struct("prev_cputime", {{"u64", "utime"}, {"u64", "stime"}})
  c:struct("signal_struct", {
    {"atomic_t", "sigcnt"}, {"int", "nr_threads"}, {"struct list_head", "thread_head"}, {"struct pid *", "pids[4]"},
    {"struct tty_struct *", "tty"}, {"u64", "utime"}, {"u64", "stime"}, {"struct prev_cputime", "prev_cputime"},
    {"long long unsigned int", "sum_sched_runtime"},
  })
end

local function memory(c, release)
  if ORDER[release] >= 3 then -- 6.2
    c:struct("percpu_counter", {
      {"u32", "lock"}, {"s64", "count"}, {"struct list_head", "list"}, {"s32 *", "counters"},
    })
  else
    c:struct("mm_rss_stat", {{"atomic_long_t", "count[4]"}})
  end
  c:struct(".mm", {
    {"void *", "mmap"}, {"pgd_t *", "pgd"}, {"atomic_t", "mm_users"}, {"unsigned long", "total_vm"},
    {"unsigned long", "start_code"}, {"unsigned long", "arg_start"}, {"unsigned long", "arg_end"},
    {"unsigned long", "env_start"}, {"unsigned long", "env_end"},
    ORDER[release] >= 3 and {"struct percpu_counter", "rss_stat[4]"} or {"struct mm_rss_stat", "rss_stat"},
  })
  c:struct("mm_struct", {{"struct .mm", ""}, {"unsigned long", "cpu_bitmap[1]"}})
end

local function task(c, release)
  local old = release == "5.10"
  local threads = ORDER[release] <= 2 -- thread_group went in 6.7
  c:struct("thread_info", old and {{"unsigned long", "flags"}, {"u32", "status"}}
    or {{"unsigned long", "flags"}, {"unsigned long", "syscall_work"}, {"u32", "status"}, {"u32", "cpu"}})
  c:struct("sched_entity", {{"u64", "exec_start"}, {"u64", "sum_exec_runtime"}})
  local members = {
    {"struct thread_info", "thread_info"}, old and {"long", "state"} or {"unsigned int", "__state"}, {"void *", "stack"},
    {"unsigned int", "flags"}, {"int", "on_cpu"}, old and {"unsigned int", "cpu"} or false, {"int", "prio"},
    {"int", "static_prio"}, {"int", "normal_prio"}, {"unsigned int", "rt_priority"}, {"struct sched_entity", "se"},
    {"unsigned int", "policy"}, {"struct list_head", "tasks"}, {"struct mm_struct *", "mm"},
    {"struct mm_struct *", "active_mm"}, {"int", "exit_state"}, {"int", "exit_code"}, {"pid_t", "pid"}, {"pid_t", "tgid"},
    {"struct task_struct *", "real_parent"}, {"struct task_struct *", "parent"}, {"struct list_head", "children"},
    {"struct list_head", "sibling"}, {"struct task_struct *", "group_leader"}, {"struct pid *", "thread_pid"},
    {"struct hlist_node", "pid_links[4]"}, threads and {"struct list_head", "thread_group"} or false,
    {"struct list_head", "thread_node"}, {"u64", "utime"}, {"u64", "stime"}, {"struct prev_cputime", "prev_cputime"},
    {"u64", "start_time"}, {"u64", "start_boottime"}, {"struct cred *", "real_cred"}, {"struct cred *", "cred"},
    {"char", "comm[16]"}, {"struct signal_struct *", "signal"},
  }
  local present = {}
  for _, m in ipairs(members) do if m then present[#present + 1] = m end end
  c:struct("task_struct", present)
end

local function modules(c, release)
  c:enum("mod_mem_type", {
    "MOD_TEXT", "MOD_DATA", "MOD_RODATA", "MOD_RO_AFTER_INIT", "MOD_INIT_TEXT", "MOD_INIT_DATA", "MOD_INIT_RODATA",
    "MOD_MEM_NUM_TYPES",
  })
  c:struct("elf64_sym", {
    {"u32", "st_name"}, {"u8", "st_info"}, {"u8", "st_other"}, {"u16", "st_shndx"}, {"u64", "st_value"}, {"u64", "st_size"},
  })
  c:struct("mod_kallsyms", {
    {"struct elf64_sym *", "symtab"}, {"unsigned int", "num_symtab"}, {"char *", "strtab"}, {"char *", "typetab"},
  })
  if ORDER[release] >= 3 then -- 6.4
    c:struct("module_memory", {{"void *", "base"}, {"unsigned int", "size"}})
  else
    c:struct("module_layout", {{"void *", "base"}, {"unsigned int", "size"}, {"unsigned int", "text_size"}})
  end
  c:struct("module_use", {
    {"struct list_head", "source_list"}, {"struct list_head", "target_list"}, {"struct module *", "source"},
    {"struct module *", "target"},
  })
  c:struct("module", {
    {"unsigned int", "state"}, {"struct list_head", "list"}, {"char", "name[56]"}, {"unsigned int", "taints"},
    ORDER[release] >= 3 and {"struct module_memory", "mem[7]"} or {"struct module_layout", "core_layout"},
    ORDER[release] >= 3 and {"u32", "arch_pad"} or {"struct module_layout", "init_layout"},
    {"struct mod_kallsyms *", "kallsyms"}, {"struct list_head", "source_list"}, {"atomic_t", "refcnt"},
  })
end

local function clocks(c, release)
  c:struct("tk_read_base", {
    {"void *", "clock"}, {"u64", "mask"}, {"u64", "cycle_last"}, {"u32", "mult"}, {"u32", "shift"}, {"u64", "xtime_nsec"},
    {"s64", "base"}, {"u64", "base_real"},
  })
  c:struct("timekeeper", {{"struct tk_read_base", "tkr_mono"}, {"s64", "offs_real"}, {"s64", "offs_boot"}})
  if ORDER[release] >= 4 then c:struct("tk_data", {{"u64", "seq"}, {"struct timekeeper", "timekeeper"}}) end
end

local function printk(c)
  c:struct("prb_data_blk_lpos", {{"unsigned long", "begin"}, {"unsigned long", "next"}})
  c:struct("prb_desc", {{"atomic_long_t", "state_var"}, {"struct prb_data_blk_lpos", "text_blk_lpos"}})
  c:struct("printk_info", {
    {"u64", "seq"}, {"u64", "ts_nsec"}, {"u16", "text_len"}, {"u8", "facility"}, {"u8", "flags_level"},
    {"u32", "caller_id"}, {"char", "dev_info[64]"},
  })
  c:struct("prb_data_ring", {
    {"unsigned int", "size_bits"}, {"char *", "data"}, {"atomic_long_t", "head_lpos"}, {"atomic_long_t", "tail_lpos"},
  })
  c:struct("prb_desc_ring", {
    {"unsigned int", "count_bits"}, {"struct prb_desc *", "descs"}, {"struct printk_info *", "infos"},
    {"atomic_long_t", "head_id"}, {"atomic_long_t", "tail_id"},
  })
  c:struct("printk_ringbuffer", {
    {"struct prb_desc_ring", "desc_ring"}, {"struct prb_data_ring", "text_data_ring"}, {"atomic_long_t", "fail"},
  })
end

--- The types of a kernel (one of M.releases).
function M.of(release)
  assert(ORDER[release], release)
  local c = ctypes.new()
  basics(c)
  processes(c)
  memory(c, release)
  task(c, release)
  modules(c, release)
  clocks(c, release)
  printk(c)
  return c
end

--- Whether a release is as new as another of the list.
function M.at_least(release, other) return ORDER[release] >= ORDER[other] end

return M
