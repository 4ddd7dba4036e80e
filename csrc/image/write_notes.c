// SPDX-License-Identifier: BSD-2-Clause
// Notes of an image that is written (image/write_notes.h).
#include "image/write_notes.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <string.h>

enum { NOTE_HEAD = 12 };

static size_t round4(size_t n) {
    return (n + 3) & ~(size_t)3;
}

static bool inside(const struct note_cpu *blob, const char *p) {
    const uint8_t *q = (const uint8_t *)p;
    return q >= blob->desc && q < blob->desc + blob->len;
}

struct vmcoreinfo write_eraseinfo(const struct write_source *src) {
    const struct image_facts *f = &src->img->facts;
    if (src->eraseinfo) return (struct vmcoreinfo){src->eraseinfo, src->eraseinfo_len};
    return (struct vmcoreinfo){f->eraseinfo, f->eraseinfo_len};
}

static size_t note_size(const char *name, size_t len) {
    return NOTE_HEAD + round4(strlen(name) + 1) + round4(len);
}

// Where the text of the new note is.
static size_t add_note(struct write_notes *n, const char *name, const struct vmcoreinfo *text,
                       bool big) {
    uint8_t *p = n->bytes + n->len;
    size_t text_at = NOTE_HEAD + round4(strlen(name) + 1);
    memset(p, 0, note_size(name, text->len));
    bytes_put_u32(p, (uint32_t)strlen(name) + 1, big);
    bytes_put_u32(p + 4, (uint32_t)text->len, big);
    memcpy(p + NOTE_HEAD, name, strlen(name) + 1);
    memcpy(p + text_at, text->text, text->len);
    size_t at = n->len + text_at;
    n->len += note_size(name, text->len);
    return at;
}

static void add_blob(struct write_notes *n, const struct note_cpu *blob,
                     const struct vmcoreinfo *info) {
    if (info->text && inside(blob, info->text)) {
        n->vmcoreinfo_off = n->len + (size_t)((const uint8_t *)info->text - blob->desc);
        n->vmcoreinfo_len = info->len;
    }
    memset(n->bytes + n->len, 0, round4(blob->len));
    memcpy(n->bytes + n->len, blob->desc, blob->len);
    n->len += round4(blob->len);
}

int write_notes_build(struct write_notes *n, const struct write_source *src, bool with_eraseinfo,
                      struct kvm_err *err) {
    const struct dump_notes *from = &src->img->facts.notes;
    struct vmcoreinfo erase = write_eraseinfo(src);
    bool big = src->img->facts.big, recorded = false;
    size_t size = note_size("VMCOREINFO", from->vmcoreinfo.len) + note_size("ERASEINFO", erase.len);
    for (size_t i = 0; i < from->blob_count; i++)
        size += round4(from->blobs[i].len); // what was read from files: no overflow
    n->bytes = mem_alloc(size);
    if (!n->bytes) return err_nomem(err, "notes");
    for (size_t i = 0; i < from->blob_count; i++) {
        if (erase.text && inside(&from->blobs[i], erase.text)) recorded = true;
        add_blob(n, &from->blobs[i], &from->vmcoreinfo);
    }
    if (from->vmcoreinfo.text && !n->vmcoreinfo_len) {
        n->vmcoreinfo_len = from->vmcoreinfo.len;
        n->vmcoreinfo_off = add_note(n, "VMCOREINFO", &from->vmcoreinfo, big);
    }
    if (with_eraseinfo && erase.text && !recorded) add_note(n, "ERASEINFO", &erase, big);
    return 0;
}

void write_notes_deinit(struct write_notes *n) {
    mem_free(n->bytes);
    *n = (struct write_notes){0};
}
