// SPDX-License-Identifier: BSD-2-Clause
// QEMU's migration stream, version 3, all numbers big-endian (QEMU 7.2: migration/savevm.c, migration/ram.c; looked at
// in streams of `migrate exec:cat`). Behind the header and the machine's name there are sections; those of RAM come
// first and are made of records: a word with a page's address and, in its low bits, flags; the name of the block unless it
// is that of the record before; the page. What follows the last of them is the state of devices, which is not read: how
// long it is, only QEMU knows.
#include "image/migration_stream.h"

#include "base/bytes.h"

#include <string.h>

enum {
    VERSION = 3,
    NAME = 256, // with the NUL
    TELL_EVERY = 1 << 14,
    // sections
    SECTION_START = 1,
    SECTION_PART = 2,
    SECTION_END = 3,
    SECTION_CONFIGURATION = 7,
    SECTION_FOOTER = 0x7e,
    // flags of a record
    FLAG_ZERO = 0x02,
    FLAG_MEM_SIZE = 0x04,
    FLAG_PAGE = 0x08,
    FLAG_EOS = 0x10,
    FLAG_CONTINUE = 0x20,
};

static const struct {
    uint64_t flag;
    const char *name;
} unread[] = {{0x40, "XBZRLE"}, {0x80, "RDMA"}, {0x100, "compressed pages"}, {0x200, "multifd"}};

struct stream {
    const struct file *f;
    const struct migration_visitor *v;
    const struct progress *progress;
    struct kvm_err *err;
    uint64_t at;
    uint64_t records;
    uint32_t ram; // the number of the RAM section
    bool has_ram;
    char block[NAME];
};

bool migration_magic(const struct file *f) {
    uint8_t head[4];
    return file_head(f, head, sizeof(head)) == sizeof(head) && memcmp(head, "QEVM", 4) == 0;
}

// NOTFOUND, EXCLUDED: the stream ends here.
static int take(struct stream *s, void *buf, size_t len) {
    int rc = file_read(s->f, s->at, buf, len, s->err);
    if (rc == 0) s->at += len;
    return rc;
}

static int take_u8(struct stream *s, uint8_t *out) {
    return take(s, out, 1);
}
static int take_u32(struct stream *s, uint32_t *out) {
    uint8_t b[4];
    int rc = take(s, b, sizeof(b));
    if (rc == 0) *out = bytes_u32(b, true);
    return rc;
}
static int take_u64(struct stream *s, uint64_t *out) {
    uint8_t b[8];
    int rc = take(s, b, sizeof(b));
    if (rc == 0) *out = bytes_u64(b, true);
    return rc;
}
static int take_name(struct stream *s, char name[NAME]) {
    uint8_t len;
    int rc = take_u8(s, &len);
    if (rc == 0) rc = take(s, name, len);
    if (rc == 0) name[len] = '\0';
    return rc;
}

static int damaged(const struct stream *s, const char *what, uint64_t value) {
    return err_set(s->err, KVM_FORMAT, "at byte %llu: %s 0x%llx", (unsigned long long)s->at, what,
                   (unsigned long long)value);
}

// --- records

// The list of blocks: TOTAL bytes of RAM.
static int read_blocks(struct stream *s, uint64_t total) {
    int rc = 0;
    for (uint64_t seen = 0; rc == 0 && seen < total;) {
        char name[NAME];
        uint64_t size = 0;
        rc = take_name(s, name);
        if (rc == 0) rc = take_u64(s, &size);
        if (rc == 0 && (size == 0 || size > total - seen))
            rc = damaged(s, "a block of bytes", size);
        if (rc == 0) rc = s->v->block(s->v->ctx, name, size, s->err);
        seen += size;
    }
    return rc;
}

static int read_page(struct stream *s, uint64_t at, bool zero) {
    uint8_t fill = 0;
    int rc = zero ? take_u8(s, &fill) : 0;
    if (rc) return rc;
    if (fill) return err_set(s->err, KVM_UNSUPPORTED, "pages of one byte that is not zero");
    if (!zero && file_available(s->f, s->at, MIGRATION_PAGE) < MIGRATION_PAGE)
        return err_set(s->err, KVM_NOTFOUND, "cut short");
    rc = s->v->page(s->v->ctx, s->block, at, zero, s->at, s->err);
    if (!zero) s->at += MIGRATION_PAGE;
    return rc;
}

static int refuse(const struct stream *s, uint64_t flags) {
    for (size_t i = 0; i < sizeof(unread) / sizeof(unread[0]); i++)
        if (flags & unread[i].flag)
            return err_set(s->err, KVM_UNSUPPORTED,
                           "%s in the stream: migrate anew without, or take dump-guest-memory",
                           unread[i].name);
    return damaged(s, "a record with flags", flags);
}

// Records until the end of the section.
static int read_records(struct stream *s) {
    for (;;) {
        uint64_t word;
        int rc = 0;
        if (s->records++ % TELL_EVERY == 0)
            rc = progress_tell(s->progress, "indexing", s->at, s->f->size, s->err);
        if (rc == 0) rc = take_u64(s, &word);
        if (rc) return rc;
        uint64_t flags = word % MIGRATION_PAGE, at = word - flags;
        bool same = flags & FLAG_CONTINUE;
        flags &= ~(uint64_t)FLAG_CONTINUE;
        if (flags == FLAG_EOS) return 0;
        if (flags == FLAG_MEM_SIZE)
            rc = read_blocks(s, at);
        else if (flags != FLAG_PAGE && flags != FLAG_ZERO)
            rc = refuse(s, flags);
        else if (!same)
            rc = take_name(s, s->block);
        if (rc == 0 && flags != FLAG_MEM_SIZE) rc = read_page(s, at, flags == FLAG_ZERO);
        if (rc) return rc;
    }
}

// --- sections

// A section that is not RAM, before RAM's end: its length is not told.
static int other_section(const struct stream *s, const char *name) {
    return err_set(s->err, KVM_UNSUPPORTED, "section \"%s\" stands in front of the memory", name);
}

static int read_start(struct stream *s) {
    char name[NAME];
    uint32_t number, instance, version;
    int rc = take_u32(s, &number);
    if (rc == 0) rc = take_name(s, name);
    if (rc == 0) rc = take_u32(s, &instance);
    if (rc == 0) rc = take_u32(s, &version);
    if (rc) return rc;
    if (strcmp(name, "ram") != 0) return other_section(s, name);
    if (version != 4) return err_set(s->err, KVM_UNSUPPORTED, "memory of version %u", version);
    s->ram = number;
    s->has_ram = true;
    return 0;
}

static int read_number(struct stream *s) {
    uint32_t number;
    int rc = take_u32(s, &number);
    if (rc == 0 && (!s->has_ram || number != s->ram)) rc = damaged(s, "section number", number);
    return rc;
}

static int read_configuration(struct stream *s) {
    uint32_t len;
    char name[NAME];
    int rc = take_u32(s, &len);
    if (rc == 0 && len >= NAME) rc = damaged(s, "a machine's name of bytes", len);
    if (rc == 0) rc = take(s, name, len);
    if (rc) return rc;
    name[len] = '\0';
    return s->v->machine(s->v->ctx, name, s->err);
}

// *END: memory ends with this section.
static int read_section(struct stream *s, bool *end) {
    uint8_t type, footer;
    int rc = take_u8(s, &type);
    if (rc) return rc;
    if (type == SECTION_CONFIGURATION) return read_configuration(s);
    if (type != SECTION_START && type != SECTION_PART && type != SECTION_END)
        return damaged(s, "a section of type", type);
    rc = type == SECTION_START ? read_start(s) : read_number(s);
    if (rc == 0) rc = read_records(s);
    *end = rc == 0 && type == SECTION_END;
    if (rc || *end) return rc;
    if (file_read(s->f, s->at, &footer, 1, NULL) || footer != SECTION_FOOTER)
        return 0; // machine types before 2.4 write none
    s->at++;
    return read_number(s);
}

int migration_read(const struct file *f, const struct migration_visitor *v,
                   const struct progress *progress, bool *cut, struct kvm_err *err) {
    struct kvm_err own = {0};
    struct stream s = {.f = f, .v = v, .progress = progress, .err = err ? err : &own, .at = 4};
    uint32_t version = 0;
    bool end = false;
    int rc = take_u32(&s, &version);
    if (rc == 0 && version != VERSION)
        return err_set(err, KVM_UNSUPPORTED, "version %u; %d is known", version, VERSION);
    while (rc == 0 && !end)
        rc = read_section(&s, &end);
    *cut = rc == KVM_NOTFOUND || rc == KVM_EXCLUDED;
    if (*cut) err_clear(err);
    return *cut ? 0 : rc;
}
