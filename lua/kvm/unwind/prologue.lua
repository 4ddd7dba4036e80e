-- SPDX-License-Identifier: BSD-2-Clause
-- Functions that the kernel exempts from its unwind tables (STACK_FRAME_NON_STANDARD: __crash_kexec, which is in each panic's stack, is
-- one): their first instructions tell how much of the stack they take. Only what gcc and clang begin functions with is understood, and
-- the result holds only if the call before the return address so found is a call of this very function.
local M = {}

local WORD <const> = 8
local LONGEST <const> = 64 -- bytes that are looked at
local CALL <const> = 0xe8

-- Instructions that leave the stack as it is, longest forms first: endbr64, the nops of the kernel's tracer and aligner (asm/nops.h),
-- constants into registers, registers into registers.
local HARMLESS = {
  "^\xf3\x0f\x1e\xfa", "^\x0f\x1f\x44\x00.", "^\x0f\x1f\x40.", "^\x0f\x1f\x00", "^\x66\x0f\x1f\x44\x00.", "^\x66\x0f\x1f\x00",
  "^\x66\x66\x66\x66\x90", "^\x66\x90", "^\x90", "^\xe8....", "^\x41?[\xb8-\xbf]....", "^\x48\xc7[\xc0-\xc7]....",
  "^[\x41\x44\x45\x48\x49\x4c\x4d]?[\x31\x33\x89\x8b][\xc0-\xe3\xe5-\xff]",
}

local PUSHED = {[0] = "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"}

-- One instruction at a position of the code: how far it goes; what it pushes, or how much it takes, at once.
local function instruction(code, at)
  local _, stop, low = code:find("^\x48\x83\xec(.)", at)
  if stop then return stop, nil, low:byte() end
  _, stop, low = code:find("^\x48\x81\xec(....)", at)
  if stop then return stop, nil, (("<i4"):unpack(low)) end
  _, stop, low = code:find("^\x41([\x50-\x57])", at)
  if stop then return stop, "r" .. (low:byte() - 0x50 + 8) end
  _, stop, low = code:find("^([\x50-\x57])", at)
  if stop then return stop, PUSHED[low:byte() - 0x50] end
  for _, pattern in ipairs(HARMLESS) do
    _, stop = code:find(pattern, at)
    if stop then return stop end
  end
  return nil
end

-- Bytes between the stack pointer behind the prologue and the return address, and where in them rbp is; nil where the code begins
-- otherwise.
local function frame_size(code, behind)
  local at, pushed, rbp = 1, 0, nil
  while at <= behind do
    local stop, register, taken = instruction(code, at)
    if not stop then return nil end
    if taken then return pushed + taken, rbp and pushed + taken - rbp end
    if register then
      pushed = pushed + WORD
      if register == "rbp" then rbp = pushed end
    end
    at = stop + 1
  end
  return nil
end

--- The registers of the caller.
-- @param k an open handle
-- @tparam integer start address of the function
-- @tparam table regs of the frame: rip behind the function's first instructions, rsp, rbp
-- @treturn table rip, rsp, rbp; nil where the function does not begin as compilers begin them, or the call is not one of it
-- @raise kvm.Error `fault`, `excluded`
-- @usage local at = k:symbol("linux_banner").value
-- assert(kvm.unwind.prologue.step(k, at, {rip = at, rsp = at, rbp = 0}) == nil)
function M.step(k, start, regs)
  local code = k:read(start, LONGEST)
  local size, rbp = frame_size(code or "", math.min(LONGEST, regs.rip - start))
  if not size then return nil end
  local slot = regs.rsp + size
  local rip = k:u64(slot)
  local call = k:read(rip - 5, 5)
  if not call or call:byte() ~= CALL or rip + ("<i4"):unpack(call, 2) ~= start then return nil end
  return {rip = rip, rsp = slot + WORD, rbp = rbp and k:u64(regs.rsp + rbp) or regs.rbp}
end

return M
