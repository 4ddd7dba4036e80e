// SPDX-License-Identifier: BSD-2-Clause
// Names of C types as people type them: tags ("struct x"), typedefs, and the basic types in any
// order of their words ("unsigned long", "long unsigned int"). gcc and clang name basic types
// differently in debug information ("long unsigned int", "unsigned long"), so both are looked for.
// No declarators: "char *" is no name.
#include "type/type_priv.h"

#include <stdio.h>
#include <string.h>

#define MAX_WORDS 6
#define MAX_NAME  256

struct word {
    const char *at;
    size_t len;
};

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The words of NAME; 0 when it is something else or has too many.
static int split(const char *name, struct word *words) {
    int n = 0;
    for (const char *p = name; *p;) {
        if (*p == ' ' || *p == '\t') {
            p++;
            continue;
        }
        if (n == MAX_WORDS) return 0;
        words[n].at = p;
        while (is_word_char(*p))
            p++;
        words[n].len = (size_t)(p - words[n].at);
        if (words[n].len == 0 || words[n].len >= MAX_NAME) return 0;
        n++;
    }
    return n;
}

static bool word_is(const struct word *w, const char *s) {
    return strlen(s) == w->len && memcmp(w->at, s, w->len) == 0;
}

// --- basic types
enum basic {
    BASIC_NONE,
    BASIC_INT,
    BASIC_CHAR,
    BASIC_BOOL,
    BASIC_INT128,
    BASIC_FLOAT,
    BASIC_DOUBLE
};

struct basic_name {
    enum basic base;
    int shorts, longs, signeds, unsigneds;
};

static bool count_word(const struct word *w, struct basic_name *b) {
    static const struct {
        const char *word;
        enum basic base;
    } bases[] = {
        {"int", BASIC_INT},         {"char", BASIC_CHAR},   {"_Bool", BASIC_BOOL},
        {"bool", BASIC_BOOL},       {"float", BASIC_FLOAT}, {"double", BASIC_DOUBLE},
        {"__int128", BASIC_INT128},
    };
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        if (!word_is(w, bases[i].word)) continue;
        if (b->base != BASIC_NONE) return false;
        b->base = bases[i].base;
        return true;
    }
    if (word_is(w, "short")) return ++b->shorts == 1;
    if (word_is(w, "long")) return ++b->longs <= 2;
    if (word_is(w, "signed")) return ++b->signeds == 1;
    if (word_is(w, "unsigned")) return ++b->unsigneds == 1;
    return false;
}

// What gcc and clang call it: rows by rank, columns signed (or plain) and unsigned, each by both.
enum rank { RANK_SHORT, RANK_INT, RANK_LONG, RANK_LONG_LONG, RANK_CHAR, RANK_INT128 };
static const char *const int_names[][2][2] = {
    [RANK_SHORT] = {{"short int", "short"}, {"short unsigned int", "unsigned short"}},
    [RANK_INT] = {{"int", NULL}, {"unsigned int", NULL}},
    [RANK_LONG] = {{"long int", "long"}, {"long unsigned int", "unsigned long"}},
    [RANK_LONG_LONG] = {{"long long int", "long long"},
                        {"long long unsigned int", "unsigned long long"}},
    [RANK_CHAR] = {{"signed char", NULL}, {"unsigned char", NULL}},
    [RANK_INT128] = {{"__int128", NULL}, {"__int128 unsigned", "unsigned __int128"}},
};
static const char *const plain_char[2] = {"char", NULL};
static const char *const bools[2] = {"_Bool", "bool"};
static const char *const floats[2] = {"float", NULL};
static const char *const doubles[2] = {"double", NULL};
static const char *const long_doubles[2] = {"long double", NULL};

// The names in debug information of the basic type that WORDS spell, NULL when they spell none.
static const char *const *basic_names(const struct word *words, int n, enum type_kind *kind) {
    struct basic_name b = {0};
    for (int i = 0; i < n; i++) {
        if (!count_word(&words[i], &b)) return NULL;
    }
    bool sign = b.signeds || b.unsigneds, length = b.shorts || b.longs;
    if ((b.signeds && b.unsigneds) || (b.shorts && b.longs)) return NULL;
    *kind = TYPE_INT;
    switch (b.base) {
    case BASIC_BOOL: return sign || length ? NULL : bools;
    case BASIC_FLOAT: *kind = TYPE_FLOAT; return sign || length ? NULL : floats;
    case BASIC_DOUBLE:
        *kind = TYPE_FLOAT;
        if (sign || b.shorts || b.longs > 1) return NULL;
        return b.longs ? long_doubles : doubles;
    case BASIC_CHAR:
        if (length) return NULL;
        return sign ? int_names[RANK_CHAR][b.unsigneds] : plain_char;
    case BASIC_INT128: return length ? NULL : int_names[RANK_INT128][b.unsigneds];
    case BASIC_INT:
    case BASIC_NONE: break;
    }
    enum rank rank = b.shorts       ? RANK_SHORT
                     : b.longs == 0 ? RANK_INT
                     : b.longs == 1 ? RANK_LONG
                                    : RANK_LONG_LONG;
    return int_names[rank][b.unsigneds];
}

// --- search in one source
struct lookup {
    struct type_source *s;
    const char *asked;
    struct kvm_err *err;
};

static int look(const struct lookup *l, enum type_kind kind, const char *name, type_id *out) {
    int rc = type_source_find(l->s, kind, name, out, l->err);
    return rc && rc != KVM_NOTFOUND
               ? err_prepend(l->err, rc, "search for type \"%.200s\"", l->asked)
               : rc;
}

static int find_basic(const struct lookup *l, enum type_kind kind, const char *const names[2],
                      type_id *out) {
    int rc = look(l, kind, names[0], out);
    if (rc == KVM_NOTFOUND && names[1]) rc = look(l, kind, names[1], out);
    return rc;
}

static int find_bare(const struct lookup *l, const char *name, type_id *out) {
    static const enum type_kind order[] = {TYPE_TYPEDEF, TYPE_INT,   TYPE_FLOAT,
                                           TYPE_STRUCT,  TYPE_UNION, TYPE_ENUM};
    int rc = KVM_NOTFOUND;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && rc == KVM_NOTFOUND; i++)
        rc = look(l, order[i], name, out);
    return rc;
}

static int find_words(const struct lookup *l, const struct word *words, int n, type_id *out) {
    static const struct {
        const char *word;
        enum type_kind kind;
    } tags[] = {{"struct", TYPE_STRUCT}, {"union", TYPE_UNION}, {"enum", TYPE_ENUM}};
    char name[MAX_NAME];
    const struct word *last = &words[n - 1];
    memcpy(name, last->at, last->len);
    name[last->len] = '\0';
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (word_is(&words[0], tags[i].word))
            return n == 2 ? look(l, tags[i].kind, name, out) : KVM_NOTFOUND;
    }
    enum type_kind kind = TYPE_INT;
    const char *const *names = basic_names(words, n, &kind);
    // "bool" is a typedef in kernels, but the basic type where there is none.
    if (names && !word_is(&words[0], "bool")) return find_basic(l, kind, names, out);
    int rc = n == 1 ? find_bare(l, name, out) : KVM_NOTFOUND;
    return rc == KVM_NOTFOUND && names ? find_basic(l, kind, names, out) : rc;
}

// --- search in the graph
struct query {
    const char *text;
    struct word words[MAX_WORDS];
    int n;
    bool is_void;
};

static int parse(const char *text, struct query *q, struct kvm_err *err) {
    q->text = text;
    q->n = split(text, q->words);
    if (q->n == 0) return err_set(err, KVM_INVAL, "not the name of a C type: \"%.200s\"", text);
    q->is_void = q->n == 1 && word_is(&q->words[0], "void");
    return 0;
}

static int find_in(struct type_source *s, const struct query *q, type_id *out,
                   struct kvm_err *err) {
    struct lookup l = {.s = s, .asked = q->text, .err = err};
    return find_words(&l, q->words, q->n, out);
}

int type_find(struct type_db *db, const char *name, type_id *out, struct kvm_err *err) {
    struct type_source *s;
    struct query q;
    int rc = type_db_source(db, &s, err);
    if (rc == 0) rc = parse(name, &q, err);
    if (rc) return rc;
    *out = 0;
    if (q.is_void) return 0;
    rc = find_in(s, &q, out, err);
    return rc == KVM_NOTFOUND ? err_set(err, rc, "no type \"%.200s\" in %s", q.text, s->ops->name)
                              : rc;
}

// What a walk over the sources found so far.
struct found {
    type_id defined, declared; // 0: none
    uint32_t number;           // of the source that defines it
    struct kvm_err unread;     // why a module that may have it could not be asked; code 0: all were
};

static int note(struct type_db *db, type_id id, struct found *f, struct kvm_err *err) {
    struct type_info info;
    bool same = true;
    int rc = type_info(db, id, &info, err);
    if (rc) return rc;
    bool forward = info.kind == TYPE_FWD || (info.kind == TYPE_ENUM && info.count == 0);
    if (forward) {
        if (!f->declared) f->declared = id;
        return 0;
    }
    if (f->defined) rc = type_same(db, f->defined, id, &same, err);
    if (rc) return rc;
    uint32_t number = (uint32_t)(id >> 32);
    if (!same)
        return err_set(
            err, KVM_INVAL,
            "\"%.100s\" is one type in %s and another in %s: name the module that is meant",
            info.name, type_db_owner(db, f->number), type_db_owner(db, number));
    if (!f->defined) {
        f->defined = id;
        f->number = number;
    }
    return 0;
}

// Asks the source of NUMBER, when there is one.
static int ask(struct type_db *db, uint32_t number, const struct query *q, struct found *f,
               struct kvm_err *err) {
    struct type_source *s;
    struct kvm_err why = {0};
    type_id id;
    int rc = type_db_numbered(db, number, &s, &why);
    if (rc) {
        bool unread = number >= TYPE_MODULES && rc != KVM_NOTFOUND;
        if (unread && !f->unread.code) f->unread = why;
        return 0;
    }
    rc = find_in(s, q, &id, &why);
    if (rc == 0) return note(db, id, f, err);
    if (rc == KVM_NOTFOUND) return 0;
    if (number < TYPE_MODULES || rc == KVM_NOMEM) {
        if (err) *err = why;
        return rc;
    }
    // Another one may have it.
    err_prepend(&why, rc, "module %s", type_db_owner(db, number));
    if (!f->unread.code) f->unread = why;
    return 0;
}

static int ask_modules(struct type_db *db, const struct query *q, struct found *f,
                       struct kvm_err *err) {
    uint32_t numbers;
    int rc = 0;
    if (type_db_numbers(db, &numbers, &f->unread) == 0) err_clear(&f->unread);
    for (uint32_t n = TYPE_MODULES; rc == 0 && n < numbers; n += 2)
        rc = ask(db, n, q, f, err);
    return rc;
}

static int search(struct type_db *db, const struct query *q, struct found *f, struct kvm_err *err) {
    int rc = ask(db, TYPE_DECLARED, q, f, err);
    if (rc == 0 && !f->defined) rc = ask(db, TYPE_KERNEL, q, f, err);
    if (rc == 0 && !f->defined) rc = ask_modules(db, q, f, err);
    return rc;
}

// MODULE "vmlinux": the kernel's own types, no module is asked.
static int search_module(struct type_db *db, const char *module, const struct query *q,
                         struct found *f, struct kvm_err *err) {
    uint32_t number = TYPE_KERNEL;
    struct type_source *s;
    int rc = 0;
    if (strcmp(module, "vmlinux") != 0) rc = type_db_module(db, module, &number, err);
    if (rc == 0) rc = type_db_numbered(db, number, &s, err);
    if (rc == 0) rc = ask(db, TYPE_DECLARED, q, f, err);
    if (rc == 0 && !f->defined) rc = ask(db, number, q, f, err);
    if (f->unread.code) { // it may have one that stands before the kernel's
        if (err) *err = f->unread;
        return f->unread.code;
    }
    if (rc == 0 && !f->defined) rc = ask(db, TYPE_KERNEL, q, f, err);
    return rc;
}

// No source that could be read has it. The types of a module that could not be read are told of, but a name that only some
// kernels have must be known as absent in a dump without the modules' pages, too.
static int absent(struct type_db *db, const char *name, const struct found *f,
                  struct kvm_err *err) {
    struct kvm_err why = {0};
    if (f->unread.code == KVM_NOMEM) return err_nomem(err, "types of a module");
    const char *origin = type_origin(db, &why);
    if (!origin) { // an error that tells why there are no types
        if (err) *err = why;
        return why.code;
    }
    if (!f->unread.code)
        return err_set(err, KVM_NOTFOUND, "no type \"%.200s\" in %s", name, origin);
    return err_set(err, KVM_NOTFOUND, "no type \"%.200s\" in %s; %.200s", name, origin,
                   f->unread.text);
}

// Kernels have a dozen names that two of their source files use for different structs: which is meant is not known.
static int check_single(struct type_db *db, type_id id, struct kvm_err *err) {
    struct type_source *s;
    struct type_info info, other;
    bool same = true;
    uint32_t at = 0;
    int rc = type_db_numbered(db, (uint32_t)(id >> 32), &s, err);
    if (rc == 0) rc = type_info(db, id, &info, err);
    if (rc || !s->ops->next_definition) return rc;
    while (same) {
        // What can't be read is not known to be another one.
        if (s->ops->next_definition(s, info.kind, info.name, &at, NULL) || at == 0) return 0;
        rc = type_same(db, id, type_id_of(s, at), &same, err);
        if (rc) return rc;
    }
    rc = type_info(db, type_id_of(s, at), &other, err);
    return rc ? rc
              : err_set(
                    err, KVM_INVAL,
                    "\"%.100s\" is more than one type in %s, of %llu bytes, of %llu bytes: choose "
                    "among k:types(kind, name)",
                    info.name, type_db_owner(db, s->number), (unsigned long long)info.size,
                    (unsigned long long)other.size);
}

int type_lookup(struct type_db *db, const char *module, const char *name, type_id *out,
                struct kvm_err *err) {
    struct query q;
    struct found f = {0};
    int rc = parse(name, &q, err);
    if (rc) return rc;
    *out = 0;
    if (q.is_void) return 0;
    rc = module ? search_module(db, module, &q, &f, err) : search(db, &q, &f, err);
    if (rc) return rc;
    *out = f.defined ? f.defined : f.declared;
    if (f.defined && !module) return check_single(db, f.defined, err);
    if (*out) return 0;
    if (module) return err_set(err, KVM_NOTFOUND, "no type \"%.200s\" in %.100s", name, module);
    return absent(db, name, &f, err);
}

int type_definition(struct type_db *db, enum type_kind kind, const char *name, type_id *out,
                    struct kvm_err *err) {
    char text[MAX_NAME + 8];
    struct query q;
    struct found f = {0};
    if (strlen(name) >= MAX_NAME) return KVM_NOTFOUND;
    snprintf(text, sizeof(text), "%s %s", kind == TYPE_UNION ? "union" : "struct", name);
    if (parse(text, &q, NULL)) return KVM_NOTFOUND;
    int rc = search(db, &q, &f, err);
    if (rc == 0 && f.defined) rc = check_single(db, f.defined, err);
    if (rc == KVM_INVAL) return KVM_NOTFOUND; // which of several is not known here
    if (rc) return rc;
    if (!f.defined) return KVM_NOTFOUND;
    *out = f.defined;
    return 0;
}
