-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local mod = require "kvm.cmd.mod"
local module = require "kvm.linux.module"
local moduleparam = require "kvm.linux.moduleparam"
local text = require "kvm.cli.text"

local MODULES = {
  {name = "late", size = 0x3000, taints = 1 << 12 | 1 << 13, state = 1},
  {name = "user_b", size = 0x5000, used_by = {}},
  {name = "user_a", size = 0x6000, state = 2, refs = -1},
  {name = "base", size = 0x8000, used_by = {"user_b", "user_a"}, refs = 3, taints = 1 << 31},
}

local function open(release)
  local kernel = linux.build {release = release, modules = MODULES}
  return kernel, harness.open(harness.temp(kernel:elf()))
end

-- Memory in which some words are others; unreadable where the word is false.
local function changed(k, words)
  return setmetatable({}, {__index = function(_, key)
    if key ~= "i32" then return function(_, ...) return k[key](k, ...) end end
    return function(_, addr)
      if words[addr] == false then error(require "kvm.error".new {code = "excluded", message = "gone", addr = addr}) end
      return words[addr] or k:i32(addr)
    end
  end})
end

describe("kvm.cmd.mod", function()
  harness.guard()

  for _, release in ipairs(linux.releases) do
    it("tells of the modules of " .. release, function()
      local _, k = open(release)
      local r = fake.collect(mod.run(k))
      assert.are.equal(4, #r)
      assert.are.same({name = "late", addr = 0xffffffffc0010000, size = 0x3000, refs = 0, taints = "OE", state = "coming",
        used_by = {}, users = ""}, r[1])
      assert.are.same({"user_a", 0x6000, -1, "", "going"}, {r[3].name, r[3].size, r[3].refs, r[3].taints, r[3].state})
      assert.are.same({name = "base", addr = 0xffffffffc0040000, size = 0x8000, refs = 3, taints = "?", state = "live",
        used_by = {"user_b", "user_a"}, users = "user_b,user_a"}, r[4])
    end)
  end

  it("lists those that were asked for", function()
    local _, k = open "6.1"
    local names = {}
    for m in mod.run(k, {names = {"user*", "late"}}) do names[#names + 1] = m.name end
    assert.are.same({"late", "user_b", "user_a"}, names)
    assert.is_nil(mod.run(k, {names = {"lat"}})())
  end)

  it("picks those that taint, with what that means", function()
    local _, k = open "6.12"
    local r = fake.collect(mod.run(k, {tainting = true}))
    assert.are.same({"late", "base"}, {r[1].name, r[2].name})
    assert.are.same({"externally built (out-of-tree) module was loaded", "unsigned module was loaded"}, r[1].meanings)
    assert.are.same({"unknown flag, bit 31"}, r[2].meanings)
  end)

  it("tells parameters, sections and symbols", function()
    local read = {moduleparam.for_each, moduleparam.value, module.sections, module.symbols}
    finally(function() moduleparam.for_each, moduleparam.value, module.sections, module.symbols = table.unpack(read) end)
    function moduleparam.for_each()
      local names = {"b", "a", "c"}
      return function() return table.remove(names, 1), names end
    end
    local values = {"1", "x y"}
    function moduleparam.value() return table.remove(values, 1) end
    function module.sections() return {{name = ".text", addr = 0x1000}} end
    function module.symbols() return 98 end
    package.loaded["kvm.cmd.mod"] = nil
    local again = require "kvm.cmd.mod" -- with those functions
    package.loaded["kvm.cmd.mod"] = mod
    local _, k = open "6.1"
    local m = again.run(k, {names = {"base"}, parameters = true, sections = true})()
    assert.are.same({{b = "1", a = "x y"}, "a=x y b=1", {{name = ".text", addr = 0x1000}}, ".text=0x1000", 98},
      {m.parameters, m.values, m.sections, m.places, m.symbols})
  end)

  it("names the additions that can't be read", function()
    local _, k = open "6.1" -- its struct module has no parameters
    local m = mod.run(k, {names = {"base"}, parameters = true})()
    assert.are.same({nil, {"parameters"}, ""}, {m.parameters, m.partial, m.values})
  end)

  it("is a table as text", function()
    local _, k = open "6.12"
    local out = {}
    text.render(mod, mod.run(k, {names = {"base"}}), {}, function(s) out[#out + 1] = s end)
    assert.are.equal("MODULE                   ADDRESS                 SIZE REFS TAINTS STATE  USED BY\n"
      .. "base                     0xffffffffc0040000     32768    3 ?      live   user_b,user_a\n", table.concat(out))
  end)

  it("names what can't be read of a module", function()
    local kernel, k = open "6.1"
    local refs = kernel.module_addr.base + kernel.types:offset("module", "refcnt")
    local m = mod.run(changed(k, {[refs] = false}), {names = {"base"}})()
    assert.are.same({nil, {"refs"}, "live"}, {m.refs, m.partial, m.state})
  end)

  it("raises where the list is broken, behind what was found", function()
    local kernel = linux.build {modules = MODULES}
    local node = kernel.module_addr.user_b + kernel.types:offset("module", "list")
    kernel:poke(node + 8, ("<i8"):pack(node)) -- its prev
    local k = harness.open(harness.temp(kernel:elf()))
    local names = {}
    local ok, err = pcall(function()
      for m in mod.run(k) do names[#names + 1] = m.name end
    end)
    assert.are.same({false, "format", node}, {ok, err.code, err.addr})
    assert.are.equal("late", names[1])
  end)

  it("does not follow users in a circle", function()
    local kernel = linux.build {modules = MODULES}
    local head = kernel.module_addr.base + kernel.types:offset("module", "source_list")
    kernel:poke(head + 8, ("<i8"):pack(head))
    local m = mod.run(harness.open(harness.temp(kernel:elf())), {names = {"base"}})()
    assert.are.same({nil, {"used_by"}, 3}, {m.used_by, m.partial, m.refs})
  end)
end)
