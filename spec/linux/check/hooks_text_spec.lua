-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local strangers = require "spec.support.strangers"

local S = memory.START
local FUNCTION, PROBES, PROBE, CELL = S + 0x100, S + 0x1000, S + 0x1400, S + 0x800

describe("kvm.linux.check.hooks_text", function()
  harness.guard()
  strangers(S, S + 0x1000, 0)
  local k
  before_each(function()
    k = memory.open [[
      struct hlist_node { struct hlist_node *next, **pprev; };
      struct hlist_head { struct hlist_node *first; };
      struct kprobe { struct hlist_node hlist; struct list_head list; void *addr; void *pre_handler, *post_handler; };
    ]]
    memory.symbols {tcp4_seq_show = FUNCTION, kprobe_table = PROBES}
  end)
  after_each(memory.forget)

  local function run(bytes)
    assert(k:write(FUNCTION, bytes .. ("\x90"):rep(20)))
    return checks.run("hooks_text", checks.new(k))
  end
  local function near(opcode, to) return opcode .. ("<i4"):pack(to - FUNCTION - 5) end

  it("is quiet about code as the kernel has it", function()
    for _, bytes in ipairs {"\x0f\x1f\x44\0\0", "\x55\x48\x89\xe5", near("\xe9", S + 0x500), near("\xe8", S + 0x500),
      near("\xe8", FUNCTION + 0x4000000), "\x48\xb8\0\0\0\0\0\0\0\0\xc3"} do
      assert.are.same({}, (run(bytes)))
    end
  end)

  it("finds each way to lead out of the kernel", function()
    assert(k:write(CELL, ("<I8"):pack(0x5010)))
    local evil = ("<I8"):pack(0x5010)
    for how, bytes in pairs {["jmp through memory"] = "\xff\x25" .. ("<i4"):pack(CELL - FUNCTION - 6),
      ["mov to rax; jmp rax"] = "\x48\xb8" .. evil .. "\xff\xe0", ["mov to rax; push; ret"] = "\x48\xb8" .. evil .. "\x50\xc3",
      ["mov to r11; jmp r11"] = "\x49\xbb" .. evil .. "\x41\xff\xe3", ["push; ret"] = "\x68\x10\x50\0\0\xc3"} do
      for _, pad in ipairs {"", "\xf3\x0f\x1e\xfa"} do
        if pad == "" or how ~= "jmp through memory" then
          local f = run(pad .. bytes)
          assert.are.same({"critical", {"evil"}, {"tcp4_seq_show"}}, {f[1].severity, f[1].modules, f[1].functions})
          assert.are.equal(("tcp4_seq_show begins with a %s to 0x5010 in module evil"):format(how), f[1].title)
        end
      end
    end
    local f = run(near("\xe9", S + 0x1800))
    assert.matches("begins with a jmp to .* in no code", f[1].title)
  end)

  it("is quiet about jumps that kprobes wrote", function()
    memory.set(k, "struct kprobe", PROBE, {addr = FUNCTION})
    assert(k:write(PROBES + 8 * 5, ("<I8"):pack(PROBE)))
    assert(k:write(PROBE + 8, ("<I8"):pack(PROBES + 8 * 5)))
    assert.are.same({}, (run(near("\xe9", S + 0x1800))))
  end)

  it("passes over functions that the dump lacks", function()
    memory.symbols {tcp4_seq_show = memory.UNMAPPED}
    local found, err = checks.run("hooks_text", checks.new(k))
    assert.are.same({{}, nil}, {found, err})
  end)
end)
