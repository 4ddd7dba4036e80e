-- SPDX-License-Identifier: BSD-2-Clause
-- What a dump says of the system as a whole: release, build id, displacement, modules, load, uptime, log, and the
-- verdict of triage.
local matrix = require "spec.kernels.matrix"

-- The build id in /sys/kernel/notes, which came as base64.
local function build_id(text)
  local bits, n, out = 0, 0, {}
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  for c in text:gmatch "[%w+/]" do
    bits, n = (bits << 6 | alphabet:find(c, 1, true) - 1) & 0xffff, n + 6
    if n >= 8 then
      n = n - 8
      out[#out + 1] = string.char(bits >> n & 255)
    end
  end
  local notes = table.concat(out)
  local at = 1
  while at + 12 <= #notes do
    local namesz, descsz, kind = ("<I4I4I4"):unpack(notes, at)
    local desc = at + 12 + (namesz + 3 & ~3)
    if kind == 3 and notes:sub(at + 12, at + 15) == "GNU\0" then
      return (notes:sub(desc, desc + descsz - 1):gsub(".", function(c) return ("%02x"):format(c:byte()) end))
    end
    at = desc + (descsz + 3 & ~3)
  end
end

local function address(dump, name)
  for _, s in ipairs(dump:truth().kallsyms.sample) do
    if s[3] == name then return tonumber(s[1], 16) end
  end
end

-- kernel/sched/loadavg.c: every 5 seconds a third of 5, 1, 1/3 percent of the old value makes room for the number of
-- tasks that run. What the average can have become in `periods` such steps, with up to `busy` tasks.
local function load_range(was, minutes, periods, busy)
  local keep = math.exp(-5 / (60 * minutes)) ^ periods
  return was * keep - 0.02, was * keep + busy * (1 - keep) + 0.02
end

matrix.each(function(dump)
  it("knows what it is", function()
    local info, truth = dump:open():info(), dump:truth()
    assert.are.equal("linux", info.os)
    assert.are.equal("x86_64", info.arch)
    assert.are.equal(truth.release, info.release)
    assert.are.equal(4096, info.page_size)
    assert.are.equal(build_id(truth.raw.notes), info.build_id)
    assert.are.equal(address(dump, "_stext") - math.tointeger(0xffffffff81000000), info.kaslr_offset)
    if dump.key == "live61-nokaslr" then assert.are.equal(0, info.kaslr_offset) end
    assert.are.equal(2, info.cpus)
    assert.is_false(info.incomplete)
  end)

  it("reads memory that the guest has shown", function()
    local k, truth = dump:open(), dump:truth()
    local banner = k:cstring(address(dump, "linux_banner"), 300)
    assert.are.equal((truth.raw.version:gsub("\n$", "")), (banner:gsub("\n$", "")))
  end)

  it("has the modules", function()
    local seen, report = {}, matrix.report()
    local was = dump:truth().modules
    for m in require "kvm.cmd.mod".run(dump:open()) do
      seen[m.name] = true
      local t = was[m.name]
      if not t then
        report.add("%s was not loaded", m.name)
      else
        local want = ("0x%x %d %d %s"):format(t.address, t.size, t.refcount, table.concat(t.used_by, ","))
        local got = ("0x%x %d %s %s"):format(m.addr, m.size, m.refs, m.users)
        if got ~= want or m.state ~= "live" or m.partial then report.add("%s: %s, was %s", m.name, got, want) end
      end
    end
    for name in pairs(was) do
      if not seen[name] then report.add("%s is missing", name) end
    end
    report.check()
  end)

  it("has the load average, as far as it can have changed since", function()
    local truth = dump:truth()
    local now = table.pack(assert(dump:open():loadavg()))
    -- Five seconds to load the crash kernel or to stop the guest, and one step that was due.
    local periods = 3
    for i, minutes in ipairs {1, 5, 15} do
      local low, high = truth.loadavg[i], truth.loadavg[i]
      for n = 0, periods do
        local l, h = load_range(truth.loadavg[i], minutes, n, 16)
        low, high = math.min(low, l), math.max(high, h)
      end
      assert.is_true(now[i] >= low and now[i] <= high,
        ("%d minutes: %.3f is not in %.3f .. %.3f"):format(minutes, now[i], low, high))
    end
  end)

  it("finds the registers of both CPUs", function()
    local k = dump:open()
    for cpu = 0, 1 do
      local r = assert(k:registers(cpu))
      assert.are.equal("integer", math.type(r.rip))
    end
  end)

  it("prints the kernel's log", function()
    local text = matrix.luakvm("log", dump.path)
    if dump.is_crash then
      -- makedumpfile --dump-dmesg of the same memory
      assert.are.equal(matrix.read(("%s/%s/dmesg.txt"):format(matrix.dir, dump.key)), text)
    else
      -- As dmesg prints it: without callers, with the time at each line of a record.
      local lines = {}
      for _, r in ipairs(matrix.records(matrix.luakvm("log", dump.path, "--json"))) do
        for line in (r.text .. "\n"):gmatch "([^\n]*)\n" do
          lines[#lines + 1] = ("[%5d.%06d] %s"):format(r.time_ns // 1000000000, r.time_ns % 1000000000 // 1000, line)
        end
      end
      local was = dump:truth().raw.dmesg_tail:gsub("\n+$", "")
      assert.is_true(#was > 1000)
      assert.is_truthy((table.concat(lines, "\n") .. "\n"):find(was .. "\n", 1, true), was)
      assert.matches(lines[#lines]:sub(16), text, 1, true)
    end
  end)

  it("answers luakvm sym and rd", function()
    local addr = address(dump, "linux_banner")
    local sym = matrix.decode(matrix.luakvm("sym", dump.path, "linux_banner", "--json"))
    sym = sym[1] or sym
    assert.are.equal(("0x%x"):format(addr), sym.addr)
    local banner = dump:truth().raw.version:gsub("\n$", "")
    assert.are.equal(banner, matrix.luakvm("rd", dump.path, ("0x%x"):format(addr), tostring(#banner), "--raw"))
    assert.are.equal(banner, matrix.luakvm("rd", dump.path, "linux_banner", tostring(#banner), "--raw"))
    local first = matrix.luakvm("rd", dump.path, "linux_banner", "2"):gsub("\n$", "")
    assert.are.equal(("%x:  %016x %016x   "):format(addr, ("<I8I8"):unpack(banner)) .. banner:sub(1, 16), first)
  end)
end)

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has the guest's swap", function()
    local found = matrix.records(matrix.luakvm("swap", dump.path, "--json"))
    local name, kilobytes = dump:truth().raw.swaps:match "\n(%S+) +partition%s+(%d+)"
    assert.are.same({1, name, kilobytes * 1024}, {#found, found[1].name, found[1].size_bytes})
  end)

  it("leads from a process's addresses to its memory, and finds text there", function()
    if dump.is_filtered then return end -- no user pages
    local o, mark = dump:truth().objects, "a mark in user memory"
    local pid = tostring(o.pid)
    local at = ("0x%x"):format(o.anon + 4096)
    local r = matrix.records(matrix.luakvm("vtop", dump.path, at, "-c", pid, "--json"))[1]
    local bytes = dump:open():read(tonumber(r.physical), #mark, "physical")
    assert.are.equal(mark, bytes)
    local seen = {}
    for _, hit in ipairs(matrix.records(matrix.luakvm("search", dump.path, mark, "-t", "-u", pid, "--json"))) do seen[hit.addr] = true end
    assert.is_true(seen[at])
    local huge = matrix.records(matrix.luakvm("vtop", dump.path, ("0x%x"):format(o.huge), "-c", pid, "--json"))[1]
    assert.are.equal(2 << 20, huge.page_bytes)
    assert.are.equal("a mark in a huge page", dump:open():read(tonumber(huge.physical), 21, "physical"))
  end)
end)
