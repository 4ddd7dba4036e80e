// SPDX-License-Identifier: BSD-2-Clause
// Slim dumps: the pages that were read through this handle, as a dump of their own.
#include "bind/bind.h"

#include "image/kdump_write.h"

static bool next_traced(void *ctx, uint64_t from, uint64_t *pfn) {
    return image_trace_next(ctx, from, pfn);
}

static enum codec_id codec_option(lua_State *L) {
    enum { TABLE = 3 };
    enum codec_id codec = CODEC_NONE;
    if (lua_isnoneornil(L, TABLE)) return codec;
    luaL_checktype(L, TABLE, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, TABLE); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "codec") != 0)
            luaL_error(L, "unknown option '%s'", luaL_tolstring(L, -2, NULL));
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        if (strcmp(name, "zstd") == 0)
            codec = CODEC_ZSTD;
        else if (strcmp(name, "zlib") == 0)
            codec = CODEC_ZLIB;
        else
            luaL_error(L, "bad option 'codec' (\"zstd\" or \"zlib\" expected)");
    }
    return codec;
}

/***
Writes a kdump-compressed dump of the pages that were read through this handle, which must have been
opened with `trace=true`. It opens with this library, crash, drgn and makedumpfile, and answers the
same questions again. Pages of processes' own memory are left out; what was written to the overlay
is not in it.
@function Handle:slim
@tparam string path of the new file; it appears when it is whole
@tparam[opt] table options `codec`: "zstd" (where that was built in, the default) or "zlib"
@treturn[1] table `pages`, `bytes` (of the file), `missing` (pages that were asked for and are not
 in the source)
@return[2] nil
@treturn[2] string message
@treturn[2] string code `inval` (not opened with trace), `io`, `unsupported`, `format`, `nomem`
@raise wrong types, unknown options
@usage local t <close> = assert(kvm.open{core=core, trace=true}) assert(t:slim(tmpname).pages > 0)
*/
int l_slim(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    const struct os_facts *f = &kd->os.facts;
    struct kvm_err err = {0};
    struct write_result res = {0};
    struct write_source src = {.img = kd->image, .next = next_traced, .next_ctx = kd->image->trace};
    struct kdump_write_options opt = {
        .dump_level = 31, // all that was not asked for is missing
        .path = luaL_checkstring(L, 2),
        .codec = codec_option(L),
        .block_size = f->page_size,
        .release = f->release[0] ? f->release : NULL,
        .machine = f->machine[0] ? f->machine : NULL,
    };
    if (!kd->image->trace) {
        err_set(&err, KVM_INVAL, "the handle was not opened with trace");
        return bind_fail(L, kd, &err);
    }
    if (kdump_write(&src, &opt, &res, &err)) return bind_fail(L, kd, &err);
    lua_createtable(L, 0, 3);
    bind_set_integer(L, "pages", res.pages);
    bind_set_integer(L, "bytes", res.bytes);
    bind_set_integer(L, "missing", res.missing);
    return 1;
}
