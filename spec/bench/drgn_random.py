# SPDX-License-Identifier: BSD-2-Clause
# drgn's reads of 8 bytes at the addresses that spec/bench/random.c wrote down: drgn -q -c CORE -s VMLINUX drgn_random.py FILE
import array
import sys
import time

TURNS = 5

addresses = array.array("Q")
with open(sys.argv[-1], "rb") as f:
    addresses.frombytes(f.read())
best = 0
for _ in range(TURNS):
    start = time.process_time()
    for address in addresses:
        prog.read_u64(address)
    best = max(best, len(addresses) / (time.process_time() - start) / 1e6)
print("drgn random\t%.3f" % best)
