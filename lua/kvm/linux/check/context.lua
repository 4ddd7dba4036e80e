-- SPDX-License-Identifier: BSD-2-Clause
-- What the checks of triage ask of a dump, each thing read once: tasks, their stacks, what they wait for, the log, the clock.
local jiffies = require "kvm.linux.jiffies"
local kvm_error = require "kvm.error"
local mmzone = require "kvm.linux.mmzone"
local panic = require "kvm.linux.panic"
local printk = require "kvm.linux.printk"
local report = require "kvm.linux.check.report"
local rq = require "kvm.linux.rq"
local sched = require "kvm.linux.sched"
local slab = require "kvm.linux.slab"
local stack = require "kvm.stack"
local timekeeping = require "kvm.linux.timekeeping"

local M = {}

local TASK <const> = "struct task_struct"
local MOST_TASKS <const> = 1 << 22 -- PID_MAX_LIMIT, include/linux/threads.h

local Context = {}
Context.__index = Context

-- What fails once fails again, with the same error.
local function once(self, key, fn)
  local kept = self.kept[key]
  if not kept then
    kept = table.pack(pcall(fn))
    self.kept[key] = kept
  end
  if not kept[1] then error(kept[2], 0) end
  return table.unpack(kept, 2, kept.n)
end

-- A task's entry: its object is made when it is asked for.
local Task = {__index = function(t, key)
  if key ~= "task" then return nil end
  local task = kvm_error.check(t.k:object(t.addr, TASK))
  rawset(t, "task", task)
  return task
end}

local function read_tasks(self)
  local list, by_addr, running = {}, {}, {}
  for cpu, addr in pairs(stack.of(self.k).running) do running[addr] = cpu end
  for p in sched.each_task(self.k) do
    if #list >= MOST_TASKS then kvm_error.fail("format", "more than %d tasks", MOST_TASKS) end
    local t = setmetatable({
      k = self.k, addr = p.addr, pid = p.tid, tgid = p.pid, comm = p.comm, state = p.state, on_cpu = running[p.addr], flags = p.flags or 0,
      mm = p.mm, uid = p.uid, idle = p.idle, cpu = p.cpu,
    }, Task)
    list[#list + 1], by_addr[p.addr] = t, t
  end
  return list, by_addr
end

--- Every thread and the idle tasks.
-- @treturn {table,...} task (`struct task_struct`), addr, pid (its own), tgid (its process's), comm, state (letter), on_cpu (number of the
-- CPU that runs it; nil), flags, idle (boolean)
-- @raise kvm.Error
-- @usage for _, t in ipairs(require "kvm.linux.check.context".new(k):tasks()) do assert(t.comm) end
function Context:tasks()
  return (once(self, "tasks", function() return read_tasks(self) end))
end

--- A task by its address.
-- @tparam integer addr
-- @treturn table its entry; nil where none is there
-- @raise kvm.Error
-- @usage local context = require "kvm.linux.check.context".new(k) assert(context:task_at(context:tasks()[1].addr))
function Context:task_at(addr)
  local _, by_addr = once(self, "tasks", function() return read_tasks(self) end)
  return by_addr[addr]
end

--- The stack of a task.
-- @tparam table t its entry
-- @treturn {table,...} frames as kvm.stack gives them
-- @raise kvm.Error
-- @usage local context = require "kvm.linux.check.context".new(k) assert(context:stack(context:tasks()[1]))
function Context:stack(t)
  return once(self, t.addr, function() return stack.of_task(self.k, t.addr) end)
end

--- The functions on a task's stack that are to be trusted, the innermost first.
-- @tparam table t its entry
-- @treturn {string,...} names
-- @raise kvm.Error
-- @usage local context = require "kvm.linux.check.context".new(k) assert(context:functions(context:tasks()[1]))
function Context:functions(t)
  local out = {}
  for _, frame in ipairs(self:stack(t)) do
    if frame.trusted and frame.name then out[#out + 1] = frame.name end
  end
  return out
end

--- The kernel's log.
-- @treturn {table,...} records of kvm.linux.printk, the oldest first
-- @raise kvm.Error
-- @usage assert(#require "kvm.linux.check.context".new(k):log() > 0)
function Context:log()
  return once(self, "log", function()
    local list = {}
    for rec in printk.records(self.k) do list[#list + 1] = rec end
    return list
  end)
end

--- The slab caches, by their counters.
-- @treturn {table,...} cache (`struct kmem_cache`), name, bytes, objects (that there is room for), is_reclaimable (boolean)
-- @raise kvm.Error
-- @usage assert(require "kvm.linux.check.context".new(k):slab_caches()[1].name)
function Context:slab_caches()
  return once(self, "slab_caches", function()
    local list, nodes = {}, mmzone.node_numbers(self.k)
    for cache in slab.for_each_slab_cache(self.k) do
      local bytes, objects = slab.bytes(cache, nodes)
      list[#list + 1] = {
        cache = cache, name = slab.name(cache), bytes = bytes, objects = objects, is_reclaimable = slab.is_reclaimable(cache),
      }
    end
    return list
  end)
end

--- What the kernel complained about in its log.
-- @treturn {table,...} reports as kvm.linux.check.report gives them
-- @raise kvm.Error
-- @usage assert(require "kvm.linux.check.context".new(k):reports())
function Context:reports()
  return once(self, "reports", function() return report.all(self:log()) end)
end

--- When the dump was made, by the clock of the log.
-- @treturn integer nanoseconds since boot
-- @raise kvm.Error
-- @usage assert(require "kvm.linux.check.context".new(k):now_ns() > 0)
function Context:now_ns()
  return once(self, "now", function() return timekeeping.clocks(self.k).monotonic_ns end)
end

--- How long a task has not run.
-- @tparam table t its entry
-- @treturn ?integer nanoseconds; nil of one that runs or wants to, or never ran
-- @raise kvm.Error
-- @usage local context = require "kvm.linux.check.context".new(k) local ns = context:asleep_ns(context:tasks()[1]) assert(not ns or ns >=
-- 0)
function Context:asleep_ns(t)
  local clock = once(self, "clock", function() return rq.clock(self.k) end)
  return rq.asleep(t.task, clock)
end

--- The CPU that panicked.
-- @treturn ?integer nil where the kernel was not panicking
-- @raise kvm.Error
-- @usage local cpu = require "kvm.linux.check.context".new(k):panic_cpu() assert(cpu == nil or cpu >= 0)
function Context:panic_cpu()
  return once(self, "panic", function() return panic.cpu(self.k) end)
end

--- Whether the kernel was panicking.
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(type(require "kvm.linux.check.context".new(k):is_panic()) == "boolean")
function Context:is_panic() return self:panic_cpu() ~= nil end

--- A setting of the kernel.
-- @tparam string name of a variable that is an int
-- @treturn ?integer nil where the kernel has none of that name
-- @raise kvm.Error
-- @usage assert(require "kvm.linux.check.context".new(k):setting "panic_on_oops")
function Context:setting(name)
  local symbol = self.k:symbol(name)
  return symbol and self.k:i32(symbol.value)
end

--- Length of a tick.
-- @treturn integer nanoseconds
-- @raise kvm.Error
-- @usage assert(require "kvm.linux.check.context".new(k):tick_ns() >= 1000000)
function Context:tick_ns()
  return once(self, "tick", function() return jiffies.tick_ns(self.k) end)
end

--- An address as text: of code or data that has a name.
-- @tparam integer addr
-- @treturn string "schedule+0x5a", "f+0x10 [module]", "0x..." where no symbol is
-- @usage assert(require "kvm.linux.check.context".new(k):symbol_text(k:symbol("schedule").value) == "schedule")
function Context:symbol_text(addr)
  local symbol, offset = self.k:symbol(addr)
  if not symbol then return ("0x%x"):format(addr) end
  local text = offset ~= 0 and ("%s+0x%x"):format(symbol.name, offset) or symbol.name
  return symbol.module and ("%s [%s]"):format(text, symbol.module) or text
end

--- A task as text.
-- @tparam table t its entry
-- @treturn string "pid 1 (init)"
-- @usage assert(require "kvm.linux.check.context".new(k):task_text {pid = 1, comm = "init"} == "pid 1 (init)")
function Context.task_text(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end

--- The context of a handle.
-- @param k an open handle
-- @treturn Context
-- @usage assert(require "kvm.linux.check.context".new(k).k == k)
function M.new(k)
  return setmetatable({k = k, kept = {}}, Context)
end

return M
