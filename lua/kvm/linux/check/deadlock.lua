-- SPDX-License-Identifier: BSD-2-Clause
-- Deadlocks: circles of tasks each of which waits for a lock that the next one holds, as a wait-for graph.
local frames_of = require "kvm.linux.check.frames"
local lock_waits = require "kvm.linux.check.lock_waits"
local place = require "kvm.stack".place

local M = {name = "deadlock", title = "tasks that wait for each other's locks"}

-- The circle that a wait leads into, as its waits in order; nil where the chain ends.
local function circle_from(wait, by_task)
  local seen, path = {}, {}
  while wait and not seen[wait] do
    path[#path + 1] = wait
    seen[wait] = #path
    wait = wait.owner_addr and by_task[wait.owner_addr]
  end
  return wait and table.move(path, seen[wait], #path, 1, {}) or nil
end

local function circles(waits, by_task)
  local list, known = {}, {}
  for _, wait in ipairs(waits) do
    if not known[wait] then
      local circle = circle_from(wait, by_task)
      if circle and not known[circle[1]] then
        list[#list + 1] = circle
        for _, w in ipairs(circle) do known[w] = true end
      end
    end
  end
  return list
end

local function add_names(context, wait, functions, modules, seen)
  local f, m = frames_of.names(context:stack(wait.task), 1, 3)
  for _, part in ipairs {{f, functions}, {m, modules}} do
    for _, name in ipairs(part[1]) do
      if not seen[name] then seen[name], part[2][#part[2] + 1] = true, name end
    end
  end
end

local function finding(context, circle)
  local evidence, pids, functions, modules, seen, names = {}, {}, {}, {}, {}, {}
  local certain, maybe = true, false
  for i, wait in ipairs(circle) do
    local t = wait.task
    pids[i], names[i] = t.pid, t.comm
    evidence[#evidence + 1] = ("%s waits in %s for %s, %s"):format(context:task_text(t), wait.frame and place(wait.frame) or "?",
      (lock_waits.lock_text(context, wait)), table.concat(lock_waits.holders(context, wait), ", "))
    add_names(context, wait, functions, modules, seen)
    if wait.reader then certain = false end
    -- Of those that hold a semaphore only the last is known, and who ups it need not be one of them.
    if wait.kind == "semaphore" then maybe = true end
  end
  for _, wait in ipairs(circle) do
    evidence[#evidence + 1] = "stack of " .. context:task_text(wait.task) .. ":"
    table.move(frames_of.lines(context:stack(wait.task)), 1, 12, #evidence + 1, evidence)
  end
  local where = functions[1] and (" in %s%s"):format(functions[1], modules[1] and " [" .. modules[1] .. "]" or "") or ""
  local kind = select(3, lock_waits.lock_text(context, circle[1]))
  return {
    severity = maybe and "warning" or "critical", confidence = maybe and "possible" or certain and "certain" or "likely",
      evidence = evidence, pids = pids, functions = functions,
    modules = modules,
    title = #circle == 1 and ("self-deadlock%s: %s waits for the %s that it holds"):format(where, names[1], kind)
      or ("deadlock of %d tasks%s: %s wait for each other (%s)"):format(#circle, where, table.concat(names, ", "), kind),
  }
end

--- Tells of each circle.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error
-- @usage require "kvm.linux.check.deadlock".run(require "kvm.linux.check.context".new(k), function(f) assert(f.severity == "critical") end)
function M.run(context, report)
  for _, circle in ipairs(circles(lock_waits.all(context))) do report(finding(context, circle)) end
end

return M
