# SPDX-License-Identifier: BSD-2-Clause
# Run by drgn: prints, as JSON, the stack of every task, by the address of its task_struct: frames of the kernel's own code that are no
# inlined functions, each as [pc, name]; then how many frames, with inlined ones, there were in how much CPU time. stacks_spec.lua
# compares them with ours, spec/bench/many.lua how fast they were.
import json
import time

from drgn.helpers.linux import *


def frames_of(task):
    try:
        trace = prog.stack_trace(task)
    except Exception as e:
        return {"error": str(e)}, 0
    out = []
    for frame in trace:
        try:
            pc = frame.pc
        except LookupError:
            break
        if pc >> 63 and not frame.is_inline:
            name = frame.name or ""
            # Of modules, whose debug files it lacks, it has no names.
            out.append([hex(pc), "" if name.startswith("0x") else name])
    return out, len(trace)


tasks = list(for_each_task(prog))
for cpu in for_each_online_cpu(prog):
    tasks.append(per_cpu(prog["runqueues"], cpu).idle)
start, count, stacks = time.process_time(), 0, {}
for task in tasks:
    stacks[hex(task.value_())], n = frames_of(task)
    count += n
print(json.dumps({"stacks": stacks, "frames": count, "seconds": time.process_time() - start}))
