// SPDX-License-Identifier: BSD-2-Clause
// image/kdump: every version, codec, byte order and block size; the two bit maps; files that are
// cut short or damaged in each field.
#include "base/bytes.h"
#include "base/mem.h"
#include "dump_build.h"
#include "image/image.h"
#include "tap.h"

#include <stdlib.h>

enum { PAGE = 4096, FRAMES = 40000, PAGES = 12 };

static struct image *img;
static struct kvm_err err;
static uint8_t content[PAGES][65536];
static struct build_page pages[PAGES];

static int open_bytes(const struct bytes_out *b, size_t len) {
    struct dump_file f = dump_file(b->p, len);
    err_clear(&err);
    img = NULL;
    int rc = image_open(&(const char *){f.path}, 1, NULL, &img, &err);
    dump_forget(&f);
    return rc;
}

static void set_pages(enum codec_id codec) {
    // around the borders of words and of the index's sections; the 5th and 9th are filtered out
    static const uint64_t pfns[PAGES] = {0,    1,    2,    63,    64,    100,
                                         4095, 4096, 8191, 20000, 36863, FRAMES - 1};
    for (size_t i = 0; i < PAGES; i++) {
        build_pattern(content[i], sizeof(content[i]), (uint32_t)i);
        bool out = i == 5 || i == 9;
        pages[i] = (struct build_page){pfns[i], out ? NULL : content[i], codec};
    }
}

static struct build_kdump plain(void) {
    return (struct build_kdump){.frames = FRAMES, .pages = pages, .page_count = PAGES};
}

static int page_is(size_t i, uint32_t block) {
    static uint8_t got[65536];
    int rc = image_read(img, pages[i].pfn * block, got, block, &err);
    return rc ? rc : memcmp(got, content[i], block) != 0;
}

static void test_pages(enum codec_id codec, uint32_t version, bool big, uint32_t block,
                       bool one_map) {
    set_pages(codec);
    struct build_kdump k = plain();
    k.version = version;
    k.big = big;
    k.block_size = block;
    k.one_map = one_map;
    k.vmcoreinfo = "OSRELEASE=6.1\n";
    struct bytes_out b = kdump_build(&k, NULL);
    char what[96];
    snprintf(what, sizeof(what), "%s, version %u, %s-endian, blocks of %u, %s", codec_name(codec),
             version, big ? "big" : "little", block, one_map ? "one map" : "two maps");
    if (!is_int(open_bytes(&b, b.len), 0, what)) printf("# %s\n", err.text);
    int wrong = 0;
    for (size_t i = 0; i < PAGES; i++) {
        int want = pages[i].bytes ? 0 : one_map ? KVM_FAULT : KVM_EXCLUDED;
        wrong += page_is(i, block) != want;
    }
    is_int(wrong, 0, "every page is what it was, and the filtered ones are excluded");
    uint8_t v;
    is_int(image_read(img, (uint64_t)3 * block, &v, 1, &err), KVM_FAULT, "no memory in between");
    ok(err.has_addr && err.addr == (uint64_t)3 * block, "with its address");
    is_int(image_read(img, (uint64_t)FRAMES * block, &v, 1, &err), KVM_FAULT, "nor behind the end");
    is_int(image_read(img, UINT64_MAX, &v, 1, &err), KVM_FAULT, "nor at the last address");
    const struct image_facts *f = &img->facts;
    char format[64];
    snprintf(format, sizeof(format), "kdump-compressed v%u, %s", version,
             codec == CODEC_NONE ? "uncompressed" : codec_name(codec));
    is_str(f->format, format, "format");
    ok(f->page_size == block && f->pages == PAGES - 2 && !f->incomplete, "facts");
    ok(f->phys_end == (uint64_t)FRAMES * block && f->big == big, "more facts");
    ok(!f->notes.vmcoreinfo.text == (version < 3), "VMCOREINFO from version 3 on");
    image_close(img);
    free(b.p);
}

static void test_regions(void) {
    set_pages(CODEC_NONE);
    struct build_kdump k = plain();
    struct bytes_out b = kdump_build(&k, NULL);
    open_bytes(&b, b.len);
    static const struct {
        bool memory;
        uint64_t from, start, end; // page frames
    } want[] = {{false, 0, 0, 3},
                {false, 2, 2, 3},
                {false, 3, 63, 65},
                {false, 65, 4095, 4097},
                {false, 4097, 8191, 8192},
                {false, 8192, 36863, 36864},
                {false, 36864, FRAMES - 1, FRAMES},
                {true, 65, 100, 101},
                {true, 8192, 20000, 20001}};
    struct image_region r = {0};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        uint64_t pa = want[i].from * PAGE;
        bool found =
            want[i].memory ? image_next_memory(img, pa, &r) : image_next_region(img, pa, &r);
        ok(found && r.end == want[i].end * PAGE && r.start <= want[i].start * PAGE,
           "%s behind page %llu", want[i].memory ? "memory" : "region",
           (unsigned long long)want[i].from);
    }
    ok(!image_next_region(img, (uint64_t)FRAMES * PAGE, &r), "nothing behind the last");
    ok(!image_next_region(img, UINT64_MAX, &r), "nothing at the last address");
    image_close(img);
    free(b.p);
}

static void test_cache(void) {
    set_pages(CODEC_ZLIB);
    struct build_kdump k = plain();
    uint64_t descs;
    struct bytes_out b = kdump_build(&k, &descs);
    memcpy(b.p + descs + 24, b.p + descs, 24); // page 1 shares the data of page 0
    open_bytes(&b, b.len);
    struct image_run r0, r1;
    image_find(img, 8, &r0, &err);
    image_find(img, PAGE + 8, &r1, &err);
    ok(r0.host == r1.host && r0.len == PAGE - 8, "pages that share data share a slot");
    is_int((int64_t)img->worker.pages_decompressed, 1, "and were decompressed once");
    ok(memcmp(r0.host, content[0] + 8, PAGE - 8) == 0, "the bytes are the page's");
    image_close(img);
    struct dump_file f = dump_file(b.p, b.len);
    struct image_options opt = {.cache_bytes = 1}; // the least there is: 16 pages
    image_open(&(const char *){f.path}, 1, &opt, &img, &err);
    int wrong = 0;
    for (int round = 0; round < 5; round++)
        for (size_t i = 2; i < PAGES; i++)
            wrong += pages[i].bytes && page_is(i, PAGE) != 0;
    is_int(wrong, 0, "a small cache gives the same bytes");
    image_close(img);
    dump_forget(&f);
    free(b.p);
}

static void test_truncation(void) {
    set_pages(CODEC_ZLIB);
    struct build_kdump k = plain();
    k.vmcoreinfo = "OSRELEASE=6.1\n";
    uint64_t descs;
    struct bytes_out b = kdump_build(&k, &descs);
    int wrong = 0;
    for (size_t len = 1; len < b.len;
         len += len < 600 || (len > descs - 8 && len < descs + 260) ? 1 : 97) {
        int rc = open_bytes(&b, len);
        if (len < descs) {
            wrong += rc != KVM_FORMAT || !strstr(err.text, len < 8 ? "not a dump" : "cut short at");
            continue;
        }
        wrong += rc != 0 || !img->facts.incomplete;
        for (size_t i = 0; rc == 0 && i < PAGES; i++) {
            if (!pages[i].bytes) continue;
            int got = page_is(i, PAGE);
            wrong += got != 0 && got != KVM_EXCLUDED;
            // the last page is the one that is cut
            wrong += i == PAGES - 1 && got != KVM_EXCLUDED;
            wrong += i == 0 && len > descs + 24 * 10 + PAGE && got != 0;
        }
        image_close(img);
    }
    is_int(wrong, 0, "cut short anywhere: headers are an error, pages behind the cut are excluded");
    open_bytes(&b, 512);
    has_text(err.text, "kdump: header is cut short at 512 of 4096 bytes", "in one clear line");
    open_bytes(&b, 4096 + 50);
    has_text(err.text, "kdump: sub-header is cut short at 50 of 104 bytes", "the sub-header too");
    open_bytes(&b, 8192 + 100);
    has_text(err.text, "kdump: bit map is cut short at 100 of 16384 bytes", "and the bit maps");
    free(b.p);
}

static void test_incomplete(void) {
    set_pages(CODEC_LZO);
    struct build_kdump k = plain();
    k.status = 8 | 2;
    uint64_t descs;
    struct bytes_out b = kdump_build(&k, &descs);
    memset(b.p + descs + 3 * 24, 0, 24); // the writer ran out of room
    open_bytes(&b, b.len);
    ok(img->facts.incomplete, "a file marked as incomplete says so");
    is_int(page_is(3, PAGE), KVM_EXCLUDED, "a page without a descriptor is excluded in it");
    is_int(page_is(4, PAGE), 0, "the others are there");
    image_close(img);
    b.p[424] = 2;
    open_bytes(&b, b.len);
    is_int(page_is(3, PAGE), KVM_FORMAT, "in one that is not marked this is damage");
    ok(err.has_addr && err.addr == 63 * PAGE, "with the page's address");
    image_close(img);
    free(b.p);
}

// The last page shares the first one's data, as zero pages do: the cut is in the one before it.
static void test_cut_before_shared(void) {
    set_pages(CODEC_ZLIB);
    struct build_kdump k = plain();
    uint64_t descs;
    struct bytes_out b = kdump_build(&k, &descs);
    uint8_t *last = b.p + descs + (PAGES - 3) * 24;
    uint32_t len = bytes_u32(last + 8, false);
    memcpy(last, b.p + descs, 24);
    open_bytes(&b, b.len);
    ok(!img->facts.incomplete, "a whole file whose last page is shared");
    image_close(img);
    open_bytes(&b, b.len - len);
    ok(!img->facts.incomplete, "without the data that nobody needs");
    image_close(img);
    open_bytes(&b, b.len - len - 1);
    ok(img->facts.incomplete, "a file cut by one byte more");
    is_int(page_is(PAGES - 2, PAGE), KVM_EXCLUDED, "lacks the page before");
    image_close(img);
    free(b.p);
}

// A number at a place of the file, and what opening or reading page 2 then says.
static void test_damage(void) {
    set_pages(CODEC_ZLIB);
    struct build_kdump k = plain();
    struct bytes_out notes = {0};
    out_note(&notes, "CORE", 1, content[0], 336);
    k.notes = notes.p;
    k.notes_len = notes.len;
    k.vmcoreinfo = "A=1\n";
    uint64_t descs;
    struct bytes_out b = kdump_build(&k, &descs);
    const struct {
        uint64_t at, value;
        int size, open_code, read_code;
        const char *text;
    } cases[] = {
        {8, 7, 4, KVM_UNSUPPORTED, 0, "unknown header version 7"},
        {428, 0, 4, KVM_FORMAT, 0, "block size of 0 bytes"},
        {428, 4097, 4, KVM_FORMAT, 0, "block size of 4097 bytes"},
        {428, 1 << 21, 4, KVM_FORMAT, 0, "block size of 2097152 bytes"},
        {432, 0, 4, KVM_FORMAT, 0, "sub-header of 0 blocks"},
        {432, 0x7fffffff, 4, KVM_FORMAT, 0, "bit map is cut short at 0 of"},
        {432, 0x80000000, 4, KVM_FORMAT, 0, "sub-header of 2147483648 blocks"},
        {436, 0, 4, KVM_FORMAT, 0, "40000 page frames, but bit maps of 0 bytes"},
        {436, 0xffffffff, 4, KVM_FORMAT, 0, "bit map is cut short"},
        {4096 + 96, 0, 8, KVM_FORMAT, 0, "no page frames"},
        {4096 + 96, UINT64_MAX, 8, KVM_FORMAT, 0, "page frames, but bit maps"},
        {4096 + 96, 1ull << 30, 8, KVM_FORMAT, 0, "1073741824 page frames, but bit maps"},
        {4096 + 32, UINT64_MAX, 8, KVM_FORMAT, 0, "VMCOREINFO lies behind the end"},
        {4096 + 40, UINT64_MAX, 8, KVM_FORMAT, 0, "VMCOREINFO lies behind the end"},
        {4096 + 48, 1ull << 40, 8, KVM_FORMAT, 0, "the notes lie behind the end"},
        {4096 + 56, UINT64_MAX, 8, KVM_FORMAT, 0, "the notes lie behind the end"},
        {4096 + 56, 100, 8, KVM_FORMAT, 0, "notes: the note at byte 0 runs past the end"},
        {descs + 48, UINT64_MAX, 8, 0, KVM_FORMAT, "page 0x2: data behind the end of the file"},
        {descs + 48 + 8, 0, 4, 0, KVM_FORMAT, "page 0x2: impossible size"},
        {descs + 48 + 8, 4097, 4, 0, KVM_FORMAT, "page 0x2: impossible size"},
        {descs + 48 + 8, 9, 4, 0, KVM_FORMAT, "page 0x2: zlib: "},
        {descs + 48 + 12, 0, 4, 0, KVM_FORMAT, "page 0x2: impossible size"},
        {descs + 48 + 12, 0x40, 4, 0, KVM_UNSUPPORTED, "page 0x2: unknown flags"},
        {descs + 48 + 12, 3, 4, 0, KVM_UNSUPPORTED, "page 0x2: unknown flags"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t was[8];
        uint8_t *p = b.p + cases[i].at;
        memcpy(was, p, 8);
        if (cases[i].size == 8)
            bytes_put_u64(p, cases[i].value, false);
        else
            bytes_put_u32(p, (uint32_t)cases[i].value, false);
        is_int(open_bytes(&b, b.len), cases[i].open_code, cases[i].text);
        if (cases[i].open_code == 0) {
            page_is(2, PAGE);
            is_int(page_is(2, PAGE), cases[i].read_code, "reading it, twice");
        }
        has_text(err.text, cases[i].text, "says what is wrong");
        if (cases[i].open_code == 0) {
            ok(err.has_addr && err.addr == 2 * PAGE, "with the address");
            is_int(page_is(1, PAGE), 0, "other pages are not touched by it");
        }
        image_close(img);
        memcpy(p, was, 8);
    }
    is_int(open_bytes(&b, b.len), 0, "undone, it opens");
    image_close(img);
    free(b.p);
    free(notes.p);
}

// The headers of i386 and of ARM; neither when the words are none of them.
static void test_32_bits(void) {
    set_pages(CODEC_LZO);
    for (uint32_t version = 0; version <= 6; version++)
        for (uint8_t bits = 32; bits <= 33; bits++) {
            struct build_kdump k = plain();
            // 0 is the builder's word for 6
            k.version = version ? version : 6;
            k.bits = bits;
            k.big = version % 2;
            k.machine = bits == 32 ? "i686" : "armv7l";
            k.vmcoreinfo = "OSRELEASE=6.1\n";
            struct bytes_out b = kdump_build(&k, NULL);
            if (version == 0) bytes_put_u32(b.p + 8, 0, k.big);
            if (!version) bytes_put_u32(b.p + 428, FRAMES, k.big);
            char what[64];
            snprintf(what, sizeof(what), "version %u of a 32-bit machine (%u)", version, bits);
            if (!is_int(open_bytes(&b, b.len), 0, what)) printf("# %s\n", err.text);
            is_int(page_is(4, PAGE), 0, "has its pages");
            is_int(img->facts.elf_class, 1, "and says what it is");
            const struct dump_notes *n = &img->facts.notes;
            if (version >= 3)
                ok(n->vmcoreinfo.len == 14 && memcmp(n->vmcoreinfo.text, "OSRELEASE", 9) == 0,
                   "VMCOREINFO is found");
            image_close(img);
            free(b.p);
        }
    uint8_t old[8192] = "KDUMP   ";
    bytes_put_u32(old + 8, 6, false);
    bytes_put_u32(old + 416, 4096, false);
    struct bytes_out o = {.p = old, .len = sizeof(old)};
    is_int(open_bytes(&o, o.len), KVM_FORMAT, "no layout has a good block size");
    has_text(err.text, "block size of 0 bytes", "it says");
}

static void test_eraseinfo(void) {
    static const char text[] = "erase jiffies 8\n";
    for (uint32_t version = 4; version <= 6; version++) {
        set_pages(CODEC_NONE);
        struct build_kdump k = plain();
        k.version = version;
        k.vmcoreinfo = "OSRELEASE=6.1\n";
        k.eraseinfo = text;
        struct bytes_out b = kdump_build(&k, NULL);
        is_int(open_bytes(&b, b.len), 0, "with a list of what was erased");
        const struct image_facts *f = &img->facts;
        if (version < 5)
            ok(!f->eraseinfo, "which version 4 does not have");
        else
            ok(f->eraseinfo_len == strlen(text) && memcmp(f->eraseinfo, text, strlen(text)) == 0,
               "it is there");
        image_close(img);
        bytes_put_u64(b.p + 4096 + 64, b.len, false);
        is_int(open_bytes(&b, b.len), version < 5 ? 0 : KVM_FORMAT, "and must lie in the file");
        image_close(img);
        free(b.p);
    }
}

static void test_kinds(void) {
    set_pages(CODEC_NONE);
    struct build_kdump k = plain();
    k.signature = "DISKDUMP";
    k.version = 1;
    struct bytes_out b = kdump_build(&k, NULL);
    is_int(open_bytes(&b, b.len), 0, "the older signature");
    is_int(page_is(4, PAGE), 0, "has the same pages");
    is_str(img->facts.format, "diskdump v1, uncompressed", "and is named");
    image_close(img);
    free(b.p);
    uint8_t old[8192] = "KDUMP   ";
    bytes_put_u32(old + 8, 6, false);
    bytes_put_u32(old + 416, 4096, false); // the layout of 32-bit machines
    bytes_put_u32(old + 420, 1, false);
    struct bytes_out o = {.p = old, .len = sizeof(old)};
    is_int(open_bytes(&o, o.len), KVM_FORMAT, "a 32-bit header is read as one");
    has_text(err.text, "kdump: no page frames", "and found empty");
}

static void test_machine(void) {
    static const struct {
        const char *utsname;
        size_t note; // size of the PRSTATUS
        uint16_t machine;
    } cases[] = {{"x86_64", 0, 62}, {"aarch64", 0, 183}, {"s390x", 0, 22}, {"Unknown", 392, 183},
                 {"", 336, 62},     {"", 5, 0},          {"", 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct build_kdump k = plain();
        struct bytes_out notes = {0};
        if (cases[i].note) out_note(&notes, "CORE", 1, content[0], cases[i].note);
        k.machine = cases[i].utsname;
        k.release = i == 0 ? "6.1.0" : "";
        k.notes = notes.p;
        k.notes_len = notes.len;
        struct bytes_out b = kdump_build(&k, NULL);
        open_bytes(&b, b.len);
        is_int(img->facts.machine, cases[i].machine, "machine");
        if (i == 0)
            is_str(img->facts.utsname + 2 * IMAGE_UTSNAME_FIELD, "6.1.0", "utsname is given");
        else
            ok(!img->facts.utsname, "an empty utsname is none");
        image_close(img);
        free(b.p);
        free(notes.p);
    }
}

static void test_memory(void) {
    set_pages(CODEC_ZLIB);
    struct build_kdump k = plain();
    struct bytes_out b = kdump_build(&k, NULL);
    unsigned long n = 1;
    for (; n < 40; n++) {
        mem_fail_from(n);
        int rc = open_bytes(&b, b.len);
        mem_fail_from(0);
        if (rc == 0) break;
        is_int(rc, KVM_NOMEM, "out of memory");
    }
    ok(n > 4 && n < 40 && page_is(0, PAGE) == 0, "and once there is enough, it opens (%lu)", n);
    image_close(img);
    free(b.p);
}

int main(void) {
    for (int c = CODEC_NONE; c < CODEC_COUNT; c++)
        if (codec_built_in((enum codec_id)c)) test_pages((enum codec_id)c, 6, false, PAGE, false);
    for (uint32_t v = 1; v < 6; v++)
        test_pages(CODEC_ZLIB, v, false, PAGE, false);
    test_pages(CODEC_ZLIB, 6, true, PAGE, false);
    test_pages(CODEC_ZLIB, 3, true, PAGE, false);
    test_pages(CODEC_ZLIB, 6, false, 65536, false);
    test_pages(CODEC_NONE, 6, false, 65536, false);
    test_pages(CODEC_ZLIB, 1, false, PAGE, true);
    test_regions();
    test_cache();
    test_truncation();
    test_incomplete();
    test_cut_before_shared();
    test_damage();
    test_kinds();
    test_32_bits();
    test_eraseinfo();
    test_machine();
    test_memory();
    return done();
}
