-- SPDX-License-Identifier: BSD-2-Clause
-- The hot path: how many k:u64 a Lua loop does in a second. lua5.4 spec/bench/u64.lua CORE [MILLIONS]: exit status 1 below the limit.
local B = os.getenv("KVM_BUILD") or "build"
package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = B .. "/?.so;" .. package.cpath
local kvm = require "kvm"

local LIMIT = 15 -- millions a second
local core = assert(arg[1], "usage: u64.lua CORE [MILLIONS]")
local count = (math.tointeger(arg[2]) or 10) * 1000000

local k <close> = kvm.check(kvm.open(core))
local base = kvm.check(k:symbol("linux_banner")).value & ~0xfff

local function measure(name, loop)
  loop(1000)
  local start = os.clock()
  loop(count)
  local rate = count / (os.clock() - start) / 1e6
  print(("%-32s %6.1f million/s"):format(name, rate))
  return rate
end

local one = measure("k:u64, one address", function(n)
  for _ = 1, n do k:u64(base) end
end)
measure("k:u64, all of a page", function(n)
  for i = 0, n - 1 do k:u64(base + (i & 511) * 8) end
end)
measure("k:u32, unaligned", function(n)
  for i = 0, n - 1 do k:u32(base + (i & 1023)) end
end)
measure("k:u64, physical", function(n)
  local pa = kvm.check(k:translate(base))
  for i = 0, n - 1 do k:u64(pa + (i & 511) * 8, "physical") end
end)

if one < LIMIT then
  io.stderr:write(("k:u64: %.1f million/s, at least %d are wanted\n"):format(one, LIMIT))
  os.exit(1, true)
end
