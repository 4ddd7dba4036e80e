// SPDX-License-Identifier: BSD-2-Clause
// Builds BTF in memory, of either byte order, for tests: types are appended one by one and numbered
// from 1, as in the format.
#ifndef KVM_SPEC_BTF_BUILD_H
#define KVM_SPEC_BTF_BUILD_H

#include "base/bytes.h"

#include <assert.h>

enum {
    B_INT = 1,
    B_PTR,
    B_ARRAY,
    B_STRUCT,
    B_UNION,
    B_ENUM,
    B_FWD,
    B_TYPEDEF,
    B_VOLATILE,
    B_CONST
};
enum { B_RESTRICT = 11, B_FUNC, B_PROTO, B_VAR, B_DATASEC, B_FLOAT, B_DECL_TAG, B_TYPE_TAG };
enum { B_ENUM64 = 19 };
#define B_FLAG   0x80000000u // kind_flag
#define B_HEADER 24

// Bytes of the two sections at most; a test that needs more defines them before.
#ifndef BTF_BUILD_TYPES
#define BTF_BUILD_TYPES   16384
#define BTF_BUILD_STRINGS 4096
#endif

struct btf_build {
    bool big;
    uint32_t last;
    uint32_t strings_below; // split BTF: how many bytes of strings its base has
    size_t types_len, strings_len;
    uint8_t types[BTF_BUILD_TYPES];
    char strings[BTF_BUILD_STRINGS];
    uint8_t blob[BTF_BUILD_TYPES + BTF_BUILD_STRINGS + 4096];
    size_t blob_len;
};

__attribute__((unused)) static void b_init(struct btf_build *b, bool big) {
    memset(b, 0, sizeof(*b));
    b->big = big;
    b->strings_len = 1;
}

// Split BTF goes on where BASE ends.
__attribute__((unused)) static void b_init_split(struct btf_build *b,
                                                 const struct btf_build *base) {
    b_init(b, base->big);
    b->last = base->last;
    b->strings_below = (uint32_t)base->strings_len;
    b->strings_len = 0;
}

__attribute__((unused)) static void b_u32(struct btf_build *b, uint32_t v) {
    assert(b->types_len + 4 <= sizeof(b->types));
    bytes_put_u32(b->types + b->types_len, v, b->big);
    b->types_len += 4;
}

__attribute__((unused)) static uint32_t b_string(struct btf_build *b, const char *s) {
    if (!s[0]) return 0;
    size_t len = strlen(s) + 1;
    assert(b->strings_len + len <= sizeof(b->strings));
    memcpy(b->strings + b->strings_len, s, len);
    b->strings_len += len;
    return b->strings_below + (uint32_t)(b->strings_len - len);
}

// struct btf_type; returns the id.
__attribute__((unused)) static uint32_t b_type(struct btf_build *b, const char *name, uint32_t kind,
                                               uint32_t flag_vlen, uint32_t size_or_type) {
    b_u32(b, b_string(b, name));
    b_u32(b, kind << 24 | flag_vlen);
    b_u32(b, size_or_type);
    return ++b->last;
}

// SIGN: 1 signed, 2 char, 4 bool.
__attribute__((unused)) static uint32_t b_int(struct btf_build *b, const char *name, uint32_t size,
                                              uint32_t sign, uint32_t bits) {
    uint32_t id = b_type(b, name, B_INT, 0, size);
    b_u32(b, sign << 24 | bits);
    return id;
}

__attribute__((unused)) static uint32_t b_array(struct btf_build *b, uint32_t element,
                                                uint32_t count) {
    uint32_t id = b_type(b, "", B_ARRAY, 0, 0);
    b_u32(b, element);
    b_u32(b, 1);
    b_u32(b, count);
    return id;
}

// Behind a struct or union.
__attribute__((unused)) static void b_member(struct btf_build *b, const char *name, uint32_t type,
                                             uint32_t bit_offset) {
    b_u32(b, b_string(b, name));
    b_u32(b, type);
    b_u32(b, bit_offset);
}
#define B_BITS(size, offset) ((uint32_t)(size) << 24 | (offset)) // with B_FLAG

// Two words behind: an enumerator or a parameter.
__attribute__((unused)) static void b_pair(struct btf_build *b, const char *name, uint32_t v) {
    b_u32(b, b_string(b, name));
    b_u32(b, v);
}

// The blob, with a header of HEADER bytes (B_HEADER, or more).
__attribute__((unused)) static void b_finish(struct btf_build *b, uint32_t header) {
    memset(b->blob, 0, header);
    bytes_put_u16(b->blob, 0xeb9f, b->big);
    b->blob[2] = 1;
    uint32_t f[5] = {header, 0, (uint32_t)b->types_len, (uint32_t)b->types_len,
                     (uint32_t)b->strings_len};
    for (int i = 0; i < 5; i++)
        bytes_put_u32(b->blob + 4 + 4 * i, f[i], b->big);
    memcpy(b->blob + header, b->types, b->types_len);
    memcpy(b->blob + header + b->types_len, b->strings, b->strings_len);
    b->blob_len = header + b->types_len + b->strings_len;
}

// A small kernel of types that the tests share. Every id has its name here.
enum sample_id {
    S_ULONG = 1,
    S_INT,
    S_CHAR,
    S_UCHAR,
    S_U8,
    S_COMM,   // char [16]
    S_LIST,   // struct list_head
    S_LIST_P, // struct list_head *
    S_UNION,  // anonymous, in struct task
    S_INNER,  // anonymous, in S_UNION
    S_TASK,
    S_TASK_P,
    S_STATE, // enum state { DEAD = -1, RUNNING, SLEEPING }
    S_CONST_CHAR,
    S_CONST_CHAR_P,
    S_ROW,  // u8 [6]
    S_GRID, // u8 [5][6]
    S_PROTO,
    S_PROTO_P,
    S_TABLE, // int (*[4])(struct task *, const char *, ...)
    S_FWD_LIST,
    S_FWD_ONLY,
    S_BIG, // enum big: 64 bits
    S_FUNC,
    S_BOOL,
    S_FLOAT,
    S_TAG,    // type tag on S_TASK
    S_TAG_P,  // pointer to it
    S_WIDE,   // old bit fields: an int of 5 bits at 3
    S_OLD,    // struct old, without kind_flag
    S_VAR,    // u8 seen
    S_SEC,    // .data
    S_DECL,   // decl tag on S_TASK
    S_FLEX,   // struct flex: int n; u8 data[0]
    S_NO_U8,  // u8 [0]
    S_LIST2,  // a second struct list_head, of 4 bytes
    S_CV_INT, // const volatile int
    S_V_INT,
    S_LAST = S_V_INT
};

__attribute__((unused)) static void b_sample_structs(struct btf_build *b) {
    b_int(b, "long unsigned int", 8, 0, 64);
    b_int(b, "int", 4, 1, 32);
    b_int(b, "char", 1, 1, 8);
    b_int(b, "unsigned char", 1, 0, 8);
    b_type(b, "u8", B_TYPEDEF, 0, S_UCHAR);
    b_array(b, S_CHAR, 16);
    b_type(b, "list_head", B_STRUCT, 2, 16);
    b_member(b, "next", S_LIST_P, 0);
    b_member(b, "prev", S_LIST_P, 64);
    b_type(b, "", B_PTR, 0, S_LIST);
    b_type(b, "", B_UNION, 2, 16);
    b_member(b, "ulong", S_ULONG, 0);
    b_member(b, "", S_INNER, 0);
    b_type(b, "", B_STRUCT, 2, 16);
    b_member(b, "first", S_INT, 0);
    b_member(b, "list", S_LIST, 0);
    b_type(b, "task", B_STRUCT, B_FLAG | 8, 112);
    b_member(b, "pid", S_INT, B_BITS(0, 0));
    b_member(b, "lazy", S_INT, B_BITS(1, 32));
    b_member(b, "policy", S_INT, B_BITS(3, 33));
    b_member(b, "", S_UNION, B_BITS(0, 64));
    b_member(b, "comm", S_COMM, B_BITS(0, 192));
    b_member(b, "grid", S_GRID, B_BITS(0, 320));
    b_member(b, "state", S_STATE, B_BITS(0, 576));
    b_member(b, "table", S_TABLE, B_BITS(0, 640));
    b_type(b, "", B_PTR, 0, S_TASK);
    b_type(b, "state", B_ENUM, B_FLAG | 3, 4);
    b_pair(b, "DEAD", 0xffffffff);
    b_pair(b, "RUNNING", 0);
    b_pair(b, "SLEEPING", 1);
}

__attribute__((unused)) static void b_sample_others(struct btf_build *b) {
    b_type(b, "", B_CONST, 0, S_CHAR);
    b_type(b, "", B_PTR, 0, S_CONST_CHAR);
    b_array(b, S_U8, 6);
    b_array(b, S_ROW, 5);
    b_type(b, "", B_PROTO, 3, S_INT);
    b_pair(b, "", S_TASK_P);
    b_pair(b, "", S_CONST_CHAR_P);
    b_pair(b, "", 0);
    b_type(b, "", B_PTR, 0, S_PROTO);
    b_array(b, S_PROTO_P, 4);
    b_type(b, "list_head", B_FWD, 0, 0);
    b_type(b, "only_declared", B_FWD, B_FLAG, 0);
    b_type(b, "big", B_ENUM64, 1, 8);
    b_pair(b, "HUGE", 0x89abcdef);
    b_u32(b, 0x01234567);
    b_type(b, "fn", B_FUNC, 1, S_PROTO);
    b_int(b, "_Bool", 1, 4, 8);
    b_type(b, "double", B_FLOAT, 0, 8);
    b_type(b, "user", B_TYPE_TAG, B_FLAG, S_TASK);
    b_type(b, "", B_PTR, 0, S_TAG);
    b_int(b, "wide", 4, 0, 3 << 16 | 5);
    b_type(b, "old", B_STRUCT, 2, 8);
    b_member(b, "a", S_INT, 0);
    b_member(b, "b", S_WIDE, 32);
    b_type(b, "seen", B_VAR, 0, S_U8);
    b_u32(b, 1);
    b_type(b, ".data", B_DATASEC, 1, 1);
    b_member(b, "", 0, 1);
    b_type(b, "tag", B_DECL_TAG, B_FLAG, S_TASK);
    b_u32(b, 0xffffffff);
    b_type(b, "flex", B_STRUCT, 2, 4);
    b_member(b, "n", S_INT, 0);
    b_member(b, "data", S_NO_U8, 32);
    b_array(b, S_U8, 0);
    b_type(b, "list_head", B_STRUCT, 1, 4);
    b_member(b, "other", S_INT, 0);
    b_type(b, "", B_CONST, 0, S_V_INT);
    b_type(b, "", B_VOLATILE, 0, S_INT);
    assert(b->last == S_LAST);
}

__attribute__((unused)) static void b_sample(struct btf_build *b, bool big) {
    b_init(b, big);
    b_sample_structs(b);
    b_sample_others(b);
    b_finish(b, B_HEADER);
}

#endif
