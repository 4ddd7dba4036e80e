-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local image = require "spec.support.image"
local linux = require "spec.support.build.linux"

local CORE = image.build()
local k

local function all(step)
  local out = {}
  for from, to in step do out[#out + 1] = ("%x-%x"):format(from, to) end
  return out
end

local function on_a_handle()
  harness.guard()
  before_each(function() k = harness.open(harness.temp(CORE)) end)
end

describe("translate", function()
  on_a_handle()

  it("gives physical address, page size and entry", function()
    local pa, size, entry = k:translate(image.DATA + 4096 + 5)
    assert.are.equal(image.PHYS_B + 5, pa)
    assert.are.equal(4096, size)
    assert.are.equal(image.PHYS_B, entry & ~0xfff)
    pa, size, entry = k:translate(image.LARGE + 0x12345)
    assert.are.equal(0x8012345, pa)
    assert.are.equal(0x200000, size)
    assert.are.equal(0x8000000, entry & ~0xfff)
  end)

  it("says where a page would be that is not in the dump", function()
    assert.are.equal(image.PHYS_EXCLUDED + 9, (k:translate(image.HOLED + 4096 + 9)))
  end)

  it("leaves physical addresses as they are", function()
    assert.are.equal(0x1234, (k:translate(0x1234, "physical")))
  end)

  it("fails for addresses that are not mapped", function()
    local pa, message, code, addr, entry, size = k:translate(image.UNMAPPED)
    assert.is_nil(pa)
    assert.matches("not mapped", message, 1, true)
    assert.are.equal("fault", code)
    assert.are.equal(image.UNMAPPED, addr)
    local level = tonumber(message:match "level (%d)")
    assert.are.same({0, 1 << 12 + 9 * (level - 1)}, {entry, size})
    assert.are.equal(4, select("#", k:translate(1 << 60))) -- no table says so: it is no address
  end)

  it("raises for wrong arguments", function()
    assert.is_true(badargs.check(k.translate, "translate", {k, image.TEXT, "virtual"}, {"any", "integer", "space"}) > 6)
  end)
end)

describe("regions", function()
  on_a_handle()

  it("gives what the kernel maps, neighbours joined, in ascending order", function()
    local expected = {}
    for _, r in ipairs{{image.LARGE, 0x200000}, {image.DATA, 8192}, {image.HOLED, 3 * 4096}, {image.LONE, 4096}, {image.TEXT, 0x40000}} do
      expected[#expected + 1] = ("%x-%x"):format(r[1], r[1] + r[2])
    end
    assert.are.same(expected, all(k:regions()))
    assert.are.same(expected, all(k:regions("virtual")))
  end)

  it("gives the physical memory that is in the dump", function()
    local list = all(k:regions("physical"))
    local first = ("%x-%x"):format(image.PHYS_A, image.PHYS_A + 4096)
    assert.are.equal(first, list[1])
    assert.are.equal("8000000-8002000", list[#list])
    local last = 0
    for from, to in k:regions("physical") do
      assert.is_true(from > last and to > from)
      assert.is_string(k:read(from, to - from, "physical"))
      assert.is_nil((k:read(to, 1, "physical")))
      last = to
    end
  end)

  it("gives more ranges than one batch holds", function()
    local kernel = linux.build()
    for i = 1, 200 do kernel.memory:write(0x40000000 + i * 0x2000, "x") end
    local h = harness.open(harness.temp(kernel:elf()))
    local count = 0
    for from, to in h:regions("physical") do
      if from >= 0x40000000 then
        count = count + 1
        assert.are.equal(0x40000000 + count * 0x2000, from)
        assert.are.equal(from + 0x1000, to)
      end
    end
    assert.are.equal(200, count)
  end)

  it("gives a process's own mappings, without the kernel's", function()
    local kernel = linux.build()
    local h = harness.open(harness.temp(kernel:elf()))
    local p = h:procs("pid", 1)()
    local count = 0
    for from, to in h:regions(p) do
      count = count + 1
      assert.is_true(from >= 0 and to > from)
      assert.is_truthy(h:translate(from, p))
    end
    assert.is_true(count > 0)
    assert.are.same(all(h:regions(p)), all(h:regions(1)))
  end)

  it("raises for a process that is not there, and for wrong arguments", function()
    local h = harness.open(harness.temp(linux.build():elf()))
    local ok, err = pcall(h.regions, h, 31337)
    assert.is_false(ok)
    assert.are.equal("notfound", err.code)
    assert.is_true(badargs.check(k.regions, "regions", {k, "virtual"}, {"any", "space"}) > 2)
  end)
end)
