// SPDX-License-Identifier: BSD-2-Clause
// many N: N processes that sleep in one of a few ways, for dumps of many tasks; prints "many N" when all are there.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int pipe_ends[2];

static void rest(int way) {
    char c;
    if (way == 0) pause();
    if (way == 1) sleep(1000000);
    if (way == 2) poll(NULL, 0, -1);
    if (way == 3) (void)!read(pipe_ends[0], &c, 1);
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 0;
    if (pipe(pipe_ends)) return 1;
    for (int i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid < 0) return 1;
        if (pid == 0)
            for (;;)
                rest(i % 4);
    }
    printf("many %d\n", n);
    fflush(stdout);
    while (wait(NULL) > 0) {
    }
    return 0;
}
