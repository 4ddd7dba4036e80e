// SPDX-License-Identifier: BSD-2-Clause
// Files with CTF, the Compact C Type Format of FreeBSD and illumos: the section .SUNW_ctf of a kernel or module, or
// CTF as it is. Versions 2 and 3; header, body decompressed where it is. The types of a module build on those of a
// parent, which it names ("kernel") with the label that the parent had then.
// FreeBSD's sys/sys/ctf.h, libctf (ctf_open.c) and ctfmerge (ctf.c), 14.0. Recognised but not read: version 1 (before
// Solaris 9), and binutils' format of the same name (section .ctf, magic 0xdff2).
#include "type/ctf.h"

#include "base/codec.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAGIC = 0xcff1,
    GNU_MAGIC = 0xdff2,
    HEADER = 36,
    COMPRESSED = 1,
    // Kernels have 2 to 4 MB. zlib can't make one byte of more than 1032.
    BYTES_MAX = 256 * 1024 * 1024,
    ZLIB_RATIO = 1032,
};

static const struct ctf_layout layouts[] = {
    [2] = {2, 8, 11, 1u << 10, 0x3ff, 0xffff, 1u << 13, 1u << 15},
    [3] = {4, 12, 26, 1u << 25, 0xffffff, 0xffffffff, 1u << 29, 1u << 31},
};

// --- header
static int read_preamble(struct ctf *c, struct kvm_err *err) {
    if (c->raw_len < 4) return err_set(err, KVM_FORMAT, "CTF: no data");
    uint16_t magic = bytes_u16(c->raw, false);
    c->big = bytes_u16(c->raw, true) == MAGIC;
    if (magic == GNU_MAGIC || bytes_u16(c->raw, true) == GNU_MAGIC)
        return err_set(err, KVM_UNSUPPORTED, "CTF of GNU binutils is not read");
    if (!c->big && magic != MAGIC)
        return err_set(err, KVM_FORMAT, "CTF: wrong magic 0x%04x", magic);
    uint8_t version = c->raw[2], flags = c->raw[3];
    if (version != 2 && version != 3)
        return err_set(err, KVM_UNSUPPORTED, "CTF: version %u; 2 and 3 are read", version);
    if (flags & ~COMPRESSED) return err_set(err, KVM_UNSUPPORTED, "CTF: flags 0x%x", flags);
    if (c->raw_len < HEADER)
        return err_set(err, KVM_FORMAT, "CTF: the header is cut off at %zu bytes", c->raw_len);
    c->layout = &layouts[version];
    return 0;
}

static int decompress(struct ctf *c, uint32_t len, struct kvm_err *err) {
    size_t packed = c->raw_len - HEADER;
    if (len / ZLIB_RATIO > packed)
        return err_set(err, KVM_FORMAT, "CTF: %u bytes can't be in %zu compressed ones", len,
                       packed);
    uint8_t *body = mem_alloc(len);
    if (!body) return err_nomem(err, "CTF");
    c->owned[1] = body;
    c->body = body;
    struct codec codec = {0};
    int rc = codec_decompress(&codec, CODEC_ZLIB, c->raw + HEADER, packed, body, len, err);
    codec_deinit(&codec);
    return rc ? err_prepend(err, rc, "CTF") : 0;
}

static int read_body(struct ctf *c, struct kvm_err *err) {
    uint32_t f[8]; // parlabel, parname, lbloff, objtoff, funcoff, typeoff, stroff, strlen
    for (int i = 0; i < 8; i++)
        f[i] = bytes_u32(c->raw + 4 + 4 * i, c->big);
    for (int i = 3; i <= 6; i++) {
        if (f[i - 1] > f[i]) return err_set(err, KVM_FORMAT, "CTF: its sections are out of order");
    }
    uint64_t len = (uint64_t)f[6] + f[7];
    if (f[7] == 0 || len > BYTES_MAX)
        return err_set(err, KVM_FORMAT, "CTF: %llu bytes with %u of strings",
                       (unsigned long long)len, f[7]);
    c->labels = f[2];
    c->objects = f[3];
    c->functions = f[4];
    c->types = f[5];
    c->strings = f[6];
    c->strings_len = f[7];
    c->body = c->raw + HEADER;
    if (c->raw[3] & COMPRESSED) {
        int rc = decompress(c, (uint32_t)len, err);
        if (rc) return rc;
    } else if (len > c->raw_len - HEADER) {
        return err_set(err, KVM_FORMAT, "CTF: %llu bytes are cut off at %zu",
                       (unsigned long long)len, c->raw_len - HEADER);
    }
    if (c->body[c->strings] != '\0' || c->body[len - 1] != '\0')
        return err_set(err, KVM_FORMAT, "CTF: the strings do not start and end with a NUL");
    return 0;
}

// --- parent
static bool has_label(const struct ctf *c, const char *label) {
    for (uint32_t at = c->labels; c->objects - at >= 8; at += 8) {
        const char *name = ctf_string(c, bytes_u32(c->body + at, c->big));
        if (name && strcmp(name, label) == 0) return true;
    }
    return false;
}

// Types below the child bit are the parent's, so another one would give wrong answers.
static int find_parent(struct ctf *c, struct type_source *base, struct kvm_err *err) {
    const char *label = ctf_string(c, bytes_u32(c->raw + 4, c->big));
    const char *name = ctf_string(c, bytes_u32(c->raw + 8, c->big));
    if (!label || !name)
        return err_set(err, KVM_FORMAT, "CTF: the name of its parent lies outside of the strings");
    if (!name[0]) return 0;
    if (!base || base->ops != &type_ctf)
        return err_set(err, KVM_INVAL, "CTF: its types build on those of \"%.100s\", %s", name,
                       base ? "whose types are not CTF" : "which is not there");
    struct ctf *parent = (struct ctf *)(void *)base;
    if (parent->layout != c->layout || parent->big != c->big || parent->parent)
        return err_set(err, KVM_INVAL, "CTF: it was not made for this \"%.100s\"", name);
    if (label[0] && !has_label(parent, label))
        return err_set(err, KVM_INVAL, "CTF: it was made for \"%.100s\" of \"%.100s\"", name,
                       label);
    c->parent = parent;
    return 0;
}

// --- ELF
// The symbol table that the section belongs to, and its strings. A file without has no variables.
static void find_symtab(struct ctf *c, size_t index) {
    Elf_Scn *scn = index ? elf_getscn(c->elf, index) : NULL;
    GElf_Shdr sh;
    if (!scn || !gelf_getshdr(scn, &sh) || (sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM) ||
        sh.sh_entsize == 0)
        return;
    Elf_Scn *strings = elf_getscn(c->elf, sh.sh_link);
    Elf_Data *data = strings ? elf_getdata(strings, NULL) : NULL;
    if (!data || !data->d_buf || data->d_size == 0) return;
    const char *text = data->d_buf;
    if (text[data->d_size - 1] != '\0') return;
    c->elf_strings = text;
    c->elf_strings_len = data->d_size;
    c->symtab = elf_getdata(scn, NULL);
}

static int find_section(struct ctf *c, struct kvm_err *err) {
    size_t names;
    GElf_Shdr sh;
    GElf_Ehdr eh;
    bool gnu = false;
    if (!gelf_getehdr(c->elf, &eh) || elf_getshdrstrndx(c->elf, &names) != 0)
        return err_set(err, KVM_FORMAT, "%s", elf_errmsg(-1));
    c->pointer_size = eh.e_ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(c->elf, scn));) {
        if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS) continue;
        const char *name = elf_strptr(c->elf, names, sh.sh_name);
        if (name && strcmp(name, ".ctf") == 0) gnu = true;
        if (!name || strcmp(name, ".SUNW_ctf") != 0) continue;
        Elf_Data *data = elf_rawdata(scn, NULL);
        if (!data || !data->d_buf) return err_set(err, KVM_FORMAT, "empty section .SUNW_ctf");
        c->raw = data->d_buf;
        c->raw_len = data->d_size;
        find_symtab(c, sh.sh_link);
        return 0;
    }
    return gnu ? err_set(err, KVM_UNSUPPORTED, "CTF of GNU binutils (section .ctf) is not read")
               : err_set(err, KVM_NOTFOUND, "no section .SUNW_ctf");
}

static int read_file(struct ctf *c, size_t len, struct kvm_err *err) {
    if (len > BYTES_MAX) return err_set(err, KVM_FORMAT, "too large for CTF");
    uint8_t *bytes = mem_alloc(len);
    if (!bytes) return err_nomem(err, "CTF");
    c->owned[0] = bytes;
    c->raw = bytes;
    for (c->raw_len = 0; c->raw_len < len;) {
        ssize_t n = pread(c->fd, bytes + c->raw_len, len - c->raw_len, (off_t)c->raw_len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_system(err, errno, "read");
        if (n == 0) return err_set(err, KVM_FORMAT, "shorter than it says");
        c->raw_len += (size_t)n;
    }
    return 0;
}

static int open_fd(struct ctf *c, struct kvm_err *err) {
    struct stat st;
    uint8_t magic[2] = {0};
    if (fstat(c->fd, &st) != 0) return err_system(err, errno, "stat");
    if (!S_ISREG(st.st_mode)) return err_set(err, KVM_FORMAT, "not a regular file");
    if (pread(c->fd, magic, sizeof(magic), 0) < 0) return err_system(err, errno, "read");
    const uint16_t orders[] = {bytes_u16(magic, false), bytes_u16(magic, true)};
    for (int i = 0; i < 2; i++) {
        if (orders[i] == MAGIC || orders[i] == GNU_MAGIC)
            return read_file(c, (size_t)st.st_size, err);
    }
    elf_version(EV_CURRENT);
    c->elf = elf_begin(c->fd, ELF_C_READ_MMAP, NULL);
    if (!c->elf || elf_kind(c->elf) != ELF_K_ELF)
        return err_set(err, KVM_FORMAT, "neither an ELF file nor CTF");
    return find_section(c, err);
}

void ctf_close(struct ctf *c) {
    elf_end(c->elf);
    if (c->fd >= 0) close(c->fd);
    mem_free(c->owned[0]);
    mem_free(c->owned[1]);
    mem_free(c->offsets);
    mem_free(c->names);
    mem_free(c->variables);
    mem_free(c->routines);
    mem_free(c->symbols);
    mem_free(c);
}

int type_ctf_open(const char *path, struct type_source *parent, uint32_t number,
                  struct type_source **out, struct kvm_err *err) {
    struct ctf *c = mem_zalloc(sizeof(*c));
    if (!c) return err_nomem(err, "CTF");
    c->source = (struct type_source){&type_ctf, number};
    c->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc = c->fd < 0 ? err_system(err, errno, "%s", path) : 0;
    if (rc == 0) {
        rc = open_fd(c, err);
        if (rc == 0) rc = read_preamble(c, err);
        if (rc == 0) rc = read_body(c, err);
        if (rc == 0) rc = find_parent(c, parent, err);
        if (rc) err_prepend(err, rc, "%s", path);
    }
    if (rc) {
        ctf_close(c);
        return rc;
    }
    *out = &c->source;
    return 0;
}
