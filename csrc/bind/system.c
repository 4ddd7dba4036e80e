// SPDX-License-Identifier: BSD-2-Clause
// What there is one of in a system: load average, loaded modules, swap.
#include "bind/bind.h"

/***
The load average over 1, 5 and 15 minutes.
@function Handle:loadavg
@treturn[1] number
@treturn[1] number
@treturn[1] number
@return[2] nil
@treturn[2] string message
@treturn[2] string code
@usage local one, five, fifteen = k:loadavg() assert(one >= 0 and five >= 0 and fifteen >= 0)
*/
int l_system_loadavg(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    struct kvm_err err = {0};
    double avg[3];
    if (kd->os.ops->loadavg(&kd->os, avg, &err)) return bind_fail(L, kd, &err);
    for (int i = 0; i < 3; i++)
        lua_pushnumber(L, avg[i]);
    return 3;
}

struct module {
    char name[64];
    uint64_t addr, base, size;
};

static void push_module(lua_State *L, const void *item) {
    const struct module *m = item;
    lua_createtable(L, 0, 4);
    bind_set_string(L, "name", m->name);
    bind_set_integer(L, "addr", m->addr);
    bind_set_integer(L, "base", m->base);
    bind_set_integer(L, "size", m->size);
}

static int collect_module(void *ctx, const struct os_module *m) {
    struct module kept = {.addr = m->addr, .base = m->base, .size = m->size};
    memcpy(kept.name, m->name, sizeof(kept.name));
    return bind_list_add(ctx, &kept);
}

/***
Iterates over the loaded modules.
@function Handle:modules
@treturn function iterator of records: `name`, `addr` (of the struct module), `base` (of its text),
 `size` (bytes in all of its ranges); raises where the list is damaged, behind what was found
@usage for m in k:modules() do assert(#m.name > 0 and m.size > 0) end
*/
int l_system_modules(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    struct bind_list *l = bind_list_push(L, sizeof(struct module));
    l->rc = kd->os.ops->each_module(&kd->os, collect_module, l, &l->err);
    if (l->rc == KVM_NOMEM) err_nomem(&l->err, "the list of modules");
    return bind_list_iterate(L, push_module);
}

static void push_swap(lua_State *L, const void *item) {
    const struct os_swap *s = item;
    lua_createtable(L, 0, 4);
    bind_set_string(L, "name", s->name);
    bind_set_integer(L, "total_pages", s->total_pages);
    bind_set_integer(L, "used_pages", s->used_pages);
    bind_set_integer(L, "flags", s->flags);
}

static int collect_swap(void *ctx, const struct os_swap *s) {
    return bind_list_add(ctx, s);
}

/***
Iterates over the swap devices in use.
@function Handle:swaps
@treturn function iterator of records: `name`, `total_pages`, `used_pages`, `flags` (the kernel's
 SWP_*); raises where they can't be read, behind what was found
@usage for s in k:swaps() do assert(s.used_pages <= s.total_pages) end
*/
int l_system_swaps(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    struct bind_list *l = bind_list_push(L, sizeof(struct os_swap));
    l->rc = kd->os.ops->each_swap(&kd->os, collect_swap, l, &l->err);
    if (l->rc == KVM_NOMEM) err_nomem(&l->err, "the list of swap devices");
    return bind_list_iterate(L, push_swap);
}
