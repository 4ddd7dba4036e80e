// SPDX-License-Identifier: BSD-2-Clause
// What an index of BTF costs: btf_index BLOB prints the number of types, and for 130,000 of them the microseconds until every type
// and name can be found, and the KiB that it takes beside the blob. Lines as rates.lua reads them; the median of nine.
#include "type/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 9, SCALE = 130000 };

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static long anonymous_kb(void) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;
    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "RssAnon: %ld", &kb) == 1) break;
    }
    if (f) fclose(f);
    return kb;
}

static uint8_t *read_file(const char *path, size_t *len) {
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    if (f && fseek(f, 0, SEEK_END) == 0) {
        *len = (size_t)ftell(f);
        rewind(f);
        bytes = malloc(*len);
        if (bytes && fread(bytes, 1, *len, f) != *len) *len = 0;
    }
    if (f) fclose(f);
    return bytes;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    size_t len = 0;
    uint8_t *blob = argc == 2 ? read_file(argv[1], &len) : NULL;
    double us[RUNS];
    long kb = 0;
    uint32_t types = 0, id;
    if (!blob || !len) return 1;
    for (int i = 0; i < RUNS; i++) {
        struct type_source *s;
        struct kvm_err err;
        long before = anonymous_kb();
        double start = now_us();
        if (type_btf_open(blob, len, false, &s, &err)) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        s->ops->find(s, TYPE_STRUCT, "there_is_no_such_type", &id);
        s->ops->find(s, TYPE_FUNC, "there_is_no_such_type", &id);
        us[i] = now_us() - start;
        if (i == 0) kb = anonymous_kb() - before;
        types = s->ops->last(s);
        s->ops->destroy(s);
    }
    qsort(us, RUNS, sizeof(us[0]), by_value);
    double scale = types ? (double)SCALE / types : 0;
    printf("BTF types\t%u\n", types);
    printf("index of 130,000 types, us\t%.1f\n", us[RUNS / 2] * scale);
    printf("index of 130,000 types, KiB\t%.1f\n", (double)kb * scale);
    free(blob);
    return 0;
}
