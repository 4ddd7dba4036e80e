// SPDX-License-Identifier: BSD-2-Clause
// Resident pages of a process: the sum of the counters of file, anonymous and shared memory pages
// in mm_struct.rss_stat (get_mm_rss in include/linux/mm.h). Until 6.1 they are atomic numbers, to
// which threads add what they have pending once in a while; since 6.2 (f1a7941243c1) per-CPU
// counters, whose exact value is the count and the part of every CPU (percpu_counter_sum in
// lib/percpu_counter.c). /proc/PID/stat is content with the count, and so can differ by some pages.
#include "os/linux/linux.h"

// include/linux/mm_types_task.h, since 4.5.
enum { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES };

static int cpu_parts(struct os *os, uint64_t counters, int64_t *sum, struct kvm_err *err) {
    const struct linux_percpu *cpus;
    int rc = linux_percpu_get(os, &cpus, err);
    for (uint32_t i = 0; rc == 0 && i < cpus->count; i++) {
        uint32_t v;
        rc = reader_u32(&os->virt, counters + cpus->offset[i], &v, err);
        if (rc == 0) *sum += (int32_t)v;
    }
    return rc;
}

int linux_rss(struct os *os, uint64_t mm, uint64_t *pages, struct kvm_err *err) {
    static const uint32_t counted[] = {MM_FILEPAGES, MM_ANONPAGES, MM_SHMEMPAGES};
    const struct linux_at *at = linux_priv(os)->task.at;
    uint32_t stride = at[MM_RSS_COUNT_1].offset - at[MM_RSS_COUNT].offset;
    *pages = 0;
    for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
        uint64_t v = 0, counters = 0, base = mm + (uint64_t)stride * counted[i];
        int rc = linux_member_read(&os->virt, base, at[MM_RSS_COUNT], &v, err);
        if (rc == 0 && at[MM_RSS_PERCPU].size)
            rc = linux_member_read(&os->virt, base, at[MM_RSS_PERCPU], &counters, err);
        int64_t n = at[MM_RSS_COUNT].size == 4 ? (int32_t)v : (int64_t)v;
        if (rc == 0 && counters) rc = cpu_parts(os, counters, &n, err);
        if (rc) return rc;
        if (n > 0) *pages += (uint64_t)n;
    }
    return 0;
}
