// SPDX-License-Identifier: BSD-2-Clause
// image/parts: which files the names of a core mean.
#include "image/formats.h"

#include "base/mem.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/kvm-parts-XXXXXX";

static void touch(const char *name) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
}

static void forget(const char *name) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    unlink(path);
}

static void deinit(struct image *img) {
    for (size_t i = 0; i < img->part_count; i++)
        file_close(img->parts[i].file);
    mem_free(img->parts);
    *img = (struct image){0};
}

// Names are told without their directory, "@0x..." behind those that have an address.
static void means(const char *const *names, size_t count, const char *want) {
    struct image img = {0};
    struct kvm_err err = {0};
    char got[512] = "";
    int rc = image_parts_open(&img, names, count, false, &err);
    for (size_t i = 0; i < img.part_count; i++) {
        size_t n = strlen(got);
        const char *name = strrchr(img.parts[i].file->path, '/') + 1;
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s", n ? " " : "", name);
        if (img.parts[i].has_addr)
            snprintf(got + n, sizeof(got) - n, "@0x%llx", (unsigned long long)img.parts[i].addr);
    }
    if (rc) snprintf(got, sizeof(got), "%s", err.text);
    is_str(got, want, names[0]);
    deinit(&img);
}

int main(void) {
    static const char *const files[] = {"a", "b", "a,b", "b@16", "c@x"};
    enum { FILES = sizeof(files) / sizeof(files[0]) };
    if (!mkdtemp(dir) || chdir(dir)) return 1;
    for (int i = 0; i < FILES; i++)
        touch(files[i]);
    means((const char *[]){"./a"}, 1, "a");
    means((const char *[]){"./b", "./a"}, 2, "b a");
    means((const char *[]){"./a@4096"}, 1, "a@0x1000");
    means((const char *[]){"./a@0x100000000,./b"}, 1, "a@0x100000000 b");
    means((const char *[]){"./a,b"}, 1, "a,b");   // a file of that name is that file
    means((const char *[]){"./b@16"}, 1, "b@16"); // so is this
    means((const char *[]){"./b@16@32"}, 1, "b@16@0x20");
    means((const char *[]){"./c@x,./a@0"}, 1, "c@x a@0x0");
    means((const char *[]){"./a,./b,./a"}, 1, "a b a");
    means((const char *[]){"./a@0x10000000000000000"}, 1,
          "./a@0x10000000000000000: No such file or directory");
    means((const char *[]){"./a@12z"}, 1, "./a@12z: No such file or directory");
    means((const char *[]){"./a,"}, 1, ": No such file or directory");
    means((const char *[]){"./none"}, 1, "./none: No such file or directory");
    means((const char *[]){"./none@0"}, 1, "./none: No such file or directory");
    struct image img = {0};
    is_int(image_parts_open(&img, NULL, 0, false, NULL), KVM_INVAL, "no name at all");
    if (chdir("/")) return 1;
    for (int i = 0; i < FILES; i++)
        forget(files[i]);
    rmdir(dir);
    return done();
}
