// SPDX-License-Identifier: BSD-2-Clause
// Where the sections of a loaded module lie, as /sys/module/NAME/sections tells it: struct module's
// sect_attrs, a group of binary attributes. An attribute's address is behind it in a struct
// module_sect_attr; since 6.14 (4b2c11e4aaf7) it is its `private`. Read since 5.8 (ed66f991bb19).
#include "os/linux/linux.h"

enum { SECTIONS_MAX = 65536, NAME_SIZE = 256 };

enum { SECT_ATTRS, BIN_ATTRS, NAME, PRIVATE, ADDRESS, BATTR, MEMBERS };
static const struct linux_member members[MEMBERS] = {
    [SECT_ATTRS] = {"struct module", "sect_attrs", NULL, true}, // without CONFIG_SYSFS none
    [BIN_ATTRS] = {"struct module_sect_attrs", "grp.bin_attrs", NULL, true},
    [NAME] = {"struct bin_attribute", "attr.name", NULL, true},
    [PRIVATE] = {"struct bin_attribute", "private", NULL, true},
    [ADDRESS] = {"struct module_sect_attr", "address", NULL, true},
    [BATTR] = {"struct module_sect_attr", "battr", NULL, true},
};

struct walk {
    struct os *os;
    struct linux_at at[MEMBERS];
    struct kvm_err *err;
};

static int get(const struct walk *w, uint64_t base, int member, uint64_t *out) {
    return linux_member_read(&w->os->virt, base, w->at[member], out, w->err);
}

static int address(const struct walk *w, uint64_t attr, uint64_t *out) {
    if (!w->at[ADDRESS].size) return get(w, attr, PRIVATE, out);
    return get(w, attr - w->at[BATTR].offset, ADDRESS, out);
}

static int section(const struct walk *w, uint64_t attr, os_section_visit *fn, void *ctx) {
    char name[NAME_SIZE];
    uint64_t text, addr;
    int rc = get(w, attr, NAME, &text);
    if (rc == 0) rc = reader_string(&w->os->virt, text, name, sizeof(name), w->err);
    if (rc == 0) rc = address(w, attr, &addr);
    return rc ? rc : fn(ctx, name, addr);
}

static int find_members(struct walk *w) {
    int rc = linux_members_find(w->os->types, members, MEMBERS, w->at, w->err);
    if (rc) return rc;
    bool known = w->at[SECT_ATTRS].size && w->at[BIN_ATTRS].size && w->at[NAME].size &&
                 (w->at[ADDRESS].size ? w->at[BATTR].size : w->at[PRIVATE].size);
    return known ? 0 : err_set(w->err, KVM_NOTFOUND, "this kernel does not keep them");
}

int linux_each_section(struct os *os, const struct os_module *m, os_section_visit *fn, void *ctx,
                       struct kvm_err *err) {
    struct walk w = {.os = os, .err = err};
    uint64_t group, list, attr, word = os->virt.word_size;
    int rc = find_members(&w);
    if (rc == 0) rc = get(&w, m->addr, SECT_ATTRS, &group);
    if (rc == 0 && !group) rc = err_set(err, KVM_NOTFOUND, "they are not kept");
    if (rc == 0) rc = get(&w, group, BIN_ATTRS, &list);
    for (uint64_t i = 0; rc == 0; i++) {
        rc = reader_word(&os->virt, list + i * word, &attr, err);
        if (rc == 0 && !attr) return 0;
        if (rc == 0 && i >= SECTIONS_MAX)
            rc = err_at(err, KVM_FORMAT, list, "more than %d sections", SECTIONS_MAX);
        if (rc == 0) rc = section(&w, attr, fn, ctx);
    }
    return err_prepend(err, rc, "sections of module %s", m->name);
}
