// SPDX-License-Identifier: BSD-2-Clause
// fmt/prstatus: registers of x86-64 at the places where the host's own headers have them.
#include "fmt/prstatus.h"

#include "dump_build.h"
#include "fmt/elf.h"
#include "tap.h"

#include <stdlib.h>

#if defined(__x86_64__) && defined(__linux__)
#include <sys/procfs.h>
#include <sys/user.h>

static void test_host(void) {
    const struct prstatus_layout *l = prstatus_layout_find(ELF_EM_X86_64, 2);
    struct elf_prstatus p = {.pr_pid = 4711};
    struct user_regs_struct r = {.r15 = 15,
                                 .rbp = 5,
                                 .rax = 10,
                                 .orig_rax = 99,
                                 .rip = 0xffff81,
                                 .eflags = 0x246,
                                 .rsp = 0xdead,
                                 .gs_base = 7,
                                 .gs = 3};
    memcpy(p.pr_reg, &r, sizeof(r));
    const uint8_t *d = (const uint8_t *)&p;
    is_int((int64_t)l->size, sizeof(p), "size of the descriptor");
    is_int(prstatus_machine(sizeof(p), false), ELF_EM_X86_64, "which tells the machine");
    int32_t pid = 0;
    ok(prstatus_pid(l, d, sizeof(p), false, &pid) && pid == 4711, "pid");
    static const struct {
        const char *name;
        uint64_t value;
    } want[] = {{"r15", 15},       {"rbp", 5},        {"rax", 10},     {"orig_rax", 99},
                {"rip", 0xffff81}, {"eflags", 0x246}, {"rsp", 0xdead}, {"gs_base", 7},
                {"gs", 3},         {"rdi", 0}};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        uint64_t v = 77;
        ok(prstatus_register_get(l, d, sizeof(p), false, want[i].name, &v) && v == want[i].value,
           "%s", want[i].name);
    }
    is_int((int64_t)l->register_count * 8, sizeof(r), "every register has a name");
}
#else
static void test_host(void) {
    skip("registers of the host", "not x86-64 Linux");
}
#endif

int main(void) {
    test_host();
    const struct prstatus_layout *l = prstatus_layout_find(ELF_EM_X86_64, 2);
    struct bytes_out b = {.big = true};
    out_zero(&b, 32);
    out_u32(&b, 0xfffffffe);
    out_zero(&b, 112 - 36);
    for (uint64_t i = 0; i < 27; i++)
        out_u64(&b, 0x100 + i);
    uint64_t v = 0;
    int32_t pid = 0;
    ok(prstatus_pid(l, b.p, b.len, true, &pid) && pid == -2, "either byte order: pid");
    ok(prstatus_register_get(l, b.p, b.len, true, "rip", &v) && v == 0x110, "and rip");
    ok(!prstatus_pid(l, b.p, 35, true, &pid), "a descriptor too short for the pid");
    ok(!prstatus_register_get(l, b.p, 112 + 17 * 8 - 1, true, "rip", &v), "or for the register");
    ok(prstatus_register_get(l, b.p, 112 + 17 * 8, true, "rip", &v), "exactly long enough");
    ok(!prstatus_register_get(l, b.p, b.len, true, "eax", &v), "an unknown register");
    ok(!prstatus_layout_find(ELF_EM_X86_64, 1) && !prstatus_layout_find(0, 2), "unknown machines");
    is_int(prstatus_machine(336, true), ELF_EM_S390, "336 bytes big-endian: s390x");
    is_int(prstatus_machine(335, false), 0, "an unknown size");
    free(b.p);
    return done();
}
