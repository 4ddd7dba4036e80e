-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local return_hook = require "kvm.unwind.return_hook"

local S <const> = memory.START
local TASK, SHADOW, NODES, PLACE = S, S + 0x400, S + 0x1000, S + 0x1800
local GRAPH, PROBE, CALLER = 0x7000, 0x7100, 0x4242

-- By release: what the tracers keep.
local ARRAY = "struct ftrace_ret_stack { unsigned long ret, func; unsigned long long calltime; unsigned long *retp; };"
local OF_510 = ARRAY .. [[ struct task_struct { int curr_ret_stack; struct ftrace_ret_stack *ret_stack; };
  struct hlist_node { struct hlist_node *next, **pprev; };
  struct kretprobe_instance { struct hlist_node hlist; void *rp; char *ret_addr; struct task_struct *task; void *fp; };]]
local LLIST = "struct llist_node { struct llist_node *next; }; struct llist_head { struct llist_node *first; };"
local OF_515 = ARRAY .. LLIST .. [[
  struct task_struct { int curr_ret_stack; struct ftrace_ret_stack *ret_stack; struct llist_head kretprobe_instances; };
  struct kretprobe_instance { long first[2]; struct llist_node llist; void *rph; char *ret_addr; void *fp; };]]
local OF_612 = LLIST .. [[ struct ftrace_ret_stack { unsigned long ret, func; unsigned long *retp; };
  struct task_struct { int curr_ret_stack; unsigned long *ret_stack; struct llist_head kretprobe_instances, rethooks; };
  struct rethook_node { long first[2]; struct llist_node llist; void *rethook; unsigned long ret_addr, frame; };
  struct kretprobe_instance { struct rethook_node node; };]]

describe("kvm.unwind.return_hook", function()
  harness.guard()
  after_each(memory.forget)
  local function open(declarations, symbols)
    local k = memory.open(declarations)
    symbols.return_to_handler = GRAPH
    memory.symbols(symbols)
    return k
  end
  local function words(k, at, ...) assert(k:write(at, ("<" .. ("i8"):rep(select("#", ...))):pack(...))) end
  local function original(k, addr) return return_hook.new(k):original(TASK, addr, PLACE) end

  it("knows its own code", function()
    local hooks = return_hook.new(open(OF_612, {arch_rethook_trampoline = PROBE}))
    assert.are.same({"return_to_handler", "arch_rethook_trampoline"}, {hooks:hook(GRAPH), hooks:hook(PROBE), hooks:hook(GRAPH + 1)})
    assert.are.equal(CALLER, hooks:original(TASK, CALLER, PLACE))
  end)

  it("looks through the graph tracer's array, the last first", function()
    local k = open(OF_510, {kretprobe_trampoline = PROBE, kretprobe_inst_table = NODES})
    memory.set(k, "struct task_struct", TASK, {ret_stack = SHADOW, curr_ret_stack = 2})
    for i, entry in ipairs {{CALLER, PLACE}, {GRAPH, PLACE}, {0x5555, PLACE + 8}, {0x6666, PLACE}} do
      memory.set(k, "struct ftrace_ret_stack", SHADOW + 32 * (i - 1), {ret = entry[1], retp = entry[2]})
    end
    assert.are.equal(CALLER, original(k, GRAPH)) -- the fourth is behind the last, the second of a tail call
    memory.set(k, "struct task_struct", TASK, {curr_ret_stack = -1})
    assert.is_nil(original(k, GRAPH))
    memory.set(k, "struct task_struct", TASK, {ret_stack = 0, curr_ret_stack = 2})
    assert.is_nil(original(k, GRAPH))
  end)

  it("looks through its words", function()
    local k = open(OF_612, {})
    memory.set(k, "struct task_struct", TASK, {ret_stack = SHADOW, curr_ret_stack = 9})
    words(k, SHADOW, CALLER, 1, PLACE, 1 << 10 | 3, 0x5555, 2, PLACE + 8, 0x77, 2 << 10 | 4)
    assert.are.equal(CALLER, original(k, GRAPH))
    words(k, SHADOW + 64, 0) -- no frame starts there
    assert.is_nil(original(k, GRAPH))
    words(k, SHADOW + 64, 9)
    assert.is_nil(original(k, GRAPH))
  end)

  it("looks through the table of all kretprobes (5.10)", function()
    local k = open(OF_510, {kretprobe_trampoline = PROBE, kretprobe_inst_table = NODES})
    local node = NODES + 0x300
    words(k, NODES + 8 * 63, node)
    memory.set(k, "struct kretprobe_instance", node, {["hlist.next"] = node + 48, ret_addr = 0x5555, task = TASK + 8, fp = PLACE})
    memory.set(k, "struct kretprobe_instance", node + 48, {["hlist.next"] = 0, ret_addr = CALLER, task = TASK, fp = PLACE})
    assert.are.equal(CALLER, original(k, PROBE))
    memory.set(k, "struct kretprobe_instance", node + 48, {fp = PLACE + 8})
    assert.is_nil(original(k, PROBE))
  end)

  it("looks through a task's kretprobes (5.11), and goes through two tracers of one function", function()
    local k = open(OF_515, {__kretprobe_trampoline = PROBE})
    memory.set(k, "struct task_struct", TASK, {["kretprobe_instances.first"] = NODES + 16, ret_stack = SHADOW, curr_ret_stack = 0})
    memory.set(k, "struct kretprobe_instance", NODES, {["llist.next"] = NODES + 64, ret_addr = PROBE, fp = PLACE})
    memory.set(k, "struct kretprobe_instance", NODES + 48, {["llist.next"] = 0, ret_addr = CALLER, fp = PLACE})
    memory.set(k, "struct ftrace_ret_stack", SHADOW, {ret = PROBE, retp = PLACE})
    assert.are.equal(CALLER, original(k, PROBE))
    assert.are.equal(CALLER, original(k, GRAPH))
  end)

  it("looks through a task's rethooks (5.19), which may have no end", function()
    local k = open(OF_612, {arch_rethook_trampoline = PROBE})
    memory.set(k, "struct task_struct", TASK, {["rethooks.first"] = NODES + 16})
    memory.set(k, "struct rethook_node", NODES, {ret_addr = CALLER, frame = PLACE})
    assert.are.equal(CALLER, original(k, PROBE))
    memory.set(k, "struct rethook_node", NODES, {["llist.next"] = NODES + 16, frame = 0})
    local _, err = kvm.try(original, k, PROBE)
    assert.are.equal("format", err.code)
  end)
end)
