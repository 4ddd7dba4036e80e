// SPDX-License-Identifier: BSD-2-Clause
// kvm(3): the kernel memory interface, with the calls of the BSD manual, for crash dumps of any
// kernel that the library reads. See kvm_open(3).
#ifndef KVM_H
#define KVM_H

#include <stdint.h>
#include <sys/types.h>

// glibc has no <nlist.h>, and libelf's lays struct nlist out in another way: one program can't have
// both.
#ifdef _NLIST_H
#error "kvm.h declares struct nlist itself: do not include libelf's <nlist.h> beside it"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifndef KVM_API
#define KVM_API __attribute__((visibility("default")))
#endif

typedef struct kvm_handle kvm_t;
typedef uint64_t kvaddr_t; // an address of the target
typedef int64_t kssize_t;

// Bytes of the buffer that kvm_openfiles and kvm_open2 fill.
#define KVM_ERRBUF_SIZE 2048

// --- symbols, kvm_nlist(3)
struct nlist {
    const char *n_name;    // asked for; a leading '_' is skipped when the name is not found with it
    unsigned char n_type;  // N_UNDF when not found
    char n_other;          // 0
    short n_desc;          // 0
    unsigned long n_value; // address
};
struct kvm_nlist {
    const char *n_name;
    unsigned char n_type;
    kvaddr_t n_value;
};
#define N_UNDF 0x00
#define N_EXT  0x01 // or'ed in: global
#define N_ABS  0x02
#define N_TEXT 0x04
#define N_DATA 0x06
#define N_BSS  0x08

// --- processes, kvm_getprocs(3)
#define KERN_PROC_ALL        0    // everything
#define KERN_PROC_PID        1    // by process id
#define KERN_PROC_PGRP       2    // by process group id
#define KERN_PROC_SESSION    3    // by session id
#define KERN_PROC_TTY        4    // by controlling terminal (dev_t as in ki_tdev)
#define KERN_PROC_UID        5    // by effective user id
#define KERN_PROC_RUID       6    // by real user id
#define KERN_PROC_PROC       8    // processes without threads (all)
#define KERN_PROC_RGID       10   // by real group id
#define KERN_PROC_GID        11   // by effective group id
#define KERN_PROC_INC_THREAD 0x10 // modifier: one entry for each thread

#define KI_COMMLEN 19
#define KI_TTYLEN  31

// ki_stat
#define SIDL   1 // being created
#define SRUN   2 // running or runnable                       (Linux R)
#define SSLEEP 3 // sleeping, interruptible                   (Linux S, I)
#define SSTOP  4 // stopped or traced                         (Linux T, t)
#define SZOMB  5 // exited, not reaped                        (Linux Z, X)
#define SWAIT  6 // sleeping in the kernel, not interruptible (Linux D)

struct kinfo_proc {
    int ki_structsize;     // sizeof(struct kinfo_proc)
    int ki_pid;            // process (thread group) id
    int ki_tid;            // task id; that of the first thread where threads are not asked for
    int ki_ppid;           // of the parent
    int ki_pgid;           // process group id
    int ki_sid;            // session id
    unsigned int ki_uid;   // effective
    unsigned int ki_ruid;  // real
    unsigned int ki_svuid; // saved
    unsigned int ki_gid;   // effective
    unsigned int ki_rgid;  // real
    unsigned int ki_svgid; // saved
    char ki_comm[KI_COMMLEN + 1];
    char ki_stat;        // SIDL ... SWAIT
    char ki_state;       // the letter that the target's own ps shows: R S D T t X Z P I
    signed char ki_nice; // -20 .. 19
    int ki_numthreads;
    int ki_oncpu;               // the CPU it is, or was last, on
    uint64_t ki_tdev;           // controlling terminal: major << 8 | minor; 0: none
    char ki_tty[KI_TTYLEN + 1]; // its name, "" none
    uint64_t ki_start;          // nanoseconds from boot to its start
    uint64_t ki_runtime;        // nanoseconds on a CPU, user and system
    uint64_t ki_utime;          // nanoseconds in user mode
    uint64_t ki_stime;          // nanoseconds in the kernel
    uint64_t ki_size;           // bytes of virtual memory
    uint64_t ki_rssize;         // pages resident
    kvaddr_t ki_paddr;          // of the task: struct task_struct, struct proc
    kvaddr_t ki_vmspace;        // of its memory map: struct mm_struct; 0 for kernel threads
    uint64_t ki_flag;           // the kernel's flags as they are (Linux PF_*)
    uint32_t ki_partial;        // not 0: some fields could not be read from the dump and are 0
};

// --- swap, kvm_getswapinfo(3)
struct kvm_swap {
    char ksw_devname[64];
    uint64_t ksw_used;  // pages
    uint64_t ksw_total; // pages
    int ksw_flags;      // the kernel's flags of the device
};

// --- pages, kvm_walk_pages(3)
#define KVM_WALK_PAGES_VERSION 2
#define KVM_PROT_READ          1
#define KVM_PROT_WRITE         2
#define KVM_PROT_EXECUTE       4
struct kvm_page {
    unsigned int kp_version; // KVM_WALK_PAGES_VERSION
    uint64_t kp_paddr;       // physical address
    kvaddr_t kp_kmap_vaddr;  // where the kernel maps it; 0: nowhere
    kvaddr_t kp_dmap_vaddr;  // where the direct map has it; 0: unknown
    int kp_prot;             // KVM_PROT_* of that mapping
    uint64_t kp_offset;      // in the core file; 0: the page is compressed, or not in one piece
    size_t kp_len;           // bytes
};
typedef int kvm_walk_pages_cb_t(struct kvm_page *page, void *arg); // 0 stops the walk

// --- the calls
// Beside O_RDONLY and O_RDWR: writes go to the core file itself, not to a copy in memory.
#define KVM_IN_PLACE 0x40000000
KVM_API kvm_t *kvm_open(const char *execfile, const char *corefile, char *swapfile, int flags,
                        const char *errstr);
KVM_API kvm_t *kvm_openfiles(const char *execfile, const char *corefile, char *swapfile, int flags,
                             char *errbuf);
KVM_API kvm_t *kvm_open2(const char *execfile, const char *corefile, int flags, char *errbuf,
                         int (*resolver)(const char *name, kvaddr_t *addr));
KVM_API int kvm_close(kvm_t *kd);
KVM_API char *kvm_geterr(kvm_t *kd);

KVM_API ssize_t kvm_read(kvm_t *kd, unsigned long addr, void *buf, size_t nbytes);
KVM_API ssize_t kvm_read2(kvm_t *kd, kvaddr_t addr, void *buf, size_t nbytes);
KVM_API ssize_t kvm_write(kvm_t *kd, unsigned long addr, const void *buf, size_t nbytes);
KVM_API ssize_t kvm_physread(kvm_t *kd, uint64_t paddr, void *buf, size_t nbytes);
KVM_API ssize_t kvm_uread(kvm_t *kd, const struct kinfo_proc *p, kvaddr_t uaddr, void *buf,
                          size_t nbytes);
KVM_API int kvm_walk_pages(kvm_t *kd, kvm_walk_pages_cb_t *cb, void *arg);

KVM_API int kvm_nlist(kvm_t *kd, struct nlist *nl);
KVM_API int kvm_nlist2(kvm_t *kd, struct kvm_nlist *nl);
KVM_API kssize_t kvm_kerndisp(kvm_t *kd);
KVM_API int kvm_native(kvm_t *kd);

KVM_API struct kinfo_proc *kvm_getprocs(kvm_t *kd, int op, int arg, int *cnt);
KVM_API char **kvm_getargv(kvm_t *kd, const struct kinfo_proc *p, int nchr);
KVM_API char **kvm_getenvv(kvm_t *kd, const struct kinfo_proc *p, int nchr);
KVM_API int kvm_getloadavg(kvm_t *kd, double loadavg[], int nelem);
KVM_API int kvm_getswapinfo(kvm_t *kd, struct kvm_swap *swap, int maxswap, int flags);
KVM_API int kvm_getmaxcpu(kvm_t *kd);

#ifdef __cplusplus
}
#endif
#endif
