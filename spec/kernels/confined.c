// SPDX-License-Identifier: BSD-2-Clause
// confined: a process of the guests that may do little: ids, groups and capabilities of its own, no new privileges, a filter
// of system calls, a umask, a directory and a root; in name spaces of its own. It holds a pidfd and has pages in swap. Prints
// what it made as JSON, then sleeps. Statically linked. What fails is -1 there.
#define _GNU_SOURCE
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SWAPPED_BYTES = 1 << 20 };
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static void number(const char *name, long value) {
    printf(",\"%s\":%ld", name, value);
}

// A page in two is written to again, and so is back in memory.
static void swapped(void) {
    int rw = PROT_READ | PROT_WRITE;
    char *mem = mmap(NULL, SWAPPED_BYTES, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(mem, SWAPPED_BYTES, MADV_NOHUGEPAGE);
    for (int i = 0; i < SWAPPED_BYTES; i += 4096)
        memset(mem + i, 'a' + i % 26, 4096);
    number("pageout", madvise(mem, SWAPPED_BYTES, MADV_PAGEOUT));
    for (int i = 0; i < SWAPPED_BYTES; i += 8192)
        mem[i] = '!';
    number("swapped", (long)mem);
}

static void credentials(void) {
    gid_t groups[] = {4, 20, 100};
    number("groups", setgroups(3, groups));
    number("capbset_drop", prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0));
    number("keep", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    number("gids", setresgid(1001, 1002, 1003));
    number("uids", setresuid(1011, 1012, 1013));
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {.permitted = 1 << CAP_CHOWN | 1 << CAP_NET_RAW, .inheritable = 1 << CAP_CHOWN},
        {.permitted = 1 << (CAP_SYSLOG - 32)}};
    data[0].effective = 1 << CAP_NET_RAW;
    number("capset", syscall(SYS_capset, &header, data));
    number("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
}

static void filter(void) {
    struct sock_filter allow[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    struct sock_fprog program = {1, allow};
    number("no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    number("seccomp", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

int main(void) {
    printf("{\"pid\":%d", (int)getpid());
    number("pidfd", syscall(SYS_pidfd_open, getppid(), 0));
    swapped();
    number("unshare", unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP));
    umask(027);
    number("mkdir", mkdir("/tmp/jail", 0755) | mkdir("/tmp/jail/inside", 0755));
    number("root", chroot("/tmp/jail"));
    number("cwd", chdir("/inside"));
    credentials();
    filter();
    puts("}");
    fflush(stdout);
    for (;;)
        pause();
}
