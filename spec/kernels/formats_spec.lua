-- SPDX-License-Identifier: BSD-2-Clause
-- One crash in every format that makedumpfile writes: the answers are the same bytes. Formats that are not read, and
-- dumps that are not whole, say so in one line.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local KEY = "formats61"
local LUAKVM = (os.getenv "KVM_BUILD" or "build") .. "/bin/luakvm"
local function path(name) return ("%s/%s/%s"):format(matrix.dir, KEY, name) end

-- As bytes, since a difference would fill the screen.
local function same(command, name, ...)
  local want = matrix.luakvm(command, path "zlib", "--json", ...)
  assert.is_true(#want > 1000, command)
  assert.is_true(want == matrix.luakvm(command, path(name), "--json", ...), command .. " differs")
end

for _, name in ipairs {"lzo", "zstd", "raw", "zlib.flat"} do
  matrix.describe(KEY, name, function()
    it("answers as the zlib dump does", function()
      same("ps", name)
      same("ps", name, "--threads")
      same("log", name)
    end)
  end)
end

-- With these levels there are user pages, and some with the ELF format too: makedumpfile leaves out stretches of 256
-- pages or more there.
for name, at_least in pairs {["zlib.d0"] = 200, ["zlib.d1"] = 200, ["zlib.d16"] = 200, ["elf.d31"] = 0} do
  matrix.describe(KEY, name, function()
    it("lists the same tasks", function()
      same("ps", name, "--no-args")
      same("log", name)
    end)

    it("has the arguments that the guest printed", function()
      local was, n = matrix.truth(KEY), 0
      for _, p in ipairs(matrix.records(matrix.luakvm("ps", path(name), "--json"))) do
        local pid = tostring(p.pid)
        if was.tasks[pid] and p.args and p.args[1] then
          n = n + 1
          assert.are.same(was.args[pid], p.args)
        end
        if at_least > 0 then assert.is_nil(p.args_code, p.comm) end
      end
      assert.is_true(n >= at_least, n)
    end)
  end)
end

for _, name in ipairs {"zlib.truncated", "zlib.incomplete", "vmcore.truncated", "elf.incomplete"} do
  matrix.describe(KEY, name, function()
    it("is not called whole", function()
      local info = matrix.records(matrix.luakvm("info", path(name), "--json"))[1]
      assert.is_true(info.incomplete)
      assert.are.equal(matrix.truth(KEY).release, info.release)
    end)

    -- What is there is equal; what is not there is one line, and never damage.
    it("is readable where it has data", function()
      local k <close> = assert(kvm.open(path(name)))
      local whole <close> = assert(kvm.open(path "zlib.d0"))
      local there, gone = 0, 0
      for pa = 0x1000000, 0x30000000, 0x101000 do
        local bytes, message, code = k:read(pa, 64, "physical")
        if bytes then
          there = there + 1
          assert.are.equal(whole:read(pa, 64, "physical"), bytes)
        else
          gone = gone + 1
          assert.is_true(code == "fault" or code == "excluded", message)
        end
      end
      assert.is_true(there > 5 and gone > 5, there .. " there, " .. gone .. " gone")
    end)

    it("lists tasks, or says in one line why not", function()
      local out, err, status = matrix.run(LUAKVM, "ps", path(name))
      if status == 0 then
        assert.matches("kthreadd", out, 1, true)
        assert.are.equal("", err)
      else
        assert.are.equal(1, status)
        assert.matches("^[^\n]+\n$", err)
      end
    end)
  end)
end

-- The dump, and what QEMU streams, wrapped by the programs that people use.
for _, program in ipairs {"gzip -1", "zstd -q -1", "xz -0", "bzip2 -1", "lz4 -q"} do
  for _, name in ipairs {"zlib", "zlib.flat"} do
    matrix.describe(KEY, name, function()
      it("answers as it does when it is not in a file of " .. program, function()
        local wrapped = os.tmpname()
        assert(os.execute(("%s -c <'%s' >'%s'"):format(program, path(name), wrapped)))
        local want, got = matrix.luakvm("ps", path(name), "--json"), matrix.luakvm("ps", wrapped, "--json")
        os.remove(wrapped)
        assert.is_true(want == got)
      end)
    end)
  end
end

matrix.describe("live61", "kdump-zlib.flat", function()
  it("answers as the rearranged file does", function()
    local folder = matrix.dir .. "/live61/"
    for _, command in ipairs {"ps", "log"} do
      assert.is_true(matrix.luakvm(command, folder .. "kdump-zlib", "--json") ==
        matrix.luakvm(command, folder .. "kdump-zlib.flat", "--json"), command)
    end
  end)
end)
