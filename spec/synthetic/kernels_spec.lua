-- SPDX-License-Identifier: BSD-2-Clause
-- The layouts that the kernel had in 5.10, 6.1, 6.12 and 7.2 (state and __state, rss_stat as counters and as per-CPU
-- counters, threads with and without thread_group, current_task, the tables of kallsyms), and the ways in which it is
-- mapped.
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local kallsyms = require "spec.support.build.kallsyms"
local whole = require "spec.synthetic.whole"

local SME <const> = 1 << 47

local function check(opts)
  local kernel = linux.build(opts)
  whole.check(kernel, harness.open(harness.temp(kernel:elf())), {no_memory = true})
end

describe("a kernel", function()
  harness.guard()

  for _, release in ipairs(linux.releases) do
    for levels = 4, 5 do
      it(("of %s with %d levels of page tables is read"):format(release, levels), function()
        check {release = release, levels = levels}
      end)
    end
  end

  it("is read where it was not moved", function()
    check {kaslr = 0, phys_base = 0}
    check {kaslr = 0, phys_base = 0x1000000}
  end)

  it("is read where it was moved far", function()
    check {kaslr = 0x3e000000 - 0x1000000, phys_base = -0x3d000000 + 0x1000000}
  end)

  it("is read where AMD's encryption bit is set in its page tables", function()
    check {encryption = SME, release = "6.12"}
  end)

  it("is read where its direct map has pages of 1 GB", function()
    check {large_direct_map = true}
  end)

  it("without tasks but init_task has none", function()
    local kernel = linux.build {tasks = {{pid = 1, comm = "init", args = {"x"}, environ = {}}}, running = {1, 1}}
    whole.tasks(kernel, harness.open(harness.temp(kernel:elf())))
  end)

  it("with an empty log has no records", function()
    local kernel = linux.build {log = {}}
    whole.log(kernel, harness.open(harness.temp(kernel:elf())))
  end)

  it("without types has symbols and no tasks", function()
    local kernel = linux.build {no_btf = true}
    local k = harness.open(harness.temp(kernel:elf()))
    whole.symbols(kernel, k)
    local ok, err = pcall(function() return k:procs()() end)
    assert.is_false(ok)
    assert.are.equal("unsupported", err.code)
    assert.matches("BTF", tostring(err), 1, true)
  end)

  it("has no tables of symbols that the builder does not know", function()
    assert.are.same({"5.10", "6.1", "6.4", "7.2"}, kallsyms.layouts)
  end)
end)
