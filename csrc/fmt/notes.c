// SPDX-License-Identifier: BSD-2-Clause
// ELF notes of kernel dumps: a header of three 32-bit words (length of the name with its NUL,
// length of the descriptor, type), then name and descriptor, each padded to 4 bytes, in both ELF
// classes. Checked against Linux 6.12 kernel/crash_core.c and fs/proc/vmcore.c, QEMU 7.2 dump.c and
// makedumpfile 1.7.2. An all-zero header is padding, or the place of a CPU that did not answer.
// Other notes (Xen, device dumps) are passed over.
#include "fmt/notes.h"

#include "base/bytes.h"
#include "base/mem.h"

enum { NT_PRSTATUS = 1, HEADER_SIZE = 12 };

static bool named(const struct note_cpu *name, const char *want) {
    size_t n = strlen(want);
    bool fits = name->len == n || (name->len == n + 1 && name->desc[n] == 0);
    return fits && memcmp(name->desc, want, n) == 0;
}

static int append(struct note_cpu **list, size_t *count, size_t *cap, const uint8_t *desc,
                  size_t len, struct kvm_err *err) {
    if (*count >= NOTES_MAX)
        return err_set(err, KVM_FORMAT, "more than %d notes of one kind", NOTES_MAX);
    if (!mem_grow(list, cap, *count + 1, sizeof(**list))) return err_nomem(err, "notes");
    (*list)[(*count)++] = (struct note_cpu){desc, len};
    return 0;
}

static int take(struct dump_notes *n, uint32_t type, const struct note_cpu *name,
                const struct note_cpu *desc, struct kvm_err *err) {
    if (type == NT_PRSTATUS && named(name, "CORE"))
        return append(&n->prstatus, &n->prstatus_count, &n->prstatus_cap, desc->desc, desc->len,
                      err);
    if (named(name, "QEMU"))
        return append(&n->qemu, &n->qemu_count, &n->qemu_cap, desc->desc, desc->len, err);
    if (named(name, "ERASEINFO"))
        n->eraseinfo = (struct vmcoreinfo){(const char *)desc->desc, desc->len};
    if (named(name, "VMCOREINFO") && !n->vmcoreinfo.text) {
        if (desc->len > VMCOREINFO_MOST)
            return err_set(err, KVM_FORMAT, "a VMCOREINFO note of %zu bytes", (size_t)desc->len);
        n->vmcoreinfo.text = (const char *)desc->desc;
        n->vmcoreinfo.len = desc->len;
    }
    return 0;
}

static size_t padding(size_t len) {
    return (4 - len % 4) % 4;
}

static bool all_zero(const uint8_t *p, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (p[i]) return false;
    return true;
}

// The note at the cursor. False when it runs past the end.
static bool split(struct cursor *c, uint32_t *type, struct note_cpu *name, struct note_cpu *desc) {
    name->len = cursor_u32(c);
    desc->len = cursor_u32(c);
    *type = cursor_u32(c);
    name->desc = cursor_take(c, name->len);
    if (padding(name->len)) cursor_take(c, padding(name->len));
    desc->desc = cursor_take(c, desc->len);
    if (c->bad) return false;
    // The padding behind the last descriptor may be left out.
    size_t pad = padding(desc->len);
    cursor_take(c, pad < cursor_left(c) ? pad : cursor_left(c));
    return true;
}

int notes_parse(struct dump_notes *n, const uint8_t *bytes, size_t len, bool big,
                struct kvm_err *err) {
    n->big = big;
    int rc = append(&n->blobs, &n->blob_count, &n->blob_cap, bytes, len, err);
    if (rc) return rc;
    struct cursor c = cursor_make(bytes, len, big);
    while (cursor_left(&c) > 0) {
        size_t at = len - cursor_left(&c);
        if (cursor_left(&c) < HEADER_SIZE && all_zero(c.at, cursor_left(&c))) break;
        uint32_t type;
        struct note_cpu name, desc;
        if (!split(&c, &type, &name, &desc)) {
            n->blobs[n->blob_count - 1].len = at;
            return err_set(err, KVM_FORMAT, "the note at byte %zu runs past the end", at);
        }
        rc = take(n, type, &name, &desc, err);
        if (rc) return rc;
    }
    return 0;
}

void notes_deinit(struct dump_notes *n) {
    mem_free(n->prstatus);
    mem_free(n->qemu);
    mem_free(n->blobs);
    *n = (struct dump_notes){0};
}
