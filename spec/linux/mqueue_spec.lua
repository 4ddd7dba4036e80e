-- SPDX-License-Identifier: BSD-2-Clause
local dcache = require "kvm.linux.dcache"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.mqueue"
local memory = require "spec.support.memory"
local mqueue = require "kvm.linux.mqueue"

describe("kvm.linux.mqueue", function()
  harness.guard()
  after_each(memory.forget)

  for _, hashed in ipairs {false, true} do
    it("gives queues and their messages, children on a " .. (hashed and "hlist" or "list"), function()
      local k, ns = made.open(hashed)
      assert.is_true(mqueue.is_there(k))
      assert.are.same({{"a-queue", made.at.QUEUE}}, (memory.collect(mqueue.for_each(ns), function(name, q) return {name, kvm.addr(q)} end)))
      local _, queue = mqueue.for_each(ns)()
      assert.are.same({{priority = 9, text = "high", addr = made.at.SECOND}, {priority = 1, text = "low", addr = made.at.FIRST}},
        mqueue.messages(queue))
      assert.are.equal(2, #(memory.collect(dcache.for_each_child(k:object(made.at.ROOT, "struct dentry")))))
    end)

    it("stops where it is damaged, children on a " .. (hashed and "hlist" or "list"), function()
      local k, ns, set = made.open(hashed)
      set("posix_msg_tree_node", made.at.LOW, {["rb_node.rb_right"] = made.at.LOW})
      local _, queue = mqueue.for_each(ns)()
      assert.are.equal("format", select(2, kvm.try(mqueue.messages, queue)).code)
      set("posix_msg_tree_node", made.at.LOW, {["rb_node.rb_right"] = 0})
      set("msg_msg", made.at.FIRST, {m_ts = 1 << 40})
      assert.matches("a message of", select(2, kvm.try(mqueue.messages, queue)).message)
      set("dentry", made.at.ROOT, hashed and {["d_children.first"] = memory.UNMAPPED} or {["d_subdirs.next"] = memory.UNMAPPED})
      assert.are.equal("fault", select(2, memory.collect(dcache.for_each_child(k:object(made.at.ROOT, "struct dentry")))).code)
    end)
  end

  it("says when a kernel has none", function()
    local k, ns = made.open(true)
    memory.forget()
    assert.is_false(mqueue.is_there(k))
    assert.matches("^this kernel has no POSIX message queues %(CONFIG_POSIX_MQUEUE%)", select(2, kvm.try(mqueue.for_each, ns)).message)
  end)
end)
