# SPDX-License-Identifier: BSD-2-Clause
# The loops of objects.lua, asked of drgn: drgn -q -c CORE -s VMLINUX drgn_objects.py
import time

from drgn.helpers.linux.list import list_for_each_entry

SECONDS = 1.0


def rate(name, count, f):
    f()
    start, rounds = time.process_time(), 0
    while time.process_time() - start < SECONDS:
        f()
        rounds += 1
    print("%s\t%.3f" % (name, count * rounds / (time.process_time() - start) / 1e6))


head = prog["init_task"].tasks.address_of_()
tasks = list(list_for_each_entry("struct task_struct", head, "tasks"))
state = "__state" if hasattr(tasks[0], "__state") else "state"


def members():
    for t in tasks:
        t.pid.value_()
        t.tgid.value_()
        t.comm.string_()
        getattr(t, state).value_()
        t.start_time.value_()
        t.mm


def entries():
    for _ in list_for_each_entry("struct task_struct", head, "tasks"):
        pass


rate("object members", 6 * len(tasks), members)
rate("for_each_entry", len(tasks), entries)
