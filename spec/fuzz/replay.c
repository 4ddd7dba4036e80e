// SPDX-License-Identifier: BSD-2-Clause
// A fuzz target without a fuzzer: runs it once on the empty input and on each file of the folders that are named, and
// says so in TAP. What crashed once lies in spec/fuzz/regress and is run like this by every `make test`.
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

static int tests;

// The fuzzer's own, which targets with a mutator of theirs name; nothing is mutated here.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) {
    (void)data;
    (void)max_size;
    return size;
}

static void run(const char *name, FILE *f) {
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(size > 0 ? (size_t)size : 1); // of the exact size
    if (size < 0 || !bytes || fread(bytes, 1, (size_t)size, f) != (size_t)size) {
        printf("not ok %d - %s can't be read\n", ++tests, name);
        exit(1);
    }
    LLVMFuzzerTestOneInput(bytes, (size_t)size);
    free(bytes);
    printf("ok %d - %s\n", ++tests, name);
    fflush(stdout);
}

static void run_folder(const char *path) {
    struct dirent **list;
    int n = scandir(path, &list, NULL, alphasort);
    if (n < 0 && errno == ENOENT) return; // nothing crashed this target yet
    for (int i = 0; i < n; i++) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, list[i]->d_name);
        FILE *f = list[i]->d_name[0] == '.' ? NULL : fopen(name, "rb");
        if (f) {
            run(name, f);
            fclose(f);
        }
        free(list[i]);
    }
    if (n >= 0) free(list);
}

int main(int argc, char **argv) {
    uint8_t *none = calloc(1, 1);
    LLVMFuzzerTestOneInput(none, 0);
    free(none);
    printf("ok %d - empty\n", ++tests);
    for (int i = 1; i < argc; i++)
        run_folder(argv[i]);
    printf("1..%d\n", tests);
    return 0;
}
