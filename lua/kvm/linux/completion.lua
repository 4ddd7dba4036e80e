-- SPDX-License-Identifier: BSD-2-Clause
-- linux/completion.h: who waits for something to be done. They wait in a simple queue since 5.7. Checked against Linux 5.10 to 7.2.
local swait = require "kvm.linux.swait"

local M = {}

local ALL <const> = 0xffffffff -- UINT_MAX: complete_all()

--- How often a completion was completed and not waited for.
-- @param completion `struct completion`
-- @treturn integer math.huge: for all that will ever wait
-- @raise kvm.Error
-- @usage local done = kvm.linux.percpu.per_cpu(k, "cpuhp_state", 0, "struct cpuhp_cpu_state").done_up
-- assert(kvm.linux.completion.done(done) >= 0)
function M.done(completion)
  local done = completion.done
  return done == ALL and math.huge or done
end

--- The tasks that wait for a completion, the next to go on first.
-- @param completion `struct completion`
-- @treturn function an iterator of `struct task_struct`
-- @raise kvm.Error as kvm.linux.swait.for_each_task
-- @usage local done = kvm.linux.percpu.per_cpu(k, "cpuhp_state", 0, "struct cpuhp_cpu_state").done_up
-- for task in kvm.linux.completion.for_each_task(done) do assert(task.pid) end
function M.for_each_task(completion)
  return swait.for_each_task(completion.wait)
end

return M
