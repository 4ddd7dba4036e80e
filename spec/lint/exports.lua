-- SPDX-License-Identifier: BSD-2-Clause
-- Exports: the C library gives kvm_* and all that kvm.h declares, the Lua module only its loader, and the
-- archive no other global name (a program may have an err_set of its own).
package.path = "spec/lint/?.lua;" .. package.path
local tree = require "tree"

local B = os.getenv("KVM_BUILD") or "build"

local function defined(command)
  local names = {}
  for _, line in ipairs(tree.lines(command)) do
    local kind, name = line:match("^%x+ (%u) ([%w_.]+)")
    if kind then names[name] = true end
  end
  return names
end

local declared = {}
for name in tree.read("csrc/include/kvm.h"):gmatch("KVM_API[^;(]-%*?(kvm_[%w_]+)%(") do declared[name] = true end
if not next(declared) then tree.wrong("csrc/include/kvm.h: no KVM_API function found") end

for _, file in ipairs{"libkvm.so.0", "libkvm.a"} do
  local flags = file:find("%.a$") and "-g --defined-only" or "-D --defined-only"
  local names = defined(("nm %s %s/%s"):format(flags, B, file))
  for name in pairs(names) do
    if not name:find("^kvm_") then tree.wrong("%s: exports %s", file, name) end
    if name:find("^kvm_") and not declared[name] then tree.wrong("%s: %s is not in kvm.h", file, name) end
  end
  for name in pairs(declared) do
    if not names[name] then tree.wrong("%s: lacks %s, which kvm.h declares", file, name) end
  end
end

local names = defined(("nm -D --defined-only %s/kvm/core.so"):format(B))
if not names.luaopen_kvm_core then tree.wrong("kvm/core.so: lacks luaopen_kvm_core") end
names.luaopen_kvm_core = nil
for name in pairs(names) do tree.wrong("kvm/core.so: exports %s", name) end

tree.done()
