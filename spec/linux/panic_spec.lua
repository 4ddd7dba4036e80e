-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local panic = require "kvm.linux.panic"

local function with(symbols, fmt, ...)
  local k = fake.new {symbols = symbols}
  return k:map(0x1000, fmt:pack(...))
end

describe("kvm.linux.panic.taint", function()
  it("names the flags that are set", function()
    local mask, flags = panic.taint(with({tainted_mask = 0x1000}, "<I8", 1 << 0 | 1 << 9 | 1 << 18))
    assert.are.equal(0x40201, mask)
    assert.are.same({"P", "W", "N"}, {flags[1].letter, flags[2].letter, flags[3].letter})
    assert.are.equal("kernel issued a warning", flags[2].meaning)
  end)

  it("has the letters of the kernel's own table, in its order", function()
    local _, flags = panic.taint(with({tainted_mask = 0x1000}, "<I8", (1 << 20) - 1))
    local letters = {}
    for i, f in ipairs(flags) do letters[i] = f.letter end
    assert.are.equal("PFSRMBUDAWCIOELKXTNJ", table.concat(letters))
  end)

  it("shows a flag that it does not know by its bit", function()
    local _, flags = panic.taint(with({tainted_mask = 0x1000}, "<I8", 1 << 63))
    assert.are.same({{bit = 63, meaning = "unknown flag, bit 63"}}, flags)
  end)

  it("is empty for a clean kernel, and raises without the symbol", function()
    local mask, flags = panic.taint(with({tainted_mask = 0x1000}, "<I8", 0))
    assert.are.same({0, {}}, {mask, flags})
    assert.has_error(function() panic.taint(fake.new()) end)
  end)
end)

describe("kvm.linux.panic.cpu", function()
  it("takes panic_cpu, else crashing_cpu", function()
    local both = {panic_cpu = 0x1000, crashing_cpu = 0x1004}
    assert.are.same({3, "panic_cpu"}, {panic.cpu(with(both, "<i4i4", 3, 3))})
    assert.are.same({1, "crashing_cpu"}, {panic.cpu(with(both, "<i4i4", -1, 1))})
    assert.are.same({0, "panic_cpu"}, {panic.cpu(with(both, "<i4i4", 0, -1))})
  end)

  it("is nil while the kernel runs", function()
    assert.is_nil(panic.cpu(with({panic_cpu = 0x1000, crashing_cpu = 0x1004}, "<i4i4", -1, -1)))
  end)

  it("raises when the kernel has neither variable", function()
    assert.has_error(function() panic.cpu(fake.new()) end)
  end)
end)

describe("kvm.linux.panic.log_scanner", function()
  local function scan(lines)
    local feed, found = panic.log_scanner()
    for i, text in ipairs(lines) do feed {text = text, time_ns = i * 1000} end
    return found
  end

  it("finds the panic, what began it, and where", function()
    local found = scan {
      "BUG: kernel NULL pointer dereference, address: 0000000000000000", "#PF: supervisor write access in kernel mode",
      "Oops: 0002 [#1] PREEMPT SMP NOPTI", "RIP: 0010:sysrq_handle_crash+0x16/0x20", "RIP: 0033:0x4a3b",
      "Kernel panic - not syncing: Fatal exception\nmore", "RIP: 0010:other+0x1/0x2",
    }
    assert.are.equal("Fatal exception", found.message)
    assert.are.equal("BUG: kernel NULL pointer dereference, address: 0000000000000000", found.trouble)
    assert.are.equal("sysrq_handle_crash+0x16/0x20", found.location)
  end)

  it("finds nothing in a peaceful log", function()
    assert.are.same({}, scan {"random: crng init done", "not a Kernel panic - not syncing: quoted", "DEBUG: x"})
  end)

  it("takes the last trouble when they are apart", function()
    local feed, found = panic.log_scanner()
    feed {text = "BUG: first", time_ns = 0}
    feed {text = "BUG: second", time_ns = 5000000000}
    feed {code = "excluded"}
    assert.are.equal("BUG: second", found.trouble)
  end)
end)
