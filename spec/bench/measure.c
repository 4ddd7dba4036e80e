// SPDX-License-Identifier: BSD-2-Clause
// measure COMMAND ARGUMENT...: runs it with its output to /dev/null and prints, on one line, what the
// whole process cost: wall microseconds, CPU microseconds, peak RSS in KiB, exit status (-1: signal).
// The peak is the kernel's count for the child alone (wait4), which starts from a fork of this small
// program, so it does not hold the caller's own memory.
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    long long start = now_us();
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    int status;
    struct rusage u;
    if (child < 0 || wait4(child, &status, 0, &u) != child) return 1;
    long long cpu = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec +
                    u.ru_stime.tv_usec;
    printf("%lld %lld %ld %d\n", now_us() - start, cpu, u.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return 0;
}
