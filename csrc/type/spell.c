// SPDX-License-Identifier: BSD-2-Clause
// The C spelling of a type. A declarator is written from the inside out: what stands before the
// (absent) name grows to the left, what stands behind it to the right, and a pointer to an array or
// a function takes parentheses.
#include "type/type_priv.h"

#include <stdio.h>
#include <string.h>

#define MAX_NESTING 8 // parameters that are functions with parameters that are functions ...
// One struct for each nesting level of function pointers lies on the stack.
#define MAX_DECLARATOR 1024

// Bits of qualifiers, in the order in which they are written.
enum { QUAL_CONST = 1, QUAL_VOLATILE = 2, QUAL_RESTRICT = 4 };

struct declarator {
    struct type_db *db;
    struct kvm_err *err;
    char text[MAX_DECLARATOR];
    size_t first, last; // what is used of text
};

static int too_long(struct kvm_err *err) {
    return err_set(err, KVM_INVAL, "the spelling of the type is too long");
}

static int put_left(struct declarator *d, const char *s) {
    size_t len = strlen(s);
    if (len > d->first) return too_long(d->err);
    d->first -= len;
    memcpy(d->text + d->first, s, len);
    return 0;
}

static int put_right(struct declarator *d, const char *s) {
    size_t len = strlen(s);
    if (len >= sizeof(d->text) - d->last) return too_long(d->err);
    memcpy(d->text + d->last, s, len);
    d->last += len;
    return 0;
}

static const char *qualifiers(unsigned quals, char out[32]) {
    snprintf(out, 32, "%s%s%s", quals & QUAL_CONST ? "const " : "",
             quals & QUAL_VOLATILE ? "volatile " : "", quals & QUAL_RESTRICT ? "restrict " : "");
    return out;
}

// "* const": a space only where something follows the qualifiers or they are the end.
static int put_pointer(struct declarator *d, unsigned quals) {
    if (!quals) return put_left(d, "*");
    char text[32];
    qualifiers(quals, text);
    if (d->first == d->last || d->text[d->first] == '[') text[strlen(text) - 1] = '\0';
    int rc = put_left(d, text);
    return rc ? rc : put_left(d, "* ");
}

// Parentheses where what was written so far starts with a pointer.
static int put_parens(struct declarator *d) {
    if (d->first == d->last || d->text[d->first] != '*') return 0;
    int rc = put_left(d, "(");
    return rc ? rc : put_right(d, ")");
}

static int spell(struct type_db *db, type_id id, int depth, char *buf, size_t size,
                 struct kvm_err *err);

// Text of the parameters goes to the right of the declarator.
static int put_parameters(struct declarator *d, type_id id, uint64_t count, int depth) {
    if (depth >= MAX_NESTING) return put_right(d, "(...)");
    if (count == 0) return put_right(d, "(void)");
    int rc = put_right(d, "(");
    for (uint64_t i = 0; rc == 0 && i < count; i++) {
        struct type_member m;
        rc = type_member(d->db, id, i, &m, d->err);
        if (rc == 0 && i) rc = put_right(d, ", ");
        if (rc) return rc;
        if (m.type == 0 && i + 1 == count && m.name[0] == '\0') {
            rc = put_right(d, "...");
            break;
        }
        size_t room = sizeof(d->text) - d->last;
        rc = spell(d->db, m.type, depth + 1, d->text + d->last, room, d->err);
        if (rc == 0) d->last += strlen(d->text + d->last);
    }
    return rc ? rc : put_right(d, ")");
}

static const char *keyword(const struct type_info *info) {
    switch (info->kind) {
    case TYPE_STRUCT: return "struct ";
    case TYPE_UNION: return "union ";
    case TYPE_ENUM: return "enum ";
    case TYPE_FWD: return info->is_union ? "union " : "struct ";
    default: return "";
    }
}

// The type at the end of the chain, in front of its declarator.
static int finish(struct declarator *d, const struct type_info *info, unsigned quals, char *buf,
                  size_t size) {
    char text[32];
    const char *name = info->name[0] ? info->name : "{...}";
    int n = snprintf(buf, size, "%s%s%s%s%.*s", qualifiers(quals, text), keyword(info), name,
                     d->first == d->last ? "" : " ", (int)(d->last - d->first), d->text + d->first);
    return n < 0 || (size_t)n >= size ? too_long(d->err) : 0;
}

// One step of the chain. True in *END where the base type is reached.
static int step(struct declarator *d, type_id id, const struct type_info *info, int depth,
                unsigned *quals, bool *end) {
    char text[32];
    int rc = 0;
    switch (info->kind) {
    case TYPE_CONST: *quals |= QUAL_CONST; break;
    case TYPE_VOLATILE: *quals |= QUAL_VOLATILE; break;
    case TYPE_RESTRICT: *quals |= QUAL_RESTRICT; break;
    case TYPE_TAG:
    case TYPE_FUNC:
    case TYPE_VAR: break;
    case TYPE_PTR:
        rc = put_pointer(d, *quals);
        *quals = 0;
        break;
    case TYPE_ARRAY: // its qualifiers are those of the elements
        snprintf(text, sizeof(text), "[%llu]", (unsigned long long)info->count);
        rc = put_parens(d);
        if (rc == 0) rc = put_right(d, text);
        break;
    case TYPE_FUNC_PROTO:
        rc = put_parens(d);
        if (rc == 0) rc = put_parameters(d, id, info->count, depth);
        *quals = 0;
        break;
    default: *end = true; break;
    }
    return rc;
}

static int spell(struct type_db *db, type_id id, int depth, char *buf, size_t size,
                 struct kvm_err *err) {
    struct declarator d = {.db = db, .err = err};
    d.first = d.last = sizeof(d.text) / 4;
    unsigned quals = 0;
    for (int steps = 0; steps < TYPE_MAX_CHAIN; steps++) {
        struct type_info info;
        bool end = false;
        int rc = type_info(db, id, &info, err);
        if (rc == 0) rc = step(&d, id, &info, depth, &quals, &end);
        if (rc) return rc;
        if (end) return finish(&d, &info, quals, buf, size);
        id = info.target;
    }
    return err_set(err, KVM_FORMAT, "types: the spelling of a type has no end");
}

int type_spell(struct type_db *db, type_id id, char *buf, size_t size, struct kvm_err *err) {
    return spell(db, id, 0, buf, size, err);
}
