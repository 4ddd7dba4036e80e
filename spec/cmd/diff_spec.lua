-- SPDX-License-Identifier: BSD-2-Clause
local command = require "spec.support.command"
local diff = require "kvm.cmd.diff"
local harness = require "spec.support.harness"
local kvm = require "kvm"

local SAMPLE <const> = "examples/panic.kdump"

-- Commands that give these records of a handle, which is a list of them by the command's name.
local function with_commands(fn)
  local kept = {}
  for _, name in ipairs {"ps", "mod", "kmem", "sys"} do
    kept[name] = package.loaded["kvm.cmd." .. name]
    package.loaded["kvm.cmd." .. name] = {run = function(k, opts)
      local list, i = (opts.slab and k.slab or opts.events and k.events or k[name]) or {}, 0
      return function()
        i = i + 1
        if list[i] == "fault" then kvm.error.fail("fault", "gone") end
        return list[i]
      end
    end}
  end
  local ok, err = pcall(fn)
  for _, name in ipairs {"ps", "mod", "kmem", "sys"} do package.loaded["kvm.cmd." .. name] = kept[name] end
  assert(ok, err)
end

local function lines(before, after, kind)
  local out = {}
  for r in diff.run(before, {other = after, kind = kind}) do
    out[#out + 1] = r.stopped or ("%s %s %s %s %s %s"):format(r.kind, r.name, r.value, r.before or "-", r.after or "-", r.change or "-")
  end
  return out
end

describe("kvm.cmd.diff", function()
  harness.guard()

  it("tells what appeared, what is gone and what changed", function()
    with_commands(function()
      local before = {
        ps = {{pid = 1, comm = "init", state = "S", rss_bytes = 10}, {pid = 7, comm = "old", state = "R", rss_bytes = 5}},
        mod = {{name = "a", state = "live", size = 1, refs = 0}}, slab = {{name = "x", bytes = 4096, objects = 3}},
        sys = {{name = "kernel.x", value = "1"}}, events = {{name = "OOM_KILL", count = 4}},
      }
      local after = {
        ps = {{pid = 1, comm = "init", state = "D", rss_bytes = 30}, {pid = 7, comm = "new", state = "R"}},
        mod = {{name = "a", state = "live", size = 1, refs = 2}}, slab = {{name = "x", bytes = 4096, objects = 3}},
        sys = {{name = "kernel.x", value = "0"}}, events = {{name = "OOM_KILL", count = 9}},
      }
      assert.are.same({"task 1 init state S D -", "task 1 init rss_bytes 10 30 20", "task 7 old state R - -", "task 7 old rss_bytes 5 - -5",
        "task 7 new state - R -", "module a refs 0 2 2", "counter OOM_KILL count 4 9 5", "sysctl kernel.x value 1 0 -"},
        lines(before, after))
      assert.are.same({"module a refs 0 2 2"}, lines(before, after, {"module"}))
      assert.are.same({}, lines(before, before))
    end)
  end)

  it("keeps records of one name apart", function()
    with_commands(function()
      assert.are.same({"slab x #2 bytes 2 3 1"}, lines({slab = {{name = "x", bytes = 1}, {name = "x", bytes = 2}}},
        {slab = {{name = "x", bytes = 1}, {name = "x", bytes = 3}}}, {"slab"}))
    end)
  end)

  it("goes on behind a part that is damaged", function()
    with_commands(function()
      local before, after = {ps = {"fault"}, slab = {{name = "x", bytes = 1}}}, {slab = {{name = "x", bytes = 2}}}
      assert.are.same({"gone", "slab x bytes 1 2 1"}, lines(before, after))
    end)
  end)

  it("refuses what it does not compare, and dumps that it can't open", function()
    local ok, err = pcall(diff.run, {}, {other = {}, kind = {"weather"}})
    assert.are.same({false, 'diff compares no "weather"'}, {ok, err.usage})
    local k <close> = harness.open {core = SAMPLE}
    local _, why = kvm.try(diff.run, k, {other = "/nonexistent"})
    assert.matches("/nonexistent", why.message)
  end)

  it("finds nothing between a dump and itself", function()
    local out, message, status = command.run("diff", SAMPLE, SAMPLE, "-k", "module")
    assert.are.same({"", "luakvm: no difference\n", 1}, {out, message, status})
  end)
end)
