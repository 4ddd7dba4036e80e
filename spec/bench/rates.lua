-- SPDX-License-Identifier: BSD-2-Clause
-- make bench, second part: loops inside one process, ours and drgn's in turns, medians and ratios, on the uncompressed and on the
-- compressed dump. Limits that are promised are checked (status 1). Arguments: VMLINUX CORE ...
local RUNS <const> = math.tointeger(os.getenv("KVM_BENCH_RATES_RUNS") or "3")
local B = os.getenv("KVM_BUILD") or "build"

-- Of ours against which of drgn's, and how many times faster at least; a number of our own at most.
-- On the compressed dump drgn reads faster than on the uncompressed one, where each of its reads is a call of the system.
local RATIOS = {
  {ours = "object members", peer = "object members", at_least = 10},
  {ours = "members by kvm.reader", peer = "object members", at_least = 50, compressed = 20},
  {ours = "for_each_entry", peer = "for_each_entry", at_least = 10},
}
local LIMITS = {
  {name = "index of 130,000 types, us", at_most = 10000},
  {name = "index of 130,000 types, KiB", at_most = 16384},
  {name = "first use of a type, us", at_most = 1000},
  {name = "first use of a type, worst us", at_most = 1000},
}

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

-- Adds what COMMAND prints to RESULTS: name -> list of numbers.
local function collect(results, command)
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do
    local name, number = line:match("^([^\t]+)\t([%d.]+)$")
    if name then
      results[name] = results[name] or {}
      table.insert(results[name], tonumber(number))
    end
  end
  pipe:close()
end

local function median(values)
  if not values then return nil end
  table.sort(values)
  return values[#values // 2 + 1]
end

local broken = 0
local function verdict(kept, form, ...)
  if kept then return end
  broken = broken + 1
  print(("  NOT KEPT: " .. form):format(...))
end

local vmlinux = arg[1] ~= "" and arg[1] or nil
for i = 2, #arg do
  local core, ours, peers = arg[i], {}, {}
  for _ = 1, RUNS do
    local blob = B .. "/bench/vmlinux.btf"
    collect(ours, ("%s spec/bench/objects.lua %s %s"):format(os.getenv("KVM_LUA") or "lua5.4", quote(core), quote(blob)))
    collect(ours, ("%s/bench/btf_index %s"):format(B, quote(blob)))
    if vmlinux then
      collect(peers, ("drgn -q -c %s -s %s spec/bench/drgn_objects.py 2>%s"):format(quote(core), quote(vmlinux),
        quote(B .. "/bench/drgn.err")))
    end
  end
  print(("\n%s: millions a second"):format(core:match("[^/]+/[^/]+$")))
  print(("  %-26s %10s %10s %8s"):format("", "luakvm", "drgn", "ratio"))
  for _, r in ipairs(RATIOS) do
    local a, b = median(ours[r.ours]), median(peers[r.peer])
    print(("  %-26s %10.2f %10s %8s"):format(r.ours, a or 0, b and ("%.3f"):format(b) or "-", b and ("%.1f"):format(a / b) or "-"))
    local at_least = not core:find "vmcore$" and r.compressed or r.at_least
    if b then verdict(a / b >= at_least, "%s: %d times drgn's", r.ours, at_least) end
  end
  for _, l in ipairs(LIMITS) do
    local v = median(ours[l.name])
    print(("  %-36s %8.1f"):format(l.name, v))
    verdict(v <= l.at_most, "%s: at most %g", l.name, l.at_most)
  end
end
os.exit(broken == 0)
