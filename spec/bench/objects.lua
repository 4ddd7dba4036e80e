-- SPDX-License-Identifier: BSD-2-Clause
-- What a script's loops do with objects, in one process: lua5.4 spec/bench/objects.lua CORE [BTF] prints lines "NAME<TAB>NUMBER":
-- rates in millions a second, or what else the name says; drgn_objects.py prints the same names. BTF is a file that gets the dump's
-- own, for btf_index.
local B = os.getenv("KVM_BUILD") or "build"
package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = B .. "/?.so;" .. package.cpath
local kvm = require "kvm"

local SECONDS <const> = 0.5

local k <close> = kvm.check(kvm.open(assert(arg[1], "usage: objects.lua CORE")))

if arg[2] then
  local first, last = kvm.check(k:symbol("__start_BTF")).value, kvm.check(k:symbol("__stop_BTF")).value
  local f <close> = assert(io.open(arg[2], "wb"))
  assert(f:write(kvm.check(k:read(first, last - first))))
end

-- Calls F, which does COUNT things, for a while; the first call warms up.
local function rate(name, count, f)
  f()
  local start, rounds = os.clock(), 0
  repeat
    f()
    rounds = rounds + 1
  until os.clock() - start > SECONDS
  print(("%s\t%.3f"):format(name, count * rounds / (os.clock() - start) / 1e6))
end

-- First uses: of a member of each of many structs, once the types are indexed, which a name that is nowhere does.
local function first_use()
  local names = {"struct file", "struct inode", "struct dentry", "struct super_block", "struct vfsmount", "struct mm_struct",
    "struct vm_area_struct", "struct signal_struct", "struct cred", "struct nsproxy", "struct net", "struct net_device",
    "struct sock", "struct socket", "struct page", "struct zone", "struct module", "struct rq", "struct kmem_cache", "struct bio"}
  local indexed = os.clock()
  assert(not k:type("struct there_is_no_such_type"))
  print(("index of all types, us\t%.1f"):format((os.clock() - indexed) * 1e6))
  local worst, sum = 0, 0
  for _, name in ipairs(names) do
    local start = os.clock()
    local t = kvm.check(k:type(name))
    local member = t:members()[1]
    local _ = member.name and kvm.new(t)[member.name]
    local us = (os.clock() - start) * 1e6
    worst, sum = math.max(worst, us), sum + us
  end
  print(("first use of a type, us\t%.1f"):format(sum / #names))
  print(("first use of a type, worst us\t%.1f"):format(worst))
end

local init = kvm.check(k:object("init_task", "struct task_struct"))
first_use()
local for_each_entry = kvm.linux.list.for_each_entry
local tasks = {}
for task in for_each_entry("struct task_struct", init.tasks, "tasks") do tasks[#tasks + 1] = task end
local state = select(2, kvm.type.first(k, "struct task_struct", {"__state", "state"}))

rate("object members", 6 * #tasks, function()
  for i = 1, #tasks do
    local t = tasks[i]
    local _, _, _, _, _, _ = t.pid, t.tgid, t.comm, t[state], t.start_time, t.mm
  end
end)
local read = kvm.reader(k:type("struct task_struct"), {"pid", "tgid", "comm", state, "start_time", "mm"})
rate("members by kvm.reader", 6 * #tasks, function()
  for i = 1, #tasks do read(tasks[i]) end
end)
local count = #tasks
tasks = nil
collectgarbage()
rate("for_each_entry", count, function()
  for _ in for_each_entry("struct task_struct", init.tasks, "tasks") do end -- luacheck: ignore 542
end)
