-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local linux = require "spec.support.build.linux"
local utsname = require "kvm.linux.utsname"

describe("kvm.linux.utsname", function()
  harness.guard()

  for _, release in ipairs(linux.releases) do
    it("tells the names and the banner of " .. release, function()
      local kernel = linux.build {release = release, uts = {nodename = "a-node", domainname = "(none)"}}
      local k = harness.open(harness.temp(kernel:elf()))
      assert.are.equal("a-node", utsname.field(k, "nodename"))
      local all = utsname.of(k:object("init_uts_ns", "struct uts_namespace"))
      assert.are.same({sysname = "Linux", nodename = "a-node", release = kernel.name, version = "#1 SMP", machine = "x86_64",
        domainname = "(none)"}, all)
      assert.are.equal(("Linux version %s (built) #1 SMP"):format(kernel.name), utsname.banner(k))
    end)
  end

  it("raises for a name that there is not, and for memory that is not there", function()
    local k = harness.open(harness.temp(linux.build():elf()))
    assert.are.equal("notfound", select(2, kvm.try(utsname.field, k, "surname")).code)
    local ns = k:object(0x1000, "struct uts_namespace")
    assert.are.equal("fault", select(2, kvm.try(utsname.of, ns)).code)
  end)
end)
