// SPDX-License-Identifier: BSD-2-Clause
// Processes: procs, argv, environ.
#include "bind/bind.h"

#include "base/mem.h"

enum { STRINGS_MAX = 4 << 20 }; // bytes of argv or environ; Linux stops at a quarter of the stack

// The parts of a task that may be unreadable by themselves, and the fields that come from them.
static const struct part {
    uint32_t bit;
    const char *name;
    const char *fields[9];
} parts[] = {
    {OS_PROC_TASK,
     "task",
     {"ppid", "cpu", "nice", "prio", "rt_priority", "policy", "flags", "start_ns"}},
    {OS_PROC_SIGNAL, "signal", {"pgid", "sid", "threads"}},
    {OS_PROC_CRED, "cred", {"uid", "ruid", "svuid", "gid", "rgid", "svgid"}},
    {OS_PROC_MM, "mm", {"vsz_bytes", "rss_bytes"}},
    {OS_PROC_TIMES, "times", {"utime_ns", "stime_ns"}},
    {OS_PROC_TTY, "tty", {"tty_dev"}},
};

// Takes the field out of the record on top of the stack when it is 0.
static void forget_zero(lua_State *L, const char *field) {
    lua_getfield(L, -1, field);
    bool zero = lua_tointeger(L, -1) == 0;
    lua_pop(L, 1);
    if (!zero) return;
    lua_pushnil(L);
    lua_setfield(L, -2, field);
}

// Names the parts that could not be read, and takes out what is 0 for that reason: 0 would be an
// answer.
static void set_partial(lua_State *L, uint32_t partial) {
    if (!partial) return;
    lua_newtable(L);
    lua_Integer n = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!(partial & parts[i].bit)) continue;
        lua_pushstring(L, parts[i].name);
        lua_seti(L, -2, ++n);
    }
    lua_setfield(L, -2, "partial");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!(partial & parts[i].bit)) continue;
        for (const char *const *f = parts[i].fields; *f; f++)
            forget_zero(L, *f);
    }
}

static void set_ids(lua_State *L, const struct os_proc *p) {
    bind_set_integer(L, "pid", (uint64_t)p->pid);
    bind_set_integer(L, "tid", (uint64_t)p->tid);
    bind_set_integer(L, "ppid", (uint64_t)p->ppid);
    bind_set_integer(L, "pgid", (uint64_t)p->pgid);
    bind_set_integer(L, "sid", (uint64_t)p->sid);
    bind_set_integer(L, "uid", p->uid);
    bind_set_integer(L, "ruid", p->ruid);
    bind_set_integer(L, "svuid", p->svuid);
    bind_set_integer(L, "gid", p->gid);
    bind_set_integer(L, "rgid", p->rgid);
    bind_set_integer(L, "svgid", p->svgid);
}

static void set_schedule(lua_State *L, const struct os_proc *p) {
    lua_pushlstring(L, &p->state, 1);
    lua_setfield(L, -2, "state");
    bind_set_integer(L, "cpu", (uint64_t)p->cpu);
    bind_set_integer(L, "nice", (uint64_t)p->nice);
    bind_set_integer(L, "threads", (uint64_t)p->threads);
    bind_set_integer(L, "prio", (uint64_t)p->prio);
    bind_set_integer(L, "rt_priority", (uint64_t)p->rt_priority);
    bind_set_integer(L, "policy", (uint64_t)p->policy);
    bind_set_integer(L, "flags", p->flags);
    bind_set_integer(L, "start_ns", p->start_ns);
    bind_set_integer(L, "utime_ns", p->utime_ns);
    bind_set_integer(L, "stime_ns", p->stime_ns);
}

static void push_proc(lua_State *L, const void *item) {
    const struct os_proc *p = item;
    lua_createtable(L, 0, 31);
    set_ids(L, p);
    bind_set_string(L, "comm", p->comm);
    set_schedule(L, p);
    bind_set_integer(L, "vsz_bytes", p->vsz_bytes);
    bind_set_integer(L, "rss_bytes", p->rss_bytes);
    if (p->tty[0]) bind_set_string(L, "tty", p->tty);
    bind_set_integer(L, "tty_dev", (uint64_t)(uint32_t)p->tty_major << 8 | (uint32_t)p->tty_minor);
    bind_set_integer(L, "addr", p->addr);
    bind_set_integer(L, "leader", p->leader);
    bind_set_integer(L, "mm", p->mm);
    set_partial(L, p->partial);
}

static int collect(void *ctx, const struct os_proc *p) {
    return bind_list_add(ctx, p);
}

// Names of the selections, in the order of `selections`.
static const char *const selection_names[] = {"all", "pid",  "pgrp", "session", "tty",
                                              "uid", "ruid", "gid",  "rgid",    NULL};
static const int selections[] = {KERN_PROC_PROC,    KERN_PROC_PID, KERN_PROC_PGRP,
                                 KERN_PROC_SESSION, KERN_PROC_TTY, KERN_PROC_UID,
                                 KERN_PROC_RUID,    KERN_PROC_GID, KERN_PROC_RGID};

/***
Iterates over processes. All are read at once, when this is called; where the kernel's list is
damaged the iterator gives what was found and then raises.

A record has these fields. Of `struct task_struct`, with the C type in the kernel: `pid` (pid_t
tgid: the process), `tid` (pid_t pid: the task), `ppid pgid sid` (pid_t), `uid ruid svuid gid rgid
svgid` (effective, real, saved), `comm`, `state` (the letter of /proc/PID/stat: R S D T t X Z P I),
`cpu` (the one it is, or was last, on), `nice` (-20 to 19), `threads`, `prio rt_priority policy`
(the kernel's numbers), `flags` (PF_*), `start_ns` (nanoseconds since boot), `utime_ns stime_ns`
(nanoseconds; of the whole process unless threads were asked for), `vsz_bytes rss_bytes`, `tty`
(name, or nil), `tty_dev` (major << 8 | minor, 0: none), `addr` (of the task_struct), `leader` (of
the thread group leader's), `mm` (of the mm_struct, 0 for kernel threads), `partial` (nil, or names
of what could not be read: `task signal cred mm times tty`; fields of these parts that are not known
are nil).
@function Handle:procs
@tparam[opt="all"] string op which: `all pid pgrp session tty uid ruid gid rgid`
@tparam[opt] integer arg the id; of `tty` the number as in `tty_dev`. Not looked at for `all`.
@tparam[opt=false] boolean threads a record for every thread
@treturn function iterator of records
@raise wrong types, unknown op; the iterator raises kvm.Error
@usage for p in k:procs("pid", 1) do assert(p.pid == 1 and #p.comm > 0) end
*/
int l_proc_procs(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    int op = selections[luaL_checkoption(L, 2, "all", selection_names)];
    lua_Integer arg = 0;
    if (op != KERN_PROC_PROC) {
        arg = luaL_checkinteger(L, 3);
        luaL_argcheck(L, arg >= INT32_MIN && arg <= UINT32_MAX, 3, "not an id");
    }
    if (lua_toboolean(L, 4)) op = op == KERN_PROC_PROC ? KERN_PROC_ALL : op;
    if (lua_toboolean(L, 4)) op |= KERN_PROC_INC_THREAD;
    struct bind_list *l = bind_list_push(L, sizeof(struct os_proc));
    l->rc = session_procs(kd, op, (int)arg, collect, l, &l->err);
    if (l->rc == KVM_NOMEM) err_nomem(&l->err, "the list of processes");
    return bind_list_iterate(L, push_proc);
}

// --- argv, environ

struct box {
    char *bytes; // from mem_alloc
};

static int box_free(lua_State *L) {
    struct box *b = lua_touserdata(L, 1);
    mem_free(b->bytes);
    b->bytes = NULL;
    return 0;
}

static struct box *push_box(lua_State *L) {
    struct box *b = lua_newuserdatauv(L, sizeof(*b), 0);
    b->bytes = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, box_free);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return b;
}

// A string ends at its NUL, the last perhaps at the end.
static void push_strings(lua_State *L, const char *bytes, size_t len) {
    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t at = 0; at < len;) {
        const char *nul = memchr(bytes + at, 0, len - at);
        size_t size = nul ? (size_t)(nul - (bytes + at)) : len - at;
        lua_pushlstring(L, bytes + at, size);
        lua_seti(L, -2, ++n);
        at += size + 1;
    }
}

static int strings(lua_State *L, enum os_proc_strings what) {
    kvm_t *kd = bind_handle(L);
    struct os_proc p;
    struct kvm_err err = {0};
    size_t len;
    if (bind_proc(L, 2, kd, &p, &err)) return bind_fail(L, kd, &err);
    struct box *b = push_box(L);
    if (kd->os.ops->proc_strings(&kd->os, &p, what, STRINGS_MAX, &b->bytes, &len, &err))
        return bind_fail(L, kd, &err);
    push_strings(L, b->bytes, len);
    mem_free(b->bytes);
    b->bytes = NULL;
    return 1;
}

/***
The arguments of a process, as its memory has them now.
@function Handle:argv
@tparam table|integer process a record of `k:procs`, or a process id
@treturn[1] {string,...}
@return[2] nil
@treturn[2] string message
@treturn[2] string code `excluded` (user pages were left out of the dump) `fault`, `notfound` (no
 such process, or a kernel thread)
@treturn[2] ?integer the address in the process
@raise wrong types
@usage local args, _, code = k:argv(1) assert(args or code == "excluded" or code == "fault")
*/
int l_proc_argv(lua_State *L) {
    return strings(L, OS_ARGV);
}

/***
The environment of a process as it was started with, `NAME=value` strings.
@function Handle:environ
@tparam table|integer process a record of `k:procs`, or a process id
@treturn[1] {string,...}
@return[2] as `argv`
@raise wrong types
@usage local env, _, code = k:environ(1) assert(env or code == "excluded" or code == "fault")
*/
int l_proc_environ(lua_State *L) {
    return strings(L, OS_ENVIRON);
}
