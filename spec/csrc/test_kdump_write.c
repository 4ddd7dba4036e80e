// SPDX-License-Identifier: BSD-2-Clause
// image/kdump_write: what is written opens again, holds the chosen pages and no others, and knows
// the source's memory and notes.
#include "image/kdump_write.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "dump_build.h"
#include "tap.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, LOADED = 600 };
static char dir[] = "/tmp/kvm-test-XXXXXX";
static char path[64];
static uint8_t memory[LOADED][PAGE];
static struct kvm_err err;

// Every STEP-th page from FIRST up to END.
struct choice {
    uint64_t first, step, end;
    int calls, stop_growing; // the list grows by a page from this call on
};

static bool next(void *ctx, uint64_t from, uint64_t *pfn) {
    struct choice *c = ctx;
    if (c->stop_growing && ++c->calls == c->stop_growing) c->end += 100 * c->step;
    uint64_t n = from <= c->first ? 0 : (from - c->first + c->step - 1) / c->step;
    *pfn = c->first + n * c->step;
    return *pfn < c->end;
}

// 600 pages at 16 MB (the upper half zeros), 16 filtered out behind them.
static struct image *source(bool big, size_t load_count, const struct bytes_out *notes) {
    for (size_t i = 0; i < LOADED / 2; i++)
        build_pattern(memory[i], PAGE, (uint32_t)i);
    struct build_load loads[] = {
        {.paddr = 0x1000000,
         .memsz = (LOADED + 16) * PAGE,
         .bytes = memory[0],
         .filesz = sizeof(memory)},
        {.paddr = 0x8000000, .memsz = 100, .bytes = memory[0], .filesz = 100}};
    struct build_elf e = {.elf_class = 2,
                          .big = big,
                          .machine = big ? 22 : 62,
                          .loads = loads,
                          .load_count = load_count,
                          .notes = notes->p,
                          .notes_len = notes->len};
    struct bytes_out b = elf_build(&e);
    struct dump_file f = dump_file(b.p, b.len);
    struct image *img = NULL;
    if (image_open(&(const char *){f.path}, 1, NULL, &img, &err)) printf("# %s\n", err.text);
    dump_forget(&f);
    free(b.p);
    return img;
}

static const char info[] = "OSRELEASE=6.1.0-test\nNUMBER(phys_base)=-4096\nCRASHTIME=1234567\n";

static struct bytes_out make_notes(bool big) {
    struct bytes_out notes = {.big = big};
    out_note(&notes, "CORE", 1, memory[7], 336);
    out_note(&notes, "LINUX", 0x7ff, "other", 5);
    out_note(&notes, "VMCOREINFO", 0, info, sizeof(info) - 1);
    return notes;
}

static bool same_page(struct image *a, struct image *b, uint64_t pfn) {
    uint8_t pa[PAGE], pb[PAGE];
    return image_read(a, pfn * PAGE, pa, PAGE, &err) == 0 &&
           image_read(b, pfn * PAGE, pb, PAGE, &err) == 0 && memcmp(pa, pb, PAGE) == 0;
}

static void check_facts(const struct image *src, const struct image *img, bool big) {
    const struct image_facts *f = &img->facts;
    ok(f->machine == src->facts.machine && f->big == big && !f->incomplete, "facts");
    is_str(f->utsname + 2 * IMAGE_UTSNAME_FIELD, "6.1.0-test", "release");
    is_str(f->utsname + 4 * IMAGE_UTSNAME_FIELD, big ? "s390x" : "x86_64", "machine");
    ok(f->notes.vmcoreinfo.len == sizeof(info) - 1 &&
           memcmp(f->notes.vmcoreinfo.text, info, sizeof(info) - 1) == 0,
       "VMCOREINFO");
    ok(f->notes.prstatus_count == 1 && memcmp(f->notes.prstatus[0].desc, memory[7], 336) == 0,
       "registers");
    ok(f->notes.blobs[0].len == src->facts.notes.blobs[0].len &&
           memcmp(f->notes.blobs[0].desc, src->facts.notes.blobs[0].desc, f->notes.blobs[0].len) ==
               0,
       "all notes, as they were");
    const uint8_t *p = img->file->map;
    ok(bytes_u64(p + 4096, big) == (uint64_t)-4096, "phys_base");
    ok(bytes_u64(p + 408, big) == 1234567, "time of the crash");
}

static int write_new(struct image *src, const struct kdump_write_options *opt, write_page_next *fn,
                     struct choice *c, struct write_result *res, struct kvm_err *e) {
    struct write_source from = {.img = src, .next = fn, .next_ctx = c};
    unlink(opt->path);
    return kdump_write(&from, opt, res, e);
}

static void test_write(bool big, enum codec_id codec) {
    struct bytes_out notes = make_notes(big);
    struct image *src = source(big, 2, &notes);
    struct choice c = {.first = 0x1000, .step = 3, .end = 0x1000 + LOADED + 16};
    struct kdump_write_options opt = {.path = path, .codec = codec};
    struct write_result res;
    int rc = write_new(src, &opt, next, &c, &res, &err);
    if (!is_int(rc, 0, codec_name(codec))) printf("# %s\n", err.text);
    struct write_source from = {.img = src, .next = next, .next_ctx = &c};
    is_int(kdump_write(&from, &opt, NULL, &err), KVM_INVAL, "a file that exists");
    has_text(err.text, "is not replaced", "says so");
    is_int((int64_t)res.pages, 200, "pages");
    is_int((int64_t)res.missing, 6, "pages that the source does not have");
    is_int((int64_t)res.shared, 99, "zero pages stored once");
    struct image *img = NULL;
    is_int(image_open(&(const char *){path}, 1, NULL, &img, &err), 0, "it opens");
    is_int((int64_t)img->file->size, (int64_t)res.bytes, "of the size that was told");
    struct stat st;
    ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "for its owner's eyes only");
    int wrong = 0;
    uint8_t v;
    for (uint64_t pfn = 0x1000; pfn < 0x1000 + LOADED + 16; pfn++) {
        if ((pfn - 0x1000) % 3 == 0 && pfn < 0x1000 + LOADED)
            wrong += !same_page(src, img, pfn);
        else
            wrong += image_read(img, pfn * PAGE, &v, 1, &err) != KVM_EXCLUDED;
    }
    is_int(wrong, 0, "the chosen pages are there, all other memory is excluded");
    is_int(image_read(img, 0xfff000, &v, 1, &err), KVM_FAULT, "and holes are no memory");
    is_int(image_read(img, 0x8000000, &v, 1, &err), KVM_EXCLUDED, "a part of a page counts");
    check_facts(src, img, big);
    image_close(img);
    image_close(src);
    free(notes.p);
}

// A dump that was written is a source again; utsname from the caller; 64 kB blocks; VMCOREINFO that
// is no note.
static void test_again(void) {
    static struct build_page pages[40];
    for (size_t i = 0; i < 40; i++)
        pages[i] = (struct build_page){i * 5, memory[i], CODEC_ZLIB};
    struct build_kdump k = {
        .frames = 200, .pages = pages, .page_count = 40, .machine = "Unknown", .vmcoreinfo = info};
    struct bytes_out b = kdump_build(&k, NULL);
    struct dump_file f = dump_file(b.p, b.len);
    struct image *src = NULL, *img = NULL;
    image_open(&(const char *){f.path}, 1, NULL, &src, &err);
    struct choice c = {.first = 0, .step = 5, .end = 200};
    struct kdump_write_options opt = {.path = path, .codec = CODEC_ZLIB};
    is_int(write_new(src, &opt, next, &c, NULL, &err), KVM_UNSUPPORTED, "no machine, no dump");
    has_text(err.text, "machine", "says so");
    opt.machine = "x86_64";
    opt.version = "#1 SMP";
    opt.release = "6.1.1";
    opt.nodename = "host";
    is_int(write_new(src, &opt, next, &c, NULL, &err), 0, "with a machine from the caller");
    image_open(&(const char *){path}, 1, NULL, &img, &err);
    static const char *const want[] = {"Linux", "host", "6.1.1", "#1 SMP", "x86_64"};
    for (int i = 0; i < 5; i++)
        is_str(img->facts.utsname + i * IMAGE_UTSNAME_FIELD, want[i], "utsname");
    is_int((int64_t)img->facts.notes.vmcoreinfo.len, sizeof(info) - 1, "VMCOREINFO");
    is_int((int64_t)img->facts.notes.blob_count, 1, "became a note");
    int wrong = 0;
    for (uint64_t pfn = 0; pfn < 200; pfn += 5)
        wrong += !same_page(src, img, pfn);
    is_int(wrong, 0, "pages");
    image_close(img);
    opt.block_size = 65536;
    struct write_result res;
    is_int(write_new(src, &opt, next, &c, &res, &err), 0, "blocks of 64 kB");
    is_int((int64_t)res.missing, 0, "of each of which the source has a part");
    image_open(&(const char *){path}, 1, NULL, &img, &err);
    ok(img && img->facts.page_size == 65536 && img->facts.pages == 13, "opens");
    uint8_t two[2 * PAGE];
    is_int(image_read(img, 4 * PAGE, two, sizeof(two), &err), 0, "what is no memory");
    ok(two[0] == 0 && memcmp(two, two + 1, PAGE - 1) == 0 &&
           memcmp(two + PAGE, memory[1], PAGE) == 0,
       "is zeros in front of a page");
    image_close(img);
    image_close(src);
    dump_forget(&f);
    free(b.p);
}

static int files_in_dir(void) {
    int n = 0;
    DIR *d = opendir(dir);
    struct dirent *e;
    while (d && (e = readdir(d)))
        n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static void test_failures(void) {
    struct bytes_out notes = make_notes(false);
    struct image *src = source(false, 1, &notes);
    struct choice c = {.first = 0x1000, .step = 1, .end = 0x1100};
    struct kdump_write_options opt = {.path = path, .codec = CODEC_ZLIB, .block_size = 5000};
    unlink(path);
    is_int(write_new(src, &opt, next, &c, NULL, &err), KVM_INVAL, "an odd block size");
    opt.block_size = 0;
    opt.path = "/nonexistent/x";
    is_int(write_new(src, &opt, next, &c, NULL, &err), KVM_IO, "a folder that is not there");
    has_text(err.text, "/nonexistent/x: No such file", "is named");
    opt.path = path;
    struct choice growing = {.first = 0x1000, .step = 1, .end = 0x1010, .stop_growing = 20};
    is_int(write_new(src, &opt, next, &growing, NULL, &err), KVM_INVAL, "a list that grows");
    struct rlimit was, small = {.rlim_cur = 100000, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was);
    small.rlim_max = was.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    is_int(write_new(src, &opt, next, &c, NULL, &err), KVM_IO, "a full disk");
    setrlimit(RLIMIT_FSIZE, &was);
    unsigned long n = 1;
    for (; n < 20; n++) {
        mem_fail_from(n);
        int rc = write_new(src, &opt, next, &c, NULL, &err);
        mem_fail_from(0);
        if (rc == 0) break;
        is_int(rc, KVM_NOMEM, "out of memory");
        is_int(files_in_dir(), 0, "leaves nothing behind");
    }
    ok(n > 4 && n < 20, "and once there is enough, it is written (%lu)", n);
    is_int(files_in_dir(), 1, "one file is left");
    image_close(src);
    free(notes.p);
}

static void test_trace_stays(void) {
    struct bytes_out notes = make_notes(false);
    struct image *src = source(false, 1, &notes);
    image_trace_start(src, &err);
    uint8_t v;
    image_read(src, 0x1005000, &v, 1, &err);
    struct choice c = {.first = 0x1000, .step = 1, .end = 0x1010};
    struct kdump_write_options opt = {.path = path};
    write_new(src, &opt, next, &c, NULL, &err);
    uint64_t pfn;
    ok(image_trace_next(src->trace, 0, &pfn) && pfn == 0x1005 &&
           !image_trace_next(src->trace, 0x1006, &pfn),
       "writing traces nothing");
    ok(!src->trace_off, "and tracing goes on");
    image_close(src);
    free(notes.p);
}

int main(void) {
    if (!mkdtemp(dir)) return 1;
    for (size_t i = 0; i < LOADED / 2; i++)
        build_pattern(memory[i], PAGE, (uint32_t)i);
    snprintf(path, sizeof(path), "%s/dump", dir);
    test_write(false, CODEC_ZLIB);
    if (codec_can_compress(CODEC_ZSTD)) test_write(false, CODEC_ZSTD);
    test_write(true, CODEC_ZLIB);
    test_again();
    test_trace_stays();
    test_failures();
    unlink(path);
    rmdir(dir);
    return done();
}
