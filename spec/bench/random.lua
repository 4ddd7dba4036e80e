-- SPDX-License-Identifier: BSD-2-Clause
-- k:u64 at the addresses that spec/bench/random.c wrote down: random.lua CORE FILE
package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = (os.getenv("KVM_BUILD") or "build") .. "/?.so;" .. package.cpath
local kvm = require "kvm"

local TURNS <const> = 5
local f = assert(io.open(arg[2], "rb"))
local bytes = f:read("a")
f:close()
local addresses = {}
for i = 1, #bytes, 8 do addresses[#addresses + 1] = string.unpack("<I8", bytes, i) end

local k <close> = kvm.check(kvm.open(arg[1]))
local best = 0
for _ = 1, TURNS do
  local start = os.clock()
  for i = 1, #addresses do kvm.check(k:u64(addresses[i])) end
  best = math.max(best, #addresses / (os.clock() - start) / 1e6)
end
print(("k:u64 random\t%.3f"):format(best))
