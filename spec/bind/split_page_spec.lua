-- SPDX-License-Identifier: BSD-2-Clause
-- A page of which the dump has parts in several places of the file, or only a part.
local harness = require "spec.support.harness"
local image = require "spec.support.image"

-- The core with the page at PHYS_A as these parts of it: a list of {first byte, last byte}, from 1.
local function with_parts(parts)
  local Memory = require "spec.support.build.memory"
  local runs = Memory.runs
  Memory.runs = function(memory)
    local out = {}
    for _, run in ipairs(runs(memory)) do
      if run.pa ~= image.PHYS_A then
        out[#out + 1] = run
      else
        for _, part in ipairs(parts) do
          out[#out + 1] = {pa = run.pa + part[1] - 1, bytes = run.bytes:sub(part[1], part[2])}
        end
      end
    end
    return out
  end
  local core = image.build()
  Memory.runs = runs
  return core
end

describe("a page in parts", function()
  harness.guard()

  local function check(k)
    assert.are.equal(image.PAGE_A:byte(1), k:u8(image.DATA))
    assert.are.equal(image.PAGE_A, k:read(image.DATA, 4096))
    assert.are.equal(image.PAGE_A:sub(901, 1100), k:read(image.DATA + 900, 200))
    for off = 980, 1010 do assert.are.equal(("<i8"):unpack(image.PAGE_A, off + 1), k:u64(image.DATA + off)) end
    assert.are.same({image.DATA + 990}, {k:search(image.PAGE_A:sub(991, 1020), {from = image.DATA})()})
  end

  it("is read as a whole, whatever the order of its parts in the file", function()
    check(harness.open(harness.temp(with_parts{{1, 1000}, {1001, 4096}})))
    check(harness.open(harness.temp(with_parts{{1001, 4096}, {1, 1000}})))
    check(harness.open(harness.temp(with_parts{{3000, 4096}, {1, 1000}, {1001, 2999}})))
  end)

  it("is read up to where it ends", function()
    local k = harness.open(harness.temp(with_parts{{1, 1000}}))
    assert.are.equal(image.PAGE_A:sub(1, 1000), k:read(image.DATA, 1000))
    local bytes, _, code, addr = k:read(image.DATA + 10, 4000)
    assert.is_nil(bytes)
    assert.is_true(code == "fault" or code == "excluded")
    assert.are.equal(image.DATA + 1000, addr)
    local ok, err = pcall(k.u64, k, image.DATA + 996)
    assert.is_false(ok)
    assert.are.equal(image.DATA + 1000, err.addr)
  end)
end)
