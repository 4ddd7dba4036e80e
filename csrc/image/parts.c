// SPDX-License-Identifier: BSD-2-Clause
// The files of an image. A name that is a file's is that file; only another one is taken apart at its commas and
// at its last @ (so does crash 8.0.2 with the pieces of raw memory: FILE@ADDRESS,FILE@ADDRESS).
#include "image/formats.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PARTS_MOST = 1024 };

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

// Cuts "@ADDRESS" off NAME. False when there is none.
static bool cut_address(char *name, uint64_t *addr) {
    char *at = strrchr(name, '@'), *end;
    if (!at || at == name || at[1] < '0' || at[1] > '9') return false;
    errno = 0;
    unsigned long long v = strtoull(at + 1, &end, 0);
    if (errno || *end) return false;
    *addr = v;
    *at = '\0';
    return true;
}

static int add(struct image *img, const char *path, const uint64_t *addr, bool writable,
               struct kvm_err *err) {
    if (img->part_count == PARTS_MOST)
        return err_set(err, KVM_INVAL, "more than %d files", PARTS_MOST);
    if (!mem_grow(&img->parts, &img->part_cap, img->part_count + 1, sizeof(*img->parts)))
        return err_nomem(err, "a file");
    struct image_part *p = &img->parts[img->part_count];
    *p = (struct image_part){.addr = addr ? *addr : 0, .has_addr = addr != NULL};
    int rc = file_open(path, writable, &p->file, err);
    if (rc == 0) img->part_count++;
    return rc;
}

// One of the names between commas, which is cut up.
static int add_piece(struct image *img, char *name, bool writable, struct kvm_err *err) {
    uint64_t addr;
    if (!exists(name) && cut_address(name, &addr)) return add(img, name, &addr, writable, err);
    return add(img, name, NULL, writable, err);
}

static int add_name(struct image *img, const char *name, bool writable, struct kvm_err *err) {
    if (exists(name) || (!strchr(name, ',') && !strchr(name, '@')))
        return add(img, name, NULL, writable, err);
    char *copy = mem_strdup(name);
    if (!copy) return err_nomem(err, "a file name");
    int rc = 0;
    for (char *at = copy; rc == 0 && at;) {
        char *comma = strchr(at, ',');
        if (comma) *comma = '\0';
        rc = add_piece(img, at, writable, err);
        at = comma ? comma + 1 : NULL;
    }
    mem_free(copy);
    return rc;
}

int image_parts_open(struct image *img, const char *const *names, size_t count, bool writable,
                     struct kvm_err *err) {
    for (size_t i = 0; i < count; i++) {
        int rc = add_name(img, names[i], writable, err);
        if (rc) return rc;
    }
    if (img->part_count == 0) return err_set(err, KVM_INVAL, "no file was named");
    img->file = img->parts[0].file;
    return 0;
}
