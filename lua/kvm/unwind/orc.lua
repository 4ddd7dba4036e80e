-- SPDX-License-Identifier: BSD-2-Clause
-- The kernel's ORC unwind tables, out of the image (arch/x86/include/asm/orc_types.h, arch/x86/kernel/unwind_orc.c): for each address of
-- its code where the caller's stack pointer and rbp are. Two arrays side by side: addresses relative to their own place, ascending, and
-- entries; the kernel's own and each module's. Checked against Linux 5.10, 6.1, 6.12 and 7.2. What differs between them:
--   types of entries: numbered anew in 6.4 (fb799447ae29), when `end` ceased to be a bit of its own
--   registers: numbered anew in 7.1; nothing in the image tells but the entries, most of which start from the stack pointer
--   rsp behind a pointer: at the offset before 5.12, where no entry uses it; since then at the stack pointer
local kvm_error = require "kvm.error"
local types = require "kvm.type"

local M = {}

local ENTRY <const> = "struct orc_entry"

-- By number: which register, whether what it points to.
local REGISTERS = {
  [5] = {nil, "cfa", "rdx", "rdi", "rbp", "rsp", "r10", "r13", "[rbp]", "[rsp]"}, -- ORC_REG_SP is 5
  [3] = {nil, "rax", "rdx", "rsp", "rbp", "rdi", "r10", "r13", "cfa", "[rsp]", "[rbp]"}, -- ORC_REG_SP is 3
}
local KINDS = {[0] = "undefined", "end", "call", "regs", "iret"}
local KINDS_WITH_END = {[0] = "call", "regs", "iret"}

local function bits(field)
  local shift, mask = field.bit_offset, (1 << field.bit_size) - 1
  return function(word) return word >> shift & mask end
end

-- The bit fields of an entry, from the types: they share the word behind the two offsets.
local function layout(k)
  local t = types.of(k, ENTRY):strip()
  local function word(name)
    local f = t:field(name)
    return f and bits {bit_offset = f.bit_offset - 32, bit_size = f.bit_size}
  end
  local l = {
    size = t:size(), sp_offset = types.offsetof(k, t, "sp_offset"), bp_offset = types.offsetof(k, t, "bp_offset"),
    sp_reg = word "sp_reg", bp_reg = word "bp_reg", type = word "type", ends = word "end", signal = word "signal",
  }
  if l.size ~= 6 or l.sp_offset ~= 0 or l.bp_offset ~= 2 or not (l.sp_reg and l.bp_reg and l.type) then
    kvm_error.fail("unsupported", "a struct orc_entry of an unknown layout")
  end
  l.kinds = l.ends and KINDS_WITH_END or KINDS
  return l
end

local SAMPLE <const> = 512

-- The table of register numbers: by which of them most entries find the caller's stack.
local function registers_of(k, l, table_)
  local count = {}
  local step = math.max(table_.count // SAMPLE, 1)
  for i = 0, table_.count - 1, step do
    local number = l.sp_reg(k:u16(table_.entries + i * l.size + 4))
    count[number] = (count[number] or 0) + 1
  end
  local most
  for number, n in pairs(count) do
    if number ~= 0 and (not most or n > count[most]) then most = number end
  end
  return REGISTERS[most] or kvm_error.fail("unsupported", "ORC entries whose registers are numbered in an unknown way")
end

local Orc = {}
Orc.__index = Orc

local function ip_at(k, table_, i)
  local at = table_.ips + 4 * i
  return at + k:i32(at)
end

-- The index of the last address that is not above pc.
local function search(k, table_, pc)
  local low, high = 0, table_.count
  while low < high do
    local middle = low + (high - low) // 2
    if math.ult(pc, ip_at(k, table_, middle)) then high = middle else low = middle + 1 end
  end
  return low > 0 and low - 1 or nil
end

local function decode(self, at)
  local k, l = self.k, self.layout
  local word = k:u16(at + 4)
  local sp, bp = self.registers[l.sp_reg(word) + 1], self.registers[l.bp_reg(word) + 1]
  local kind = l.kinds[l.type(word)]
  if l.ends and not sp then kind = l.ends(word) ~= 0 and "end" or "undefined" end
  local interrupted = kind == "regs" or kind == "iret"
  if l.signal and l.signal(word) == 0 then interrupted = false end
  return {
    kind = kind or "undefined", sp = sp, sp_offset = k:i16(at), bp = bp, bp_offset = k:i16(at + 2), interrupted = interrupted,
  }
end

local function module_table(self, m)
  if not self.arch_offset then return nil end
  local t = self.modules[m.addr]
  if t == nil then
    local at = m.addr + self.arch_offset
    local k = self.k
    local count = k:u32(at + self.num_orcs)
    t = count > 0 and {count = count, ips = k:ptr(at + self.orc_unwind_ip), entries = k:ptr(at + self.orc_unwind)}
    self.modules[m.addr] = t
  end
  return t
end

--- What the tables say of an address.
-- @tparam integer pc an address of code
-- @tparam[opt] table module the struct module that it lies in: {addr=}; nil for the kernel's own code
-- @treturn table kind ("call", "regs": a whole struct pt_regs, "iret": only what the CPU pushed, "end": nobody called this code,
-- "undefined"), sp (register from which the caller's stack pointer is found: "rsp", "rbp", "r10", ..., "[rsp]" and "[rbp]": what it
-- points to), sp_offset (bytes), bp ("cfa" or "rbp": from where the caller's rbp is found; nil: it is unchanged), bp_offset,
-- interrupted (boolean: the caller was interrupted at its pc; else that is behind a call)
-- @return nil where there is no entry
-- @raise kvm.Error `fault`, `excluded`
-- @usage local orc = require "kvm.unwind.orc".new(k)
-- assert(not orc or orc:find(k:symbol("schedule").value).sp == "rsp")
function Orc:find(pc, module)
  local t = self.kernel
  if module then t = module_table(self, module) end
  if not t then return nil end
  local i = search(self.k, t, pc)
  return i and decode(self, t.entries + i * self.layout.size)
end

--- The unwind tables of a kernel.
-- @param k an open handle
-- @treturn Orc nil for a kernel that has none (CONFIG_UNWINDER_ORC)
-- @raise kvm.Error `unsupported` for entries of an unknown layout; `fault`, `excluded`
-- @usage assert(require "kvm.unwind.orc".new(k) or not k:symbol "__start_orc_unwind")
function M.new(k)
  local ips, entries = k:symbol "__start_orc_unwind_ip", k:symbol "__start_orc_unwind"
  local stop = k:symbol "__stop_orc_unwind_ip"
  if not (ips and entries and stop) then return nil end
  local self = setmetatable({k = k, layout = layout(k), modules = {}}, Orc)
  self.kernel = {ips = ips.value, entries = entries.value, count = (stop.value - ips.value) // 4}
  self.registers = registers_of(k, self.layout, self.kernel)
  if types.of(k, "struct module"):strip():field "arch.num_orcs" then
    self.arch_offset = types.offsetof(k, "struct module", "arch")
    for _, name in ipairs {"num_orcs", "orc_unwind_ip", "orc_unwind"} do
      self[name] = types.offsetof(k, "struct mod_arch_specific", name)
    end
  end
  return self
end

return M
