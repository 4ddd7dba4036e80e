// SPDX-License-Identifier: BSD-2-Clause
// Objects (kvm.Object): typed places in the target's memory. lua/kvm/object.lua decides what a
// member's type means and compiles it to a field; here is what loops do with fields: load, make the
// object that a pointer leads to, and say which way led to a bad address.
//
// For each handle and type there is a shape: a metatable, and a table that has the objects of that type
// by address, as long as they are in use: the same address and type is the same object, so that objects
// compare and serve as keys. Shapes are numbered; the table `targets` of a handle holds the metatable of
// shape I at 2 * I and its objects at 2 * I + 1. Fields and paths are userdata, so that no finalizer
// can leave an object with a dangling one.
#ifndef KVM_BIND_OBJECT_H
#define KVM_BIND_OBJECT_H

#include "bind/bind.h"

enum bind_access {
    ACCESS_UINT,
    ACCESS_INT,
    ACCESS_BOOL,
    ACCESS_FLOAT,
    ACCESS_BITS,  // an unsigned bit field
    ACCESS_SBITS, // a signed one
    ACCESS_BOOLBITS,
    ACCESS_WIDE,   // a 128-bit integer: "0x" and 32 digits
    ACCESS_STRING, // char [N]: up to its NUL
    ACCESS_INSIDE, // a struct, union or array inside: an object at its place
    ACCESS_REF,    // a pointer that is read: an object where it leads, nil for NULL
    ACCESS_COUNT
};

struct bind_field;

// How an object was reached: for messages. Nodes are shared by all objects that were reached alike, and
// never freed before the handle is.
struct bind_path {
    struct bind_path *parent; // NULL: FIELD belongs to an object that was not reached from another
    const struct bind_field *field; // NULL: a root with a name (a symbol)
    struct bind_path *children, *sibling;
    uint32_t depth;
    char name[]; // of a root
};

struct bind_field {
    struct bind_handle *handle; // the shape keeps it alive
    uint64_t offset;            // bytes from the start of the object
    uint64_t stride;            // of elements: bytes from one to the next
    uint64_t count;             // elements; 0: no upper bound. ACCESS_STRING: bytes of the array
    int target;                 // the shape of the object that it gives
    uint16_t bits;              // of a bit field
    uint8_t access, size;
    uint8_t shift; // of a bit field: bits before it in its first byte, as the byte order counts
    struct bind_path *from, *to; // the path that was taken last
    struct bind_path *roots;     // where the path starts with this field
    uint16_t name;               // in text, behind the owner's NUL
    char text[];                 // the type it belongs to, then its name
};

// Bytes that were copied out of memory, some pages of which may have been missing.
struct bind_hole {
    uint64_t start, end;
    bool excluded; // else there is no memory
};
struct bind_copy {
    uint64_t len;
    uint32_t holes_len;
    bool has_addr; // else the bytes were never in memory
    const uint8_t *data;
    struct bind_hole holes[];
};

struct bind_object {
    uint64_t addr; // of what it is; a pointer's value
    struct bind_path *path;
    const struct bind_copy *copy; // NULL: in memory. User value 1 holds it
    uint64_t at;                  // where in the copy
};

// The object at ARG, NULL when it is none. *SHAPE, unless SHAPE is NULL, becomes the address of its shape.
struct bind_object *bind_object_test(lua_State *L, int arg, const void **shape);
// Pushes the shape of the object at ARG.
void bind_object_shape(lua_State *L, int arg);
// Pushes the object of shape TARGET at ADDR. TARGETS is the stack index of the handle's table.
void bind_object_push(lua_State *L, int targets, int target, uint64_t addr, struct bind_path *path);
// Pushes the value of FIELD of an object at OBJECT's address (OBJECT need not be on the stack; when it is
// a copy it must be at index 1) plus OFFSET. Raises with the path.
int bind_field_push(lua_State *L, int targets, struct bind_object *object, struct bind_field *f,
                    uint64_t offset);
// The same without raising, where the handle is open: pushes nothing and fills err when it fails.
int bind_field_try(lua_State *L, int targets, struct bind_object *object, struct bind_field *f,
                   uint64_t offset, struct kvm_err *err);
// "task_struct.mm.exe_file" of FIELD of an object that was reached by PATH.
void bind_path_text(const struct bind_path *path, const struct bind_field *f, char *buf,
                    size_t size);
// The path one step further.
struct bind_path *bind_path_step(lua_State *L, int targets, struct bind_path *from,
                                 struct bind_field *f);

// What lua/kvm/object.lua builds on, as the table `objects` of kvm.core.
void bind_objects_table(lua_State *L);
int bind_reader(lua_State *L); // reader.c
int bind_chain(lua_State *L);  // chain.c
int bind_copy(lua_State *L);   // copy.c
int bind_bytes(lua_State *L);
// LEN bytes at OFFSET of an object that is a copy.
int bind_copy_at(const struct bind_object *o, uint64_t offset, uint64_t len, const uint8_t **out,
                 struct kvm_err *err);

#endif
