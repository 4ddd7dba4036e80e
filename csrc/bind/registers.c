// SPDX-License-Identifier: BSD-2-Clause
// The registers of a CPU: the n-th NT_PRSTATUS note of the dump, and the n-th of QEMU's, which adds
// the control registers. A CPU that did not stop for the dump leaves none, and the notes do not say
// whose they are.
#include "bind/bind.h"

#include "fmt/prstatus.h"
#include "fmt/qemu_cpu.h"

// The note of the CPU at stack index 2, or NULL with the error. LAYOUT is NULL for machines that
// are not known.
static const struct note_cpu *find_note(lua_State *L, const struct image_facts *f,
                                        const struct prstatus_layout *layout, struct kvm_err *err) {
    lua_Integer cpu = luaL_checkinteger(L, 2);
    if (cpu < 0 || (uint64_t)cpu >= f->notes.prstatus_count) {
        err_set(err, KVM_NOTFOUND, "no registers of CPU %lld: the dump has those of %zu",
                (long long)cpu, f->notes.prstatus_count);
        return NULL;
    }
    const struct note_cpu *note = &f->notes.prstatus[cpu];
    if (layout && note->len >= layout->size) return note;
    if (layout)
        err_set(err, KVM_FORMAT, "NT_PRSTATUS of CPU %lld: %zu bytes, not %zu", (long long)cpu,
                note->len, layout->size);
    else
        err_set(err, KVM_UNSUPPORTED, "registers of machine %u are not known", f->machine);
    return NULL;
}

// Adds what QEMU's note N tells of registers that the table on top of the stack lacks. False: there
// is no such note.
static bool add_qemu(lua_State *L, const struct image_facts *f, lua_Integer n) {
    if (n < 0 || (uint64_t)n >= f->notes.qemu_count) return false;
    const struct note_cpu *note = &f->notes.qemu[n];
    size_t count;
    const struct qemu_cpu_register *r = qemu_cpu_registers(f->machine, f->elf_class, &count);
    if (!r || !qemu_cpu_valid(f->machine, note->desc, note->len, f->notes.big)) return false;
    for (; count > 0; count--, r++) {
        uint64_t v;
        if (lua_getfield(L, -1, r->name) == LUA_TNIL &&
            qemu_cpu_register_get(f->machine, f->elf_class, note->desc, note->len, f->notes.big,
                                  r->name, &v)) {
            lua_pushinteger(L, (lua_Integer)v);
            lua_setfield(L, -3, r->name);
        }
        lua_pop(L, 1);
    }
    return true;
}

// The registers of a descriptor, into the table on top of the stack; its process id.
static int32_t set_registers(lua_State *L, const struct image_facts *f,
                             const struct prstatus_layout *layout, const uint8_t *desc,
                             size_t len) {
    int32_t pid = 0;
    for (size_t i = 0; i < layout->register_count; i++) {
        const char *name = layout->registers[i].name;
        uint64_t v;
        if (prstatus_register_get(layout, desc, len, f->notes.big, name, &v))
            bind_set_integer(L, name, v);
    }
    prstatus_pid(layout, desc, len, f->notes.big, &pid);
    return pid;
}

// The descriptor of a note that lies elsewhere, at stack index 2.
static int of_descriptor(lua_State *L, kvm_t *kd, const struct image_facts *f) {
    size_t len;
    const uint8_t *desc = (const uint8_t *)lua_tolstring(L, 2, &len);
    const struct prstatus_layout *layout = prstatus_layout_find(f->machine, f->elf_class);
    struct kvm_err err = {0};
    if (!layout) {
        err_set(&err, KVM_UNSUPPORTED, "registers of machine %u are not known", f->machine);
        return bind_fail(L, kd, &err);
    }
    if (len < layout->size) {
        err_set(&err, KVM_FORMAT, "NT_PRSTATUS: %zu bytes, not %zu", len, layout->size);
        return bind_fail(L, kd, &err);
    }
    lua_createtable(L, 0, 32);
    lua_pushinteger(L, set_registers(L, f, layout, desc, len));
    return 2;
}

/***
The registers that a CPU left in the dump.
@function Handle:registers
@tparam integer|string cpu number, from 0: of the CPUs that left registers, in the order of the dump; or the bytes of
 a `struct elf_prstatus` that lies elsewhere (crash_notes)
@treturn[1] table integers by the kernel's names: `rip rsp rbp rax ... eflags cs ss fs_base gs_base`, and of a
 dump made by QEMU `cr0 cr2 cr3 cr4 kernel_gs_base gdt_base idt_base ldt_base tr_base`
@treturn[1] integer process id that the note names (0 where the writer did not know it)
@return[2] nil
@treturn[2] string message
@treturn[2] string code `notfound` (no such CPU), `unsupported` (machine), `format`
@raise wrong types
@usage local regs, pid = k:registers(0) assert(regs.rip ~= 0 and pid >= 0)
*/
int l_registers(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    const struct image_facts *f = &kd->image->facts;
    const struct prstatus_layout *layout = prstatus_layout_find(f->machine, f->elf_class);
    if (lua_type(L, 2) == LUA_TSTRING) return of_descriptor(L, kd, f);
    struct kvm_err err = {0};
    const struct note_cpu *note = find_note(L, f, layout, &err);
    int32_t pid = 0;
    lua_createtable(L, 0, 32);
    if (!note) {
        if (err.code != KVM_NOTFOUND || !add_qemu(L, f, lua_tointeger(L, 2)))
            return bind_fail(L, kd, &err);
        lua_pushinteger(L, pid);
        return 2;
    }
    pid = set_registers(L, f, layout, note->desc, note->len);
    add_qemu(L, f, lua_tointeger(L, 2));
    lua_pushinteger(L, pid);
    return 2;
}
