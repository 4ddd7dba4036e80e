-- SPDX-License-Identifier: BSD-2-Clause
-- linux/timer.h and linux/hrtimer.h: what waits in the timer wheels (kernel/time/timer.c) and in the high resolution timers of each CPU
-- (kernel/time/hrtimer.c, as /proc/timer_list has them). Checked against Linux 5.10, 6.1, 6.12 and 7.2, whose trees of timers are
-- linked as well.
local kvm_error = require "kvm.error"
local hlist = require "kvm.linux.hlist"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local rbtree = require "kvm.linux.rbtree"
local types = require "kvm.type"

local M = {}

local MOST <const> = 1 << 20
local MOST_BASES <const> = 3 -- kernel/time/timer.c, NR_BASES: 1 to 3

local function function_name(k, pointer)
  return kallsyms.symbol_name(k, pointer and object.addr(pointer) or 0)
end

--- The timers in a CPU's wheels.
-- @param k an open handle
-- @tparam integer cpu
-- @treturn function an iterator of tables: base (index of the wheel: 0 is standard), expires (jiffies), remaining (jiffies from the wheel's
--  clock on, negative for one that is due), func (symbol), flags, addr (`struct timer_list *`)
-- @raise kvm.Error `format` where a list is damaged; `fault`, `excluded`
-- @usage for t in kvm.linux.timer.for_each_timer(k, 0) do assert(t.func and t.base >= 0) end
function M.for_each_timer(k, cpu)
  local size, symbol = types.sizeof(k, "struct timer_base"), kvm_error.check(k:symbol("timer_bases"))
  local first = percpu.per_cpu_ptr(k, symbol.value, cpu)
  -- As many as there is room for up to the next symbol, which is how kallsyms tells sizes.
  local count = math.max(math.min(symbol.size // size, MOST_BASES), 1)
  return coroutine.wrap(function()
    for base = 0, count - 1 do
      local b = kvm_error.check(k:object(first + base * size, "struct timer_base"))
      for t in hlist.for_each_in_table("struct timer_list", b.vectors, "entry", nil, MOST) do
        coroutine.yield {base = base, expires = t.expires, remaining = t.expires - b.clk, func = function_name(k, t["function"]),
          flags = t.flags, addr = object.addr(t)}
      end
    end
  end)
end

-- enum hrtimer_base_type, by the clock that the base names (include/uapi/linux/time.h); those with soft interrupts come behind.
local CLOCKS <const> = {[0] = "realtime", [1] = "monotonic", [7] = "boottime", [11] = "tai"}

-- The timers of a clock in order: a tree of nodes, since 7.2 with links beside.
local function in_tree(k, base)
  local t, root = types.of(k, "struct hrtimer"), base.active.rb_root
  if object.typeof(root):name() == "rb_root_linked" then return rbtree.for_each_entry(t, root.rb_root, "node.node.node", MOST) end
  return rbtree.for_each_entry(t, root, "node.node", MOST)
end

-- Who sleeps until a timer ends.
local function sleeper(timer, func)
  if func ~= "hrtimer_wakeup" then return nil end
  return object.container_of(timer, "struct hrtimer_sleeper", "timer").task
end

--- The high resolution timers of a CPU.
-- @param k an open handle
-- @tparam integer cpu
-- @treturn function an iterator of tables: clock ("monotonic", "realtime", "boottime", "tai"), soft (boolean: runs in a soft interrupt),
--  expires_ns and soft_expires_ns (of that clock), func (symbol), pid and comm (of the task that sleeps until then; nil for others), addr
--  (`struct hrtimer *`)
-- @raise kvm.Error `format` where a tree is damaged; `fault`, `excluded`
-- @usage for t in kvm.linux.timer.for_each_hrtimer(k, 0) do assert(t.clock and t.expires_ns >= t.soft_expires_ns) end
function M.for_each_hrtimer(k, cpu)
  local bases = percpu.per_cpu(k, "hrtimer_bases", cpu, "struct hrtimer_cpu_base").clock_base
  return coroutine.wrap(function()
    for i = 0, #bases - 1 do
      local base = bases[i]
      for t in in_tree(k, base) do
        local func = function_name(k, t["function"])
        local task = sleeper(t, func)
        coroutine.yield {clock = CLOCKS[base.clockid] or tostring(base.clockid), soft = i >= #bases // 2, expires_ns = t.node.expires,
          soft_expires_ns = t._softexpires, func = func, pid = task and task.pid, comm = task and task.comm, addr = object.addr(t)}
      end
    end
  end)
end

return M
