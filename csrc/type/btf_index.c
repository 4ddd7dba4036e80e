// SPDX-License-Identifier: BSD-2-Clause
// BTF's header, and its index: where each type starts, so that everything else is decoded in place. Types
// are indexed in order: all at once when they are in memory; as far as questions need when they are
// in a target's, where each part has to be read (and decompressed) first.
//
// Documentation/bpf/btf.rst and include/uapi/linux/btf.h of Linux 6.12; the layout section and the
// wider vlen and kind fields of Linux 7.1 (commit 222edc843c15). Kinds newer than that are stepped
// over where the blob has a layout section.
#include "type/btf.h"

#include "base/mem.h"

#include <string.h>

#define BTF_MAGIC        0xeb9f
#define HEADER_MIN       24
#define HEADER_LAYOUT    32           // with layout_off and layout_len
#define BLOB_MAX         (256u << 20) // kernels have 3 to 6 MB
#define LAYOUT_ITEM_SIZE 4

static const struct {
    uint8_t kind, fixed, item;
} kind_sizes[] = {
    {BTF_INT, 4, 0},        {BTF_PTR, 0, 0},      {BTF_ARRAY, 12, 0},   {BTF_STRUCT, 0, 12},
    {BTF_UNION, 0, 12},     {BTF_ENUM, 0, 8},     {BTF_FWD, 0, 0},      {BTF_TYPEDEF, 0, 0},
    {BTF_VOLATILE, 0, 0},   {BTF_CONST, 0, 0},    {BTF_RESTRICT, 0, 0}, {BTF_FUNC, 0, 0},
    {BTF_FUNC_PROTO, 0, 8}, {BTF_VAR, 4, 0},      {BTF_DATASEC, 0, 12}, {BTF_FLOAT, 0, 0},
    {BTF_DECL_TAG, 4, 0},   {BTF_TYPE_TAG, 0, 0}, {BTF_ENUM64, 0, 12},
};

// LEN bytes at OFF behind the header.
static const uint8_t *section(const struct btf *b, uint32_t header, uint32_t off, uint32_t len) {
    uint64_t at = (uint64_t)header + off;
    return mem_inside(at, len, b->len) ? b->bytes + at : NULL;
}

// struct btf_layout of each kind: u8 size behind btf_type, u8 size of an item, u16 flags.
static int read_layout(struct btf *b, uint32_t header, struct kvm_err *err) {
    if (header < HEADER_LAYOUT) return 0;
    uint32_t off = bytes_u32(b->bytes + 24, b->big), len = bytes_u32(b->bytes + 28, b->big);
    const uint8_t *p = section(b, header, off, len);
    if (!p) return err_set(err, KVM_FORMAT, "BTF: the layout section lies outside of the data");
    uint32_t count = len / LAYOUT_ITEM_SIZE;
    if (count > BTF_KINDS_MAX) count = BTF_KINDS_MAX;
    if (b->virt.read) {
        int rc = reader_read(&b->virt, b->addr + (uint64_t)(p - b->bytes), (void *)(uintptr_t)p,
                             (size_t)count * LAYOUT_ITEM_SIZE, err);
        if (rc) return rc;
    }
    for (uint32_t kind = BTF_KINDS_KNOWN; kind < count; kind++) {
        b->fixed[kind] = p[(size_t)kind * LAYOUT_ITEM_SIZE];
        b->item[kind] = p[(size_t)kind * LAYOUT_ITEM_SIZE + 1];
        b->known[kind] = true;
    }
    return 0;
}

// --- reading as needed

// Has the first WANT bytes of a section, of which *there are there and TOTAL exist.
static int have(struct btf *b, const void *section, uint32_t *there, uint64_t want, uint32_t total,
                struct kvm_err *err) {
    enum { STEP = 1 << 16 };
    if (want <= *there || !b->virt.read) return 0; // all of it is there
    uint64_t to = (want + STEP - 1) / STEP * STEP;
    if (to > total) to = total;
    uint8_t *p = (uint8_t *)(uintptr_t)section + *there;
    int rc =
        reader_read(&b->virt, b->addr + (uint64_t)(p - b->bytes), p, (size_t)(to - *there), err);
    if (rc == 0) *there = (uint32_t)to;
    return rc;
}

static int own_string(struct btf *b, uint32_t off, const char **out, struct kvm_err *err) {
    for (uint64_t len = 64;; len *= 2) { // most names are shorter; the last byte of all is a NUL
        uint64_t end = off + len < b->strings_len ? off + len : b->strings_len;
        int rc = have(b, b->strings, &b->strings_have, end, b->strings_len, err);
        if (rc) return rc;
        *out = b->strings + off;
        if (end == b->strings_len || memchr(*out, 0, (size_t)(end - off))) return 0;
    }
}

int btf_string(struct btf *b, uint32_t off, const char **out, struct kvm_err *err) {
    if (off >= b->strings_below) return own_string(b, off - b->strings_below, out, err);
    return own_string(b->distilled ? b->distilled : b->base, off, out, err);
}

static int read_magic(struct btf *b, struct kvm_err *err) {
    if (b->len < 2) return err_set(err, KVM_FORMAT, "BTF: no data");
    b->big = bytes_u16(b->bytes, true) == BTF_MAGIC;
    if (!b->big && bytes_u16(b->bytes, false) != BTF_MAGIC)
        return err_set(err, KVM_FORMAT, "BTF: wrong magic 0x%04x", bytes_u16(b->bytes, false));
    if (b->len < HEADER_MIN)
        return err_set(err, KVM_FORMAT, "BTF: the header is cut off at %zu bytes", b->len);
    if (b->len > BLOB_MAX) return err_set(err, KVM_FORMAT, "BTF: %zu bytes are absurd", b->len);
    if (b->bytes[2] != 1)
        return err_set(err, KVM_UNSUPPORTED, "BTF: version %u; 1 is read", b->bytes[2]);
    return 0;
}

// The last byte of the strings is looked at by itself, so that no name runs on behind them. Split BTF may have none,
// and goes on where its base ends: with any name.
static int check_strings(struct btf *b, struct kvm_err *err) {
    const uint8_t *strings = (const uint8_t *)b->strings;
    uint64_t at = b->addr + (uint64_t)(strings - b->bytes);
    uint32_t len = b->strings_len;
    uint8_t first = 1, last = 1;
    if (len == 0 && b->base) return 0;
    if (len && b->virt.read) {
        int rc = reader_u8(&b->virt, at, &first, err);
        if (rc == 0) rc = reader_u8(&b->virt, at + len - 1, &last, err);
        if (rc) return rc;
    } else if (len) {
        first = strings[0];
        last = strings[len - 1];
    }
    if (last != 0) return err_set(err, KVM_FORMAT, "BTF: the strings do not end with a NUL");
    if (first == 0 || b->base) return 0;
    return err_set(
        err, KVM_UNSUPPORTED,
        "BTF: the strings do not start with a NUL: these are types of a module, which build "
        "on the kernel's");
}

static int read_header(struct btf *b, struct kvm_err *err) {
    int rc = read_magic(b, err);
    if (rc) return rc;
    uint32_t f[5]; // hdr_len, type_off, type_len, str_off, str_len
    for (int i = 0; i < 5; i++)
        f[i] = bytes_u32(b->bytes + 4 + 4 * i, b->big);
    if (f[0] < HEADER_MIN || f[0] > b->len)
        return err_set(err, KVM_FORMAT, "BTF: header length %u", f[0]);
    b->types = section(b, f[0], f[1], f[2]);
    b->types_len = f[2];
    if (!b->types) return err_set(err, KVM_FORMAT, "BTF: the types lie outside of the data");
    b->strings = (const char *)section(b, f[0], f[3], f[4]);
    b->strings_len = f[4];
    if (!b->strings) return err_set(err, KVM_FORMAT, "BTF: the strings lie outside of the data");
    if (!b->virt.read) {
        b->types_have = b->types_len;
        b->strings_have = b->strings_len;
    }
    rc = check_strings(b, err);
    if (rc) return rc;
    for (size_t i = 0; i < sizeof(kind_sizes) / sizeof(kind_sizes[0]); i++) {
        unsigned kind = kind_sizes[i].kind;
        b->fixed[kind] = kind_sizes[i].fixed;
        b->item[kind] = kind_sizes[i].item;
        b->known[kind] = true;
    }
    return read_layout(b, f[0], err);
}

// BTF does not tell the size of pointers; in all of Linux's ABIs it is that of long.
static int note_int(struct btf *b, const struct btf_record *r, struct kvm_err *err) {
    static const char *const longs[] = {"long unsigned int", "unsigned long", "long int", "long"};
    const char *name;
    if (b->pointer_size || (r->size_or_type != 4 && r->size_or_type != 8)) return 0;
    int rc = btf_string(b, r->name, &name, err);
    for (size_t i = 0; rc == 0 && i < sizeof(longs) / sizeof(longs[0]); i++) {
        if (strcmp(name, longs[i]) == 0) b->pointer_size = (uint8_t)r->size_or_type;
    }
    return rc;
}

static int unknown_kind(uint32_t id, unsigned kind, struct kvm_err *err) {
    if (kind == 0) return err_set(err, KVM_FORMAT, "BTF: type %u is of kind 0", id);
    return err_set(err, KVM_UNSUPPORTED, "BTF: type %u is of unknown kind %u", id, kind);
}

// The type at b->at gets the id behind b->last.
static int index_type(struct btf *b, struct kvm_err *err) {
    uint32_t at = b->at, id = b->last + 1;
    struct btf_record r;
    int rc = have(b, b->types, &b->types_have, (uint64_t)at + BTF_TYPE_SIZE, b->types_len, err);
    if (rc) return rc;
    btf_decode(b, b->types + at, &r);
    if (!b->known[r.kind]) return unknown_kind(id, r.kind, err);
    if (!btf_has_string(b, r.name))
        return err_set(err, KVM_FORMAT, "BTF: the name of type %u lies outside", id);
    uint64_t size = BTF_TYPE_SIZE + b->fixed[r.kind] + (uint64_t)b->item[r.kind] * r.vlen;
    if (size > b->types_len - at)
        return err_set(err, KVM_FORMAT, "BTF: type %u with %u items is cut off", id, r.vlen);
    rc = have(b, b->types, &b->types_have, at + size, b->types_len, err);
    if (rc == 0 && r.kind == BTF_INT) rc = note_int(b, &r, err);
    if (rc) return rc;
    if (r.kind == BTF_ENUM64 || (r.kind == BTF_ENUM && r.flag)) b->enum_signs = true;
    b->offsets[id] = at;
    b->at = at + (uint32_t)size;
    b->last = id;
    return 0;
}

// What once failed stays failed.
int btf_index_to(struct btf *b, uint32_t number) {
    while (b->error.code == 0 && !b->complete && b->last < number) {
        uint32_t left = b->types_len - b->at;
        b->complete = left < BTF_TYPE_SIZE;
        if (!b->complete)
            index_type(b, &b->error);
        else if (left)
            err_set(&b->error, KVM_FORMAT, "BTF: %u bytes behind the last type", left);
    }
    return b->error.code;
}

static int failed(const struct btf *b, struct kvm_err *err) {
    if (err) *err = b->error;
    return b->error.code;
}

int btf_reach(struct btf *b, uint32_t number, struct kvm_err *err) {
    if (number <= b->last) return 0;
    if (btf_index_to(b, number)) return failed(b, err);
    if (number <= b->last) return 0;
    return err_set(err, KVM_FORMAT, "BTF: reference to type %u of %u", number, b->last);
}

int btf_index_all(struct btf *b, struct kvm_err *err) {
    return btf_index_to(b, UINT32_MAX) ? failed(b, err) : 0;
}

int btf_index_create(struct btf *b, struct kvm_err *err) {
    int rc = read_header(b, err);
    if (rc) return rc;
    // At most this many types; what of it is not written is never backed by memory.
    size_t most = b->types_len / BTF_TYPE_SIZE + 1;
    b->offsets = mem_alloc(most * sizeof(*b->offsets));
    b->next = mem_alloc(most * sizeof(*b->next));
    if (!b->offsets || !b->next) return err_nomem(err, "the index of BTF");
    b->offsets[0] = 0;
    return b->virt.read ? 0 : btf_index_all(b, err);
}

void btf_index_destroy(struct btf *b) {
    mem_free(b->offsets);
    mem_free(b->next);
    btf_names_deinit(&b->tags);
    btf_names_deinit(&b->values);
}
