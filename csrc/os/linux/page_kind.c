// SPDX-License-Identifier: BSD-2-Clause
// What pages hold: a walk over struct page (the virtual memory map of SPARSEMEM_VMEMMAP, x86-64), by the offsets and
// numbers that VMCOREINFO gives for makedumpfile: kernel/vmcore_info.c of 5.10, 6.1, 6.12 and 7.2.
//   free   a block of the buddy allocator: its first page has that type, and the block's order in
//          `private`; or a block in a list of a CPU, which nothing in its struct page tells
//   user   anonymous (bit 0 of mapping), or of hugetlbfs
//   cache  on an LRU list or in the swap cache, and not anonymous; or, not (yet) on a list, with a mapping that is
//          really an inode's
// The pages behind the first of a compound page are what that is. Pages of slabs and of any other type are of no kind,
// as is memory that has no struct page; where it has one that can't be read, its kind is untold. So
// is that of pages that nobody counts on where the lists of the CPUs can't be read to their ends.
#include "os/linux/linux.h"

#include "base/mem.h"

#include <stdlib.h>

enum {
    PAGE = 4096,
    AT_ONCE = 64,         // pages whose struct page is read in one go
    PAGE_SIZE_MOST = 256, // bytes of a struct page
    ORDER_MOST = 20,
    MAPPING_ANON = 1,
    TAIL = 1, // of compound_head
};

enum { HOST, I_MAPPING, MEMBERS };
static const struct linux_member members[MEMBERS] = {
    [HOST] = {"struct address_space", "host", NULL, false},
    [I_MAPPING] = {"struct inode", "i_mapping", NULL, false},
};

struct free_block {
    uint64_t pfn, count; // frames
};

struct walk {
    struct os *os;
    os_page_visit *fn;
    void *ctx;
    struct kvm_err *err;
    struct linux_at at[MEMBERS];
    uint64_t map, map_end;                                     // of struct pages
    uint64_t size;                                             // of one
    int64_t flags, mapping, mapcount, refcount, private, head; // offsets
    int64_t lru, swapcache, slab;      // bits of flags; slab -1: it is a type
    int64_t head_mask, buddy, hugetlb; // masks and types; hugetlb 0: told by the destructor
    int64_t dtor, dtor_hugetlb; // offset and value of the destructor of older kernels; -1: none
    uint64_t last_head,
        free_end; // of the compound page looked at last; where the free block ends (a frame)
    uint32_t last_kind;
    uint64_t mapping_seen; // and what its pages are: cache when it is an inode's
    uint32_t mapping_kind;
    struct free_block *of_cpus; // in order of their frames; the walk is before of_cpus[next]
    size_t of_cpus_count, of_cpus_room, next;
    bool of_cpus_all;
    uint64_t start, end; // of the run of pages of one kind that is being collected
    uint32_t kind;
    int rc;
};

// --- what VMCOREINFO says

static int find_numbers(struct walk *w, const struct vmcoreinfo *v) {
    const struct {
        const char *key;
        int64_t *to;
        bool optional;
    } lines[] = {
        {"OFFSET(page.flags)", &w->flags, false},
        {"OFFSET(page.mapping)", &w->mapping, false},
        {"OFFSET(page._mapcount)", &w->mapcount, false},
        {"OFFSET(page._refcount)", &w->refcount, false},
        {"OFFSET(page.private)", &w->private, false},
        {"OFFSET(page.compound_info)", &w->head, true}, // since 7.1
        {"OFFSET(page.compound_head)", &w->head, true},
        {"OFFSET(page.compound_dtor)", &w->dtor, true}, // until 6.5
        {"NUMBER(HUGETLB_PAGE_DTOR)", &w->dtor_hugetlb, true},
        {"NUMBER(PG_lru)", &w->lru, false},
        {"NUMBER(PG_swapcache)", &w->swapcache, false},
        {"NUMBER(PG_slab)", &w->slab, true}, // until 6.9
        {"NUMBER(PG_head_mask)", &w->head_mask, false},
        {"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", &w->buddy, false},
        {"NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)", &w->hugetlb, true}, // since 6.9
        {"SIZE(page)", (int64_t *)&w->size, false},
    };
    w->head = w->dtor = w->dtor_hugetlb = w->slab = -1;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (!vmcoreinfo_number(v, lines[i].key, lines[i].to) && !lines[i].optional)
            return err_set(w->err, KVM_UNSUPPORTED, "VMCOREINFO has no %s", lines[i].key);
    }
    if (w->head < 0)
        return err_set(w->err, KVM_UNSUPPORTED, "VMCOREINFO has no OFFSET(page.compound_head)");
    return 0;
}

static bool offset_fits(const struct walk *w, int64_t offset, uint64_t len) {
    return offset >= 0 && (uint64_t)offset + len <= w->size;
}

static int check_numbers(const struct walk *w) {
    bool good = w->size >= 8 && w->size <= PAGE_SIZE_MOST && offset_fits(w, w->flags, 8) &&
                offset_fits(w, w->mapping, 8) && offset_fits(w, w->mapcount, 4) &&
                offset_fits(w, w->refcount, 4) && offset_fits(w, w->private, 8) &&
                offset_fits(w, w->head, 8) && w->lru >= 0 && w->lru < 64 && w->swapcache >= 0 &&
                w->swapcache < 64 && w->slab < 64 && (w->dtor < 0 || offset_fits(w, w->dtor, 1));
    return good ? 0 : err_set(w->err, KVM_FORMAT, "VMCOREINFO: impossible numbers for struct page");
}

static int find_map(struct walk *w) {
    uint64_t var;
    uint64_t frames = w->os->image->facts.phys_end / PAGE + 1;
    int rc = symtab_value(w->os->symbols, "vmemmap_base", &var, w->err);
    if (rc == 0) rc = reader_u64(&w->os->virt, var, &w->map, w->err);
    if (rc) return rc;
    if (w->map < w->os->facts.kernel_start || frames > (UINT64_MAX - w->map) / w->size)
        return err_at(w->err, KVM_FORMAT, var, "vmemmap_base is 0x%llx",
                      (unsigned long long)w->map);
    w->map_end = w->map + frames * w->size;
    return 0;
}

// --- free blocks of CPUs

static int keep_block(void *ctx, uint64_t page, uint32_t order) {
    struct walk *w = ctx;
    if (page < w->map || page >= w->map_end || (page - w->map) % w->size)
        return err_at(w->err, KVM_FORMAT, page, "no struct page, in a list of free pages");
    if (!mem_grow(&w->of_cpus, &w->of_cpus_room, w->of_cpus_count + 1, sizeof(*w->of_cpus)))
        return err_nomem(w->err, "free pages of CPUs");
    w->of_cpus[w->of_cpus_count++] =
        (struct free_block){(page - w->map) / w->size, UINT64_C(1) << order};
    return 0;
}

static int by_frame(const void *a, const void *b) {
    uint64_t x = ((const struct free_block *)a)->pfn, y = ((const struct free_block *)b)->pfn;
    return (x > y) - (x < y);
}

// Damage in the lists is no error: kind_of tells what may be in them.
static int find_free_of_cpus(struct walk *w) {
    int rc = linux_each_cpu_free(w->os, keep_block, w, w->err);
    if (rc == KVM_NOMEM) return rc;
    w->of_cpus_all = rc == 0;
    if (w->of_cpus_count) qsort(w->of_cpus, w->of_cpus_count, sizeof(*w->of_cpus), by_frame);
    return 0;
}

static void pass_free_of_cpus(struct walk *w, uint64_t pfn) {
    for (; w->next < w->of_cpus_count && w->of_cpus[w->next].pfn <= pfn; w->next++) {
        const struct free_block *b = &w->of_cpus[w->next];
        if (b->pfn + b->count > w->free_end) w->free_end = b->pfn + b->count;
    }
}

// --- runs

static int flush(struct walk *w) {
    if (w->kind && w->end > w->start) w->rc = w->fn(w->ctx, w->start, w->end, w->kind);
    w->kind = 0;
    return w->rc;
}

static int give(struct walk *w, uint64_t pfn, uint32_t kind) {
    if (kind != w->kind || pfn * PAGE != w->end) {
        if (flush(w)) return w->rc;
        w->kind = kind;
        w->start = pfn * PAGE;
    }
    w->end = (pfn + 1) * PAGE;
    return 0;
}

// --- one page

static uint64_t word(const struct walk *w, const uint8_t *page, int64_t offset) {
    return bytes_u64(page + offset, w->os->virt.big);
}

static bool bit(uint64_t flags, int64_t n) {
    return n >= 0 && (flags >> n & 1);
}

// What is not mapped is none of these, unless the page tables may be cut off; all else that fails leaves it open.
static uint32_t kind_of_failure(const struct walk *w, int rc) {
    return rc == KVM_FAULT && !w->os->image->facts.incomplete ? 0 : OS_PAGE_UNTOLD;
}

// A page is cache when its mapping is an inode's, which leads back to it.
static uint32_t kind_by_mapping(struct walk *w, uint64_t mapping) {
    uint64_t host = 0, back = 0;
    if (mapping == w->mapping_seen) return w->mapping_kind;
    w->mapping_seen = mapping;
    w->mapping_kind = 0;
    if (mapping % 4 || mapping < w->os->facts.kernel_start) return 0;
    int rc = linux_member_read(&w->os->virt, mapping, w->at[HOST], &host, NULL);
    if (rc == 0 && host) rc = linux_member_read(&w->os->virt, host, w->at[I_MAPPING], &back, NULL);
    w->mapping_kind = rc ? kind_of_failure(w, rc) : back == mapping ? OS_PAGE_CACHE : 0;
    return w->mapping_kind;
}

static bool is_hugetlb(const struct walk *w, uint64_t addr, uint64_t flags, int32_t type) {
    uint8_t dtor;
    if (w->hugetlb) return type == (int32_t)w->hugetlb;
    return w->dtor >= 0 && w->dtor_hugetlb >= 0 && (flags & (uint64_t)w->head_mask) &&
           reader_u8(&w->os->virt, addr + w->size + (uint64_t)w->dtor, &dtor, NULL) == 0 &&
           dtor == w->dtor_hugetlb;
}

// Of a page that is no tail.
static uint32_t kind_of(struct walk *w, uint64_t addr, const uint8_t *page, uint64_t pfn) {
    uint64_t flags = word(w, page, w->flags), mapping = word(w, page, w->mapping);
    int32_t type = (int32_t)bytes_u32(page + w->mapcount, w->os->virt.big);
    if (type == (int32_t)w->buddy) {
        uint64_t order = word(w, page, w->private);
        w->free_end = pfn + ((uint64_t)1 << (order <= ORDER_MOST ? order : 0));
        return OS_PAGE_FREE;
    }
    if (is_hugetlb(w, addr, flags, type)) return OS_PAGE_USER;
    if (bit(flags, w->slab) || type < -1) return 0; // a type, or a slab's counters
    if (bytes_u32(page + w->refcount, w->os->virt.big) == 0)
        return w->of_cpus_all ? 0 : OS_PAGE_UNTOLD;
    if (mapping & MAPPING_ANON) return OS_PAGE_USER;
    if (bit(flags, w->lru) || (bit(flags, w->swapcache) && mapping)) return OS_PAGE_CACHE;
    return mapping ? kind_by_mapping(w, mapping) : 0;
}

// The first page of the compound page: a pointer to it, or, since 7.1, a mask that leads to it.
static uint64_t head_of(const struct walk *w, uint64_t addr, uint64_t info) {
    uint64_t pointer = info & ~(uint64_t)TAIL;
    return pointer >= w->map && pointer < w->map_end ? pointer : addr & pointer;
}

static uint32_t tail_kind(struct walk *w, uint64_t head) {
    uint8_t page[PAGE_SIZE_MOST];
    if (head == w->last_head) return w->last_kind;
    if (head < w->map || head >= w->map_end || (head - w->map) % w->size ||
        reader_read(&w->os->virt, head, page, w->size, NULL))
        return OS_PAGE_UNTOLD;
    w->last_head = head;
    w->last_kind = kind_of(w, head, page, (head - w->map) / w->size);
    return w->last_kind;
}

static int look(struct walk *w, uint64_t pfn, const uint8_t *page) {
    uint64_t addr = w->map + pfn * w->size, info = word(w, page, w->head);
    uint32_t kind;
    pass_free_of_cpus(w, pfn);
    if (pfn < w->free_end) {
        kind = OS_PAGE_FREE;
    } else if (info & TAIL) {
        kind = tail_kind(w, head_of(w, addr, info));
    } else {
        kind = kind_of(w, addr, page, pfn);
        w->last_head = addr;
        w->last_kind = kind;
    }
    return kind ? give(w, pfn, kind) : 0;
}

// Frames [from, to). Where the map is not mapped, there is no such memory.
static int look_at(struct walk *w, uint64_t from, uint64_t to) {
    uint8_t pages[AT_ONCE * PAGE_SIZE_MOST];
    uint64_t n = 1;
    for (; from < to; from += n) {
        n = AT_ONCE - from % AT_ONCE;
        if (n > to - from) n = to - from;
        int rc = reader_read(&w->os->virt, w->map + from * w->size, pages, n * w->size, NULL);
        if (rc && n > 1) { // some of them may be there
            n = 1;
            rc = reader_read(&w->os->virt, w->map + from * w->size, pages, w->size, NULL);
        }
        uint32_t kind = rc ? kind_of_failure(w, rc) : 0;
        if (kind && give(w, from, kind)) return w->rc;
        for (uint64_t i = 0; rc == 0 && i < n; i++)
            if (look(w, from + i, pages + i * w->size)) return w->rc;
    }
    return 0;
}

int linux_each_page(struct os *os, os_page_visit *fn, void *ctx, struct kvm_err *err) {
    struct walk w = {.os = os, .fn = fn, .ctx = ctx, .err = err};
    struct image_region r;
    int rc = os->facts.page_size == PAGE
                 ? 0
                 : err_set(err, KVM_UNSUPPORTED, "pages of %u bytes", os->facts.page_size);
    if (rc == 0) rc = find_numbers(&w, &os->image->facts.notes.vmcoreinfo);
    if (rc == 0) rc = check_numbers(&w);
    if (rc == 0) rc = find_map(&w);
    if (rc == 0) rc = linux_members_find(os->types, members, MEMBERS, w.at, err);
    if (rc == 0) rc = find_free_of_cpus(&w);
    for (uint64_t pa = 0; rc == 0 && image_next_memory(os->image, pa, &r); pa = r.end) {
        rc = look_at(&w, r.start / PAGE, (r.end + PAGE - 1) / PAGE);
        if (r.end == UINT64_MAX) break;
    }
    if (rc == 0) rc = flush(&w);
    mem_free(w.of_cpus);
    return rc;
}
