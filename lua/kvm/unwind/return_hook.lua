-- SPDX-License-Identifier: BSD-2-Clause
-- Return addresses that the kernel's tracers have put their own in the place of: what was there before. The function graph tracer's
-- (return_to_handler, kernel/trace/fgraph.c) are on a stack of each task's own, kretprobes' in a list, each with the place on the stack
-- where it was found: as unwind_recover_ret_addr does it (arch/x86/include/asm/unwind.h). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
-- What differs:
--   the graph tracer's stack: an array of struct ftrace_ret_stack, of which curr_ret_stack is the last; since 6.11 words, where above each
--   struct there is one whose low bits say how far below it starts, and curr_ret_stack is the first that is free
--   kretprobes: a table for all tasks before 5.11; lists of struct kretprobe_instance, of struct rethook_node since 5.19
local kvm_error = require "kvm.error"
local types = require "kvm.type"

local M = {}

local TASK <const> = "struct task_struct"
local WORD <const> = 8
local OFFSET_MASK <const> = (1 << 10) - 1 -- FGRAPH_FRAME_OFFSET_MASK, kernel/trace/fgraph.c
local SHADOW_WORDS <const> = 4096 // WORD -- SHADOW_STACK_SIZE, kernel/trace/fgraph.c; before 6.11 50 structs (FTRACE_RETFUNC_DEPTH)
local TABLE_HEADS <const> = 64 -- KPROBE_TABLE_SIZE, kernel/kprobes.c of 5.10
local MOST_NODES <const> = 100000
local MOST_HOOKS <const> = 16 -- of one return address

local Hooks = {}
Hooks.__index = Hooks

local function field(k, name, path)
  local t = k:type(name)
  return t and t:strip():field(path)
end

-- --- the function graph tracer

local function graph_of(k)
  local stack = field(k, TASK, "ret_stack")
  local ret, at = field(k, "struct ftrace_ret_stack", "ret"), field(k, "struct ftrace_ret_stack", "retp")
  if not (stack and ret and at) then return nil end
  return {
    stack = stack.offset, current = types.offsetof(k, TASK, "curr_ret_stack"), ret = ret.offset, at = at.offset,
    size = types.sizeof(k, "struct ftrace_ret_stack"), words = stack.type:strip():target():strip():kind() == "int",
  }
end

-- The addresses of a task's struct ftrace_ret_stack, the innermost first.
local function each_of_array(_, g, stack, current)
  local i = math.min(current, SHADOW_WORDS) + 1
  return function()
    i = i - 1
    return i >= 0 and stack + i * g.size or nil
  end
end

local function each_of_words(k, _, stack, current)
  local offset = math.min(current, SHADOW_WORDS)
  return function()
    if offset <= 0 then return nil end
    offset = offset - 1
    local back = k:u64(stack + offset * WORD) & OFFSET_MASK
    if back == 0 or back > offset then return nil end
    offset = offset - back
    return stack + offset * WORD
  end
end

local function of_graph(self, task, at, replaced)
  local k, g = self.k, self.graph
  local stack = g and k:ptr(task + g.stack) or 0
  if stack == 0 then return nil end
  for entry in (g.words and each_of_words or each_of_array)(k, g, stack, k:i32(task + g.current)) do
    local ret = k:ptr(entry + g.ret)
    -- A tail call has two entries of one place: the later one has the handler's address.
    if ret ~= replaced and k:ptr(entry + g.at) == at then return ret end
  end
  return nil
end

-- --- kretprobes

-- How a list of those that are in flight is kept, by what there is: the newest first.
local LISTS = {
  {struct = "struct rethook_node", link = "llist", ret = "ret_addr", at = "frame", head = "rethooks"},
  {struct = "struct kretprobe_instance", link = "llist", ret = "ret_addr", at = "fp", head = "kretprobe_instances"},
  {struct = "struct kretprobe_instance", link = "hlist", ret = "ret_addr", at = "fp", table = "kretprobe_inst_table"},
}

local function lists_of(k)
  local out = {}
  for _, form in ipairs(LISTS) do
    local link, ret, at = field(k, form.struct, form.link), field(k, form.struct, form.ret), field(k, form.struct, form.at)
    local head, all = form.head and field(k, TASK, form.head), form.table and k:symbol(form.table)
    if link and ret and at and (head or all) then
      out[#out + 1] = {link = link.offset, ret = ret.offset, at = at.offset, head = head and head.offset, table = all and all.value,
        task = all and types.offsetof(k, form.struct, "task")}
    end
  end
  return out
end

local function in_list(k, form, first, task, at, replaced)
  local link = k:ptr(first)
  for _ = 1, MOST_NODES do
    if link == 0 then return nil end
    local node = link - form.link
    local ret = k:ptr(node + form.ret)
    if ret ~= replaced and k:ptr(node + form.at) == at and (not form.task or k:ptr(node + form.task) == task) then return ret end
    link = k:ptr(link)
  end
  kvm_error.fail("format", "more than %d kretprobes in flight", MOST_NODES)
end

local function of_probe(self, task, at, replaced)
  for _, form in ipairs(self.lists) do
    local first = form.table or task + form.head
    for i = 0, form.table and TABLE_HEADS - 1 or 0 do
      local ret = in_list(self.k, form, first + i * WORD, task, at, replaced)
      if ret then return ret end
    end
  end
  return nil
end

-- By symbol: who knows what was there. The names of kretprobes' are those of 5.19, 5.15 and before.
local HANDLERS = {
  return_to_handler = of_graph, arch_rethook_trampoline = of_probe, __kretprobe_trampoline = of_probe, kretprobe_trampoline = of_probe,
}

--- The tracer's code that functions return to at an address.
-- @tparam integer addr
-- @treturn ?string its name; nil where that is none
-- @usage assert(require "kvm.unwind.return_hook".new(k):hook(0) == nil)
function Hooks:hook(addr) return self.names[addr] end

--- The return address that was there before a tracer's.
-- @tparam integer task address of the `struct task_struct` whose stack it is
-- @tparam integer addr that is there now, for which hook gives a name
-- @tparam integer at the place on the stack
-- @treturn ?integer nil where the tracer knows of none
-- @raise kvm.Error `fault`, `excluded`; `format`: a list without an end
-- @usage local hooks = require "kvm.unwind.return_hook".new(k)
-- assert(not hooks:hook(16) and hooks:original(k:symbol("init_task").value, 16, 0) == 16)
function Hooks:original(task, addr, at)
  for _ = 1, MOST_HOOKS do -- a function may be hooked by several
    local handler = self.handlers[addr]
    if not handler then return addr end
    addr = handler(self, task, at, addr)
    if not addr then return nil end
  end
  return nil
end

--- The tracers of a kernel.
-- @param k an open handle
-- @treturn Hooks
-- @raise kvm.Error
-- @usage assert(require "kvm.unwind.return_hook".new(k))
function M.new(k)
  local self = setmetatable({k = k, handlers = {}, names = {}}, Hooks)
  for name, handler in pairs(HANDLERS) do
    local symbol = k:symbol(name)
    if symbol then self.handlers[symbol.value], self.names[symbol.value] = handler, name end
  end
  if next(self.handlers) then self.graph, self.lists = graph_of(k), lists_of(k) end
  return self
end

return M
