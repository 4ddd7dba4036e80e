// SPDX-License-Identifier: BSD-2-Clause
// The layer that leaves libvirt's header out (fmt/libvirt_save.h; libvirt 9.0, qemu_saveimage.h): 16 bytes of magic, 19
// words of 32 bits in the host's byte order (version 2 or 1, length of the XML and the cookie behind it, ...), the
// XML, the stream. Which compression the header names does not matter: the stream's first bytes tell. "LibvirtQemudPart" is
// one whose writing did not end.
#include "fmt/libvirt_save.h"

#include "base/bytes.h"
#include "base/mem.h"

enum { MAGIC = 16, HEADER = MAGIC + 19 * 4 };

static bool probe(const struct file *f) {
    uint8_t head[MAGIC];
    return file_head(f, head, MAGIC) == MAGIC && (memcmp(head, "LibvirtQemudSave", MAGIC) == 0 ||
                                                  memcmp(head, "LibvirtQemudPart", MAGIC) == 0);
}

static uint64_t start(const struct file *f) {
    return f->under->size - f->size;
}

static int piece(const struct file *f, uint64_t off, struct file_piece *out, struct kvm_err *err) {
    return file_piece(f->under, start(f) + off, out, err);
}

static int read_bytes(const struct file *f, uint64_t off, void *buf, size_t len,
                      struct kvm_err *err) {
    return file_read(f->under, start(f) + off, buf, len, err);
}

static void close_layer(struct file *f) {
    (void)f;
}

static const struct file_ops ops = {.piece = piece, .read = read_bytes, .close = close_layer};

static int open_layer(struct file *under, const struct progress *progress, struct file **out,
                      struct kvm_err *err) {
    uint8_t h[HEADER];
    (void)progress;
    if (file_head(under, h, HEADER) < HEADER)
        return err_set(err, KVM_FORMAT, "its header is cut off");
    uint32_t little = bytes_u32(h + MAGIC, false), big_version = bytes_u32(h + MAGIC, true);
    bool big = big_version < little;
    uint32_t version = big ? big_version : little;
    if (version != 1 && version != 2)
        return err_set(err, KVM_UNSUPPORTED, "version %u; 1 and 2 are known", version);
    uint64_t from = HEADER + (uint64_t)bytes_u32(h + MAGIC + 4, big);
    if (from >= under->size) return err_set(err, KVM_FORMAT, "cut off in front of the stream");
    int rc = file_layer_create(under, &ops, "libvirt save", under->size - from, out, err);
    if (rc == 0 && h[12] == 'P') (*out)->cut = true;
    return rc;
}

const struct file_layer libvirt_save_layer = {
    .name = "libvirt save", .probe = probe, .open = open_layer};
