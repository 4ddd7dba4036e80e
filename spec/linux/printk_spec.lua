-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local fake_log = require "spec.support.fake_log"
local kvm_error = require "kvm.error"
local printk = require "kvm.linux.printk"

local function ring(opts) return fake_log.ring(fake.new(), opts) end

local function records(k) return fake.collect(printk.records(k)) end

local function texts(k)
  local out = {}
  for i, r in ipairs(records(k)) do out[i] = r.text or r.code end
  return out
end

local function fails(k)
  local ok, err = pcall(records, k)
  assert.is_false(ok)
  assert.is_true(kvm_error.is(err), tostring(err))
  return err
end

describe("kvm.linux.printk ring buffer", function()
  it("gives every field of a record", function()
    local k = ring {count_bits = 2, size_bits = 8, seq = 7, records = {
      {text = "hello", ns = 1234567890, level = 3, facility = 1, caller = 446},
      {text = "there", ns = 1234567891, level = 7, caller = 0x80000001},
    }}
    local r = records(k)
    assert.are.equal(2, #r)
    assert.are.same({seq = 7, time_ns = 1234567890, level = 3, facility = 1, caller = "T446", text = "hello"}, r[1])
    assert.are.same({seq = 8, time_ns = 1234567891, level = 7, facility = 0, caller = "C1", text = "there"}, r[2])
  end)

  it("goes from the tail to the head around the end of the descriptors and of the ids", function()
    local list = {}
    for i = 1, 4 do list[i] = {text = "line " .. i} end
    assert.are.same({"line 1", "line 2", "line 3", "line 4"}, texts(ring {count_bits = 2, size_bits = 8, tail = 3, records = list}))
    local last = (1 << 62) - 2
    assert.are.same({"line 1", "line 2", "line 3", "line 4"},
      texts(ring {count_bits = 2, size_bits = 8, tail = last, records = list}))
  end)

  it("finds text that wraps at the end of the ring, and text that ends there", function()
    -- blocks of 24 bytes in a ring of 64: the third starts anew at 0
    local k = ring {count_bits = 2, size_bits = 6, lpos = 16, records = {
      {text = ("a"):rep(16)}, {text = ("b"):rep(16)}, {text = ("c"):rep(9)},
    }}
    assert.are.same({("a"):rep(16), ("b"):rep(16), ("c"):rep(9)}, texts(k))
    k = ring {count_bits = 2, size_bits = 6, lpos = 40, records = {{text = ("x"):rep(30)}}}
    assert.are.same({("x"):rep(30)}, texts(k))
  end)

  it("takes committed and finalized records only", function()
    local k = ring {count_bits = 3, size_bits = 8, records = {
      {text = "reserved", state = 0}, {text = "committed", state = 1}, {text = "finalized", state = 2},
      {text = "reusable", state = 3}, {text = "other id", id = 99},
    }}
    assert.are.same({"committed", "finalized"}, texts(k))
  end)

  it("marks records that were stored without text", function()
    local r = records(ring {count_bits = 2, size_bits = 8, records = {{dataless = 3}, {dataless = 1, len = 40}}})
    assert.are.same({"", ""}, {r[1].text, r[2].text})
    assert.is_true(r[1].dataless and r[2].dataless)
  end)

  it("never takes more text than its block has", function()
    assert.are.same({"12345678"}, texts(ring {count_bits = 2, size_bits = 8, records = {{text = "12345678", len = 5000}}}))
  end)

  it("keeps line breaks and any byte", function()
    assert.are.same({"a\nb\27\0"}, texts(ring {count_bits = 2, size_bits = 8, records = {{text = "a\nb\27\0"}}}))
  end)

  it("reads in large pieces", function()
    local list = {}
    for i = 1, 1000 do list[i] = {text = "record " .. i} end
    local k = ring {count_bits = 10, size_bits = 15, records = list}
    assert.are.equal(1000, #records(k))
    assert.is_true(k.reads < 30, k.reads .. " reads")
  end)

  it("says of records in missing memory that they are missing, and goes on", function()
    local list = {}
    for i = 1, 8 do list[i] = {text = ("record %d"):format(i)} end
    local k = ring {count_bits = 3, size_bits = 8, records = list}
    k:map(fake_log.DESCS + 2 * 24, ("\0"):rep(24), "excluded")
    k:map(fake_log.INFOS + 4 * 88, ("\0"):rep(88), "fault")
    k:map(fake_log.TEXT + 6 * 16, ("\0"):rep(16), "excluded") -- blocks of 8 + 8 bytes
    assert.are.same({"record 1", "record 2", "excluded", "record 4", "fault", "record 6", "excluded", "record 8"}, texts(k))
  end)

  it("refuses damaged rings", function()
    local function damage(offset, value)
      local k = ring {count_bits = 2, size_bits = 8, records = {{text = "x"}}}
      k:map(fake_log.RING + offset, value)
      return fails(k).code
    end
    assert.are.equal("format", damage(0, ("<I4"):pack(40)))
    assert.are.equal("format", damage(0, ("<I4"):pack(0xffffffff)))
    assert.are.equal("format", damage(48, ("<I4"):pack(63)))
    assert.are.equal("format", damage(24, ("<I8"):pack(4)))
  end)

  it("gives a code for each record when the descriptors are nowhere", function()
    local k = ring {count_bits = 2, size_bits = 8, records = {{text = "x"}, {text = "y"}}}
    k:map(fake_log.RING + 8, ("<I8"):pack(0x10))
    assert.are.same({"fault", "fault"}, texts(k))
  end)

  it("does not loop on absurd text positions", function()
    for _, lpos in ipairs {{0, 0}, {-8, -8}, {8, 0}, {0, -1}, {math.maxinteger - 7, 16}} do
      local k = ring {count_bits = 2, size_bits = 8, records = {{text = "x"}}}
      k:map(fake_log.DESCS + 8, ("<i8i8"):pack(lpos[1], lpos[2]))
      assert.are.equal(1, #records(k))
    end
  end)

  it("takes layouts from the types where VMCOREINFO lacks them", function()
    local k = ring {count_bits = 2, size_bits = 8, records = {{text = "typed"}}}
    k.note["OFFSET(printk_info.text_len)"], k.note["SIZE(printk_info)"] = nil, nil
    assert.are.equal("notfound", fails(k).code)
    k.types["struct printk_info"] = {size = 88, text_len = 16}
    assert.are.same({"typed"}, texts(k))
  end)

  it("leaves out the level where other members are beside the length", function()
    local k = ring {count_bits = 2, size_bits = 8, records = {{text = "x"}}}
    k.note["OFFSET(printk_info.caller_id)"] = "24"
    assert.is_nil(records(k)[1].level)
  end)
end)

describe("kvm.linux.printk dictionary", function()
  local function open(note)
    local k = ring {count_bits = 2, size_bits = 8, records = {
      {text = "a", subsystem = "pci", device = "+pci:0000:00:01.0"}, {text = "b", device = ("d"):rep(48)}, {text = "c"},
    }}
    for key, v in pairs(fake_log.DEVICE_NOTE) do k.note[key] = v end
    for key, v in pairs(note or {}) do k.note[key] = v or nil end
    return k
  end

  it("names the devices that spoke", function()
    local r = records(open())
    assert.are.same({"pci", "+pci:0000:00:01.0"}, {r[1].subsystem, r[1].device})
    assert.are.same({nil, ("d"):rep(48)}, {r[2].subsystem, r[2].device})
    assert.are.same({}, {r[3].subsystem, r[3].device})
  end)

  it("is not told where neither the note nor types describe it", function()
    local k = open()
    k.note["SIZE(dev_printk_info)"] = nil
    assert.is_nil(records(k)[1].device)
    k.note["OFFSET(printk_info.dev_info)"] = nil
    assert.is_nil(records(k)[1].device)
  end)

  it("refuses places that can't be", function()
    for _, note in ipairs {{["SIZE(dev_printk_info)"] = "4096"}, {["OFFSET(dev_printk_info.subsystem)"] = "20"},
      {["OFFSET(dev_printk_info.device)"] = "64"}, {["OFFSET(printk_info.dev_info)"] = "30"}, {["SIZE(dev_printk_info)"] = "x"}} do
      assert.are.equal("format", fails(open(note)).code)
    end
  end)
end)

describe("kvm.linux.printk flat buffer", function()
  local a, b, c = fake_log.old_record(5, "one"), fake_log.old_record(6, "two\nlines"), fake_log.old_record(7, "three")

  it("gives the records between the indices", function()
    local k = fake_log.old_log(fake.new(), a .. b .. c .. ("\0"):rep(64), 0, #a + #b + #c)
    local r = records(k)
    assert.are.same({"one", "two\nlines", "three"}, {r[1].text, r[2].text, r[3].text})
    assert.are.equal(6, r[2].time_ns)
    assert.is_nil(r[1].level)
  end)

  it("tells level, facility and dictionary where the kernel has types", function()
    local words = fake_log.old_record(8, "said", "SUBSYSTEM=usb\0DEVICE=c189:1")
    local k = fake_log.old_log(fake.new {types = {["struct printk_log"] = fake_log.OLD_TYPE}}, a .. words .. ("\0"):rep(64), 0, #a + #words)
    assert.are.same({{time_ns = 5, level = 6, facility = 0, text = "one"},
      {time_ns = 8, level = 6, facility = 0, text = "said", subsystem = "usb", device = "c189:1"}}, records(k))
    k = fake_log.old_log(fake.new {types = {["struct printk_log"] = fake_log.OLD_TYPE}},
      ("<I8I2I2I2I2"):pack(0, 16, 0, 40, 0) .. ("\0"):rep(64), 0, 16)
    assert.are.equal("format", fails(k).code) -- a dictionary past the record
  end)

  it("wraps at a record of length 0", function()
    local buffer = c .. ("\0"):rep(40) .. a .. b .. ("\0"):rep(32)
    assert.are.same({"one", "two\nlines", "three"}, texts(fake_log.old_log(fake.new(), buffer, #c + 40, #c)))
  end)

  it("refuses damage", function()
    for _, bad in ipairs {
      {("\0"):rep(64), 0, 16},                                      -- a record of no bytes
      {("<I8I2I2I4"):pack(0, 8, 0, 0) .. ("\0"):rep(64), 0, 16},    -- shorter than its header
      {("<I8I2I2I4"):pack(0, 4096, 0, 0) .. ("\0"):rep(64), 0, 16}, -- past the end
      {("<I8I2I2I4"):pack(0, 16, 40, 0) .. ("\0"):rep(64), 0, 16},  -- text past the record
      {("\1"):rep(64), 60, 16},                                     -- a header past the end
    } do
      assert.are.equal("format", fails(fake_log.old_log(fake.new(), table.unpack(bad))).code)
    end
  end)
end)

describe("kvm.linux.printk", function()
  it("says when there is no log", function()
    assert.are.equal("notfound", fails(fake.new()).code)
  end)
end)
