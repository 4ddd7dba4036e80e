// SPDX-License-Identifier: BSD-2-Clause
// The table of layers that may lie over a core (base/file.h).
#include "image/formats.h"

#include "base/unpack.h"
#include "base/zstd_seekable.h"
#include "fmt/flattened.h"
#include "fmt/libvirt_save.h"

enum { LAYERS_MOST = 4 }; // a flattened dump in a zstd file is two

static const struct file_layer *const table[] = {
    &flattened_layer,
    &libvirt_save_layer,
    &zstd_seekable_layer, // before all zstd files
    &unpack_layer,
    NULL, // ends the table
};

static const struct file_layer *find(const struct file *f) {
    for (size_t i = 0; table[i]; i++)
        if (table[i]->probe(f)) return table[i];
    return NULL;
}

int image_layers_open(struct file **f, const struct progress *progress, struct kvm_err *err) {
    for (int i = 0;; i++) {
        const struct file_layer *layer = find(*f);
        if (!layer) return 0;
        if (i == LAYERS_MOST)
            return err_set(err, KVM_UNSUPPORTED, "more than %d files packed into each other",
                           LAYERS_MOST);
        struct file *upper;
        int rc = layer->open(*f, progress, &upper, err);
        if (rc) return err_prepend(err, rc, "%s", layer->name);
        *f = upper;
    }
}
