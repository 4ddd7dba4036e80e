// SPDX-License-Identifier: BSD-2-Clause
// The dump that the tests of the public calls open: the one that ships, or KVM_TEST_CORE.
#ifndef KVM_SPEC_SAMPLE_H
#define KVM_SPEC_SAMPLE_H

#include <stdlib.h>

static const char *sample_core(void) {
    const char *core = getenv("KVM_TEST_CORE");
    return core ? core : "examples/panic.kdump";
}

#endif
