-- SPDX-License-Identifier: BSD-2-Clause
local bpf = require "kvm.cmd.bpf"
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local made = require "spec.support.bpf"
local memory = require "spec.support.memory"

describe("kvm.cmd.bpf", function()
  harness.guard()
  local k, set
  before_each(function() k, set = made.open() end)
  after_each(memory.forget)

  it("tells of programs, maps and links", function()
    assert.are.same({
      {kind = "prog", id = 1, type = "socket_filter", name = "a-prog", tag = "a04f000102030405", instructions = 2, jited = true,
        loaded_ns = 99, uid = 1000, memory_bytes = 12288, map_ids = {1}, addr = made.at.PROG},
      {kind = "map", id = 1, type = "hash", name = "", key_bytes = 4, value_bytes = 8, entries = 16, flags = 0, addr = made.at.MAP},
      {kind = "link", id = 1, type = "tracing", program = 1, addr = made.at.LINK},
    }, fake.collect(bpf.run(k)))
    assert.are.equal("map", fake.collect(bpf.run(k, {maps = true}))[1].kind)
  end)

  it("names what can't be read, and goes on behind what is damaged", function()
    set("bpf_prog", made.at.PROG, {aux = memory.UNMAPPED})
    set("idr", made.at.MAPS, {["idr_rt.xa_head"] = memory.UNMAPPED + 2})
    local r = fake.collect(bpf.run(k))
    assert.are.same({{"name", "loaded_ns", "uid", "map_ids"}, "fault", {"program"}}, {r[1].partial, r[2].code, r[3].partial})
  end)
end)
