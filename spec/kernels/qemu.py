#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""qemu.py [--wait TEXT]... [--settle S] [--timeout S] [--stall S] [--dump FORMAT=FILE]... LOG -- QEMU ARGUMENTS...

Runs QEMU with the serial console in LOG, waits until LOG has a TEXT (default: until QEMU ends) and S seconds more, takes dumps with
dump-guest-memory through QMP (FORMAT: elf, elf-paging, kdump-zlib), as a migration stream (migration), or as raw memory
from address 0 on (raw:BYTES), and ends it.
Exit status: 0; 1 QEMU ended by itself; 2 a dump failed; 3 it took too long, or the console was silent for S seconds."""
import argparse
import json
import os
import shlex
import socket
import subprocess
import sys
import time


class Console:
    """The log of the serial line, of which only what is new is read."""

    def __init__(self, path, texts):
        self.path, self.texts, self.pos, self.tail, self.grown = path, [t.encode() for t in texts], 0, b"", time.time()

    def has_text(self):
        if not os.path.exists(self.path):
            return False
        with open(self.path, "rb") as f:
            f.seek(self.pos)
            new = f.read()
        if new and b"soft lockup" not in new:  # which is all that a guest says that hangs
            self.grown = time.time()
        self.pos += len(new)
        seen = self.tail + new
        self.tail = seen[-200:]
        return any(text in seen for text in self.texts)


def wait(qemu, console, args):
    start = time.time()
    while True:
        time.sleep(0.3)
        if qemu.poll() is not None:
            print(f"  qemu ended ({qemu.returncode}) after {time.time() - start:.0f} s")
            sys.exit(1 if args.wait or qemu.returncode else 0)
        if console.has_text():
            return
        if time.time() - start > args.timeout or time.time() - console.grown > args.stall:
            qemu.kill()
            qemu.wait()
            print(f"  no end after {time.time() - start:.0f} s, see {args.log}")
            sys.exit(3)


def take(path, dumps):
    """Takes the dumps of the guest whose QMP socket is at PATH, all of the same memory; whether all went well."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    f = s.makefile("rw")

    def qmp(command, **arguments):
        f.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        f.flush()
        while True:
            answer = json.loads(f.readline())
            if "return" in answer or "error" in answer:
                return answer

    def dump_memory(kind, file):
        arguments = {"paging": kind == "elf-paging", "protocol": "file:" + file}
        if not kind.startswith("elf"):
            arguments["format"] = kind
        return qmp("dump-guest-memory", **arguments)

    def migrate(file):
        answer = qmp("migrate", uri="exec:cat >" + shlex.quote(file))
        while "error" not in answer:
            answer = qmp("query-migrate")
            status = answer["return"].get("status")
            if status == "completed":
                return answer
            if status in ("failed", "cancelled"):
                return {"error": {"desc": "migration " + status}}
            time.sleep(0.2)
        return answer

    f.readline()
    qmp("qmp_capabilities")
    qmp("stop")
    well = True
    for dump in dumps:
        kind, file = dump.split("=", 1)
        if kind == "migration":
            answer = migrate(file)
        elif kind.startswith("raw:"):
            answer = qmp("pmemsave", val=0, size=int(kind[4:]), filename=file)
        else:
            answer = dump_memory(kind, file)
        if "error" in answer:
            well = False
            print(f"  {kind}: {answer['error']['desc']}")
    qmp("quit")
    return well


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--wait", action="append", default=[])
    p.add_argument("--settle", type=float, default=0)
    p.add_argument("--timeout", type=float, default=900)
    p.add_argument("--stall", type=float, default=120)
    p.add_argument("--dump", action="append", default=[])
    p.add_argument("log")
    p.add_argument("command", nargs="+")
    args = p.parse_args()
    qmp = args.log + ".qmp"
    for old in (qmp, args.log):
        if os.path.exists(old):
            os.unlink(old)
    qemu = subprocess.Popen(args.command + ["-display", "none", "-no-reboot", "-serial", "file:" + args.log,
                                            "-qmp", f"unix:{qmp},server=on,wait=off"])
    try:
        wait(qemu, Console(args.log, args.wait), args)
        time.sleep(args.settle)
        well = take(qmp, args.dump)
        qemu.wait()
    finally:
        if qemu.poll() is None:
            qemu.kill()
            qemu.wait()
        if os.path.exists(qmp):
            os.unlink(qmp)
    sys.exit(0 if well else 2)


main()
