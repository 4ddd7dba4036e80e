-- SPDX-License-Identifier: BSD-2-Clause
-- Kernel stacks that ran over: the last word of a stack no longer has the kernel's magic (linux/magic.h, set_task_stack_end_magic), or a
-- task's stack pointer lies outside of its stack. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local task_stack = require "kvm.linux.task_stack"
local types = require "kvm.type"

local M = {name = "stack_end", title = "kernel stacks that ran over"}

local MAGIC <const> = 0x57AC6E9D -- STACK_END_MAGIC

local function tell(context, t, report, what, evidence)
  report {
    severity = "critical", confidence = "certain", pids = {t.pid}, evidence = evidence,
    title = ("stack overrun: %s of %s"):format(what, context:task_text(t)),
  }
end

local function check_task(context, t, size, sp_offset, report)
  local k = context.k
  local base = task_stack.of(k, t.addr)
  if not base then return end
  local magic = k:u64(base)
  if magic ~= MAGIC then
    tell(context, t, report, "the magic at the stack's end is gone", {("0x%x at 0x%x, not 0x%x"):format(magic, base, MAGIC)})
  end
  if t.on_cpu then return end
  local sp = k:ptr(t.addr + sp_offset)
  if math.ult(sp, base) or not math.ult(sp, base + size) then
    tell(context, t, report, "the saved stack pointer is outside of the stack",
      {("stack pointer 0x%x, stack 0x%x to 0x%x"):format(sp, base, base + size)})
  end
end

--- Tells of each damaged stack.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error where tasks can't be listed
-- @usage require "kvm.linux.check.stack_end".run(require "kvm.linux.check.context".new(k), function(f) assert(f.pids[1]) end)
function M.run(context, report)
  local size = task_stack.size(context.k)
  local sp_offset = types.offsetof(context.k, "struct task_struct", "thread.sp")
  local unread, why = 0, nil
  for _, t in ipairs(context:tasks()) do
    local ok, err = kvm_error.try(function()
      check_task(context, t, size, sp_offset, report)
      return true
    end)
    if not ok then unread, why = unread + 1, why or err end
  end
  if unread > 0 then
    report {severity = "info", confidence = "certain", title = ("the stacks of %d tasks can't be read"):format(unread),
      evidence = {tostring(why)}}
  end
end

return M
