// SPDX-License-Identifier: BSD-2-Clause
// Faults that nothing notices yet: memory is damaged, the kernel goes on.
#include "lab_faults.h"

#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poison.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#define LAB_BYTES   192
#define LAB_OBJECTS 4096 // more than CPUs and nodes keep for themselves

static char *lab_kept;

// --- writes past an object that is in use
static noinline char *lab_allocate(void) {
    return kzalloc(LAB_BYTES, GFP_KERNEL);
}
static noinline void lab_overrun(char *p) {
    memset(p, 'A', LAB_BYTES + 5);
}
void lab_redzone_fault(void) {
    lab_kept = lab_allocate();
    if (lab_kept) lab_overrun(lab_kept);
}

// --- writes into an object that was freed
static noinline void lab_late_write(char *p) {
    OPTIMIZER_HIDE_VAR(p);
    memset(p + 40, 'B', 8);
}
static noinline void lab_release(char *p) {
    kfree(p);
}
void lab_late_write_fault(void) {
    char *p = lab_allocate();

    if (!p) return;
    lab_release(p);
    lab_late_write(p);
}

// --- writes over the pointers that lead from one free object to the next
static struct kmem_cache *lab_cache;

static noinline char *lab_thing_alloc(void) {
    return kmem_cache_alloc(lab_cache, GFP_KERNEL);
}
static noinline void lab_stale_write(char *p) {
    OPTIMIZER_HIDE_VAR(p);
    memset(p, 'C', LAB_BYTES);
}
void lab_free_list_fault(void) {
    static char *things[LAB_OBJECTS];
    int i;

    // Bytes for user space keep it from being merged with another cache.
    lab_cache = kmem_cache_create_usercopy("lab_things", LAB_BYTES, 0, 0, 0, LAB_BYTES, NULL);
    if (!lab_cache) return;
    for (i = 0; i < LAB_OBJECTS; i++)
        things[i] = lab_thing_alloc();
    for (i = 1; i < LAB_OBJECTS; i += 2)
        if (things[i]) kmem_cache_free(lab_cache, things[i]);
    for (i = 1; i < LAB_OBJECTS; i += 2)
        if (things[i]) lab_stale_write(things[i]);
}

// --- takes a page that is free
#define LAB_ORDER 8 // more than CPUs keep lists of
static struct page *lab_page;

static noinline void lab_take_free_page(struct page *page) {
    page_ref_inc(page);
    atomic_set(&page->_mapcount, 0);
}
void lab_free_page_fault(void) {
    struct page *block = alloc_pages(GFP_KERNEL, LAB_ORDER);

    if (!block) return;
    lab_page = block + 200;
    __free_pages(block, LAB_ORDER);
    lab_take_free_page(lab_page);
}

// --- takes references to a task until they are too many to count
static noinline void lab_get_task(struct task_struct *task) {
    refcount_set(&task->usage, REFCOUNT_MAX);
    get_task_struct(task);
}
void lab_task_refcount_fault(void) {
    lab_get_task(current->group_leader->real_parent);
}

// --- half of a deletion from a list
static noinline void lab_half_delete(struct list_head *node) {
    node->prev = LIST_POISON2;
}
static const struct file_operations lab_operations = {.owner = THIS_MODULE};
static struct miscdevice lab_device = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "lab-device",
    .fops = &lab_operations,
};
void lab_list_poison_fault(void) {
    if (misc_register(&lab_device)) return;
    lab_half_delete(&lab_device.list);
}
