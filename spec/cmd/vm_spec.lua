-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local command = require "kvm.cmd.vm"
local one_task = require "spec.support.one_task"

describe("kvm.cmd.vm", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = files.open() end)
  one_task(function() return {pid = 7, tid = 7, comm = "one", mm = 0}, task end)

  local function records(opts) return fake.collect(command.run(k, opts)) end

  it("tells of each area", function()
    local r = records {}
    assert.are.equal(4, #r)
    assert.are.same({pid = 7, comm = "one", start = 0x1000, ["end"] = 0x3000, size = 0x2000, permissions = "r-xp", flags = 5,
      flag_names = {"rd", "ex"}, offset = 0x2000, dev = "254:17", inode = 12, addr = files.area(0), mm = 0, name = "/srv/dir/file"}, r[1])
    assert.are.same({"[heap]", 0, "0:0", 0}, {r[2].name, r[2].offset, r[2].dev, r[2].inode})
    assert.are.equal(1, #records {path = "[sta"})
    assert.are.same({}, records {pids = {99}})
  end)

  it("names what can't be read, and where it stopped", function()
    set("vm_area_struct", files.area(0), {vm_file = memory.UNMAPPED})
    set("vm_area_struct", files.area(1), {vm_next = memory.UNMAPPED})
    local r = records {}
    assert.are.same({3, {"dev", "inode", "name"}, "fault"}, {#r, r[1].partial, r[3].code})
  end)

  it("has none for a task without", function()
    set("opened", files.TASK, {mm = 0})
    assert.are.same({}, records {})
  end)

  describe("of pages", function()
    local Handle = require "kvm.core".Handle
    local of_handles = Handle.translate
    after_each(function()
      Handle.translate = of_handles
      memory.forget()
    end)

    -- Where pages are: a page, a page in swap, one poisoned, then a table that there is not.
    local ENTRIES = {[0x1000] = true, [0x2000] = 0 << 59 | 7, [0x7000] = 9 << 59 | 7, [0xf000] = 0}
    local function translate(_, addr)
      local entry = ENTRIES[addr]
      if entry == true then return 0x5000, 4096, 1 end
      if entry == nil then return nil, "no table", "excluded", addr end
      return nil, "not mapped", "fault", addr, entry, entry == 0 and 0x200000 or 4096
    end

    it("counts those in memory and in swap, and says where it can't", function()
      memory.symbols {swap_info = memory.START + 0x1800, nr_swapfiles = memory.START + 0x1808}
      assert(k:write(memory.START + 0x1800, ("<I8I4"):pack(memory.START + 0x1880, 1)))
      Handle.translate = translate
      local r = records {pages = true}
      assert.are.same({4096, 4096}, {r[1].present_bytes, r[1].swapped_bytes})
      assert.are.same({0, 0}, {r[2].present_bytes, r[2].swapped_bytes})
      assert.are.same({0, 0}, {r[3].present_bytes, r[3].swapped_bytes})
      assert.are.same({"present_bytes"}, r[4].partial)
    end)

    it("passes over what no table is there for", function()
      local calls = 0
      Handle.translate = function(_, addr)
        calls = calls + 1
        return nil, "not mapped", "fault", addr, 0, 1 << 30
      end
      assert.are.equal(4, #records {pages = true})
      assert.are.equal(4, calls)
    end)
  end)

  it("tells what an address space uses", function()
    local r = records {summary = true}
    assert.are.same({1, 7, "one", 0}, {#r, r[1].pid, r[1].comm, r[1].mm})
    assert.are.equal(40 * 4096, r[1].size_bytes)
    assert.are.equal(5 * 4096, r[1].rss_bytes)
  end)
end)
