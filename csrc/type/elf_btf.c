// SPDX-License-Identifier: BSD-2-Clause
// BTF of a file: the section .BTF of an ELF file (a vmlinux, a module), through libelf, or BTF as
// it is (a copy of /sys/kernel/btf/vmlinux). Checked against elfutils 0.188. Split BTF of modules
// is not for here: its ids start behind those of a base.
#include "type/type.h"

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

static int open_raw(int fd, const char *path, uint64_t size, struct type_source **out,
                    struct kvm_err *err) {
    if (size > BTF_MAX) return err_set(err, KVM_FORMAT, "%s: too large for BTF", path);
    uint8_t *bytes = mem_alloc((size_t)size);
    if (!bytes) return err_nomem(err, "BTF");
    int rc = read_all(fd, bytes, (size_t)size, path, err);
    if (rc) {
        mem_free(bytes);
        return rc;
    }
    return type_btf_open(bytes, (size_t)size, true, out, err);
}

static Elf_Scn *find_section(Elf *elf, GElf_Shdr *shdr) {
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0) return NULL;
    for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
        if (!gelf_getshdr(scn, shdr) || shdr->sh_type == SHT_NOBITS) continue;
        const char *name = elf_strptr(elf, names, shdr->sh_name);
        if (name && strcmp(name, ".BTF") == 0) return scn;
    }
    return NULL;
}

static int open_elf(Elf *elf, const char *path, struct type_source **out, struct kvm_err *err) {
    if (elf_kind(elf) != ELF_K_ELF)
        return err_set(err, KVM_FORMAT, "%s: neither an ELF file nor BTF", path);
    GElf_Shdr shdr;
    Elf_Scn *scn = find_section(elf, &shdr);
    if (!scn) return err_set(err, KVM_NOTFOUND, "%s: no section .BTF", path);
    if ((shdr.sh_flags & SHF_COMPRESSED) && elf_compress(scn, 0, 0) < 0)
        return err_set(err, KVM_FORMAT, "%s: .BTF: %s", path, elf_errmsg(-1));
    Elf_Data *data = elf_rawdata(scn, NULL);
    if (!data) return err_set(err, KVM_FORMAT, "%s: .BTF: %s", path, elf_errmsg(-1));
    if (data->d_size > BTF_MAX || !data->d_buf)
        return err_set(err, KVM_FORMAT, "%s: .BTF of %zu bytes", path, data->d_size);
    uint8_t *bytes = mem_dup(data->d_buf, data->d_size);
    return bytes ? type_btf_open(bytes, data->d_size, true, out, err) : err_nomem(err, "BTF");
}

static int open_fd(int fd, const char *path, struct type_source **out, struct kvm_err *err) {
    struct stat st;
    uint8_t magic[2];
    if (fstat(fd, &st) != 0) return err_system(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode)) return err_set(err, KVM_FORMAT, "%s: not a regular file", path);
    if (st.st_size < 2) return err_set(err, KVM_FORMAT, "%s: neither an ELF file nor BTF", path);
    int rc = read_all(fd, magic, sizeof(magic), path, err);
    if (rc) return rc;
    if (bytes_u16(magic, false) == BTF_MAGIC || bytes_u16(magic, true) == BTF_MAGIC)
        return open_raw(fd, path, (uint64_t)st.st_size, out, err);
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (!elf) return err_set(err, KVM_FORMAT, "%s: %s", path, elf_errmsg(-1));
    rc = open_elf(elf, path, out, err);
    elf_end(elf);
    return rc;
}

int type_elf_btf_open(const char *path, struct type_source **out, struct kvm_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_system(err, errno, "%s", path);
    int rc = open_fd(fd, path, out, err);
    close(fd);
    return rc;
}
