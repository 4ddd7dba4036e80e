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

for _, module in ipairs {"core", "capstone", "readline"} do
  local names = defined(("nm -D --defined-only %s/kvm/%s.so"):format(B, module))
  local open = "luaopen_kvm_" .. module
  if not names[open] then tree.wrong("kvm/%s.so: lacks %s", module, open) end
  names[open] = nil
  for name in pairs(names) do tree.wrong("kvm/%s.so: exports %s", module, name) end
end

tree.done()
