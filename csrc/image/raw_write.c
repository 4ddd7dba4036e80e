// SPDX-License-Identifier: BSD-2-Clause
// The writer of raw memory (image/raw_write.h). Pages of zeros become holes.
#include "image/raw_write.h"

#include <string.h>

enum { PAGE = 4096 };

static int put_block(void *ctx, const struct write_block *b, struct kvm_err *err) {
    if (b->bytes[0] == 0 && memcmp(b->bytes, b->bytes + 1, b->len - 1) == 0) return 0;
    return outfile_put(ctx, b->no * PAGE, b->bytes, b->len, err);
}

int raw_write(const struct write_source *src, const char *path, struct write_result *res,
              struct kvm_err *err) {
    struct outfile out;
    *res = (struct write_result){0};
    int rc = outfile_open(&out, path, err);
    if (rc) return rc;
    rc = write_blocks(src, PAGE, CODEC_NONE, put_block, &out, res, err);
    res->bytes = (src->img->facts.phys_end + PAGE - 1) / PAGE * PAGE;
    if (rc == 0) rc = outfile_commit(&out, res->bytes, err);
    outfile_close(&out);
    return rc;
}
