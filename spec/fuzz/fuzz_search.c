// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as physical memory that is searched for a kernel. The first 440 are QEMU's state of a CPU; then
// pages, each behind its number (32 bits). What is found must be text that a kernel was located with.
#include "fuzz.h"

#include "base/bytes.h"
#include "os/os.h"

enum { CPU = 440, PAGE = 4096, RECORD = 4 + PAGE, PFNS = 65536 };

static const uint32_t stamp;

// Where each page stands in the input; 0: nowhere.
struct pages {
    const uint8_t *at[PFNS];
};

static int find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err) {
    const struct pages *m = img->priv;
    if (pa / PAGE >= PFNS || !m->at[pa / PAGE]) return err_at(err, KVM_FAULT, pa, "no memory");
    *run = (struct image_run){m->at[pa / PAGE] + pa % PAGE, PAGE - pa % PAGE, &stamp, 0};
    return 0;
}

static int copy(struct image *img, struct image_worker *w, uint64_t pa, uint8_t *buf, size_t len,
                size_t *n, struct kvm_err *err) {
    struct image_run run = {0};
    (void)w;
    int rc = find(img, pa, &run, err);
    if (rc) return rc;
    *n = len < run.len ? len : (size_t)run.len;
    memcpy(buf, run.host, *n);
    return 0;
}

static bool next(struct image *img, uint64_t pa, struct image_region *r) {
    const struct pages *m = img->priv;
    uint64_t pfn = (pa + PAGE - 1) / PAGE;
    while (pfn < PFNS && !m->at[pfn])
        pfn++;
    if (pfn >= PFNS) return false;
    *r = (struct image_region){pfn * PAGE, 0};
    while (pfn < PFNS && m->at[pfn])
        pfn++;
    r->end = pfn * PAGE;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct image_ops ops = {
        .name = "fuzz", .find = find, .copy = copy, .next_region = next, .next_memory = next};
    if (size < CPU) return 0;
    static struct pages m;
    memset(&m, 0, sizeof(m));
    for (size_t at = CPU; size - at >= RECORD; at += RECORD)
        m.at[bytes_u32(data + at, false) % PFNS] = data + at + 4;
    struct note_cpu cpu = {data, CPU};
    struct image img = {.ops = &ops, .priv = &m, .facts.phys_end = (uint64_t)PFNS * PAGE};
    img.facts.notes.qemu = &cpu;
    img.facts.notes.qemu_count = 1;
    struct os_found found;
    struct kvm_err err = {0};
    int rc = os_search(&img, NULL, &found, &err);
    fuzz_check(rc, &err);
    if (rc == 0) {
        if (memcmp(found.text, "OSRELEASE=", 10) != 0 || strlen(found.text) > found.len) abort();
        if (found.machine != 62 || !found.how[0]) abort();
        mem_free(found.text);
    } else if (found.text) {
        abort();
    }
    return 0;
}
