-- SPDX-License-Identifier: BSD-2-Clause
-- The stacks of all tasks of a dump, as spec/kernels/drgn_stacks.py reads them with drgn: how many frames in how much CPU time, beginning
-- with an unwinder that knows nothing yet. Arguments: CORE.
local kvm = require "kvm"
local sched = require "kvm.linux.sched"
local stack = require "kvm.stack"

local k <close> = kvm.check(kvm.open(arg[1]))
local tasks = {}
for p in sched.each_task(k) do tasks[#tasks + 1] = p.addr end
local start, frames = os.clock(), 0
local unwinder = stack.new(k)
for _, task in ipairs(tasks) do frames = frames + #unwinder:of_task(task) end
print(("tasks\t%d\nframes\t%d\nframes/s\t%.0f"):format(#tasks, frames, frames / (os.clock() - start)))
