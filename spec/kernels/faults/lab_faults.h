// SPDX-License-Identifier: BSD-2-Clause
// Faults made on purpose; each stays in a function of its own name, which triage is to name.
#ifndef LAB_FAULTS_H
#define LAB_FAULTS_H

#include <linux/compiler.h>

void lab_null(void);
void lab_use_after_free_fault(void);
void lab_stack_overflow_fault(void);
void lab_list_corruption_fault(void);
void lab_refcount_fault(void);

void lab_ab_ba(void);
void lab_rwsem_cycle(void);
void lab_hung(void);
void lab_softlockup(void);
void lab_hardlockup(void);
void lab_rcu_stall(void);
void lab_rcu_reader(void);
void lab_stuck_work_fault(void);

void lab_slab_leak_fault(void);

void lab_percpu_rwsem(void);
void lab_bit_lock(void);
void lab_inode_lock(void);
void lab_redzone_fault(void);
void lab_late_write_fault(void);
void lab_free_list_fault(void);
void lab_free_page_fault(void);
void lab_task_refcount_fault(void);
void lab_list_poison_fault(void);

#endif
