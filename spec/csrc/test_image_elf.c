// SPDX-License-Identifier: BSD-2-Clause
// image/elf: segments in any order, overlapping, filtered and cut short; what is a fault and what is
// excluded; writing; and files that are no cores.
#include "base/mem.h"
#include "dump_build.h"
#include "image/image.h"
#include "tap.h"

#include <stdlib.h>

static struct image *img;
static struct kvm_err err;

static int open_bytes(const struct bytes_out *b, size_t len, bool writable) {
    struct dump_file f = dump_file(b->p, len);
    struct image_options opt = {.writable = writable};
    err_clear(&err);
    img = NULL;
    int rc = image_open(&(const char *){f.path}, 1, &opt, &img, &err);
    dump_forget(&f);
    return rc;
}

static int peek(uint64_t pa) { // the byte at pa, or a negative code
    uint8_t v;
    err_clear(&err);
    int rc = image_read(img, pa, &v, 1, &err);
    return rc ? rc : v;
}

static uint8_t a[0x1000], b2[0x2000], c3[0x1000];

static void fill(void) {
    memset(a, 'a', sizeof(a));
    memset(b2, 'b', sizeof(b2));
    memset(c3, 'c', sizeof(c3));
    b2[0x1000] = 'B';
}

// Unsorted; the third is filtered down to a half, the last two lie upon the second and beside it.
static const struct build_load loads[] = {
    {.paddr = 0x9000, .memsz = 0x1000, .bytes = c3, .filesz = 0x1000},
    {.paddr = 0x2000, .memsz = 0x2000, .bytes = b2, .filesz = 0x2000},
    {.paddr = 0x20000, .memsz = 0x2000, .bytes = a, .filesz = 0x1000},
    {.paddr = 0x3800, .memsz = 0x1000, .bytes = a, .filesz = 0x1000},
    {.paddr = 0x40000, .memsz = 0x1000, .filesz = 0},
};

static struct build_elf plain(uint8_t elf_class, bool big) {
    return (struct build_elf){.elf_class = elf_class,
                              .big = big,
                              .ehsize = 8,
                              .loads = loads,
                              .load_count = sizeof(loads) / sizeof(loads[0])};
}

static void test_reading(uint8_t elf_class, bool big) {
    printf("# class %u, %s-endian\n", elf_class, big ? "big" : "little");
    struct build_elf e = plain(elf_class, big);
    struct bytes_out notes = {.big = big};
    out_note(&notes, "VMCOREINFO", 0, "OSRELEASE=x\n", 12);
    e.notes = notes.p;
    e.notes_len = notes.len;
    struct bytes_out b = elf_build(&e);
    is_int(open_bytes(&b, b.len, false), 0, "it opens");
    is_int(peek(0x9000), 'c', "a segment");
    is_int(peek(0x9fff), 'c', "to its last byte");
    is_int(peek(0xa000), KVM_FAULT, "behind it there is no memory");
    ok(err.has_addr && err.addr == 0xa000, "the error has the address");
    is_int(peek(0x1fff), KVM_FAULT, "nor in front of the next");
    is_int(peek(0x3000), 'B', "inside a segment");
    is_int(peek(0x3fff), 'b', "of two that overlap the first one keeps its part");
    is_int(peek(0x4000), 'a', "and the second has the rest");
    is_int(peek(0x47ff), 'a', "to its end");
    is_int(peek(0x20fff), 'a', "a filtered segment's data");
    is_int(peek(0x21000), KVM_EXCLUDED, "and what was filtered out of it");
    is_int(peek(0x21fff), KVM_EXCLUDED, "to its end");
    is_int(peek(0x22000), KVM_FAULT, "not behind it");
    is_int(peek(0x40000), KVM_EXCLUDED, "a segment without data is excluded whole");
    is_int(peek(UINT64_MAX), KVM_FAULT, "the last address");
    uint8_t two[2];
    is_int(image_read(img, 0x3fff, two, 2, &err), 0, "a read over a joint of segments");
    ok(two[0] == 'b' && two[1] == 'a', "has both");
    is_int(image_read(img, 0x47ff, two, 2, &err), KVM_FAULT, "a read over an end fails");
    is_int(image_read(img, UINT64_MAX, two, 2, &err), KVM_FAULT, "and so over the last address");
    struct image_run run;
    ok(image_find(img, 0x2004, &run, &err) == 0 && run.len == 0x1ffc, "runs reach to the end");
    ok(*run.stamp == run.stamp_value, "and are good");
    uint64_t off;
    ok(img->ops->file_offset(img, 0x3000, 0x1000, &off) && img->file->map[off] == 'B',
       "file_offset says where bytes stand in the file");
    ok(!img->ops->file_offset(img, 0x47ff, 2, &off), "not of bytes that go on elsewhere");
    const struct image_facts *f = &img->facts;
    ok(f->machine == 62 && f->elf_class == elf_class && f->big == big, "facts from the header");
    is_int((int64_t)f->phys_end, 0x41000, "the last address");
    is_str(f->format, "ELF vmcore, filtered", "format");
    ok(!f->incomplete && f->notes.vmcoreinfo.len == 12, "whole, with VMCOREINFO");
    image_close(img);
    free(b.p);
    free(notes.p);
}

static void is_region(bool memory, uint64_t pa, uint64_t start, uint64_t end) {
    struct image_region r = {0};
    bool found = memory ? image_next_memory(img, pa, &r) : image_next_region(img, pa, &r);
    ok(found && r.start == start && r.end == end, "%s behind 0x%llx: 0x%llx-0x%llx",
       memory ? "memory" : "region", (unsigned long long)pa, (unsigned long long)r.start,
       (unsigned long long)r.end);
}

static void test_regions(void) {
    struct build_elf e = plain(2, false);
    struct bytes_out b = elf_build(&e);
    open_bytes(&b, b.len, false);
    struct image_region r;
    is_region(false, 0, 0x2000, 0x4000);
    is_region(false, 0x3fff, 0x2000, 0x4000);
    is_region(false, 0x4000, 0x4000, 0x4800);
    is_region(false, 0xa000, 0x20000, 0x21000);
    ok(!image_next_region(img, 0x21000, &r), "no region behind the last");
    is_region(true, 0, 0x2000, 0x4800);
    is_region(true, 0x21000, 0x20000, 0x22000);
    is_region(true, 0x22000, 0x40000, 0x41000);
    ok(!image_next_memory(img, 0x41000, &r), "no memory behind the last");
    image_close(img);
    free(b.p);
}

// Every length of file: no read behind its end, and what is there is readable.
static void test_truncation(void) {
    struct build_elf e = plain(2, false);
    struct bytes_out b = elf_build(&e);
    size_t headers = 64 + 6 * 56;
    int wrong = 0;
    for (size_t len = 1; len < b.len; len += len < headers + 4 ? 1 : 511) {
        int rc = open_bytes(&b, len, false);
        if (rc) {
            wrong += !(rc == KVM_FORMAT && len < headers && err.text[0]);
            continue;
        }
        wrong += len < headers || !img->facts.incomplete;
        uint64_t there = len - headers < 0x1000 ? len - headers : 0x1000; // of the first segment
        wrong += there > 0 && peek(0x9000 + there - 1) != 'c';
        wrong += there < 0x1000 && peek(0x9000 + there) != KVM_EXCLUDED;
        image_close(img);
    }
    is_int(wrong, 0,
           "cut short anywhere: headers are an error, the rest is read as far as it goes");
    free(b.p);
    e.flags = 1;
    b = elf_build(&e);
    ok(open_bytes(&b, b.len, false) == 0 && img->facts.incomplete, "e_flags 1: incomplete");
    image_close(img);
    free(b.p);
}

static void test_cut_notes(void) {
    struct bytes_out notes = {0};
    out_note(&notes, "CORE", 1, a, 336);
    out_note(&notes, "VMCOREINFO", 0, "OSRELEASE=x\n", 12);
    struct build_elf e = {
        .elf_class = 2, .loads = loads, .load_count = 1, .notes = notes.p, .notes_len = notes.len};
    struct bytes_out b = elf_build(&e);
    int rc = open_bytes(&b, 64 + 2 * 56 + notes.len - 5, false);
    ok(rc == 0 && img->facts.incomplete, "a file that ends within its notes opens");
    ok(rc == 0 && img->facts.notes.prstatus_count == 1 && !img->facts.notes.vmcoreinfo.text,
       "with the notes before the cut");
    image_close(img);
    b.p[64 + 2 * 56 + 5] = 0xff; // the size of a descriptor
    is_int(open_bytes(&b, b.len, false), KVM_FORMAT, "damaged notes in a whole file are an error");
    has_text(err.text, "ELF: segment 0: the note at byte 0 runs past the end", "which says where");
    free(b.p);
    free(notes.p);
}

static void test_write(void) {
    struct build_elf e = plain(2, false);
    struct bytes_out b = elf_build(&e);
    is_int(open_bytes(&b, b.len, true), 0, "open for writing");
    is_int(img->ops->write(img, 0x3ffe, "1234", 4, &err), 0, "a write over a joint");
    ok(peek(0x3ffe) == '1' && peek(0x4001) == '4', "is read back");
    ok(peek(0x3ffd) == 'b' && peek(0x4002) == 'a', "and nothing beside it changed");
    uint64_t alias = img->file->size - 0x1000 + 0x7fe; // of 0x3ffe in the segment at 0x3800
    ok(memcmp(img->file->map + alias, "1234", 4) == 0, "the other copy changed too");
    is_int(img->ops->write(img, 0x47fe, "1234", 4, &err), KVM_FAULT, "a write into a hole fails");
    is_int(peek(0x47fe), 'a', "and wrote nothing");
    is_int(img->ops->write(img, 0x20fff, "12", 2, &err), KVM_EXCLUDED, "or into a filtered page");
    image_close(img);
    open_bytes(&b, b.len, false);
    is_int(img->ops->write(img, 0x2000, "x", 1, &err), KVM_INVAL,
           "a read-only file is not written");
    image_close(img);
    free(b.p);
}

static void refuse(const struct build_elf *e, int code, const char *text) {
    struct bytes_out b = elf_build(e);
    is_int(open_bytes(&b, b.len, false), code, text);
    has_text(err.text, text, "and says so");
    free(b.p);
}

static void test_refused(void) {
    struct build_elf e = plain(2, false);
    e.type = 2;
    refuse(&e, KVM_FORMAT, "not a dump: ELF executable, not a core");
    e.type = 1;
    refuse(&e, KVM_FORMAT, "not a dump: ELF object file, not a core");
    e = plain(2, false);
    e.load_count = 0;
    refuse(&e, KVM_FORMAT, "ELF: core without memory segments");
    struct build_load wrap[] = {{.paddr = UINT64_MAX - 10, .memsz = 100}};
    e.loads = wrap;
    e.load_count = 1;
    refuse(&e, KVM_FORMAT, "ELF: segment 1: its addresses wrap around");
    struct build_load user[] = {{.vaddr = 0x400000, .memsz = 64, .bytes = a, .filesz = 64}};
    e.loads = user;
    refuse(&e, KVM_FORMAT, "core of a process, not of a kernel");
    struct bytes_out b = elf_build(&e);
    b.p[56 + 1] = 0x10; // e_phnum
    is_int(open_bytes(&b, b.len, false), KVM_FORMAT, "more program headers than the file has");
    has_text(err.text, "program headers are cut short", "are named");
    free(b.p);
}

// QEMU's page map of a guest with paging=true: thousands of small segments over the same bytes.
static void test_many(void) {
    enum { N = 70000 };
    struct build_load *many = calloc(N, sizeof(*many));
    for (size_t i = 0; i < N; i++) // 16 bytes each, shuffled, every second address missing
        many[i] = (struct build_load){.paddr = 0x100000 + (i * 7919 % N) * 32,
                                      .memsz = 16,
                                      .bytes = i % 2 ? a : c3,
                                      .filesz = 16};
    struct build_elf e = {.elf_class = 2, .loads = many, .load_count = N, .xnum = true};
    struct bytes_out b = elf_build(&e);
    is_int(open_bytes(&b, b.len, false), 0, "70000 segments, PN_XNUM");
    int wrong = 0;
    for (size_t i = 0; i < N; i++) {
        wrong += peek(many[i].paddr + 15) != (i % 2 ? 'a' : 'c');
        wrong += peek(many[i].paddr + 16) != KVM_FAULT;
    }
    is_int(wrong, 0, "each is where it should be, and nothing between them");
    image_close(img);
    free(b.p);
    free(many);
}

// A segment within another, and one that begins with another and ends behind it.
static void test_contained(void) {
    struct build_load l[] = {{.paddr = 0x2800, .memsz = 0x100, .bytes = a, .filesz = 0x100},
                             {.paddr = 0x2000, .memsz = 0x2000, .bytes = b2, .filesz = 0x2000},
                             {.paddr = 0x2000, .memsz = 0x1000, .bytes = c3, .filesz = 0x1000}};
    struct build_elf e = {.elf_class = 2, .loads = l, .load_count = 3};
    struct bytes_out b = elf_build(&e);
    open_bytes(&b, b.len, false);
    is_region(false, 0, 0x2000, 0x4000);
    struct image_run run;
    ok(image_find(img, 0x2800, &run, &err) == 0 && run.len == 0x1800, "one run through it");
    is_int(peek(0x2850), 'b', "of the larger segment's bytes");
    is_int(peek(0x3fff), 'b', "to its end");
    is_int(peek(0x4000), KVM_FAULT, "and no further");
    image_close(img);
    free(b.p);
}

static void test_trace(void) {
    struct build_elf e = plain(2, false);
    struct bytes_out b = elf_build(&e);
    uint64_t pfn = 0;
    open_bytes(&b, b.len, false);
    peek(0x9000);
    ok(!image_trace_next(img->trace, 0, &pfn), "nothing is traced before it was asked for");
    is_int(image_trace_start(img, &err), 0, "start");
    uint8_t buf[0x900];
    peek(0x20010);
    image_read(img, 0x2ff0, buf, 0x20, &err);
    peek(0x50000);
    img->trace_off = true;
    peek(0x9000);
    img->trace_off = false;
    ok(image_trace_next(img->trace, 0, &pfn) && pfn == 2, "both pages of a read");
    ok(image_trace_next(img->trace, 3, &pfn) && pfn == 3, "are traced");
    ok(image_trace_next(img->trace, 4, &pfn) && pfn == 0x20, "page 9, read while off, is not");
    ok(!image_trace_next(img->trace, 0x21, &pfn), "nor what is not there");
    is_int(image_trace_start(img, &err), 0, "starting again");
    ok(image_trace_next(img->trace, 0, &pfn) && pfn == 2, "forgets nothing");
    image_close(img);
    free(b.p);
}

static void test_memory(void) {
    struct build_elf e = plain(2, false);
    struct bytes_out b = elf_build(&e);
    unsigned long n = 1;
    for (; n < 30; n++) {
        mem_fail_from(n);
        int rc = open_bytes(&b, b.len, false);
        mem_fail_from(0);
        if (rc == 0) break;
        is_int(rc, KVM_NOMEM, "out of memory");
    }
    ok(n > 4 && n < 30 && peek(0x9000) == 'c', "and once there is enough, it opens (%lu)", n);
    image_close(img);
    image_close(NULL);
    free(b.p);
}

int main(void) {
    fill();
    for (int i = 0; i < 4; i++)
        test_reading(i & 1 ? 2 : 1, i & 2);
    test_regions();
    test_truncation();
    test_cut_notes();
    test_write();
    test_refused();
    test_many();
    test_contained();
    test_trace();
    test_memory();
    return done();
}
