-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm_error = require "kvm.error"
local memory = require "spec.support.memory"
local nodemask = require "kvm.linux.nodemask"

local DECLARATIONS = [[
  typedef struct { unsigned long bits[2]; } nodemask_t;
  enum node_states { N_POSSIBLE, N_ONLINE, N_CPU, NR_NODE_STATES };
]]

describe("kvm.linux.nodemask", function()
  harness.guard()

  it("gives the nodes of a mask and of a state", function()
    local k = memory.open(DECLARATIONS)
    assert(k:write(memory.START, ("<I8I8I8I8I8I8"):pack(-1, -1, 1 | 1 << 5, 1 << 1, 1, 0)))
    memory.symbols {node_states = memory.START}
    finally(memory.forget)
    local mask = k:object(memory.START + 16, "nodemask_t")
    assert.are.same({0, 5, 65}, (memory.collect(nodemask.for_each_node(mask))))
    assert.are.same({3, {0, 5, 65}, {0}}, {nodemask.weight(mask), nodemask.of(k, "N_ONLINE"), nodemask.of(k, "N_CPU")})
    assert.are.equal(128, #nodemask.of(k, "N_POSSIBLE"))
    assert.are.equal("notfound", select(2, kvm_error.try(nodemask.of, k, "N_ABSENT")).code)
    assert.has_error(function() nodemask.weight(1) end)
    assert.has_error(function() nodemask.for_each_node(k:object(memory.START, "struct list_head")) end)
  end)
end)
