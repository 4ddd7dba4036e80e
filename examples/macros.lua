-- SPDX-License-Identifier: BSD-2-Clause
-- Words for an interactive Lua: `task(1)`, `parents(task(1))`, `bt(1)`.
--   lua5.4 -i examples/macros.lua CORE          (arg[1]; with luakvm run the kernel is k already)
--
--   $ luakvm run examples/macros.lua examples/panic.kdump
--   kthreadd(2)
local kvm = require "kvm"
k = k or kvm.check(kvm.open(arg[1]))

function task(pid)
  for p in k:procs() do
    if p.pid == pid then return k:object(p.addr, "struct task_struct") end
  end
end

function parents(t)
  local names = {}
  while t and t.pid ~= 0 do
    names[#names + 1] = ("%s(%d)"):format(t.comm, t.pid)
    t = t.real_parent
  end
  return table.concat(names, " < ")
end

function bt(pid)
  for i, frame in ipairs(require "kvm.stack".of_task(k, task(pid))) do print(i - 1, require "kvm.stack".place(frame)) end
end

print(parents(task(2)))
