// SPDX-License-Identifier: BSD-2-Clause
// kvm_open(3): the three ways to open, kvm_close and kvm_geterr. Checks and messages follow FreeBSD's
// lib/libkvm/kvm.c (14.0): the core is looked at before the namelist.
#include "session/public.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

int public_fail(kvm_t *kd, const struct kvm_err *err) {
    bool soft = err->code == KVM_FAULT || err->code == KVM_EXCLUDED;
    if (kd->program && !soft) fprintf(stderr, "%s: %s\n", kd->program, err->text);
    kd->err = *err;
    return -1;
}

static int open_flags(const char *execfile, int flags, struct kvm_err *err) {
    if (execfile && strlen(execfile) >= PATH_MAX)
        return err_set(err, KVM_INVAL, "exec file name too long");
    if ((flags & ~(O_RDWR | KVM_IN_PLACE)) != 0 || flags == O_WRONLY)
        return err_set(err, KVM_INVAL, "bad flags arg");
    return 0;
}

static kvm_t *open_any(const char *execfile, const char *corefile, int flags,
                       int (*resolver)(const char *, kvaddr_t *), struct kvm_err *err) {
    if (open_flags(execfile, flags, err)) return NULL;
    struct session_options opt = {
        .core = corefile ? &corefile : NULL,
        .core_count = corefile != NULL,
        .namelist = execfile,
        .write = (flags & O_ACCMODE) == O_RDWR,
        .overlay = !(flags & KVM_IN_PLACE),
        .resolver = resolver,
    };
    kvm_t *kd;
    return session_open(&opt, &kd, err) == 0 ? kd : NULL;
}

kvm_t *kvm_open(const char *execfile, const char *corefile, char *swapfile, int flags,
                const char *errstr) {
    (void)swapfile; // historical: no image has its swap beside it
    struct kvm_err err = {0};
    kvm_t *kd = open_any(execfile, corefile, flags, NULL, &err);
    if (kd && errstr) {
        kd->program = mem_strdup(errstr);
        if (!kd->program) {
            err_nomem(&err, "a name");
            kvm_close(kd);
            kd = NULL;
        }
    }
    if (!kd && errstr) fprintf(stderr, "%s: %s\n", errstr, err.text);
    return kd;
}

kvm_t *kvm_openfiles(const char *execfile, const char *corefile, char *swapfile, int flags,
                     char *errbuf) {
    (void)swapfile;
    return kvm_open2(execfile, corefile, flags, errbuf, NULL);
}

kvm_t *kvm_open2(const char *execfile, const char *corefile, int flags, char *errbuf,
                 int (*resolver)(const char *name, kvaddr_t *addr)) {
    struct kvm_err err = {0};
    kvm_t *kd = open_any(execfile, corefile, flags, resolver, &err);
    if (!kd && errbuf) snprintf(errbuf, KVM_ERRBUF_SIZE, "%s", err.text);
    return kd;
}

int kvm_close(kvm_t *kd) {
    if (!kd) {
        errno = EINVAL;
        return -1;
    }
    session_close(kd);
    return 0;
}

char *kvm_geterr(kvm_t *kd) {
    static char none[1];
    if (!kd) {
        none[0] = '\0'; // whatever the caller has written there
        return none;
    }
    return kd->err.text;
}
