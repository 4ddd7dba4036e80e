-- SPDX-License-Identifier: BSD-2-Clause
-- make bench, third part: reading pages and words of dumps in every codec against libkdumpfile (and drgn), and opening very
-- large ones. Each line has its goal; one that is not kept is a failure (status 1). Arguments: FOLDER of the dumps, KEY, VMLINUX
-- (or ""). The large files are made in build/bench: sparse, but for 257 MB of bit maps.
local B = os.getenv("KVM_BUILD") or "build"
local LUA = os.getenv("KVM_LUA") or "lua5.4"
local DUMPS, KEY, VMLINUX = arg[1], arg[2], arg[3]
local PAGES <const> = 4096 -- that random reads lie in: what fits a cache, ours and the processor's

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

local function exists(path)
  local f = io.open(path, "rb")
  if f then f:close() end
  return f ~= nil
end

-- What COMMAND prints: name -> number.
local function run(form, ...)
  local out, words = {}, {}
  for i, word in ipairs {...} do words[i] = quote(tostring(word)) end
  local pipe = assert(io.popen(form:format(table.unpack(words))))
  for line in pipe:lines() do
    local name, number = line:match("^([^\t]+)\t([%d.]+)$")
    if name then out[name] = tonumber(number) end
  end
  pipe:close()
  return out
end

local missed = 0
local function verdict(what, kept, form, ...)
  if not kept then missed = missed + 1 end
  print(("  %-44s %s  %s"):format(what, kept and "PASS" or "MISS", form:format(...)))
end

local function pages_of(name, path)
  local r = run(B .. "/bench/pages %s", path)
  local ours, theirs = r["sequential read, MB/s"], r["libkdumpfile, MB/s"]
  if not ours then return verdict(name, false, "failed") end
  if r["memcpy, MB/s"] then
    verdict("all pages, " .. name, ours >= 0.8 * r["memcpy, MB/s"], "%.0f MB/s, memcpy %.0f: %.2f of it (goal 0.8)", ours,
      r["memcpy, MB/s"], ours / r["memcpy, MB/s"])
  elseif theirs then
    verdict("all pages, " .. name, ours >= 2.2 * theirs, "%.0f MB/s, libkdumpfile %.0f: %.1f times (goal 2.2)", ours, theirs,
      ours / theirs)
  end
end

local function words_of(name, path, pages, goal)
  local addresses = B .. "/bench/addresses"
  local r = run(B .. "/bench/random %s %s %s", path, addresses, pages)
  local ours, best = r["random reads of 8 bytes"], r["libkdumpfile random"]
  if not ours then return verdict(name, false, "failed") end
  verdict(("kvm_read2, %s, %d pages"):format(name, pages), not goal or ours >= goal * best,
    "%.2f million/s, libkdumpfile %.2f: %.1f times (%s)%s", ours, best, ours / best, goal and "goal " .. goal or "no goal",
    r["mapping random"] and (", bare mapping %.2f"):format(r["mapping random"]) or "")
  if not goal then return end
  local lua = run(LUA .. " spec/bench/random.lua %s %s", path, addresses)["k:u64 random"]
  local drgn = VMLINUX ~= "" and run("drgn -q -c %s -s %s spec/bench/drgn_random.py %s 2>/dev/null", path, VMLINUX,
    addresses)["drgn random"]
  if lua and drgn then
    verdict(("k:u64, %s, %d pages"):format(name, pages), lua >= 2 * drgn, "%.2f million/s, drgn %.2f: %.1f times (goal 2)",
      lua, drgn, lua / drgn)
  end
end

-- An ELF core of 200 GB in COUNT segments, all of it a hole.
local function large_elf(path, count)
  local each = (200 << 30) // count & ~4095
  local at = (64 + 56 * (count + 1) + 4095) & ~4095
  local f = assert(io.open(path, "wb"))
  f:write("\x7fELF\2\1\1", ("\0"):rep(9), ("<I2I2I4I8I8I8I4I2I2I2I2I2I2"):pack(4, 62, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0))
  for i = 0, count - 1 do
    f:write(("<I4I4I8I8I8I8I8I8"):pack(1, 7, at + i * each, 0, i * (each + 4096), each, each, 4096))
  end
  f:seek("set", at + count * each - 1)
  f:write("\0")
  f:close()
end

-- The kdump of a machine with 4 TB, whose bit maps are holes, or FULL.
local function large_kdump(path, full)
  local frames <const>, block <const> = 1 << 30, 4096
  local map = frames // 8
  local f = assert(io.open(path, "wb"))
  local uts = ("\0"):rep(65)
  local head = "KDUMP   " .. ("<I4"):pack(6) .. uts:rep(4) .. ("x86_64" .. uts):sub(1, 65) .. uts
  head = head .. ("\0"):rep(424 - #head) .. ("<I4I4I4I4I4I4I4I4I4I4"):pack(0, block, 1, 2 * map // block, frames, 0, 0, 0, 0, 1)
  f:write(head, ("\0"):rep(block - #head), ("\0"):rep(96), ("<I8"):pack(frames))
  f:seek("set", 2 * block)
  local piece = ("\xa5\xff\0\x3c"):rep(1 << 18)
  for _ = 1, full and 2 * map // #piece or 0 do f:write(piece) end
  f:seek("set", 2 * block + 2 * map + (full and 24 * frames // 2 + block or 0) - 1)
  f:write("\0")
  f:close()
end

-- The best of several, for other work on the machine only ever slows it down.
local function open_of(name, path, extra_kb)
  local ms, kb = math.huge, math.huge
  for _ = 1, 7 do
    local r = run(B .. "/bench/open %s", path)
    ms, kb = math.min(ms, r["open, ms"] or math.huge), math.min(kb, r["peak RSS, KiB"] or math.huge)
  end
  verdict("open, " .. name, ms < 50 and kb < 64 * 1024 + extra_kb, "%.1f ms (goal 50), %.0f MiB (goal 64%s)", ms, kb / 1024,
    extra_kb > 0 and " and the bit map" or "")
  os.remove(path)
end

local K, F = DUMPS .. "/" .. KEY, DUMPS .. "/formats61"
print("\nreading and opening, against libkdumpfile, drgn, memcpy")
for _, codec in ipairs {"zlib", "lzo", "zstd"} do
  if exists(F .. "/" .. codec) then pages_of(codec .. ", -d 31", F .. "/" .. codec) end
end
local snappy = B .. "/bench/snappy.kdump"
if os.execute(("%s/bin/luakvm convert %s %s --format kdump --compress snappy >/dev/null"):format(B, quote(F .. "/zlib"),
  quote(snappy))) then
  pages_of("snappy, -d 31", snappy)
end
if exists(F .. "/zlib.d0") then pages_of("zlib, all pages", F .. "/zlib.d0") end
for _, name in ipairs {"vmcore", "kdump"} do
  local path = K .. "/" .. name
  if exists(path) then
    if name == "vmcore" then pages_of("ELF vmcore", path) end
    words_of(name, path, PAGES, 2)
    words_of(name, path, 200000) -- each in a page of its own: for the uncompressed file most of it is waiting for memory
  end
end
for _, count in ipairs {4, 5000} do
  large_elf(B .. "/bench/large", count)
  open_of(("ELF of 200 GB, %d segments"):format(count), B .. "/bench/large", 0)
end
for _, full in ipairs {false, true} do
  large_kdump(B .. "/bench/large", full)
  open_of("kdump of 4 TB, bit maps " .. (full and "full" or "sparse"), B .. "/bench/large", 128 * 1024)
end
os.exit(missed == 0)
