-- SPDX-License-Identifier: BSD-2-Clause
-- Damaged dumps: cut off in or behind each field of their headers, with other magics, with absurd values in each field.
-- kvm.open, or what is asked of the handle then, ends in one clear message with a code that says what happened; never in
-- a crash, and never in another answer than that of the whole dump where the damage is one of length.
local harness = require "spec.support.harness"
local kvm = require "kvm"
local linux = require "spec.support.build.linux"
local printk = require "kvm.linux.printk"

local kernel = linux.build()
local FORMATS = {
  {name = "ELF", bytes = kernel:elf(), header = 64 + 56 * 6, notes = true},
  {name = "kdump", bytes = kernel:kdump {codec = "zlib"}, header = 464},
  {name = "kdump's second header", bytes = kernel:kdump {codec = "zlib"}, header = 4096 + 104, first = 4096},
}
local VALUES = {"\0\0\0\0", "\1\0\0\0", "\xff\xff\xff\x7f", "\xff\xff\xff\xff", "\0\0\0\x80"}
local CODES = {
  inval = true, io = true, format = true, unsupported = true, notfound = true, fault = true, excluded = true, nomem = true,
}

local path
local function write(bytes)
  local f = assert(io.open(path, "wb"))
  f:write(bytes)
  f:close()
end

-- One line, without control characters, under one of the codes that a dump can give.
local function check(what, message, code)
  assert.are.equal("string", type(message), what)
  assert.is_true(#message > 10 and #message < 1000 and not message:find "%c", what .. ": " .. message)
  assert.is_true(CODES[code] == true, ("%s: %s: code %s"):format(what, message, code))
end

-- Asks everything of a handle; each answer is a value or a good error. Returns the number of processes.
local function use(k, what)
  local n = 0
  local function try(fn)
    local ok, err = pcall(fn)
    if ok then return end
    assert.are.equal("table", type(err), what .. ": " .. tostring(err)) -- a text is a bug, not damage
    check(what, err.message, err.code)
  end
  local function call(value, message, code)
    if value == nil then check(what, message, code) end
    return value
  end
  assert.is_table(k:info(), what)
  try(function() for p in k:procs("all", nil, true) do n = n + (p.pid > 0 and 1 or 0) end end)
  try(function() for s in k:symbols "built_function_00*" do assert(s.name) end end)
  try(function() for r in printk.records(k) do assert(r.text or r.code or r.dataless) end end)
  call(k:argv(100))
  call(k:loadavg())
  call(k:registers(0))
  call(k:type "struct task_struct")
  call(k:read(kernel.symbols.linux_banner, 64))
  call(k:read(0, 4096, "physical"))
  return n
end

-- Opens bytes and uses them; returns the number of processes, nil when it does not open.
local function run(bytes, what)
  write(bytes)
  local k, message, code = kvm.open(path)
  if not k then
    check(what, message, code)
    return nil, message, code
  end
  local n = use(k, what)
  k:close()
  return n
end

local function patched(bytes, at, with) return bytes:sub(1, at) .. with .. bytes:sub(at + #with + 1) end

describe("a dump that is", function()
  harness.guard()
  before_each(function() path = harness.temp() end)

  it("whole opens", function()
    for _, f in ipairs(FORMATS) do assert.are.equal(9, run(f.bytes, f.name)) end
  end)

  it("empty is named", function()
    local _, message = run("", "no bytes")
    assert.matches("empty", message)
  end)

  for _, f in ipairs(FORMATS) do
    it("cut off in " .. f.name .. " is told", function()
      local opened = 0
      for size = (f.first or 0) + 1, f.header, 4 do
        if run(f.bytes:sub(1, size), ("%s, %d bytes"):format(f.name, size)) then opened = opened + 1 end
      end
      assert.are.equal(0, opened)
    end)

    it("cut off behind " .. f.name .. " has what is there", function()
      local some = 0
      for i = 1, 40 do
        local size = f.header + (#f.bytes - f.header) * i // 41
        local n, message = run(f.bytes:sub(1, size), ("%s, %d bytes"):format(f.name, size))
        if n then
          assert.is_true(n <= 9)
          local k <close> = assert(kvm.open(path))
          assert.is_true(k:info().incomplete, size .. " bytes")
          some = some + 1
        else
          assert.is_truthy(message)
        end
      end
      assert.is_true(some > 5, some .. " opened")
    end)

    it("absurd in a field of " .. f.name .. " does no harm", function()
      for at = f.first or 0, f.header - 4, 4 do
        for _, value in ipairs(VALUES) do
          local what = ("%s, %s at %d"):format(f.name, value:gsub(".", function(c) return ("%02x"):format(c:byte()) end), at)
          local n = run(patched(f.bytes, at, value), what)
          assert.is_true(n == nil or n <= 9, what)
        end
      end
    end)
  end

  it("another file is not taken for one", function()
    for at = 0, 3 do
      for _, f in ipairs(FORMATS) do
        local bytes = patched(f.bytes, at, "#")
        local n, message, code = run(bytes, f.name .. " with another magic")
        assert.is_nil(n)
        assert.are.equal("format", code, message)
        assert.matches("not a dump", message, 1, true)
      end
    end
    local _, message, code = run(("text\n"):rep(1000), "a text")
    assert.are.equal("format", code, message)
  end)

  it("of another machine is refused", function()
    for _, t in ipairs {{class = 32, machine = 3}, {big = true, machine = 21}, {class = 32, big = true, machine = 8}, {machine = 183}} do
      local elfcore = require "spec.support.build.elfcore"
      t.notes = {elfcore.vmcoreinfo_note(kernel.vmcoreinfo)}
      t.loads = {{pa = 0, bytes = ("\0"):rep(4096)}}
      local k, message, code = run(elfcore.build(t), "machine " .. t.machine)
      assert.is_nil(k)
      assert.are.equal("unsupported", code, message)
    end
  end)
end)

describe("a dump whose notes are", function()
  harness.guard()
  before_each(function() path = harness.temp() end)

  it("without VMCOREINFO, or with one that says nothing, is searched for its kernel", function()
    for _, bytes in ipairs {kernel:elf {vmcoreinfo = false}, kernel:elf {vmcoreinfo = "CRASHTIME=1\n"}, kernel:kdump {vmcoreinfo = ""}} do
      assert.are.equal(9, (run(bytes, "no VMCOREINFO")))
    end
  end)

  it("missing any line of VMCOREINFO opens, or names what is missing", function()
    local text = kernel.vmcoreinfo
    for line in text:gmatch "[^\n]+\n" do
      local at = text:find(line, 1, true)
      local what = "without " .. line:sub(1, -2)
      local n = run(kernel:elf {vmcoreinfo = text:sub(1, at - 1) .. text:sub(at + #line)}, what)
      assert.is_true(n == nil or n <= 9, what)
    end
  end)

  it("absurd in any value of VMCOREINFO opens, or says so", function()
    local text = kernel.vmcoreinfo
    for name in text:gmatch "([^\n=]+)=" do
      for _, value in ipairs {"", "0", "-1", "ffffffffffffffff", "18446744073709551616", "8", "x y"} do
        local from, to = text:find(name .. "=", 1, true)
        local stop = text:find("\n", to, true)
        assert(from)
        run(kernel:elf {vmcoreinfo = text:sub(1, to) .. value .. text:sub(stop)}, ("%s=%s"):format(name, value))
      end
    end
  end)
end)

describe("a kernel whose memory is", function()
  harness.guard()
  before_each(function() path = harness.temp() end)

  -- Places that readers trust: each page of the image with its tables, of the heap with its structs, of page tables.
  it("overwritten page by page does no harm", function()
    local pfns = kernel.memory:pfns()
    for _, fill in ipairs {"\0", "\xff", "\x41"} do
      for i = 1, #pfns, 2 do
        local pfn = pfns[i]
        local old = kernel.memory.pages[pfn]
        kernel.memory.pages[pfn] = fill:rep(4096)
        local bytes = kernel:elf()
        kernel.memory.pages[pfn] = old
        run(bytes, ("page %x full of %02x"):format(pfn, fill:byte()))
      end
    end
  end)

  it("missing page by page does no harm", function()
    for _, pfn in ipairs(kernel.memory:pfns()) do
      local old = kernel.memory.pages[pfn]
      kernel.memory.pages[pfn] = nil
      local bytes = kernel:elf()
      kernel.memory.pages[pfn] = old
      run(bytes, ("without page %x"):format(pfn))
    end
  end)
end)
