// SPDX-License-Identifier: BSD-2-Clause
// BTF from an attacker: everything is asked of the first types of what opens. The input is the kernel's; then a module's
// on top of a good kernel's; then the base that a good module was made with. Mutation starts from the sample of the unit
// tests and a module on top of it.
#include "../csrc/btf_build.h"
#include "base/mem.h"
#include "type/type.h"

#include <stdlib.h>

#define MAX_TYPES 512
#define MAX_ITEMS 64

static int give(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)err;
    *out = ctx;
    return 0;
}

static void ask(struct type_db *db, type_id id) {
    struct kvm_err err;
    struct type_info info;
    struct type_member m;
    struct type_enumerator e;
    struct type_field f;
    char text[512];
    type_spell(db, id, text, sizeof(text), &err);
    type_strip(db, id, NULL, NULL, &err);
    if (type_info(db, id, &info, &err)) return;
    volatile size_t touch = strlen(info.name); // names end inside the blob
    for (uint64_t i = 0; i < info.count && i < MAX_ITEMS; i++) {
        if (type_member(db, id, i, &m, &err) == 0) {
            touch += strlen(m.name);
            if (m.name[0]) type_field(db, id, m.name, &f, &err);
        }
        if (type_enumerator(db, id, i, &e, &err) == 0) touch += strlen(e.name);
    }
    (void)touch;
    type_field(db, id, "a.b[3]", &f, &err);
}

struct memory {
    const uint8_t *bytes;
    size_t len;
};

static int read_memory(void *ctx, uint64_t addr, void *buf, size_t len, struct kvm_err *err) {
    const struct memory *m = ctx;
    if (!mem_inside(addr, len, m->len)) return err_at(err, KVM_FAULT, addr, "outside");
    memcpy(buf, m->bytes + addr, len);
    return 0;
}

// Names first, so that what is read as it is needed is asked before all of it is there.
static void ask_all(struct type_source *s) {
    static const char *const names[] = {"struct task", "list_head", "unsigned long", "union u",
                                        "enum state",  "x",         "double"};
    struct type_db *db = type_db_create(give, s);
    struct kvm_err err;
    type_id id;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        type_find(db, names[i], &id, &err);
        type_offset(db, names[i], "comm", NULL, NULL, &err);
    }
    uint32_t number;
    s->ops->find(s, TYPE_FUNC, "fn", &number);
    type_id last = type_last(db);
    for (id = 0; id <= last && id < MAX_TYPES; id++)
        ask(db, id);
    type_db_destroy(db);
}

// --- modules
static struct btf_build kernel, module;

static void build(void) {
    if (kernel.blob_len) return;
    b_sample(&kernel, false);
    b_init_split(&module, &kernel);
    b_type(&module, "driver", B_STRUCT, 3, 64);
    b_member(&module, "list", S_LIST, 0);
    b_member(&module, "self", S_LAST + 2, 128);
    b_member(&module, "row", S_LAST + 3, 192);
    b_type(&module, "", B_PTR, 0, S_LAST + 1);
    b_array(&module, S_INT, 4);
    b_type(&module, "alias", B_TYPEDEF, 0, S_TASK);
    b_type(&module, "the_driver", B_VAR, 0, S_LAST + 2);
    b_u32(&module, 1);
    b_finish(&module, B_HEADER);
}

struct parts { // what the graph is made of; DISTILLED may be NULL
    const uint8_t *module, *distilled;
    size_t module_len, distilled_len;
};

static int load_kernel(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)ctx;
    return type_btf_open(kernel.blob, kernel.blob_len, false, out, err);
}

static int module_name(void *ctx, size_t i, const char **out, struct kvm_err *err) {
    (void)ctx;
    *out = "m";
    return i == 0 ? 0 : err_set(err, KVM_NOTFOUND, "no more");
}

static int module_load(void *ctx, size_t i, struct type_source *base, uint32_t number,
                       struct type_source **out, struct kvm_err *err) {
    (void)i;
    const struct parts *p = ctx;
    struct type_btf_base on = {.kernel = base, .number = number};
    int rc =
        p->distilled ? type_btf_open(p->distilled, p->distilled_len, false, &on.distilled, err) : 0;
    return rc ? rc : type_btf_open_split(p->module, p->module_len, false, &on, out, err);
}

static void ask_module(const uint8_t *bytes, size_t len, const uint8_t *distilled,
                       size_t distilled_len) {
    static const struct type_modules ops = {.name = module_name, .load = module_load};
    struct parts p = {bytes, distilled, len, distilled_len};
    struct kvm_err err;
    type_id id;
    struct type_db *db = type_db_create(load_kernel, NULL);
    if (!db) return;
    type_db_set_modules(db, &ops, &p);
    type_lookup(db, NULL, "struct driver", &id, &err);
    type_lookup(db, "m", "list_head", &id, &err);
    type_variable(db, "m", "the_driver", &id, &err);
    for (type_id number = 1; number < 64; number++)
        ask(db, (type_id)3 << 32 | number);
    type_db_destroy(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct type_source *s;
    struct kvm_err err;
    struct memory m = {data, size};
    const struct reader virt = {&m, read_memory, false, 8};
    uint8_t *copy = mem_dup(data, size);
    if (copy && type_btf_open(copy, size, true, &s, &err) == 0) ask_all(s);
    if (type_btf_open_at(&virt, 0, size, &s, &err) == 0) ask_all(s);
    build();
    ask_module(data, size, NULL, 0);
    ask_module(module.blob, module.blob_len, data, size);
    return 0;
}

// The sample in either byte order is where mutation starts when there is no corpus yet.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
    static struct btf_build b;
    if (size < B_HEADER || seed % 256 == 0) {
        build();
        if (seed & 512)
            b = module;
        else
            b_sample(&b, seed & 256);
        if (b.blob_len <= max) {
            memcpy(data, b.blob, b.blob_len);
            size = b.blob_len;
        }
    }
    return LLVMFuzzerMutate(data, size, max);
}
