-- SPDX-License-Identifier: BSD-2-Clause
-- What sys tells of a guest is what the guest printed: names, command line, CPUs with their flags and bugs, taint; log's dictionaries are
-- whole.
local matrix = require "spec.kernels.matrix"

-- The blocks of /proc/cpuinfo: line by line, by number of the processor.
local function cpuinfo(text)
  local out = {}
  for block in (text .. "\n\n"):gmatch "(processor.-)\n\n" do
    local cpu = {}
    for key, value in block:gmatch "([^\t\n]+)\t*: ?([^\n]*)" do cpu[key] = value end
    out[tonumber(cpu.processor)] = cpu
  end
  return out
end

matrix.each(function(dump)
  it("has the names, the command line and the taint", function()
    local raw = dump:truth().raw
    local list = matrix.records(matrix.luakvm("sys", dump.path, "--json"))
    local r = list[1]
    assert.are.equal(1, #list)
    assert.is_nil(r.partial)
    assert.are.equal((raw.version:gsub("\n$", "")), r.banner)
    assert.are.equal((raw.cmdline:gsub("\n$", "")), r.command_line)
    assert.are.equal(dump:truth().release, r.release)
    for name, key in pairs {ostype = "sysname", hostname = "nodename"} do
      assert.are.equal(raw.sysctl:match(name .. ":([^\n]*)"), r[key])
    end
    local taint, bits = tonumber(raw.sysctl:match "tainted:(%d+)"), 0
    for bit = 0, 31 do bits = bits + (taint >> bit & 1) end
    assert.are.same({"x86_64", taint, bits, 2, 2, 2}, {r.machine, tonumber(r.taint), #r.taints, r.cpus_online, r.cpus_present,
      r.cpus_possible})
    assert.are.equal(tonumber(raw.node_meminfo:match "MemTotal:%s+(%d+)") * 1024, r.memory_bytes)
    assert.is_true(r.uptime_ns / 1e9 >= tonumber(raw.uptime:match "[%d.]+") - 0.02)
    assert.are.equal(dump.is_crash, r.panic ~= nil)
    assert.are.equal(dump.is_crash, r.panic_cpu ~= nil)
  end)

  it("has the CPUs of /proc/cpuinfo", function()
    local was, count = cpuinfo(dump:truth().raw.cpuinfo), 0
    for _, r in ipairs(matrix.records(matrix.luakvm("sys", dump.path, "cpus", "--json"))) do
      local w = was[r.cpu]
      assert.is_nil(r.partial)
      assert.is_true(r.online)
      assert.are.equal(w.flags, table.concat(r.flags, " "))
      assert.are.equal(w.bugs, table.concat(r.bugs, " "))
      assert.are.same({w.vendor_id, w["cpu family"], w.model, w.stepping, w["model name"], w.microcode, w["physical id"], w["core id"]},
        {r.vendor, tostring(r.family), tostring(r.model), tostring(r.stepping), r.model_name, r.microcode, tostring(r.package),
          tostring(r.core)})
      count = count + 1
    end
    assert.are.equal(2, count)
  end)

  it("says that its configuration is not in memory", function()
    assert.matches("this kernel has no configuration in memory %(CONFIG_IKCONFIG%)", matrix.luakvm_fails("sys", dump.path, "config"))
  end)

  -- "+SUBSYSTEM:NAME", or a device number (drivers/base/core.c, set_dev_info).
  it("has the devices of what drivers said", function()
    local count = 0
    for _, r in ipairs(matrix.records(matrix.luakvm("log", dump.path, "--json"))) do
      assert.are.equal(r.subsystem == nil, r.device == nil)
      if r.device then
        if r.device:find "^%+" then assert.are.equal("+" .. r.subsystem .. ":", r.device:sub(1, #r.subsystem + 2)) end
        assert.matches("^[+bcn]", r.device)
        count = count + 1
      end
    end
    assert.is_true(count > 30, count .. " records have a device")
  end)
end)
