-- SPDX-License-Identifier: BSD-2-Clause
-- Kernels that no note tells of are found in memory, in each way, and answer as with their note; what can't be told apart,
-- and what is not there, is refused in one line. VMCOREINFO from a file.
local elfcore = require "spec.support.build.elfcore"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local linux = require "spec.support.build.linux"
local whole = require "spec.synthetic.whole"

local function built(release, levels, more)
  local opts = {release = release, levels = levels}
  for key, value in pairs(more or {}) do opts[key] = value end
  return linux.build(opts)
end

-- The physical address of the top table.
local function root(kernel) return kernel:pa(kernel.symbols.init_top_pgt) end

local function notes(kernel, registers)
  local list = {table.unpack(kernel.notes)}
  list[#list + 1] = elfcore.qemu_note(registers)
  return list
end

local function cpu(kernel, cr3)
  return notes(kernel, {cr3 = cr3 or root(kernel), cr4 = kernel.levels == 5 and 1 << 12 or 0})
end

local function answers(kernel, k, from, found)
  local info = k:info()
  assert.are.equal(from, info.vmcoreinfo_from)
  assert.matches(found, info.found)
  assert.are.same({kernel.name, kernel.kaslr, kernel.phys_base, "x86_64"},
    {info.release, from == "search" and kernel.kaslr or info.kaslr_offset, info.phys_base, info.arch})
  whole.tasks(kernel, k)
end

describe("a kernel without a note", function()
  harness.guard()

  for _, release in ipairs(linux.releases) do
    for _, levels in ipairs {4, 5} do
      local name = ("of %s with %d levels is found by "):format(release, levels)

      it(name .. "its VMCOREINFO in memory", function()
        local kernel = built(release, levels)
        local k = harness.open(harness.temp(kernel:elf {vmcoreinfo = false}))
        answers(kernel, k, "memory", "^VMCOREINFO in memory at 0x%x+$")
        assert.are.equal(kernel.vmcoreinfo:match "OSRELEASE=([^\n]+)", k:info().vmcoreinfo.OSRELEASE)
      end)

      it(name .. "a CPU's page tables", function()
        local kernel = built(release, levels, {no_info_page = true})
        local k = harness.open(harness.temp(kernel:elf {vmcoreinfo = false, notes = cpu(kernel), qemu = true}))
        answers(kernel, k, "search", "^CR3 of CPU 0; kallsyms$")
      end)

      it(name .. "the shape of its page tables", function()
        local kernel = built(release, levels, {no_info_page = true})
        local k = harness.open(harness.temp(kernel:elf {vmcoreinfo = false}))
        answers(kernel, k, "search", "^page tables at 0x%x+; kallsyms$")
        assert.are.equal(kernel.name, k:info().vmcoreinfo.OSRELEASE)
      end)
    end
  end

  it("has the VMCOREINFO that kallsyms leads to", function()
    local kernel = built("6.12", 4)
    local k = harness.open(harness.temp(kernel:elf {vmcoreinfo = false, notes = cpu(kernel), qemu = true}))
    answers(kernel, k, "memory", "^CR3 of CPU 0; kallsyms; VMCOREINFO in memory at 0x%x+$")
  end)

  it("is found in a kdump that does not name its machine", function()
    local kernel = built("6.1", 4)
    local k = harness.open(harness.temp(kernel:kdump {vmcoreinfo = false, notes = {}, utsname = {}}))
    answers(kernel, k, "memory", "^VMCOREINFO in memory")
    assert.are.equal(8, k:info().pointer_size)
  end)

  it("is searched for where the CPU has other page tables, of a user's half or of nothing", function()
    local kernel = built("6.1", 4, {no_info_page = true})
    for _, cr3 in ipairs {0, 0x100000, 1 << 51, -1} do
      local k = harness.open(harness.temp(kernel:elf {vmcoreinfo = false, notes = cpu(kernel, cr3), qemu = true}))
      answers(kernel, k, "search", "^page tables at")
    end
    if root(kernel) & 0x1000 == 0 then
      local k = harness.open(harness.temp(kernel:elf {vmcoreinfo = false, notes = cpu(kernel, root(kernel) | 0x1003)}))
      answers(kernel, k, "search", "^CR3 of CPU 0")
    end
  end)

  it("is not found where there is none", function()
    local kernel = built("6.1", 4, {no_info_page = true})
    kernel.memory:write(kernel:pa(kernel.symbols.linux_banner), "LINUX")
    local k, message, code = kvm.open(harness.temp(kernel:elf {vmcoreinfo = false}))
    assert.is_nil(k)
    assert.are.equal("unsupported", code)
    assert.matches("no VMCOREINFO in its notes: no kernel was found in its memory; the best try: linux_banner does not begin as one",
      message, 1, true)
  end)

  it("is refused where its page tables do not map it", function()
    for _, symbol in ipairs {"init_top_pgt", "swapper_pg_dir"} do
      local kernel = built("6.1", 4)
      kernel.memory:write(kernel:pa(kernel.symbols[symbol]) + 511 * 8, ("\0"):rep(8))
      local k, _, code = kvm.open(harness.temp(kernel:elf {vmcoreinfo = false}))
      assert.is_nil(k)
      assert.are.equal("unsupported", code)
    end
  end)

  it("is one of two: refused, or the one that a CPU ran", function()
    local kernel = built("6.1", 4)
    local other = built("6.12", 4, {phys_base = 0x2000000 - 0xb000000})
    -- The other's image and page, beside the first's.
    local from = other:pa(other.text)
    for pa = from, from + 0x1ff000, 4096 do
      local page = other.memory:read(pa, 4096)
      if page then kernel.memory:write(pa, page) end
    end
    kernel.memory:write(0x3000000, other.vmcoreinfo .. ("\0"):rep(4096 - #other.vmcoreinfo))
    assert.are_not.equal(kernel:pa(kernel.text), from)
    local k, message, code = kvm.open(harness.temp(kernel:elf {vmcoreinfo = false}))
    assert.is_nil(k)
    assert.are.equal("unsupported", code)
    assert.matches("two kernels were found in its memory, Linux 6.%d+.%d+%-built .* and Linux 6.%d+.%d+%-built", message)
    k = harness.open(harness.temp(kernel:elf {vmcoreinfo = false, notes = cpu(kernel), qemu = true}))
    answers(kernel, k, "memory", "^CR3 of CPU 0")
  end)

  it("tells its progress, and can be interrupted", function()
    local kernel = built("6.1", 4)
    for pa = 0x10000000, 0x13000000, 0x100000 do kernel.memory:write(pa, ("x"):rep(0x100000)) end
    local core, calls = harness.temp(kernel:elf {vmcoreinfo = false}), {}
    harness.open {core = core, progress = function(what, done) calls[#calls + 1] = {what, done} end}
    assert.is_true(#calls >= 2)
    assert.are.equal("searching", calls[1][1])
    local k, message = kvm.open {core = core, progress = function() return false end}
    assert.is_nil(k)
    assert.matches("interrupted while searching", message, 1, true)
  end)
end)

describe("VMCOREINFO from a file", function()
  harness.guard()

  it("stands for the note", function()
    local kernel = built("6.1", 4)
    local lines = harness.temp(kernel.vmcoreinfo)
    for _, note in ipairs {false, "OSRELEASE=9\n"} do
      local k = harness.open {core = harness.temp(kernel:elf {vmcoreinfo = note}), vmcoreinfo = lines}
      assert.are.same({"file", kernel.name}, {k:info().vmcoreinfo_from, k:info().release})
      assert.is_nil(k:info().found)
      whole.tasks(kernel, k)
    end
  end)

  it("is refused when it is of another kernel, or no such text", function()
    local kernel = built("6.1", 4)
    local core = harness.temp(kernel:elf())
    for text, want in pairs {
      [built("6.12", 4).vmcoreinfo] = "VMCOREINFO is of Linux 6.12.117-built, but the kernel",
      [kernel.vmcoreinfo:gsub("phys_base%)=%S+", "phys_base)=0")] = "page table",
      [""] = "a file of 0 bytes", ["PAGESIZE=4096\n"] = "it has no OSRELEASE line", ["\127ELF"] = "byte 0x7f at 0",
      ["OSRELEASE=1\n\27"] = "byte 0x1b at 12", ["OSRELEASE=6.1\n"] = "VMCOREINFO has no PAGESIZE",
    } do
      local k, message = kvm.open {core = core, vmcoreinfo = harness.temp(text)}
      assert.is_nil(k)
      assert.matches(want, message, 1, true)
    end
    local k, message, code = kvm.open {core = core, vmcoreinfo = harness.temp(false)}
    assert.is_nil(k)
    assert.are.equal("io", code)
    assert.matches("VMCOREINFO: ", message, 1, true)
  end)
end)

describe("registers of QEMU's CPU state", function()
  harness.guard()

  it("add to NT_PRSTATUS, or stand alone", function()
    local kernel = built("6.1", 4)
    local registers = {cr3 = root(kernel) | 3, cr4 = 0x6b0, cr0 = 0x80050033, cr2 = 0x1234, rip = 77, kernel_gs_base = 5}
    local k = harness.open(harness.temp(kernel:elf {notes = notes(kernel, registers)}))
    local regs = k:registers(0)
    assert.are.same({root(kernel) | 3, 0x6b0, 0x80050033, 0x1234, 5, kernel.symbols.schedule + 1},
      {regs.cr3, regs.cr4, regs.cr0, regs.cr2, regs.kernel_gs_base, regs.rip})
    assert.is_nil(k:registers(1).cr3)
    k = harness.open(harness.temp(kernel:elf {notes = {elfcore.qemu_note(registers)}}))
    regs = k:registers(0)
    assert.are.same({77, 16, 0x6b0}, {regs.rip, regs.cs, regs.cr4})
    assert.are.same({nil, "notfound"}, {k:registers(1), (select(3, k:registers(1)))})
  end)

  it("end where an older or a shorter note does", function()
    local kernel = built("6.1", 4)
    for size, want in pairs {[432] = true, [431] = false, [4] = false, [0] = false} do
      local k = harness.open(harness.temp(kernel:elf {notes = {elfcore.qemu_note {size = size, cr3 = 1, kernel_gs_base = 9}}}))
      local regs = k:registers(0)
      assert.are.equal(want, regs ~= nil)
      if regs then assert.are.same({1, nil}, {regs.cr3, regs.kernel_gs_base}) end
    end
  end)
end)
