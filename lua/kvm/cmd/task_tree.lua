-- SPDX-License-Identifier: BSD-2-Clause
-- Tasks as a tree: each below its parent, threads below the first of their process. No command: a helper of ps.
local M = {}

local function by_number(a, b)
  if a.pid ~= b.pid then return a.pid < b.pid end
  return a.tid < b.tid
end

--- Puts records of k:procs in the order of their tree, and gives each its depth: 0 for those whose parent is not among them.
-- @tparam {table,...} list
-- @treturn {table,...} all of them, whatever their parents say: one that is its own ancestor is taken as a root
-- @usage local list = require "kvm.cmd.task_tree".sort {{pid = 2, tid = 2, ppid = 1}, {pid = 1, tid = 1, ppid = 0}}
-- assert(list[2].pid == 2 and list[2].depth == 1)
function M.sort(list)
  table.sort(list, by_number)
  local by_tid, below, roots, out = {}, {}, {}, {}
  for _, p in ipairs(list) do by_tid[p.tid] = p end
  for _, p in ipairs(list) do
    local parent = by_tid[p.tid == p.pid and p.ppid or p.pid]
    local group = parent and parent ~= p and (below[parent] or {}) or roots
    if group ~= roots then below[parent] = group end
    group[#group + 1] = p
  end
  local function add(root)
    local stack = {{root, 0}}
    while stack[1] do
      local p, depth = table.unpack(table.remove(stack))
      if not p.depth then
        p.depth = depth
        out[#out + 1] = p
        local children = below[p] or {}
        for i = #children, 1, -1 do stack[#stack + 1] = {children[i], depth + 1} end
      end
    end
  end
  for _, p in ipairs(roots) do add(p) end
  for _, p in ipairs(list) do add(p) end -- those in circles
  return out
end

return M
