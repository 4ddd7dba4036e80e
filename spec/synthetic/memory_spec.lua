-- SPDX-License-Identifier: BSD-2-Clause
-- The same kernel as raw memory, in LiME and AVML files and in migration streams, none of which says anything about it:
-- it is found in memory, and answers as its ELF dump does.
local harness = require "spec.support.harness"
local kvm = require "kvm"
local lime = require "spec.support.build.lime"
local linux = require "spec.support.build.linux"
local migration = require "spec.support.build.migration"
local Memory = require "spec.support.build.memory"

local kernel = linux.build {release = "6.1"}
local MB <const> = 1 << 20

local function names(k)
  local out = {}
  for p in k:procs() do out[#out + 1] = ("%d %s"):format(p.pid, p.comm) end
  return out
end

local FORMS = {
  {"LiME", "LiME", lime.lime},
  {"AVML", "AVML, snappy", lime.avml},
  {"AVML of small chunks", "AVML, snappy", function(m) return lime.avml(m, {chunk = 5000}) end},
  {"AVML, stored", "AVML, snappy", function(m) return lime.avml(m, {stored = true}) end},
  {"raw memory", "raw physical memory", function(m)
    local bytes = lime.raw(m)
    return bytes .. ("\0"):rep(-#bytes % 4096 + MB)
  end},
  {"a migration stream", "QEMU migration stream, pc-i440fx-7.2", migration.of_memory},
  {"pages sent twice", "QEMU migration stream, pc-q35-9.1", function(m)
    return migration.of_memory(m, {twice = true, machine = "pc-q35-9.1"})
  end},
  {"virsh save", "QEMU migration stream, pc-i440fx-7.2; libvirt save", function(m)
    return migration.libvirt(migration.of_memory(m))
  end},
}

describe("physical memory alone", function()
  harness.guard()

  for _, form in ipairs(FORMS) do
    it("as " .. form[1] .. " gives the same answers, and the same pages", function()
      local elf = harness.open(harness.temp(kernel:elf()))
      local k = harness.open(harness.temp(form[3](kernel.memory)))
      local info = k:info()
      assert.are.same({form[2], false, kernel.name, "memory"}, {info.format, info.incomplete, info.release, info.vmcoreinfo_from})
      assert.are.same(names(elf), names(k))
      for _, pfn in ipairs(kernel.memory:pfns()) do
        if k:read(pfn * 4096, 4096, "physical") ~= kernel.memory.pages[pfn] then error(("page 0x%x"):format(pfn)) end
      end
    end)
  end

  it("in several files is put together, in any order", function()
    local runs, parts = kernel.memory:runs(), {}
    for _, run in ipairs(runs) do table.insert(parts, 1, ("%s@0x%x"):format(harness.temp(run.bytes), run.pa)) end
    for _, core in ipairs {table.concat(parts, ","), parts} do
      local k = harness.open {core = core}
      assert.are.same(names(harness.open(harness.temp(kernel:elf()))), names(k))
      local last = runs[#runs]
      assert.are.equal("fault", (select(3, k:read(last.pa + #last.bytes, 1, "physical"))))
    end
  end)

  it("is refused where its pieces do not fit together", function()
    local a = harness.temp(("a"):rep(MB))
    for core, text in pairs {
      [a .. "@0," .. a .. "@4096"] = "are memory at the same addresses",
      [a .. "@0xfffffffffffff000"] = "no machine has memory at 0xfffffffffffff000",
    } do
      local k, message = kvm.open(core)
      assert.is_nil(k)
      assert.is_true(message:find(text, 1, true) ~= nil, message)
    end
  end)

  it("without a kernel is no dump, and told in one line", function()
    local k, message, code = kvm.open(harness.temp(("\1\2\3\xff"):rep(MB // 2)))
    assert.are.same({nil, "format"}, {k, code})
    assert.matches("not a dump: unknown format, begins with 01 02 03 ff .* and no kernel was found in it as raw memory", message)
    assert.matches("not a dump: text$", (select(2, kvm.open(harness.temp(("text "):rep(MB))))))
  end)
end)

describe("damaged memory files", function()
  harness.guard()
  local small = Memory.new()
  for pfn = 16, 40 do small:write(pfn * 4096, ("page %d "):format(pfn):rep(500)) end

  local function opens(bytes) return kvm.open(harness.temp(bytes)) end

  it("are damage or incomplete, never a crash, cut off anywhere", function()
    for _, bytes in ipairs {lime.lime(small), lime.avml(small, {chunk = 9000}), migration.of_memory(small)} do
      for len = 0, 120 do opens(bytes:sub(1, len)) end
      for len = 121, #bytes, 997 do
        local k, _, code = opens(bytes:sub(1, len))
        assert.is_nil(k) -- there is no kernel in it
        assert.is_true(code == "unsupported" or code == "format", code)
      end
    end
  end)

  it("are told what is wrong with them", function()
    local good = lime.lime(small)
    local stream = migration.of_memory(small)
    for text, bytes in pairs {
      ["LiME: version 7; 1 is known"] = good:sub(1, 4) .. "\7" .. good:sub(6),
      ["LiME: no header of a range at byte"] = good .. ("x"):rep(32),
      ["AVML: version 1; 2 is known"] = (lime.avml(small):gsub("^(AVML)\2", "%1\1")),
      ["compressed pages in the stream"] = migration.of_memory(small, {extra = 0x100}),
      ["multifd in the stream"] = migration.of_memory(small, {extra = 0x200}),
      ["where machine \"virt-9.0\" has its memory is not known"] = migration.of_memory(small, {machine = "virt-9.0"}),
      ["version 9; 3 is known"] = stream:sub(1, 7) .. "\9" .. stream:sub(9),
      ["libvirt save: version 5"] = (migration.libvirt(stream):gsub("^(LibvirtQemudSave)\2", "%1\5")),
    } do
      local k, message = opens(bytes)
      assert.is_nil(k)
      assert.is_true(message:find(text, 1, true) ~= nil, message)
    end
  end)
end)
