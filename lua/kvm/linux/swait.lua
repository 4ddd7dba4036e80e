-- SPDX-License-Identifier: BSD-2-Clause
-- linux/swait.h: simple wait queues: tasks only. Checked against Linux 5.10 to 7.2.
local list = require "kvm.linux.list"
local object = require "kvm.object"

local M = {}

local MOST <const> = 1 << 22

--- The tasks that wait in a queue, the next to be woken first.
-- @param head `struct swait_queue_head`
-- @treturn function an iterator of `struct task_struct`
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local head = k:object(k:symbol("rcu_state").value, "struct rcu_state").gp_wq
-- for task in kvm.linux.swait.for_each_task(head) do assert(task.comm) end
function M.for_each_task(head)
  if not object.is_object(head) or object.typeof(head):strip():name() ~= "swait_queue_head" then
    error("bad argument to 'for_each_task' (struct swait_queue_head expected)", 2)
  end
  local step = list.for_each_entry("struct swait_queue", head.task_list, "task_list", MOST)
  return function()
    local entry = step()
    return entry and entry.task
  end
end

return M
