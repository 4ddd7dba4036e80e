// SPDX-License-Identifier: BSD-2-Clause
// Names and addresses. A symbol table is a list of sources in order of preference; each is loaded
// when it is first needed, because most questions are answered by the first.
//
// How to add a symbol source:
//  1. Write csrc/symbol/<source>.c with a `symbol_<source>_create` that gives a struct
//  symbol_source.
//  2. Let the os layer (or session/open.c, for a file the user names) add it where it belongs in
//  the order.
//  3. A spec with built data, a fuzz target if it parses bytes of a dump, a line in CHANGELOG.md.
#ifndef KVM_SYMBOL_SYMBOL_H
#define KVM_SYMBOL_SYMBOL_H

#include "base/reader.h"

#include <stddef.h>

enum { SYMBOL_NAME_MAX = 512 }; // bytes with the NUL; KSYM_NAME_LEN is 512 since Linux 6.1

struct symbol {
    const char *name;   // borrowed from the source, good until it is destroyed
    uint64_t addr;      // as the running kernel had it (KASLR included)
    uint64_t size;      // bytes; 0 unknown. kallsyms has none: the distance to the next symbol
    char kind;          // nm's letter: T t D d B b R r A V W ...; '?' unknown
    const char *module; // NULL: the kernel itself
};

struct symbol_source;
typedef int symbol_visit(void *ctx,
                         const struct symbol *sym); // 0 goes on, other values end and are returned

struct symbol_source_ops {
    const char *name; // "kallsyms", "elf", "modules", "System.map"
    // Reads the tables; called once, before any of the others. NOTFOUND: this kernel has no such
    // table.
    int (*load)(struct symbol_source *s, struct kvm_err *err);
    // The first symbol of that exact name. False when absent.
    bool (*find_name)(struct symbol_source *s, const char *name, struct symbol *out);
    // The symbol that holds addr: the last with sym.addr <= addr < end of the table (or of the
    // symbol, where sizes are known). Among those of one address the first that is not a section
    // mark (_text, _stext, ...).
    bool (*find_addr)(struct symbol_source *s, uint64_t addr, struct symbol *out);
    // Every symbol in the table's own order.
    int (*each)(struct symbol_source *s, symbol_visit *fn, void *ctx);
    void (*destroy)(struct symbol_source *s);
};

struct symbol_source {
    const struct symbol_source_ops *ops;
    enum { SYMBOL_FRESH, SYMBOL_LOADED, SYMBOL_FAILED } state;
    // Why loading failed. Of a loaded source: code 0, or why a part of its tables can't be read
    // (what is missing in the dump, symbols included, is not "absent").
    struct kvm_err error;
};

struct symtab;
struct symtab *symtab_create(void);
void symtab_destroy(struct symtab *t); // and its sources; NULL-safe
// Appends; takes ownership of the source, also on failure.
int symtab_add(struct symtab *t, struct symbol_source *s, struct kvm_err *err);

// NOTFOUND: no source has it ("no symbol X"). Where a source could not be read, the text says why;
// if that is the first source, the code is its code, since the symbol may well exist. A source that
// asks the table while it is being loaded is passed over.
int symtab_name(struct symtab *t, const char *name, struct symbol *out, struct kvm_err *err);
int symtab_addr(struct symtab *t, uint64_t addr, struct symbol *out, struct kvm_err *err);
int symtab_each(struct symtab *t, symbol_visit *fn, void *ctx, struct kvm_err *err);
// Shorthand: the address of a symbol.
int symtab_value(struct symtab *t, const char *name, uint64_t *out, struct kvm_err *err);
// The names of the sources that are (or would be) used, e.g. "elf, modules"; loads nothing but the
// first.
const char *symtab_origin(struct symtab *t);
bool symtab_empty(const struct symtab *t);

// --- sources

// The kernel's own table, compressed in memory. Where it is: the addresses that VMCOREINFO gives (0
// where it does not), or by shape in [scan_start, scan_end).
struct kallsyms_hints {
    uint64_t names, num_syms, token_table, token_index, offsets, relative_base;
    uint64_t scan_start, scan_end; // kernel image, virtual; searched from the end down
    uint64_t text_start, text_end; // what _stext and _end may be, for checks; 0 unknown
};
int symbol_kallsyms_create(const struct reader *virt, const struct kallsyms_hints *hints,
                           struct symbol_source **out, struct kvm_err *err);

// The .symtab of an ELF file (libelf), each address plus bias (KASLR offset).
int symbol_elf_create(const char *path, uint64_t bias, struct symbol_source **out,
                      struct kvm_err *err);

// What an ELF file says about the kernel that it is of.
struct symbol_elf_about {
    uint16_t machine;  // EM_*
    uint8_t elf_class; // 1 (32 bits) or 2 (64 bits)
    bool big;
    bool relocatable; // an object file, such as a module: its symbols have no addresses
    const char *os;   // "linux", "freebsd"; "" unknown
};
int symbol_elf_about(const char *path, struct symbol_elf_about *out, struct kvm_err *err);

// The GNU build id of an ELF file, in hexadecimal. NOTFOUND: it has none.
int symbol_elf_build_id(const char *path, char *hex, size_t size, struct kvm_err *err);

// Symbols of loaded modules from their struct mod_kallsyms, as the os layer found them.
struct module_symbols {
    const char *name;        // copied
    uint64_t symtab, strtab; // arrays of Elf_Sym and bytes, virtual addresses
    uint64_t typetab;        // one letter a symbol; 0: older kernels keep the letter in st_info
    uint32_t count;          // symbols
    // struct module's syms and num_syms and the size of a struct kernel_symbol, which decide
    // whether a letter is upper case; 0: none, or unknown
    uint64_t exports;
    uint32_t export_count, export_size;
    uint64_t base[8], size[8]; // where the module lies (its memory ranges); size 0 ends
};
typedef int module_list(void *ctx, int (*add)(void *to, const struct module_symbols *m), void *to,
                        struct kvm_err *err);
// LIST is called when the source is loaded.
int symbol_modules_create(const struct reader *virt, module_list *list, void *ctx,
                          struct symbol_source **out, struct kvm_err *err);

#endif
