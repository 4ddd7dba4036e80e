// SPDX-License-Identifier: BSD-2-Clause
// fmt/notes: what is found, padding of every kind, and notes that run past the end.
#include "fmt/notes.h"

#include "base/mem.h"
#include "dump_build.h"
#include "tap.h"

#include <stdlib.h>

static struct bytes_out build(bool big) {
    static const uint8_t regs[336] = {1, 2, 3};
    static const uint8_t qemu[16] = "qemu state";
    struct bytes_out b = {.big = big};
    out_note(&b, "CORE", 1, regs, sizeof(regs));
    out_zero(&b, 12); // a CPU that did not answer
    out_note(&b, "CORE", 1, regs, 10);
    out_note(&b, "CORE", 3, regs, 8); // not a PRSTATUS
    out_note(&b, "LINUX", 1, regs, 8);
    out_note(&b, "QEMU", 0, qemu, sizeof(qemu));
    out_note(&b, "VMCOREINFO", 0, "OSRELEASE=6.1\n", 14);
    out_note(&b, "VMCOREINFO", 0, "OSRELEASE=9.9\n", 14); // only the first counts
    return b;
}

static void test_good(bool big) {
    struct bytes_out b = build(big);
    struct dump_notes n = {0};
    struct kvm_err err = {0};
    is_int(notes_parse(&n, b.p, b.len, big, &err), 0, big ? "big-endian notes" : "notes");
    is_int((int64_t)n.prstatus_count, 2, "two CPUs left registers");
    ok(n.prstatus[0].len == 336 && n.prstatus[0].desc[2] == 3, "the first one's");
    is_int((int64_t)n.prstatus[1].len, 10, "the second one's, of odd length");
    is_int((int64_t)n.qemu_count, 1, "QEMU's state");
    is_str((const char *)n.qemu[0].desc, "qemu state", "and its bytes");
    ok(n.vmcoreinfo.len == 14 && memcmp(n.vmcoreinfo.text, "OSRELEASE=6.1", 13) == 0,
       "the first VMCOREINFO");
    ok(n.big == big && n.blob_count == 1 && n.blobs[0].desc == b.p && n.blobs[0].len == b.len,
       "the blob itself");
    is_int(notes_parse(&n, b.p, b.len, big, &err), 0, "a second blob");
    is_int((int64_t)n.prstatus_count, 4, "adds its notes");
    is_int((int64_t)n.blob_count, 2, "and is remembered");
    notes_deinit(&n);
    ok(!n.prstatus && n.prstatus_count == 0, "deinit leaves it empty");
    is_int(notes_parse(&n, b.p, b.len, !big, &err), KVM_FORMAT, "the wrong byte order is refused");
    is_int((int64_t)n.prstatus_count, 0, "and nothing was found in it");
    notes_deinit(&n);
    free(b.p);
}

static void test_truncation(void) {
    struct bytes_out b = {0};
    out_note(&b, "CORE", 1, "0123456789", 10);
    size_t first = b.len;
    out_note(&b, "VMCOREINFO", 0, "A=1\n", 4);
    int wrong = 0;
    for (size_t len = 0; len <= b.len; len++) {
        uint8_t *copy = malloc(len ? len : 1);
        memcpy(copy, b.p, len);
        struct dump_notes n = {0};
        struct kvm_err err = {0};
        int rc = notes_parse(&n, copy, len, false, &err);
        // The two bytes of padding behind the first descriptor may be missing.
        bool good = len == 0 || (len >= first - 2 && len <= first) || len == b.len;
        wrong += rc != (good ? 0 : KVM_FORMAT);
        wrong += n.prstatus_count != (len >= first - 2);
        wrong += (n.vmcoreinfo.text != NULL) != (len == b.len);
        if (rc) wrong += n.blobs[0].len != (len > first ? first : 0) || !strstr(err.text, "past");
        notes_deinit(&n);
        free(copy);
    }
    is_int(wrong, 0, "cut short at every byte: what came before is kept, the cut is an error");
    free(b.p);
}

static void test_sizes(void) {
    static const uint32_t sizes[] = {0x7fffffff, 0xfffffffc, 0xfffffffd, 0xffffffff, 13};
    struct kvm_err err = {0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int field = 0; field < 2; field++) {
            struct bytes_out b = {0};
            out_u32(&b, field == 0 ? sizes[i] : 5);
            out_u32(&b, field == 1 ? sizes[i] : 4);
            out_u32(&b, 1);
            out_put(&b, "CORE\0\0\0\0desc", 12);
            struct dump_notes n = {0};
            is_int(notes_parse(&n, b.p, b.len, false, &err), KVM_FORMAT, "an absurd size");
            is_int((int64_t)n.prstatus_count, 0, "gives no note");
            notes_deinit(&n);
            free(b.p);
        }
    }
    struct dump_notes n = {0};
    uint8_t zeros[100] = {0};
    is_int(notes_parse(&n, zeros, sizeof(zeros), false, &err), 0, "zeros are padding");
    zeros[98] = 1;
    is_int(notes_parse(&n, zeros, sizeof(zeros), false, &err), KVM_FORMAT, "a tail is not");
    is_int(notes_parse(&n, zeros, 0, false, &err), 0, "nothing is no note");
    notes_deinit(&n);
}

// What each key would be looked up in: no longer than the limit.
static void test_long_vmcoreinfo(void) {
    char *text = calloc(1, VMCOREINFO_MOST + 1);
    for (size_t over = 0; over < 2 && text; over++) {
        struct bytes_out b = {0};
        struct dump_notes n = {0};
        struct kvm_err err = {0};
        out_note(&b, "VMCOREINFO", 0, text, VMCOREINFO_MOST + over);
        is_int(notes_parse(&n, b.p, b.len, false, &err), over ? KVM_FORMAT : 0,
               over ? "a VMCOREINFO that is too long" : "the longest VMCOREINFO");
        ok((n.vmcoreinfo.text == NULL) == (over == 1), "is told apart");
        notes_deinit(&n);
        free(b.p);
    }
    free(text);
}

static void test_memory(void) {
    struct bytes_out b = build(false);
    for (unsigned long i = 1; i <= 3; i++) {
        struct dump_notes n = {0};
        struct kvm_err err = {0};
        mem_fail_from(i);
        is_int(notes_parse(&n, b.p, b.len, false, &err), KVM_NOMEM, "out of memory");
        mem_fail_from(0);
        notes_deinit(&n);
    }
    free(b.p);
}

int main(void) {
    test_good(false);
    test_good(true);
    test_truncation();
    test_sizes();
    test_long_vmcoreinfo();
    test_memory();
    return done();
}
