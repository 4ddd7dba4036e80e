// SPDX-License-Identifier: BSD-2-Clause
// Flattened dumps: what the layer says of its first bytes, in pieces and copied, is what writing the records one after
// the other gives. The first byte of the input is whether the header is the input's own.
#include "base/bytes.h"
#include "fmt/flattened.h"
#include "fuzz.h"

enum { HEADER = 4096, MODEL = 1 << 16, BLOCK = 4096, OWN_HEADER = 0x80 };

struct model {
    uint8_t bytes[MODEL];
    uint8_t seen[MODEL]; // some record has it
};

static void replay(struct model *m, const uint8_t *p, size_t len) {
    memset(m, 0, sizeof(*m));
    for (size_t pos = 0; len - pos >= 16;) {
        uint64_t at = bytes_u64(p + pos, true), size = bytes_u64(p + pos + 8, true);
        if (at == UINT64_MAX || (at == 0 && size == 0)) return;
        pos += 16;
        uint64_t n = size < len - pos ? size : len - pos;
        for (uint64_t i = 0; i < n && at < MODEL && at + i < MODEL; i++) {
            m->bytes[at + i] = p[pos + i];
            m->seen[at + i] = 1;
        }
        if (n < size) return;
        pos += n;
    }
}

static void compare(const struct file *f, const struct model *m) {
    static uint8_t copy[MODEL];
    uint64_t end = f->size < MODEL ? f->size : MODEL;
    for (uint64_t off = 0; off < end;) {
        struct file_piece p;
        struct kvm_err err = {0};
        int rc = file_piece(f, off, &p, &err);
        fuzz_check(rc, &err);
        if (rc) { // cut off: nothing was there
            if (rc != KVM_EXCLUDED || !f->cut || m->seen[off]) abort();
            while (off < end && !m->seen[off])
                off++;
            if (file_read(f, off - 1, copy, 1, NULL) != KVM_EXCLUDED) abort();
            continue;
        }
        if (p.len == 0 || p.len > f->size - off) abort();
        size_t n = (size_t)(p.len < end - off ? p.len : end - off);
        if (memcmp(p.at, m->bytes + off, n) != 0) abort();
        if (file_read(f, off, copy, n, NULL) || memcmp(copy, m->bytes + off, n) != 0) abort();
        off += n;
    }
    uint8_t room[24];
    const uint8_t *view;
    if (end > 40 && file_view(f, end - 40, 24, room, &view, NULL) == 0 &&
        memcmp(view, m->bytes + end - 40, 24) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct model m;
    if (size < 1 || size > MODEL) return 0;
    bool own = data[0] & OWN_HEADER;
    uint8_t *whole = calloc(1, HEADER + size);
    memcpy(whole, "makedumpfile\0\0\0", 16);
    whole[23] = whole[31] = 1;
    size_t from = own ? 0 : HEADER;
    memcpy(whole + from, data + 1, size - 1);
    char path[32];
    int fd = fuzz_file(whole, from + size - 1, path);
    struct file *under = NULL, *f = NULL;
    struct kvm_err err = {0};
    if (file_open(path, false, &under, NULL)) abort();
    if (flattened_layer.probe(under)) {
        int rc = flattened_layer.open(under, NULL, &f, &err);
        fuzz_check(rc, &err);
        if (rc == 0) {
            size_t len = from + size - 1;
            replay(&m, whole + HEADER, len > HEADER ? len - HEADER : 0);
            compare(f, &m);
        }
    }
    file_close(f ? f : under);
    close(fd);
    free(whole);
    return 0;
}
