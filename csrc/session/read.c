// SPDX-License-Identifier: BSD-2-Clause
// Reading and writing in the three kinds of address space. Kernel virtual reads go through a small
// direct-mapped cache of translated pages (struct session_tlb).
#include "session/phys.h"

enum { PAGE = 1 << SESSION_PAGE_SHIFT };

static size_t left_in_page(uint64_t addr, size_t len) {
    size_t n = PAGE - (size_t)(addr % PAGE);
    return n < len ? n : len;
}

int session_translate(kvm_t *kd, struct session_space space, uint64_t addr, struct mmu_page *out,
                      struct kvm_err *err) {
    if (space.kind == SPACE_PHYSICAL) {
        *out = (struct mmu_page){.pa = addr, .size = PAGE};
        return 0;
    }
    const struct image_ops *ops = kd->image->ops;
    if (space.kind == SPACE_KERNEL && ops->translate) {
        uint64_t pa;
        int rc = ops->translate(kd->image, addr, &pa, err);
        if (rc == 0) *out = (struct mmu_page){.pa = pa, .size = PAGE};
        if (rc != KVM_NOTFOUND) return rc;
    }
    uint64_t root = space.kind == SPACE_USER ? space.root : kd->os.mmu.root;
    return mmu_walk(&kd->os.mmu, root, addr, out, err);
}

// An error about a physical page is told about the virtual address that was asked for.
static int blame(struct kvm_err *err, int rc, uint64_t addr) {
    if (err && (rc == KVM_FAULT || rc == KVM_EXCLUDED)) {
        err->has_addr = true;
        err->addr = addr;
        return err_prepend(err, rc, "0x%llx", (unsigned long long)addr);
    }
    return rc;
}

// Bytes that cross a page or the end of a run, put together in kd->bounce.
static int gather(kvm_t *kd, uint64_t addr, const uint8_t **out, uint32_t len,
                  struct kvm_err *err) {
    if (len > sizeof(kd->bounce))
        return err_set(err, KVM_INVAL, "%u bytes are not in one page", len);
    size_t done = 0;
    while (done < len) {
        struct mmu_page page;
        size_t n = left_in_page(addr + done, len - done), copied;
        struct session_space kernel = {.kind = SPACE_KERNEL};
        int rc = session_translate(kd, kernel, addr + done, &page, err);
        if (rc) return rc;
        rc = phys_copy(kd, page.pa, kd->bounce + done, n, &copied, err);
        if (rc) return blame(err, rc, addr + done + copied);
        done += n;
    }
    *out = kd->bounce;
    return 0;
}

int session_host_miss(kvm_t *kd, uint64_t addr, const uint8_t **out, uint32_t len,
                      struct kvm_err *err) {
    uint32_t off = (uint32_t)(addr % PAGE);
    if (off + len > PAGE) return gather(kd, addr, out, len, err);
    kd->tlb_misses++;
    struct mmu_page page;
    struct session_space kernel = {.kind = SPACE_KERNEL};
    int rc = session_translate(kd, kernel, addr, &page, err);
    if (rc) return rc;
    struct image_run run;
    if (phys_find(kd, page.pa - off, &run, NULL) != 0 || run.len < off + len)
        return gather(kd, addr, out, len, err); // a page that is there in part
    struct session_tlb *t = session_tlb_set(kd, addr);
    uint64_t tag = (addr >> SESSION_PAGE_SHIFT) + 1;
    if (t->tag != tag) t[1] = t[0]; // the page that was looked at last is the first way
    *t = (struct session_tlb){tag, run.host, run.stamp, run.stamp_value,
                              run.len < PAGE ? (uint32_t)run.len : PAGE};
    *out = run.host + off;
    return 0;
}

void session_tlb_flush(kvm_t *kd) {
    memset(kd->tlb, 0, sizeof(*kd->tlb) * SESSION_TLB_SETS * SESSION_TLB_WAYS);
}

// Reads of several pages (symbol tables, types) go past the caches: one translation for each mapping, each
// block of the dump straight to its place.
static int read_bulk(kvm_t *kd, uint64_t addr, uint8_t *buf, size_t len, size_t *done,
                     struct kvm_err *err) {
    while (*done < len) {
        uint64_t at = addr + *done;
        struct mmu_page page;
        struct session_space kernel = {.kind = SPACE_KERNEL};
        int rc = session_translate(kd, kernel, at, &page, err);
        if (rc) return rc;
        uint64_t left = page.size - (page.pa & (page.size - 1));
        size_t n = left < len - *done ? (size_t)left : len - *done, copied;
        rc = phys_copy(kd, page.pa, buf + *done, n, &copied, err);
        *done += copied;
        if (rc) return blame(err, rc, addr + *done);
    }
    return 0;
}

static int read_kernel(kvm_t *kd, uint64_t addr, uint8_t *buf, size_t len, size_t *done,
                       struct kvm_err *err) {
    if (len > 2 * PAGE) return read_bulk(kd, addr, buf, len, done, err);
    while (*done < len) {
        size_t n = left_in_page(addr + *done, len - *done);
        const uint8_t *host = kd->bounce;
        int rc = session_host(kd, addr + *done, &host, 1, err);
        if (rc) return rc;
        if (host == kd->bounce) {
            n = 1; // a page that is there in part, beyond its first piece
        } else {
            const struct session_tlb *t = session_tlb_set(kd, addr + *done);
            if (t->tag != ((addr + *done) >> SESSION_PAGE_SHIFT) + 1) t++;
            size_t there = t->end - (size_t)((addr + *done) % PAGE);
            if (n > there) n = there;
        }
        memcpy(buf + *done, host, n);
        *done += n;
    }
    return 0;
}

static int read_user(kvm_t *kd, struct session_space space, uint64_t addr, uint8_t *buf, size_t len,
                     size_t *done, struct kvm_err *err) {
    while (*done < len) {
        size_t n = left_in_page(addr + *done, len - *done), copied;
        struct mmu_page page;
        int rc = session_translate(kd, space, addr + *done, &page, err);
        if (rc) return rc;
        kd->image->trace_off = true;
        rc = phys_copy(kd, page.pa, buf + *done, n, &copied, err);
        kd->image->trace_off = false;
        *done += copied;
        if (rc) return blame(err, rc, addr + *done);
    }
    return 0;
}

int session_read(kvm_t *kd, struct session_space space, uint64_t addr, void *buf, size_t len,
                 size_t *done, struct kvm_err *err) {
    *done = 0;
    if (len && addr + (len - 1) < addr)
        return err_at(err, KVM_FAULT, addr, "0x%llx: the range wraps around",
                      (unsigned long long)addr);
    switch (space.kind) {
    case SPACE_KERNEL: return read_kernel(kd, addr, buf, len, done, err);
    case SPACE_PHYSICAL: return phys_copy(kd, addr, buf, len, done, err);
    case SPACE_USER: return read_user(kd, space, addr, buf, len, done, err);
    }
    return err_set(err, KVM_INVAL, "no such address space");
}

int session_write(kvm_t *kd, struct session_space space, uint64_t addr, const void *buf, size_t len,
                  size_t *done, struct kvm_err *err) {
    *done = 0;
    if (!kd->opt.write) return err_set(err, KVM_INVAL, "the handle is not open for writing");
    int rc = 0;
    while (*done < len && rc == 0) {
        size_t n = left_in_page(addr + *done, len - *done), wrote = 0;
        struct mmu_page page;
        rc = session_translate(kd, space, addr + *done, &page, err);
        if (rc == 0) {
            rc = phys_write(kd, page.pa, (const uint8_t *)buf + *done, n, &wrote, err);
            *done += wrote;
            if (rc) rc = blame(err, rc, addr + *done);
        }
    }
    session_tlb_flush(kd); // copies took the place of pages, and page tables may have been written
    return rc;
}
