-- SPDX-License-Identifier: BSD-2-Clause
-- Which CPUs were in the middle of a change when the dump was made: a machine that was not stopped by the kernel itself can be caught
-- between two stores that belong together. What one such CPU may have left half done is no damage.
local frames_of = require "kvm.linux.check.frames"
local kvm_error = require "kvm.error"

local M = {}

--- The running tasks that are in functions of some names.
-- @tparam Context context
-- @tparam {string,...} patterns of names of functions
-- @treturn {table,...} task (its entry), name (of the function)
-- @raise kvm.Error where tasks can't be listed
-- @usage assert(#require "kvm.linux.check.in_flight".inside(require "kvm.linux.check.context".new(k), {"^no such function$"}) == 0)
function M.inside(context, patterns)
  local out = {}
  local function find(t)
    for _, name in ipairs(kvm_error.try(context.functions, context, t) or {}) do
      for _, pattern in ipairs(patterns) do
        if frames_of.plain(name):find(pattern) then return name end
      end
    end
  end
  for _, t in ipairs(context:tasks()) do
    local name = t.on_cpu and find(t)
    if name then out[#out + 1] = {task = t, name = name} end
  end
  return out
end

return M
