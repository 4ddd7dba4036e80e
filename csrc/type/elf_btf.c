// SPDX-License-Identifier: BSD-2-Clause
// BTF of a file: the section .BTF of an ELF file (a vmlinux, a module), through libelf, or BTF as
// it is (/sys/kernel/btf/*, copies of it). A module that is built out of tree has a section .BTF.base beside it (Linux
// 6.11 and later; scripts/Makefile.btf). Checked against elfutils 0.188.
#include "type/type_priv.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BTF_MAGIC 0xeb9f
#define BTF_MAX   (256u << 20)

static int read_all(int fd, uint8_t *buf, size_t len, const char *path, struct kvm_err *err) {
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, buf + done, len - done, (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_system(err, errno, "%s", path);
        if (n == 0) return err_set(err, KVM_FORMAT, "%s: shorter than it says", path);
        done += (size_t)n;
    }
    return 0;
}

// Bytes to be given away, with the base that a module stands on (kernel NULL: no module).
struct blob {
    uint8_t *bytes;
    size_t len;
    struct type_btf_base base;
};

static int open_blob(const struct blob *blob, struct type_source **out, struct kvm_err *err) {
    const struct type_btf_base *base = blob->base.kernel ? &blob->base : NULL;
    return type_btf_open_split(blob->bytes, blob->len, true, base, out, err);
}

static int read_raw(int fd, const char *path, uint64_t size, struct blob *out,
                    struct kvm_err *err) {
    if (size > BTF_MAX) return err_set(err, KVM_FORMAT, "%s: too large for BTF", path);
    out->len = (size_t)size;
    out->bytes = mem_alloc(out->len);
    if (!out->bytes) return err_nomem(err, "BTF");
    int rc = read_all(fd, out->bytes, out->len, path, err);
    if (rc) mem_free(out->bytes);
    return rc;
}

static Elf_Scn *find_section(Elf *elf, const char *want, GElf_Shdr *shdr) {
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0) return NULL;
    for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
        if (!gelf_getshdr(scn, shdr) || shdr->sh_type == SHT_NOBITS) continue;
        const char *name = elf_strptr(elf, names, shdr->sh_name);
        if (name && strcmp(name, want) == 0) return scn;
    }
    return NULL;
}

static int read_section(Elf *elf, const char *path, const char *name, struct blob *out,
                        struct kvm_err *err) {
    GElf_Shdr shdr;
    Elf_Scn *scn = find_section(elf, name, &shdr);
    if (!scn) return err_set(err, KVM_NOTFOUND, "%s: no section %s", path, name);
    if ((shdr.sh_flags & SHF_COMPRESSED) && elf_compress(scn, 0, 0) < 0)
        return err_set(err, KVM_FORMAT, "%s: %s: %s", path, name, elf_errmsg(-1));
    Elf_Data *data = elf_rawdata(scn, NULL);
    if (!data) return err_set(err, KVM_FORMAT, "%s: %s: %s", path, name, elf_errmsg(-1));
    if (data->d_size > BTF_MAX || !data->d_buf)
        return err_set(err, KVM_FORMAT, "%s: %s of %zu bytes", path, name, data->d_size);
    out->len = data->d_size;
    out->bytes = mem_dup(data->d_buf, data->d_size);
    return out->bytes ? 0 : err_nomem(err, "BTF");
}

// The distilled base of a module, where the file has one.
static int read_base(Elf *elf, const char *path, struct blob *out, struct kvm_err *err) {
    struct blob distilled = {0};
    struct kvm_err why = {0};
    int rc = read_section(elf, path, ".BTF.base", &distilled, &why);
    if (rc == KVM_NOTFOUND) return 0;
    if (rc == 0) rc = open_blob(&distilled, &out->base.distilled, &why);
    if (rc && err) *err = why;
    return rc ? err_prepend(err, rc, "%s: .BTF.base", path) : 0;
}

static int read_elf(int fd, const char *path, struct blob *out, struct kvm_err *err) {
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (!elf) return err_set(err, KVM_FORMAT, "%s: %s", path, elf_errmsg(-1));
    int rc = elf_kind(elf) == ELF_K_ELF
                 ? read_section(elf, path, ".BTF", out, err)
                 : err_set(err, KVM_FORMAT, "%s: neither an ELF file nor BTF", path);
    if (rc == 0 && out->base.kernel) {
        rc = read_base(elf, path, out, err);
        if (rc) mem_free(out->bytes);
    }
    elf_end(elf);
    return rc;
}

static int read_fd(int fd, const char *path, struct blob *out, struct kvm_err *err) {
    struct stat st;
    uint8_t magic[2];
    if (fstat(fd, &st) != 0) return err_system(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode)) return err_set(err, KVM_FORMAT, "%s: not a regular file", path);
    if (st.st_size < 2) return err_set(err, KVM_FORMAT, "%s: neither an ELF file nor BTF", path);
    int rc = read_all(fd, magic, sizeof(magic), path, err);
    if (rc) return rc;
    if (bytes_u16(magic, false) == BTF_MAGIC || bytes_u16(magic, true) == BTF_MAGIC)
        return read_raw(fd, path, (uint64_t)st.st_size, out, err);
    return read_elf(fd, path, out, err);
}

int type_elf_btf_open_split(const char *path, struct type_source *kernel, uint32_t number,
                            struct type_source **out, struct kvm_err *err) {
    struct blob blob = {.base = {.kernel = kernel, .number = number}};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_system(err, errno, "%s", path);
    int rc = read_fd(fd, path, &blob, err);
    close(fd);
    if (rc) return rc;
    rc = open_blob(&blob, out, err);
    return rc ? err_prepend(err, rc, "%s", path) : 0;
}

int type_elf_btf_open(const char *path, struct type_source **out, struct kvm_err *err) {
    return type_elf_btf_open_split(path, NULL, 0, out, err);
}

int type_btf_file_about(const char *path, bool *big, uint8_t *word_size, struct kvm_err *err) {
    uint8_t magic[2] = {0};
    struct type_source *s;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_system(err, errno, "%s", path);
    ssize_t n = pread(fd, magic, sizeof(magic), 0);
    close(fd);
    *big = bytes_u16(magic, true) == BTF_MAGIC;
    if (n != sizeof(magic) || (!*big && bytes_u16(magic, false) != BTF_MAGIC))
        return err_set(err, KVM_NOTFOUND, "%s: not BTF", path);
    int rc = type_elf_btf_open(path, &s, err);
    if (rc) return rc;
    rc = type_btf_word_size(s, word_size, err);
    s->ops->destroy(s);
    return rc ? err_prepend(err, rc, "%s", path) : 0;
}
