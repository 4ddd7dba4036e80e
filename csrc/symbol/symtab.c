// SPDX-License-Identifier: BSD-2-Clause
// The list of symbol sources (symbol.h). A question goes to the sources in order; each is loaded
// when it is first reached. A source that can't be loaded is passed over, and its reason is told
// when no other answers.
#include "symbol/symbol.h"

#include "base/mem.h"

#include <stdio.h>

enum { MOST_SOURCES = 8 };

struct symtab {
    struct symbol_source *sources[MOST_SOURCES];
    size_t count;
    char origin[128];
};

struct symtab *symtab_create(void) {
    return mem_zalloc(sizeof(struct symtab));
}

void symtab_destroy(struct symtab *t) {
    if (!t) return;
    for (size_t i = 0; i < t->count; i++)
        t->sources[i]->ops->destroy(t->sources[i]);
    mem_free(t);
}

int symtab_add(struct symtab *t, struct symbol_source *s, struct kvm_err *err) {
    if (t->count == MOST_SOURCES) {
        s->ops->destroy(s);
        return err_set(err, KVM_INVAL, "more than %d symbol sources", MOST_SOURCES);
    }
    t->sources[t->count++] = s;
    return 0;
}

bool symtab_empty(const struct symtab *t) {
    return t->count == 0;
}

// Whether the source can be asked. One that is being loaded can't: modules are found through
// symbols.
static bool ready(struct symbol_source *s) {
    if (s->state == SYMBOL_FRESH) {
        struct kvm_err err = {0};
        err_clear(&s->error);
        s->state = SYMBOL_FAILED;
        int rc = s->ops->load(s, &err);
        if (rc)
            s->error = err;
        else
            s->state = SYMBOL_LOADED;
    }
    return s->state == SYMBOL_LOADED;
}

// WHAT was not found. The first source is the kernel's own table: where that can't be read, WHAT
// may well exist.
static int not_found(const struct symtab *t, const char *what, struct kvm_err *err) {
    for (size_t i = 0; i < t->count; i++) {
        const struct kvm_err *why = &t->sources[i]->error;
        if (why->code == 0) continue;
        int code = i == 0 ? why->code : KVM_NOTFOUND;
        const char *name = t->sources[i]->ops->name;
        if (why->has_addr)
            return err_at(err, code, why->addr, "%s (%s: %s)", what, name, why->text);
        return err_set(err, code, "%s (%s: %s)", what, name, why->text);
    }
    return err_set(err, KVM_NOTFOUND, "%s", what);
}

int symtab_name(struct symtab *t, const char *name, struct symbol *out, struct kvm_err *err) {
    for (size_t i = 0; i < t->count; i++) {
        struct symbol_source *s = t->sources[i];
        if (ready(s) && s->ops->find_name(s, name, out)) return 0;
    }
    char what[128];
    snprintf(what, sizeof(what), "no symbol %s", name);
    return not_found(t, what, err);
}

int symtab_addr(struct symtab *t, uint64_t addr, struct symbol *out, struct kvm_err *err) {
    for (size_t i = 0; i < t->count; i++) {
        struct symbol_source *s = t->sources[i];
        if (ready(s) && s->ops->find_addr(s, addr, out)) return 0;
    }
    char what[64];
    snprintf(what, sizeof(what), "no symbol at 0x%llx", (unsigned long long)addr);
    return not_found(t, what, err);
}

int symtab_each(struct symtab *t, symbol_visit *fn, void *ctx, struct kvm_err *err) {
    bool any = false;
    for (size_t i = 0; i < t->count; i++) {
        struct symbol_source *s = t->sources[i];
        if (!ready(s)) continue;
        any = true;
        int rc = s->ops->each(s, fn, ctx);
        if (rc) return rc;
    }
    return any ? 0 : not_found(t, "no symbols", err);
}

int symtab_value(struct symtab *t, const char *name, uint64_t *out, struct kvm_err *err) {
    struct symbol sym = {0};
    int rc = symtab_name(t, name, &sym, err);
    if (rc == 0) *out = sym.addr;
    return rc;
}

const char *symtab_origin(struct symtab *t) {
    size_t used = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct symbol_source *s = t->sources[i];
        // Loading the first tells whether it is any good; the next is then the first.
        bool usable = used == 0 ? ready(s) : s->state != SYMBOL_FAILED;
        if (!usable) continue;
        int n = snprintf(t->origin + used, sizeof(t->origin) - used, "%s%s", used ? ", " : "",
                         s->ops->name);
        if (n < 0 || (size_t)n >= sizeof(t->origin) - used) break;
        used += (size_t)n;
    }
    return used ? t->origin : NULL;
}
