-- SPDX-License-Identifier: BSD-2-Clause
-- Tasks blocked longest: those in D state, with how long they have slept and what they sleep in.
--   luakvm run examples/blocked_longest.lua CORE
--
--   $ luakvm run examples/blocked_longest.lua examples/panic.kdump
--       40.6 s     195 lab-write        rwsem_down_write_slowpath+0x1dd < down_write+0x5a < wait_write+0x15 [lab] < kthread+0xd2
--       40.6 s     196 lab-read         rwsem_down_read_slowpath+0x260 < down_read+0x48 < wait_read+0x15 [lab] < kthread+0xd2
--       40.6 s     197 lab-other        rwsem_down_read_slowpath+0x260 < down_read+0x48 < wait_other+0x15 [lab] < kthread+0xd2
--       40.4 s     201 lab-percpu       percpu_down_write+0xc9 < wait_percpu+0x15 [lab] < kthread+0xd2 < ret_from_fork+0x34
local kvm = require "kvm"
local stack = require "kvm.stack"
local rq, sched = kvm.linux.rq, kvm.linux.sched

local clock, blocked = rq.clock(k), {}
for p in sched.each_task(k) do
  if p.state == "D" then
    blocked[#blocked + 1] = {p = p, ns = rq.asleep(k:object(p.addr, "struct task_struct"), clock) or 0}
  end
end
table.sort(blocked, function(a, b) return a.ns > b.ns end)
for _, b in ipairs(blocked) do
  local where = {}
  for _, frame in ipairs(stack.of_task(k, b.p.addr)) do
    if #where < 4 and not frame.name:find "schedule" then where[#where + 1] = stack.place(frame) end
  end
  print(("%8.1f s  %6d %-16s %s"):format(b.ns / 1e9, b.p.tid, b.p.comm, table.concat(where, " < ")))
end
