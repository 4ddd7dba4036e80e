-- SPDX-License-Identifier: BSD-2-Clause
-- Kernel code as instructions, by Capstone (the module kvm.capstone): the code that the image has, with what the kernel has patched into
-- it, and what each instruction refers to by name.
local kvm_error = require "kvm.error"

local M = {}

local LONGEST <const> = 15 -- bytes of an instruction
local CHUNK <const> = 4096
local MOST <const> = 1 << 20 -- bytes of a function: no kernel has one of a megabyte

local function capstone()
  local ok, found = pcall(require, "kvm.capstone")
  if ok then return found end
  kvm_error.fail("unsupported", "there is no module kvm.capstone: it is built where Debian's libcapstone-dev is (WITH_CAPSTONE=1)")
end

--- What a place in the kernel is called.
-- @param k an open handle
-- @tparam integer addr
-- @treturn string "schedule+0x10", "hook [lab]"; nil where no symbol is near
-- @usage assert(require "kvm.disassembler".name(k, k:symbol("schedule").value) == "schedule")
function M.name(k, addr)
  local symbol, offset = k:symbol(addr)
  if not symbol then return nil end
  local text = offset == 0 and symbol.name or ("%s+0x%x"):format(symbol.name, offset)
  return symbol.module and ("%s [%s]"):format(text, symbol.module) or text
end

--- Where the function that an address lies in begins and ends: at the next symbol, so that what fills up the space between is with it.
-- @param k an open handle
-- @tparam integer addr
-- @treturn integer address of its first byte
-- @treturn integer address behind its last
-- @raise kvm.Error `notfound`: no symbol tells
-- @usage local first, last = require "kvm.disassembler".bounds(k, k:symbol("schedule").value + 1)
-- assert(first == k:symbol("schedule").value and first < last)
function M.bounds(k, addr)
  local symbol = kvm_error.check(k:symbol(addr))
  local first = symbol.value
  if symbol.size > 0 then return first, first + symbol.size end
  -- Symbols are not in order of their addresses: the end is where another one begins.
  local low, high = addr, first + MOST
  local beyond = k:symbol(high)
  if beyond and beyond.value == first then kvm_error.fail("notfound", "no symbol tells where %s ends", symbol.name) end
  while high - low > 1 do
    local middle = low + (high - low) // 2
    local there = k:symbol(middle)
    if there and there.value == first then low = middle else high = middle end
  end
  return first, high
end

local function decode(k, bytes, addr, opts)
  local list, message = capstone().disassemble(k:info().arch, bytes, addr, opts.intel)
  return list or kvm_error.fail("unsupported", "%s", message)
end

--- The instructions from an address on. The address must be that of one: none can be found going back.
-- @param k an open handle
-- @tparam integer first address
-- @tparam table opts last (address behind the last byte to look at), count (how many at most), intel (boolean: Intel's syntax)
-- @treturn function an iterator of tables: addr, bytes (string), text (mnemonic and operands), target (the address that it jumps to or
-- calls, or that it uses relative to itself; nil: none)
-- @raise kvm.Error `fault`, `excluded` when it comes to code that is not in the image; `unsupported`: without Capstone, on other machines
-- @usage for i in require "kvm.disassembler".instructions(k, k:symbol("schedule").value, {count = 1}) do assert(#i.bytes > 0) end
function M.instructions(k, first, opts)
  return coroutine.wrap(function()
    local at, count, last = first, 0, opts.last or first + MOST
    while math.ult(at, last) do
      local want = math.min(CHUNK - at % CHUNK, last - at)
      local bytes = kvm_error.check(k:read(at, want)) .. (k:read(at + want, LONGEST) or "") -- the last one may go on behind
      local list, start = decode(k, bytes, at, opts), at
      for _, i in ipairs(list) do
        if not math.ult(i.addr, start + want) or count == opts.count then break end
        count = count + 1
        local operands = i.operands ~= "" and " " .. i.operands or ""
        coroutine.yield {addr = i.addr, bytes = bytes:sub(i.addr - start + 1, i.addr - start + i.size), text = i.mnemonic .. operands,
          target = i.target or i.memory}
        at = i.addr + i.size
      end
      if count == opts.count then return end
      if at == start or math.ult(at, start + want) then
        return kvm_error.fail("fault", "the instruction at 0x%x is cut off", at)
      end
    end
  end)
end

return M
