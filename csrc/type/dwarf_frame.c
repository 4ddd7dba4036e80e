// SPDX-License-Identifier: BSD-2-Clause
// Call frame information of DWARF files, .debug_frame or else .eh_frame, through libdw. Of the
// expressions that a rule may have, those that compilers write are known: a register or the CFA, an
// offset, and what is in memory there; with a rule that has another one, a register is lost.
#if HAVE_LIBDW
#include "type/dwarf.h"

#include <dwarf.h>
#include <stdlib.h>

enum { RAX = 0, RBX = 3 }; // DWARF's numbers of x86-64

static int none(uint64_t addr, struct kvm_err *err) {
    return err_set(err, KVM_NOTFOUND, "no call frame information of 0x%llx",
                   (unsigned long long)addr);
}

// Borrowed from the source: what libdw makes of .eh_frame is its caller's, the rest is the file's.
static Dwarf_CFI *table(struct dwarf_source *s, bool eh) {
    Dwarf_Addr bias;
    if (s->module)
        return eh ? dwfl_module_eh_cfi(s->module, &bias) : dwfl_module_dwarf_cfi(s->module, &bias);
    if (!eh) return dwarf_getcfi(s->dwarf);
    if (!s->eh_frame_read) s->eh_frame = dwarf_getcfi_elf(s->elf);
    s->eh_frame_read = true;
    return s->eh_frame;
}

// *base and *offset of the operations up to the first that is neither; how many those are.
static size_t base_and_offset(const Dwarf_Op *ops, size_t n, struct type_rule *out) {
    size_t i = 1;
    if (n == 0) return 0;
    if (ops[0].atom == DW_OP_call_frame_cfa) {
        *out = (struct type_rule){.base = TYPE_BASE_CFA};
    } else if (ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31) {
        *out =
            (struct type_rule){.base = ops[0].atom - DW_OP_breg0, .offset = (int64_t)ops[0].number};
    } else if (ops[0].atom == DW_OP_bregx && ops[0].number <= INT32_MAX) {
        *out = (struct type_rule){.base = (int)ops[0].number, .offset = (int64_t)ops[0].number2};
    } else {
        return 0;
    }
    for (; i < n && ops[i].atom == DW_OP_plus_uconst; i++)
        out->offset = (int64_t)((uint64_t)out->offset + ops[i].number);
    return i;
}

// PLACE: the operations tell where the value is in memory, unless they say that they tell the value.
static struct type_rule rule_of(const Dwarf_Op *ops, size_t n, bool place) {
    struct type_rule rule = {0};
    size_t i = base_and_offset(ops, n, &rule);
    bool one_more = i > 0 && i + 1 == n;
    bool is_memory = place ? i == n : one_more && ops[i].atom == DW_OP_deref;
    bool is_value = place ? one_more && ops[i].atom == DW_OP_stack_value : i == n;
    if (i == 0 || rule.base >= TYPE_FRAME_REGISTERS || !(is_memory || is_value))
        return (struct type_rule){0};
    rule.kind = is_memory ? TYPE_RULE_MEMORY : TYPE_RULE_VALUE;
    return rule;
}

static struct type_rule register_rule(Dwarf_Frame *frame, int number) {
    Dwarf_Op mem[3], *ops;
    size_t n;
    if (dwarf_frame_register(frame, number, mem, &ops, &n) != 0) return (struct type_rule){0};
    // Where no rule is given, the machine's ABI decides. libdw 0.188 takes rax for rbx there.
    bool is_same = n == 0 && (number == RBX || (number != RAX && !ops));
    if (is_same) return (struct type_rule){.kind = TYPE_RULE_VALUE, .base = number};
    return rule_of(ops, n, true);
}

// The row of one table; false where it has none that can be followed.
static bool find_row(Dwarf_CFI *cfi, uint64_t addr, struct type_frame *out) {
    Dwarf_Frame *frame;
    Dwarf_Op *ops;
    size_t n;
    Dwarf_Addr start, end;
    bool interrupted = false;
    if (!cfi || dwarf_cfi_addrframe(cfi, addr, &frame) != 0) return false;
    *out = (struct type_frame){.cfa.kind = TYPE_RULE_UNKNOWN};
    int ra = dwarf_frame_info(frame, &start, &end, &interrupted);
    out->interrupted = interrupted;
    if (ra == TYPE_FRAME_REGISTERS - 1 && addr >= start && addr < end &&
        dwarf_frame_cfa(frame, &ops, &n) == 0) {
        out->cfa = rule_of(ops, n, false);
        for (int i = 0; i < TYPE_FRAME_REGISTERS; i++)
            out->registers[i] = register_rule(frame, i);
    }
    free(frame);
    return out->cfa.kind != TYPE_RULE_UNKNOWN && out->cfa.base != TYPE_BASE_CFA;
}

int dwarf_frame(struct type_source *src, uint64_t addr, struct type_frame *out,
                struct kvm_err *err) {
    struct dwarf_source *s = (struct dwarf_source *)src;
    for (int eh = 0; eh < 2; eh++)
        if (find_row(table(s, eh), addr, out)) return 0;
    return none(addr, err);
}
#endif
