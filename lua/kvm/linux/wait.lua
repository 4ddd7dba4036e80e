-- SPDX-License-Identifier: BSD-2-Clause
-- linux/wait.h: wait queues: what is called when one is woken, and which task that wakes. An entry's private means what its function takes
-- it for: mostly a task; those functions are known by name. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local list = require "kvm.linux.list"
local object = require "kvm.object"

local M = {}

local MOST <const> = 1 << 22
local WQ_FLAG_EXCLUSIVE <const> = 1 -- include/linux/wait.h

local function as_task(entry)
  local at = object.handle(entry):ptr(object.addr(entry, "private"))
  return at ~= 0 and kvm_error.check(object.handle(entry):object(at, "struct task_struct")) or nil
end

local function of_poll(entry) -- fs/select.c
  local queues = entry.private
  return queues and object.cast(queues, "struct poll_wqueues").polling_task or nil
end

-- Functions that wake a task, by symbol.
local WAKERS <const> = {
  autoremove_wake_function = as_task, child_wait_callback = as_task, default_wake_function = as_task, ep_autoremove_wake_function = as_task,
  memcg_oom_wake_function = as_task, percpu_rwsem_wake_function = as_task, pollwake = of_poll,
  synchronous_wake_function = as_task, userfaultfd_wake_function = as_task, var_wake_function = as_task,
  wake_bit_function = as_task, wake_page_function = as_task, woken_wake_function = as_task,
}

--- The entries of a wait queue, the next to be woken first.
-- @param head `struct wait_queue_head`
-- @treturn function an iterator of `struct wait_queue_entry`
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local head = k:object(k:symbol("init_task").value, "struct task_struct").signal.wait_chldexit
-- for entry in kvm.linux.wait.for_each_entry(head) do assert(entry.func) end
function M.for_each_entry(head)
  if not object.is_object(head) or object.typeof(head):strip():name() ~= "wait_queue_head" then
    error("bad argument to 'for_each_entry' (struct wait_queue_head expected)", 2)
  end
  return list.for_each_entry("struct wait_queue_entry", head.head, "entry", MOST)
end

--- What is called to wake an entry.
-- @param entry `struct wait_queue_entry`
-- @treturn string name of the function, or its address as "0x..."
-- @raise kvm.Error
-- @usage local head = k:object(k:symbol("init_task").value, "struct task_struct").signal.wait_chldexit
-- for entry in kvm.linux.wait.for_each_entry(head) do assert(#kvm.linux.wait.func(entry) > 0) end
function M.func(entry)
  local k = object.handle(entry)
  return kallsyms.symbol_name(k, k:ptr(object.addr(entry, "func")))
end

--- The task that waking an entry wakes.
-- @param entry `struct wait_queue_entry`
-- @return `struct task_struct`; nil when its function wakes none, or is not known
-- @raise kvm.Error
-- @usage local head = k:object(k:symbol("init_task").value, "struct task_struct").signal.wait_chldexit
-- for entry in kvm.linux.wait.for_each_entry(head) do kvm.linux.wait.task(entry) end
function M.task(entry)
  local of = WAKERS[M.func(entry)]
  return of and of(entry) or nil
end

--- Whether no other entry behind this one is woken with it.
-- @param entry `struct wait_queue_entry`
-- @treturn boolean
-- @raise kvm.Error
-- @usage local head = k:object(k:symbol("init_task").value, "struct task_struct").signal.wait_chldexit
-- for entry in kvm.linux.wait.for_each_entry(head) do assert(not kvm.linux.wait.is_exclusive(entry)) end
function M.is_exclusive(entry)
  return entry.flags & WQ_FLAG_EXCLUSIVE ~= 0
end

return M
