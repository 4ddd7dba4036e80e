-- SPDX-License-Identifier: BSD-2-Clause
-- The line that tells how far work is: by a clock of the test's own, and on a real terminal with a real Ctrl-C.
local command = require "spec.support.command"
local harness = require "spec.support.harness"
local progress = require "kvm.cli.progress"

describe("kvm.cli.progress", function()
  harness.guard()

  -- A bar on a terminal of that width; what it wrote, and its clock.
  local function fake(columns)
    local t = {now = 100, text = {}}
    t.bar = progress.new {
      columns = function() return columns end,
      seconds = function() return t.now end,
      write = function(text) t.text[#t.text + 1] = text end,
    }
    return t
  end

  it("says nothing in the first half second", function()
    local t = fake(80)
    t.bar.tell("unpacking", 1, 10)
    t.now = 100.49
    t.bar.tell("unpacking", 2, 10)
    t.bar:clear()
    assert.are.same({}, t.text)
  end)

  it("draws ten times a second at most, and erases at the end", function()
    local t = fake(80)
    for i = 0, 2000 do
      t.now = 100 + i / 1000
      t.bar.tell("unpacking", i, 2000)
    end
    assert.is_true(#t.text >= 14 and #t.text <= 16, #t.text)
    assert.are.equal("\r\27[Kunpacking  [" .. ("#"):rep(10) .. (" "):rep(30) .. "]   25 %", t.text[1])
    t.bar:clear()
    assert.are.equal("\r\27[K", t.text[#t.text])
    local n = #t.text
    t.bar:clear()
    assert.are.equal(n, #t.text)
  end)

  it("keeps to one line of any width, and to what is possible", function()
    for columns = 1, 100 do
      local t = fake(columns)
      for _, at in ipairs {{0, 10}, {10, 10}, {11, 10}, {3, 0}, {-5, 10}} do
        t.now = t.now + 1
        t.bar.tell("searching", at[1], at[2])
      end
      for _, text in ipairs(t.text) do
        assert.is_true(#text - 4 < columns, text)
        assert.is_nil(text:match "%-%d")
        assert.is_nil(text:match "110")
      end
    end
    local t = fake(80)
    t.now = 101
    t.bar.tell("searching", 5, 0)
    assert.are.equal("\r\27[Ksearching ...", t.text[1])
  end)

  it("erases when it is closed by an error", function()
    local t = fake(80)
    pcall(function()
      local bar <close> = t.bar
      t.now = 101
      bar.tell("x", 1, 2)
      error "stop"
    end)
    assert.are.equal("\r\27[K", t.text[2])
  end)

  it("is silent without a terminal", function()
    local t = fake(nil)
    t.now = 200
    t.bar.tell("unpacking", 1, 2)
    assert.are.same({}, t.text)
  end)

  -- 45 MB of zeros a member, which take a while and no room.
  local function slow_file()
    local path = harness.temp()
    local pipe = io.popen "head -c 45000000 /dev/zero | bzip2 -9"
    local member = pipe:read "a"
    pipe:close()
    local f = assert(io.open(path, "wb"))
    f:write(member:rep(400))
    f:close()
    return path
  end

  local PTY = [[
import os, pty, select, sys, time
tool, core, dir = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.environ["TMPDIR"] = dir
    os.execv(tool, [tool, "info", core])
text, sent, start = b"", None, time.time()
while time.time() - start < 60:
    if not select.select([fd], [], [], 0.1)[0]:
        continue
    try:
        text += os.read(fd, 4096)
    except OSError:
        break
    if sent is None and b" %" in text:
        sent = time.time()
        os.write(fd, b"\x03")
status = os.waitpid(pid, 0)[1]
print(os.waitstatus_to_exitcode(status), time.time() - sent < 5, text.endswith(b"\r\x1b[K"), b"unpacking  [" in text,
      os.listdir(dir))
]]

  it("is shown by luakvm on a terminal, where Ctrl-C stops it and leaves no file", function()
    local dir = harness.temp(false)
    assert(os.execute("mkdir " .. dir))
    local line = "ASAN_OPTIONS=detect_leaks=0 python3 -c %s %s %s %s"
    local out, err = command.shell(line:format(command.quote(PTY), command.path, slow_file(), dir))
    os.execute("rmdir " .. dir)
    assert.are.same({"", "130 True True True []\n"}, {err, out})
  end)

  it("is not shown elsewhere; SIGINT stops it there, too", function()
    local out, err, status = command.shell(("timeout --preserve-status -s INT 1 %s info %s"):format(command.path, slow_file()))
    assert.are.same({"", "", 130}, {out, err, status})
  end)
end)
