-- SPDX-License-Identifier: BSD-2-Clause
-- asm/pgtable_types.h: page table entries of x86-64: what they map, the flags of it. Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves
-- out memory encryption, whose bit is part of the address here.
local kvm_error = require "kvm.error"

local M = {}

local PRESENT <const>, PSE <const>, GLOBAL <const> = 0x1, 0x80, 0x100 -- PSE: above the last level
local FRAME <const> = 0x000ffffffffff000 -- PTE_PFN_MASK with 52 bits of physical addresses
local PAT_LARGE <const> = 0x1000
-- _PAGE_BIT_*
local FLAGS <const> = {{0, "present"}, {1, "rw"}, {2, "user"}, {3, "pwt"}, {4, "pcd"}, {5, "accessed"}, {6, "dirty"}, {7, "pse"},
  {8, "global"}, {63, "nx"}}

local function check_machine(k)
  if k:info().arch ~= "x86_64" then kvm_error.fail("unsupported", "page table entries of %s", k:info().arch) end
end

--- The flags of an entry.
-- @param k an open handle
-- @tparam integer entry
-- @tparam[opt] integer bytes of the page that it maps; of one of the smallest size bit 7 is no pse
-- @treturn {string,...} as _PAGE_BIT_* names them, in the order of their bits; global of one that is not present is protnone
-- @raise kvm.Error `unsupported` on other machines than x86-64
-- @usage assert(table.concat(kvm.linux.pgtable_types.flags(k, 0x8000000000000063), " ") == "present rw accessed dirty nx")
function M.flags(k, entry, bytes)
  check_machine(k)
  local out = {}
  for _, flag in ipairs(FLAGS) do
    if entry >> flag[1] & 1 == 1 and not (flag[2] == "pse" and bytes == k:page_size()) then
      out[#out + 1] = flag[2] == "global" and entry & PRESENT == 0 and "protnone" or flag[2]
    end
  end
  return out
end

--- Whether an entry maps something: also one of which accesses are caught (PROT_NONE), which has global in place of present.
-- @param k an open handle
-- @tparam integer entry
-- @treturn boolean
-- @raise kvm.Error `unsupported` on other machines than x86-64
-- @usage assert(kvm.linux.pgtable_types.present(k, 0x63) and not kvm.linux.pgtable_types.present(k, 0))
function M.present(k, entry)
  check_machine(k)
  return entry & (PRESENT | GLOBAL) ~= 0
end

--- The physical address that an entry leads to.
-- @param k an open handle
-- @tparam integer entry that is present
-- @treturn integer address of the page, or of the next table. An entry that is not present for its PROT_NONE has it inverted
-- @raise kvm.Error `unsupported` on other machines than x86-64
-- @usage assert(kvm.linux.pgtable_types.physical(k, 0x8000000012345063) == 0x12345000)
function M.physical(k, entry)
  check_machine(k)
  if entry & PRESENT == 0 then entry = ~entry end -- __pte_needs_invert, since 4.18
  local addr = entry & FRAME
  return entry & PSE ~= 0 and addr & PAT_LARGE ~= 0 and addr & 0x1fffff == PAT_LARGE and addr & ~PAT_LARGE or addr
end

return M
