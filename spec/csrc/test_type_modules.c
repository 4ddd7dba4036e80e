// SPDX-License-Identifier: BSD-2-Clause
// Names in a graph with modules: where a type is looked for, which one is meant, and what can't be read.
#include "base/mem.h"
#include "btf_build.h"
#include "tap.h"
#include "type/type.h"

// Kernel: int, struct cache; (declared only), struct task { struct cache *c; struct odd *o; }, struct odd;
enum { K_LONG = 1, K_INT, K_CACHE, K_CACHE_P, K_ODD, K_ODD_P, K_TASK, K_LAST = K_TASK };
// The modules, by index.
enum { SLAB, COPY, OTHER, PLAIN, UNREAD, MODULES };
static const char *const names[MODULES] = {"slab", "copy", "other", "plain", "unread"};

static struct btf_build kernel, module[MODULES];
static int listed, loaded, modules, list_error;
static struct type_db *db;

static int load_kernel(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)ctx;
    return type_btf_open(kernel.blob, kernel.blob_len, false, out, err);
}

static int name_of(void *ctx, size_t i, const char **out, struct kvm_err *err) {
    (void)ctx;
    listed++;
    if ((int)i < modules) {
        *out = names[i];
        return 0;
    }
    return list_error ? err_at(err, list_error, 0x1234, "the list broke off")
                      : err_set(err, KVM_NOTFOUND, "no more");
}

static int load_module(void *ctx, size_t i, struct type_source *base, uint32_t number,
                       struct type_source **out, struct kvm_err *err) {
    (void)ctx;
    type_id id;
    const struct type_btf_base on = {.kernel = base, .number = number};
    loaded++;
    // As a loader does that looks at the kernel's structs on its way; it must not come back here.
    type_lookup(db, NULL, "struct nowhere", &id, NULL);
    type_strip(db, K_CACHE, NULL, NULL, NULL);
    if (i == PLAIN) return err_set(err, KVM_NOTFOUND, "no BTF");
    if (i == UNREAD) return err_at(err, KVM_EXCLUDED, 0x5678, "left out");
    return type_btf_open_split(module[i].blob, module[i].blob_len, false, &on, out, err);
}

static const struct type_modules ops = {.name = name_of, .load = load_module};

static void build_kernel(void) {
    b_init(&kernel, false);
    b_int(&kernel, "long int", 8, 1, 64);
    b_int(&kernel, "int", 4, 1, 32);
    b_type(&kernel, "cache", B_FWD, 0, 0);
    b_type(&kernel, "", B_PTR, 0, K_CACHE);
    b_type(&kernel, "odd", B_FWD, 0, 0);
    b_type(&kernel, "", B_PTR, 0, K_ODD);
    b_type(&kernel, "task", B_STRUCT, 2, 16);
    b_member(&kernel, "cache", K_CACHE_P, 0);
    b_member(&kernel, "odd", K_ODD_P, 64);
    b_finish(&kernel, B_HEADER);
}

// struct cache { int size; }, struct odd { TYPE x; }, one struct and one variable of its own.
static void build_module(struct btf_build *m, const char *name, uint32_t type, uint32_t size) {
    b_init_split(m, &kernel);
    b_type(m, "cache", B_STRUCT, 1, 4);
    b_member(m, "size", K_INT, 0);
    b_type(m, "odd", B_STRUCT, 1, size);
    b_member(m, "x", type, 0);
    b_type(m, name, B_STRUCT, 1, 8);
    b_member(m, "task", K_LONG, 0);
    b_type(m, "debug", B_VAR, 0, type);
    b_u32(m, 1);
    b_finish(m, B_HEADER);
}

static void open_graph(int n, int error) {
    type_db_destroy(db);
    listed = loaded = 0;
    modules = n;
    list_error = error;
    db = type_db_create(load_kernel, NULL);
    type_db_set_modules(db, &ops, NULL);
}

static type_id of(int i, uint32_t number) {
    return (type_id)(3 + 2 * i) << 32 | number;
}

static void looks_up(const char *in, const char *name, int code, type_id want) {
    struct kvm_err err = {0};
    type_id id = 0;
    int rc = type_lookup(db, in, name, &id, &err);
    ok(rc == code && id == want, "%s of %s: %d, 0x%llx %s", name, in ? in : "all", rc,
       (unsigned long long)id, err.text);
}

static void test_order(void) {
    struct kvm_err err = {0};
    struct type_info info;
    type_id id;
    open_graph(3, 0);
    looks_up(NULL, "struct task", 0, K_TASK);
    is_int(type_strip(db, K_TASK, NULL, &info, NULL), 0, "a type of the kernel");
    ok(listed == 0 && loaded == 0, "asks for no module");
    looks_up(NULL, "struct other", 0, of(OTHER, 3));
    is_int(loaded, 3, "one that it lacks asks for all");
    looks_up(NULL, "struct slab", 0, of(SLAB, 3));
    is_int(loaded, 3, "once");
    looks_up(NULL, "struct cache", 0, of(SLAB, 1)); // the definition; in all three, and the same
    is_int(type_strip(db, K_CACHE, &id, &info, NULL), 0, "what the kernel only declares");
    ok(id == of(SLAB, 1) && info.size == 4, "is what modules define");
    is_int(type_lookup(db, NULL, "struct odd", &id, &err), KVM_INVAL, "different ones of a name");
    has_text(err.text, "slab", "names the module");
    has_text(err.text, "other", "and the other");
    is_int(type_strip(db, K_ODD, &id, &info, NULL), 0, "a declaration of it");
    ok(id == K_ODD && info.kind == TYPE_FWD, "stays one");
    looks_up("slab", "struct odd", 0, of(SLAB, 2));
    looks_up("other", "struct odd", 0, of(OTHER, 2));
    looks_up("other", "struct task", 0, K_TASK);
    looks_up("slab", "struct other", KVM_NOTFOUND, 0);
    looks_up("none", "struct task", KVM_NOTFOUND, 0);
    looks_up(NULL, "struct nowhere", KVM_NOTFOUND, 0);
}

static void test_variables(void) {
    struct kvm_err err = {0};
    type_id id = 0;
    open_graph(4, 0);
    is_int(type_variable(db, "slab", "debug", &id, &err), 0, "a variable of a module");
    is_int((int64_t)id, K_INT, "its type");
    is_int(type_variable(db, "other", "debug", &id, &err), 0, "of another");
    is_int((int64_t)id, K_LONG, "has another type");
    is_int(type_variable(db, NULL, "debug", &id, &err), KVM_NOTFOUND, "none of the kernel's");
    is_int(type_variable(db, "plain", "debug", &id, &err), KVM_NOTFOUND, "none without BTF");
    is_int(type_variable(db, "nope", "debug", &id, &err), KVM_NOTFOUND, "no such module");
}

static void test_unread(void) {
    struct kvm_err err = {0};
    type_id id;
    open_graph(4, 0);
    looks_up(NULL, "struct nowhere", KVM_NOTFOUND,
             0); // PLAIN has no BTF, and that is all there is to it
    looks_up("plain", "struct task", KVM_NOTFOUND, 0);
    open_graph(5, 0);
    looks_up(NULL, "struct other", 0, of(OTHER, 3));
    is_int(type_lookup(db, NULL, "struct nowhere", &id, &err), KVM_NOTFOUND, "what nobody has");
    has_text(err.text, "; module unread: left out", "as far as they can be read");
    is_int(type_lookup(db, "unread", "struct task", &id, &err), KVM_EXCLUDED,
           "one that is named and can't be read");
    has_text(err.text, "module unread: left out", "is an error");
    is_int((int64_t)err.addr, 0x5678, "with the address");
    open_graph(2, KVM_FAULT);
    looks_up(NULL, "struct copy", 0, of(COPY, 3));
    looks_up("copy", "struct odd", 0, of(COPY, 2));
    is_int(type_lookup(db, NULL, "struct other", &id, &err), KVM_NOTFOUND, "behind the damage");
    has_text(err.text, "; the list broke off", "which is told of");
    looks_up("other", "struct other", KVM_FAULT, 0);
    looks_up(NULL, "struct task", 0, K_TASK);
    is_int(type_strip(db, K_ODD, NULL, NULL, NULL), 0, "a declaration can be looked at");
    open_graph(3, 0);
    module[COPY].blob[B_HEADER + 7] = 99; // the kind of its first type
    looks_up(NULL, "struct slab", 0, of(SLAB, 3));
    looks_up(NULL, "struct copy", KVM_NOTFOUND, 0);
    looks_up("copy", "struct copy", KVM_UNSUPPORTED, 0);
    module[COPY].blob[B_HEADER + 7] = B_STRUCT;
}

// Every allocation fails once: NOMEM, and the same question is answered the next time.
static void test_out_of_memory(void) {
    int failures = 0;
    for (unsigned long n = 1; n < 40; n++) {
        type_id id = 0;
        open_graph(2, 0);
        mem_fail_from(n);
        int rc = type_lookup(db, NULL, "struct copy", &id, NULL);
        mem_fail_from(0);
        failures += rc == KVM_NOMEM;
        if (rc && rc != KVM_NOMEM) ok(false, "allocation %lu: %d", n, rc);
        if (type_lookup(db, NULL, "struct copy", &id, NULL) || id != of(COPY, 3))
            ok(false, "allocation %lu: and again", n);
    }
    ok(failures > 10, "%d allocations can fail", failures);
}

int main(void) {
    build_kernel();
    build_module(&module[SLAB], "slab", K_INT, 4);
    build_module(&module[COPY], "copy", K_INT, 4);
    build_module(&module[OTHER], "other", K_LONG, 8);
    test_order();
    test_variables();
    test_unread();
    test_out_of_memory();
    type_db_destroy(db);
    return done();
}
