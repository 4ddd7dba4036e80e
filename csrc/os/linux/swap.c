// SPDX-License-Identifier: BSD-2-Clause
// Swap areas as /proc/swaps lists them (swap_show in mm/swapfile.c, 5.10 to 7.2): the entries of
// swap_info[] that are in use.
#include "os/linux/linux.h"

#include <stdio.h>

// MAX_SWAPFILES is 32 less a few; SWP_USED.
enum { SWAP_AREAS_MAX = 32, USED = 1 };
// inuse_pages became an atomic_long_t in 6.14, and this bit of it a mark: SWAP_USAGE_OFFLIST_BIT.
static const uint64_t offlist = UINT64_C(1) << 30;

enum { FLAGS, PAGES, INUSE, SWAP_FILE, MEMBERS };
static const struct linux_member members[MEMBERS] = {
    [FLAGS] = {"struct swap_info_struct", "flags", NULL, false},
    [PAGES] = {"struct swap_info_struct", "pages", NULL, false},
    [INUSE] = {"struct swap_info_struct", "inuse_pages", NULL, false},
    [SWAP_FILE] = {"struct swap_info_struct", "swap_file", NULL, false},
};

// False: not in use.
static int read_area(struct os *os, const struct linux_at *at, uint64_t info, struct os_swap *out,
                     bool *used, struct kvm_err *err) {
    uint64_t flags, pages = 0, inuse = 0, file = 0;
    int rc = linux_member_read(&os->virt, info, at[FLAGS], &flags, err);
    *used = rc == 0 && (flags & USED);
    if (!*used) return rc;
    rc = linux_member_read(&os->virt, info, at[PAGES], &pages, err);
    if (rc == 0) rc = linux_member_read(&os->virt, info, at[INUSE], &inuse, err);
    if (rc == 0) rc = linux_member_read(&os->virt, info, at[SWAP_FILE], &file, err);
    *used = file != 0;
    if (rc || !*used) return rc;
    *out = (struct os_swap){.total_pages = pages, .flags = (uint32_t)flags};
    out->used_pages = at[INUSE].size == 8 ? inuse & ~offlist : inuse;
    rc = linux_file_path(os, file, out->name, sizeof(out->name), err);
    if (rc != KVM_EXCLUDED && rc != KVM_FAULT) return rc;
    snprintf(out->name, sizeof(out->name), "?"); // its name is not in the dump, the numbers are
    return 0;
}

int linux_each_swap(struct os *os, int (*fn)(void *ctx, const struct os_swap *s), void *ctx,
                    struct kvm_err *err) {
    uint64_t table, count_addr, info;
    uint32_t count = 0;
    struct linux_at at[MEMBERS];
    int rc = symtab_value(os->symbols, "swap_info", &table, err);
    if (rc == 0) rc = symtab_value(os->symbols, "nr_swapfiles", &count_addr, err);
    if (rc == 0) rc = reader_u32(&os->virt, count_addr, &count, err);
    if (rc == 0) rc = linux_members_find(os->types, members, MEMBERS, at, err);
    if (rc == 0 && count > SWAP_AREAS_MAX)
        rc = err_at(err, KVM_FORMAT, count_addr, "nr_swapfiles is %u", count);
    if (rc) return err_prepend(err, rc, "swap");
    for (uint32_t i = 0; i < count; i++) {
        struct os_swap s;
        bool used = false;
        rc = reader_word(&os->virt, table + (uint64_t)i * os->virt.word_size, &info, err);
        if (rc == 0 && info) rc = read_area(os, at, info, &s, &used, err);
        if (rc) return err_prepend(err, rc, "swap area %u", i);
        rc = used ? fn(ctx, &s) : 0;
        if (rc) return rc;
    }
    return 0;
}
