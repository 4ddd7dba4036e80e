-- SPDX-License-Identifier: BSD-2-Clause
-- Every file of /proc/sys that a guest printed is among our entries, and each value that we tell is the one that it printed.
local matrix = require "spec.kernels.matrix"

-- What the kernel itself changes all the time.
local MOVES = {"^kernel%.random%.entropy_avail$", "max_newidle_lb_cost$", "^fs%.aio%-nr$"}

-- The functions that compute what they print, or have an encoding of their own: of nothing else is there no value.
local COMPUTED = {}
for name in ([[do_proc_dqstats flow_limit_cpu_sysctl hugetlb_mempolicy_sysctl_handler hugetlb_overcommit_handler hugetlb_sysctl_handler
  ipv4_local_port_range kexec_limit_handler laptop_mode_handler neigh_proc_dointvec_unres_qlen nf_hooks_lwtunnel_sysctl_handler
  nf_log_proc_dostring numa_zonelist_order_handler pid_ns_ctl_handler proc_allowed_congestion_control proc_available_path_managers
  proc_available_schedulers proc_blackhole_detect_timeout proc_do_rss_key proc_do_uuid proc_dohung_task_detect_count
  proc_fib_multipath_hash_seed proc_ipc_auto_msgmni proc_nmi_watchdog proc_nr_dentry proc_nr_files proc_nr_inodes proc_path_manager
  proc_pm_type proc_scheduler proc_tcp_available_congestion_control proc_tcp_available_ulp proc_tcp_ehash_entries proc_tcp_fastopen_key
  proc_udp_hash_entries rps_default_mask_sysctl rps_sock_flow_sysctl sd_ctl_doflags seccomp_actions_logged_handler sysctl_numa_balancing
  sysctl_sys_info_handler]]):gmatch "%S+" do COMPUTED[name] = true end

-- What panic sets: console_verbose(), ftrace_kill().
local CRASHED = {["kernel.printk"] = "15\t4\t1\t7", ["kernel.ftrace_enabled"] = "0"}

local function moves(name)
  for _, pattern in ipairs(MOVES) do
    if name:find(pattern) then return true end
  end
  return false
end

local function printed(text)
  local out, count = {}, 0
  for path, value in text:gmatch "([^:\n]+):([^\n]*)" do
    local name = path:gsub("/", ".")
    if not out[name] then count = count + 1 end
    out[name] = out[name] and out[name] .. "\n" .. value or value -- a file of several lines
  end
  return out, count
end

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has every value of /proc/sys that it tells as the guest printed it", function()
    local was, count = printed(dump:truth().raw.all_sysctl)
    local report, seen, same = matrix.report(), {}, 0
    for _, r in ipairs(matrix.records(matrix.luakvm("sys", dump.path, "sysctl", "--json"))) do
      assert.is_nil(r.stopped)
      assert.is_nil(r.partial, r.name)
      assert.is_nil(seen[r.name], "twice: " .. r.name)
      seen[r.name] = true
      local want = dump.is_crash and CRASHED[r.name] or was[r.name]
      if want and not r.value and not COMPUTED[r.printed_by or ""] then
        report.add("%s has no value, printed by %s", r.name, r.printed_by)
      elseif want and r.value and r.value ~= want and not moves(r.name) then
        report.add("%s is %q, was %q", r.name, r.value, want)
      elseif want and r.value then
        same = same + 1
      end
    end
    for name in pairs(was) do
      if not seen[name] then report.add("%s is missing", name) end
    end
    report.check()
    assert.is_true(count > 800 and same > count * 0.93, ("%d of %d"):format(same, count))
  end)
end)
