// SPDX-License-Identifier: BSD-2-Clause
// The parts of the guests' module, each of which makes what its spec in spec/kernels knows.
#ifndef LAB_H
#define LAB_H

void lab_locks(void);      // lab_locks.c: locks_spec.lua
void lab_workqueues(void); // lab_workqueues.c: workqueue_spec.lua
void lab_netfilter(void);  // lab_netfilter.c: net_spec.lua
void lab_slabs(void);      // lab_slab.c: slub_spec.lua, vmalloc_spec.lua
void lab_probes(void);     // lab_probes.c: check_hooks_spec.lua

#endif
