// SPDX-License-Identifier: BSD-2-Clause
// The Lua binding: what its files share. The rules of this folder:
//  - a userdata exists, closed, before what it owns is acquired; __gc, __close and close are one
//    idempotent function;
//  - no C allocation lives across a Lua call that can raise, unless a userdata owns it;
//  - callbacks that C layers call never touch Lua, so that no error jumps over their frames;
//  - everything that outlives a call (iterators, types) holds the handle, and asks for bind_open
//    before it uses it.
#ifndef KVM_BIND_BIND_H
#define KVM_BIND_BIND_H

#include "session/session.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#define BIND_HANDLE "kvm.Handle"
#define BIND_TYPE   "kvm.Type"
#define BIND_LIST   "kvm.List"
#define BIND_ERROR  "kvm.Error"

struct bind_handle {
    kvm_t *kd;      // NULL: closed
    uint32_t busy;  // calls that a Lua function is called back from: closing waits for them
    uint32_t paths; // of objects that remember how they were reached: kept as long as the handle
};

// --- error.c
// Fails a call on the handle: pushes nil, message, code and, where the error has one, the address;
// returns how many. kd may be NULL; else k:geterr() gives the text from now on.
int bind_fail(lua_State *L, kvm_t *kd, const struct kvm_err *err);
// Pushes an error value (kvm.Error), or raises it.
void bind_error_push(lua_State *L, const struct kvm_err *err);
int bind_raise(lua_State *L, kvm_t *kd, const struct kvm_err *err) __attribute__((noreturn));
// Raises code `closed`.
int bind_raise_closed(lua_State *L) __attribute__((noreturn));
// Pushes the metatable of error values, made when it is first asked for.
void bind_error_metatable(lua_State *L);

// --- progress.c
struct bind_progress {
    struct progress progress; // what the layers below are given
    lua_State *L;
    bool raised; // the function raised: its error is on top of the stack
};
// Pushes a userdata for the function at INDEX (another type is an argument error). Every use ends with
// bind_progress_end (NULL-safe), on the same stack, which raises again what the function has raised.
struct bind_progress *bind_progress_push(lua_State *L, int index);
void bind_progress_end(struct bind_progress *p);

// --- terminal.c
// Pushes the table of functions about the terminal.
void bind_terminal_table(lua_State *L);

// --- handle.c
// The handle at stack index ARG, or an argument error; raises when it is closed. For functions
// whose first upvalue is the metatable of handles, bind_handle spares the lookup of its name.
kvm_t *bind_check(lua_State *L, int arg);
kvm_t *bind_open(lua_State *L, int index); // the same for a handle known to be one (an upvalue)
static inline kvm_t *bind_handle(lua_State *L) {
    struct bind_handle *h = lua_touserdata(L, 1);
    if (h && lua_getmetatable(L, 1)) {
        int same = lua_rawequal(L, -1, lua_upvalueindex(1));
        lua_pop(L, 1);
        if (same && h->kd) return h->kd;
    }
    return bind_check(L, 1);
}
void bind_handle_metatable(lua_State *L); // makes it; methods with it as first upvalue
void bind_handle_methods(lua_State *L);   // pushes the table of methods

// --- space.c
// The address space at stack index ARG: nil or "virtual", "physical", a process id, or a process's
// record. Argument errors raise; 0 or a code otherwise.
int bind_space(lua_State *L, int arg, kvm_t *kd, struct session_space *out, struct kvm_err *err);
// The process at ARG: a process id or a record of k:procs.
int bind_proc(lua_State *L, int arg, kvm_t *kd, struct os_proc *out, struct kvm_err *err);

// --- list.c: a snapshot that C callbacks fill and Lua iterates.
struct bind_list {
    void *items; // of the base/mem.h allocator; the userdata frees it
    size_t size; // bytes of one
    size_t count, cap, next;
    int rc;             // what ended the walk that filled it: raised behind the last item
    struct kvm_err err; // when rc is not 0
};
// Pushes an empty list.
struct bind_list *bind_list_push(lua_State *L, size_t size);
// Adds a copy of ITEM. KVM_NOMEM when there is no memory for it. Never touches Lua.
int bind_list_add(struct bind_list *l, const void *item);
// Pushes the record of one item.
typedef void bind_list_record(lua_State *L, const void *item);
// The values of a generic for: a step function over the list on top of the stack, which it pops,
// for the handle at stack index 1. Returns how many values were pushed (4: the list is closed when
// the loop ends).
int bind_list_iterate(lua_State *L, bind_list_record *record);
void bind_list_metatable(lua_State *L);

// --- tables
static inline void bind_set_integer(lua_State *L, const char *key, uint64_t v) {
    lua_pushinteger(L, (lua_Integer)v);
    lua_setfield(L, -2, key);
}
static inline void bind_set_string(lua_State *L, const char *key, const char *v) {
    lua_pushstring(L, v);
    lua_setfield(L, -2, key);
}
static inline void bind_set_boolean(lua_State *L, const char *key, bool v) {
    lua_pushboolean(L, v);
    lua_setfield(L, -2, key);
}

// --- type.c
extern const char *const bind_type_kinds[TYPE_KINDS]; // as Type:kind() names them; NULL: not a type
// Pushes a type of the handle at stack index HANDLE.
void bind_type_push(lua_State *L, int handle, type_id id);
// The type at INDEX; false when there is no type, or one of another handle than that at HANDLE.
bool bind_type_get(lua_State *L, int index, int handle, type_id *out);
void bind_type_metatable(lua_State *L);

// --- methods, each documented where it is defined
int l_handle_open(lua_State *L);
int l_handle_close(lua_State *L);
int l_handle_geterr(lua_State *L);
int l_memory_read(lua_State *L);
int l_memory_write(lua_State *L);
int l_memory_cstring(lua_State *L);
int l_number_u8(lua_State *L);
int l_number_u16(lua_State *L);
int l_number_u32(lua_State *L);
int l_number_u64(lua_State *L);
int l_number_i8(lua_State *L);
int l_number_i16(lua_State *L);
int l_number_i32(lua_State *L);
int l_number_i64(lua_State *L);
int l_number_ptr(lua_State *L);
int l_number_f32(lua_State *L);
int l_number_f64(lua_State *L);
int l_map_translate(lua_State *L);
int l_map_regions(lua_State *L);
int l_search(lua_State *L);
int l_symbol_nlist(lua_State *L);
int l_symbol_symbol(lua_State *L);
int l_symbol_symbols(lua_State *L);
int l_proc_procs(lua_State *L);
int l_proc_argv(lua_State *L);
int l_proc_environ(lua_State *L);
int l_system_loadavg(lua_State *L);
int l_system_modules(lua_State *L);
int l_system_swaps(lua_State *L);
int l_registers(lua_State *L);
int l_info_info(lua_State *L);
int l_info_page_size(lua_State *L);
int l_info_stats(lua_State *L);
int l_slim(lua_State *L);
int l_save(lua_State *L);
int l_type_type(lua_State *L);
int l_type_types(lua_State *L);
int l_type_declare(lua_State *L);
int l_type_variable(lua_State *L);
int l_source(lua_State *L);
int l_cfi(lua_State *L);

#endif
