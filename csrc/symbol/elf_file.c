// SPDX-License-Identifier: BSD-2-Clause
// What an ELF file says about itself (libelf 0.188): its machine, its operating system and the build
// id. The system is told by the file's OSABI (FreeBSD's kernels and modules) or by the owner of a
// note (Linux: include/linux/elfnote.h and init/version.c, a note "Linux" with the build salt since
// 4.18). Sections of notes are read, segments are not: object files have none.
#include "symbol/elf_file.h"
#include "symbol/symbol.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int symbol_elf_open(const char *path, int *fd, Elf **elf, struct kvm_err *err) {
    *elf = NULL;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) return err_system(err, errno, "%s", path);
    elf_version(EV_CURRENT);
    *elf = elf_begin(*fd, ELF_C_READ_MMAP, NULL);
    if (*elf && elf_kind(*elf) == ELF_K_ELF) return 0;
    int rc = err_set(err, KVM_FORMAT, "%s: not an ELF file", path);
    elf_end(*elf);
    close(*fd);
    *elf = NULL;
    *fd = -1;
    return rc;
}

// --- notes
struct note {
    const char *owner; // owner_len bytes, the NUL included
    size_t owner_len;
    const uint8_t *desc;
    size_t desc_len;
    uint32_t type;
};
typedef bool note_visit(void *ctx, const struct note *n); // true ends

static bool owned_by(const struct note *n, const char *owner) {
    return n->owner_len == strlen(owner) + 1 && memcmp(n->owner, owner, n->owner_len) == 0;
}

static bool notes_in(Elf_Data *data, note_visit *fn, void *ctx) {
    GElf_Nhdr h;
    size_t name, desc, at = 0;
    while ((at = gelf_getnote(data, at, &h, &name, &desc)) > 0) {
        const uint8_t *bytes = data->d_buf;
        const struct note n = {(const char *)bytes + name, h.n_namesz, bytes + desc, h.n_descsz,
                               h.n_type};
        if (fn(ctx, &n)) return true;
    }
    return false;
}

static bool each_note(Elf *elf, note_visit *fn, void *ctx) {
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        GElf_Shdr sh;
        if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_NOTE) continue;
        Elf_Data *data = elf_getdata(scn, NULL);
        if (data && data->d_buf && notes_in(data, fn, ctx)) return true;
    }
    return false;
}

// --- build id
struct hex {
    char *text;
    size_t size;
};

static bool build_id(void *ctx, const struct note *n) {
    const struct hex *out = ctx;
    if (n->type != NT_GNU_BUILD_ID || !owned_by(n, "GNU") || n->desc_len == 0 ||
        n->desc_len >= out->size / 2)
        return false;
    for (size_t i = 0; i < n->desc_len; i++)
        snprintf(out->text + 2 * i, 3, "%02x", n->desc[i]);
    return true;
}

int symbol_elf_build_id(const char *path, char *hex, size_t size, struct kvm_err *err) {
    int fd;
    Elf *elf;
    int rc = symbol_elf_open(path, &fd, &elf, err);
    if (rc) return rc;
    bool found = each_note(elf, build_id, &(struct hex){hex, size});
    elf_end(elf);
    close(fd);
    return found ? 0 : err_set(err, KVM_NOTFOUND, "%s: no build id", path);
}

// --- what it is of
static bool system_of(void *ctx, const struct note *n) {
    const char **os = ctx;
    if (owned_by(n, "Linux")) *os = "linux";
    if (owned_by(n, "FreeBSD")) *os = "freebsd";
    return **os;
}

int symbol_elf_about(const char *path, struct symbol_elf_about *out, struct kvm_err *err) {
    int fd;
    Elf *elf;
    GElf_Ehdr eh;
    int rc = symbol_elf_open(path, &fd, &elf, err);
    if (rc) return rc;
    if (gelf_getehdr(elf, &eh)) {
        *out = (struct symbol_elf_about){
            .machine = eh.e_machine,
            .elf_class = eh.e_ident[EI_CLASS],
            .big = eh.e_ident[EI_DATA] == ELFDATA2MSB,
            .relocatable = eh.e_type == ET_REL,
            .os = eh.e_ident[EI_OSABI] == ELFOSABI_FREEBSD ? "freebsd" : "",
        };
        if (!out->os[0]) each_note(elf, system_of, &out->os);
    } else {
        rc = err_set(err, KVM_FORMAT, "%s: damaged ELF header", path);
    }
    elf_end(elf);
    close(fd);
    return rc;
}
