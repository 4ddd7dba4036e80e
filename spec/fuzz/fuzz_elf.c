// SPDX-License-Identifier: BSD-2-Clause
// Any file as an ELF file: its header and every program header, and then as a core. The magic is put in front, so
// that no run is spent on files that are none.
#include "fmt/elf.h"
#include "fuzz_image.h"

enum { HEADERS = 4096 };

static void headers(const char *path) {
    struct file *f = NULL;
    struct kvm_err err = {0};
    if (file_open(path, false, &f, &err)) abort();
    struct elf_header h;
    int rc = elf_header_parse(f, &h, &err);
    fuzz_check(rc, &err);
    if (rc == 0) {
        elf_machine_name(h.machine, h.elf_class, h.big);
        struct elf_phdr p;
        for (uint32_t i = 0; i < h.phnum && i < HEADERS; i++)
            elf_phdr_get(&h, f, i, &p);
        elf_phdr_get(&h, f, h.phnum - 1, &p);
    }
    file_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32];
    int fd = fuzz_file_as("\x7f"
                          "ELF",
                          4, data, size, path);
    headers(path);
    fuzz_image_read(path);
    close(fd);
    return 0;
}
