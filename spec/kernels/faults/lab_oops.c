// SPDX-License-Identifier: BSD-2-Clause
// Faults that the kernel notices at once.
#include "lab_faults.h"

#include <linux/list.h>
#include <linux/printk.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/string.h>

struct lab_thing {
    char name[40];
    struct lab_thing *next;
    struct list_head list;
    refcount_t count;
};

static struct lab_thing *volatile lab_nothing;

static noinline unsigned char lab_null_dereference(struct lab_thing *thing) {
    return READ_ONCE(thing->next) != NULL;
}
void lab_null(void) {
    pr_info("lab: %d\n", lab_null_dereference(lab_nothing));
}

// Of freed memory the pointer is poison (0x6b...) where the kernel marks what is freed (slub_debug=P).
static noinline char lab_use_after_free(struct lab_thing *thing) {
    struct lab_thing *next = READ_ONCE(thing->next);

    return READ_ONCE(next->name[0]);
}
void lab_use_after_free_fault(void) {
    struct lab_thing *thing = kzalloc(sizeof(*thing), GFP_KERNEL);
    struct lab_thing *volatile kept = thing;

    if (!thing) return;
    thing->next = thing;
    kfree(thing);
    pr_info("lab: %d\n", lab_use_after_free(kept));
}

static noinline int lab_stack_overflow(int depth) {
    volatile char room[600];

    memset((char *)room, depth, sizeof(room));
    if (depth > 1000000) return room[5];
    return lab_stack_overflow(depth + 1) + room[depth % sizeof(room)];
}
void lab_stack_overflow_fault(void) {
    pr_info("lab: %d\n", lab_stack_overflow(1));
}

static LIST_HEAD(lab_victims);

static noinline void lab_list_corruption(struct lab_thing *thing) {
    list_del(&thing->list);
}
void lab_list_corruption_fault(void) {
    static struct lab_thing first, second;

    list_add(&first.list, &lab_victims);
    list_add(&second.list, &lab_victims);
    first.list.prev = &lab_victims; // jumps over the second
    lab_list_corruption(&second);
}

static struct lab_thing lab_counted __used;

static noinline void lab_refcount_overflow(struct lab_thing *thing) {
    refcount_set(&thing->count, REFCOUNT_MAX);
    refcount_inc(&thing->count);
}
void lab_refcount_fault(void) {
    lab_refcount_overflow(&lab_counted);
}
