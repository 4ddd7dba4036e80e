-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local user = require "kvm.linux.user"

local S = memory.START
local TABLE, ROOT, OTHER = S, S + 0x800, S + 0x840

describe("kvm.linux.user", function()
  harness.guard()
  local k
  before_each(function()
    k = memory.open [[
      struct hlist_node { struct hlist_node *next, **pprev; };
      struct hlist_head { struct hlist_node *first; };
      struct kuid { unsigned int val; };
      struct user_struct { long n; struct hlist_node uidhash_node; struct kuid uid; };
    ]]
    for i, at in ipairs {ROOT, OTHER} do
      local bucket = TABLE + 8 * (i == 1 and 0 or 7)
      assert(k:write(bucket, ("<I8"):pack(at + 8)))
      memory.set(k, "struct user_struct", at, {["uidhash_node.pprev"] = bucket, ["uid.val"] = i == 1 and 0 or 1000})
    end
  end)
  after_each(memory.forget)

  for _, buckets in ipairs {128, 8} do
    it("gives the users of a table of " .. buckets, function()
      memory.symbols({uidhash_table = TABLE}, {uidhash_table = 8 * buckets})
      assert.are.same({0, 1000}, (memory.collect(user.for_each_user(k), function(u) return u.uid.val end)))
      assert.are.equal(OTHER, kvm.addr(user.find_user(k, 1000)))
      assert.is_nil(user.find_user(k, 5))
    end)
  end

  it("stops where a chain is damaged", function()
    memory.symbols({uidhash_table = TABLE}, {uidhash_table = 64})
    memory.set(k, "struct user_struct", ROOT, {["uidhash_node.pprev"] = 5})
    local got, err = memory.collect(user.for_each_user(k))
    assert.are.same({{}, "format"}, {got, err.code})
  end)
end)
