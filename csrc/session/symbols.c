// SPDX-License-Identifier: BSD-2-Clause
// Symbol lookup by name, with kvm_open2's resolver in the place of the symbol tables where one was given.
#include "session/session.h"

int session_symbol(kvm_t *kd, const char *name, struct symbol *out, struct kvm_err *err) {
    if (!kd->opt.resolver) return symtab_name(kd->os.symbols, name, out, err);
    kvaddr_t addr;
    if (kd->opt.resolver(name, &addr) != 0) return err_set(err, KVM_NOTFOUND, "no symbol %s", name);
    *out = (struct symbol){.name = name, .addr = addr, .kind = 'D'};
    return 0;
}
