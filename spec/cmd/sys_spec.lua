-- SPDX-License-Identifier: BSD-2-Clause
local cpu_made = require "spec.support.cpu"
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local memory = require "spec.support.memory"
local param_made = require "spec.support.moduleparam"
local sys = require "kvm.cmd.sys"
local sysctl_made = require "spec.support.sysctl"
local text = require "kvm.cli.text"

local function render(k, opts)
  local out = {}
  text.render(sys, sys.run(k, opts), opts, function(s) out[#out + 1] = s end)
  return table.concat(out)
end

describe("kvm.cmd.sys", function()
  harness.guard()
  after_each(memory.forget)

  for _, release in ipairs(linux.releases) do
    it("tells of a kernel of " .. release .. ", and names what it can't read", function()
      local kernel = linux.build {release = release, taint = 1 << 12, panic_cpu = 1}
      local k = harness.open(harness.temp(kernel:elf()))
      local list = fake.collect(sys.run(k))
      local r = list[1]
      assert.are.equal(1, #list)
      assert.are.same({kernel.name, "Linux", "built", "x86_64", 2, 2, 2, 60 * 1000000000}, {r.release, r.sysname, r.nodename, r.machine,
        r.cpus_online, r.cpus_present, r.cpus_possible, r.uptime_ns})
      assert.are.same({("Linux version %s (built) #1 SMP"):format(kernel.name), "built to crash", 1, {1.5, 0.25, 0.125}},
        {r.banner, r.panic, r.panic_cpu, r.loadavg})
      assert.are.same({0x1000, {"O: externally built (out-of-tree) module was loaded"}}, {r.taint, r.taints})
      assert.are.equal(1700000000, r.time)
      local partial = {}
      for _, name in ipairs(r.partial) do partial[name] = true end
      assert.is_true(partial.hardware and partial.command_line and partial.tsc_khz) -- built kernels have none
      assert.is_nil(partial.release)
      assert.matches("taints +O: externally built", render(k, {}))
    end)
  end

  it("lists sysctl values by name", function()
    local k = sysctl_made.open {{"alpha", "proc_dointvec", ("<i4"):pack(7)}, {"beta", "a_function_of_its_own", "x"},
      {"gamma", "proc_dostring", "two\nlines\27\0"}}
    assert.are.same({{name = "kernel.alpha", value = "7", printed_by = "proc_dointvec"},
      {name = "kernel.beta", printed_by = "a_function_of_its_own"},
      {name = "kernel.gamma", value = "two\nlines\27", printed_by = "proc_dostring"}}, fake.collect(sys.run(k, {what = "sysctl"})))
    for _, name in ipairs {"kernel.al*", "kernel/alpha"} do
      assert.are.equal(1, #fake.collect(sys.run(k, {what = "sysctl", names = {name}})))
    end
    assert.are.equal("kernel.alpha = 7\nkernel.beta: computed by a_function_of_its_own\nkernel.gamma = two\\nlines\\x1b\n",
      render(k, {what = "sysctl"}))
  end)

  it("names values that can't be read, and where a tree stopped", function()
    local k, set = sysctl_made.open {{"alpha", "proc_dointvec", ("<i4"):pack(7)}}
    set("ctl_table", sysctl_made.at.TABLE, {data = memory.UNMAPPED})
    local r = fake.collect(sys.run(k, {what = "sysctl"}))
    assert.are.same({nil, {"value"}}, {r[1].value, r[1].partial})
    assert.are.equal("kernel.alpha: it can't be read\n", render(k, {what = "sysctl"}))
    set("ctl_dir", sysctl_made.at.DIR, {["root.rb_node"] = memory.UNMAPPED})
    assert.are.equal("fault", fake.collect(sys.run(k, {what = "sysctl"}))[1].code)
  end)

  it("lists parameters by module", function()
    local k = param_made.open {{"mod.one", "param_get_bool", "\1"}, {"two", "get_of_its_own", "x"}, {"other.x", "param_get_bool", "\0", 0}}
    assert.are.same({{name = "mod.one", value = "Y", printed_by = "param_get_bool"}, {name = "kernel.two", printed_by = "get_of_its_own"},
      {name = "other.x"}}, fake.collect(sys.run(k, {what = "parameters"})))
    assert.are.equal("mod.one = Y\n", render(k, {what = "parameters", names = {"mod"}}))
    assert.are.equal("other.x: it has no value that can be read\n", render(k, {what = "parameters", names = {"other.*"}}))
  end)

  it("lists CPUs", function()
    local k, set = cpu_made.open(true)
    local expected = {cpu = 0, online = true, vendor = "GenuineIntel", family = 6, model = 85, stepping = 4, model_name = "A CPU",
      microcode = 0x42, package = 1, core = 2, flags = {"tsc", "lm"}, bugs = {"a_bug"}}
    assert.are.same({expected}, fake.collect(sys.run(k, {what = "cpus"})))
    assert.are.same({}, fake.collect(sys.run(k, {what = "cpus", names = {"1"}})))
    assert.matches("flags +tsc, lm\n", render(k, {what = "cpus"}))
    set {["topo.core_id"] = 9}
    assert.are.equal(9, sys.run(k, {what = "cpus"})().core)
  end)

  it("says what a kernel lacks, and what there is not", function()
    local k = memory.open()
    local ok, err = pcall(sys.run, k, {what = "config"})
    assert.are.same({false, "notfound"}, {ok, err.code})
    assert.matches("CONFIG_IKCONFIG", err.message)
    assert.matches("CONFIG_SYSCTL", fake.collect(sys.run(k, {what = "sysctl"}))[1].stopped)
    ok, err = pcall(sys.run, k, {what = "nonsense"})
    assert.are.same({false, '"nonsense" is none of config, sysctl, parameters, cpus'}, {ok, err.usage})
  end)

  it("lists the options of a configuration", function()
    local ikconfig = require "kvm.linux.ikconfig"
    local read = ikconfig.text
    finally(function() ikconfig.text = read end)
    function ikconfig.text() return "CONFIG_SMP=y\n# CONFIG_KASAN is not set\n" end
    assert.are.equal("CONFIG_SMP=y\nCONFIG_KASAN=n\n", render({}, {what = "config"}))
    assert.are.equal("CONFIG_KASAN=n\n", render({}, {what = "config", names = {"KA*"}}))
  end)
end)
