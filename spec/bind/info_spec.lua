-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local image = require "spec.support.image"

local CORE = image.build()
local path, k

local function on_a_handle()
  harness.guard()
  before_each(function()
    path = harness.temp(CORE)
    k = harness.open(path)
  end)
end

describe("info", function()
  on_a_handle()

  it("tells what was opened", function()
    local info = k:info()
    local lines = info.vmcoreinfo
    info.vmcoreinfo = nil
    assert.are.same({
      os = "linux", arch = "x86_64", byte_order = "little", pointer_size = 8, machine = "x86_64", release = image.RELEASE,
      build_id = "0123456789abcdef0123456789abcdef01234567",
      format = "ELF vmcore", incomplete = false, page_size = 4096, cpus = 2, kaslr_offset = image.KASLR, phys_base = image.PHYS_BASE,
      crash_time = 1700000000, path = path, vmcoreinfo_from = "note",
    }, info)
    assert.are.equal(image.RELEASE, lines.OSRELEASE)
    assert.are.equal("4096", lines.PAGESIZE)
    assert.are.equal(("%x"):format(image.TEXT), lines["SYMBOL(_stext)"])
  end)

  it("keeps what is behind the first = of a VMCOREINFO line, and skips what is no line", function()
    local h = harness.open(harness.temp(image.build{lines = {"A=b=c", "no line", "EMPTY="}}))
    local lines = h:info().vmcoreinfo
    assert.are.equal("b=c", lines.A)
    assert.are.equal("", lines.EMPTY)
    assert.is_nil(lines["no line"])
  end)

  it("finds out where symbols and types come from only when told to", function()
    assert.is_nil(k:info().symbols_from)
    assert.is_nil(k:info{full = false}.types_from)
    local info = k:info{full = true}
    assert.matches("^kallsyms", info.symbols_from)
    assert.are.equal("BTF", info.types_from)
  end)

  it("raises for wrong arguments and unknown options", function()
    assert.is_true(badargs.check(k.info, "info", {k, {}}, {"any", "?table"}) > 4)
    assert.has_error(function() k:info{fool = true} end, "unknown option 'fool'")
    assert.has_error(function() k:info{true} end, "unknown option '1'")
  end)
end)

describe("stats", function()
  on_a_handle()

  it("counts pages and walks of page tables", function()
    local before = k:stats()
    k:u64(image.DATA)
    local after = k:stats()
    assert.are.equal(before.tlb_misses + 1, after.tlb_misses)
    assert.is_true(after.pages_read > before.pages_read)
    for _ = 1, 1000 do k:u64(image.DATA + 8) end
    assert.are.same(after, k:stats())
    assert.are.equal(0, after.pages_decompressed)
  end)

  it("tells the cache that was asked for", function()
    assert.are.equal(1 << 20, harness.open{core = path, cache = 1 << 20}:stats().cache_bytes)
  end)
end)
