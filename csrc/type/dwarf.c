// SPDX-License-Identifier: BSD-2-Clause
// DWARF 2 to 5 as a source of types, variables and lines, through libdw (elfutils 0.188). Ids are
// given to entries as they are met, so that only what is reached is decoded; names are searched
// unit by unit. Left out: what is declared inside functions, split DWARF (.dwo), the file that
// .gnu_debugaltlink names, C++.
#include "type/type.h"

#if HAVE_LIBDW
#include "base/mem.h"
#include "type/dwarf.h"

static struct dwarf_source *source_of(struct type_source *s) {
    return (struct dwarf_source *)s;
}

// --- ids
static size_t type_slot(const struct dwarf_source *s, const void *addr, uint32_t part) {
    uint64_t h = ((uint64_t)(uintptr_t)addr + part) * 0x9e3779b97f4a7c15u;
    size_t slot = (size_t)(h >> 32) & (s->type_buckets_len - 1);
    for (; s->type_buckets[slot]; slot = (slot + 1) & (s->type_buckets_len - 1)) {
        const struct dwarf_type *t = &s->types[s->type_buckets[slot]];
        if (t->die.addr == addr && t->part == part) break;
    }
    return slot;
}

static bool grow_type_buckets(struct dwarf_source *s) {
    size_t len = s->type_buckets_len ? s->type_buckets_len * 2 : 1024;
    uint32_t *buckets = mem_array(len, sizeof(*buckets));
    if (!buckets) return false;
    mem_free(s->type_buckets);
    s->type_buckets = buckets;
    s->type_buckets_len = len;
    for (size_t id = 1; id < s->types_len; id++) {
        const struct dwarf_type *t = &s->types[id];
        s->type_buckets[type_slot(s, t->die.addr, t->part)] = (uint32_t)id;
    }
    return true;
}

int dwarf_type_id(struct dwarf_source *s, const Dwarf_Die *die, uint32_t part, uint32_t *out) {
    if (s->types_len >= UINT32_MAX) return KVM_NOMEM;
    if (s->types_len * 2 >= s->type_buckets_len && !grow_type_buckets(s)) return KVM_NOMEM;
    size_t slot = type_slot(s, die->addr, part);
    if (!s->type_buckets[slot]) {
        if (!mem_grow(&s->types, &s->types_cap, s->types_len + 1, sizeof(*s->types)))
            return KVM_NOMEM;
        s->types[s->types_len] = (struct dwarf_type){.die = *die, .part = part};
        s->type_buckets[slot] = (uint32_t)s->types_len++;
    }
    *out = s->type_buckets[slot];
    return 0;
}

// --- the source
static int find(struct type_source *src, enum type_kind kind, const char *name, uint32_t *out) {
    return dwarf_names_find(source_of(src), kind, name, out);
}

static int info(struct type_source *src, uint32_t id, struct type_info *out, struct kvm_err *err) {
    struct dwarf_source *s = source_of(src);
    int rc = dwarf_type_decode(s, id, err);
    if (rc == 0) *out = s->types[id].info;
    return rc;
}

static int member(struct type_source *src, uint32_t id, uint64_t i, struct type_member *out,
                  struct kvm_err *err) {
    struct dwarf_source *s = source_of(src);
    int rc = dwarf_type_decode(s, id, err);
    if (rc) return rc;
    const struct dwarf_item *item = &s->types[id].items[i];
    *out = (struct type_member){item->name, item->type, item->bit_offset, item->bit_size};
    return 0;
}

static int enumerator(struct type_source *src, uint32_t id, uint64_t i, struct type_enumerator *out,
                      struct kvm_err *err) {
    struct dwarf_source *s = source_of(src);
    int rc = dwarf_type_decode(s, id, err);
    if (rc) return rc;
    const struct dwarf_item *item = &s->types[id].items[i];
    *out = (struct type_enumerator){item->name, item->value};
    return 0;
}

static uint32_t last(struct type_source *src);

static int reach(struct type_source *src, uint32_t id, struct kvm_err *err) {
    return id <= last(src) ? 0 : err_set(err, KVM_INVAL, "no type has number %u", id);
}

static uint32_t last(struct type_source *src) {
    return (uint32_t)(source_of(src)->types_len - 1);
}

static void destroy(struct type_source *src) {
    struct dwarf_source *s = source_of(src);
    for (size_t id = 1; id < s->types_len; id++)
        mem_free(s->types[id].items);
    mem_free(s->types);
    mem_free(s->type_buckets);
    mem_free(s->names);
    mem_free(s->name_buckets);
    dwarf_file_close(s);
    mem_free(s);
}

static const struct type_ops type_dwarf = {
    .name = "DWARF",
    .find = find,
    .info = info,
    .member = member,
    .enumerator = enumerator,
    .last = last,
    .reach = reach,
    .destroy = destroy,
    .variable = dwarf_variable,
    .places = dwarf_places,
    .frame = dwarf_frame,
};

static int init(struct dwarf_source *s, struct kvm_err *err) {
    s->types_len = s->names_len = 1;
    if (mem_grow(&s->types, &s->types_cap, 64, sizeof(*s->types)) &&
        mem_grow(&s->names, &s->names_cap, 64, sizeof(*s->names)) && grow_type_buckets(s))
        return 0;
    return err_nomem(err, "DWARF");
}

int type_dwarf_open_at(const char *path, const struct type_section *sections, size_t n,
                       struct type_source **out, struct kvm_err *err) {
    struct dwarf_source *s = mem_zalloc(sizeof(*s));
    if (!s) return err_nomem(err, "DWARF");
    s->source.ops = &type_dwarf;
    s->fd = -1;
    int rc = init(s, err);
    if (rc == 0) rc = dwarf_file_open(s, path, sections, n, err);
    if (rc) {
        destroy(&s->source);
        return rc;
    }
    *out = &s->source;
    return 0;
}

#else

int type_dwarf_open_at(const char *path, const struct type_section *sections, size_t n,
                       struct type_source **out, struct kvm_err *err) {
    (void)sections, (void)n, (void)out;
    return err_set(err, KVM_UNSUPPORTED, "%s: this build reads no DWARF (WITH_DW=0)", path);
}

#endif

int type_dwarf_open(const char *path, struct type_source **out, struct kvm_err *err) {
    return type_dwarf_open_at(path, NULL, 0, out, err);
}
