// SPDX-License-Identifier: BSD-2-Clause
#include "compiled.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/kvm-compiled-XXXXXX";

bool compiled_begin(void) {
    return mkdtemp(dir) != NULL;
}

bool compiled_end(void) {
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) == 0; // NOLINT(cert-env33-c): a directory made here
}

void compiled_path(char *out, size_t size, const char *name) {
    snprintf(out, size, "%s/%s", dir, name);
}

void compiled_write(const char *name, const void *p, size_t len) {
    char path[128];
    compiled_path(path, sizeof(path), name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(p, 1, len, f) != len) printf("not ok - write %s\n", path);
    if (f) fclose(f);
}

bool compiled_by(const char *compiler, const char *flags) {
    char command[512];
    snprintf(command, sizeof(command), "cd %s && %s -w -fPIC %s 2>/dev/null", dir, compiler, flags);
    return system(command) == 0; // NOLINT(cert-env33-c): the caller's own compiler
}

bool compiled_by_cc(const char *flags) {
    const char *cc = getenv("CC");
    return compiled_by(cc && *cc ? cc : "cc", flags);
}
