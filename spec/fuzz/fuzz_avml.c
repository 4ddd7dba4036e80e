// SPDX-License-Identifier: BSD-2-Clause
// Any file as an AVML file: the signature is put in front, so that no run is spent on files that are none.
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32];
    int fd = fuzz_file_as("AVML\2\0\0\0", 8, data, size, path);
    fuzz_image_read(path);
    close(fd);
    return 0;
}
