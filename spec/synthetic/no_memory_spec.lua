-- SPDX-License-Identifier: BSD-2-Clause
-- /dev/null as a core: a namelist alone, of any machine. It has symbols and types; what is in memory faults.
local harness = require "spec.support.harness"
local btf = require "spec.support.build.btf"
local ctf = require "spec.support.build.ctf"
local command = require "spec.support.command"
local elfcore = require "spec.support.build.elfcore"
local elffile = require "spec.support.build.elffile"
local kvm = require "kvm"

local TEXT <const> = 0x81000000

local function types(t)
  local b = btf.new(t.big)
  local long = b:int("long int", t.class // 8, "signed")
  local char = b:int("char", 1, "char")
  local pointer = b:ptr(4)
  b:struct("pair", 2 * t.class // 8, {{"first", long, 0}, {"next", pointer, t.class}})
  b:array(char, 3, long)
  return b:bytes()
end

-- A namelist: t as elffile.build has it.
local function build(t)
  t.class, t.machine = t.class or 64, t.machine or 62
  local symbols, strings = elffile.symtab(t, {
    {name = "start", value = TEXT + 16, size = 32, section = 1, type = elffile.FUNC},
    {name = "counter", value = TEXT + 0x1000, size = 8, section = 2, local_ = true},
  })
  t.sections = {
    {name = ".text", flags = 6, addr = TEXT, data = ("\x90"):rep(64)},
    {name = ".data", flags = 3, addr = TEXT + 0x1000, data = ("\0"):rep(64)},
    {name = ".notes", type = elffile.NOTE, data = elfcore.notes(t.notes or {}, t.big)},
    {name = ".symtab", type = elffile.SYMTAB, data = symbols, link = 5, entsize = t.class == 32 and 16 or 24},
    {name = ".strtab", type = elffile.STRTAB, data = strings},
    {name = ".BTF", data = types(t)},
  }
  return elffile.build(t)
end

local function open(t, options)
  local how = {core = "/dev/null", namelist = harness.temp(build(t or {}))}
  for key, value in pairs(options or {}) do how[key] = value end
  return harness.open(how), how.namelist
end

local MACHINES = {
  {machine = 62, arch = "x86_64"}, {machine = 3, class = 32, arch = "i386"}, {machine = 40, class = 32, arch = "arm"},
  {machine = 183, arch = "aarch64"}, {machine = 21, big = true, arch = "ppc64"}, {machine = 21, arch = "ppc64le"},
  {machine = 22, big = true, arch = "s390x"}, {machine = 243, arch = "riscv64"}, {machine = 8, class = 32, big = true, arch = "mips"},
  {machine = 60000}, -- a machine without a name
}

describe("a namelist without memory", function()
  harness.guard()

  for _, m in ipairs(MACHINES) do
    it("is of any machine: " .. (m.arch or "one that is not known"), function()
      local k = open {class = m.class, machine = m.machine, big = m.big}
      local word = (m.class or 64) // 8
      assert.are.same({
        arch = m.arch, byte_order = m.big and "big" or "little", pointer_size = word, format = "no memory", path = "/dev/null",
        incomplete = false, vmcoreinfo = {}, types_from = "BTF", symbols_from = "elf",
      }, k:info {full = true})
      assert.are.equal(2 * word, k:type "struct pair":size())
      assert.are.equal(word, k:type "struct pair":field "next".offset)
      assert.are.equal(TEXT + 16, k:symbol "start".value)
    end)
  end

  it("tells the build id, and the system by a note or by the OSABI", function()
    local id = {name = "GNU", type = 3, desc = "\x01\xab"}
    local linux = open({notes = {id, {name = "Linux", type = 256, desc = "6.1\0"}}}):info()
    assert.are.same({"linux", "01ab"}, {linux.os, linux.build_id})
    assert.are.equal("freebsd", open({osabi = 9}):info().os)
    assert.are.equal("freebsd", open({notes = {{name = "FreeBSD", type = 1, desc = "\0\0\0\0"}}}):info().os)
    assert.is_nil(open({notes = {{name = "LinuxX", type = 1, desc = ""}}}):info().os)
  end)

  it("gives symbols where they were linked", function()
    local k = open()
    local found, missing = k:nlist {"counter", "absent"}
    assert.are.equal(TEXT + 0x1000, found.counter.value)
    assert.are.same({"absent"}, missing)
    local symbol, offset = k:symbol(TEXT + 20)
    assert.are.same({"start", 4}, {symbol.name, offset})
    assert.is_nil(k:info().kaslr_offset)
  end)

  it("faults wherever memory is asked for", function()
    local k = open()
    for _, space in ipairs {"virtual", "physical"} do
      local bytes, message, code, addr = k:read(TEXT, 8, space)
      assert.is_nil(bytes)
      assert.matches("no memory: the core is /dev/null", message)
      assert.are.same({"fault", TEXT}, {code, addr})
    end
    assert.are.same({"fault", TEXT}, (function() local _, _, code, addr = k:translate(TEXT) return {code, addr} end)())
    local _, err = kvm.try(k.u64, k, TEXT + 8)
    assert.are.same({"fault", TEXT + 8}, {err.code, err.addr})
    assert.is_nil(k:regions()())
    assert.is_nil(k:regions "physical"())
    assert.is_nil(k:search("start", {from = TEXT, to = TEXT + 0x2000})())
  end)

  it("has no processes and nothing else of a running system", function()
    local k = open()
    local message = "no memory: the core is /dev/null"
    local function refuses(want, _, text, code)
      assert.matches(want, text, 1, true)
      assert.are.equal("unsupported", code)
    end
    refuses(message, k:loadavg())
    refuses(message, k:argv(1))
    refuses(message, k:environ {pid = 1, tid = 1, addr = 8, leader = 8, mm = 8})
    refuses(message, k:read(0, 8, 1))
    for _, method in ipairs {"procs", "modules", "swaps"} do
      local ok, err = pcall(function() for _ in k[method](k) do error "something was found" end end)
      assert.is_false(ok)
      assert.are.equal("unsupported", err.code)
    end
    assert.are.equal("notfound", select(3, k:registers(0)))
  end)

  it("can't be written to", function()
    local k = open({}, {write = true})
    assert.are.equal("fault", select(3, k:write(TEXT, "x")))
    assert.are.equal("fault", select(3, k:write(TEXT, "x", "physical")))
    local _, message, code = kvm.open {core = "/dev/null", namelist = harness.temp(build {}), write = true, overlay = false}
    assert.are.equal("unsupported", code)
    assert.matches("can't be written in place", message)
  end)

  it("has no pages for a slim dump", function()
    local k = open({}, {trace = true})
    local path = harness.temp(false)
    assert.is_nil((k:slim(path)))
    assert.is_nil(io.open(path))
  end)

  it("may be an object file: that has types, but no addresses", function()
    local k = open {type = elffile.REL}
    assert.are.equal(16, k:type "struct pair":size())
    assert.are.equal("notfound", select(3, k:symbol "start"))
    assert.are.equal("notfound", select(3, k:symbol(TEXT + 20)))
    assert.is_nil(k:info {full = true}.symbols_from)
  end)

  it("has types from CTF, as FreeBSD's kernels have", function()
    for _, version in ipairs {2, 3} do
      local t = {class = 64, machine = 62, osabi = 9}
      local c = ctf.new(version)
      local long = c:int("long", 8, "signed")
      c:struct("pair", 16, {{"low", c:int("long", 8, "signed", 5), 0}, {"next", 4, 64}})
      c:ptr(3)
      t.sections = {{name = ".SUNW_ctf", data = c:bytes {compressed = true}}}
      local k = harness.open {core = "/dev/null", namelist = harness.temp(elffile.build(t))}
      assert.are.equal(1, long)
      assert.are.same({"CTF", "freebsd"}, {k:info {full = true}.types_from, k:info().os})
      assert.are.equal(5, k:type "struct pair":field "low".bit_size)
      assert.are.equal("struct pair *", k:type "struct pair":field "next".type:spell())
    end
  end)

  it("is told when its CTF is of a kind that is not read, and it has no DWARF", function()
    local file = elffile.build {class = 64, machine = 62, sections = {{name = ".ctf", data = "\xf2\xdf\4\0"}}}
    local k = harness.open {core = "/dev/null", namelist = harness.temp(file)}
    local _, message, code = k:type "int"
    assert.are.equal("unsupported", code)
    assert.matches("CTF of GNU binutils", message, 1, true)
  end)

  it("is BTF alone, of either byte order", function()
    for _, t in ipairs {{class = 64}, {class = 32, big = true}} do
      local k = harness.open {core = "/dev/null", namelist = harness.temp(types(t))}
      local info = k:info {full = true}
      assert.are.same({t.big and "big" or "little", t.class // 8, "BTF"}, {info.byte_order, info.pointer_size, info.types_from})
      assert.is_nil(info.arch)
      assert.are.equal(t.class // 8, k:type "struct pair":field "next".offset)
      assert.are.equal("notfound", select(3, k:symbol "start"))
      local _, message, code = k:variable "start"
      assert.are.equal("notfound", code)
      assert.is_nil(message:find("ELF", 1, true))
    end
  end)

  it("is told when its BTF is that of a module", function()
    local module = types {class = 64}
    local first = ("<I4"):unpack(module, 17) + ("<I4"):unpack(module, 5) -- str_off, hdr_len
    module = module:sub(1, first) .. "x" .. module:sub(first + 2)
    for _, bytes in ipairs {module, elffile.build {class = 64, machine = 62, sections = {{name = ".BTF", data = module}}}} do
      local k, message, code = kvm.open {core = "/dev/null", namelist = harness.temp(bytes)}
      if k then
        k, message, code = k:type "int"
      end
      assert.are.same({nil, "unsupported"}, {k, code})
      assert.matches("types of a module, which build on the kernel's", message)
    end
  end)

  it("must be there, and be ELF", function()
    local k, message, code = kvm.open "/dev/null"
    assert.is_nil(k)
    assert.are.equal("inval", code)
    assert.matches("/dev/null has no memory: name a namelist", message, 1, true)
    assert.are.equal("io", select(3, kvm.open {core = "/dev/null", namelist = harness.temp(false)}))
    assert.are.equal("format", select(3, kvm.open {core = "/dev/null", namelist = harness.temp "no ELF file"}))
    assert.are.equal("format", select(3, kvm.open {core = "/dev/null", namelist = harness.temp(build({}):sub(1, 20))}))
    assert.are.equal("format", select(3, kvm.open {core = "/dev/zero", namelist = harness.temp(build {})}))
  end)

  it("is opened by luakvm -M /dev/null -N FILE", function()
    local namelist = harness.temp(build {})
    local out, err, status = command.run("sym", "start", "-M", "/dev/null", "-N", namelist)
    assert.are.same({"", 0}, {err, status})
    assert.matches("81000010 T start", out, 1, true)
    out, err, status = command.run("ps", "-M", "/dev/null", "-N", namelist)
    assert.are.same({"", 1}, {out, status})
    assert.matches("no memory: the core is /dev/null", err, 1, true)
  end)
end)
