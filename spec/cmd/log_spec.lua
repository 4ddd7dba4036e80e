-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local fake_log = require "spec.support.fake_log"
local log = require "kvm.cmd.log"

local function kernel()
  return fake_log.ring(fake.new(), {count_bits = 3, size_bits = 9, records = {
    {text = "first", ns = 1234567, level = 6},
    {text = "bad\27[2J\n second \xc3\xa9\t.", ns = 5000000123000, level = 3, facility = 1, caller = 0x80000000},
    {dataless = 3, level = 6},
    {text = "last", ns = 5000000124000, level = 4, caller = 4321},
  }})
end

local function text(opts)
  local out = {}
  for rec in log.run(kernel(), opts) do out[#out + 1] = log.text(rec, opts) end
  return table.concat(out)
end

describe("kvm.cmd.log", function()
  it("prints as makedumpfile --dump-dmesg does", function()
    assert.are.equal(table.concat {
      "[    0.001234] [      T1] first\n",
      "[ 5000.000123] [      C0] bad\\x1b[2J\n",
      "                           second \\xc3\\xa9\t.\n",
      "[ 5000.000124] [   T4321] last\n",
    }, text {})
  end)

  it("prints without times, with levels", function()
    assert.are.equal("first\nbad\\x1b[2J\n second \\xc3\\xa9\t.\nlast\n", text {notime = true})
    assert.are.equal("kern  :warn  : [ 5000.000124] [   T4321] last\n", text {decode = true, last = 1})
    assert.are.equal("user  :err   : bad\\x1b[2J\n", text({decode = true, notime = true, level = {"err"}}):match "^[^\n]*\n")
  end)

  it("prints raw levels and dictionaries", function()
    local k = fake_log.ring(fake.new(), {count_bits = 2, size_bits = 8, records = {
      {text = "x\ny", level = 4, subsystem = "pci", device = "+pci:\27"}, {text = "z", level = 6}}})
    for key, v in pairs(fake_log.DEVICE_NOTE) do k.note[key] = v end
    local out, opts = {}, {raw = true, dictionary = true, notime = true}
    for rec in log.run(k, opts) do out[#out + 1] = log.text(rec, opts) end
    assert.are.equal("<4>x\n   y\n   SUBSYSTEM=pci\n   DEVICE=+pci:\\x1b\n<6>z\n", table.concat(out))
  end)

  it("picks levels and the last records", function()
    local r = fake.collect(log.run(kernel(), {level = {"warn", "3"}}))
    assert.are.same({4, 2}, {r[2].level + 0, #r})
    r = fake.collect(log.run(kernel(), {last = 2}))
    assert.are.same({2, "last"}, {#r, r[2].text})
    assert.are.equal(4, #fake.collect(log.run(kernel(), {last = 100})))
    local ok, err = pcall(log.run, kernel(), {level = {"loud"}})
    assert.is_false(ok)
    assert.are.equal('there is no level "loud"', err.usage)
  end)

  it("turns times into times of day", function()
    local k = kernel()
    k.symbols.shadow_timekeeper = 0x1000
    k.types["struct timekeeper"] = {
      size = 64, ["tkr_mono.shift"] = 0, ["tkr_mono.xtime_nsec"] = 8, ["tkr_mono.base"] = 16, offs_real = 24, offs_boot = 32,
    }
    k:map(0x1000, ("<I4I4I8i8i8i8"):pack(0, 0, 0, 6000 * 10 ^ 9 // 1 | 0, 1700000000 * 1000000000, 0))
    local r = log.run(k, {ctime = true})()
    assert.are.equal(1700000000 * 1000000000 + 1234567, r.realtime_ns)
    assert.are.equal("2023-11-14 22:13:20.001234 [      T1] first\n", log.text(r, {ctime = true}))
  end)

  it("says which records are not there", function()
    assert.are.equal("(a record is not in the dump: excluded)\n", log.text({code = "excluded"}, {}))
  end)
end)
