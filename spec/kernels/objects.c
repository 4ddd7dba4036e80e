// SPDX-License-Identifier: BSD-2-Clause
// objects: a process of the guests that holds one of many things that the kernel keeps lists of: System V IPC with known
// contents, sockets of each family and state, a deleted file, locks, a memfd, signals, timers, limits, BPF, huge and locked
// memory. Prints what it made as JSON, then sleeps. Statically linked. What fails is -1 there.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void number(const char *name, long value) {
    printf(",\"%s\":%ld", name, value);
}

static void ipc(void) {
    int shm = shmget(0x1ab1, 8192, IPC_CREAT | 0640), sem = semget(0x1ab2, 3, IPC_CREAT | 0600);
    int msg = msgget(0x1ab3, IPC_CREAT | 0644);
    char *mem = shmat(shm, NULL, 0);
    struct {
        long type;
        char text[32];
    } m = {7, "first message"};
    for (int i = 0; i < 3; i++)
        semctl(sem, i, SETVAL, 5 + i);
    if (mem != (char *)-1) strcpy(mem, "text in shared memory");
    msgsnd(msg, &m, 13, 0);
    m.type = 8;
    strcpy(m.text, "second");
    msgsnd(msg, &m, 6, 0);
    number("shm", shm);
    number("shm_addr", (long)mem);
    number("sem", sem);
    number("msg", msg);
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 64};
    mqd_t queue = mq_open("/lab-queue", O_CREAT | O_RDWR, 0600, &attr);
    mq_send(queue, "posix message", 13, 3);
    number("mq", queue);
}

static int inet(int family, int type, int port, int listen_too) {
    int fd = socket(family, type, 0), one = 1;
    struct sockaddr_in a4 = {AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
    struct sockaddr_in6 a6 = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (family == AF_INET ? bind(fd, (void *)&a4, sizeof(a4)) : bind(fd, (void *)&a6, sizeof(a6)))
        return -1;
    if (listen_too) listen(fd, 5);
    return fd;
}

static int unix_bound(const char *name, int abstract, int type, int listen_too) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type, 0);
    strcpy(a.sun_path + abstract, name);
    if (bind(fd, (void *)&a, (socklen_t)(2 + abstract + strlen(name)))) return -1;
    if (listen_too) listen(fd, 3);
    return fd;
}

static void sockets(void) {
    int pair[2] = {-1, -1}, server = inet(AF_INET, SOCK_STREAM, 7001, 1);
    struct sockaddr_in to = {AF_INET, htons(7001), {htonl(INADDR_LOOPBACK)}, {0}};
    int client = socket(AF_INET, SOCK_STREAM, 0);
    connect(client, (void *)&to, sizeof(to));
    int accepted = accept(server, NULL, NULL);
    int waiting = socket(AF_INET, SOCK_STREAM, 0); // in the listener's queue, not accepted
    connect(waiting, (void *)&to, sizeof(to));
    int sent = (int)send(client, "unread data", 11, 0); // in the receive queue of the accepted one
    number("tcp_listen", server);
    number("tcp_client", client);
    number("tcp_accepted", accepted);
    number("tcp_waiting", waiting);
    number("tcp_unread", sent);
    number("tcp6_listen", inet(AF_INET6, SOCK_STREAM, 7002, 1));
    number("udp", inet(AF_INET, SOCK_DGRAM, 7003, 0));
    number("udp6", inet(AF_INET6, SOCK_DGRAM, 7004, 0));
    number("raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    number("packet", socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP)));
    number("netlink", socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    number("unix_listen", unix_bound("/tmp/objects.sock", 0, SOCK_STREAM, 1));
    number("unix_abstract", unix_bound("lab-abstract", 1, SOCK_DGRAM, 0));
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
    number("unix_pair", pair[0]);
}

static void files(void) {
    char c[3];
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 50};
    int gone = open("/tmp/deleted file", O_CREAT | O_RDWR, 0600),
        locked = open("/tmp/locked", O_CREAT | O_RDWR | O_APPEND, 0644);
    if (write(gone, "gone!", 5) != 5 || lseek(gone, 0, SEEK_SET) || read(gone, c, 3) != 3)
        gone = -1;
    unlink("/tmp/deleted file");
    flock(locked, LOCK_EX);
    fcntl(locked, F_SETLK, &range);
    number("deleted", gone);
    number("locked", locked);
    int memory = memfd_create("lab-memfd", 0);
    number("memfd", ftruncate(memory, 12345) ? -1 : memory);
    int cached = open("/srv/cached", O_RDONLY);
    number("cached", cached);
}

static void on_signal(int n) {
    (void)n;
}

static void signals(void) {
    sigset_t set;
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaddset(&act.sa_mask, SIGALRM);
    sigaction(SIGUSR1, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR2);
    union sigval v = {.sival_int = 42};
    sigqueue(getpid(), SIGRTMIN + 1, v);
    number("signalfd", signalfd(-1, &set, 0));
    number("handler", (long)on_signal);
}

static void timers(void) {
    timer_t t;
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec in = {.it_value = {5000, 0}, .it_interval = {60, 0}};
    struct itimerval real = {.it_value = {6000, 0}};
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    timerfd_settime(fd, 0, &in, NULL);
    timer_create(CLOCK_REALTIME, &e, &t);
    timer_settime(t, 0, &in, NULL);
    setitimer(ITIMER_REAL, &real, NULL);
    number("timerfd", fd);
}

static void memory(void) {
    const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, anon, -1, 0), *huge, *locked, *none;
    strcpy(p + 4096, "a mark in user memory");
    huge = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, anon | MAP_HUGETLB, -1, 0);
    if (huge != MAP_FAILED) strcpy(huge, "a mark in a huge page");
    locked = mmap(NULL, 65536, PROT_READ | PROT_WRITE, anon, -1, 0);
    number("mlock", mlock(locked, 65536));
    none = mmap(NULL, 40960, PROT_NONE, anon, -1, 0);
    number("anon", (long)p);
    number("huge", (long)huge);
    number("mlocked", (long)locked);
    number("none", (long)none);
}

static long bpf(int cmd, union bpf_attr *attr) {
    return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static void programs(void) {
    union bpf_attr map = {
        .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 16};
    strcpy(map.map_name, "lab_map");
    struct bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0},
                              {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    union bpf_attr prog = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                           .insn_cnt = 2,
                           .insns = (uint64_t)(uintptr_t)code,
                           .license = (uint64_t)(uintptr_t) "GPL"};
    strcpy(prog.prog_name, "lab_prog");
    number("bpf_map", bpf(BPF_MAP_CREATE, &map));
    number("bpf_prog", bpf(BPF_PROG_LOAD, &prog));
}

static void limits(void) {
    struct rlimit files = {123, 456}, core = {0, RLIM_INFINITY};
    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_CORE, &core);
    prctl(PR_CAPBSET_DROP, 5, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int main(void) {
    prctl(PR_SET_NAME, "labobjects");
    printf("{\"pid\":%d", getpid());
    ipc();
    sockets();
    files();
    signals();
    timers();
    memory();
    programs();
    limits();
    printf("}\n");
    fflush(stdout);
    while (1)
        pause();
}
