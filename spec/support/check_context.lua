-- SPDX-License-Identifier: BSD-2-Clause
-- For the specs of the checks: what they are given, made of an open handle or of tables, and what they report.
local kvm = require "kvm"

local M = {}

local Context = {}
Context.__index = Context

function Context:tasks()
  if not self.task_list then
    self.task_list = {}
    for p in self.k:procs("all", nil, true) do
      self.task_list[#self.task_list + 1] = {task = self.k:object(p.addr, "struct task_struct"), addr = p.addr, pid = p.tid, tgid = p.pid,
        comm = p.comm, state = p.state}
    end
  end
  return self.task_list
end

function Context:log()
  if not self.records then
    self.records = {}
    for r in kvm.linux.printk.records(self.k) do self.records[#self.records + 1] = r end
  end
  return self.records
end

function Context:now_ns() return self.uptime_ns or kvm.linux.timekeeping.clocks(self.k).boottime_ns end

function Context.functions(_, t) return t.functions or {} end -- names that a spec gives a task

function Context:symbol_text(addr)
  local symbol, offset = self.k:symbol(addr)
  if not symbol then return ("0x%x"):format(addr) end
  return symbol.name .. (offset ~= 0 and ("+0x%x"):format(offset) or "") .. (symbol.module and (" [%s]"):format(symbol.module) or "")
end

--- FIELDS: task_list, records, uptime_ns where they are not to be read of K.
function M.new(k, fields)
  local context = {k = k}
  for key, value in pairs(fields or {}) do context[key] = value end
  return setmetatable(context, Context)
end

--- What a check of that name reports, and the error that it raised.
function M.run(name, context)
  local found = {}
  local _, err = kvm.try(require("kvm.linux.check." .. name).run, context, function(f) found[#found + 1] = f end)
  return found, err
end

return M
