-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local kvm_error = require "kvm.error"
local memory = require "spec.support.memory"
local net_namespace = require "kvm.linux.net_namespace"
local netfilter = require "kvm.linux.netfilter"
local strangers = require "spec.support.strangers"

local S = memory.START

describe("kvm.linux.check.hooks_netfilter", function()
  harness.guard()
  strangers(0x1000, 0x2000, S)
  local k, hooks
  local for_each_net, for_each_hook = net_namespace.for_each_net, netfilter.for_each_hook
  before_each(function()
    k = memory.open "struct module { unsigned long taints; };"
    hooks = {}
    function net_namespace.for_each_net() return coroutine.wrap(function() coroutine.yield {} end) end
    function netfilter.for_each_hook()
      return coroutine.wrap(function()
        for i, addr in ipairs(hooks) do
          if addr == "damage" then kvm_error.fail("format", "damaged") end
          coroutine.yield {family = i < 3 and "ip" or "netdev", hook = "input", priority = i, func_addr = addr, addr = 0x100 + i,
            device = i >= 3 and "eth0" or nil}
        end
      end)
    end
  end)
  after_each(function() net_namespace.for_each_net, netfilter.for_each_hook = for_each_net, for_each_hook end)

  local function run() return checks.run("hooks_netfilter", checks.new(k)) end

  it("is quiet about functions of the kernel and of modules of its tree", function()
    hooks = {0x1000, 0x5010}
    assert.are.same({}, (run()))
  end)

  it("names out-of-tree modules without alarm, and functions that are nobody's", function()
    memory.set(k, "struct module", S, {taints = 1 << 12})
    hooks = {0x5010, 0x9000, 0x5010, "damage"}
    local f, err = run()
    assert.are.same({"info", {"evil"}}, {f[1].severity, f[1].modules})
    assert.are.same({"ip input, priority 1: struct nf_hook_ops 0x101", "netdev input of eth0, priority 3: struct nf_hook_ops 0x103"},
      f[1].evidence)
    assert.are.same({"error", "packets pass through 0x9000, in no code of the kernel or a module, of no module that the kernel lists"},
      {f[2].severity, f[2].title})
    assert.are.equal("damaged", err.message)
  end)
end)
