// SPDX-License-Identifier: BSD-2-Clause
// DWARF files: linked ones (vmlinux) are mapped and read in place through libdw; in relocatable
// ones (modules) the references between debug sections and to addresses are relocations, which
// libdwfl (elfutils 0.188) applies to copies in memory. Neither looks for another file, whatever
// .gnu_debuglink and build ids say: which file is the right one is decided by the caller. Left out:
// relocatable files with type units, each of which is a section.
#if HAVE_LIBDW
#include "type/dwarf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

// What the callbacks of libdwfl need, while the file is being opened.
struct placing {
    int fd; // taken over by libdwfl
    const struct type_section *sections;
    size_t n;
};

static int find_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf) {
    (void)mod, (void)name, (void)base, (void)file_name, (void)elf;
    struct placing *p = *userdata;
    int fd = p ? p->fd : -1;
    if (p) p->fd = -1;
    return fd;
}

static int find_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                          const char *file_name, const char *link_file, GElf_Word link_crc,
                          char **out) {
    (void)mod, (void)userdata, (void)name, (void)base;
    (void)file_name, (void)link_file, (void)link_crc, (void)out;
    return -1;
}

static int section_address(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                           const char *section, GElf_Word index, const GElf_Shdr *header,
                           Dwarf_Addr *addr) {
    (void)mod, (void)name, (void)base, (void)index, (void)header;
    const struct placing *p = *userdata;
    *addr = (Dwarf_Addr)-1; // not in memory
    for (size_t i = 0; p && i < p->n; i++) {
        if (strcmp(p->sections[i].name, section) == 0) *addr = p->sections[i].addr;
    }
    return 0;
}

// Sections where the kernel has put them.
static Dwfl_Module *report_placed(Dwfl *dwfl, struct placing *p) {
    void **userdata = NULL;
    Dwfl_Module *mod = dwfl_report_module(dwfl, "module", 0, 1);
    if (mod && dwfl_module_info(mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL)) *userdata = p;
    return userdata ? mod : NULL;
}

// Sections one behind the other.
static Dwfl_Module *report_loose(Dwfl *dwfl, const char *path, struct placing *p) {
    Dwfl_Module *mod = dwfl_report_offline(dwfl, "module", path, p->fd);
    if (mod) p->fd = -1;
    return mod;
}

static int no_dwarf(const char *path, struct kvm_err *err) {
    return err_set(err, KVM_NOTFOUND, "%s: no DWARF", path);
}

// How many sections with contents are called .NAME, or .zNAME, an older form of compression.
static size_t count_sections(Elf *elf, const char *wanted) {
    size_t names, n = 0;
    Elf_Scn *scn = NULL;
    if (elf_getshdrstrndx(elf, &names) != 0) return 0;
    while ((scn = elf_nextscn(elf, scn))) {
        GElf_Shdr sh;
        const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
        if (!name || name[0] != '.' || sh.sh_type == SHT_NOBITS) continue;
        if (strcmp(name + 1 + (name[1] == 'z'), wanted) == 0) n++;
    }
    return n;
}

static int open_relocatable(struct dwarf_source *s, const char *path, struct placing *p,
                            struct kvm_err *err) {
    static const Dwfl_Callbacks placed = {
        .find_elf = find_elf, .find_debuginfo = find_debuginfo, .section_address = section_address};
    static const Dwfl_Callbacks loose = {.find_elf = find_elf,
                                         .find_debuginfo = find_debuginfo,
                                         .section_address = dwfl_offline_section_address};
    s->dwfl = dwfl_begin(p->sections ? &placed : &loose);
    if (!s->dwfl) return err_nomem(err, "DWARF");
    dwfl_report_begin(s->dwfl);
    Dwfl_Module *mod = p->sections ? report_placed(s->dwfl, p) : report_loose(s->dwfl, path, p);
    dwfl_report_end(s->dwfl, NULL, NULL);
    Dwarf_Addr bias;
    s->module = mod;
    s->dwarf = mod ? dwfl_module_getdwarf(mod, &bias) : NULL;
    if (!s->dwarf) return err_set(err, KVM_FORMAT, "%s: %s", path, dwfl_errmsg(-1));
    void **userdata = NULL;
    if (p->sections && dwfl_module_info(mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL))
        *userdata = NULL; // P is about to go
    return 0;
}

static int open_linked(struct dwarf_source *s, const char *path, struct kvm_err *err) {
    s->dwarf = dwarf_begin_elf(s->elf, DWARF_C_READ, NULL);
    return s->dwarf ? 0 : err_set(err, KVM_FORMAT, "%s: DWARF: %s", path, dwarf_errmsg(-1));
}

int dwarf_file_open(struct dwarf_source *s, const char *path, const struct type_section *sections,
                    size_t n, struct kvm_err *err) {
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0) return err_system(err, errno, "%s", path);
    elf_version(EV_CURRENT);
    s->elf = elf_begin(s->fd, ELF_C_READ_MMAP, NULL);
    GElf_Ehdr ehdr;
    if (!s->elf || elf_kind(s->elf) != ELF_K_ELF || !gelf_getehdr(s->elf, &ehdr))
        return err_set(err, KVM_FORMAT, "%s: not an ELF file", path);
    size_t infos = count_sections(s->elf, "debug_info");
    if (!infos) return no_dwarf(path, err);
    if (ehdr.e_type != ET_REL) return open_linked(s, path, err);
    if (infos + count_sections(s->elf, "debug_types") > 1)
        return err_set(err, KVM_UNSUPPORTED,
                       "%s: type units of a relocatable file (-fdebug-types-section)", path);
    elf_end(s->elf);
    s->elf = NULL;
    struct placing p = {s->fd, sections, n};
    s->fd = -1;
    int rc = open_relocatable(s, path, &p, err);
    if (p.fd >= 0) close(p.fd);
    return rc;
}

void dwarf_file_close(struct dwarf_source *s) {
    if (s->eh_frame) dwarf_cfi_end(s->eh_frame);
    if (s->dwfl)
        dwfl_end(s->dwfl);
    else if (s->dwarf)
        dwarf_end(s->dwarf);
    elf_end(s->elf);
    if (s->fd >= 0) close(s->fd);
}
#endif
