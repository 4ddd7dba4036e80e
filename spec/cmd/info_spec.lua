-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local info = require "kvm.cmd.info"

describe("kvm.cmd.info", function()
  it("is one record of what k:info says", function()
    local k, asked = fake.new {facts = {phys_base = -4096}}, nil
    local plain = k.info
    function k.info(self, how)
      asked = how
      return plain(self)
    end
    local r = fake.collect(info.run(k))
    assert.are.equal(1, #r)
    assert.are.same({"6.1.0-fake", -4096}, {r[1].release, r[1].phys_base})
    assert.are.same({}, asked)
    info.run(k, {full = true})
    assert.are.same({full = true}, asked)
  end)

  it("prints VMCOREINFO sorted and escaped", function()
    local rec = {vmcoreinfo = {["SIZE(b)"] = "2", OSRELEASE = "6.1\27[2J"}}
    assert.are.equal("OSRELEASE=6.1\\x1b[2J\nSIZE(b)=2\n", info.text(rec, {vmcoreinfo = true}))
    assert.is_nil(info.text(rec, {}))
  end)
end)
