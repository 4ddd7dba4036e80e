// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as the notes of a dump, in both byte orders (the first byte says which), and what is looked up
// in them: VMCOREINFO's values, registers.
#include "fmt/notes.h"
#include "fmt/prstatus.h"
#include "fuzz.h"

static void ask(const struct dump_notes *n) {
    static const char *const keys[] = {"OSRELEASE",    "SYMBOL(_stext)", "NUMBER(phys_base)",
                                       "KERNELOFFSET", "SIZE(page)",     ""};
    char text[64];
    uint64_t hex;
    int64_t number;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && n->vmcoreinfo.text; i++) {
        if (vmcoreinfo_string(&n->vmcoreinfo, keys[i], text, sizeof(text)) &&
            strlen(text) >= sizeof(text))
            abort();
        vmcoreinfo_hex(&n->vmcoreinfo, keys[i], &hex);
        vmcoreinfo_number(&n->vmcoreinfo, keys[i], &number);
    }
    const struct prstatus_layout *l = prstatus_layout_find(62, 2);
    for (size_t i = 0; i < n->prstatus_count && l; i++) {
        int32_t pid;
        prstatus_machine(n->prstatus[i].len, n->big);
        prstatus_pid(l, n->prstatus[i].desc, n->prstatus[i].len, n->big, &pid);
        prstatus_register_get(l, n->prstatus[i].desc, n->prstatus[i].len, n->big, "rip", &hex);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    struct dump_notes n = {0};
    struct kvm_err err = {0};
    // a copy of the exact size, so that a read behind its end is seen
    uint8_t *copy = malloc(size);
    if (!copy) return 0;
    memcpy(copy, data + 1, size - 1);
    uint8_t *exact = realloc(copy, size > 1 ? size - 1 : 1);
    int rc = notes_parse(&n, exact, size - 1, data[0] & 1, &err);
    fuzz_check(rc, &err);
    ask(&n);
    notes_deinit(&n);
    free(exact);
    return 0;
}
