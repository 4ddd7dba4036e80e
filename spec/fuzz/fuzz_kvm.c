// SPDX-License-Identifier: BSD-2-Clause
// Any file through the public calls: what a program does first with a dump that came by mail.
#include "fuzz.h"
#include "kvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32], text[KVM_ERRBUF_SIZE] = "";
    int fd = fuzz_file(data, size, path);
    kvm_t *kd = kvm_openfiles(NULL, path, NULL, 0, text);
    if (!kd && !text[0]) abort();
    if (kd) {
        struct nlist nl[] = {{.n_name = "init_task"}, {.n_name = "linux_banner"}, {.n_name = NULL}};
        kvm_nlist(kd, nl);
        uint64_t word;
        kvm_read2(kd, nl[0].n_value, &word, sizeof(word));
        int count = 0;
        const struct kinfo_proc *p = kvm_getprocs(kd, KERN_PROC_ALL, 0, &count);
        if (p && count > 0) kvm_getargv(kd, p, 0);
        double load[3];
        kvm_getloadavg(kd, load, 3);
        if (kvm_close(kd)) abort();
    }
    close(fd);
    return 0;
}
