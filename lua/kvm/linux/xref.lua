-- SPDX-License-Identifier: BSD-2-Clause
-- Which code and which data of the kernel and of its modules refer to an address. Of x86-64: code does so by calls and jumps with a
-- distance of 32 bits, and by loads from a distance to the instruction (mov disp32(%rip), %reg). Instructions are not decoded: a
-- distance that is no instruction's hits an address that is asked for once in 2^32 bytes. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local module = require "kvm.linux.module"

local M = {}

local CHUNK <const> = 1 << 16
-- Patterns of instructions, whose last 4 bytes are the distance from their end: call and jmp; mov of 8 bytes, by its eight registers.
local BRANCH <const>, LOAD <const> = "()[\xe8\xe9]()", "()[\x48\x4c]\x8b[\x05\x0d\x15\x1d%\x25%\x2d\x35\x3d]()"

-- What can be read of BYTES at ADDR, in pieces that lie behind each other.
local function pieces(k, addr, bytes)
  local at, stop = addr, addr + bytes
  return function()
    while at < stop do
      local here, n = at, math.min(CHUNK, stop - at)
      local piece = k:read(here, n)
      at = here + n
      if piece then return here, piece end
    end
  end
end

-- Code is read as a whole where it can be, as instructions lie across pieces.
local function code(k, addr, bytes)
  local whole = bytes > 0 and k:read(addr, bytes)
  if not whole then return pieces(k, addr, bytes) end
  return function()
    local text = whole
    whole = nil
    if text then return addr, text end
  end
end

-- Where the kernel's own variables lie (asm-generic/vmlinux.lds.h): what lies between has been freed, and is anyone's memory.
local DATA <const> = {{"__start_ro_after_init", "__end_ro_after_init"}, {"_sdata", "_edata"}, {"__bss_start", "__bss_stop"}}

--- The parts of the kernel: itself and its modules.
-- @param k an open handle
-- @treturn {table,...} module (name; nil: the kernel itself), text ({addr=, bytes=}) and data ({{addr=, bytes=},...}: of a module its
--  memory but for its code)
-- @raise kvm.Error `notfound`
-- @usage assert(#kvm.linux.xref.parts(k) >= 1)
function M.parts(k)
  local text, own_data = kallsyms.address(k, "_text"), {}
  for i, range in ipairs(DATA) do
    local first = kallsyms.address(k, range[1])
    own_data[i] = {addr = first, bytes = kallsyms.address(k, range[2]) - first}
  end
  local out = {{text = {addr = text, bytes = kallsyms.address(k, "_etext") - text}, data = own_data}}
  for m in k:modules() do
    local base, bytes = module.text(k, m.addr)
    local part = {module = m.name, text = {addr = base, bytes = bytes}, data = {}}
    for _, own in ipairs(module.memory(k, m.addr)) do
      local from = own.addr == base and bytes or 0 -- before 6.4 data lie behind the code
      if own.bytes > from then part.data[#part.data + 1] = {addr = own.addr + from, bytes = own.bytes - from} end
    end
    out[#out + 1] = part
  end
  return out
end

--- The words of a part's data that are a value.
-- @param k an open handle
-- @tparam table part one of parts
-- @tparam integer value
-- @treturn {integer,...} their addresses, in order
-- @raise kvm.Error
-- @usage for _, part in ipairs(kvm.linux.xref.parts(k)) do
-- for _, at in ipairs(kvm.linux.xref.words(k, part, k:symbol("linux_banner").value)) do assert(at & 7 == 0) end end
function M.words(k, part, value)
  local out, wanted = {}, ("<i8"):pack(value)
  for _, data in ipairs(part.data) do
    for base, piece in pieces(k, data.addr, data.bytes) do
      local at = piece:find(wanted, 1, true)
      while at do
        if base + at - 1 & 7 == 0 then out[#out + 1] = base + at - 1 end
        at = piece:find(wanted, at + 1, true)
      end
    end
  end
  return out
end

--- All words of a part's data.
-- @param k an open handle
-- @tparam table part one of parts
-- @treturn function an iterator of address and value; memory that is not in the dump is left out
-- @raise kvm.Error
-- @usage for at, value in kvm.linux.xref.for_each_word(k, kvm.linux.xref.parts(k)[1]) do assert(at & 7 == 0 and value) break end
function M.for_each_word(k, part)
  return coroutine.wrap(function()
    for _, data in ipairs(part.data) do
      local skew = -data.addr & 7
      for base, piece in pieces(k, data.addr + skew, data.bytes - skew) do
        for at = 1, #piece - 7, 8 do coroutine.yield(base + at - 1, (string.unpack("<i8", piece, at))) end
      end
    end
  end)
end

--- The places of a part's code that refer to addresses.
-- @param k an open handle
-- @tparam table part one of parts
-- @tparam table targets by address: anything but false
-- @treturn {table,...} addr (of the instruction), target, kind ("branch": a call or jump; "load"), in no order
-- @raise kvm.Error `unsupported` on other machines than x86-64
-- @usage local panic = k:symbol "panic" local part = kvm.linux.xref.parts(k)[1]
-- for _, r in ipairs(panic and kvm.linux.xref.references(k, part, {[panic.value] = true}) or {}) do assert(r.kind == "branch") end
function M.references(k, part, targets)
  if k:info().arch ~= "x86_64" then kvm_error.fail("unsupported", "code of %s", k:info().arch) end
  local out, unpack = {}, string.unpack
  for base, text in code(k, part.text.addr, part.text.bytes) do
    for kind, pattern in pairs {branch = BRANCH, load = LOAD} do
      for from, at in text:gmatch(pattern) do
        local target = at + 3 <= #text and base + at + 3 + unpack("<i4", text, at)
        if target and targets[target] then out[#out + 1] = {addr = base + from - 1, target = target, kind = kind} end
      end
    end
  end
  return out
end

--- The functions of a part that call others.
-- @param k an open handle
-- @tparam table part one of parts
-- @tparam {string,...} names of functions; those that the kernel lacks are passed over
-- @treturn {table,...} name (of the caller), module (nil: the kernel itself), addr (of its first call), callee; by address
-- @raise kvm.Error as references
-- @usage for _, f in ipairs(kvm.linux.xref.callers(k, kvm.linux.xref.parts(k)[1], {"panic"})) do assert(f.callee == "panic") end
function M.callers(k, part, names)
  local targets, seen, out = {}, {}, {}
  for _, name in ipairs(names) do
    local symbol = k:symbol(name)
    if symbol then targets[symbol.value] = name end
  end
  local found = M.references(k, part, targets)
  table.sort(found, function(a, b) return math.ult(a.addr, b.addr) end)
  for _, r in ipairs(found) do
    local symbol = r.kind == "branch" and k:symbol(r.addr)
    if symbol and not seen[symbol.value] then
      seen[symbol.value] = true
      out[#out + 1] = {name = symbol.name, module = part.module, addr = r.addr, callee = targets[r.target]}
    end
  end
  return out
end

return M
