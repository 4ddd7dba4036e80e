-- SPDX-License-Identifier: BSD-2-Clause
-- Which tasks a command is about: what people type to pick them. No command: a helper of commands.
local kvm_error = require "kvm.error"
require "kvm.object" -- k:object

local M = {}

--- The option of commands about tasks.
M.OPERAND = {key = "pids", name = "PID|NAME", many = true, optional = true}

--- Whether a task was asked for.
-- @tparam {string|integer,...} words process ids and names, in which * stands for any text; none: all
-- @treturn function of a record of k:procs
-- @usage assert(require "kvm.cmd.tasks".wanted {"swap*"} {pid = 0, tid = 0, comm = "swapper/0"})
function M.wanted(words)
  if not words or not words[1] then return function() return true end end
  local glob, ids, names = require "kvm.cmd.words".glob, {}, {}
  for _, word in ipairs(type(words) == "table" and words or {words}) do
    local id = math.tointeger(tonumber(word))
    if id then ids[id] = true else names[#names + 1] = glob(word) end
  end
  return function(p)
    if ids[p.pid] or ids[p.tid] then return true end
    for _, name in ipairs(names) do
      if p.comm:find(name) then return true end
    end
    return false
  end
end

--- The tasks of a kernel that were asked for.
-- @param k an open handle
-- @tparam {string|integer,...} words process ids and names, in which * stands for any text; none: all
-- @tparam[opt] boolean threads every thread, not one task of each process
-- @treturn function an iterator of a record of k:procs and its `struct task_struct`
-- @raise kvm.Error where the list of tasks is damaged, behind what was found
-- @usage for p, task in require "kvm.cmd.tasks".each(k, {"swapper*", 1}) do assert(task.pid == p.tid) end
function M.each(k, words, threads)
  local pick = M.wanted(words)
  local step, state, control = k:procs("all", nil, threads or false)
  return function()
    while true do
      control = step(state, control)
      if control == nil then return nil end
      if pick(control) then return control, kvm_error.check(k:object(control.addr, "struct task_struct")) end
    end
  end
end

return M
