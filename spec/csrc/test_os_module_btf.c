// SPDX-License-Identifier: BSD-2-Clause
// The types of modules in the memory of a kernel, and what is there instead of them.
#include "btf_build.h"
#include "fake_kernel.h"
#include "tap.h"
#include "type/type_priv.h"

static struct btf_build b;

struct setup {
    struct fake_kernel *k;
    struct type_source *kernel;
    uint64_t head;
    uint64_t data; // of the module's BTF
    uint64_t btf;  // its struct btf
    struct os_module module;
};

// struct driver, with a member of the kernel's first type.
static void build(struct setup *s) {
    uint32_t ids, strings;
    type_btf_end(s->kernel, &ids, &strings, NULL);
    b_init(&b, false);
    b.last = ids - 1;
    b.strings_below = strings;
    b.strings_len = 0;
    b_type(&b, "driver", B_STRUCT, 1, 4);
    b_member(&b, "flags", 1, 0);
    b_finish(&b, B_HEADER);
    s->data = fake_alloc(s->k, b.blob_len);
    memcpy(s->k->mem + (s->data - FAKE_DIRECT), b.blob, b.blob_len);
    fake_set(s->k, s->btf, "struct btf", "data", s->data);
    fake_set(s->k, s->btf, "struct btf", "data_size", b.blob_len);
    fake_set(s->k, s->btf, "struct btf", "base_btf", FAKE_DIRECT);
    fake_set(s->k, s->btf, "struct btf", "start_id", ids);
    fake_set(s->k, s->btf, "struct btf", "start_str_off", strings);
}

static uint64_t add_entry(struct setup *s, uint64_t module, uint64_t btf) {
    uint64_t entry = fake_alloc(s->k, 64);
    fake_set(s->k, entry, "struct btf_module", "module", module);
    fake_set(s->k, entry, "struct btf_module", "btf", btf);
    fake_list_add(s->k, entry + fake_off(s->k, "struct btf_module", "list"), s->head);
    return entry;
}

static void set_up(struct setup *s) {
    *s = (struct setup){.k = fake_create(FAKE_NEW), .module = {.name = "driver", .addr = 0x1000}};
    type_db_source(s->k->os.types, &s->kernel, NULL);
    s->head = fake_alloc(s->k, 16);
    fake_put(s->k, s->head, s->head, 8);
    fake_put(s->k, s->head + 8, s->head, 8);
    fake_symbol(s->k, "btf_modules", s->head);
    s->btf = fake_alloc(s->k, 128);
    build(s);
    add_entry(s, 0x2000, fake_alloc(s->k, 128));
    add_entry(s, 0x1000, s->btf);
}

static int load(struct setup *s, struct kvm_err *err) {
    struct type_source *out = NULL;
    uint32_t number;
    *err = (struct kvm_err){0};
    int rc = os_linux.load_module_types(&s->k->os, &s->module, s->kernel, 5, &out, err);
    if (rc) return rc;
    struct type_member m = {.name = "?"};
    rc = out->ops->find(out, TYPE_STRUCT, "driver", &number);
    if (rc) out->ops->find_error(out, err);
    if (rc == 0) rc = out->ops->member(out, number, 0, &m, err);
    ok(rc || (number == 1 && out->number == 5 && m.type == 1 && strcmp(m.name, "flags") == 0),
       "its struct, with a member of the kernel's type");
    out->ops->destroy(out);
    return rc;
}

// A change that the kernel would not make: the error, its text, and back.
static void refused(struct setup *s, const char *member, uint64_t value, int code,
                    const char *text) {
    struct kvm_err err;
    uint64_t old = fake_get(s->k, s->btf + fake_off(s->k, "struct btf", member),
                            strstr(member, "start") || strstr(member, "size") ? 4 : 8);
    fake_set(s->k, s->btf, "struct btf", member, value);
    is_int(load(s, &err), code, member);
    has_text(err.text, text, "is refused");
    fake_set(s->k, s->btf, "struct btf", member, old);
}

int main(void) {
    struct setup s;
    struct kvm_err err;
    set_up(&s);
    is_int(load(&s, &err), 0, "BTF of a module");
    s.module.addr = 0x3000;
    is_int(load(&s, &err), KVM_NOTFOUND, "a module without BTF");
    is_str(err.text, "BTF: no BTF", "text");
    s.module.addr = 0x1000;
    refused(&s, "start_id", 7, KVM_FORMAT, "begins at type 7");
    refused(&s, "start_str_off", 9, KVM_FORMAT, "string 9");
    refused(&s, "base_btf", 0, KVM_FORMAT, "not behind the kernel's");
    refused(&s, "data_size", UINT32_MAX, KVM_FORMAT, "4294967295 bytes");
    refused(&s, "data_size", 1, KVM_FORMAT, "BTF");
    refused(&s, "data_size", 0, KVM_FORMAT, "no data");
    refused(&s, "data_size", b.blob_len - 1, KVM_FORMAT, "outside of the data");
    refused(&s, "data", 0x10, KVM_FAULT, "0x10");
    is_int(load(&s, &err), 0, "and as it was");
    struct type_source *kernel = s.kernel;
    s.kernel = NULL;
    is_int(load(&s, &err), KVM_NOTFOUND, "a kernel whose types are no BTF");
    s.kernel = kernel;
    fake_put(s.k, s.head, 0x10, 8);
    is_int(load(&s, &err), 0, "an entry behind the damage in the list");
    s.module.addr = 0x3000;
    is_int(load(&s, &err), KVM_FAULT, "one that may have been there");
    s.module.addr = 0x1000;
    fake_hole(s.k, s.data, b.blob_len);
    is_int(load(&s, &err), KVM_EXCLUDED, "its pages are not in the dump");
    ok(err.has_addr, "with the address");
    fake_destroy(s.k);

    struct fake_kernel *k = fake_create(FAKE_NEW);
    struct setup none = {.k = k, .module = {.addr = 0x1000}};
    type_db_source(k->os.types, &none.kernel, NULL);
    is_int(load(&none, &err), KVM_NOTFOUND, "a kernel without the list");
    has_text(err.text, "keeps none of its modules", "says so");
    fake_destroy(k);
    k = fake_create(FAKE_OLD);
    none.k = k;
    type_db_source(k->os.types, &none.kernel, NULL);
    fake_symbol(k, "btf_modules", FAKE_DIRECT);
    is_int(load(&none, &err), KVM_NOTFOUND, "a kernel without struct btf_module");
    fake_destroy(k);
    return done();
}
