// SPDX-License-Identifier: BSD-2-Clause
// Finds a kernel that no note tells of. Ways, the cheapest first: the page tables that a CPU used
// (QEMU's CPU state); pages that begin as VMCOREINFO does (vmcoreinfo_data, a page of its own in
// 5.10 to 7.2); page tables known by their shape. From a page table the image is known, in it
// kallsyms is found by its shape, and that leads to the kernel's own VMCOREINFO; where the dump
// lacks that page, its lines are made. Whatever was found is believed only after the kernel was
// located with it: page tables, text and release have to agree. Two kernels that both hold (one
// that was left behind by kexec) are refused, unless a CPU's state names one. How an architecture's
// tables look is its own (x86_64_search.c).
#include "os/linux/search.h"
#include "os/linux/linux.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    CHUNK = 256 << 10,     // bytes copied at once
    TELL = 16 << 20,       // bytes between two reports of progress
    CANDIDATES_MOST = 256, // pages of a kind that are remembered
    MAPS_MOST = 16,        // page tables whose image is searched for kallsyms
    CPUS_MOST = 64,        // CPU states that are looked at
    INFO_SIZE = 4096,      // of VMCOREINFO: vmcoreinfo_data is one page
    PAGE = LINUX_SEARCH_PAGE,
};
static const char first_key[] = "OSRELEASE=";

struct candidates {
    uint64_t at[CANDIDATES_MOST];
    size_t count;
    bool more; // there was no room for all
};

struct search {
    struct image *img;
    const struct linux_arch *arch;
    struct reader phys;
    const struct progress *progress;
    struct candidates info, tables;
    struct linux_found found; // being looked at
    unsigned maps;            // looked at
    // The kernel that holds: none while out->text is NULL.
    uint64_t table;
    struct os_found *out;
    struct kvm_err why; // of the best try that failed: code 0, there was none
};

void linux_lines_add(struct linux_lines *l, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(l->text) - l->len) {
        l->full = true;
        l->text[l->len] = '\0';
    } else {
        l->len += (size_t)n;
    }
}

bool linux_found_symbol(const struct linux_found *f, const char *name, uint64_t *addr) {
    struct symbol s;
    if (!f->kallsyms->ops->find_name(f->kallsyms, name, &s)) return false;
    *addr = s.addr;
    return true;
}

static int read_phys(void *ctx, uint64_t pa, void *buf, size_t len, struct kvm_err *err) {
    return image_read(ctx, pa, buf, len, err);
}

// CTX is a struct mmu.
static int read_virt(void *ctx, uint64_t va, void *buf, size_t len, struct kvm_err *err) {
    const struct mmu *mmu = ctx;
    for (size_t done = 0; done < len;) {
        struct mmu_page page;
        int rc = mmu_walk(mmu, mmu->root, va + done, &page, err);
        if (rc) return rc;
        uint64_t left = page.size - (page.pa & (page.size - 1));
        size_t n = len - done < left ? len - done : (size_t)left;
        rc = reader_read(&mmu->phys, page.pa, (uint8_t *)buf + done, n, err);
        if (rc) return rc;
        done += n;
    }
    return 0;
}

// --- a try

// A kernel that is located with TEXT; what it shows is checked, what is not in the dump is no proof.
struct trial {
    struct os os;
    struct linux_os priv;
    uint64_t table;
};

static int must_show(const struct trial *t, const struct vmcoreinfo *v, struct kvm_err *err) {
    static const char *const names[] = {"_stext", "init_uts_ns"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint64_t addr;
        uint8_t byte;
        if (!vmcoreinfo_symbol(v, names[i], &addr))
            return err_set(err, KVM_NOTFOUND, "VMCOREINFO has no SYMBOL(%s)", names[i]);
        int rc = reader_u8(&t->os.virt, addr, &byte, err);
        if (rc) return err_prepend(err, rc, "%s", names[i]);
    }
    return 0;
}

static int try_text(struct search *s, const char *text, size_t len, struct trial *t,
                    struct kvm_err *err) {
    struct vmcoreinfo *v = &s->img->facts.notes.vmcoreinfo, before = *v;
    *t = (struct trial){.os = {.ops = &os_linux, .image = s->img}};
    t->os.mmu.phys = s->phys;
    t->os.virt = (struct reader){&t->os.mmu, read_virt, s->phys.big, s->phys.word_size};
    t->os.priv = &t->priv;
    *v = (struct vmcoreinfo){text, len};
    int rc = linux_locate(&t->os, err);
    if (rc == 0) rc = must_show(t, v, err);
    if (rc == 0) rc = s->arch->search->table(&t->os, &t->table);
    *v = before;
    return rc;
}

// --- what holds

static int two_kernels(struct search *s, const struct trial *t, struct kvm_err *err) {
    char release[65];
    struct vmcoreinfo v = {s->out->text, s->out->len};
    if (!vmcoreinfo_string(&v, "OSRELEASE", release, sizeof(release))) release[0] = '\0';
    return err_set(err, KVM_UNSUPPORTED,
                   "two kernels were found in its memory, Linux %s (page tables at 0x%" PRIx64
                   ") and Linux %s (at 0x%" PRIx64 "): give the VMCOREINFO of one",
                   release, s->table, t->os.facts.release, t->table);
}

static int believe(struct search *s, const char *text, size_t len, const struct trial *t,
                   const char *from, const char *how, struct kvm_err *err) {
    if (s->out->text) return s->table == t->table ? 0 : two_kernels(s, t, err);
    char *copy = mem_alloc(len + 1);
    if (!copy) return err_nomem(err, "VMCOREINFO");
    memcpy(copy, text, len);
    copy[len] = '\0';
    s->table = t->table;
    s->out->text = copy;
    s->out->len = len;
    s->out->from = from;
    s->out->machine = s->arch->machine;
    s->out->elf_class = s->arch->elf_class;
    snprintf(s->out->how, sizeof(s->out->how), "%s", how);
    return 0;
}

// A try that failed is no failure of the search; memory that is out is.
static int passed_over(struct search *s, int rc, const struct kvm_err *why, struct kvm_err *err) {
    if (rc != KVM_NOMEM && rc != KVM_IO) {
        if (rc && !s->why.code) s->why = *why;
        return 0;
    }
    if (err) *err = *why;
    return rc;
}

// --- VMCOREINFO that lies in memory

// The text at PA, without what is behind it. 0 when that is none.
static size_t read_info(struct search *s, uint64_t pa, char *text) {
    if (reader_read(&s->phys, pa, text, INFO_SIZE, NULL) ||
        memcmp(text, first_key, sizeof(first_key) - 1) != 0)
        return 0;
    const char *nul = memchr(text, 0, INFO_SIZE);
    return nul ? (size_t)(nul - text) : INFO_SIZE;
}

static int try_info(struct search *s, uint64_t pa, struct kvm_err *err) {
    char text[INFO_SIZE], how[64];
    struct trial t;
    struct kvm_err why = {0};
    size_t len = read_info(s, pa, text);
    if (len == 0) return 0;
    int rc = try_text(s, text, len, &t, &why);
    if (rc) return passed_over(s, rc, &why, err);
    snprintf(how, sizeof(how), "VMCOREINFO in memory at 0x%" PRIx64, pa);
    return believe(s, text, len, &t, "memory", how, err);
}

// The text that the kernel located in T has itself; 0 where the dump lacks it.
static size_t own_info(struct search *s, struct trial *t, char *text, uint64_t *pa) {
    uint64_t var, addr;
    struct mmu_page page;
    if (!linux_found_symbol(&s->found, "vmcoreinfo_data", &var) ||
        reader_u64(&t->os.virt, var, &addr, NULL) || addr % PAGE != 0 ||
        mmu_walk(&t->os.mmu, t->os.mmu.root, addr, &page, NULL))
        return 0;
    *pa = page.pa;
    return read_info(s, page.pa, text);
}

// --- from a page table on

static int open_kallsyms(struct search *s, struct kvm_err *err) {
    struct linux_found *f = &s->found;
    struct kallsyms_hints hints = {.scan_start = f->map.start, .scan_end = f->map.end};
    f->virt = (struct reader){&f->map.mmu, read_virt, s->phys.big, s->phys.word_size};
    int rc = symbol_kallsyms_create(&f->virt, &hints, &f->kallsyms, err);
    return rc ? rc : f->kallsyms->ops->load(f->kallsyms, err);
}

// "Linux version 6.1.0 (...": init/version.c, 5.10 to 7.2.
static int add_release(const struct linux_found *f, struct linux_lines *l, struct kvm_err *err) {
    static const char intro[] = "Linux version ";
    enum { INTRO = sizeof(intro) - 1, RELEASE_MOST = 64 };
    uint64_t banner;
    char text[INTRO + RELEASE_MOST + 1];
    if (!linux_found_symbol(f, "linux_banner", &banner))
        return err_set(err, KVM_NOTFOUND, "its kallsyms has no linux_banner");
    int rc = reader_read(&f->virt, banner, text, sizeof(text), err);
    if (rc) return err_prepend(err, rc, "linux_banner");
    const char *end = memchr(text + INTRO, ' ', sizeof(text) - INTRO);
    if (memcmp(text, intro, INTRO) != 0 || !end || end == text + INTRO)
        return err_at(err, KVM_FORMAT, banner, "linux_banner does not begin as one");
    for (const char *c = text + INTRO; c < end; c++)
        if (*c <= ' ' || *c > '~') return err_at(err, KVM_FORMAT, banner, "linux_banner: no text");
    linux_lines_add(l, "OSRELEASE=%.*s\n", (int)(end - text - INTRO), text + INTRO);
    return 0;
}

// The GNU build id among the image's notes (include/asm-generic/vmlinux.lds.h, NOTES).
static void add_build_id(const struct linux_found *f, struct linux_lines *l) {
    enum { NOTES_MOST = 64, GNU_BUILD_ID = 3, ID_MOST = 32 };
    uint64_t at, end;
    if (!linux_found_symbol(f, "__start_notes", &at) ||
        !linux_found_symbol(f, "__stop_notes", &end))
        return;
    for (unsigned n = 0; n < NOTES_MOST && at < end; n++) {
        uint32_t name, size, type;
        uint8_t id[ID_MOST], owner[4];
        if (reader_u32(&f->virt, at, &name, NULL) || reader_u32(&f->virt, at + 4, &size, NULL) ||
            reader_u32(&f->virt, at + 8, &type, NULL) || name > PAGE || size > PAGE)
            return;
        uint64_t desc = at + 12 + (name + UINT64_C(3)) / 4 * 4;
        at = desc + (size + UINT64_C(3)) / 4 * 4;
        if (type != GNU_BUILD_ID || name != 4 || size == 0 || size > ID_MOST) continue;
        if (reader_read(&f->virt, desc - 4, owner, 4, NULL) || memcmp(owner, "GNU", 4) != 0 ||
            reader_read(&f->virt, desc, id, size, NULL))
            continue;
        linux_lines_add(l, "BUILD-ID=");
        for (uint32_t i = 0; i < size; i++)
            linux_lines_add(l, "%02x", id[i]);
        linux_lines_add(l, "\n");
        return;
    }
}

static int make_lines(struct search *s, struct linux_lines *l, struct kvm_err *err) {
    static const char *const symbols[] = {"init_uts_ns", "_stext"};
    struct linux_found *f = &s->found;
    int rc = add_release(f, l, err);
    if (rc) return rc;
    add_build_id(f, l);
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        uint64_t addr;
        if (!linux_found_symbol(f, symbols[i], &addr))
            return err_set(err, KVM_NOTFOUND, "its kallsyms has no %s", symbols[i]);
        linux_lines_add(l, "SYMBOL(%s)=%" PRIx64 "\n", symbols[i], addr);
    }
    rc = s->arch->search->lines(f, &s->phys, l, err);
    if (rc == 0 && l->full) rc = err_set(err, KVM_FORMAT, "lines of more than %zu bytes", l->len);
    return rc;
}

// Makes the lines, locates the kernel with them, and takes its own instead where the dump has them.
static int describe(struct search *s, const char *where, struct kvm_err *err) {
    struct linux_lines lines = {.len = 0};
    struct trial made, own;
    char text[INFO_SIZE], how[160];
    uint64_t pa = 0;
    struct kvm_err why = {0};
    int rc = open_kallsyms(s, &why);
    if (rc == 0) rc = make_lines(s, &lines, &why);
    if (rc == 0) rc = try_text(s, lines.text, lines.len, &made, &why);
    if (rc) return passed_over(s, rc, &why, err);
    size_t len = own_info(s, &made, text, &pa);
    if (len && try_text(s, text, len, &own, NULL) == 0 && own.table == made.table) {
        snprintf(how, sizeof(how), "%s; kallsyms; VMCOREINFO in memory at 0x%" PRIx64, where, pa);
        return believe(s, text, len, &own, "memory", how, err);
    }
    snprintf(how, sizeof(how), "%s; kallsyms", where);
    return believe(s, lines.text, lines.len, &made, "search", how, err);
}

static int try_table(struct search *s, uint64_t table, const char *where, struct kvm_err *err) {
    struct kvm_err why = {0};
    if (s->out->text && s->table == table) return 0;
    int rc = s->arch->search->map(&s->phys, table, &s->found.map, &why);
    if (rc) return passed_over(s, rc, &why, err);
    if (s->maps++ == MAPS_MOST)
        return err_set(err, KVM_UNSUPPORTED, "more than %d page tables look like a kernel's",
                       MAPS_MOST);
    rc = describe(s, where, err);
    if (s->found.kallsyms) s->found.kallsyms->ops->destroy(s->found.kallsyms);
    s->found = (struct linux_found){0};
    return rc;
}

// --- the ways

static int by_cpus(struct search *s, struct kvm_err *err) {
    uint64_t table, last = 0;
    size_t count = s->img->facts.notes.qemu_count;
    for (size_t n = 0; n < count && n < CPUS_MOST && !s->out->text; n++) {
        for (unsigned try = 0; s->arch->search->cpu_table(s->img, &s->phys, n, try, &table);
             try++) {
            char where[32];
            if (table == 0 || table == last || s->out->text) continue;
            snprintf(where, sizeof(where), "CR3 of CPU %zu", n);
            int rc = try_table(s, table, where, err);
            if (rc) return rc;
            last = table;
        }
    }
    return 0;
}

static void remember(struct candidates *c, uint64_t pa) {
    if (c->count == CANDIDATES_MOST)
        c->more = true;
    else
        c->at[c->count++] = pa;
}

static void look_at(struct search *s, const uint8_t *p, size_t len, uint64_t pa) {
    for (size_t at = 0; at + PAGE <= len; at += PAGE) {
        if (memcmp(p + at, first_key, sizeof(first_key) - 1) == 0) remember(&s->info, pa + at);
        if (s->arch->search->shape(p + at)) remember(&s->tables, pa + at);
    }
}

// Copies as much of [pa, end) as BUF takes, and passes over what is not there.
static int scan_chunk(struct search *s, struct image_worker *w, uint8_t *buf, uint64_t *pa,
                      uint64_t end) {
    size_t len = end - *pa < CHUNK ? (size_t)(end - *pa) : CHUNK, done;
    int rc = image_copy_by(s->img, w, *pa, buf, len, &done, NULL);
    if (rc == KVM_NOMEM || rc == KVM_IO) return rc;
    look_at(s, buf, done, *pa);
    uint64_t next = *pa + (rc ? done / PAGE * PAGE + PAGE : len);
    *pa = next > *pa ? next : end;
    return 0;
}

// Every page of the dump once.
static int scan(struct search *s, struct kvm_err *err) {
    struct image_worker w = {0};
    struct image_region r;
    uint8_t *buf = mem_alloc(CHUNK);
    uint64_t done = 0, told = 0;
    int rc = buf ? 0 : err_nomem(err, "a search");
    for (uint64_t at = 0; rc == 0 && image_next_region(s->img, at, &r); at = r.end) {
        uint64_t pa = (r.start > at ? r.start : at) / PAGE * PAGE;
        if (pa < r.start) pa += PAGE; // the rest of a page is no page
        while (rc == 0 && pa < r.end) {
            uint64_t before = pa;
            rc = scan_chunk(s, &w, buf, &pa, r.end);
            if (rc) err_set(err, rc, "searching memory at 0x%" PRIx64, before);
            done += pa - before;
            if (rc == 0 && done - told >= TELL) {
                told = done;
                image_forget(s->img);
                rc = progress_tell(s->progress, "searching", done, s->img->facts.phys_end, err);
            }
        }
        if (r.end <= at) break;
    }
    image_worker_deinit(&w);
    mem_free(buf);
    return rc;
}

static int by_memory(struct search *s, struct kvm_err *err) {
    int rc = scan(s, err);
    for (size_t i = 0; rc == 0 && i < s->info.count; i++)
        rc = try_info(s, s->info.at[i], err);
    for (size_t i = 0; rc == 0 && i < s->tables.count; i++) {
        char where[48];
        snprintf(where, sizeof(where), "page tables at 0x%" PRIx64, s->tables.at[i]);
        rc = try_table(s, s->tables.at[i], where, err);
    }
    if (rc == 0 && !s->out->text && (s->info.more || s->tables.more))
        rc = err_set(err, KVM_UNSUPPORTED,
                     "more than %d pages of its memory look like a kernel's, the first of them "
                     "are not",
                     CANDIDATES_MOST);
    return rc;
}

static int search_arch(struct search *s, struct kvm_err *err) {
    struct image_facts *f = &s->img->facts, before = *f;
    f->machine = s->arch->machine;
    f->elf_class = s->arch->elf_class;
    int rc = by_cpus(s, err);
    if (rc == 0 && !s->out->text) rc = by_memory(s, err);
    f->machine = before.machine;
    f->elf_class = before.elf_class;
    return rc;
}

int linux_search(struct image *img, const struct progress *progress, struct os_found *out,
                 struct kvm_err *err) {
    const struct linux_arch *arch;
    struct search *s = mem_zalloc(sizeof(*s));
    if (!s) return err_nomem(err, "a search");
    int rc = 0;
    *out = (struct os_found){.from = NULL};
    for (size_t i = 0; rc == 0 && !out->text && (arch = linux_arch_get(i)); i++) {
        const struct image_facts *f = &img->facts;
        if (!arch->search ||
            (f->machine && (f->machine != arch->machine || f->elf_class != arch->elf_class)))
            continue;
        struct kvm_err why = s->why;
        *s =
            (struct search){.img = img, .arch = arch, .progress = progress, .out = out, .why = why};
        s->phys = (struct reader){img, read_phys, false, 8};
        rc = search_arch(s, err);
    }
    if (rc == 0 && !out->text)
        rc = err_set(err, KVM_NOTFOUND, "no kernel was found in its memory%s%s",
                     s->why.code ? "; the best try: " : "", s->why.text);
    if (rc) {
        mem_free(out->text);
        out->text = NULL;
    }
    mem_free(s);
    return rc;
}
