// SPDX-License-Identifier: BSD-2-Clause
// What opening an image costs, and nothing else: open CORE prints the milliseconds and the KiB that the process has more of in
// the end (bit maps in the page cache that it has looked at are counted in), lines as rates.lua reads them.
#include "image/image.h"

#include <stdio.h>
#include <time.h>

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long rss_kb(void) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;
    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "VmHWM: %ld", &kb) == 1) break;
    }
    if (f) fclose(f);
    return kb;
}

int main(int argc, char **argv) {
    struct image *img;
    struct kvm_err err;
    if (argc != 2) return 2;
    double start = now_ms();
    if (image_open((const char *const *)&argv[1], 1, NULL, &img, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("open, ms\t%.1f\n", now_ms() - start);
    printf("peak RSS, KiB\t%ld\n", rss_kb());
    image_close(img);
    return 0;
}
