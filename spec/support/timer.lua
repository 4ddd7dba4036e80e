-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a CPU that has one timer in its wheel and one high resolution timer, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local OFFSET = 0x40
local WHEEL, BASES, CPUS, TIMER, HRTIMER, TASK = S + 0x80, S + 0x100, S, S + 0x200, S + 0x280, S + 0x300
M.at = {WHEEL = WHEEL, BASES = BASES, TIMER = TIMER, HRTIMER = HRTIMER}

--- An open handle, a function that sets members; memory.forget behind the test.
function M.open()
  local k = memory.open [[
    struct hlist_node { struct hlist_node *next, **pprev; };
    struct hlist_head { struct hlist_node *first; };
    struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };
    struct rb_root { struct rb_node *rb_node; };
    struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };
    struct timerqueue_node { struct rb_node node; long expires; };
    struct timerqueue_head { struct rb_root_cached rb_root; };
    struct cpumask { unsigned long bits[1]; };
    struct sleeping { int pid; char comm[16]; };
    struct timer_list { struct hlist_node entry; unsigned long expires; void (*function)(struct timer_list *); unsigned int flags; };
    struct timer_base { unsigned long clk; struct hlist_head vectors[2]; };
    struct hrtimer { struct timerqueue_node node; long _softexpires; int (*function)(struct hrtimer *); };
    struct hrtimer_sleeper { struct hrtimer timer; struct sleeping *task; };
    struct hrtimer_clock_base { int clockid; struct timerqueue_head active; };
    struct hrtimer_cpu_base { struct hrtimer_clock_base clock_base[2]; };
  ]]
  local symbols = memory.one_cpu(k, CPUS, OFFSET)
  symbols.timer_bases, symbols.hrtimer_bases = WHEEL - OFFSET, BASES - OFFSET
  symbols.hrtimer_wakeup, symbols.a_timer = 0x1230, 0x4560
  memory.symbols(symbols)
  local function set(t, at, members) memory.set(k, "struct " .. t, at, members) end
  set("timer_base", WHEEL, {clk = 1000})
  local slot = WHEEL + k:type("struct timer_base"):strip():field("vectors").offset + 8
  assert(k:write(slot, ("<I8"):pack(TIMER)))
  set("timer_list", TIMER, {["entry.pprev"] = slot, expires = 990, ["function"] = 0x4560, flags = 5})
  local base = k:type("struct hrtimer_clock_base"):size()
  set("hrtimer_clock_base", BASES, {clockid = 1, ["active.rb_root.rb_root.rb_node"] = HRTIMER})
  set("hrtimer_clock_base", BASES + base, {clockid = 5})
  set("hrtimer_sleeper", HRTIMER, {["timer.node.node.__rb_parent_color"] = 1, ["timer.node.expires"] = 7000, ["timer._softexpires"] = 6000,
    ["timer.function"] = 0x1230, task = TASK})
  set("sleeping", TASK, {pid = 42})
  assert(k:write(TASK + 4, "dozer\0"))
  return k, set
end

return M
