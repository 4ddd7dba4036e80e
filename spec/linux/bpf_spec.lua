-- SPDX-License-Identifier: BSD-2-Clause
local bpf = require "kvm.linux.bpf"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.bpf"
local memory = require "spec.support.memory"

describe("kvm.linux.bpf", function()
  harness.guard()
  local k, set
  before_each(function() k, set = made.open() end)
  after_each(memory.forget)

  it("gives programs, maps and links by id", function()
    local function all(step) return (memory.collect(step, function(id, o) return {id, kvm.addr(o), bpf.kind(o)} end)) end
    assert.are.same({{1, made.at.PROG, "socket_filter"}}, all(bpf.for_each_prog(k)))
    assert.are.same({{1, made.at.MAP, "hash"}}, all(bpf.for_each_map(k)))
    assert.are.same({{1, made.at.LINK, "tracing"}}, all(bpf.for_each_link(k)))
    assert.are.equal("a04f000102030405", bpf.tag(k:object(made.at.PROG, "struct bpf_prog")))
    local prog = k:object(made.at.PROG, "struct bpf_prog")
    assert.are.same({1}, bpf.map_ids(prog))
    set("bpf_prog_aux", made.at.AUX, {used_map_cnt = 0, used_maps = 0})
    assert.are.same({}, bpf.map_ids(prog))
    set("bpf_prog_aux", made.at.AUX, {used_map_cnt = 1 << 20})
    assert.are.equal("format", select(2, kvm.try(bpf.map_ids, prog)).code)
    set("bpf_map", made.at.MAP, {map_type = 77})
    assert.are.equal("77", bpf.kind(k:object(made.at.MAP, "struct bpf_map")))
  end)

  it("stops where it is damaged, and says what a kernel lacks", function()
    set("idr", made.at.PROGS, {["idr_rt.xa_head"] = memory.UNMAPPED + 2})
    local got, err = memory.collect(bpf.for_each_prog(k))
    assert.are.same({{}, "fault"}, {got, err.code})
    memory.forget()
    err = select(2, kvm.try(bpf.for_each_map, k))
    assert.matches("^this kernel has no BPF system call %(CONFIG_BPF_SYSCALL%)", err.message)
  end)
end)
