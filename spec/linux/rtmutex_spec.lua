-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.locks"
local memory = require "spec.support.memory"
local rtmutex = require "kvm.linux.rtmutex"

local RB = "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; }; "
  .. "struct rb_root { struct rb_node *rb_node; }; struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };"
local LAYOUTS = {
  {name = "of 7.2", node = "tree.entry", declarations = RB .. [[ struct rt_mutex_base { struct rb_root_cached waiters;
      struct task_struct *owner; };
    struct rt_mutex { struct rt_mutex_base rtmutex; };
    struct rt_waiter_node { struct rb_node entry; int prio; };
    struct rt_mutex_waiter { struct rt_waiter_node tree; struct task_struct *task; };]]},
  {name = "of 5.10", node = "tree_entry", declarations = RB .. [[ struct rt_mutex { struct rb_root_cached waiters;
      struct task_struct *owner; };
    struct rt_mutex_waiter { struct rb_node tree_entry; struct task_struct *task; };]]},
}

for _, layout in ipairs(LAYOUTS) do
  describe("kvm.linux.rtmutex " .. layout.name, function()
    harness.guard()
    local k, set, lock
    before_each(function()
      k, set = made.open(nil, layout.declarations)
      lock = k:object(made.at.LOCK, "struct rt_mutex")
    end)

    it("tells the owner and the waiters", function()
      local base = layout.node == "tree.entry" and "rtmutex." or ""
      local at, node = made.at, k:type("struct rt_mutex_waiter"):strip():field(layout.node).offset
      set("rt_mutex_waiter", at.W1, {task = at.B, [layout.node .. ".rb_right"] = at.W2 + node, [layout.node .. ".__rb_parent_color"] = 1})
      set("rt_mutex_waiter", at.W2, {task = at.A, [layout.node .. ".__rb_parent_color"] = at.W1 + node})
      set("rt_mutex", at.LOCK, {[base .. "owner"] = at.A | 1, [base .. "waiters.rb_root.rb_node"] = at.W1 + node,
        [base .. "waiters.rb_leftmost"] = at.W1 + node})
      assert.are.equal(10, rtmutex.owner(lock).pid)
      assert.are.same({20, 10}, (memory.collect(rtmutex.for_each_waiter(lock), function(w) return w.task.pid end)))
    end)

    it("knows a free one", function()
      assert.is_nil(rtmutex.owner(lock))
      assert.are.same({}, (memory.collect(rtmutex.for_each_waiter(lock))))
      assert.is_true(kvm.is_object(lock))
    end)
  end)
end
