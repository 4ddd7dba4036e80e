// SPDX-License-Identifier: BSD-2-Clause
// One open kernel: the layers below put together. kvm(3) (kvm_*.c) and the Lua binding are both
// thin callers of these functions. Opening runs named stages in order (open.c): image, os, locate,
// mmu, namelist, symbols, types; the last two only say where tables are, they are read when first
// asked for.
#ifndef KVM_SESSION_SESSION_H
#define KVM_SESSION_SESSION_H

#include "kvm.h"
#include "os/os.h"

struct session_options {
    const char *const *core; // the names of its files (image_open); NULL: the live kernel
    size_t core_count;
    const char *namelist; // NULL: none
    bool write;           // writes are allowed
    bool overlay; // writes stay in memory (the default for dumps); false: they go to the file
    bool trace;   // remember which pages are read (slim)
    const char *debug_dir;  // where debug files lie; NULL: /usr/lib/debug
    bool debuginfod;        // ask the servers of DEBUGINFOD_URLS for those that are not there
    size_t cache_bytes;     // 0: the default
    const char *vmcoreinfo; // a file of VMCOREINFO lines that stands for the dump's own; NULL: none
    const struct progress *progress;                   // of opening; NULL: nobody asks
    int (*resolver)(const char *name, kvaddr_t *addr); // kvm_open2's; NULL: none
};

// An address space. KERNEL and PHYSICAL have no root.
struct session_space {
    enum { SPACE_KERNEL, SPACE_PHYSICAL, SPACE_USER } kind;
    uint64_t root; // physical address of a page table root
};

enum { SESSION_TLB_SETS = 4096, SESSION_TLB_WAYS = 2, SESSION_PAGE_SHIFT = 12 };

// A translated page of kernel virtual memory: one load away when its stamp is good. The cache holds 32 MB of
// pages: what a walk over all tasks of a small machine touches.
struct session_tlb {
    uint64_t tag; // virtual page number + 1; 0 empty
    const uint8_t *host;
    const uint32_t *stamp;
    uint32_t stamp_value;
    uint32_t end; // bytes of the page that are there, counted from its start
};

struct session_overlay;
struct session_modules;

struct kvm_handle {
    struct kvm_err err; // of the last call; code 0: none
    char *program;      // kvm_open's errstr: hard errors are printed behind it
    struct session_options opt;
    char *namelist; // its path, or NULL
    // Without memory only:
    bool only_types;   // the namelist is BTF alone
    bool no_addresses; // it is that or an object file: no symbol has an address
    char *debug_dir;
    struct image *image;
    struct os os;
    char *vmcoreinfo;   // lines that stand for the note; NULL: the note itself, or none
    struct reader phys; // physical memory, overlay included
    bool symbols_added;
    struct session_modules *modules; // for their types
    struct session_overlay *overlay; // NULL until the first write
    struct session_tlb *tlb;         // SESSION_TLB_WAYS in each of SESSION_TLB_SETS
    uint64_t tlb_misses;             // lookups that had to walk the page tables
    // Results that kvm_getprocs, kvm_getargv and kvm_getenvv own until their next call.
    struct kinfo_proc *procs;
    char **strings[2];
    uint8_t bounce[64]; // bytes that session_host had to put together
};

int session_open(const struct session_options *opt, kvm_t **out, struct kvm_err *err);
void session_close(kvm_t *kd); // NULL-safe

// Reads up to LEN bytes; *done counts those before the first that can't be read. 0 only when all
// were.
int session_read(kvm_t *kd, struct session_space space, uint64_t addr, void *buf, size_t len,
                 size_t *done, struct kvm_err *err);
int session_write(kvm_t *kd, struct session_space space, uint64_t addr, const void *buf, size_t len,
                  size_t *done, struct kvm_err *err);
// The mapping of addr in a space (for SPACE_PHYSICAL the identity).
int session_translate(kvm_t *kd, struct session_space space, uint64_t addr, struct mmu_page *out,
                      struct kvm_err *err);
// Space of a process.
int session_proc_space(kvm_t *kd, const struct os_proc *p, struct session_space *out,
                       struct kvm_err *err);

// A pointer to LEN bytes of kernel virtual memory that lie within one page; good until the next
// call. The fast half is inline; session_host_miss fills the cache.
int session_host_miss(kvm_t *kd, uint64_t addr, const uint8_t **out, uint32_t len,
                      struct kvm_err *err);
static inline struct session_tlb *session_tlb_set(const kvm_t *kd, uint64_t addr) {
    return &kd->tlb[(addr >> SESSION_PAGE_SHIFT) % SESSION_TLB_SETS * SESSION_TLB_WAYS];
}
static inline int session_host(kvm_t *kd, uint64_t addr, const uint8_t **out, uint32_t len,
                               struct kvm_err *err) {
    uint64_t tag = (addr >> SESSION_PAGE_SHIFT) + 1;
    uint32_t off = (uint32_t)addr & ((1u << SESSION_PAGE_SHIFT) - 1);
    const struct session_tlb *t = session_tlb_set(kd, addr);
    if (t->tag != tag) t++; // the second way
    if (t->tag == tag && off + len <= t->end && *t->stamp == t->stamp_value) {
        *out = t->host + off;
        return 0;
    }
    return session_host_miss(kd, addr, out, len, err);
}

// Forgets all translations: memory was written.
void session_tlb_flush(kvm_t *kd);

// The symbol table and the types (kd->os.symbols, kd->os.types) exist from open on and load
// themselves. A resolver given to kvm_open2, when there is one, replaces the symbol lookup by name
// altogether.
int session_symbol(kvm_t *kd, const char *name, struct symbol *out, struct kvm_err *err);

// Debug files, looked for when they are first asked for (debug_file.c). The one of a loaded module, placed where
// the kernel has put its sections: addresses in it are those of memory.
int session_module_debug(kvm_t *kd, const char *module, struct type_source **out,
                         struct kvm_err *err);
// The type of a variable of the kernel or of a module (NULL: of the one that has the symbol), as
// type_variable_at; the symbol's address tells which of several is meant.
int session_variable(kvm_t *kd, const char *module, const char *name, type_id *out,
                     struct kvm_err *err);
// Functions and lines of the code at an address, innermost first; the strings are borrowed until the
// handle is closed. NOTFOUND: no debug file, or it does not know the address.
int session_places(kvm_t *kd, uint64_t addr, struct type_place *out, size_t max, size_t *n,
                   struct kvm_err *err);
// The row of call frame information in force at an address of code. NOTFOUND: no debug file, or it
// has none of that code.
int session_frame(kvm_t *kd, uint64_t addr, struct type_frame *out, struct kvm_err *err);

// Processes in the sense of kvm_getprocs: op KERN_PROC_*, perhaps with KERN_PROC_INC_THREAD.
int session_procs(kvm_t *kd, int op, int arg, os_proc_visit *fn, void *ctx, struct kvm_err *err);
void session_kinfo(const kvm_t *kd, const struct os_proc *p, struct kinfo_proc *out);

#endif
