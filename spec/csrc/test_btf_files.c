// SPDX-License-Identifier: BSD-2-Clause
// BTF of modules in files: a directory like /sys/kernel/btf, and the sections of a module's file.
#include "btf_build.h"
#include "session/files.h"
#include "tap.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/test_btf_files.XXXXXX";
static struct btf_build kernel, module, sketch;
static struct type_source *base;

static const char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void write_file(const char *name, const uint8_t *bytes, size_t len) {
    FILE *f = fopen(path_of(name), "wb");
    ok(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0, "wrote %s", name);
}

// struct driver { int n; }, on top of BASE, in which int is NUM.
static void build_module(const struct btf_build *on, uint32_t num) {
    b_init_split(&module, on);
    b_type(&module, "driver", B_STRUCT, 1, 4);
    b_member(&module, "n", num, 0);
    b_finish(&module, B_HEADER);
}

static const char names[] = "\0.BTF\0.BTF.base\0.shstrtab";

static void add_section(Elf *elf, uint32_t name, void *bytes, size_t len, uint32_t type) {
    Elf_Scn *scn = elf_newscn(elf);
    Elf_Data *data = elf_newdata(scn);
    GElf_Shdr shdr;
    *data = (Elf_Data){
        .d_buf = bytes, .d_size = len, .d_align = 1, .d_version = EV_CURRENT, .d_type = ELF_T_BYTE};
    gelf_getshdr(scn, &shdr);
    shdr.sh_type = type;
    shdr.sh_name = name;
    gelf_update_shdr(scn, &shdr);
}

// A module's file with BTF (NULL: none) and the LEN first bytes of a distilled base (NULL: none).
static void write_elf(const char *name, struct btf_build *btf, struct btf_build *distilled,
                      size_t len) {
    int fd = open(path_of(name), O_RDWR | O_CREAT | O_TRUNC, 0600);
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_WRITE, NULL);
    gelf_newehdr(elf, ELFCLASS64);
    GElf_Ehdr ehdr;
    gelf_getehdr(elf, &ehdr);
    ehdr.e_type = ET_REL;
    ehdr.e_machine = EM_X86_64;
    ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
    if (btf) add_section(elf, 1, btf->blob, btf->blob_len, SHT_PROGBITS);
    if (distilled) add_section(elf, 6, distilled->blob, len, SHT_PROGBITS);
    add_section(elf, 16, (void *)(uintptr_t)names, sizeof(names), SHT_STRTAB);
    ehdr.e_shstrndx = (uint16_t)(1 + !!btf + !!distilled);
    gelf_update_ehdr(elf, &ehdr);
    ok(elf_update(elf, ELF_C_WRITE) > 0, "wrote %s", name);
    elf_end(elf);
    close(fd);
}

static int open_module(const char *name, struct kvm_err *err) {
    struct type_source *s;
    struct type_member m = {.name = "?"};
    uint32_t number;
    *err = (struct kvm_err){0};
    int rc = session_btf_dir_module(dir, name, base, 7, &s, err);
    if (rc) return rc;
    rc = s->ops->find(s, TYPE_STRUCT, "driver", &number);
    if (rc == 0) rc = s->ops->member(s, number, 0, &m, err);
    ok(rc || (s->number == 7 && m.type == S_INT && strcmp(m.name, "n") == 0),
       "%s: its member has the kernel's type", name);
    s->ops->destroy(s);
    return rc;
}

static void test_directory(void) {
    struct kvm_err err = {0};
    is_int(session_btf_dir_kernel(dir, &base, &err), KVM_IO, "an empty directory");
    write_file("vmlinux", kernel.blob, kernel.blob_len);
    is_int(session_btf_dir_kernel(dir, &base, &err), 0, "the kernel's types");
    write_file("driver", module.blob, module.blob_len);
    is_int(open_module("driver", &err), 0, "a module's");
    is_int(open_module("none", &err), KVM_IO, "no file of that name");
    is_int(open_module("", &err), KVM_INVAL, "no name");
    is_int(open_module("../driver", &err), KVM_INVAL, "a name that leads out");
    is_int(open_module(".", &err), KVM_INVAL, "the directory itself");
    write_file("cut", module.blob, module.blob_len - 1);
    is_int(open_module("cut", &err), KVM_FORMAT, "a file that is cut off");
    has_text(err.text, "/cut: BTF", "is named");
    write_file("short", module.blob, 1);
    is_int(open_module("short", &err), KVM_FORMAT, "a file of one byte");
}

static void test_elf(void) {
    struct kvm_err err;
    write_elf("good.ko", &module, NULL, 0);
    is_int(open_module("good.ko", &err), 0, "a module's file");
    write_elf("none.ko", NULL, NULL, 0);
    is_int(open_module("none.ko", &err), KVM_NOTFOUND, "one without BTF");
    has_text(err.text, "no section .BTF", "says so");
    b_init(&sketch, false);
    b_type(&sketch, "list_head", B_STRUCT, 0, 16);
    b_int(&sketch, "int", 4, 1, 32);
    b_finish(&sketch, B_HEADER);
    build_module(&sketch, 2);
    write_elf("far.ko", &module, &sketch, sketch.blob_len);
    is_int(open_module("far.ko", &err), 0, "one that was built out of tree");
    write_elf("badbase.ko", &module, &sketch, sketch.blob_len - 1);
    is_int(open_module("badbase.ko", &err), KVM_FORMAT, "with a damaged base");
    has_text(err.text, ".BTF.base", "which is named");
    struct type_source *kernels = base;
    base = NULL;
    is_int(open_module("far.ko", &err), KVM_UNSUPPORTED, "no kernel to stand on");
    base = kernels;
}

int main(void) {
    if (!ok(mkdtemp(dir) != NULL, "a directory")) return done();
    b_sample(&kernel, false);
    build_module(&kernel, S_INT);
    test_directory();
    test_elf();
    if (base) base->ops->destroy(base);
    static const char *const files[] = {"vmlinux", "driver",  "cut",    "short",
                                        "good.ko", "none.ko", "far.ko", "badbase.ko"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlink(path_of(files[i]));
    is_int(rmdir(dir), 0, "and nothing else was in it");
    return done();
}
