-- SPDX-License-Identifier: BSD-2-Clause
-- What is read of a struct module by itself; all of it together is in spec/cmd/mod_spec.lua.
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local module = require "kvm.linux.module"
local kvm_error = require "kvm.error"

-- A kernel with one module, and one whose types lack a member.
local function open(fields, without)
  fields.name = "m"
  local kernel = linux.build {modules = {fields, {name = "n", used_by = {"m"}}}}
  local k = harness.open(harness.temp(kernel:elf()))
  local view = without and setmetatable({}, {__index = function(_, key)
    if key ~= "type" then return function(_, ...) return k[key](k, ...) end end
    return function(_, ...)
      local t = k:type(...)
      return t and setmetatable({}, {__index = function(_, name)
        return function(_, member, ...)
          if name == "field" and member:find(without, 1, true) == 1 then return nil, "no member", "notfound" end
          return t[name](t, member, ...)
        end
      end})
    end
  end})
  return view or k, kernel.module_addr.m, kernel
end

describe("kvm.linux.module", function()
  harness.guard()

  it("counts references as /proc/modules does", function()
    for _, n in ipairs {-1, 0, 1, 70000} do
      local k, addr = open {refs = n}
      assert.are.equal(n, module.refs(k, addr))
    end
  end)

  it("has no references and users where modules can't be unloaded", function()
    local k, addr = open({}, "refcnt")
    assert.is_nil(module.refs(k, addr))
    k, addr = open({}, "source_list")
    assert.is_nil(module.users(k, addr))
  end)

  it("names the users", function()
    local k, addr, kernel = open {}
    assert.are.same({}, module.users(k, addr))
    assert.are.same({"m"}, module.users(k, kernel.module_addr.n))
  end)

  it("writes taints as letters", function()
    for text, mask in pairs {[""] = 0, P = 1, OE = 0x3000, ["PCOE"] = 0x3401, N = 1 << 18} do
      local k, addr = open {taints = mask}
      assert.are.equal(text, module.taints(k, addr))
    end
  end)

  it("knows the states", function()
    for state, name in pairs {[0] = "live", "coming", "going"} do
      local k, addr = open {state = state}
      assert.are.equal(name, module.state(k, addr))
    end
    local _, addr, kernel = open {}
    kernel:poke(addr + kernel.types:offset("module", "state"), ("<I4"):pack(77))
    local k = harness.open(harness.temp(kernel:elf()))
    assert.is_nil(module.state(k, addr))
  end)

  it("raises where there is no module", function()
    local k = open {}
    for _, name in ipairs {"refs", "users", "taints", "state"} do
      local _, err = kvm_error.try(module[name], k, 0x1000)
      assert.are.equal("fault", err and err.code, name)
    end
  end)
end)
