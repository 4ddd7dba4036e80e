// SPDX-License-Identifier: BSD-2-Clause
// Names of C types as people type them: tags ("struct x"), typedefs, and the basic types in any
// order of their words ("unsigned long", "long unsigned int"). gcc and clang name basic types
// differently in debug information ("long unsigned int", "unsigned long"), so both are looked for.
// No declarators: "char *" is no name.
#include "type/type_priv.h"

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

// --- search
struct lookup {
    struct type_source *s;
    const char *asked;
    struct kvm_err *err;
};

static int look(const struct lookup *l, enum type_kind kind, const char *name, type_id *out) {
    int rc = l->s->ops->find(l->s, kind, name, out);
    if (rc && rc != KVM_NOTFOUND)
        err_set(l->err, rc, "%s: search for type \"%.200s\" failed", l->s->ops->name, l->asked);
    return rc;
}

static int not_found(const struct lookup *l) {
    return err_set(l->err, KVM_NOTFOUND, "no type \"%.200s\" in %s", l->asked, l->s->ops->name);
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

int type_find(struct type_db *db, const char *name, type_id *out, struct kvm_err *err) {
    struct lookup l = {.asked = name, .err = err};
    int rc = type_db_source(db, &l.s, err);
    if (rc) return rc;
    struct word words[MAX_WORDS];
    int n = split(name, words);
    if (n == 0) return err_set(err, KVM_INVAL, "not the name of a C type: \"%.200s\"", name);
    if (n == 1 && word_is(&words[0], "void")) {
        *out = 0;
        return 0;
    }
    rc = find_words(&l, words, n, out);
    return rc == KVM_NOTFOUND ? not_found(&l) : rc;
}
