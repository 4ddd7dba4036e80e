// SPDX-License-Identifier: BSD-2-Clause
// threads: a process of the guests with five named threads, each of which waits in its own way, with many kinds of file
// descriptors and 16 MB of known memory. Prints what it made as JSON. Statically linked.
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

enum { THREADS = 5, SHM_KEY = 0x1ab, PATTERN_BYTES = 16 << 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int pair[2], epoll;
static pid_t tids[THREADS];
static const char *const names[THREADS] = {"lab-futex", "lab-epoll", "lab-poll", "lab-sleep",
                                           "lab-fifo"};

static void *run(void *arg) {
    long i = (long)arg;
    struct epoll_event event;
    struct pollfd pollfd = {.fd = pair[0], .events = POLLIN};
    struct sched_param fifo = {.sched_priority = 10};
    pthread_setname_np(pthread_self(), names[i]);
    tids[i] = (pid_t)syscall(SYS_gettid);
    if (i == 0) pthread_mutex_lock(&mutex);
    if (i == 1) epoll_wait(epoll, &event, 1, -1);
    if (i == 2) poll(&pollfd, 1, -1);
    if (i == 4) pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo);
    for (;;)
        sleep(100000);
    return NULL;
}

static void make_sockets(void) {
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/tmp/lab.sock"};
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(9090), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    int u = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(u, (struct sockaddr *)&un, sizeof(un));
    listen(u, 5);
    int l = socket(AF_INET, SOCK_STREAM, 0);
    bind(l, (struct sockaddr *)&in, sizeof(in));
    listen(l, 5);
    int c = socket(AF_INET, SOCK_STREAM, 0);
    connect(c, (struct sockaddr *)&in, sizeof(in));
    if (write(c, "unread data", 11) != 11) perror("write");
    in.sin_port = htons(5353);
    int d = socket(AF_INET, SOCK_DGRAM, 0);
    bind(d, (struct sockaddr *)&in, sizeof(in));
}

static void make_files(void) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = pair[1]};
    struct itimerspec later = {.it_value.tv_sec = 100000};
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 100};
    epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event);
    eventfd(7, 0);
    inotify_add_watch(inotify_init(), "/tmp", IN_CREATE);
    timerfd_settime(timerfd_create(CLOCK_MONOTONIC, 0), 0, &later, NULL);
    int f = open("/tmp/deleted-file", O_CREAT | O_RDWR, 0644);
    if (write(f, "deleted content", 15) != 15) perror("write");
    unlink("/tmp/deleted-file");
    fcntl(open("/tmp/locked-file", O_CREAT | O_RDWR, 0644), F_SETLK, &lock);
}

static char *make_memory(void) {
    char *shm = shmat(shmget(SHM_KEY, 65536, IPC_CREAT | 0600), NULL, 0);
    if (shm != (char *)-1) strcpy(shm, "LABSHM");
    char *m = mmap(NULL, PATTERN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < PATTERN_BYTES; i += 4096)
        snprintf(m + i, 32, "LABPAGE %08zu", i / 4096);
    return m;
}

int main(void) {
    pthread_t thread;
    pthread_setname_np(pthread_self(), "labmain");
    make_sockets();
    make_files();
    char *pattern = make_memory();
    pthread_mutex_lock(&mutex);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&thread, NULL, run, (void *)i);
    sleep(1);
    printf("{\"pid\": %d, \"threads\": {", getpid());
    for (int i = 0; i < THREADS; i++)
        printf("%s\"%s\": %d", i ? ", " : "", names[i], tids[i]);
    printf("}, \"pattern\": {\"addr\": %lu, \"bytes\": %d, \"page_starts_with\": \"LABPAGE "
           "%%08d\"}, \"sysv_shm_key\": %d, \"mutex\": %lu}\n",
           (unsigned long)pattern, PATTERN_BYTES, SHM_KEY, (unsigned long)&mutex);
    fflush(stdout);
    for (;;)
        pause();
}
