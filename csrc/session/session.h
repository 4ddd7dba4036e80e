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
    const char *core;     // NULL: the live kernel
    const char *namelist; // NULL: none
    bool write;           // writes are allowed
    bool overlay;       // writes stay in memory (the default for dumps); false: they go to the file
    bool trace;         // remember which pages are read (slim)
    size_t cache_bytes; // 0: the default
    int (*resolver)(const char *name, kvaddr_t *addr); // kvm_open2's; NULL: none
};

// An address space. KERNEL and PHYSICAL have no root.
struct session_space {
    enum { SPACE_KERNEL, SPACE_PHYSICAL, SPACE_USER } kind;
    uint64_t root; // physical address of a page table root
};

enum { SESSION_TLB_SLOTS = 1024, SESSION_PAGE_SHIFT = 12 };

// A translated page of kernel virtual memory: one load away when its stamp is good.
struct session_tlb {
    uint64_t page; // virtual page number; ~0 empty
    const uint8_t *host;
    const uint32_t *stamp;
    uint32_t stamp_value;
    uint32_t end; // bytes of the page that are there, counted from its start
};

struct session_overlay;

struct kvm_handle {
    struct kvm_err err; // of the last call; code 0: none
    char *program;      // kvm_open's errstr: hard errors are printed behind it
    struct session_options opt;
    char *namelist; // its path, or NULL
    struct image *image;
    struct os os;
    struct reader phys; // physical memory, overlay included
    bool symbols_added;
    struct session_overlay *overlay; // NULL until the first write
    struct session_tlb *tlb;         // SESSION_TLB_SLOTS
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
static inline int session_host(kvm_t *kd, uint64_t addr, const uint8_t **out, uint32_t len,
                               struct kvm_err *err) {
    uint64_t page = addr >> SESSION_PAGE_SHIFT;
    uint32_t off = (uint32_t)addr & ((1u << SESSION_PAGE_SHIFT) - 1);
    struct session_tlb *t = &kd->tlb[page % SESSION_TLB_SLOTS];
    if (t->page == page && off + len <= t->end && *t->stamp == t->stamp_value) {
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

// Processes in the sense of kvm_getprocs: op KERN_PROC_*, perhaps with KERN_PROC_INC_THREAD.
int session_procs(kvm_t *kd, int op, int arg, os_proc_visit *fn, void *ctx, struct kvm_err *err);
void session_kinfo(const kvm_t *kd, const struct os_proc *p, struct kinfo_proc *out);

#endif
