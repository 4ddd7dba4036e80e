// SPDX-License-Identifier: BSD-2-Clause
// kvm_getprocs(3), kvm_getloadavg(3), kvm_getswapinfo(3), kvm_getmaxcpu: selection, conversion and
// ownership with an operating system made of a table, then the dump that ships.
#include "sample.h"
#include "session/session.h"
#include "tap.h"

#include "base/mem.h"

#include <fcntl.h>

static struct os_proc table[] = {
    {.pid = 1, .tid = 1, .comm = "init", .state = 'S', .threads = 1, .addr = 0x1000},
    {.pid = 2,
     .tid = 2,
     .ppid = 1,
     .pgid = 2,
     .sid = 2,
     .uid = 100,
     .ruid = 200,
     .gid = 300,
     .rgid = 400,
     .svuid = 150,
     .svgid = 350,
     .comm = "a-name-of-thirty-one-characters",
     .state = 'R',
     .nice = -20,
     .cpu = 3,
     .threads = 2,
     .start_ns = 7,
     .utime_ns = 20,
     .stime_ns = 30,
     .vsz_bytes = 8192,
     .rss_bytes = 12288,
     .tty_major = 4,
     .tty_minor = 65,
     .tty = "ttyS1",
     .addr = 0x2000,
     .mm = 0x3000,
     .flags = 0x400000,
     .partial = OS_PROC_TTY},
    {.pid = 2,
     .tid = 3,
     .ppid = 1,
     .pgid = 2,
     .sid = 2,
     .uid = 100,
     .ruid = 200,
     .gid = 300,
     .rgid = 400,
     .comm = "thread",
     .state = 'D',
     .threads = 2,
     .addr = 0x4000},
    {.pid = 9,
     .tid = 9,
     .ppid = 2,
     .pgid = 2,
     .sid = 9,
     .uid = 0xfffffffe,
     .comm = "nobody",
     .state = 'Z',
     .threads = 1,
     .addr = 0x5000},
};
enum { ROWS = sizeof(table) / sizeof(table[0]) };

static int damage_at = ROWS; // the walk fails in front of this row
static int swaps;

static int each_proc(struct os *os, bool threads, os_proc_visit *fn, void *ctx,
                     struct kvm_err *err) {
    (void)os;
    for (int i = 0; i < ROWS; i++) {
        if (i == damage_at) return err_at(err, KVM_FORMAT, 0x99, "the list is damaged");
        int rc = threads || table[i].pid == table[i].tid ? fn(ctx, &table[i]) : 0;
        if (rc) return rc;
    }
    return 0;
}

static int find_proc(struct os *os, int32_t tid, struct os_proc *out, struct kvm_err *err) {
    (void)os;
    for (int i = 0; i < damage_at; i++) {
        if (table[i].tid != tid) continue;
        *out = table[i];
        return 0;
    }
    return damage_at < ROWS ? err_at(err, KVM_FORMAT, 0x99, "the list is damaged")
                            : err_set(err, KVM_NOTFOUND, "no task");
}

static int loadavg(struct os *os, double avg[3], struct kvm_err *err) {
    (void)os;
    if (damage_at < ROWS) return err_set(err, KVM_NOTFOUND, "no symbol avenrun");
    avg[0] = 0.5;
    avg[1] = 1.5;
    avg[2] = 2.5;
    return 0;
}

static int each_swap(struct os *os, int (*fn)(void *ctx, const struct os_swap *s), void *ctx,
                     struct kvm_err *err) {
    (void)os;
    if (damage_at < ROWS) return err_set(err, KVM_NOTFOUND, "no symbol swap_info");
    for (int i = 0; i < swaps; i++) {
        struct os_swap s = {.name = "/dev/vda2", .total_pages = 100, .used_pages = 7, .flags = 3};
        int rc = fn(ctx, &s);
        if (rc) return rc;
    }
    return 0;
}

static int max_cpu(struct os *os, int *out, struct kvm_err *err) {
    (void)os;
    if (damage_at < ROWS) return err_set(err, KVM_NOTFOUND, "no symbol nr_cpu_ids");
    *out = 12;
    return 0;
}

static const struct os_ops ops = {.name = "table",
                                  .each_proc = each_proc,
                                  .find_proc = find_proc,
                                  .loadavg = loadavg,
                                  .each_swap = each_swap,
                                  .max_cpu = max_cpu};

// The ids that a selection gives: "1 2 9".
static const char *ids(kvm_t *kd, int op, int arg) {
    static char text[64];
    int cnt = 77;
    size_t used = 0;
    struct kinfo_proc *p = kvm_getprocs(kd, op, arg, &cnt);
    if (!p) return cnt == 0 ? "none" : cnt == -1 ? "error" : "wrong";
    for (int i = 0; i < cnt; i++)
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "%s%d", i ? " " : "", p[i].ki_tid);
    return text;
}

static void test_select(kvm_t *kd) {
    is_str(ids(kd, KERN_PROC_ALL, 0), "1 2 9", "all");
    is_str(ids(kd, KERN_PROC_PROC, 0), "1 2 9", "all processes");
    is_str(ids(kd, KERN_PROC_ALL | KERN_PROC_INC_THREAD, 0), "1 2 3 9", "all threads");
    is_str(ids(kd, KERN_PROC_PID, 2), "2", "a process");
    is_str(ids(kd, KERN_PROC_PID | KERN_PROC_INC_THREAD, 2), "2 3", "its threads");
    is_str(ids(kd, KERN_PROC_PID, 3), "none", "a thread is no process");
    is_str(ids(kd, KERN_PROC_PID, 4), "none", "no such process");
    is_str(kvm_geterr(kd), "", "is no error");
    is_str(ids(kd, KERN_PROC_PGRP, 2), "2 9", "a process group");
    is_str(ids(kd, KERN_PROC_SESSION, 2), "2", "a session");
    is_str(ids(kd, KERN_PROC_TTY, 4 << 8 | 65), "2", "a terminal");
    is_str(ids(kd, KERN_PROC_TTY, 0), "none", "0 is no terminal");
    is_str(ids(kd, KERN_PROC_UID, 100), "2", "an effective user");
    is_str(ids(kd, KERN_PROC_UID, 200), "none", "which is not the real one");
    is_str(ids(kd, KERN_PROC_UID, -2), "9", "a user id above 2^31");
    is_str(ids(kd, KERN_PROC_RUID, 200), "2", "a real user");
    is_str(ids(kd, KERN_PROC_GID, 300), "2", "an effective group");
    is_str(ids(kd, KERN_PROC_RGID, 400), "2", "a real group");
    is_str(ids(kd, KERN_PROC_RGID | KERN_PROC_INC_THREAD, 400), "2 3", "its threads");
    is_str(ids(kd, 7, 0), "error", "an operation that is not there");
    has_text(kvm_geterr(kd), "no such selection", "text");
    is_str(ids(kd, 0x20, 0), "error", "an unknown modifier");
    is_str(ids(kd, KERN_PROC_PROC | KERN_PROC_INC_THREAD, 0), "error", "PROC has no threads");
}

static void test_fields(kvm_t *kd) {
    int cnt;
    const struct kinfo_proc *p = kvm_getprocs(kd, KERN_PROC_PID, 2, &cnt);
    ok(p && cnt == 1, "one entry");
    if (!p) return;
    is_int(p->ki_structsize, sizeof(*p), "size of the struct");
    ok(p->ki_pid == 2 && p->ki_tid == 2 && p->ki_ppid == 1 && p->ki_pgid == 2 && p->ki_sid == 2,
       "ids");
    ok(p->ki_uid == 100 && p->ki_ruid == 200 && p->ki_svuid == 150, "users");
    ok(p->ki_gid == 300 && p->ki_rgid == 400 && p->ki_svgid == 350, "groups");
    is_str(p->ki_comm, "a-name-of-thirty-on", "a long name is cut off");
    ok(p->ki_stat == SRUN && p->ki_state == 'R', "state");
    ok(p->ki_nice == -20 && p->ki_oncpu == 3 && p->ki_numthreads == 2, "scheduling");
    is_int((int64_t)p->ki_tdev, 4 << 8 | 65, "terminal");
    is_str(p->ki_tty, "ttyS1", "its name");
    ok(p->ki_start == 7 && p->ki_utime == 20 && p->ki_stime == 30 && p->ki_runtime == 50, "times");
    ok(p->ki_size == 8192 && p->ki_rssize == 3, "bytes of memory, pages resident");
    ok(p->ki_paddr == 0x2000 && p->ki_vmspace == 0x3000, "addresses");
    ok(p->ki_flag == 0x400000 && p->ki_partial == OS_PROC_TTY, "flags");
}

static void test_states(kvm_t *kd) {
    static const struct {
        char letter, stat;
    } cases[] = {{'R', SRUN},  {'S', SSLEEP}, {'I', SSLEEP}, {'P', SSLEEP}, {'T', SSTOP},
                 {'t', SSTOP}, {'Z', SZOMB},  {'X', SZOMB},  {'D', SWAIT},  {'?', 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct os_proc p = {.state = cases[i].letter};
        struct kinfo_proc k;
        session_kinfo(kd, &p, &k);
        ok(k.ki_stat == cases[i].stat && k.ki_state == cases[i].letter, "state %c",
           cases[i].letter);
    }
}

static void test_damage(kvm_t *kd) {
    int cnt = 77;
    damage_at = 3;
    is_str(ids(kd, KERN_PROC_ALL, 0), "1 2", "what was found before the damage");
    has_text(kvm_geterr(kd), "the list is damaged", "and the reason");
    is_str(ids(kd, KERN_PROC_PID, 9), "error", "a process that may lie behind it");
    damage_at = 0;
    is_str(ids(kd, KERN_PROC_ALL, 0), "error", "nothing was found");
    is_int(kvm_getloadavg(kd, (double[3]){0}, 3), -1, "no load average");
    has_text(kvm_geterr(kd), "avenrun", "text");
    struct kvm_swap swap;
    is_int(kvm_getswapinfo(kd, &swap, 1, 0), -1, "no swap");
    is_int(kvm_getmaxcpu(kd), -1, "no CPUs");
    damage_at = ROWS;
    mem_fail_from(1);
    ok(!kvm_getprocs(kd, KERN_PROC_ALL, 0, &cnt) && cnt == -1, "out of memory");
    mem_fail_from(0);
    has_text(kvm_geterr(kd), "out of memory", "text");
}

static void test_figures(kvm_t *kd) {
    double avg[5] = {9, 9, 9, 9, 9};
    is_int(kvm_getloadavg(kd, avg, 5), 3, "three averages at most");
    ok(avg[0] == 0.5 && avg[2] == 2.5 && avg[3] == 9, "no more are written");
    avg[1] = 9;
    is_int(kvm_getloadavg(kd, avg, 1), 1, "one");
    ok(avg[1] == 9, "the second is left alone");
    is_int(kvm_getloadavg(kd, avg, 0), 0, "none");
    is_int(kvm_getmaxcpu(kd), 12, "CPUs");

    struct kvm_swap s[4];
    memset(s, 0x55, sizeof(s));
    is_int(kvm_getswapinfo(kd, s, 4, 0), 0, "no swap areas");
    ok(s[0].ksw_total == 0 && s[0].ksw_used == 0 && s[0].ksw_devname[0] == '\0', "a total of 0");
    swaps = 3;
    is_int(kvm_getswapinfo(kd, s, 3, 0), 2, "as many as there is room for, but one");
    is_str(s[1].ksw_devname, "/dev/vda2", "name");
    ok(s[1].ksw_total == 100 && s[1].ksw_used == 7 && s[1].ksw_flags == 3, "pages and flags");
    ok(s[2].ksw_total == 300 && s[2].ksw_used == 21, "the total is of all three");
    is_int(kvm_getswapinfo(kd, s, 1, 0), 0, "the total only");
    ok(s[0].ksw_total == 300 && s[0].ksw_used == 21, "of all three");
    is_int(kvm_getswapinfo(kd, s, 0, 0), 0, "nothing");
    is_int(kvm_getswapinfo(kd, s, 4, 1), -1, "flags must be 0");
}

static void test_table(void) {
    kvm_t *kd = mem_zalloc(sizeof(*kd));
    kd->os.ops = &ops;
    kd->os.facts.page_size = 4096;
    test_select(kd);
    kd->err = (struct kvm_err){0};
    test_fields(kd);
    test_states(kd);
    test_figures(kd);
    test_damage(kd);
    mem_free(kd->procs);
    mem_free(kd);
}

static const struct kinfo_proc *by_pid(const struct kinfo_proc *p, int cnt, int pid) {
    for (int i = 0; i < cnt; i++) {
        if (p[i].ki_pid == pid) return &p[i];
    }
    return NULL;
}

static void test_sample(void) {
    char errbuf[KVM_ERRBUF_SIZE] = "";
    int cnt = 0, threads = 0, one = 0;
    kvm_t *kd = kvm_openfiles(NULL, sample_core(), NULL, O_RDONLY, errbuf);
    ok(kd != NULL, "the dump opens %s", errbuf);
    if (!kd) return;
    const struct kinfo_proc *p = kvm_getprocs(kd, KERN_PROC_ALL, 0, &cnt);
    ok(p && cnt > 20, "it has processes: %d", cnt);
    if (!p) return;
    is_str(kvm_geterr(kd), "", "no damage");
    const struct kinfo_proc *init = by_pid(p, cnt, 1), *kthreadd = by_pid(p, cnt, 2);
    ok(!by_pid(p, cnt, 0), "the idle task is not listed");
    ok(init && kthreadd, "init and kthreadd");
    if (init && kthreadd) {
        is_str(kthreadd->ki_comm, "kthreadd", "name");
        ok(kthreadd->ki_ppid == 0 && kthreadd->ki_vmspace == 0 && kthreadd->ki_size == 0,
           "a kernel thread");
        ok(init->ki_vmspace != 0 && init->ki_size > 0 && init->ki_rssize > 0, "a process");
    }
    ok(kvm_getprocs(kd, KERN_PROC_ALL | KERN_PROC_INC_THREAD, 0, &threads) && threads >= cnt,
       "at least as many threads: %d", threads);
    p = kvm_getprocs(kd, KERN_PROC_PID, 2, &one);
    ok(p && one == 1 && p->ki_pid == 2, "one by its id");
    double avg[3];
    is_int(kvm_getloadavg(kd, avg, 3), 3, "load average");
    ok(avg[0] >= 0 && avg[0] < 100, "of this guest");
    ok(kvm_getmaxcpu(kd) >= 1, "CPUs");
    is_int(kvm_close(kd), 0, "close");
}

int main(void) {
    test_table();
    test_sample();
    return done();
}
