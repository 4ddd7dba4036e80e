// SPDX-License-Identifier: BSD-2-Clause
// The table of operating systems, and the choice among them.
#include "os/os.h"

#include "os/linux/linux.h"
#include "os/none.h"

static const struct os_ops *const systems[] = {
    &os_none,
    &os_linux,
};

int os_find(const struct image *img, const struct os_ops **out, struct kvm_err *err) {
    struct kvm_err why = {0};
    for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
        int rc = systems[i]->probe(img, &why);
        if (rc < 0) {
            if (err) *err = why;
            return rc;
        }
        if (rc == IMAGE_MATCH) {
            *out = systems[i];
            return 0;
        }
    }
    return err_set(err, KVM_UNSUPPORTED, "no kernel was recognised in this image (%s)", why.text);
}

int os_search(struct image *img, const struct progress *progress, struct os_found *out,
              struct kvm_err *err) {
    int rc = err_set(err, KVM_NOTFOUND, "nothing searches its memory");
    for (size_t i = 0; rc == KVM_NOTFOUND && i < sizeof(systems) / sizeof(systems[0]); i++)
        if (systems[i]->search) rc = systems[i]->search(img, progress, out, err);
    return rc;
}
