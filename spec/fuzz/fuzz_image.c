// SPDX-License-Identifier: BSD-2-Clause
// Any file opened as a dump: its regions walked, pages at their ends and at odd places read, compared
// with what the run of the same page says.
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32];
    int fd = fuzz_file(data, size, path);
    fuzz_image_read(path);
    close(fd);
    return 0;
}
