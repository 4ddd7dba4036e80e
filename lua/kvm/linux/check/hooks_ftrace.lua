-- SPDX-License-Identifier: BSD-2-Clause
-- Who is called when functions of the kernel begin, by ftrace or by kprobes. Handlers of modules are told; those that may send a function
-- elsewhere (FTRACE_OPS_FL_IPMODIFY, direct calls) are a warning when the module is not of the kernel's tree. Live patches and tracing go
-- through handlers of the kernel itself, and are not told. A handler in no code at all is an error.
local attempt = require "kvm.linux.check.attempt"
local code = require "kvm.linux.check.code"
local ftrace = require "kvm.linux.ftrace"
local kprobes = require "kvm.linux.kprobes"
local module = require "kvm.linux.module"
local object = require "kvm.object"

local M = {name = "hooks_ftrace", title = "functions that are hooked by ftrace or kprobes"}

local MOST_NAMES <const> = 20

-- Findings are gathered by who hooks and how: {key = {mod, how, place, names = {...}}} in the order in which they were found.
local function gatherer(context, owner)
  local found, by_key = {}, {}
  local function add(how, handler, diverts, ip)
    local whose, mod = owner(handler)
    if whose == "kernel" then return end
    local key = how .. handler
    local row = by_key[key]
    if not row then
      row = {how = how, handler = handler, module = mod, diverts = diverts, names = {}, text = code.text(context, owner, handler)}
      by_key[key], found[#found + 1] = row, row
    end
    if ip then row.names[#row.names + 1] = context:symbol_text(ip):match "^[^+ ]+" end
  end
  return add, found
end

local function by_ftrace(k, add)
  for ops in ftrace.for_each_ops(k) do
    local handler = k:ptr(object.addr(ops, "func"))
    local diverts = ops.flags & ftrace.OPS_FL_IPMODIFY ~= 0
    local how, any = diverts and "ftrace with IPMODIFY" or "ftrace", false
    for ip in ftrace.for_each_function(ops) do
      any = true
      add(how, handler, diverts, ip)
    end
    if not any then add(how, handler, diverts, nil) end
  end
end

-- A trampoline of BPF lies in no module: only direct calls into modules are told.
local function by_direct_calls(k, add, owner)
  for ip, target in ftrace.for_each_direct(k) do
    if owner(target) == "module" then add("a direct call of ftrace", target, true, ip) end
  end
end

local function by_kprobes(k, add)
  for probe in kprobes.for_each_kprobe(k) do
    local at = k:ptr(object.addr(probe, "addr"))
    for _, handler in ipairs(kprobes.handlers(probe)) do add("a kprobe (" .. handler.kind .. ")", handler.addr, false, at) end
  end
end

local function severity(k, row)
  if not row.module then return "error" end
  return row.diverts and module.taints(k, row.module.addr):find "O" and "warning" or "info"
end

local function tell(k, report, row)
  local names = code.shortened(row.names, MOST_NAMES)
  local what = #row.names == 0 and "all functions" or #row.names == 1 and row.names[1] or ("%d functions"):format(#row.names)
  report {severity = severity(k, row), confidence = "certain", modules = {row.module and row.module.name}, functions = names,
    title = ("%s hooks %s by %s: %s"):format(row.module and "module " .. row.module.name or "an unknown handler", what, row.how, row.text),
    evidence = {("handler: 0x%x, %s"):format(row.handler, row.text), "functions: " .. (#names > 0 and table.concat(names, " ") or "all")}}
end

--- Goes over what is registered with ftrace and kprobes.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error `format` where a list is damaged; a kernel without ftrace or kprobes has nothing to tell
function M.run(context, report)
  local k = context.k
  local owner = code.owners(k)
  local add, found = gatherer(context, owner)
  local attempts = attempt.new()
  for _, walk in ipairs {by_ftrace, by_direct_calls, by_kprobes} do attempts:call(walk, k, add, owner) end
  for _, row in ipairs(found) do tell(k, report, row) end
  attempts:finish()
end

return M
