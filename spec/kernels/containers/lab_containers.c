// SPDX-License-Identifier: BSD-2-Clause
// lab_containers: a module of the guests that makes one of each of the kernel's containers with contents that
// containers_spec.lua knows, and one of most that is damaged on purpose (..._bad), and has the other
// parts of the module (lab.h) do theirs. Nothing of the kernel walks these. The guest does not unload
// it. For Linux 5.10 to 7.2; maple trees since 6.1.
#include "lab.h"

#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/idr.h>
#include <linux/interval_tree_generic.h>
#include <linux/kfifo.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/radix-tree.h>
#include <linux/rbtree.h>
#include <linux/rhashtable.h>
#include <linux/sbitmap.h>
#include <linux/slab.h>
#include <linux/timerqueue.h>
#include <linux/version.h>
#include <linux/xarray.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
#include <linux/maple_tree.h>
#define HAS_MAPLE_TREE 1
#endif

MODULE_LICENSE("Dual BSD/GPL");
MODULE_DESCRIPTION("containers with known contents");

struct lab_item {
    long id;
    struct list_head list;
    struct hlist_node hash;
    struct rb_node rb;
    struct rhash_head rhash;
};

static struct lab_item *item(long id) {
    struct lab_item *it = kzalloc(sizeof(*it), GFP_KERNEL);
    it->id = id;
    return it;
}

// --- lists: the ids 0 to 19; the damaged ones do not lead back at 10
static LIST_HEAD(lab_list);
static LIST_HEAD(lab_list_bad);
static LIST_HEAD(lab_list_empty);
static HLIST_HEAD(lab_hlist);
static HLIST_HEAD(lab_hlist_bad);

static void lists(void) {
    struct list_head *heads[] = {&lab_list, &lab_list_bad};
    struct hlist_head *hashes[] = {&lab_hlist, &lab_hlist_bad};
    int n, i;
    for (n = 0; n < 2; n++) {
        for (i = 0; i < 20; i++) {
            struct lab_item *it = item(i), *last = item(19 - i);
            list_add_tail(&it->list, heads[n]);
            hlist_add_head(&last->hash, hashes[n]);
            if (n == 1 && i == 11) it->list.prev->prev = heads[n];
            if (n == 1 && i == 11) last->hash.next->next->pprev = NULL;
        }
    }
    INIT_LIST_HEAD(&lab_list_empty);
}

// --- red-black trees: 101 ids, 0 to 300 by threes, put in out of order
static struct rb_root lab_rb = RB_ROOT;
static struct rb_root lab_rb_bad = RB_ROOT;    // the parent of the node 150 is wrong
static struct rb_root lab_rb_colour = RB_ROOT; // the node 150 has the other colour
static struct rb_root_cached lab_rb_cached = RB_ROOT_CACHED;
static struct rb_root_cached lab_rb_cached_bad = RB_ROOT_CACHED; // its leftmost is not the first
static struct rb_root lab_rb_empty __used = RB_ROOT;

static struct rb_node *insert(struct rb_root *root, struct rb_root_cached *cached, long id) {
    struct rb_node **link = &root->rb_node, *parent = NULL;
    struct lab_item *it = item(id);
    bool leftmost = true;
    while (*link) {
        parent = *link;
        if (id < rb_entry(parent, struct lab_item, rb)->id) {
            link = &parent->rb_left;
        } else {
            link = &parent->rb_right;
            leftmost = false;
        }
    }
    rb_link_node(&it->rb, parent, link);
    if (cached)
        rb_insert_color_cached(&it->rb, cached, leftmost);
    else
        rb_insert_color(&it->rb, root);
    return &it->rb;
}

static void trees(void) {
    struct rb_root *roots[] = {&lab_rb, &lab_rb_bad, &lab_rb_colour, &lab_rb_cached.rb_root,
                               &lab_rb_cached_bad.rb_root};
    struct rb_root_cached *cached[] = {NULL, NULL, NULL, &lab_rb_cached, &lab_rb_cached_bad};
    struct rb_node *middle[5];
    int n, i;
    for (n = 0; n < 5; n++) {
        for (i = 0; i < 101; i++) {
            struct rb_node *node = insert(roots[n], cached[n], i * 37 % 101 * 3);
            if (i * 37 % 101 == 50) middle[n] = node;
        }
    }
    middle[1]->__rb_parent_color ^= 0x100;
    middle[2]->__rb_parent_color ^= 1;
    lab_rb_cached_bad.rb_leftmost = rb_next(lab_rb_cached_bad.rb_leftmost);
}

// --- interval trees: 64 ranges; I starts at 10 I and has 1 + I % 7 * 20 numbers
struct lab_range {
    struct rb_node rb;
    unsigned long start, last, __subtree_last;
};
#define FIRST(r) ((r)->start)
#define LAST(r)  ((r)->last)
INTERVAL_TREE_DEFINE(struct lab_range, rb, unsigned long, __subtree_last, FIRST, LAST,
                     static __maybe_unused, lab_range)
static struct rb_root_cached lab_ranges = RB_ROOT_CACHED;
static struct rb_root_cached lab_ranges_bad =
    RB_ROOT_CACHED; // the range 30 says a wrong highest value

static void ranges(void) {
    struct rb_root_cached *roots[] = {&lab_ranges, &lab_ranges_bad};
    struct lab_range *damaged = NULL;
    int n, i;
    for (n = 0; n < 2; n++) {
        for (i = 0; i < 64; i++) {
            struct lab_range *r = kzalloc(sizeof(*r), GFP_KERNEL);
            r->start = i * 10;
            r->last = r->start + i % 7 * 20;
            lab_range_insert(r, roots[n]);
            if (i == 30) damaged = r;
        }
    }
    damaged->__subtree_last++;
}

// --- timers: node I expires at I * 7919 % 1000 us
static struct timerqueue_head lab_timers, lab_timers_bad;
static struct timerqueue_node lab_timer_nodes[2][20];

static void timers(void) {
    int i;
    timerqueue_init_head(&lab_timers);
    timerqueue_init_head(&lab_timers_bad);
    for (i = 0; i < 40; i++) {
        struct timerqueue_node *node = &lab_timer_nodes[i / 20][i % 20];
        timerqueue_init(node);
        node->expires = (i % 20) * 7919 % 1000 * 1000;
        timerqueue_add(i / 20 ? &lab_timers_bad : &lab_timers, node);
    }
    lab_timer_nodes[1][7].expires = 1000000000;
}

// --- XArrays: value I at I squared, I to 99, marked 1 where 3 divides I; pointers at 2^20 to 2^20 + 9; one entry of 16
// indices from 2^21 on
static DEFINE_XARRAY(lab_xa);
static DEFINE_XARRAY(lab_xa_bad);   // a node below the first one names another parent
static DEFINE_XARRAY(lab_xa_count); // a node says that it has one slot more in use
static DEFINE_XARRAY(lab_xa_mark);  // a node has a mark that its parent does not know
static DEFINE_XARRAY(lab_xa_single);
static DEFINE_XARRAY(lab_xa_empty);

static struct xa_node *node_below(struct xarray *xa) {
    struct xa_node *node = xa_to_node(xa->xa_head);
    while (node->shift)
        node = xa_to_node(node->slots[0]);
    return node;
}

static void arrays(void) {
    struct xarray *all[] = {&lab_xa, &lab_xa_bad, &lab_xa_count, &lab_xa_mark};
    XA_STATE_ORDER(several, &lab_xa, 1 << 21, 4);
    int n;
    long i;
    for (n = 0; n < 4; n++) {
        for (i = 0; i < 100; i++) {
            xa_store(all[n], i * i, xa_mk_value(i), GFP_KERNEL);
            if (i % 3 == 0) xa_set_mark(all[n], i * i, XA_MARK_1);
        }
        for (i = 0; i < 10; i++)
            xa_store(all[n], (1 << 20) + i, item(i), GFP_KERNEL);
    }
    do {
        xas_lock(&several);
        xas_store(&several, item(16));
        xas_unlock(&several);
    } while (xas_nomem(&several, GFP_KERNEL));
    node_below(&lab_xa_bad)->parent = xa_to_node(lab_xa.xa_head);
    node_below(&lab_xa_count)->count++;
    __set_bit(1, node_below(&lab_xa_mark)->marks[2]);
    xa_store(&lab_xa_single, 0, item(77), GFP_KERNEL);
    xa_destroy(&lab_xa_empty);
}

// --- a radix tree: I at 1000 I, I from 1 to 50; tag 0 on the even ones
static RADIX_TREE(lab_radix, GFP_KERNEL);

static void radix(void) {
    long i;
    for (i = 1; i <= 50; i++) {
        radix_tree_insert(&lab_radix, i * 1000, item(i));
        if (i % 2 == 0) radix_tree_tag_set(&lab_radix, i * 1000, 0);
    }
}

// --- IDRs: numbers from 5 on, 200 of them without each seventh, and 100000. IDAs: 0 to 1199 without the multiples of 5,
// and 5000
static struct idr lab_idr, lab_idr_bad;
static DEFINE_IDA(lab_ida);

static void numbers(void) {
    struct idr *all[] = {&lab_idr, &lab_idr_bad};
    int n, i;
    for (n = 0; n < 2; n++) {
        idr_init_base(all[n], 5);
        for (i = 0; i < 200; i++)
            idr_alloc(all[n], item(5 + i), 5, 0, GFP_KERNEL);
        for (i = 0; i < 200; i += 7)
            kfree(idr_remove(all[n], 5 + i));
        idr_alloc(all[n], item(100000), 100000, 100001, GFP_KERNEL);
    }
    node_below(&lab_idr_bad.idr_rt)->offset++;
    for (i = 0; i < 1200; i++)
        ida_alloc(&lab_ida, GFP_KERNEL);
    for (i = 0; i < 1200; i += 5)
        ida_free(&lab_ida, i);
    ida_alloc_range(&lab_ida, 5000, 5000, GFP_KERNEL);
}

// --- maple trees: value I for 100 I to 100 I + 49, I to 499, without those that 11 divides
#ifdef HAS_MAPLE_TREE
static struct maple_tree lab_mt = MTREE_INIT(lab_mt, 0);
static struct maple_tree lab_mt_gaps = MTREE_INIT(lab_mt_gaps, MT_FLAGS_ALLOC_RANGE);
static struct maple_tree lab_mt_bad =
    MTREE_INIT(lab_mt_bad, 0); // the first node below the root names another slot
static struct maple_tree lab_mt_gaps_bad =
    MTREE_INIT(lab_mt_gaps_bad, MT_FLAGS_ALLOC_RANGE); // a gap is too large
static struct maple_tree lab_mt_single = MTREE_INIT(lab_mt_single, 0);
static struct maple_tree lab_mt_empty = MTREE_INIT(lab_mt_empty, 0);

static struct maple_node *maple_node(void *entry) {
    return (struct maple_node *)((unsigned long)entry & ~255UL);
}

static void maple_trees(void) {
    struct maple_tree *all[] = {&lab_mt, &lab_mt_gaps, &lab_mt_bad, &lab_mt_gaps_bad};
    struct maple_node *below;
    int n, i;
    for (n = 0; n < 4; n++) {
        for (i = 0; i < 500; i++)
            mtree_store_range(all[n], i * 100, i * 100 + 49, xa_mk_value(i), GFP_KERNEL);
        for (i = 0; i < 500; i += 11)
            mtree_erase(all[n], i * 100);
    }
    below = maple_node(maple_node(lab_mt_bad.ma_root)->mr64.slot[0]);
    below->parent = (void *)((unsigned long)below->parent + 8);
    maple_node(lab_mt_gaps_bad.ma_root)->ma64.gap[0]++;
    mtree_store(&lab_mt_single, 0, item(78), GFP_KERNEL);
    mtree_destroy(&lab_mt_empty);
}
#else
static void maple_trees(void) {
}
#endif

// --- bitmaps, FIFOs, sbitmaps
static DECLARE_BITMAP(lab_bitmap, 200);     // 0-3,64,130-199
static struct sbitmap lab_sbitmap;          // of 100: 1, 99; 17 was given back
static DEFINE_KFIFO(lab_fifo, int, 16);     // 5 to 20, over the end of the buffer
static DEFINE_KFIFO(lab_fifo_bad, int, 16); // more in use than there are
static STRUCT_KFIFO_REC_1(64)
    lab_fifo_rec; // "one", "", "three three three", over the end of the buffer

static void bits(void) {
    bitmap_set(lab_bitmap, 0, 4);
    bitmap_set(lab_bitmap, 64, 1);
    bitmap_set(lab_bitmap, 130, 70);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 13, 0)
    sbitmap_init_node(&lab_sbitmap, 100, 4, GFP_KERNEL, NUMA_NO_NODE, false, true);
#else
    sbitmap_init_node(&lab_sbitmap, 100, 4, GFP_KERNEL, NUMA_NO_NODE);
#endif
    sbitmap_set_bit(&lab_sbitmap, 1);
    sbitmap_set_bit(&lab_sbitmap, 17);
    sbitmap_set_bit(&lab_sbitmap, 99);
    sbitmap_deferred_clear_bit(&lab_sbitmap, 17);
}

static void fifos(void) {
    static const char filler[50], text[] = "three three three";
    char back[50];
    int i, got = 0;
    for (i = 0; i < 21; i++) {
        kfifo_put(&lab_fifo, i);
        if (i < 5 && !kfifo_get(&lab_fifo, &got)) got = -1;
    }
    lab_fifo_bad.kfifo.in = 100;
    INIT_KFIFO(lab_fifo_rec);
    kfifo_in(&lab_fifo_rec, filler, sizeof(filler));
    if (kfifo_out(&lab_fifo_rec, back, sizeof(back)) != sizeof(back)) got = -1;
    kfifo_in(&lab_fifo_rec, "one", 3);
    kfifo_in(&lab_fifo_rec, "", 0);
    kfifo_in(&lab_fifo_rec, text, strlen(text));
    if (got < 0) pr_err("lab_containers: a FIFO is not as it should be\n");
}

// --- what each CPU has its own of
static DEFINE_PER_CPU(long, lab_percpu);  // 1000 + the CPU's number
static long __percpu *lab_percpu_pointer; // 2000 + the CPU's number
static struct percpu_counter lab_counter; // 100 + 21, of which 21 is a CPU's
static struct percpu_ref lab_ref;         // 5
static struct percpu_ref lab_ref_dead;    // 4, killed

static void release(struct percpu_ref *ref) {
}

static void percpu(void) {
    int cpu, i;
    lab_percpu_pointer = alloc_percpu(long);
    for_each_possible_cpu(cpu) {
        per_cpu(lab_percpu, cpu) = 1000 + cpu;
        *per_cpu_ptr(lab_percpu_pointer, cpu) = 2000 + cpu;
    }
    percpu_counter_init(&lab_counter, 100, GFP_KERNEL);
    for (i = 0; i < 3; i++)
        percpu_counter_add(&lab_counter, 7);
    if (percpu_ref_init(&lab_ref, release, 0, GFP_KERNEL) ||
        percpu_ref_init(&lab_ref_dead, release, 0, GFP_KERNEL))
        pr_err("lab_containers: no references\n");
    for (i = 0; i < 4; i++) {
        percpu_ref_get(&lab_ref);
        percpu_ref_get(&lab_ref_dead);
    }
    percpu_ref_kill(&lab_ref_dead);
}

// --- a resizable hash table: the ids 0 to 299
static struct rhashtable lab_rhash;
static const struct rhashtable_params lab_rhash_params = {
    .key_len = sizeof(long),
    .key_offset = offsetof(struct lab_item, id),
    .head_offset = offsetof(struct lab_item, rhash),
};

static void hashes(void) {
    int i;
    if (rhashtable_init(&lab_rhash, &lab_rhash_params)) return;
    for (i = 0; i < 300; i++)
        rhashtable_insert_fast(&lab_rhash, &item(i)->rhash, lab_rhash_params);
}

static int __init lab_containers_init(void) {
    lists();
    trees();
    ranges();
    timers();
    arrays();
    radix();
    numbers();
    maple_trees();
    bits();
    fifos();
    percpu();
    hashes();
    lab_locks();
    lab_workqueues();
    lab_netfilter();
    lab_slabs();
    lab_probes();
    return 0;
}
module_init(lab_containers_init);

// Without it /proc/modules has [permanent].
static void __exit lab_containers_exit(void) {
}
module_exit(lab_containers_exit);
