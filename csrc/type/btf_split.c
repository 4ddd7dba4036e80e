// SPDX-License-Identifier: BSD-2-Clause
// Split BTF: the types of a module, whose ids and string offsets go on where those of its base end.
// The base is the kernel's BTF, or a distilled one (section .BTF.base of modules that are built out of tree): the named
// types of some kernel that the module refers to, without members, to be looked for in the kernel that runs. Which type is
// meant is asked when it is followed, so that one that is gone or ambiguous only spoils what needs it.
//
// Documentation/bpf/btf.rst; the rules of btf_relocate (tools/lib/bpf/btf_relocate.c of Linux 6.12): integers and
// floats match by name, size and encoding, enums by name and size, structs and unions by name, and also by size where they
// are a part of a type or the kernel has several of that name. Not as there: a struct does not match a union.
#include "type/btf.h"

#include "base/mem.h"

static struct btf *btf_of(struct type_source *s) {
    return s && s->ops == &type_btf ? (struct btf *)s : NULL;
}

int btf_split_init(struct btf *b, const struct type_btf_base *base, struct kvm_err *err) {
    b->distilled = btf_of(base->distilled); // owned, so it is taken before anything can fail
    b->source.number = base->number;
    struct btf *kernel = btf_of(base->kernel);
    if (!kernel || kernel->base || (b->distilled && b->distilled->base))
        return err_set(err, KVM_UNSUPPORTED, "BTF of a module stands on BTF of the kernel only");
    struct btf *below = b->distilled ? b->distilled : kernel;
    int rc = btf_index_all(kernel, err);
    if (rc == 0) rc = btf_index_all(below, err);
    if (rc) return rc;
    b->base = kernel;
    b->below = below->last;
    b->strings_below = below->strings_len;
    if (!b->distilled) return 0;
    b->mapped = mem_array((size_t)b->below + 1, sizeof(*b->mapped));
    return b->mapped ? 0 : err_nomem(err, "the base of a module's BTF");
}

void btf_split_deinit(struct btf *b) {
    mem_free(b->mapped);
    if (b->distilled) b->distilled->source.ops->destroy(&b->distilled->source);
}

int type_btf_end(struct type_source *s, uint32_t *ids, uint32_t *strings, struct kvm_err *err) {
    struct btf *b = btf_of(s);
    if (!b || b->base) return err_set(err, KVM_NOTFOUND, "the kernel's types are no BTF");
    int rc = btf_index_all(b, err);
    *ids = b->last + 1;
    *strings = b->strings_len;
    return rc;
}

// --- distilled types
enum match { MATCH_NO, MATCH_DECLARATION, MATCH_OTHER_SIZE, MATCH_YES };

static bool is_composite(uint8_t kind) {
    return kind == BTF_STRUCT || kind == BTF_UNION;
}

// How well HAVE of the kernel is what WANT stands for.
static enum match match(const struct btf *b, const struct btf_record *want,
                        const struct btf_record *have) {
    bool same_size = want->size_or_type == have->size_or_type, kind = want->kind == have->kind;
    switch (want->kind) {
    case BTF_FWD:
        if (kind) return want->flag == have->flag ? MATCH_DECLARATION : MATCH_NO;
        return have->kind == (want->flag ? BTF_UNION : BTF_STRUCT) ? MATCH_YES : MATCH_NO;
    case BTF_STRUCT:
    case BTF_UNION:
        if (!kind) return MATCH_NO;
        return same_size ? MATCH_YES : MATCH_OTHER_SIZE;
    case BTF_INT:
        if (!kind || bytes_u32(want->data, b->big) != bytes_u32(have->data, b->big))
            return MATCH_NO;
        break;
    case BTF_FLOAT:
        if (!kind) return MATCH_NO;
        break;
    case BTF_ENUM:
    case BTF_ENUM64:
        if (have->kind != BTF_ENUM && have->kind != BTF_ENUM64) return MATCH_NO;
        break;
    default: return MATCH_NO;
    }
    return same_size ? MATCH_YES : MATCH_NO;
}

// Of each degree of match: how many there are, and the first.
struct candidates {
    uint32_t count[MATCH_YES + 1], first[MATCH_YES + 1];
};

static int collect(const struct btf *b, const struct btf_record *want, const char *name,
                   struct candidates *out, struct kvm_err *err) {
    uint32_t i = 0;
    *out = (struct candidates){0};
    for (;;) {
        struct btf_record have;
        int rc = btf_next_named(b->base, name, &i, err);
        if (rc || i == 0) return rc;
        btf_record(b->base, i, &have);
        enum match m = match(b, want, &have);
        out->count[m]++;
        out->first[m] = i; // they come in descending order
    }
}

static int choose(const struct candidates *c, const char *name, uint32_t *out,
                  struct kvm_err *err) {
    static const enum match order[] = {MATCH_YES, MATCH_OTHER_SIZE, MATCH_DECLARATION};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        enum match m = order[i];
        if (c->count[m] == 0) continue;
        *out = c->first[m];
        if (c->count[m] == 1 || m == MATCH_DECLARATION) return 0;
        return err_set(err, KVM_FORMAT,
                       "BTF: the kernel has %u types \"%.100s\" that a module can mean",
                       c->count[m], name);
    }
    return err_set(err, KVM_FORMAT, "BTF: the kernel has no type \"%.100s\" as a module needs it",
                   name);
}

// The kernel's type that the distilled one of ID stands for.
static int map(struct btf *b, uint32_t id, uint32_t *out, struct kvm_err *err) {
    struct btf_record want;
    struct candidates c;
    const char *name;
    *out = b->mapped[id];
    if (*out) return 0;
    btf_record(b->distilled, id, &want);
    int rc = btf_string(b->distilled, want.name, &name, err);
    if (rc == 0 && name[0] == '\0')
        rc = err_set(err, KVM_FORMAT, "BTF: type %u of a distilled base has no name", id);
    if (rc == 0) rc = collect(b, &want, name, &c, err);
    if (rc == 0) rc = choose(&c, name, out, err);
    if (rc == 0) b->mapped[id] = *out;
    return rc;
}

// --- references
int btf_refer(struct btf *b, uint32_t id, struct btf_ref *out, struct kvm_err *err) {
    if (id == 0 || id > b->below) {
        *out = (struct btf_ref){b, id ? id - b->below : 0};
        return btf_reach(b, out->number, err);
    }
    *out = (struct btf_ref){b->base, id}; // which is indexed up to there
    return b->distilled ? map(b, id, &out->number, err) : 0;
}

// The distilled type at the end of typedefs, qualifiers and dimensions; 0 where that is not one.
static int distilled_part(struct btf *b, uint32_t id, uint32_t *out, struct kvm_err *err) {
    *out = 0;
    for (int steps = 0; id > b->below; steps++) {
        struct btf_record r;
        if (steps >= TYPE_MAX_CHAIN) return err_set(err, KVM_FORMAT, "BTF: type %u is a cycle", id);
        int rc = btf_reach(b, id - b->below, err);
        if (rc) return rc;
        btf_record(b, id - b->below, &r);
        switch (r.kind) {
        case BTF_ARRAY: id = bytes_u32(r.data, b->big); break;
        case BTF_TYPEDEF:
        case BTF_VOLATILE:
        case BTF_CONST:
        case BTF_RESTRICT:
        case BTF_TYPE_TAG: id = r.size_or_type; break;
        default: return 0;
        }
    }
    *out = id;
    return 0;
}

int btf_check_part(struct btf *b, uint32_t id, struct kvm_err *err) {
    struct btf_record want, have;
    struct btf_ref to;
    const char *name;
    if (!b->distilled) return 0;
    int rc = distilled_part(b, id, &id, err);
    if (rc || id == 0) return rc;
    rc = btf_refer(b, id, &to, err);
    if (rc) return rc;
    btf_record(b->distilled, id, &want);
    btf_record(to.b, to.number, &have);
    if (!is_composite(have.kind) || want.size_or_type == have.size_or_type) return 0;
    rc = btf_string(to.b, have.name, &name, err);
    return rc ? rc
              : err_set(err, KVM_FORMAT,
                        "BTF: \"%.100s\" has %u bytes in the kernel, not %u as in a module", name,
                        have.size_or_type, want.size_or_type);
}
