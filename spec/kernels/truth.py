#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""truth.py [--little] DIR [KEY=VALUE...]: makes DIR/truth.json of DIR/console.log, what the guest said of itself just before the
dump, and DIR/kallsyms.gz of DIR/kallsyms.img, the disk that the guest wrote.
With --little what a guest of fault-init says: fault, uname and stacks, no kallsyms.

tasks     every thread that was there both at the start and at the end of the gathering, by tid:
          comm tgid ppid pgrp session state flags nice num_threads starttime vsize ...; state1 is the state at the start.
          /proc appends the workqueue to the comm of a kworker and shows the long names of kernel threads.
volatile  threads seen only once: the gathering's own cat and sh, kworkers
args, environ, ids, stacks, fds, namespaces   by pid
at        uptime at which a section was begun, by name
raw       the text of every other section, by name
panic     what the kernel printed when it crashed; fault: who was told to crash it"""
import gzip
import json
import os
import re
import sys
import zlib

STAT = dict(ppid=0, pgrp=1, session=2, tty_nr=3, flags=5, utime=10, stime=11, priority=14, nice=15, num_threads=16, starttime=18,
            vsize=19, rss=20, cpu=35, rt_priority=36, policy=37)


def tasks(text):
    out = {}
    for m in re.finditer(r"^/proc/(\d+)/task/(\d+)/stat:\d+ \((.*)\) (\S) (.*)$", text, re.M):
        rest = [int(x) for x in m[5].split()]
        out[m[2]] = dict(comm=m[3], tgid=int(m[1]), state=m[4], **{k: rest[i] for k, i in STAT.items()})
    return out


def per_process(text):
    """The output of `head -v` over files of /proc/PID, whose NULs came as \\037: lists of strings."""
    out = {}
    for m in re.finditer(r"==> (\d+)/\w+ <==\n(.*?)(?=\n==> |\Z)", text, re.S):
        out[m[1]] = m[2].removesuffix("\x1f").split("\x1f")
    return out


def links(text):
    out = {}
    for line in text.splitlines():
        m = re.match(r"(\d+)/\w+:$", line)
        if m:
            current = out.setdefault(m[1], {})
        m = re.search(r" (\S+) -> (.*)$", line)
        if m:
            current[m[1]] = m[2]
    return out


def ids(text):
    out = {}
    for m in re.finditer(r"^(\d+)/status:(\w+):\s*(.*)$", text, re.M):
        numbers = [int(x) for x in m[3].removesuffix(" kB").split()]
        out.setdefault(m[1], {})[m[2].lower()] = numbers if len(numbers) > 1 else numbers[0]
    return out


def stacks(text):
    out = {}
    for m in re.finditer(r"^(\d+)/stack:(?:\[<0>\] )?(.*)$", text, re.M):
        if m[2] != "0xffffffffffffffff":
            out.setdefault(m[1], []).append(m[2])
    return out


def kallsyms_sample(text):
    lines = [line.split(None, 2) for line in text.splitlines()]
    count = [line for line in lines if line and line[0] == "COUNT"][0]
    return dict(count=int(count[1]), in_modules=int(count[2]), sample=[x for x in lines if len(x) > 2 and x[0] != "COUNT"])


def modules(text):
    rows = [line.split() for line in text.splitlines()]
    return {r[0]: dict(size=int(r[1]), refcount=int(r[2]), used_by=[u for u in r[3].split(",") if u and u != "-"],
                       address=r[5]) for r in rows}


def panic(directory, console, mode):
    """The kernel's log of the crash, from makedumpfile's text where there is one: the console may lack its end."""
    path = os.path.join(directory, "dmesg.txt")
    log = open(path, errors="replace").read() if os.path.exists(path) else console[console.find("SETTLED"):]
    log = re.sub(r"^\[ *[\d.]+\](?: ?\[ *[TC]\d+\])? ?", "", log, flags=re.M)
    first = re.search(r"^(?:sysrq: Trigger a crash|BUG: .*|Kernel panic.*)", log, re.M)
    if first:
        log = log[first.start():]
    message = re.search(r"Kernel panic - not syncing: (.*)", log)
    out = dict(mode=mode, first=first and first[0], message=message and message[1], text=log)
    cpu = re.findall(r"CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.*?) (?:Not tainted|Tainted|Kdump)", log)
    if cpu:
        out.update(cpu=int(cpu[-1][0]), pid=int(cpu[-1][1]), comm=cpu[-1][2])
    return out


def sections(console):
    found = list(re.finditer(r"^@@BEGIN (\S+) ([\d.]+)\n(.*?)\n@@END$", console, re.S | re.M))
    return {m[1]: m[3] for m in found}, {m[1]: float(m[2]) for m in found}


def stable(first, last):
    same = {}
    for tid, t in last.items():
        old = first.get(tid)
        if old and all(t[k] == old[k] for k in ("comm", "ppid", "starttime")):
            same[tid] = dict(t, state1=old["state"])
    return same, {tid: t for tid, t in {**first, **last}.items() if tid not in same}


def console_of(directory):
    return open(os.path.join(directory, "console.log"), errors="replace", newline="").read().replace("\r", "")


def little(directory, extra):
    """What a guest of fault-init says, as far as it came."""
    console = console_of(directory)
    raw, _ = sections(console)
    out = dict(e.split("=", 1) for e in extra)
    fault = re.search(r"^FAULT (\S+)", console, re.M)
    out.update(fault=fault and fault[1], uname=raw.get("uname", "").strip(), stacks=stacks(raw.get("stacks", "")))
    return out


def truth(directory, extra):
    console = console_of(directory)
    raw, at = sections(console)
    if "tasks2" not in raw:
        sys.exit(f"truth.py: the guest did not finish its account in {directory}/console.log")
    same, volatile = stable(tasks(raw.pop("tasks1")), tasks(raw.pop("tasks2")))
    clock = raw["time"].split()
    out = dict(e.split("=", 1) for e in extra)
    out.update(
        uname=raw.pop("uname").strip(), release=raw["version"].split()[2], cmdline=raw["cmdline"].strip(),
        date=int(clock[0]), uptime=float(clock[1]), loadavg=[float(x) for x in raw["loadavg"].split()[:3]],
        cpus=dict(zip(("nproc", "online", "possible"), raw["cpus"].split())), at=at,
        meminfo_kb={k: int(v.split()[0]) for k, v in (x.split(":", 1) for x in raw.pop("meminfo").splitlines())},
        modules=modules(raw["modules"]), mounts=[x.split()[:4] for x in raw.pop("mounts").splitlines()],
        vmcoreinfo_note=raw["vmcoreinfo"].strip(), in_qemu_fw_cfg="vmcoreinfo" in raw["fw_cfg"],
        kallsyms=kallsyms_sample(raw.pop("kallsyms")), tasks=same, volatile=volatile,
        stacks=stacks(raw.pop("stacks")), args=per_process(raw.pop("args")), environ=per_process(raw.pop("environ")),
        ids=ids(raw.pop("ids")), fds=links(raw.pop("fds")), namespaces=links(raw.pop("ns")),
        workload=json.loads(raw.pop("workload")), objects=json.loads(raw.pop("objects")))
    crasher = re.search(r"^CRASHER (\d+) (\S+)", console, re.M)
    if crasher:
        out["fault"] = dict(kind=crasher[2], pid=int(crasher[1]))
    mode = re.search(r"docrash=(\S+)", out["cmdline"])
    if mode:
        out["panic"] = panic(directory, console, mode[1])
    out["raw"] = raw
    return out


def kallsyms(directory):
    packed = open(os.path.join(directory, "kallsyms.img"), "rb").read()
    text = zlib.decompressobj(31).decompress(packed)  # behind it the disk is empty
    with gzip.GzipFile(os.path.join(directory, "kallsyms.gz"), "wb", 6, mtime=0) as f:
        f.write(text)


def main(*words):
    is_little = words[0] == "--little"
    directory, *extra = words[1:] if is_little else words
    if not is_little:
        kallsyms(directory)
    with open(os.path.join(directory, "truth.json"), "w") as f:
        json.dump((little if is_little else truth)(directory, extra), f, indent=1)
        f.write("\n")


main(*sys.argv[1:])
