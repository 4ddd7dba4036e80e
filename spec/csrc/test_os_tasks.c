// SPDX-License-Identifier: BSD-2-Clause
// Tasks of Linux: lists, good and damaged; every field in both layouts; times; arguments.
#include "fake_kernel.h"
#include "tap.h"

#include "base/mem.h"
#include "os/linux/cputime.h"

enum { MOST = 16 };
static const char task_type[] = "struct task_struct";
static const char signal_type[] = "struct signal_struct";
static const char mm_type[] = "struct mm_struct";

struct seen {
    struct os_proc p[MOST];
    int count;
    int stop_at; // ends the walk with 42 when so many were seen; 0: never
};

static int see(void *ctx, const struct os_proc *p) {
    struct seen *s = ctx;
    if (s->count < MOST) s->p[s->count] = *p;
    s->count++;
    return s->stop_at && s->count == s->stop_at ? 42 : 0;
}

static int walk(struct fake_kernel *k, bool threads, struct seen *s, struct kvm_err *err) {
    *s = (struct seen){.stop_at = s->stop_at};
    *err = (struct kvm_err){0};
    return os_linux.each_proc(&k->os, threads, see, s, err);
}

// The ids in the order seen: "1 2 3".
static const char *tids(const struct seen *s) {
    static char text[256];
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < s->count && i < MOST; i++)
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "%s%d", i ? " " : "", s->p[i].tid);
    return text;
}

static uint64_t signal_of(struct fake_kernel *k, uint64_t task) {
    return fake_get(k, task + fake_off(k, task_type, "signal"), 8);
}

static void test_lists(enum fake_layout layout) {
    struct fake_kernel *k = fake_create(layout);
    struct seen s = {.stop_at = 0};
    struct kvm_err err;
    struct os_proc p;
    is_int(walk(k, false, &s, &err), 0, "no task but the idle one");
    is_int(s.count, 0, "which is not listed");
    is_int(os_linux.find_proc(&k->os, 0, &p, &err), KVM_NOTFOUND, "nor found");
    uint64_t init = fake_process(k, 1, "init", 0);
    uint64_t main_task = fake_process(k, 20, "main", init);
    fake_thread(k, main_task, 21, "worker");
    fake_thread(k, main_task, 22, "worker");
    fake_process(k, 30, "last", init);
    is_int(walk(k, false, &s, &err), 0, "processes");
    is_str(tids(&s), "1 20 30", "in the order of their list");
    is_int(walk(k, true, &s, &err), 0, "threads");
    is_str(tids(&s), "1 20 21 22 30", "each behind its leader");
    is_int(s.p[2].pid, 20, "pid of a thread");
    is_int(s.p[2].threads, 3, "threads of its group");
    is_int((int64_t)s.p[2].leader, (int64_t)main_task, "its leader");
    is_int(s.p[2].ppid, 1, "its parent");
    is_int(os_linux.find_proc(&k->os, 30, &p, &err), 0, "a process by its id");
    is_str(p.comm, "last", "name");
    is_int(os_linux.find_proc(&k->os, 22, &p, &err), 0, "a thread by its id");
    is_int(p.pid, 20, "its process");
    is_int(os_linux.find_proc(&k->os, 31, &p, &err), KVM_NOTFOUND, "an id that no task has");
    s.stop_at = 2;
    is_int(walk(k, false, &s, &err), 42, "what the visitor returns ends the walk");
    is_int(s.count, 2, "at once");
    is_int(walk(k, true, &s, &err), 42, "among threads too");
    fake_destroy(k);
}

static void make_five(struct fake_kernel *k, uint64_t task[5]) {
    for (int i = 0; i < 5; i++)
        task[i] = fake_process(k, i + 1, "five", i ? task[0] : 0);
}

static void test_damage(void) {
    struct fake_kernel *k = fake_create(FAKE_NEW);
    struct seen s = {.stop_at = 0};
    struct kvm_err err;
    uint64_t t[5], off = fake_off(k, task_type, "tasks"), head = k->init_task + off;
    make_five(k, t);
    fake_put(k, t[2] + off + 8, 0xdead, 8);
    is_int(walk(k, false, &s, &err), KVM_FORMAT, "a wrong back link");
    is_str(tids(&s), "1 2 5 4", "the rest is found from the other end");
    is_int((int64_t)err.addr, (int64_t)(t[2] + off), "address");
    has_text(err.text, "tasks: the list is damaged", "text");
    fake_put(k, t[2] + off + 8, t[1] + off, 8);

    fake_put(k, t[3] + off, t[1] + off, 8);
    is_int(walk(k, false, &s, &err), KVM_FORMAT, "a circle");
    is_str(tids(&s), "1 2 3 4 5", "is not walked twice");
    fake_put(k, t[3] + off, t[4] + off, 8);

    fake_put(k, t[1] + off, 0x10, 8);
    is_int(walk(k, false, &s, &err), KVM_FAULT, "a link to nowhere");
    is_str(tids(&s), "1 2 5 4 3", "everything is found all the same");
    is_int((int64_t)err.addr, 0x10, "address");
    fake_put(k, t[1] + off, t[2] + off, 8);

    fake_put(k, head + 8, t[3] + off, 8);
    is_int(walk(k, false, &s, &err), KVM_FORMAT, "a head that points back to another");
    is_str(tids(&s), "1 2 3 4 5", "after all of them");
    fake_put(k, head + 8, t[4] + off, 8);

    fake_hole(k, t[2] + off, 16);
    is_int(walk(k, false, &s, &err), KVM_EXCLUDED, "a link that is not in the dump");
    is_str(tids(&s), "1 2 5 4", "the others");
    s.stop_at = 3;
    is_int(walk(k, false, &s, &err), 42, "a visitor may end it on the way back");
    s.stop_at = 0;
    fake_hole(k, head, 16);
    is_int(walk(k, false, &s, &err), KVM_EXCLUDED, "no head");
    is_int(s.count, 0, "nothing");
    fake_destroy(k);
}

static void test_thread_damage(void) {
    struct fake_kernel *k = fake_create(FAKE_NEW);
    struct seen s = {.stop_at = 0};
    struct kvm_err err;
    struct os_proc p;
    uint64_t init = fake_process(k, 1, "init", 0), a = fake_process(k, 10, "a", init);
    uint64_t off = fake_off(k, task_type, "thread_node");
    uint64_t t11 = fake_thread(k, a, 11, "a1"), t12 = fake_thread(k, a, 12, "a2");
    fake_process(k, 20, "b", init);
    fake_put(k, t11 + off + 8, 0xdead, 8);
    is_int(walk(k, true, &s, &err), KVM_FORMAT, "one group's list is damaged");
    is_str(tids(&s), "1 10 12 20", "the other groups are not lost");
    has_text(err.text, "threads: the list is damaged", "text");
    is_int(walk(k, false, &s, &err), 0, "processes are all there");
    is_int(s.p[1].partial, OS_PROC_TIMES, "but for the sum of its times");
    is_int(os_linux.find_proc(&k->os, 12, &p, &err), 0, "a thread behind the damage is found");
    fake_put(k, t11 + off + 8, a + off, 8);

    fake_hole(k, signal_of(k, a), 512);
    is_int(walk(k, true, &s, &err), 0, "the head of the threads is not in the dump");
    is_str(tids(&s), "1 10 11 12 20", "from the leader all are reached");
    ok(s.p[1].partial & OS_PROC_SIGNAL, "what lies in the signal_struct is missing");
    is_int(s.p[1].threads, 0, "such as the number of threads");
    is_str(s.p[3].comm, "a2", "the name is not");
    is_int(os_linux.find_proc(&k->os, 12, &p, &err), 0, "a thread of it by its id");
    // As after execve in a thread: the leader is not the first.
    fake_put(k, t12 + off, a + off, 8);
    fake_put(k, a + off + 8, t12 + off, 8);
    uint64_t head = signal_of(k, a) + fake_off(k, signal_type, "thread_head");
    fake_put(k, t12 + off + 8, head, 8);
    fake_put(k, t11 + off, head, 8);
    is_int(walk(k, true, &s, &err), 0, "the leader stands between others");
    is_str(tids(&s), "1 10 11 12 20", "both directions");
    fake_destroy(k);
}

static void set_fields(struct fake_kernel *k, uint64_t task) {
    uint64_t cred = fake_get(k, task + fake_off(k, task_type, "real_cred"), 8);
    uint64_t tty = fake_alloc(k, 256), driver = fake_alloc(k, 64), mm = fake_mm(k, task);
    bool old = k->layout == FAKE_OLD;
    static const char *const ids[] = {"uid", "gid", "suid", "sgid", "euid", "egid"};
    for (uint64_t i = 0; i < 6; i++)
        fake_set(k, cred, "struct cred", ids[i], 1000 + i);
    fake_set(k, task, task_type, old ? "state" : "__state", 0x402);
    fake_set(k, task, task_type, old ? "cpu" : "thread_info.cpu", 3);
    fake_set(k, task, task_type, "flags", 0x404040);
    fake_set(k, task, task_type, "prio", 49);
    fake_set(k, task, task_type, "static_prio", 139);
    fake_set(k, task, task_type, "rt_priority", 50);
    fake_set(k, task, task_type, "policy", 1);
    fake_set(k, task, task_type, "start_boottime", 5000000000);
    fake_set(k, driver, "struct tty_driver", "major", 4);
    fake_set(k, driver, "struct tty_driver", "minor_start", 64);
    fake_set(k, tty, "struct tty_struct", "driver", driver);
    fake_set(k, tty, "struct tty_struct", "index", 2);
    fake_puts(k, tty + fake_off(k, "struct tty_struct", "name"), "ttyS2");
    fake_set(k, signal_of(k, task), signal_type, "tty", tty);
    fake_set(k, mm, mm_type, "total_vm", 100);
    for (uint64_t i = 0; i < 4; i++) {
        char path[32];
        snprintf(path, sizeof(path), old ? "rss_stat.count[%d]" : "rss_stat[%d].count", (int)i);
        fake_set(k, mm, mm_type, path, i == 1 ? (uint64_t)-5 : 10 * (i + 1));
    }
}

// Two CPUs, whose parts of the counters of file and anonymous pages are 3 and -1.
static void set_percpu(struct fake_kernel *k, uint64_t mm) {
    uint64_t ids = fake_alloc(k, 8), mask = fake_alloc(k, 8), offsets = fake_alloc(k, 16);
    uint64_t area = fake_alloc(k, 128);
    fake_symbol(k, "nr_cpu_ids", ids);
    fake_symbol(k, "__cpu_possible_mask", mask);
    fake_symbol(k, "__per_cpu_offset", offsets);
    fake_put(k, ids, 2, 4);
    fake_put(k, mask, 3, 8);
    fake_put(k, offsets, area, 8);
    fake_put(k, offsets + 8, area + 64, 8);
    fake_put(k, area + 16, 3, 4);
    fake_put(k, area + 64 + 16, 0xffffffff, 4);
    fake_set(k, mm, mm_type, "rss_stat[0].counters", 16);
}

static void test_fields(enum fake_layout layout) {
    struct fake_kernel *k = fake_create(layout);
    struct kvm_err err = {0};
    struct os_proc p;
    uint64_t init = fake_process(k, 1, "init", 0);
    uint64_t task = fake_process(k, 77, "sixteen-bytes-xy", init);
    set_fields(k, task);
    if (layout == FAKE_NEW) set_percpu(k, fake_get(k, task + fake_off(k, task_type, "mm"), 8));
    is_int(os_linux.find_proc(&k->os, 77, &p, &err), 0, "a task");
    is_int(p.partial, 0, "nothing is missing");
    ok(p.pid == 77 && p.tid == 77 && p.ppid == 1 && p.pgid == 77 && p.sid == 77, "ids");
    is_str(p.comm, "sixteen-bytes-xy", "a name without its NUL");
    is_int(p.state, 'I', "state");
    ok(p.uid == 1004 && p.ruid == 1000 && p.svuid == 1002, "user ids");
    ok(p.gid == 1005 && p.rgid == 1001 && p.svgid == 1003, "group ids");
    ok(p.cpu == 3 && p.prio == 49 && p.nice == 19 && p.rt_priority == 50 && p.policy == 1,
       "scheduling");
    is_int((int64_t)p.flags, 0x404040, "flags");
    is_int((int64_t)p.start_ns, 5000000000, "start");
    ok(p.tty_major == 4 && p.tty_minor == 66, "terminal");
    is_str(p.tty, "ttyS2", "its name");
    is_int((int64_t)p.vsz_bytes, 100 * 4096, "virtual memory");
    // file 10 (and 2 on the CPUs), anonymous less than none, swap not counted, shared 40
    is_int((int64_t)p.rss_bytes, (layout == FAKE_NEW ? 52 : 50) * 4096, "resident memory");
    is_int((int64_t)p.addr, (int64_t)task, "address");
    fake_set(k, task, task_type, "flags", 0x200000);
    is_int(os_linux.find_proc(&k->os, 77, &p, &err), 0, "a kernel thread");
    ok(p.mm == 0 && p.vsz_bytes == 0, "that borrows memory has none");
    fake_destroy(k);
}

static void test_states(void) {
    static const struct {
        uint32_t state, exit_state;
        char letter;
    } cases[] = {
        {0, 0, 'R'},      {1, 0, 'S'},       {2, 0, 'D'},       {4, 0, 'T'},      {8, 0, 't'},
        {0x40, 0, 'P'},   {0x80, 0x10, 'X'}, {0x80, 0x20, 'Z'}, {0x402, 0, 'I'},  {0x102, 0, 'D'},
        {0x1000, 0, 'D'}, {0x8000, 0, 'D'},  {0x401, 0, 'S'},   {0x2001, 0, 'S'}, {0x2402, 0, 'I'},
        {0x200, 0, 'R'},  {0x800, 0, 'R'},
    };
    struct fake_kernel *k = fake_create(FAKE_NEW);
    uint64_t task = fake_process(k, 1, "init", 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct os_proc p = {0};
        fake_set(k, task, task_type, "__state", cases[i].state);
        fake_set(k, task, task_type, "exit_state", cases[i].exit_state);
        os_linux.find_proc(&k->os, 1, &p, NULL);
        ok(p.state == cases[i].letter, "state 0x%x, exit state 0x%x is %c, not %c", cases[i].state,
           cases[i].exit_state, cases[i].letter, p.state);
    }
    fake_destroy(k);
}

static uint32_t partial_without(const char *type, const char *path, uint64_t base,
                                struct fake_kernel *k, struct os_proc *p) {
    k->holes = 0;
    fake_hole(k, base + fake_off(k, type, path), 1);
    os_linux.find_proc(&k->os, 77, p, NULL);
    return p->partial;
}

static void test_partial(void) {
    struct fake_kernel *k = fake_create(FAKE_NEW);
    struct os_proc p;
    uint64_t task = fake_process(k, 77, "part", 0), signal = signal_of(k, task);
    uint64_t cred = fake_get(k, task + fake_off(k, task_type, "real_cred"), 8);
    set_fields(k, task);
    uint64_t mm = fake_get(k, task + fake_off(k, task_type, "mm"), 8);
    uint64_t tty = fake_get(k, signal + fake_off(k, signal_type, "tty"), 8);
    is_int(partial_without(task_type, "comm", task, k, &p), OS_PROC_TASK, "no name");
    is_str(p.comm, "", "it is empty");
    is_int(partial_without(task_type, "__state", task, k, &p), OS_PROC_TASK, "no state");
    is_int(p.state, '?', "it is a question mark");
    is_int(partial_without(signal_type, "pids[2]", signal, k, &p), OS_PROC_SIGNAL, "no group");
    ok(p.pgid == 0 && p.sid == 77, "the session is there");
    is_int(partial_without("struct cred", "euid", cred, k, &p), OS_PROC_CRED, "no user id");
    is_int(partial_without(mm_type, "rss_stat[3].count", mm, k, &p), OS_PROC_MM, "no counter");
    ok(p.rss_bytes == 0 && p.vsz_bytes == 100 * 4096, "the size is there");
    is_int(partial_without("struct tty_struct", "name", tty, k, &p), OS_PROC_TTY,
           "no terminal name");
    is_int(partial_without(task_type, "utime", task, k, &p), OS_PROC_TIMES, "no times");
    fake_destroy(k);
}

static void set_times(struct fake_kernel *k, uint64_t task, uint64_t u, uint64_t s, uint64_t r) {
    fake_set(k, task, task_type, "utime", u);
    fake_set(k, task, task_type, "stime", s);
    fake_set(k, task, task_type, "se.sum_exec_runtime", r);
}

static void test_times(void) {
    struct fake_kernel *k = fake_create(FAKE_NEW);
    struct os_proc p;
    uint64_t task = fake_process(k, 5, "busy", 0), thread = fake_thread(k, task, 6, "busy");
    uint64_t signal = signal_of(k, task);
    set_times(k, task, 100, 300, 800);
    set_times(k, thread, 50, 50, 200);
    fake_set(k, signal, signal_type, "utime", 50);
    fake_set(k, signal, signal_type, "stime", 250);
    fake_set(k, signal, signal_type, "sum_sched_runtime", 1000);
    os_linux.find_proc(&k->os, 5, &p, NULL);
    ok(p.utime_ns == 500 && p.stime_ns == 1500, "of a process: the dead, and all living threads");
    os_linux.find_proc(&k->os, 6, &p, NULL);
    ok(p.utime_ns == 100 && p.stime_ns == 100, "of a thread: its own");
    struct seen s = {.stop_at = 0};
    struct kvm_err err;
    walk(k, true, &s, &err);
    ok(s.p[0].utime_ns == 200 && s.p[0].stime_ns == 600, "of the leader among threads: its own");
    fake_set(k, signal, signal_type, "prev_cputime.utime", 600);
    os_linux.find_proc(&k->os, 5, &p, NULL);
    ok(p.utime_ns == 600 && p.stime_ns == 1400, "never less than was shown before");
    fake_destroy(k);
}

static void adjust(uint64_t u, uint64_t s, uint64_t r, uint64_t pu, uint64_t ps, uint64_t want_u,
                   uint64_t want_s, const char *what) {
    struct linux_cputime t = {u, s, r}, prev = {pu, ps, 0}, got = linux_cputime_adjust(&t, &prev);
    ok(got.utime == want_u && got.stime == want_s, "%s", what);
}

static void test_adjust(void) {
    adjust(0, 0, 0, 0, 0, 0, 0, "nothing ran");
    adjust(0, 0, 90, 0, 0, 90, 0, "no tick yet: user time");
    adjust(0, 7, 90, 0, 0, 0, 90, "system ticks only");
    adjust(1, 2, 90, 0, 0, 30, 60, "divided as the ticks are");
    adjust(1, 2, 90, 40, 20, 40, 50, "user time does not shrink");
    adjust(1, 2, 90, 10, 70, 20, 70, "nor does system time");
    adjust(1, 2, 90, 50, 40, 50, 40, "no more than was shown");
    adjust(UINT64_C(3) << 60, UINT64_C(1) << 60, UINT64_C(4) << 60, 0, 0, UINT64_C(3) << 60,
           UINT64_C(1) << 60, "products of more than 64 bits");
    adjust(UINT64_MAX, UINT64_MAX, 90, 3, 4, 3, 4, "absurd ticks");
    adjust(1, 1, 90, UINT64_MAX, 5, UINT64_MAX, 5, "absurd times before");
}

static void set_area(struct fake_kernel *k, uint64_t mm, uint64_t arg, uint64_t arg_end,
                     uint64_t env, uint64_t env_end) {
    fake_set(k, mm, mm_type, "arg_start", FAKE_USER + arg);
    fake_set(k, mm, mm_type, "arg_end", FAKE_USER + arg_end);
    fake_set(k, mm, mm_type, "env_start", FAKE_USER + env);
    fake_set(k, mm, mm_type, "env_end", FAKE_USER + env_end);
}

static struct kvm_err why;

// The strings with their NULs as '|'; the name of the code where there are none.
static const char *strings(struct fake_kernel *k, const struct os_proc *p,
                           enum os_proc_strings what, size_t max) {
    static char text[64];
    char *out;
    size_t len;
    why = (struct kvm_err){0};
    int rc = os_linux.proc_strings(&k->os, p, what, max, &out, &len, &why);
    if (rc) return err_code_name(rc);
    for (size_t i = 0; i < len && i < sizeof(text) - 1; i++)
        text[i] = out[i] ? out[i] : '|';
    text[len < sizeof(text) ? len : sizeof(text) - 1] = '\0';
    mem_free(out);
    return text;
}

static void test_strings(void) {
    struct fake_kernel *k = fake_create(FAKE_NEW);
    struct os_proc p;
    uint64_t task = fake_process(k, 9, "prog", 0), mm = fake_mm(k, task);
    os_linux.find_proc(&k->os, 9, &p, NULL);
    memcpy(k->user + 100, "prog\0-x\0\0end\0A=1\0B=2", 21);
    set_area(k, mm, 100, 113, 113, 121);
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "prog|-x||end|", "arguments, one of them empty");
    is_str(strings(k, &p, OS_ENVIRON, SIZE_MAX), "A=1|B=2|", "environment");
    is_str(strings(k, &p, OS_ARGV, 6), "prog|-", "no more than asked for");
    is_str(strings(k, &p, OS_ARGV, 0), "", "not even one");
    k->user[112] = '!'; // a title over the arguments, into the environment
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "prog|", "a title is one string");
    memcpy(k->user + 100, "a title that is longer", 23);
    set_area(k, mm, 100, 113, 113, 200);
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "a title that is longer|", "into the environment");
    is_str(strings(k, &p, OS_ARGV, 7), "a title", "no more than asked for");
    set_area(k, mm, 100, 113, 150, 200);
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "a title that ", "not where that lies elsewhere");
    set_area(k, mm, 100, 100, 100, 100);
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "", "no arguments");
    set_area(k, mm, 113, 100, 300, 200);
    is_str(strings(k, &p, OS_ENVIRON, SIZE_MAX), "", "an area that ends before it begins");
    set_area(k, mm, 0, 1 << 30, 0, 0);
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "format", "a gigabyte of arguments");
    p.mm = 0;
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "notfound", "a kernel thread has none");
    has_text(why.text, "process 9", "text");
    fake_destroy(k);
}

static void test_missing_strings(void) {
    struct fake_kernel *k = fake_create(FAKE_OLD);
    struct os_proc p;
    uint64_t task = fake_process(k, 9, "prog", 0), mm = fake_mm(k, task);
    os_linux.find_proc(&k->os, 9, &p, NULL);
    memset(k->user, 'x', sizeof(k->user));
    k->user[4200] = '\0';
    set_area(k, mm, 4000, 4201, 4201, 9000);
    k->user_hole[1] = true;
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "excluded", "the second page is not in the dump");
    is_int((int64_t)why.addr, (int64_t)FAKE_USER + 4096, "address");
    has_text(why.text, "arguments of process 9", "text");
    is_str(strings(k, &p, OS_ARGV, 5), "xxxxx", "what lies before it can be read");
    is_str(strings(k, &p, OS_ENVIRON, SIZE_MAX), "excluded", "environment");
    set_area(k, mm, sizeof(k->user) - 2, sizeof(k->user) + 2, 0, 0);
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "fault", "behind the memory of the process");
    // A title that ends before the hole.
    memcpy(k->user + 4080, "title\0", 6);
    set_area(k, mm, 4080, 4090, 4090, 9000);
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "title|", "a title needs its own bytes only");
    uint64_t pgd = fake_get(k, mm + fake_off(k, mm_type, "pgd"), 8);
    fake_set(k, mm, mm_type, "pgd", 0x5000);
    is_str(strings(k, &p, OS_ARGV, SIZE_MAX), "fault", "page tables that are nowhere");
    fake_set(k, mm, mm_type, "pgd", pgd);
    fake_destroy(k);
}

// Each allocation fails once: an error, no leak (under the address sanitizer), and it works after
// that.
static void test_memory(void) {
    int failed = 0, rc = -1;
    for (unsigned long n = 1; n < 30; n++) {
        struct fake_kernel *k = fake_create(FAKE_NEW);
        struct seen s = {.stop_at = 0};
        struct kvm_err err;
        struct os_proc p;
        uint64_t task = fake_process(k, 9, "prog", 0);
        set_fields(k, task);
        set_area(k, p.mm = fake_mm(k, task), 0, 8, 8, 16);
        set_percpu(k, p.mm);
        mem_fail_from(n);
        rc = walk(k, false, &s, &err);
        if (rc == 0 && s.count == 1 && (s.p[0].partial & OS_PROC_MM)) rc = KVM_NOMEM;
        p.pid = 9;
        if (rc == 0 && strcmp(strings(k, &p, OS_ARGV, 8), "nomem") == 0) rc = KVM_NOMEM;
        mem_fail_from(0);
        if (rc == KVM_NOMEM) failed++;
        fake_destroy(k);
        if (rc == 0) break;
    }
    is_int(rc, 0, "in the end there is enough memory");
    ok(failed > 0, "before that there was not (%d times)", failed);
}

int main(void) {
    test_lists(FAKE_OLD);
    test_lists(FAKE_NEW);
    test_damage();
    test_thread_damage();
    test_fields(FAKE_OLD);
    test_fields(FAKE_NEW);
    test_states();
    test_partial();
    test_times();
    test_adjust();
    test_strings();
    test_missing_strings();
    test_memory();
    return done();
}
