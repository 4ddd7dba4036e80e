// SPDX-License-Identifier: BSD-2-Clause
// image/kdump_set: the parts of a split dump, in any order, with parts that are missing, cut short, empty, given twice or of
// another dump.
#include "dump_build.h"
#include "image/image.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, FRAMES = 3000, PAGES = 9, PARTS = 4 };

static struct image *img;
static struct kvm_err err;
static uint8_t content[PAGES][PAGE];
static struct build_page pages[PAGES];
static const uint64_t pfns[PAGES] = {0, 1, 511, 512, 1000, 1024, 1999, 2000, FRAMES - 1};

// The borders: pages 0-3 | 4-6 | none | 7-8
static const uint64_t borders[PARTS + 1] = {0, 600, 2000, 2000, FRAMES};

static struct build_kdump part(size_t i) {
    return (struct build_kdump){.frames = FRAMES,
                                .pages = pages,
                                .page_count = PAGES,
                                .vmcoreinfo = "CRASHTIME=7\n",
                                .seconds = 7,
                                .split = true,
                                .start_pfn = borders[i],
                                .end_pfn = borders[i + 1]};
}

// Opens files, cut at LEN bytes each (0: whole).
static int open_files(const struct bytes_out *b, const size_t *len, size_t count) {
    struct dump_file f[PARTS];
    const char *names[PARTS];
    for (size_t i = 0; i < count; i++) {
        f[i] = dump_file(b[i].p, len && len[i] ? len[i] : b[i].len);
        names[i] = f[i].path;
    }
    err_clear(&err);
    img = NULL;
    int rc = image_open(names, count, NULL, &img, &err);
    for (size_t i = 0; i < count; i++)
        dump_forget(&f[i]);
    return rc;
}

// The parts that ORDER names ("310"), each as the builder makes it.
static int open_parts(const char *order, const size_t *len) {
    struct bytes_out b[PARTS] = {0};
    size_t n = strlen(order);
    for (size_t i = 0; i < n; i++) {
        struct build_kdump k = part((size_t)(order[i] - '0'));
        b[i] = kdump_build(&k, NULL);
    }
    int rc = open_files(b, len, n);
    for (size_t i = 0; i < n; i++)
        free(b[i].p);
    return rc;
}

// By copy and by find: 0 the page, 1 another one, or the error of both.
static int page_is(size_t i) {
    uint8_t got[PAGE];
    struct image_run run;
    int rc = image_read(img, pfns[i] * PAGE, got, PAGE, &err);
    if (image_find(img, pfns[i] * PAGE, &run, NULL) != rc) return 2;
    if (rc) return rc;
    return memcmp(got, content[i], PAGE) != 0 || memcmp(run.host, content[i], PAGE) != 0;
}

static void all_pages(const char *what) {
    int wrong = 0;
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < PAGES; i++)
            wrong += page_is(i) != 0;
    is_int(wrong, 0, what);
}

static void test_whole(enum codec_id codec) {
    static const char *const orders[] = {"0123", "3210", "2031", "013"};
    for (size_t i = 0; i < PAGES; i++) {
        build_pattern(content[i], PAGE, (uint32_t)i);
        pages[i] = (struct build_page){pfns[i], content[i], codec};
    }
    memcpy(content[5], content[4], PAGE);
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (!is_int(open_parts(orders[i], NULL), 0, orders[i])) printf("# %s\n", err.text);
        all_pages("every page, from whichever part");
        ok(!img->facts.incomplete && img->facts.pages == PAGES, "whole");
        char format[64];
        snprintf(format, sizeof(format), "kdump-compressed v6, %s, %zu parts",
                 codec == CODEC_NONE ? "uncompressed" : codec_name(codec), strlen(orders[i]));
        is_str(img->facts.format, format, "and told");
        image_close(img);
    }
}

static void test_missing(void) {
    static const struct {
        const char *order;
        size_t first, last; // of the pages that are missing
        const char *format;
    } cases[] = {
        {"123", 0, 3, "3 parts; page frames 0x0-0x258 missing"},
        {"20", 4, 8, "2 parts; page frames 0x258-0x7d0 and others missing"},
        {"30", 4, 6, "2 parts; page frames 0x258-0x7d0 missing"},
        {"0", 4, 8, "1 part; page frames 0x258-0xbb8 missing"},
        {"2", 0, 8, "1 part; page frames 0x0-0x7d0 and others missing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(open_parts(cases[i].order, NULL), 0, cases[i].order);
        has_text(img->facts.format, cases[i].format, "what is missing is told");
        ok(img->facts.incomplete, "it is incomplete");
        int wrong = 0;
        for (size_t p = 0; p < PAGES; p++) {
            bool gone = p >= cases[i].first && p <= cases[i].last;
            wrong += page_is(p) != (gone ? KVM_EXCLUDED : 0);
        }
        is_int(wrong, 0, "the other pages are there");
        page_is(cases[i].first);
        has_text(err.text, "in a part of the split dump that is missing", "the reason is told");
        ok(err.has_addr && err.addr == pfns[cases[i].first] * PAGE, "with the address");
        image_close(img);
    }
}

// A part that is cut short makes the set incomplete, not another part.
static void test_cut(void) {
    struct build_kdump k = part(1);
    uint64_t descs;
    struct bytes_out b = kdump_build(&k, &descs);
    size_t len[2] = {0, (size_t)descs + 30}; // its first descriptor and a piece of the second
    is_int(open_parts("31", len), 0, "one part is cut short");
    ok(img->facts.incomplete, "the set is incomplete");
    is_int(page_is(4), KVM_EXCLUDED, "what was cut off is excluded");
    is_int(page_is(8), 0, "the other part has its pages");
    image_close(img);
    for (size_t cut = 0; cut < descs; cut += 512) {
        len[1] = cut ? cut : 1;
        is_int(open_parts("01", len), KVM_FORMAT, "cut before its pages");
    }
    free(b.p);
}

static void refused(struct build_kdump *k, int code, const char *words) {
    struct build_kdump first = part(0);
    struct bytes_out b[2] = {kdump_build(&first, NULL), kdump_build(k, NULL)};
    is_int(open_files(b, NULL, 2), code, words);
    has_text(err.text, words, "it says why");
    has_text(err.text, "/proc/self/fd/", "and names the file");
    free(b[0].p);
    free(b[1].p);
}

static void test_strangers(void) {
    is_int(open_parts("010", NULL), KVM_INVAL, "one part twice");
    has_text(err.text, "both have the page frames from 0x0 on", "is told");
    struct build_kdump k = part(1);
    k.start_pfn = 599;
    refused(&k, KVM_INVAL, "both have the page frames from 0x257 on");
    k = part(1);
    k.split = false;
    refused(&k, KVM_INVAL, "a dump of its own, not a part of one");
    k = part(1);
    k.vmcoreinfo = "CRASHTIME=8\n";
    refused(&k, KVM_INVAL, "their VMCOREINFO differs");
    k.vmcoreinfo = NULL;
    refused(&k, KVM_INVAL, "their VMCOREINFO differs");
    k = part(1);
    k.seconds = 8;
    refused(&k, KVM_INVAL, "other times");
    k = part(1);
    k.machine = "aarch64";
    refused(&k, KVM_INVAL, "other kernels, or machines");
    k = part(1);
    k.page_count = PAGES - 1;
    refused(&k, KVM_INVAL, "their bit maps differ");
    k = part(1);
    k.frames = FRAMES + 1;
    refused(&k, KVM_INVAL, "their headers differ");
    k = part(1);
    k.version = 5;
    refused(&k, KVM_INVAL, "their headers differ");
    k = part(1);
    k.big = true;
    refused(&k, KVM_INVAL, "their headers differ");
    k = part(1);
    k.end_pfn = FRAMES + 1;
    refused(&k, KVM_FORMAT, "part of page frames 0x258 to 0xbb9, of 0xbb8");
    k.end_pfn = 599;
    refused(&k, KVM_FORMAT, "part of page frames 0x258 to 0x257, of 0xbb8");
}

// Before version 6 the ranges are longs, of 4 bytes on 32-bit machines.
static void test_versions(void) {
    for (uint32_t version = 2; version <= 6; version++)
        for (uint8_t bits = 0; bits <= 33; bits = bits ? bits + 1 : 32) {
            struct bytes_out b[2];
            for (size_t i = 0; i < 2; i++) {
                struct build_kdump k = part(i);
                k.version = version;
                k.bits = bits;
                k.start_pfn = i ? borders[1] : 0;
                k.end_pfn = i ? FRAMES : borders[1];
                b[i] = kdump_build(&k, NULL);
            }
            char what[64];
            snprintf(what, sizeof(what), "version %u, %u bits", version, bits ? bits : 64);
            if (!is_int(open_files(b, NULL, 2), 0, what)) printf("# %s\n", err.text);
            all_pages("every page");
            image_close(img);
            free(b[0].p);
            free(b[1].p);
        }
}

int main(void) {
    for (int c = CODEC_NONE; c < CODEC_COUNT; c++)
        if (codec_built_in((enum codec_id)c)) test_whole((enum codec_id)c);
    test_missing();
    test_cut();
    test_strangers();
    test_versions();
    return done();
}
