-- SPDX-License-Identifier: BSD-2-Clause
-- The checks of triage, in the order in which their findings stand when they weigh the same: what is nearest to the cause first.
local M = {}

M.names = {
  "panic", "deadlock", "lockup", "rcu_stall", "stack_end", "slab_corruption", "list_poison", "refcount", "page_sanity", "hung_task",
  "stuck_work", "warning", "oom", "slab_growth", "memory", "io", "network_mounts", "runqueue", "irq", "hooks_syscall", "hooks_idt",
  "hooks_text", "hidden_module", "shared_cred", "hooks_ftrace", "hooks_netfilter", "log_score",
}

return M
