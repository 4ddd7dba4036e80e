// SPDX-License-Identifier: BSD-2-Clause
// The namelist: a small kernel written with libelf in both classes and byte orders, damaged copies
// of it, and files that are none.
#include "base/bytes.h"
#include "base/mem.h"
#include "symbol/symbol.h"
#include "tap.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    S_TEXT = 1,
    S_RODATA,
    S_DATA,
    S_BSS,
    S_PERCPU,
    S_MODINFO,
    S_NOTE,
    S_SYMTAB,
    S_STRTAB,
    S_NAMES
};
#define TEXT   UINT64_C(0x81000000)
#define RODATA UINT64_C(0x82000000)
#define DATA   UINT64_C(0x83000000)
#define BSS    UINT64_C(0x84000000)
#define BIAS   UINT64_C(0x17e00000)

static const struct {
    const char *name;
    uint64_t addr, flags;
    uint32_t type;
} sections[] = {
    [S_TEXT] = {".text", TEXT, SHF_ALLOC | SHF_EXECINSTR, SHT_PROGBITS},
    [S_RODATA] = {".rodata", RODATA, SHF_ALLOC, SHT_PROGBITS},
    [S_DATA] = {".data", DATA, SHF_ALLOC | SHF_WRITE, SHT_PROGBITS},
    [S_BSS] = {".bss", BSS, SHF_ALLOC | SHF_WRITE, SHT_NOBITS},
    [S_PERCPU] = {".data..percpu", 0, SHF_ALLOC | SHF_WRITE, SHT_PROGBITS},
    [S_MODINFO] = {".modinfo", 0, 0, SHT_PROGBITS},
    [S_NOTE] = {".notes", 0x82100000, SHF_ALLOC, SHT_NOTE},
    [S_SYMTAB] = {".symtab", 0, 0, SHT_SYMTAB},
    [S_STRTAB] = {".strtab", 0, 0, SHT_STRTAB},
    [S_NAMES] = {".shstrtab", 0, 0, SHT_STRTAB},
};
enum { SECTIONS = sizeof(sections) / sizeof(sections[0]), CONTENT = 64 };

static const struct {
    const char *name;
    uint64_t value, size;
    uint16_t section;
    uint8_t bind, type;
    char kind; // 0: left out
    bool biased;
} symbols[] = {
    {"", TEXT, 0, S_TEXT, STB_LOCAL, STT_SECTION, 0, false},
    {"file.c", 0, 0, SHN_ABS, STB_LOCAL, STT_FILE, 0, false},
    {"twice", TEXT + 0x10, 0x10, S_TEXT, STB_LOCAL, STT_FUNC, 't', true},
    {"label", TEXT + 0x104, 0, S_TEXT, STB_LOCAL, STT_NOTYPE, 't', true},
    {"short_part", TEXT + 0x120, 4, S_TEXT, STB_LOCAL, STT_OBJECT, 't', true},
    {"table", RODATA, 0x100, S_RODATA, STB_LOCAL, STT_OBJECT, 'r', true},
    {"percpu_end", CONTENT, 0, S_PERCPU, STB_LOCAL, STT_NOTYPE, 'd', false},
    {"not_loaded", 0, 4, S_MODINFO, STB_LOCAL, STT_OBJECT, 0, false},
    {"_stext", TEXT, 0, S_TEXT, STB_GLOBAL, STT_NOTYPE, 'T', true},
    {"__pfx_start", TEXT, 0x10, S_TEXT, STB_GLOBAL, STT_FUNC, 'T', true},
    {"startup", TEXT, 0x10, S_TEXT, STB_GLOBAL, STT_FUNC, 'T', true},
    {"twice", TEXT + 0x20, 0x10, S_TEXT, STB_GLOBAL, STT_FUNC, 'T', true},
    {"function", TEXT + 0x100, 0x40, S_TEXT, STB_GLOBAL, STT_FUNC, 'T', true},
    {"weak_function", TEXT + 0x100, 0x40, S_TEXT, STB_WEAK, STT_FUNC, 'W', true},
    {"assembly", TEXT + 0x200, 0, S_TEXT, STB_GLOBAL, STT_NOTYPE, 'T', true},
    {"resolved", TEXT + 0x300, 8, S_TEXT, STB_GLOBAL, STT_GNU_IFUNC, 'i', true},
    {"constant", RODATA + 0x100, 8, S_RODATA, STB_GLOBAL, STT_OBJECT, 'R', true},
    {"variable", DATA, 8, S_DATA, STB_GLOBAL, STT_OBJECT, 'D', true},
    {"weak_variable", DATA + 8, 8, S_DATA, STB_WEAK, STT_OBJECT, 'V', true},
    {"zeroes", BSS, 0x1000, S_BSS, STB_GLOBAL, STT_OBJECT, 'B', true},
    {"per_task", 0, 8, S_DATA, STB_GLOBAL, STT_TLS, 0, false},
    {"cpu_number", 0x10, 4, S_PERCPU, STB_GLOBAL, STT_OBJECT, 'D', false},
    {"__per_cpu_load", DATA + 0x1000, 0, S_PERCPU, STB_GLOBAL, STT_NOTYPE, 'D', true},
    {"absolute", 0x1234, 0, SHN_ABS, STB_GLOBAL, STT_NOTYPE, 'A', false},
    {"elsewhere", 0, 0, SHN_UNDEF, STB_GLOBAL, STT_NOTYPE, 0, false},
    {"far", 0, 0, 200, STB_GLOBAL, STT_NOTYPE, 0, false},
    {"_end", BSS + 0x2000, 0, S_BSS, STB_GLOBAL, STT_NOTYPE, 'B', true},
};
enum { SYMBOLS = sizeof(symbols) / sizeof(symbols[0]) };

static char strings[1024], names[256];
static uint8_t content[CONTENT], note[36], table[(SYMBOLS + 1) * sizeof(Elf64_Sym)];

static size_t add_string(char *buf, size_t *used, const char *s) {
    size_t at = *used;
    memcpy(buf + at, s, strlen(s) + 1);
    *used += strlen(s) + 1;
    return s[0] ? at : 0;
}

static void put_data(Elf_Scn *scn, void *buf, size_t size, Elf_Type type) {
    Elf_Data *data = elf_newdata(scn);
    *data = (Elf_Data){
        .d_buf = buf, .d_size = size, .d_type = type, .d_align = 4, .d_version = EV_CURRENT};
}

static void put_symbols(Elf *elf, Elf_Scn *scn, size_t *used) {
    size_t size = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
    put_data(scn, table, (SYMBOLS + 1) * size, ELF_T_SYM);
    Elf_Data *data = elf_getdata(scn, NULL);
    memset(table, 0, sizeof(table));
    for (int i = 0; i < SYMBOLS; i++) {
        GElf_Sym sym = {.st_name = (uint32_t)add_string(strings, used, symbols[i].name),
                        .st_info = GELF_ST_INFO(symbols[i].bind, symbols[i].type),
                        .st_shndx = symbols[i].section,
                        .st_value = symbols[i].value,
                        .st_size = symbols[i].size};
        gelf_update_sym(data, i + 1, &sym);
    }
}

static void put_note(Elf_Scn *scn, bool big) {
    bytes_put_u32(note, 4, big);
    bytes_put_u32(note + 4, 20, big);
    bytes_put_u32(note + 8, NT_GNU_BUILD_ID, big);
    memcpy(note + 12, "GNU", 4);
    for (int i = 0; i < 20; i++)
        note[16 + i] = (uint8_t)(0xa0 + i);
    put_data(scn, note, sizeof(note), ELF_T_BYTE);
}

static void put_sections(Elf *elf, bool big) {
    size_t used = 1, named = 1;
    for (size_t i = 1; i < SECTIONS; i++) {
        Elf_Scn *scn = elf_newscn(elf);
        GElf_Shdr sh;
        gelf_getshdr(scn, &sh);
        sh.sh_name = (uint32_t)add_string(names, &named, sections[i].name);
        sh.sh_type = sections[i].type;
        sh.sh_addr = sections[i].addr;
        sh.sh_flags = sections[i].flags;
        if (i == S_SYMTAB) {
            sh.sh_link = S_STRTAB;
            sh.sh_entsize = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
            put_symbols(elf, scn, &used);
        } else if (i == S_NOTE) {
            put_note(scn, big);
        } else {
            char *buf = i == S_STRTAB ? strings : i == S_NAMES ? names : (char *)content;
            put_data(scn, buf, i == S_STRTAB ? used : i == S_NAMES ? named : CONTENT, ELF_T_BYTE);
        }
        gelf_update_shdr(scn, &sh);
    }
}

// A file without a disk.
static int make(int class, bool big, int type, char path[32]) {
    int fd = memfd_create("namelist", MFD_CLOEXEC);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_WRITE, NULL);
    if (!elf || !gelf_newehdr(elf, class)) abort();
    GElf_Ehdr eh;
    gelf_getehdr(elf, &eh);
    eh.e_ident[EI_DATA] = big ? ELFDATA2MSB : ELFDATA2LSB;
    eh.e_type = (GElf_Half)type;
    eh.e_machine = EM_X86_64;
    eh.e_shstrndx = S_NAMES;
    gelf_update_ehdr(elf, &eh);
    put_sections(elf, big);
    if (elf_update(elf, ELF_C_WRITE) < 0) {
        printf("# %s\n", elf_errmsg(-1));
        abort();
    }
    elf_end(elf);
    return fd;
}

static struct symbol_source *load(const char *path, uint64_t bias) {
    struct symbol_source *s = NULL;
    struct kvm_err err = {0};
    int rc = symbol_elf_create(path, bias, &s, &err);
    if (rc == 0) rc = s->ops->load(s, &err);
    if (ok(rc == 0, "loads")) return s;
    printf("#  %s\n", err.text);
    if (s) s->ops->destroy(s);
    return NULL;
}

static bool equal(const struct symbol *got, int i) {
    uint64_t want = symbols[i].value + (symbols[i].biased ? BIAS : 0);
    bool same = strcmp(got->name, symbols[i].name) == 0 && got->addr == want &&
                got->size == symbols[i].size && got->kind == symbols[i].kind && !got->module;
    if (!same)
        printf("# %s 0x%" PRIx64 " %" PRIu64 " %c\n", got->name, got->addr, got->size, got->kind);
    return same;
}

struct seen {
    int n;
    uint64_t last;
    bool ordered;
};
static int visit(void *ctx, const struct symbol *sym) {
    struct seen *seen = ctx;
    seen->ordered = seen->ordered && sym->addr >= seen->last;
    seen->last = sym->addr;
    seen->n++;
    return 0;
}

static void check_names(struct symbol_source *s) {
    int wrong = 0, there = 0;
    struct symbol sym;
    for (int i = 0; i < SYMBOLS; i++) {
        bool local_twin = i == 2;
        there += symbols[i].kind != 0;
        if (local_twin || !symbols[i].name[0]) continue;
        bool found = s->ops->find_name(s, symbols[i].name, &sym);
        if (found != (symbols[i].kind != 0) || (found && !equal(&sym, i))) wrong++;
    }
    is_int(wrong, 0, "every name; of two the global one");
    ok(!s->ops->find_name(s, "", &sym) && !s->ops->find_name(s, "functio", &sym), "absent names");
    struct seen seen = {0, 0, true};
    s->ops->each(s, visit, &seen);
    ok(seen.n == there && seen.ordered, "each of %d by address", seen.n);
}

static void check_addresses(struct symbol_source *s) {
    static const struct {
        uint64_t addr;
        const char *name; // NULL: none
    } cases[] = {
        {TEXT, "startup"},
        {TEXT + 0xf, "startup"},
        {TEXT + 0x10, "twice"},
        {TEXT + 0x30, NULL}, // between two functions
        {TEXT + 0x103, "function"},
        {TEXT + 0x104, "label"},
        {TEXT + 0x11f, "label"},
        {TEXT + 0x121, "short_part"},
        {TEXT + 0x124, "function"}, // behind what ended inside it
        {TEXT + 0x13f, "function"},
        {TEXT + 0x140, NULL},
        {TEXT + 0x2ff, "assembly"}, // without size: up to the next
        {TEXT + 0x307, "resolved"},
        {TEXT + 0x308, NULL},
        {DATA + 15, "weak_variable"},
        {BSS + 0xfff, "zeroes"},
        {BSS + 0x1000, NULL},
        {BSS + 0x2000, "_end"},
        {BSS + 0x2001, NULL},
        {TEXT - 1, NULL},
        {UINT64_MAX - BIAS, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct symbol sym = {0};
        bool found = s->ops->find_addr(s, cases[i].addr + BIAS, &sym);
        if (!ok(found ? cases[i].name && strcmp(sym.name, cases[i].name) == 0 : !cases[i].name,
                "address 0x%" PRIx64, cases[i].addr))
            printf("#  %s\n", found ? sym.name : "(none)");
    }
    struct symbol sym;
    ok(!s->ops->find_addr(s, 0x11, &sym) && !s->ops->find_addr(s, 0x1234, &sym),
       "per-CPU offsets and absolute values are no addresses");
}

static void test_file(int class, bool big) {
    char path[32], hex[65];
    struct kvm_err err = {0};
    int fd = make(class, big, ET_EXEC, path);
    struct symbol_source *s = load(path, BIAS);
    if (s) {
        check_names(s);
        check_addresses(s);
        s->ops->destroy(s);
    }
    is_int(symbol_elf_build_id(path, hex, sizeof(hex), &err), 0, "a build id");
    is_str(hex, "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3", "its text");
    is_int(symbol_elf_build_id(path, hex, 40, &err), KVM_NOTFOUND, "no room for it");
    close(fd);
}

static void refused(const char *path, int want, const char *part) {
    struct symbol_source *s = NULL;
    struct kvm_err err = {0};
    int rc = symbol_elf_create(path, 0, &s, &err);
    if (rc == 0) rc = s->ops->load(s, &err);
    if (s) s->ops->destroy(s);
    is_int(rc, want, path);
    has_text(err.text, part, part);
}

static int with_bytes(const char *bytes, size_t n, char path[32]) {
    int fd = memfd_create("other", MFD_CLOEXEC);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    if (write(fd, bytes, n) != (ssize_t)n) abort();
    return fd;
}

static void test_refused(void) {
    char path[32], hex[65];
    struct kvm_err err = {0};
    refused("/nonexistent/vmlinux", KVM_IO, "/nonexistent/vmlinux: No such file");
    refused("/", KVM_FORMAT, "not an ELF file");
    int fd = with_bytes("", 0, path);
    refused(path, KVM_FORMAT, "not an ELF file");
    is_int(symbol_elf_build_id(path, hex, sizeof(hex), &err), KVM_FORMAT, "no build id either");
    close(fd);
    fd = with_bytes("root:x:0:0:root:/root:/bin/bash\n", 32, path);
    refused(path, KVM_FORMAT, "not an ELF file");
    close(fd);
    fd = make(ELFCLASS64, false, ET_REL, path);
    refused(path, KVM_FORMAT, "not a linked program");
    close(fd);
    fd = make(ELFCLASS64, false, ET_CORE, path);
    refused(path, KVM_FORMAT, "a core file, not a namelist");
    close(fd);
}

// The file cut short at every byte: an error with a text, or a smaller answer; never a crash.
static void test_cut(void) {
    char path[32], part[32], hex[65];
    static char bytes[16384];
    int fd = make(ELFCLASS64, false, ET_EXEC, path), wrong = 0, loaded = 0;
    ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
    for (ssize_t n = 0; n <= size; n += n > 128 && size - n > 900 ? 7 : 1) {
        int cut = with_bytes(bytes, (size_t)n, part);
        struct symbol_source *s = NULL;
        struct kvm_err err = {0};
        int rc = symbol_elf_create(part, 0, &s, &err);
        if (rc == 0) rc = s->ops->load(s, &err);
        if (rc && (err.code != rc || !err.text[0])) wrong++;
        if (rc == 0) loaded++;
        if (s) s->ops->destroy(s);
        err_clear(&err);
        rc = symbol_elf_build_id(part, hex, sizeof(hex), &err);
        if (rc && (err.code != rc || !err.text[0])) wrong++;
        close(cut);
    }
    ok(wrong == 0 && loaded > 0, "cut short (%d still load)", loaded);
    // every byte of header, symbols and section headers wrong
    for (ssize_t i = 0; i < size; i++) {
        char old = bytes[i];
        bytes[i] = (char)~old;
        int bad = with_bytes(bytes, (size_t)size, part);
        struct symbol_source *s = NULL;
        struct kvm_err err = {0};
        int rc = symbol_elf_create(part, BIAS, &s, &err);
        if (rc == 0) rc = s->ops->load(s, &err);
        if (rc && (err.code != rc || !err.text[0])) wrong++;
        struct seen seen = {0, 0, true};
        if (rc == 0) s->ops->each(s, visit, &seen);
        if (s) s->ops->destroy(s);
        close(bad);
        bytes[i] = old;
    }
    is_int(wrong, 0, "each byte wrong once");
    close(fd);
}

static void test_stripped(void) {
    char path[32];
    int fd = make(ELFCLASS64, false, ET_EXEC, path);
    GElf_Ehdr eh;
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    gelf_getehdr(elf, &eh);
    elf_end(elf);
    uint32_t type = SHT_PROGBITS;
    if (pwrite(fd, &type, 4, (off_t)(eh.e_shoff + S_SYMTAB * eh.e_shentsize + 4)) != 4) abort();
    refused(path, KVM_NOTFOUND, "stripped");
    close(fd);
}

static void test_no_memory(void) {
    char path[32];
    int fd = make(ELFCLASS64, false, ET_EXEC, path), wrong = 0, failed = 0;
    for (unsigned long n = 1; n < 12; n++) {
        struct symbol_source *s = NULL;
        struct kvm_err err = {0};
        mem_fail_from(n);
        int rc = symbol_elf_create(path, 0, &s, &err);
        if (rc == 0) rc = s->ops->load(s, &err);
        mem_fail_from(0);
        if (rc) failed++;
        if (rc && rc != KVM_NOMEM) wrong++;
        if (s) s->ops->destroy(s);
    }
    ok(wrong == 0 && failed >= 3 && failed < 11, "out of memory (%d)", failed);
    close(fd);
}

int main(void) {
    test_file(ELFCLASS64, false);
    test_file(ELFCLASS64, true);
    test_file(ELFCLASS32, false);
    test_file(ELFCLASS32, true);
    test_refused();
    test_stripped();
    test_cut();
    test_no_memory();
    return done();
}
