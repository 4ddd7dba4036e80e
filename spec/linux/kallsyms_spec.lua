-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local kallsyms = require "kvm.linux.kallsyms"

local function code_of(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err.code, err.message
end

describe("kvm.linux.kallsyms", function()
  local k = fake.new {symbols = {old_name = 0x1000}}

  it("gives the address of a symbol", function()
    assert.are.equal(0x1000, kallsyms.address(k, "old_name"))
    assert.are.equal("notfound", (code_of(kallsyms.address, k, "no_name")))
  end)

  it("gives the first of a list", function()
    assert.are.same({0x1000, "old_name"}, {kallsyms.first(k, {"new_name", "old_name"})})
    local code, message = code_of(kallsyms.first, k, {"a", "b"})
    assert.are.same({"notfound", "no symbol a or b"}, {code, message})
  end)

  it("names what a kernel was built without", function()
    assert.are.same({0x1000, "old_name"}, {kallsyms.need(k, {"new_name", "old_name"}, "such", "CONFIG_SUCH")})
    local code, message = code_of(kallsyms.need, k, {"a", "b"}, "such", "CONFIG_SUCH")
    assert.are.same({"notfound", "this kernel has no such (CONFIG_SUCH): no symbol a or b"}, {code, message})
  end)

  it("does not call a table that can't be read a missing symbol", function()
    local broken = fake.new()
    function broken.symbol() return nil, "kallsyms: cut off", "excluded", 5 end
    assert.are.same({"excluded", "kallsyms: cut off"}, {code_of(kallsyms.first, broken, {"a", "b"})})
    assert.are.same({"excluded", "kallsyms: cut off"}, {code_of(kallsyms.address, broken, "a")})
    assert.are.same({"excluded", "kallsyms: cut off"}, {code_of(kallsyms.need, broken, {"a"}, "such", "CONFIG_SUCH")})
  end)

  it("calls by name what stands at an address", function()
    assert.are.same({"old_name", "0x1004", "0x0"}, {kallsyms.symbol_name(k, 0x1000), kallsyms.symbol_name(k, 0x1004),
      kallsyms.symbol_name(k, 0)})
  end)
end)
