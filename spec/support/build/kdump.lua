-- SPDX-License-Identifier: BSD-2-Clause
-- kdump-compressed files, header versions 1 to 6, both byte orders, 64-bit and (i386) 32-bit headers; as makedumpfile
-- 1.7 writes them (diskdump_mod.h, IMPLEMENTATION). Block 0 is the header, then the sub-header, two bitmaps (pages that
-- exist, pages that are in the file), one descriptor for each page in the file, the pages.
local codec = require "spec.support.build.codec"
local elfcore = require "spec.support.build.elfcore"

local M = {}

M.COMPRESSED = {none = 0, zlib = 1, lzo = 2, snappy = 4, zstd = 0x20}
M.INCOMPLETE = 8

local function pad(bytes, size) return bytes .. ("\0"):rep(-#bytes % size) end

local function utsname(t)
  local out = {}
  for i, key in ipairs {"sysname", "nodename", "release", "version", "machine", "domainname"} do
    local s = t[key] or ""
    out[i] = s .. ("\0"):rep(65 - #s)
  end
  return table.concat(out)
end

local function bitmap(pfns, blocks, block)
  local bytes = {}
  for pfn in pairs(pfns) do
    bytes[pfn // 8] = (bytes[pfn // 8] or 0) | 1 << pfn % 8
  end
  local out = {}
  for i = 0, blocks * block - 1 do out[#out + 1] = string.char(bytes[i] or 0) end
  return table.concat(out)
end

local function sub_header(t, f)
  local e = t.big and ">" or "<"
  local v = t.version
  local first, last = 0, t.max_mapnr
  if t.part then first, last = t.part[1], t.part[2] end
  -- phys_base, dump_level (1), split, start_pfn, end_pfn (2), vmcoreinfo (3), notes (4), erase info (5), 64-bit PFNs
  -- (6)
  local parts = t.bits == 32
      and {"I4", "i4", "i4I4I4", "I8I4", "I8I4", "I8I4", "I8I8I8"} or {"I8", "i4", "i4I8I8", "I8I8", "I8I8", "I8I8", "I8I8I8"}
  local values = {
    {t.phys_base}, {t.dump_level}, {t.part and 1 or 0, first & 0xffffffff, last & 0xffffffff},
    {f.vmcoreinfo, f.vmcoreinfo_size}, {f.notes, f.notes_size}, {f.erased, f.erased_size},
    {first, last, t.max_mapnr},
  }
  local out = {}
  for i = 1, math.min(v + 1, 7) do out[i] = (e .. parts[i]):pack(table.unpack(values[i])) end
  return table.concat(out)
end

local function header(t, sizes)
  local e = t.big and ">" or "<"
  local time = e .. (t.bits == 32 and "i4i4" or "i8i8")
  local head = (t.signature or "KDUMP   ") .. (e .. "i4"):pack(t.version) .. utsname(t.utsname or {})
  head = head .. ("\0"):rep(-#head % (t.bits == 32 and 4 or 8)) .. time:pack(t.time or 0, 0)
  return head .. (e .. "I4i4i4I4I4I4I4I4I4i4"):pack(t.status or 0, t.block, sizes.sub, sizes.bitmap,
    math.min(t.max_mapnr, 0xffffffff), sizes.total, 0, sizes.written, 0, t.cpus or 1)
end

-- One page as it goes into the file, and its flag. Pages that do not get smaller are stored as they are.
local function pack_page(t, bytes)
  if t.codec == "none" then return bytes, 0 end
  local small = codec[t.codec](bytes)
  if #small >= #bytes then return bytes, 0 end
  return small, M.COMPRESSED[t.codec]
end

local function page_area(t, pfns, at)
  local e = t.big and ">" or "<"
  local descs, data, seen = {}, {}, {}
  at = at + 24 * #pfns
  for i, pfn in ipairs(pfns) do
    local bytes, flags = pack_page(t, t.pages[pfn])
    local key = flags .. bytes
    local off = seen[key] -- equal pages share their place, as makedumpfile's zero pages do
    if not off then
      off, seen[key] = at, at
      data[#data + 1] = bytes
      at = at + #bytes
    end
    descs[i] = (e .. "I8I4I4I8"):pack(off, #bytes, flags, 0)
  end
  return table.concat(descs) .. table.concat(data)
end

--- A kdump-compressed file.
-- t: pages {[pfn]=bytes of one block}, absent {[pfn]=true} (pages that exist but were filtered out), version (6), big,
--   bits (64), block (4096), codec (none zlib lzo snappy zstd), vmcoreinfo (text), notes (list or bytes: all
--   notes; the VMCOREINFO note is among them when vmcoreinfo is given), max_mapnr, phys_base, dump_level, status, time, cpus,
--   utsname {release=, machine=, ...}, signature ("DISKDUMP"), erased (text of makedumpfile's erase information), part
--   ({first, last + 1}: one file of a split set, with the pages of these frames only)
function M.build(t)
  t = setmetatable({}, {__index = t})
  t.version, t.bits, t.block, t.codec = t.version or 6, t.bits or 64, t.block or 4096, t.codec or "none"
  t.phys_base, t.dump_level = t.phys_base or 0, t.dump_level or 31
  local pfns, exist, present, top = {}, {}, {}, 0
  local first, last = table.unpack(t.part or {0, math.maxinteger})
  for pfn in pairs(t.pages) do
    if pfn >= first and pfn < last then pfns[#pfns + 1] = pfn end
    exist[pfn], present[pfn], top = true, true, math.max(top, pfn)
  end
  for pfn in pairs(t.absent or {}) do
    exist[pfn], top = true, math.max(top, pfn)
  end
  table.sort(pfns)
  t.max_mapnr = t.max_mapnr or top + 1
  local blocks = math.ceil(t.max_mapnr / 8 / t.block)
  local notes = type(t.notes) == "table" and elfcore.notes(t.notes, t.big) or t.notes or ""
  local vi = t.vmcoreinfo or ""
  if vi ~= "" then notes = notes .. elfcore.notes({elfcore.vmcoreinfo_note(vi)}, t.big) end
  local at = t.block + 104 -- behind the sub-header proper; all of it counts as sub-header
  local erased = t.erased or ""
  local sub_blocks = math.ceil((104 + #notes + #erased) / t.block)
  -- The text is the tail of the last note, whose descriptor is padded to 4 bytes.
  local f = {
    notes = at, notes_size = #notes, vmcoreinfo_size = #vi, vmcoreinfo = vi == "" and 0 or at + #notes - #vi - (-#vi % 4),
    erased = erased == "" and 0 or at + #notes, erased_size = #erased,
  }
  local sub = sub_header(t, f)
  local sizes = {sub = sub_blocks, bitmap = 2 * blocks, total = #pfns, written = #pfns}
  local start = (1 + sub_blocks + 2 * blocks) * t.block
  return pad(header(t, sizes), t.block) .. pad(sub .. ("\0"):rep(104 - #sub) .. notes .. erased, t.block)
    .. bitmap(exist, blocks, t.block) .. bitmap(present, blocks, t.block) .. page_area(t, pfns, start)
end

--- The dump of a memory; `without(pfn)` says which pages are filtered out.
function M.of_memory(memory, t, without)
  local pages, absent = {}, {}
  for pfn, bytes in pairs(memory.pages) do
    if without and without(pfn) then absent[pfn] = true else pages[pfn] = bytes end
  end
  local copy = {pages = pages, absent = absent}
  for k, v in pairs(t) do copy[k] = v end
  return M.build(copy)
end

return M
