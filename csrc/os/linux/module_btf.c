// SPDX-License-Identifier: BSD-2-Clause
// BTF of modules (CONFIG_DEBUG_INFO_BTF_MODULES, since 5.11): the kernel's own copies, in the list btf_modules
// (kernel/bpf/btf.c). struct module.btf_data is of no use: it points into the section .BTF, which is given back when the
// module has been initialised (do_init_module). A copy is relative to the kernel's BTF also where the module came with a
// distilled base (btf_relocate, 6.11). Checked against dumps of Linux 6.1, 6.12 and 7.2; 5.10 has none.
#include "os/linux/linux.h"

enum { LIST, MODULE, BTF, DATA, DATA_SIZE, BASE_BTF, START_ID, START_STR_OFF, MEMBERS };
static const struct linux_member members[MEMBERS] = {
    [LIST] = {"struct btf_module", "list", NULL, false},
    [MODULE] = {"struct btf_module", "module", NULL, false},
    [BTF] = {"struct btf_module", "btf", NULL, false},
    [DATA] = {"struct btf", "data", NULL, false},
    [DATA_SIZE] = {"struct btf", "data_size", NULL, false},
    [BASE_BTF] = {"struct btf", "base_btf", NULL, false},
    [START_ID] = {"struct btf", "start_id", NULL, false},
    [START_STR_OFF] = {"struct btf", "start_str_off", NULL, false},
};

enum { BYTES_MAX = 64 * 1024 * 1024 }; // the largest modules have some hundred kB

struct search {
    const struct reader *virt;
    struct linux_at at[MEMBERS];
    uint64_t module; // that is looked for
    uint64_t btf;    // found: its struct btf
    struct kvm_err *err;
};

enum { FOUND = 1 };

static int visit(void *ctx, uint64_t node) {
    struct search *s = ctx;
    uint64_t entry = node - s->at[LIST].offset, module;
    int rc = linux_member_read(s->virt, entry, s->at[MODULE], &module, s->err);
    if (rc || module != s->module) return rc;
    rc = linux_member_read(s->virt, entry, s->at[BTF], &s->btf, s->err);
    return rc ? rc : FOUND;
}

static int get(const struct search *s, int member, uint64_t *out) {
    return linux_member_read(s->virt, s->btf, s->at[member], out, s->err);
}

// What the kernel counted must be what is here.
static int check_base(const struct search *s, const struct type_btf_base *base) {
    uint64_t parent, id, offset;
    uint32_t ids = 0, strings = 0;
    int rc = get(s, BASE_BTF, &parent);
    if (rc == 0) rc = get(s, START_ID, &id);
    if (rc == 0) rc = get(s, START_STR_OFF, &offset);
    if (rc == 0) rc = type_btf_end(base->kernel, &ids, &strings, s->err);
    if (rc) return rc;
    if (parent && id == ids && offset == strings) return 0;
    return err_at(s->err, KVM_FORMAT, s->btf,
                  "BTF that begins at type %llu and string %llu, not behind the kernel's (%u, %u)",
                  (unsigned long long)id, (unsigned long long)offset, ids, strings);
}

static int open_found(const struct search *s, const struct type_btf_base *base,
                      struct type_source **out) {
    uint64_t data, size;
    int rc = check_base(s, base);
    if (rc == 0) rc = get(s, DATA, &data);
    if (rc == 0) rc = get(s, DATA_SIZE, &size);
    if (rc) return rc;
    if (size > BYTES_MAX)
        return err_at(s->err, KVM_FORMAT, s->btf, "BTF of %llu bytes", (unsigned long long)size);
    return type_btf_open_split_at(s->virt, data, (size_t)size, base, out, s->err);
}

int linux_load_module_types(struct os *os, const struct os_module *m, struct type_source *kernel,
                            uint32_t number, struct type_source **out, struct kvm_err *err) {
    const struct type_btf_base base = {.kernel = kernel, .number = number};
    struct kvm_err why = {0};
    struct search s = {.virt = &os->virt, .module = m->addr, .err = &why};
    uint64_t head;
    int rc = symtab_value(os->symbols, "btf_modules", &head, &why);
    if (rc == KVM_NOTFOUND)
        err_prepend(&why, rc, "this kernel keeps none of its modules (Linux 5.11 and later do)");
    if (rc == 0) rc = linux_members_find(os->types, members, MEMBERS, s.at, &why);
    if (rc == 0) rc = linux_list_each(&os->virt, head, "btf_modules", visit, &s, &why);
    if (rc == 0) rc = err_set(&why, KVM_NOTFOUND, "no BTF");
    if (rc == FOUND) {
        err_clear(&why);
        rc = open_found(&s, &base, out);
    }
    if (rc && err) *err = why;
    return rc ? err_prepend(err, rc, "BTF") : 0;
}
