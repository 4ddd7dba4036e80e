// SPDX-License-Identifier: BSD-2-Clause
// Linked chains: the loop of every list of the kernel. A node holds a pointer to the next one, perhaps one
// back to it, and lies at an offset in what the list is of.
#include "bind/object.h"

struct chain {
    uint64_t at;               // the node whose next is read next
    uint64_t stop;             // a node that ends the chain (the head of a ring)
    uint64_t next;             // offset of the pointer to the next node
    uint64_t back;             // offset of the pointer back, where has_back
    uint64_t entry;            // offset of the node in the entry
    uint64_t left;             // nodes that may still come
    uint64_t mark, lap, power; // Brent's search for a cycle, where nothing leads back
    uint64_t nulls;            // a chain also ends with a pointer of which one of these bits is set
    int target;                // shape of entries; -1: addresses of nodes are given
    bool has_back, done;
    bool back_to_link; // what leads back holds the address of the pointer to the node (hlist)
    char name[];
};

enum { UP_HANDLE = 1, UP_TARGETS, UP_CHAIN };

static int raise_chain(lua_State *L, kvm_t *kd, const struct chain *c, struct kvm_err *err)
    __attribute__((noreturn));
static int raise_chain(lua_State *L, kvm_t *kd, const struct chain *c, struct kvm_err *err) {
    err_prepend(err, err->code, "%s", c->name);
    bind_raise(L, kd, err);
}

static int read_word(kvm_t *kd, uint64_t addr, uint64_t *out, struct kvm_err *err) {
    const uint8_t *p;
    const struct reader *r = &kd->os.virt;
    int rc = session_host(kd, addr, &p, r->word_size, err);
    if (rc) return rc;
    *out = r->word_size == 8 ? bytes_u64(p, r->big) : bytes_u32(p, r->big);
    return 0;
}

static int check_back(kvm_t *kd, const struct chain *c, uint64_t node, struct kvm_err *err) {
    uint64_t back, want = c->back_to_link ? c->at + c->next : c->at;
    int rc = read_word(kd, node + c->back, &back, err);
    if (rc || back == want) return rc;
    return err_at(err, KVM_FORMAT, node,
                  "the node at 0x%llx leads back to 0x%llx, but follows 0x%llx",
                  (unsigned long long)node, (unsigned long long)back, (unsigned long long)want);
}

static int check_cycle(struct chain *c, uint64_t node, struct kvm_err *err) {
    if (node == c->mark)
        return err_at(err, KVM_FORMAT, node, "it runs in a cycle through 0x%llx",
                      (unsigned long long)node);
    if (++c->lap == c->power) {
        c->mark = node;
        c->power *= 2;
        c->lap = 0;
    }
    return 0;
}

// The next node; c->done at the end.
static int advance(kvm_t *kd, struct chain *c, struct kvm_err *err) {
    uint64_t node;
    int rc = read_word(kd, c->at + c->next, &node, err);
    if (rc) return rc;
    c->done = node == c->stop || node == 0 || (node & c->nulls);
    if (node == 0 && c->stop != 0)
        return err_at(err, KVM_FORMAT, c->at, "the node at 0x%llx leads to NULL",
                      (unsigned long long)c->at);
    if (c->has_back && (!c->done || node == c->stop) && node != 0)
        rc = check_back(kd, c, node, err);
    if (rc == 0 && !c->done && !c->has_back) rc = check_cycle(c, node, err);
    if (rc == 0 && !c->done && c->left-- == 0)
        rc = err_at(err, KVM_FORMAT, node, "it has more nodes than were allowed");
    c->at = node;
    return rc;
}

static int step(lua_State *L) {
    const struct bind_handle *h = lua_touserdata(L, lua_upvalueindex(UP_HANDLE));
    struct chain *c = lua_touserdata(L, lua_upvalueindex(UP_CHAIN));
    struct kvm_err err;
    if (!h->kd) bind_raise_closed(L);
    if (c->done) return 0;
    if (advance(h->kd, c, &err)) {
        c->done = true;
        raise_chain(L, h->kd, c, &err);
    }
    if (c->done) return 0;
    if (c->target < 0)
        lua_pushinteger(L, (lua_Integer)(c->at - c->entry));
    else
        bind_object_push(L, lua_upvalueindex(UP_TARGETS), c->target, c->at - c->entry, NULL);
    return 1;
}

static lua_Integer option(lua_State *L, const char *key, lua_Integer absent) {
    lua_getfield(L, 3, key);
    lua_Integer v = luaL_optinteger(L, -1, absent);
    lua_pop(L, 1);
    return v;
}

// chain(k, targets, {name=, at=, stop=, next=, back=, link=, entry=, max=, nulls=, target=}): a step function.
// `at` is the first node's predecessor; stop 0: the chain ends with NULL.
int bind_chain(lua_State *L) {
    bind_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_getfield(L, 3, "name");
    size_t len;
    const char *name = luaL_checklstring(L, -1, &len);
    struct chain made = {
        .at = (uint64_t)option(L, "at", 0),
        .stop = (uint64_t)option(L, "stop", 0),
        .next = (uint64_t)option(L, "next", 0),
        .back = (uint64_t)option(L, "back", 0),
        .entry = (uint64_t)option(L, "entry", 0),
        .left = (uint64_t)option(L, "max", INT64_MAX),
        .nulls = (uint64_t)option(L, "nulls", 0),
        .target = (int)option(L, "target", -1),
        .power = 1,
    };
    made.mark = made.at;
    lua_getfield(L, 3, "back");
    made.has_back = !lua_isnil(L, -1);
    lua_getfield(L, 3, "link");
    made.back_to_link = lua_toboolean(L, -1);
    struct chain *c = lua_newuserdatauv(L, sizeof(*c) + len + 1, 0);
    *c = made;
    memcpy(c->name, name, len + 1);
    lua_replace(L, 3);
    lua_settop(L, 3);
    lua_pushcclosure(L, step, 3);
    return 1;
}
