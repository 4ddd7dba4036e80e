// SPDX-License-Identifier: BSD-2-Clause
// base/file: a mapped file, and a layer that gives its bytes in small pieces and has lost some of them.
#include "base/file.h"

#include "dump_build.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void test_mapped(void) {
    struct dump_file d = dump_file("0123456789", 10);
    struct file *f = NULL;
    struct file_piece p;
    const uint8_t *at;
    uint8_t buf[16] = {0};
    is_int(file_open(d.path, false, &f, NULL), 0, "a file opens");
    is_int((int64_t)f->size, 10, "with its size");
    is_int(file_piece(f, 3, &p, NULL), 0, "a piece");
    ok(p.len == 7 && memcmp(p.at, "3456789", 7) == 0, "goes to the end");
    ok(*p.stamp == p.stamp_value, "and does not age");
    is_int(file_piece(f, 10, &p, NULL), KVM_NOTFOUND, "nothing at the end");
    is_int(file_view(f, 4, 3, buf, &at, NULL), 0, "a view");
    ok(at == f->map + 4 && buf[0] == 0, "is the mapping itself");
    is_int(file_read(f, 8, buf, 2, NULL), 0, "the last bytes");
    ok(memcmp(buf, "89", 2) == 0, "are copied");
    is_int(file_read(f, 8, buf, 3, NULL), KVM_NOTFOUND, "but not over the end");
    is_int(file_read(f, UINT64_MAX, buf, 2, NULL), KVM_NOTFOUND, "nor around it");
    is_int(file_read(f, 10, buf, 0, NULL), 0, "nothing may be read anywhere in the file");
    is_int((int64_t)file_head(f, buf, 16), 10, "the head is as long as the file");
    is_int((int64_t)file_available(f, 7, 100), 3, "what is left of it");
    is_int((int64_t)file_available(f, 11, 1), 0, "nothing behind it");
    is_int(file_write(f, 0, "x", 1, NULL), KVM_INVAL, "not open for writing");
    file_close(f);
    is_int(file_open(d.path, true, &f, NULL), 0, "open for writing");
    is_int(file_write(f, 9, "x", 1, NULL), 0, "the last byte");
    is_int(f->map[9], 'x', "shows in the mapping");
    is_int(file_write(f, 9, "xy", 2, NULL), KVM_INVAL, "no byte more");
    file_close(f);
    is_int(file_from_fd(open("/dev/null", O_RDONLY | O_CLOEXEC), "name", &f, NULL), 0,
           "the null device");
    ok(f->null && f->size == 0 && strcmp(f->path, "name") == 0, "under the name that was given");
    file_close(f);
    dump_forget(&d);
}

// A layer of 8 bytes, "abcdefgh", in pieces of 3; the last two are cut off.
enum { LAYER_SIZE = 8, LAYER_HAS = 6, LAYER_PIECE = 3 };
static int closed;

static int layer_read(const struct file *f, uint64_t off, void *buf, size_t len,
                      struct kvm_err *err) {
    if (off + len > LAYER_HAS) return err_set(err, KVM_EXCLUDED, "cut off");
    memcpy(buf, (const char *)f->priv + off, len);
    return 0;
}

static int layer_piece(const struct file *f, uint64_t off, struct file_piece *out,
                       struct kvm_err *err) {
    if (off >= LAYER_HAS) return err_set(err, KVM_EXCLUDED, "cut off");
    *out = (struct file_piece){(const uint8_t *)f->priv + off, LAYER_PIECE - off % LAYER_PIECE,
                               &file_fixed_stamp, file_fixed_stamp};
    return 0;
}

static void layer_close(struct file *f) {
    free(f->priv);
    closed++;
}

static const struct file_ops layer_ops = {layer_piece, layer_read, layer_close};

static void test_layer(void) {
    struct dump_file d = dump_file("under", 5);
    struct file *under = NULL, *f = NULL;
    struct file_piece p;
    struct kvm_err err = {0};
    const uint8_t *at;
    uint8_t buf[8] = {0};
    file_open(d.path, false, &under, NULL);
    is_int(file_layer_create(under, &layer_ops, "test", LAYER_SIZE, &f, &err), 0, "a layer");
    f->priv = strdup("abcdefgh");
    is_str(f->path, d.path, "has the name of what is under it");
    is_int(file_piece(f, 1, &p, &err), 0, "a piece");
    ok(p.len == 2 && memcmp(p.at, "bc", 2) == 0, "is as long as the layer says");
    is_int(file_view(f, 2, 4, buf, &at, &err), 0, "a view over two pieces");
    ok(at == buf && memcmp(buf, "cdef", 4) == 0, "is a copy");
    is_int(file_read(f, 5, buf, 2, &err), KVM_EXCLUDED, "what was cut off is told as such");
    is_int(file_piece(f, 6, &p, &err), KVM_EXCLUDED, "also as a piece");
    is_int(file_read(f, 7, buf, 2, &err), KVM_NOTFOUND, "and the end is the end");
    is_int((int64_t)file_head(f, buf, 8), 0, "a head that is not all there is none");
    is_int((int64_t)file_head(f, buf, 6), 6, "a shorter one is");
    is_int(file_write(f, 0, "x", 1, &err), KVM_INVAL, "a layer can't be written");
    file_close(f);
    is_int(closed, 1, "it is closed with what is under it");
    dump_forget(&d);
}

int main(void) {
    test_mapped();
    test_layer();
    return done();
}
