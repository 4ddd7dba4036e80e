// SPDX-License-Identifier: BSD-2-Clause
// Builds CTF in memory, of versions 2 and 3 and either byte order, for tests: types are appended one by one and
// numbered from 1, as in the format (FreeBSD's sys/sys/ctf.h, 14.0); and ELF files with it.
#ifndef KVM_SPEC_CTF_BUILD_H
#define KVM_SPEC_CTF_BUILD_H

#include "base/bytes.h"
#include "base/codec.h"
#include "type/type.h"

#include <assert.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    C_HOLE,
    C_INT,
    C_FLOAT,
    C_PTR,
    C_ARRAY,
    C_FUNCTION,
    C_STRUCT,
    C_UNION,
    C_ENUM,
    C_FORWARD,
    C_TYPEDEF,
    C_VOLATILE,
    C_CONST,
    C_RESTRICT
};
enum { C_HEADER = 36, C_SIGNED = 1, C_CHAR = 2, C_BOOL = 4, C_VARARGS = 8 };
enum { C_TYPES_MAX = 1 << 16, C_STRINGS_MAX = 1 << 13, C_SECTION_MAX = 512 };

struct ctf_section {
    size_t len;
    uint8_t bytes[C_SECTION_MAX];
};

struct ctf_build {
    int version;
    bool big;
    uint32_t last;
    size_t types_len, strings_len;
    uint8_t types[C_TYPES_MAX];
    char strings[C_STRINGS_MAX];
    struct ctf_section labels, objects, functions;
    const char *parent, *label; // of the header
    uint8_t blob[C_TYPES_MAX + C_STRINGS_MAX + 2048];
    size_t blob_len;
};

__attribute__((unused)) static void c_init(struct ctf_build *b, int version, bool big) {
    memset(b, 0, sizeof(*b));
    b->version = version;
    b->big = big;
    b->strings_len = 1;
}

__attribute__((unused)) static uint32_t c_string(struct ctf_build *b, const char *s) {
    if (!s || !s[0]) return 0;
    size_t len = strlen(s) + 1;
    assert(b->strings_len + len <= sizeof(b->strings));
    memcpy(b->strings + b->strings_len, s, len);
    b->strings_len += len;
    return (uint32_t)(b->strings_len - len);
}

static void c_u32(struct ctf_build *b, uint32_t v) {
    assert(b->types_len + 4 <= sizeof(b->types));
    bytes_put_u32(b->types + b->types_len, v, b->big);
    b->types_len += 4;
}

static size_t c_put_word(const struct ctf_build *b, uint8_t *at, uint32_t v) {
    if (b->version == 3) {
        bytes_put_u32(at, v, b->big);
        return 4;
    }
    bytes_put_u16(at, (uint16_t)v, b->big);
    return 2;
}

// An id, or an info word.
static void c_word(struct ctf_build *b, uint32_t v) {
    assert(b->types_len + 4 <= sizeof(b->types));
    b->types_len += c_put_word(b, b->types + b->types_len, v);
}

__attribute__((unused)) static uint32_t c_info(const struct ctf_build *b, unsigned kind, bool root,
                                               uint32_t vlen) {
    return b->version == 3 ? kind << 26 | (uint32_t)root << 25 | vlen
                           : kind << 11 | (uint32_t)root << 10 | vlen;
}

// A record without a size; returns its number. NAME may be a number of a string in the other table.
__attribute__((unused)) static uint32_t c_named(struct ctf_build *b, uint32_t name, unsigned kind,
                                                bool root, uint32_t vlen, uint32_t ref) {
    c_u32(b, name);
    c_word(b, c_info(b, kind, root, vlen));
    c_word(b, ref);
    return ++b->last;
}
__attribute__((unused)) static uint32_t c_type(struct ctf_build *b, const char *name, unsigned kind,
                                               uint32_t vlen, uint32_t ref) {
    return c_named(b, c_string(b, name), kind, true, vlen, ref);
}

// A record with a size, of 64 bits where it does not fit.
__attribute__((unused)) static uint32_t c_sized(struct ctf_build *b, const char *name,
                                                unsigned kind, bool root, uint32_t vlen,
                                                uint64_t size) {
    uint32_t sentinel = b->version == 3 ? UINT32_MAX : UINT16_MAX;
    bool large = size >= sentinel;
    c_named(b, c_string(b, name), kind, root, vlen, large ? sentinel : (uint32_t)size);
    if (large) {
        c_u32(b, (uint32_t)(size >> 32));
        c_u32(b, (uint32_t)size);
    }
    return b->last;
}

__attribute__((unused)) static uint32_t c_int(struct ctf_build *b, const char *name, bool root,
                                              uint32_t size, uint32_t flags, uint32_t bits) {
    c_sized(b, name, C_INT, root, 1, size);
    c_u32(b, flags << 24 | bits);
    return b->last;
}

__attribute__((unused)) static uint32_t c_array(struct ctf_build *b, uint32_t element,
                                                uint32_t count) {
    c_sized(b, NULL, C_ARRAY, true, 1, 0);
    c_word(b, element);
    c_word(b, 1);
    c_u32(b, count);
    return b->last;
}

// Behind a struct or union of SIZE bytes.
__attribute__((unused)) static void c_member(struct ctf_build *b, uint64_t size, const char *name,
                                             uint32_t type, uint64_t bit_offset) {
    bool large = size >= (b->version == 3 ? 1u << 29 : 1u << 13);
    c_u32(b, c_string(b, name));
    c_word(b, type);
    if (large) {
        if (b->version == 2) c_word(b, 0);
        c_u32(b, (uint32_t)(bit_offset >> 32));
        c_u32(b, (uint32_t)bit_offset);
    } else {
        c_word(b, (uint32_t)bit_offset);
    }
}

// Behind a function of COUNT parameters.
__attribute__((unused)) static void c_parameters(struct ctf_build *b, const uint32_t *ids,
                                                 uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        c_word(b, ids[i]);
    if (b->version == 2 && count % 2) c_word(b, 0);
}

__attribute__((unused)) static void c_enumerator(struct ctf_build *b, const char *name,
                                                 int32_t value) {
    c_u32(b, c_string(b, name));
    c_u32(b, (uint32_t)value);
}

// Words of the sections of objects and functions.
__attribute__((unused)) static void c_section_word(struct ctf_build *b, struct ctf_section *s,
                                                   uint32_t v) {
    assert(s->len + 4 <= sizeof(s->bytes));
    s->len += c_put_word(b, s->bytes + s->len, v);
}

__attribute__((unused)) static void c_add_label(struct ctf_build *b, const char *name) {
    assert(b->labels.len + 8 <= sizeof(b->labels.bytes));
    bytes_put_u32(b->labels.bytes + b->labels.len, c_string(b, name), b->big);
    bytes_put_u32(b->labels.bytes + b->labels.len + 4, b->last, b->big);
    b->labels.len += 8;
}

static void c_append(struct ctf_build *b, const void *bytes, size_t len) {
    memcpy(b->blob + b->blob_len, bytes, len);
    b->blob_len += len;
}

// The blob; compressed, it stands behind the header as ctfmerge writes it.
__attribute__((unused)) static void c_finish(struct ctf_build *b, bool compressed) {
    uint32_t label = c_string(b, b->label), parent = c_string(b, b->parent);
    b->functions.len += (size_t)(-(int)(b->labels.len + b->objects.len + b->functions.len)) % 4;
    uint32_t objects = (uint32_t)b->labels.len, functions = objects + (uint32_t)b->objects.len;
    uint32_t types = functions + (uint32_t)b->functions.len;
    uint32_t strings = types + (uint32_t)b->types_len;
    const uint32_t f[8] = {label,     parent, 0,       objects,
                           functions, types,  strings, (uint32_t)b->strings_len};
    memset(b->blob, 0, C_HEADER);
    bytes_put_u16(b->blob, 0xcff1, b->big);
    b->blob[2] = (uint8_t)b->version;
    b->blob[3] = compressed;
    for (int i = 0; i < 8; i++)
        bytes_put_u32(b->blob + 4 + 4 * i, f[i], b->big);
    b->blob_len = C_HEADER;
    c_append(b, b->labels.bytes, b->labels.len);
    c_append(b, b->objects.bytes, b->objects.len);
    c_append(b, b->functions.bytes, b->functions.len);
    c_append(b, b->types, b->types_len);
    c_append(b, b->strings, b->strings_len);
    if (!compressed) return;
    static uint8_t packed[sizeof(b->blob) + 1024];
    size_t len = sizeof(packed);
    struct codec codec = {0};
    if (codec_compress(&codec, CODEC_ZLIB, b->blob + C_HEADER, b->blob_len - C_HEADER, packed, &len,
                       NULL))
        abort();
    codec_deinit(&codec);
    memcpy(b->blob + C_HEADER, packed, len);
    b->blob_len = C_HEADER + len;
}

// --- a small kernel of types that the tests share; every number has its name here
enum sample_id {
    S_LONG = 1,
    S_INT,
    S_CHAR,
    S_UCHAR,
    S_VOID,
    S_BOOL,
    S_BITS3, // int of 3 bits
    S_BITS5, // unsigned char of 5 bits
    S_DOUBLE,
    S_COMPLEX,
    S_U8,        // typedef
    S_LIST,      // struct list
    S_LIST_P,    // struct list *
    S_NAME,      // char [16]
    S_GRID,      // u8 [2][3]
    S_ROW,       // u8 [3]
    S_STATE,     // enum state { DEAD = -1, RUNNING = 1 }
    S_UNION,     // anonymous, in struct proc
    S_PROC,      // struct proc
    S_PROC_P,    // struct proc *
    S_CONST,     // const char
    S_CONST_P,   // const char *
    S_CV,        // volatile const char
    S_RESTRICT,  // const char *restrict
    S_FUNC,      // int (struct proc *, const char *, ...)
    S_FUNC_P,    // a pointer to it
    S_FUNC_VOID, // void (void)
    S_FWD,       // struct only_declared
    S_FWD_UNION, // union either, not told so
    S_EITHER,    // union either
    S_FWD_LIST,  // struct list again, declared
    S_LARGE,     // struct large, of 9000 bytes (v2: large members)
    S_HUGE,      // char [70000]
    S_OVER,      // struct over, with a size that needs 64 bits in v2
    S_HOLE,
    S_ENUMS,  // struct enums: an enum's bit field
    S_HIDDEN, // struct list, not visible by its name
    S_VOID_P,
    S_FWD_TOLD, // union told: a forward declaration that says so
    S_LAST = S_FWD_TOLD
};

__attribute__((unused)) static void c_sample_basics(struct ctf_build *b, uint32_t word) {
    c_int(b, "long", true, word, C_SIGNED, 8 * word);
    c_int(b, "int", true, 4, C_SIGNED, 32);
    c_int(b, "char", true, 1, C_SIGNED | C_CHAR, 8);
    c_int(b, "unsigned char", true, 1, C_CHAR, 8);
    c_int(b, "void", true, 0, C_SIGNED, 0);
    c_int(b, "_Bool", true, 1, C_SIGNED | C_BOOL, 8);
    c_int(b, "int", false, 4, C_SIGNED, 3);
    c_int(b, "unsigned char", false, 1, C_CHAR, 5);
    c_sized(b, "double", C_FLOAT, true, 1, 8);
    c_u32(b, 2u << 24 | 64);
    c_sized(b, "complex double", C_FLOAT, true, 1, 16);
    c_u32(b, 4u << 24 | 128);
    c_type(b, "u8", C_TYPEDEF, 0, S_UCHAR);
    c_sized(b, "list", C_STRUCT, true, 2, 2 * word);
    c_member(b, 2 * word, "next", S_LIST_P, 0);
    c_member(b, 2 * word, "prev", S_LIST_P, 8 * word);
    c_type(b, NULL, C_PTR, 0, S_LIST);
    c_array(b, S_CHAR, 16);
    c_array(b, S_ROW, 2);
    c_array(b, S_U8, 3);
    c_sized(b, "state", C_ENUM, true, 2, 4);
    c_enumerator(b, "DEAD", -1);
    c_enumerator(b, "RUNNING", 1);
}

// struct proc: pid at 0, bit fields at 32 and 35, anonymous union at 64, name at 128, state at 256.
__attribute__((unused)) static void c_sample_structs(struct ctf_build *b) {
    c_sized(b, NULL, C_UNION, true, 2, 8);
    c_member(b, 8, "whole", S_LONG, 0);
    c_member(b, 8, "half", S_INT, 0);
    c_sized(b, "proc", C_STRUCT, true, 8, 48);
    c_member(b, 48, "pid", S_INT, 0);
    c_member(b, 48, "low", S_BITS3, 32);
    c_member(b, 48, "high", S_BITS5, 35);
    c_member(b, 48, NULL, S_UNION, 64);
    c_member(b, 48, "name", S_NAME, 128);
    c_member(b, 48, "state", S_STATE, 256);
    c_member(b, 48, "alive", S_BOOL, 288);
    c_member(b, 48, "grid", S_GRID, 296);
    c_type(b, NULL, C_PTR, 0, S_PROC);
    c_type(b, NULL, C_CONST, 0, S_CHAR);
    c_type(b, NULL, C_PTR, 0, S_CONST);
    c_type(b, NULL, C_VOLATILE, 0, S_CONST);
    c_type(b, NULL, C_RESTRICT, 0, S_CONST_P);
    static const uint32_t parameters[] = {S_PROC_P, S_CONST_P, 0};
    c_type(b, NULL, C_FUNCTION, 3, S_INT);
    c_parameters(b, parameters, 3);
    c_type(b, NULL, C_PTR, 0, S_FUNC);
    c_type(b, NULL, C_FUNCTION, 0, S_VOID);
}

__attribute__((unused)) static void c_sample_rest(struct ctf_build *b) {
    c_type(b, "only_declared", C_FORWARD, 0, 0);
    c_type(b, "either", C_FORWARD, 0, 0);
    c_sized(b, "either", C_UNION, true, 1, 4);
    c_member(b, 4, "x", S_INT, 0);
    c_type(b, "list", C_FORWARD, 0, C_STRUCT);
    c_sized(b, "large", C_STRUCT, true, 2, 9000);
    c_member(b, 9000, "first", S_INT, 0);
    c_member(b, 9000, "last", S_INT, 8 * 8996);
    c_array(b, S_CHAR, 70000);
    c_sized(b, "over", C_STRUCT, true, 2, 70008);
    c_member(b, 70008, "text", S_HUGE, 0);
    c_member(b, 70008, "tail", S_LONG, 8 * 70000);
    c_sized(b, NULL, C_HOLE, false, 0, 0);
    c_sized(b, "enums", C_STRUCT, true, 4, 8);
    c_member(b, 8, "two", S_STATE, 0);
    c_member(b, 8, "six", S_STATE, 2);
    c_member(b, 8, "low", S_BITS3, 8);
    c_member(b, 8, "next", S_STATE, 32);
    c_sized(b, "list", C_STRUCT, false, 1, 4);
    c_member(b, 4, "other", S_INT, 0);
    c_type(b, NULL, C_PTR, 0, S_VOID);
    c_type(b, "told", C_FORWARD, 0, C_UNION);
    assert(b->last == S_LAST);
}

// WORD: bytes of a pointer.
__attribute__((unused)) static void c_sample(struct ctf_build *b, int version, bool big,
                                             uint32_t word) {
    c_init(b, version, big);
    c_sample_basics(b, word);
    c_sample_structs(b);
    c_sample_rest(b);
    c_add_label(b, "14.0");
}

// --- files
// A path that opens a file of these bytes; close(*fd) forgets it.
__attribute__((unused)) static int c_file(const void *bytes, size_t len, char path[32]) {
    int fd = memfd_create("ctf", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len) abort();
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

struct ctf_elf_symbol {
    const char *name;
    uint8_t type, bind;
    uint16_t section;
    uint64_t value;
};

static void c_elf_data(Elf_Scn *scn, void *bytes, size_t size, Elf_Type type) {
    Elf_Data *data = elf_newdata(scn);
    *data = (Elf_Data){
        .d_buf = bytes, .d_size = size, .d_type = type, .d_align = 8, .d_version = EV_CURRENT};
}

static void c_elf_section(Elf_Scn *scn, uint32_t name, uint32_t type, uint32_t link,
                          uint64_t entry) {
    GElf_Shdr sh;
    gelf_getshdr(scn, &sh);
    sh.sh_name = name;
    sh.sh_type = type;
    sh.sh_link = link;
    sh.sh_entsize = entry;
    gelf_update_shdr(scn, &sh);
}

// An ELF file of the blob: section 1 is SECTION (".SUNW_ctf"), 2 .symtab, 3 .strtab, 4 .shstrtab. LINK: what the
// CTF is linked to (2, or 0 for nothing).
__attribute__((unused)) static int c_elf(struct ctf_build *b, int elf_class, const char *section,
                                         const struct ctf_elf_symbol *symbols, int count,
                                         uint32_t link, char path[32]) {
    static uint8_t table[64 * sizeof(Elf64_Sym)];
    static char strings[1024], names[64];
    int fd = memfd_create("elf", MFD_CLOEXEC);
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_WRITE, NULL);
    if (fd < 0 || !elf || !gelf_newehdr(elf, elf_class) || count >= 64) abort();
    GElf_Ehdr eh;
    gelf_getehdr(elf, &eh);
    eh.e_ident[EI_DATA] = b->big ? ELFDATA2MSB : ELFDATA2LSB;
    eh.e_type = ET_EXEC;
    eh.e_shstrndx = 4;
    gelf_update_ehdr(elf, &eh);
    Elf_Scn *scn[5];
    for (int i = 1; i <= 4; i++)
        scn[i] = elf_newscn(elf);
    c_elf_data(scn[1], b->blob, b->blob_len, ELF_T_BYTE);
    size_t entry = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT), used = 1;
    memset(table, 0, sizeof(table));
    c_elf_data(scn[2], table, (size_t)(count + 1) * entry, ELF_T_SYM);
    for (int i = 0; i < count; i++) {
        const struct ctf_elf_symbol *s = &symbols[i];
        GElf_Sym sym = {.st_info = GELF_ST_INFO(s->bind, s->type),
                        .st_shndx = s->section,
                        .st_value = s->value};
        if (s->name[0]) {
            sym.st_name = (GElf_Word)used;
            memcpy(strings + used, s->name, strlen(s->name) + 1);
            used += strlen(s->name) + 1;
        }
        gelf_update_sym(elf_getdata(scn[2], NULL), i + 1, &sym);
    }
    c_elf_data(scn[3], strings, used, ELF_T_BYTE);
    int name = snprintf(names, sizeof(names), "%c%s", 0, section) + 1;
    memcpy(names + name, ".symtab\0.strtab\0.shstrtab", 26);
    c_elf_data(scn[4], names, (size_t)name + 26, ELF_T_BYTE);
    c_elf_section(scn[1], 1, SHT_PROGBITS, link, 0);
    c_elf_section(scn[2], (uint32_t)name, SHT_SYMTAB, 3, entry);
    c_elf_section(scn[3], (uint32_t)name + 8, SHT_STRTAB, 0, 0);
    c_elf_section(scn[4], (uint32_t)name + 16, SHT_STRTAB, 0, 0);
    if (elf_update(elf, ELF_C_WRITE) < 0) abort();
    elf_end(elf);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}
// Symbols of the sample, of which some have entries.
static const struct ctf_elf_symbol c_symbols[] = {
    {"", STT_OBJECT, STB_LOCAL, 1, 8},                   // no entries: without a name,
    {"elsewhere", STT_OBJECT, STB_GLOBAL, SHN_UNDEF, 0}, // undefined,
    {"_START_", STT_OBJECT, STB_LOCAL, 1, 8},            // a mark,
    {"zero", STT_OBJECT, STB_GLOBAL, SHN_ABS, 0},        // absolute 0
    {"twice", STT_OBJECT, STB_LOCAL, 1, 8},
    {"ambiguous", STT_OBJECT, STB_LOCAL, 1, 16},
    {"main", STT_FUNC, STB_GLOBAL, 1, 24},
    {"untyped", STT_OBJECT, STB_GLOBAL, 1, 32},
    {"label", STT_NOTYPE, STB_GLOBAL, 1, 32},
    {"ambiguous", STT_OBJECT, STB_LOCAL, 1, 40},
    {"same", STT_OBJECT, STB_LOCAL, 1, 48},
    {"same", STT_OBJECT, STB_LOCAL, 1, 56},
    {"secret", STT_FUNC, STB_LOCAL, 1, 64},
    {"twice", STT_OBJECT, STB_GLOBAL, 1, 72},
    {"noreturn", STT_FUNC, STB_WEAK, 1, 80},
    {"absolute", STT_OBJECT, STB_GLOBAL, SHN_ABS, 8},
};
enum { C_SYMBOLS = sizeof(c_symbols) / sizeof(c_symbols[0]) };

static void c_function(struct ctf_build *b, uint32_t result, const uint32_t *parameters,
                       uint32_t count) {
    c_section_word(b, &b->functions, c_info(b, C_FUNCTION, true, count));
    c_section_word(b, &b->functions, result);
    for (uint32_t i = 0; i < count; i++)
        c_section_word(b, &b->functions, parameters[i]);
}

__attribute__((unused)) static void c_sample_with_symbols(struct ctf_build *b, int version,
                                                          bool big, uint32_t word) {
    static const uint32_t objects[] = {S_INT, S_LONG, 0, S_CHAR, S_GRID, S_GRID, S_PROC, S_LIST};
    static const uint32_t parameters[] = {S_PROC_P, S_CONST_P, 0};
    c_sample(b, version, big, word);
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
        c_section_word(b, &b->objects, objects[i]);
    c_function(b, S_INT, parameters, 3);
    c_section_word(b, &b->functions, 0); // secret: no type is known
    c_function(b, S_VOID, NULL, 0);
}

// The graph of a source, which it then owns.
static int c_give(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)err;
    *out = ctx;
    return 0;
}

__attribute__((unused)) static struct type_db *c_own(struct type_source *s) {
    struct type_db *db = type_db_create(c_give, s);
    type_origin(db, NULL); // now the database owns the source
    return db;
}

__attribute__((unused)) static int c_open(const void *bytes, size_t len, struct type_db **out,
                                          struct kvm_err *err) {
    char path[32];
    struct type_source *s;
    int fd = c_file(bytes, len, path);
    int rc = type_ctf_open(path, NULL, 0, &s, err);
    close(fd);
    if (rc == 0) *out = c_own(s);
    return rc;
}

#endif
