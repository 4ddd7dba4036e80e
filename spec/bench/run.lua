-- SPDX-License-Identifier: BSD-2-Clause
-- make bench: each workload with us and with the peers that are installed, on the same dump, in turns;
-- medians of the whole process (wall time, CPU time, peak RSS) and their ratios to ours, as a table
-- and in build/bench/results.json. Claims of speed in README are checked here: a limit that is not
-- kept is a failure (status 1).
--
-- Dumps: those of spec/kernels, in ${KVM_DUMPS:-${KVM_CACHE:-$HOME/.cache/lua-kvm}/kernels}/KEY/.
-- KVM_BENCH_KEY (k61), KVM_VMLINUX (the debug vmlinux of that kernel, for drgn and crash; debug61's
-- unless set; without one they are left out, and that is said), KVM_BENCH_RUNS (9).
local B = os.getenv("KVM_BUILD") or "build"
local CACHE = os.getenv("KVM_CACHE") or os.getenv("HOME") .. "/.cache/lua-kvm"
local DUMPS = os.getenv("KVM_DUMPS") or CACHE .. "/kernels"
local KEY = os.getenv("KVM_BENCH_KEY") or "k61"
local RUNS = math.tointeger(os.getenv("KVM_BENCH_RUNS") or "9")
local MEASURE = B .. "/bench/measure"

local function exists(path)
  local f = io.open(path, "rb")
  if f then f:close() end
  return f ~= nil
end

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("a")
  pipe:close()
  return text
end

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end
local function has(tool) return output("command -v " .. tool) ~= "" end

local function median(values)
  table.sort(values)
  return values[#values // 2 + 1]
end

local core = ("%s/%s/kdump"):format(DUMPS, KEY)
if not exists(core) then
  io.stderr:write(core, ": no such dump; spec/kernels/dump.sh makes it, KVM_DUMPS names another place\n")
  os.exit(1)
end
local core_vmcore = ("%s/%s/vmcore"):format(DUMPS, KEY)

-- The kernel's release, from VMCOREINFO (our own answer), names its debug vmlinux.
local luakvm = B .. "/bin/luakvm"
local release = output(("%s info --json %s"):format(luakvm, quote(core))):match('"release":%s*"([^"]+)"')
local function find_vmlinux()
  local asked = os.getenv("KVM_VMLINUX")
  if asked then return asked end
  for _, path in ipairs{DUMPS .. "/debug61/vmlinux", "/usr/lib/debug/boot/vmlinux-" .. release} do
    -- the banner of the kernel that it is for
    if exists(path) and output(("grep -acF %s %s"):format(quote("Linux version " .. release), quote(path))) ~= "0\n" then
      return path
    end
  end
end
local vmlinux = find_vmlinux()

-- What a workload runs: name, program, arguments; `needs` a tool and perhaps the debug vmlinux. `runs`
-- where fewer will do.
local function peers_of_ps(dump)
  return {
    {name = "luakvm", command = {luakvm, "ps", dump}},
    {name = "drgn", tool = "drgn", debug = true,
      command = {"drgn", "-q", "-c", dump, "-s", vmlinux, "spec/bench/drgn_ps.py"}},
    {name = "crash", tool = "crash", debug = true, runs = 3,
      command = {"sh", "-c", "printf 'ps\\nquit\\n' | crash -s " .. quote(vmlinux or "") .. " " .. quote(dump)}},
  }
end

local workloads = {
  {name = "ps, kdump zlib -d 31", limit_rss_kb = 48 * 1024, limit_ratio = {drgn = 10}, peers = peers_of_ps(core)},
  {name = "info, kdump zlib -d 31", limit_us = 10000, peers = {
    {name = "luakvm", command = {luakvm, "info", core}},
  }},
  {name = "log, kdump zlib -d 31", peers = {
    {name = "luakvm", command = {luakvm, "log", core}},
    {name = "makedumpfile", tool = "makedumpfile",
      command = {"makedumpfile", "-f", "--dump-dmesg", core, B .. "/bench/dmesg.txt"}},
  }},
}
if exists(core_vmcore) then
  workloads[#workloads + 1] = {name = "ps, ELF vmcore", peers = peers_of_ps(core_vmcore)}
end
if exists("examples/panic.kdump") then
  workloads[#workloads + 1] = {name = "triage, examples/panic.kdump", peers = {
    {name = "luakvm", command = {luakvm, "triage", "examples/panic.kdump"}},
  }}
end

local function measure(peer)
  local words = {}
  for i, word in ipairs(peer.command) do words[i] = quote(word) end
  local line = output(MEASURE .. " " .. table.concat(words, " "))
  local wall, cpu, rss, status = line:match("^(%d+) (%d+) (%d+) (-?%d+)")
  return {wall = tonumber(wall), cpu = tonumber(cpu), rss = tonumber(rss), status = tonumber(status)}
end

local function run(workload)
  local turns = {}
  for _, peer in ipairs(workload.peers) do
    if peer.tool and not has(peer.tool) then
      print(("# %s: %s is not installed"):format(workload.name, peer.tool))
    elseif peer.debug and not vmlinux then
      print(("# %s: no debug vmlinux of %s for %s (KVM_VMLINUX)"):format(workload.name, release, peer.name))
    else
      turns[#turns + 1] = {peer = peer, wall = {}, cpu = {}, rss = {}, failed = 0}
    end
  end
  for i = 0, RUNS do -- turn 0 warms the page cache up and is not counted
    for _, turn in ipairs(turns) do
      if i <= (turn.peer.runs or RUNS) then
        local m = measure(turn.peer)
        if m.status ~= 0 then turn.failed = turn.failed + 1 end
        if i > 0 then
          for key in pairs{wall = 1, cpu = 1, rss = 1} do table.insert(turn[key], m[key]) end
        end
      end
    end
  end
  local results = {}
  for _, turn in ipairs(turns) do
    results[#results + 1] = {
      name = turn.peer.name, runs = #turn.wall, failed = turn.failed, best = math.min(table.unpack(turn.wall)),
      wall = median(turn.wall), cpu = median(turn.cpu), rss = median(turn.rss),
    }
  end
  return results
end

local broken = 0
local function check(ok, fmt, ...)
  if ok then return end
  broken = broken + 1
  print(("  NOT KEPT: " .. fmt):format(...))
end

local function report(workload, results)
  print(("\n%s"):format(workload.name))
  print(("  %-14s %10s %10s %10s %10s %8s %8s"):format("", "median ms", "best ms", "CPU ms", "RSS MiB", "x time",
    "x RSS"))
  local ours = results[1]
  for _, r in ipairs(results) do
    r.ratio_wall, r.ratio_rss = r.wall / ours.wall, r.rss / ours.rss
    print(("  %-14s %10.1f %10.1f %10.1f %10.1f %8.2f %8.2f%s"):format(r.name, r.wall / 1000, r.best / 1000,
      r.cpu / 1000, r.rss / 1024, r.ratio_wall, r.ratio_rss, r.failed > 0 and "   failed " .. r.failed or ""))
  end
  check(ours.failed == 0, "luakvm failed")
  if workload.limit_us then check(ours.wall < workload.limit_us, "under %g ms", workload.limit_us / 1000) end
  local max_rss = workload.limit_rss_kb
  if max_rss then check(ours.rss < max_rss, "under %d MiB", max_rss // 1024) end
  for _, r in ipairs(results) do
    local limit = workload.limit_ratio and workload.limit_ratio[r.name]
    if limit and r.failed == 0 then check(r.ratio_wall >= limit, "%d times faster than %s", limit, r.name) end
  end
end

local function json(all)
  local f = assert(io.open(B .. "/bench/results.json", "w"))
  f:write(("{\n  \"release\": \"%s\",\n  \"runs\": %d,\n  \"workloads\": [\n"):format(release, RUNS))
  for i, w in ipairs(all) do
    f:write(("    {\"name\": \"%s\", \"results\": [\n"):format(w.name))
    for j, r in ipairs(w.results) do
      f:write(('      {"name": "%s", "wall_us": %d, "cpu_us": %d, "rss_kib": %d, '):format(r.name, r.wall, r.cpu, r.rss))
      f:write(('"time_ratio": %.3f, "rss_ratio": %.3f, "failed": %d}%s\n'):format(r.ratio_wall, r.ratio_rss, r.failed,
        j < #w.results and "," or ""))
    end
    f:write(i < #all and "    ]},\n" or "    ]}\n")
  end
  f:write("  ]\n}\n")
  f:close()
end

print(("dump: %s (%s), %d runs in turns"):format(KEY, release or "?", RUNS))
local all = {}
for _, workload in ipairs(workloads) do
  local results = run(workload)
  report(workload, results)
  all[#all + 1] = {name = workload.name, results = results}
end
json(all)
print(("\n%s/bench/results.json"):format(B))

-- Loops inside a process.
local words = {quote(os.getenv("KVM_LUA") or "lua5.4"), "spec/bench/rates.lua", quote(has("drgn") and vmlinux or "")}
for _, dump in ipairs{core_vmcore, core} do
  if exists(dump) then words[#words + 1] = quote(dump) end
end
local kept = os.execute(table.concat(words, " "))
local fast = os.execute(("%s spec/bench/speed.lua %s %s %s"):format(words[1], quote(DUMPS), quote(KEY),
  quote(has("drgn") and vmlinux or "")))
local many = os.execute(("%s spec/bench/many.lua %s"):format(words[1], quote(DUMPS)))
os.exit(broken == 0 and kept == true and fast == true and many == true)
