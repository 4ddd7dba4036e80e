#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""mutate.py BASES LUAKVM [--count N] [--seed S] [--first I] [--keep DIR]: damages dumps and runs luakvm on them.

Mutant I of seed S is always the same: a base file, some changes, a command line. Each run must end by itself, without a
signal and without a report of a sanitizer, within 10 s of CPU time and 512 MB of resident memory (under AddressSanitizer,
whose shadow memory and redzones count; run.sh makes its quarantine 16 MB), with an answer on standard output or one
line on standard error, and print no byte that steers a terminal. What does not is kept in DIR: the mutant as I.dump,
what it printed as I.txt. --first I --count 1 makes one again.
"""
import argparse
import os
import random
import re
import resource
import signal
import struct
import subprocess
import sys
import threading
import time

CPU_S, RSS_KB, WALL_S = 10, 512 * 1024, 120
WORDS = [0, 1, 2, 3, 4, 7, 8, 0x7f, 0x80, 0xff, 0xfff, 0x1000, 0x1001, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
         0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffff000,
         0xffffffff80000000, 0xffffffff81000000, 0xffff888000000000]
# Strings that a terminal would obey: an escape sequence, C1 as raw byte and as UTF-8, bidi override, DEL.
EVIL = [b"\x1b[2J", b"\x9b31m", b"\xc2\x9b31m", b"\xe2\x80\xae", b"\x7f", b"\r\n", b"%s%n", b"\xff\xfe"]
COMMANDS = [["triage"], ["triage", "--json"], ["ps"], ["ps", "--threads", "--csv"], ["log", "-x"], ["mod"], ["info"], ["info", "--json"],
            ["sym", "init_task", "-p", "sched*"], ["struct", "task_struct"], ["mod", "--json"], ["ps", "--json"], ["log", "--csv"]]
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\udc80-\udcff]")


class Base:
    def __init__(self, path):
        self.name = os.path.basename(path)
        with open(path, "rb") as f:
            self.bytes = f.read()
        n = len(self.bytes)
        # what opening looks at first, and what stands at the end of layers
        self.places = [(0, 64), (0, 512), (0, min(n, 0x3000)), (max(0, n - 64), 64), (max(0, n - 4096), 4096)]
        self.places += self.headers()
        self.memory = {}  # by what is there: a few tasks are not to hide behind the members of hundreds
        if os.path.exists(path + ".places"):
            with open(path + ".places", encoding="ascii") as f:
                for offset, length, what in (line.split(None, 2) for line in f if line.strip()):
                    self.memory.setdefault(what.strip(), []).append((int(offset), int(length)))

    def headers(self):
        """Where the tables of an ELF core or a kdump file (64 bits, little-endian) lie."""
        b = self.bytes
        if b[:4] == b"\x7fELF":
            phoff, phnum = struct.unpack_from("<Q", b, 32)[0], struct.unpack_from("<H", b, 56)[0]
            places = [(0, 64), (phoff, phnum * 56)]
            for i in range(min(phnum, 64)):
                kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", b, phoff + 56 * i)
                if kind == 4:
                    places += [(offset, size)] * 3
            return places
        if b[:8] == b"KDUMP   ":
            block, sub, bitmap = struct.unpack_from("<iii", b, 428)
            info, info_size, note, note_size = struct.unpack_from("<QQQQ", b, block + 32)
            maps = block * (1 + sub)
            return [(0, 464), (block, 104), (block, 104), (maps, bitmap * block), (maps + bitmap * block, 24 * 256),
                    (maps + bitmap * block, 24 * 16), (info, info_size), (note, note_size)]
        return []


def place(rng, base, size):
    """An offset to change, by preference where something is decided."""
    kind = rng.random()
    if base.memory and kind < 0.5:
        at, length = rng.choice(base.memory[rng.choice(list(base.memory))])
    elif kind < 0.85:
        at, length = rng.choice(base.places)
    else:
        at, length = 0, size
    return min(max(size - 1, 0), at + rng.randrange(max(1, length)))


def word(rng, data, at, width):
    old = int.from_bytes(data[at:at + width], "little")
    kind = rng.randrange(5)
    if kind == 0:
        new = rng.choice(WORDS)
    elif kind == 1:
        new = old + rng.choice([-1, 1, -8, 8, 4096, -4096, len(data), -len(data)])
    elif kind == 2:
        new = len(data) + rng.randrange(-16, 17)
    elif kind == 3:
        new = old ^ (1 << rng.randrange(8 * width))
    else:
        new = rng.getrandbits(8 * width)
    return (new & ((1 << 8 * width) - 1)).to_bytes(width, rng.choice(["little", "little", "little", "big"]))


def change(rng, base, data, others):
    """One change to data, in place (a bytearray)."""
    if not data:
        return
    at = place(rng, base, len(data))
    kind = rng.randrange(100)
    if kind < 25:
        data[at] ^= 1 << rng.randrange(8)
    elif kind < 60:
        width = rng.choice([2, 4, 4, 8, 8, 8])
        at -= at % width
        new = word(rng, data, at, width)
        data[at:at + width] = new[:len(data) - at]
    elif kind < 66:
        evil = rng.choice(EVIL)
        data[at:at + len(evil)] = evil[:len(data) - at]
    elif kind < 72:  # a block of zeros, of ones or of noise
        n = min(rng.choice([16, 64, 512, 4096, 65536]), len(data) - at)
        data[at:at + n] = rng.choice([bytes(n), b"\xff" * n, rng.randbytes(n)])
    elif kind < 82:  # what stands elsewhere in the file: pointers to other things, pages that changed places
        n = rng.choice([8, 8, 24, 64, 4096])
        source = place(rng, base, len(data))
        if n >= 4096:
            at, source = at - at % 4096, source - source % 4096
        piece = bytes(data[source:source + n])[:len(data) - at]
        data[at:at + len(piece)] = piece
    elif kind < 88:  # spliced with another dump
        other = rng.choice(others).bytes
        if rng.random() < 0.5:
            n = rng.choice([64, 512, 4096, 65536])
            data[at:at + n] = other[at:at + n]
        else:
            data[at:] = other[at:]
    elif kind < 94:
        del data[at if rng.random() < 0.5 else rng.randrange(len(data)):]
    elif kind < 97:
        del data[at:at + rng.choice([1, 4, 8, 512, 4096])]
    else:
        data[at:at] = rng.choice([b"\0", bytes(4), bytes(4096), data[at:at + 512]])


def make(seed, number, bases):
    """The mutant of that number: what it is, its bytes, the command."""
    rng = random.Random(f"{seed}:{number}")
    base = rng.choice(bases)
    data = bytearray(base.bytes)
    changes = 1
    while changes < 64 and rng.random() < 0.6:
        changes += 1
    for _ in range(changes):
        change(rng, base, data, bases)
    command = COMMANDS[0] if rng.random() < 0.7 else rng.choice(COMMANDS)
    return base.name, bytes(data), command


def limits():
    # a backstop: what is above CPU_S already fails by its rusage
    resource.setrlimit(resource.RLIMIT_CPU, (3 * CPU_S, 3 * CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(words):
    """Exit status (negative: signal), CPU seconds, peak memory in kB, both outputs; None for the status: over WALL_S."""
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limits)
    outputs = [b"", b""]

    def drain(i, pipe):
        outputs[i] = pipe.read()

    threads = [threading.Thread(target=drain, args=(i, p)) for i, p in enumerate((child.stdout, child.stderr))]
    for t in threads:
        t.start()
    alarm = threading.Timer(WALL_S, child.kill)
    alarm.start()
    began = time.monotonic()
    _, status, usage = os.wait4(child.pid, 0)
    alarm.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    for t in threads:
        t.join()
    child.stdout.close()
    child.stderr.close()
    code = None if time.monotonic() - began >= WALL_S and child.returncode == -signal.SIGKILL else child.returncode
    return code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, outputs[0], outputs[1]


def judge(code, cpu, rss, out, err):
    """What is wrong with a run; None: nothing."""
    if code is None:
        return f"took longer than {WALL_S} s"
    if b"Sanitizer" in err or b"runtime error" in err:
        return "a report of a sanitizer"
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    if cpu > CPU_S:
        return f"took {cpu:.1f} s of CPU time"
    if rss > RSS_KB:
        return f"took {rss // 1024} MB of memory"
    if code not in (0, 1):
        return f"exit status {code}"
    for name, text in (("output", out), ("errors", err)):
        found = STEERS.search(text.decode("utf-8", "surrogateescape"))
        if found:
            return f"{name}: character {found.group()!a} at {found.start()}"
    lines = err.count(b"\n")
    if code == 1 and (lines != 1 or not err.startswith(b"luakvm: ")):
        return f"exit status 1 with {lines} lines of errors"
    if re.search(rb"\.lua:\d+:", err):
        return "an error of Lua instead of a message"
    if code == 0 and (err or not out):
        return "exit status 0 without an answer" if not out else "an answer with errors"
    return None


def keep(folder, number, data, words, outcome, out, err):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{number}.dump", "wb") as f:
        f.write(data)
    with open(f"{folder}/{number}.txt", "wb") as f:
        f.write(f"{outcome}\n{' '.join(words)}\n--- output\n".encode() + out[-20000:] + b"\n--- errors\n" + err[-20000:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bases")
    parser.add_argument("luakvm", help="words that run it, parted by blanks")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--keep", default="build/mutate/failed")
    parser.add_argument("--only", default="", help="bases whose name begins with this")
    args = parser.parse_args()
    names = sorted(n for n in os.listdir(args.bases) if not n.endswith(".places") and n.startswith(args.only))
    bases = [Base(os.path.join(args.bases, n)) for n in names if os.path.isfile(os.path.join(args.bases, n))]
    if not bases:
        sys.exit("no dumps to damage")
    print(f"seed {args.seed}, mutants {args.first} to {args.first + args.count - 1} of {', '.join(b.name for b in bases)}", flush=True)
    answers, failed, worst_cpu, worst_rss = 0, 0, 0.0, 0
    path = os.path.join(args.bases, "..", f"mutant-{os.getpid()}.dump")
    began = time.monotonic()
    for number in range(args.first, args.first + args.count):
        name, data, command = make(args.seed, number, bases)
        with open(path, "wb") as f:
            f.write(data)
        words = args.luakvm.split() + command[:1] + [path] + command[1:]
        code, cpu, rss, out, err = run(words)
        outcome = judge(code, cpu, rss, out, err)
        worst_cpu, worst_rss = max(worst_cpu, cpu), max(worst_rss, rss)
        answers += code == 0
        if outcome:
            failed += 1
            keep(args.keep, number, data, words, f"mutant {number} of seed {args.seed}, from {name}: {outcome}", out, err)
            print(f"FAILED mutant {number} (from {name}, {' '.join(command)}): {outcome}", flush=True)
    if os.path.exists(path):
        os.remove(path)
    print(f"{args.count} mutants in {time.monotonic() - began:.0f} s: {answers} answered, {args.count - answers - failed} refused with a line, "
          f"{failed} failed; at most {worst_cpu:.1f} s of CPU time, {worst_rss // 1024} MB")
    sys.exit(1 if failed else 0)


main()
