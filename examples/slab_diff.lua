-- SPDX-License-Identifier: BSD-2-Clause
-- What grew between two dumps of one machine, or of two that should be alike: slab caches by the difference of their bytes.
--   luakvm run examples/slab_diff.lua LATER EARLIER
--
--   $ luakvm run examples/slab_diff.lua examples/panic.kdump examples/panic.kdump
--   no cache changed
local kvm = require "kvm"
local slab = kvm.linux.slab

local function sizes(handle)
  local out = {}
  for cache in slab.for_each_slab_cache(handle) do
    local name = slab.name(cache)
    out[name] = (out[name] or 0) + slab.bytes(cache)
  end
  return out
end

local earlier <close> = kvm.check(kvm.open((assert(..., "name the earlier dump, too"))))
local before, after, changed = sizes(earlier), sizes(k), {}
for name, bytes in pairs(after) do
  local grown = bytes - (before[name] or 0)
  if grown ~= 0 then changed[#changed + 1] = {name = name, grown = grown, bytes = bytes} end
end
table.sort(changed, function(a, b) return a.grown > b.grown end)
for i = 1, math.min(#changed, 10) do
  print(("%+12d bytes  %-24s (now %d)"):format(changed[i].grown, changed[i].name, changed[i].bytes))
end
if #changed == 0 then print "no cache changed" end
