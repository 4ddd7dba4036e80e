// SPDX-License-Identifier: BSD-2-Clause
// A module that makes one fault when its name is written to /proc/labfault. Checked with Linux 5.10, 6.1, 6.12 and 7.2.
#include "lab_faults.h"

#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static const struct {
    const char *name;
    void (*make)(void);
} faults[] = {
    {"null", lab_null},
    {"use-after-free", lab_use_after_free_fault},
    {"stack-overflow", lab_stack_overflow_fault},
    {"list-corruption", lab_list_corruption_fault},
    {"refcount", lab_refcount_fault},
    {"ab-ba", lab_ab_ba},
    {"rwsem-cycle", lab_rwsem_cycle},
    {"hung", lab_hung},
    {"softlockup", lab_softlockup},
    {"hardlockup", lab_hardlockup},
    {"rcu-stall", lab_rcu_stall},
    {"rcu-reader", lab_rcu_reader},
    {"stuck-work", lab_stuck_work_fault},
    {"slab-leak", lab_slab_leak_fault},
    {"percpu-rwsem", lab_percpu_rwsem},
    {"bit-lock", lab_bit_lock},
    {"inode-lock", lab_inode_lock},
    {"redzone", lab_redzone_fault},
    {"late-write", lab_late_write_fault},
    {"free-list", lab_free_list_fault},
    {"free-page", lab_free_page_fault},
    {"task-refcount", lab_task_refcount_fault},
    {"list-poison", lab_list_poison_fault},
};

static ssize_t lab_write(struct file *file, const char __user *from, size_t size, loff_t *pos) {
    char name[32] = "";
    size_t i;

    if (size >= sizeof(name) || copy_from_user(name, from, size)) return -EFAULT;
    for (i = 0; i < ARRAY_SIZE(faults); i++) {
        if (strcmp(strim(name), faults[i].name)) continue;
        faults[i].make();
        return size;
    }
    return -EINVAL;
}

static const struct proc_ops lab_ops = {.proc_write = lab_write};

static int __init lab_init(void) {
    return proc_create("labfault", 0200, NULL, &lab_ops) ? 0 : -ENOMEM;
}
static void __exit lab_exit(void) {
    remove_proc_entry("labfault", NULL);
}
module_init(lab_init);
module_exit(lab_exit);
MODULE_LICENSE("Dual BSD/GPL");
MODULE_DESCRIPTION("Faults made on purpose");
