-- SPDX-License-Identifier: BSD-2-Clause
-- Sizes and alignments of C's basic types by architecture, and how gcc lays out structs there: one row for each. Every row was
-- compared with gcc 12.2 (Debian 12) of that target, of aarch64_be, armeb and ppc64le with -mbig-endian and -mlittle-endian;
-- machines without a row are refused, since a layout is never guessed.
local M = {}

-- Bytes. long, pointer: size and alignment; the others {size, alignment as a member of a struct}. char_signed: plain char.
-- biggest: __BIGGEST_ALIGNMENT__, what `aligned` without a number means. anon_aligns: bit fields without a name align their struct
-- too (AAPCS).
local LP64 = {
  long = 8, pointer = 8, long_long = {8, 8}, double = {8, 8}, long_double = {16, 16}, int128 = {16, 16}, biggest = 16,
}
local ILP32 = {
  long = 4, pointer = 4, long_long = {8, 8}, double = {8, 8}, long_double = {8, 8}, biggest = 8,
}

local function like(base, changes)
  return setmetatable(changes, {__index = base})
end

local s390x = like(LP64, {long_double = {16, 8}, int128 = {16, 8}, biggest = 8})
local arm = like(ILP32, {anon_aligns = true})
local aarch64 = like(LP64, {anon_aligns = true})
local ppc64 = like(LP64, {})

local ABIS = {
  -- compat_u64 and compat_s64 (arch/x86/include/asm/compat.h) have aligned(4), which debug information does not tell
  x86_64 = like(LP64, {char_signed = true, typedefs = {compat_u64 = 4, compat_s64 = 4}}),
  i386 = like(ILP32, {char_signed = true, long_long = {8, 4}, double = {8, 4}, long_double = {12, 4}, biggest = 16}),
  aarch64 = aarch64, aarch64_be = aarch64,
  arm = arm, armeb = arm,
  ppc64 = ppc64, ppc64le = ppc64,
  s390x = s390x,
}

--- How C is laid out for the kernel of a handle.
-- @tparam table info as `k:info()` returns it: `arch`, `pointer_size` (checked against what the architecture has)
-- @treturn[1] table `long`, `pointer` (bytes), `long_long`, `double`, `long_double`, `int128` (lists of size and
-- alignment; nil: no such type), `char_signed`, `biggest`, `anon_aligns`, `typedefs` (alignment by name)
-- @treturn[2] nil
-- @treturn[2] string message
-- @usage assert(require "kvm.cdef.abi".of(k:info()).pointer == 8)
function M.of(info)
  local abi = ABIS[info.arch]
  if not abi then return nil, ("the layout of C on %s is not known"):format(info.arch or "an unknown machine") end
  if info.pointer_size and info.pointer_size ~= abi.pointer then
    return nil, ("pointers of %d bytes on %s"):format(info.pointer_size, info.arch)
  end
  return abi
end

--- The architectures that are known.
-- @treturn {string,...} sorted
-- @usage assert(#require "kvm.cdef.abi".names() > 5)
function M.names()
  local out = {}
  for name in pairs(ABIS) do out[#out + 1] = name end
  table.sort(out)
  return out
end

return M
