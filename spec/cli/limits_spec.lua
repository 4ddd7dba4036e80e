-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm where there is little of something: memory, address space, room for its output, descriptors, standard streams. It
-- answers or says in one line what was lacking, and leaves nothing behind.
local command = require "spec.support.command"
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local lfs = require "lfs"

local SAMPLE <const> = "examples/panic.kdump"
local LUAKVM = command.quote(command.path)

local function shell(line, ...) return command.shell(line:format(LUAKVM, ...)) end

-- It failed with that line.
local function fails(pattern, line, ...)
  local _, err, status = shell(line, ...)
  assert.are.equal(1, status, err)
  assert.matches("^luakvm: [^\n]+\n$", err)
  assert.matches(pattern, err)
end

local function works(line, ...)
  local out, err, status = shell(line, ...)
  assert.are.same({"", 0}, {err, status})
  return out
end

describe("luakvm", function()
  harness.guard()

  it("needs little memory", function()
    -- AddressSanitizer reserves terabytes of addresses
    if (os.getenv "LD_PRELOAD" or ""):find "asan" then return pending "address space has no bound under AddressSanitizer" end
    local page = works("%s triage %s", SAMPLE)
    assert.is_true(#page > 2000)
    assert.are.equal(page, works("ulimit -v 1048576; %s triage %s", SAMPLE)) -- 1 GB
    assert.are.equal(page, works("ulimit -v 131072; %s triage %s", SAMPLE))
  end)

  it("says when there is no memory left", function()
    if (os.getenv "LD_PRELOAD" or ""):find "asan" then return pending "address space has no bound under AddressSanitizer" end
    local large = harness.temp(linux.build():elf())
    local f = assert(io.open(large, "r+b"))
    f:seek("set", (3 << 30) - 1)
    f:write "x"
    f:close()
    assert.matches("6%.1%.192", works("%s info %s", large))
    fails("mmap: Cannot allocate memory", "ulimit -v 1048576; %s info %s", large)
  end)

  it("says when its output is full or closed", function()
    fails("standard output: No space left", "%s ps %s >/dev/full", SAMPLE)
    fails("standard output: No space left", "%s log %s --json >/dev/full", SAMPLE)
    fails("standard output: Bad file descriptor", "%s ps %s >&-", SAMPLE)
  end)

  it("ends quietly when nobody reads on", function()
    assert.matches("^%[", works("%s log %s | head -n 1", SAMPLE))
    assert.matches("^%[", works("trap '' PIPE; %s log %s | head -n 1", SAMPLE))
  end)

  it("says when a file can't be written, and leaves none", function()
    local out = harness.temp(false)
    fails("No such file", "%s slim %s /nowhere/x -- ps >/dev/null", SAMPLE)
    fails("No such file", "%s slim %s /proc/x -- ps >/dev/null", SAMPLE)
    fails("write: File too large", "trap '' XFSZ; ulimit -f 100; %s slim %s %s -- ps >/dev/null", SAMPLE, out)
    local folder, name = out:match "^(.*)/(.*)$"
    for entry in lfs.dir(folder) do assert.is_nil(entry:find(name, 1, true), entry) end
  end)

  it("does not print into files that got the numbers of closed streams", function()
    for _, closed in ipairs {"2>&-", "<&- 2>&-", "<&-"} do
      local out = harness.temp(false)
      local _, _, status = shell("%s slim %s %s -- info >/dev/null %s", SAMPLE, out, closed)
      assert.are.equal(0, status)
      assert.matches("6%.12", works("%s info %s", out))
      local f = assert(io.open(out, "rb"))
      local bytes = f:read "a"
      f:close()
      os.remove(out)
      assert.is_nil(bytes:find("pages, ", 1, true), closed)
    end
  end)

  it("reads what was there when a dump grows", function()
    local path = harness.temp(linux.build():elf())
    local k = harness.open(path)
    local f = assert(io.open(path, "ab"))
    f:write(("x"):rep(100000))
    f:close()
    assert.are.equal("6.1.192-built", k:info().release)
    local n = 0
    for _ in k:procs() do n = n + 1 end
    assert.are.equal(7, n)
    assert.matches("6%.1%.192", works("%s info %s", path)) -- and one that has grown since
  end)
end)
