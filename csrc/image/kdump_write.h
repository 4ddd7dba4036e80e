// SPDX-License-Identifier: BSD-2-Clause
// Writes a kdump-compressed file (version 6) with chosen pages of an image: what `luakvm slim` and `convert`
// make. It opens with crash, drgn and makedumpfile as a dump of makedumpfile itself does.
#ifndef KVM_IMAGE_KDUMP_WRITE_H
#define KVM_IMAGE_KDUMP_WRITE_H

#include "image/write.h"

struct kdump_write_options {
    const char *path;    // written beside itself and renamed when it is whole
    enum codec_id codec; // CODEC_NONE: zstd if built in, else zlib
    bool uncompressed;   // CODEC_NONE: none at all
    uint32_t
        dump_level; // what makedumpfile's -d would have been: 31 where pages of any kind may be missing
    uint32_t block_size; // page size of the target; 0: 4096
    // utsname; NULL: the source's own where it has one (kdump), else the release from VMCOREINFO,
    // the machine from the image's, and "unknown" for the version (drgn does not take an empty one).
    const char *release, *machine, *version, *nodename;
};

// Blocks that the source filtered out or lacks are passed over and counted; so are damaged ones. Any other
// error ends the writing and leaves nothing behind. The source is only read; what was traced stays as it was.
int kdump_write(const struct write_source *src, const struct kdump_write_options *opt,
                struct write_result *res, struct kvm_err *err);

#endif
