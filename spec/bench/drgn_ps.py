# SPDX-License-Identifier: BSD-2-Clause
# What "luakvm ps" prints by default, asked of drgn: drgn -q -c CORE -s VMLINUX drgn_ps.py
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import task_state_to_char

for task in for_each_task(prog):
    if task.pid == task.tgid:
        print(
            task.pid.value_(),
            task.real_parent.tgid.value_(),
            task_state_to_char(task),
            task.comm.string_().decode(),
        )
