// SPDX-License-Identifier: BSD-2-Clause
// What was opened, and what it has cost.
#include "bind/bind.h"

#include "fmt/elf.h"

static void set_known(lua_State *L, const char *key, const char *v) {
    if (v && v[0]) bind_set_string(L, key, v);
}

static void push_vmcoreinfo(lua_State *L, const struct vmcoreinfo *v) {
    lua_newtable(L);
    const char *end = v->text ? v->text + v->len : NULL;
    for (const char *line = v->text, *next; line < end; line = next) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        next = stop ? stop + 1 : end;
        if (!stop) stop = end;
        const char *nul = memchr(line, 0, (size_t)(stop - line));
        if (nul) { // padding behind the text
            stop = nul;
            next = end;
        }
        const char *eq = memchr(line, '=', (size_t)(stop - line));
        if (!eq) continue;
        lua_pushlstring(L, line, (size_t)(eq - line));
        lua_pushlstring(L, eq + 1, (size_t)(stop - eq - 1));
        lua_rawset(L, -3);
    }
}

static void set_facts(lua_State *L, const kvm_t *kd) {
    const struct os_facts *f = &kd->os.facts;
    const struct image_facts *image = &kd->image->facts;
    set_known(L, "os", f->os);
    set_known(L, "arch", elf_machine_name(image->machine, image->elf_class, image->big));
    bind_set_string(L, "byte_order", kd->os.virt.big ? "big" : "little");
    bind_set_integer(L, "pointer_size", kd->os.virt.word_size);
    set_known(L, "release", f->release);
    set_known(L, "machine", f->machine);
    set_known(L, "build_id", f->build_id);
    set_known(L, "vmcoreinfo_from", f->vmcoreinfo_from);
    set_known(L, "found", f->found);
    if (f->page_size) bind_set_integer(L, "page_size", f->page_size);
    if (f->cpus) bind_set_integer(L, "cpus", f->cpus);
    if (f->has_kaslr_off) bind_set_integer(L, "kaslr_offset", f->kaslr_off);
    if (f->has_phys_base) bind_set_integer(L, "phys_base", (uint64_t)f->phys_base);
    if (f->crash_time) bind_set_integer(L, "crash_time", (uint64_t)f->crash_time);
}

// Loads the tables.
static void set_origins(lua_State *L, kvm_t *kd) {
    struct kvm_err err = {0};
    set_known(L, "symbols_from", symtab_origin(kd->os.symbols));
    set_known(L, "types_from", type_origin(kd->os.types, &err));
}

// What an earlier writer erased, in its words: makedumpfile's filter, or luakvm convert --redact.
static void push_erased(lua_State *L, const struct image_facts *f) {
    if (!f->eraseinfo) return;
    lua_pushlstring(L, f->eraseinfo, strnlen(f->eraseinfo, f->eraseinfo_len));
    lua_setfield(L, -2, "erased");
}

/***
What was opened. Fields that the dump does not tell are absent.
@function Handle:info
@tparam[opt] table options `full` (boolean): load symbols and types, to tell where they come from
@treturn table `os` ("linux"), `arch` ("x86_64"), `byte_order` ("little" or "big"), `pointer_size`
 (bytes), `release`, `machine` ("x86_64"),
 `build_id` (hexadecimal), `format`, `incomplete` (boolean: marked so by its writer, or cut short),
 `vmcoreinfo_from` (of VMCOREINFO: "note"; "file", as `kvm.open` was told; "memory", it lies in the dump's memory;
 "search", its lines were made of what was found), `found` (how the kernel was found, where no note told it: "CR3 of
 CPU 1; kallsyms"),
 `page_size` (bytes), `cpus` (that left registers), `kaslr_offset`, `phys_base` (may be negative),
 `crash_time` (seconds since 1970), `path`, `erased` (lines about what was erased when the dump was written), `vmcoreinfo` (table of strings by key; empty where there
 is none), and with `full` `symbols_from` and `types_from`
@raise wrong types, unknown options
@usage local info = k:info() assert(info.os == "linux" and info.page_size == 4096)
*/
int l_info_info(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    bool full = false;
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "full") != 0)
                return luaL_error(L, "unknown option '%s'", luaL_tolstring(L, -2, NULL));
            full = lua_toboolean(L, -1);
        }
    }
    lua_createtable(L, 0, 16);
    set_facts(L, kd);
    set_known(L, "format", kd->image->facts.format);
    set_known(L, "path", kd->image->file->path);
    bind_set_boolean(L, "incomplete", kd->image->facts.incomplete);
    push_erased(L, &kd->image->facts);
    push_vmcoreinfo(L, &kd->image->facts.notes.vmcoreinfo);
    lua_setfield(L, -2, "vmcoreinfo");
    if (full) set_origins(L, kd);
    return 1;
}

/***
The size of a page of the machine. `Handle:info` has it too, with all else that it makes a table of each time.
@function Handle:page_size
@treturn integer bytes
@treturn[2] nil where the dump does not tell
@usage assert(k:page_size() == k:info().page_size)
*/
int l_info_page_size(lua_State *L) {
    const kvm_t *kd = bind_handle(L);
    if (!kd->os.facts.page_size) return 0;
    lua_pushinteger(L, kd->os.facts.page_size);
    return 1;
}

/***
Counters of this handle, since it was opened.
@function Handle:stats
@treturn table `pages_read` (pages looked up in the file), `pages_decompressed`, `pages_cached` (that were
 decompressed already), `tlb_misses`
 (lookups that walked page tables), `cache_bytes` (as asked for at open; 0: the default)
@usage k:u64(k:symbol("linux_banner").value) assert(k:stats().pages_read > 0)
*/
int l_info_stats(lua_State *L) {
    const kvm_t *kd = bind_handle(L);
    lua_createtable(L, 0, 5);
    bind_set_integer(L, "pages_read", kd->image->worker.pages_read);
    bind_set_integer(L, "pages_decompressed", kd->image->worker.pages_decompressed);
    bind_set_integer(L, "pages_cached", kd->image->worker.pages_cached);
    bind_set_integer(L, "tlb_misses", kd->tlb_misses);
    bind_set_integer(L, "cache_bytes", kd->opt.cache_bytes);
    return 1;
}
