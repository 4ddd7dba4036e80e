// SPDX-License-Identifier: BSD-2-Clause
// kvm_read(3), kvm_write, kvm_physread, kvm_nlist(3), kvm_walk_pages, kvm_kerndisp, kvm_native on a real dump.
#include "kvm.h"
#include "sample.h"
#include "tap.h"

#include <fcntl.h>
#include <unistd.h>

static kvm_t *kd;
static kvaddr_t banner;

static void nlist(void) {
    struct nlist nl[] = {{.n_name = "linux_banner"},
                         {.n_name = "_schedule"},
                         {.n_name = "no_such"},
                         {.n_name = "init_task", .n_value = 99},
                         {.n_name = ""}};
    is_int(kvm_nlist(kd, nl), 1, "kvm_nlist returns how many it did not find");
    ok(nl[0].n_value > 0xffffffff80000000ul, "an address in the kernel's image");
    ok((nl[1].n_type & ~N_EXT) == N_TEXT && (nl[1].n_type & N_EXT),
       "_schedule finds schedule, text");
    ok((nl[3].n_type & ~N_EXT) == N_DATA, "init_task is data");
    is_int((int64_t)nl[2].n_value, 0, "an unknown name is zeroed");
    is_int(nl[2].n_type, N_UNDF, "and undefined");
    banner = nl[0].n_value;
}

static void reading(void) {
    char text[64] = "", zeros[64] = "";
    is_int(kvm_read(kd, banner, text, 20), 20, "kvm_read returns the bytes");
    has_text(text, "Linux version ", "the banner");
    char *error = kvm_geterr(kd);
    strcpy(error, "kept");
    kvm_read2(kd, banner, zeros, 20);
    is_str(kvm_geterr(kd), "kept", "a good read does not touch the error text");
    is_int(kvm_read(kd, 0, text, 8), -1, "address 0 can't be read");
    has_text(kvm_geterr(kd), "0x0", "kvm_geterr names the address");
    is_int(kvm_read(kd, ~0ul - 3, text, 8), -1, "nor can a range that wraps around");
    is_int(kvm_read(kd, banner, text, 0), 0, "no bytes are no error");
}

// Counts pages, and remembers the last mapped one in front of a hole.
struct walk {
    unsigned long pages, bad;
    kvaddr_t last_end, edge, banner_pa;
    int stop_after;
};
static int visit(struct kvm_page *p, void *arg) {
    struct walk *w = arg;
    w->pages++;
    if (p->kp_version != KVM_WALK_PAGES_VERSION || p->kp_len == 0) w->bad++;
    if (p->kp_kmap_vaddr && p->kp_kmap_vaddr != w->last_end) w->edge = w->last_end;
    if (p->kp_kmap_vaddr) w->last_end = p->kp_kmap_vaddr + p->kp_len;
    if (banner >= p->kp_kmap_vaddr && banner < p->kp_kmap_vaddr + p->kp_len)
        w->banner_pa = p->kp_paddr + (banner - p->kp_kmap_vaddr);
    return w->stop_after == 0 || --w->stop_after > 0;
}

static void walking(void) {
    struct walk w = {.stop_after = 0};
    is_int(kvm_walk_pages(kd, visit, &w), 1, "kvm_walk_pages goes to the end");
    ok(w.pages > 100, "over many pages");
    is_int((int64_t)w.bad, 0, "each is well formed");
    char a[32] = "", b[32] = "";
    kvm_read(kd, banner, a, 20);
    is_int(kvm_physread(kd, w.banner_pa, b, 20), 20, "kvm_physread at the page that it told");
    is_str(b, a, "reads the same bytes");
    char edge[64];
    is_int(kvm_read(kd, w.edge - 16, edge, 64), 16, "a read over an edge returns what came before");
    ok(kvm_geterr(kd)[0] != '\0', "with the reason in kvm_geterr");
    struct walk one = {.stop_after = 1};
    is_int(kvm_walk_pages(kd, visit, &one), 0, "a callback that returns 0 stops the walk");
    is_int((int64_t)one.pages, 1, "at once");
}

static void writing(const char *core) {
    is_int(kvm_write(kd, banner, "x", 1), -1, "a read-only handle refuses to write");
    has_text(kvm_geterr(kd), "not open for writing", "and says why");
    kvm_t *rw = kvm_open(NULL, core, NULL, O_RDWR, NULL);
    char before[16], after[16] = "";
    kvm_read(rw, banner, before, 16);
    is_int(kvm_write(rw, banner, "Lunix", 5), 5, "kvm_write into the overlay");
    kvm_read(rw, banner, after, 5);
    is_str(after, "Lunix", "is seen by kvm_read");
    kvm_read(kd, banner, after, 16);
    ok(memcmp(before, after, 16) == 0, "and by no other handle");
    struct nlist nl[] = {{.n_name = "__start_BTF"}, {.n_name = NULL}};
    kvm_nlist(rw, nl);
    char page[4096], back[4096];
    memset(page, 0x5a, sizeof(page));
    is_int(kvm_write(rw, nl[0].n_value + 100, page, 4096), 4096, "a write across pages");
    kvm_read(rw, nl[0].n_value + 100, back, 4096);
    ok(memcmp(page, back, 4096) == 0, "is read back whole");
    is_int(kvm_write(rw, 16, page, 4096), -1, "an unmapped address can't be written");
    kvm_close(rw);
    kvm_t *in_place = kvm_openfiles(NULL, core, NULL, O_RDWR | KVM_IN_PLACE, page);
    ok(!in_place, "a compressed dump can't be written in place");
    has_text(page, "in place", "and says so");
}

int main(void) {
    const char *core = sample_core();
    if (access(core, R_OK) != 0) {
        skip("reading a dump", "there is no examples/panic.kdump");
        return done();
    }
    char buf[KVM_ERRBUF_SIZE] = "";
    kd = kvm_openfiles(NULL, core, NULL, O_RDONLY, buf);
    if (!ok(kd != NULL, "the sample opens")) {
        printf("#  %s\n", buf);
        return done();
    }
    nlist();
    reading();
    walking();
    writing(core);
#if defined(__x86_64__)
    is_int(kvm_native(kd), 1, "an x86-64 dump is native here");
#endif
    ok(kvm_kerndisp(kd) % 0x200000 == 0, "the KASLR offset is a multiple of 2 MB");
    kvm_close(kd);
    return done();
}
