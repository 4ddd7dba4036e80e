-- SPDX-License-Identifier: BSD-2-Clause
local badargs = require "spec.support.badargs"
local compile = require "spec.support.compile"
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"

-- The stack of a function in assembler, as its directives tell.
local SOURCE <const> = [[
__asm__(".globl pushes, ends, odd, behind\n"
  "pushes: .cfi_startproc\n"
  "push %rbx\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset rbx, 0\n"
  "push %rbp\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset rbp, 0\n"
  "mov %rsp, %rbp\n .cfi_def_cfa_register rbp\n"
  "nop\n .cfi_undefined r12\n nop\n"
  "ret\n .cfi_endproc\n"
  "ends: .cfi_startproc\n .cfi_undefined rip\n .cfi_signal_frame\n nop\n .cfi_endproc\n"
  // CFA: what is at rbp - 8; rbx: an expression that nobody writes
  "odd: .cfi_startproc\n .cfi_escape 0x0f,3,0x76,0x78,0x06\n .cfi_escape 0x10,3,3,0x31,0x32,0x22\n nop\n .cfi_endproc\n"
  "behind: nop\n");
int other(int v) { return v + 1; }
]]

describe("call frame information", function()
  harness.guard()

  local function open(source, flags)
    local elf = compile.elf(source, "-Wl,--build-id=none " .. (flags or ""))
    return harness.open{core = harness.temp(linux.build():elf()), namelist = elf}
  end

  for name, flags in pairs{[".eh_frame"] = "-fasynchronous-unwind-tables", [".debug_frame"] = "-fno-asynchronous-unwind-tables"} do
    it("is told of each instruction, by " .. name, function()
      local k = open((name == ".debug_frame" and '__asm__(".cfi_sections .debug_frame");\n' or "") .. SOURCE, flags)
      local at = k:symbol "pushes".value
      local first, second, third = assert(k:cfi(at)), assert(k:cfi(at + 1)), assert(k:cfi(at + 5))
      assert.are.same({base = "rsp", offset = 8, memory = false}, first.cfa)
      assert.are.same({base = "cfa", offset = -8, memory = true}, first.registers.rip)
      assert.are.same({base = "rbx", offset = 0, memory = false}, first.registers.rbx)
      assert.are.same({base = "cfa", offset = 0, memory = false}, first.registers.rsp)
      assert.is_nil(first.registers.rax) -- any function may change it
      assert.is_false(first.interrupted)
      assert.are.same({base = "rsp", offset = 16, memory = false}, second.cfa)
      assert.are.same({base = "cfa", offset = -16, memory = true}, second.registers.rbx)
      assert.are.same({base = "rbp", offset = 24, memory = false}, third.cfa)
      assert.are.same({base = "cfa", offset = -24, memory = true}, third.registers.rbp)
      assert.is_table(third.registers.r12)
      assert.is_nil(assert(k:cfi(at + 6)).registers.r12)

      local ends = assert(k:cfi(k:symbol "ends".value))
      assert.is_nil(ends.registers.rip)
      assert.is_true(ends.interrupted)
      local odd = assert(k:cfi(k:symbol "odd".value))
      assert.are.same({base = "rbp", offset = -8, memory = true}, odd.cfa)
      assert.is_nil(odd.registers.rbx)
      assert.are.equal("notfound", (select(3, k:cfi(k:symbol "behind".value))))
    end)
  end

  it("is notfound where no code is, and without a debug file", function()
    local k = open(SOURCE)
    for _, addr in ipairs{0, 1, -1, k:symbol "init_uts_ns".value} do
      assert.are.equal("notfound", (select(3, k:cfi(addr))))
    end
    local bare = harness.open{core = harness.temp(linux.build():elf()), debug_dir = "/nonexistent"}
    local row, message, code = bare:cfi(bare:symbol "schedule".value)
    assert.are.same({nil, "notfound"}, {row, code})
    assert.matches("no debug file with build id", message, 1, true)
  end)

  it("does not fall over what is damaged", function()
    local elf = compile.elf(SOURCE, "-Wl,--build-id=none -fasynchronous-unwind-tables")
    local f <close> = assert(io.open(elf, "rb"))
    local bytes = f:read "a"
    local at, core = assert(bytes:find("zR\0", 1, true)), harness.temp(linux.build():elf())
    math.randomseed(7)
    local rows, refused = 0, 0
    for _ = 1, 200 do
      local where = at + math.random(-9, 120)
      local path = harness.temp(bytes:sub(1, where - 1) .. string.char(math.random(0, 255)) .. bytes:sub(where + 1))
      local k <close> = harness.open{core = core, namelist = path}
      for _, name in ipairs{"pushes", "ends", "odd", "other"} do
        local row, _, code = k:cfi(k:symbol(name).value)
        if row then rows = rows + 1 else refused = refused + 1 end
        assert.is_true(row ~= nil or code == "notfound")
      end
    end
    assert.is_true(rows > 0 and refused > 0)
  end)

  it("needs an address, and an open handle", function()
    local k = open(SOURCE)
    assert.is_true(badargs.check(k.cfi, "cfi", {k, 1}, {"handle", "integer"}) > 3)
    k:close()
    assert.error_matches(function() k:cfi(1) end, "closed")
  end)
end)
