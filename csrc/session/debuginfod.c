// SPDX-License-Identifier: BSD-2-Clause
// Debug files from debuginfod servers (elfutils 0.188, debuginfod_find_debuginfo(3)), only when the
// user asked for it. The library is loaded then and not before: it brings libcurl with it. Servers
// come from DEBUGINFOD_URLS, and DEBUGINFOD_CACHE_PATH, _TIMEOUT and the rest mean what they mean
// to the library.
#include "session/files.h"

#include "base/mem.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define LIBRARY "libdebuginfod.so.1"

struct library {
    void *(*begin)(void);
    int (*find)(void *client, const unsigned char *build_id, int len, char **path);
    void (*end)(void *client);
};

static bool symbol_of(void *lib, const char *name, void *function) {
    void *p = dlsym(lib, name);
    memcpy(function, &p, sizeof(p));
    return p;
}

// The library stays loaded: libcurl can't be unloaded safely.
static int load(struct library *out, struct kvm_err *err) {
    void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!lib) return err_set(err, KVM_UNSUPPORTED, "debuginfod: %s", dlerror());
    if (symbol_of(lib, "debuginfod_begin", &out->begin) &&
        symbol_of(lib, "debuginfod_find_debuginfo", &out->find) &&
        symbol_of(lib, "debuginfod_end", &out->end))
        return 0;
    return err_set(err, KVM_UNSUPPORTED, "debuginfod: %s lacks a function", LIBRARY);
}

int session_debuginfod(const char *build_id, char **path, struct kvm_err *err) {
    const char *urls = getenv("DEBUGINFOD_URLS");
    struct library lib = {0};
    char *cached = NULL;
    if (!urls || !urls[0])
        return err_set(err, KVM_UNSUPPORTED, "debuginfod: DEBUGINFOD_URLS names no servers");
    int rc = load(&lib, err);
    if (rc) return rc;
    void *client = lib.begin();
    if (!client) return err_set(err, KVM_NOMEM, "debuginfod: no client");
    int fd = lib.find(client, (const unsigned char *)build_id, 0, &cached); // 0: in hexadecimal
    lib.end(client);
    if (fd == -ENOENT)
        return err_set(err, KVM_NOTFOUND, "debuginfod: no server has build id %s", build_id);
    if (fd < 0) return err_system(err, -fd, "debuginfod: build id %s", build_id);
    close(fd);
    *path = cached ? mem_strdup(cached) : NULL;
    free(cached); // the library's
    return *path ? 0 : err_nomem(err, "a file name");
}
