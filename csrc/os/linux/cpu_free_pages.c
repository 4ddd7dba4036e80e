// SPDX-License-Identifier: BSD-2-Clause
// Free pages that CPUs keep for themselves, zone by zone: struct per_cpu_pages, whose lists are
// one per migration type and order (mm/page_alloc.c). Until 5.12 all were of order 0; since 5.13
// (44042b449872) orders 0 to PAGE_ALLOC_COSTLY_ORDER come first, huge pages behind them. Since 5.14
// (28f836b6777b) the zone's member is per_cpu_pageset; before, pageset with these in its pcp.
#include "os/linux/linux.h"

#include <string.h>

enum {
    NODES_MAX = 1024,    // NODES_SHIFT is 10 at most
    ZONES_MAX = 16,      // MAX_NR_ZONES is 5 here
    LISTS_MAX = 64,      // NR_PCP_LISTS is 14
    COSTLY_ORDER = 3,    // PAGE_ALLOC_COSTLY_ORDER
    HUGE_PAGE_ORDER = 9, // HPAGE_PMD_ORDER of x86-64
    POINTER = 8,
};

enum { ZONES, ZONE, PAGESET, PCP, LISTS, LIST, LRU, MEMBERS };
static const struct linux_member members[MEMBERS] = {
    [ZONES] = {"struct pglist_data", "node_zones", NULL, false},
    [ZONE] = {"struct pglist_data", "node_zones[0]", NULL, false},
    [PAGESET] = {"struct zone", "per_cpu_pageset", "pageset", false},
    [PCP] = {"struct per_cpu_pageset", "pcp", NULL, true},
    [LISTS] = {"struct per_cpu_pages", "lists", NULL, false},
    [LIST] = {"struct per_cpu_pages", "lists[0]", NULL, false},
    [LRU] = {"struct page", "lru", NULL, false},
};

struct walk {
    struct os *os;
    linux_free_visit *fn;
    void *ctx;
    struct kvm_err *err;
    const struct linux_percpu *cpus;
    struct linux_at at[MEMBERS];
    uint32_t types; // MIGRATE_PCPTYPES: lists of each order
    uint32_t order; // of the list that is being walked
};

static int find_types(struct walk *w) {
    type_id id;
    struct type_info info;
    struct type_enumerator e;
    int rc = type_find(w->os->types, "enum migratetype", &id, w->err);
    if (rc == 0) rc = type_info(w->os->types, id, &info, w->err);
    for (uint64_t i = 0; rc == 0 && i < info.count; i++) {
        rc = type_enumerator(w->os->types, id, i, &e, w->err);
        if (rc == 0 && strcmp(e.name, "MIGRATE_PCPTYPES") == 0 && e.value > 0 &&
            e.value < LISTS_MAX) {
            w->types = (uint32_t)e.value;
            return 0;
        }
    }
    return rc ? rc : err_set(w->err, KVM_NOTFOUND, "no MIGRATE_PCPTYPES");
}

static int give(void *ctx, uint64_t node) {
    struct walk *w = ctx;
    return w->fn(w->ctx, node - w->at[LRU].offset, w->order);
}

static int walk_cpu(struct walk *w, uint64_t pages) {
    uint32_t count = w->at[LISTS].size / w->at[LIST].size;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t head = pages + w->at[LISTS].offset + (uint64_t)i * w->at[LIST].size;
        w->order = i / w->types <= COSTLY_ORDER ? i / w->types : HUGE_PAGE_ORDER;
        int rc = linux_list_each(&w->os->virt, head, "free pages of a CPU", give, w, w->err);
        if (rc) return rc;
    }
    return 0;
}

static int walk_node(struct walk *w, uint64_t node) {
    uint64_t first = node + w->at[ZONES].offset, pages;
    int rc = 0;
    for (uint32_t at = 0; rc == 0 && at < w->at[ZONES].size; at += w->at[ZONE].size) {
        rc = linux_member_read(&w->os->virt, first + at, w->at[PAGESET], &pages, w->err);
        for (uint32_t cpu = 0; rc == 0 && pages && cpu < w->cpus->count; cpu++)
            rc = walk_cpu(w, pages + w->cpus->offset[cpu] + w->at[PCP].offset);
    }
    return rc;
}

// CONFIG_NUMA has a table of nodes; else there is one.
static int walk_nodes(struct walk *w) {
    uint64_t table, count_at, node;
    uint32_t count = 0;
    if (symtab_value(w->os->symbols, "node_data", &table, NULL)) {
        int rc = symtab_value(w->os->symbols, "contig_page_data", &node, w->err);
        return rc ? rc : walk_node(w, node);
    }
    int rc = symtab_value(w->os->symbols, "nr_node_ids", &count_at, w->err);
    if (rc == 0) rc = reader_u32(&w->os->virt, count_at, &count, w->err);
    if (rc == 0 && (count == 0 || count > NODES_MAX))
        rc = err_at(w->err, KVM_FORMAT, count_at, "nr_node_ids is %u", count);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = reader_u64(&w->os->virt, table + (uint64_t)i * POINTER, &node, w->err);
        if (rc == 0 && node) rc = walk_node(w, node);
    }
    return rc;
}

int linux_each_cpu_free(struct os *os, linux_free_visit *fn, void *ctx, struct kvm_err *err) {
    struct walk w = {.os = os, .fn = fn, .ctx = ctx, .err = err};
    int rc = linux_members_find(os->types, members, MEMBERS, w.at, err);
    if (rc == 0 &&
        (w.at[ZONE].size == 0 || w.at[ZONES].size / w.at[ZONE].size > ZONES_MAX ||
         w.at[LIST].size != 2 * POINTER || w.at[LISTS].size / w.at[LIST].size > LISTS_MAX))
        rc = err_set(err, KVM_FORMAT, "types: impossible sizes of zones and their lists");
    if (rc == 0) rc = find_types(&w);
    if (rc == 0) rc = linux_percpu_get(os, &w.cpus, err);
    return rc ? rc : walk_nodes(&w);
}
