-- SPDX-License-Identifier: BSD-2-Clause
-- linux/page-flags.h: what a struct page says of its memory: its flags by name, its type, the head of a compound page, its node and zone,
-- what it belongs to. Flags are those of enum pageflags; a type is a value of enum pagetype since 6.12, a bit that is cleared in
-- 0xf0000000 before. Of x86-64, where struct pages lie in one map (CONFIG_SPARSEMEM_VMEMMAP) and their flags hold no section. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out 6.10 and 6.11, whose types are bits of other values.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local pagemap = require "kvm.linux.pagemap"
local types = require "kvm.type"

local M = {}

local PAGE <const> = "struct page"
local TAIL <const> = 1 -- of compound_head
local FLAG_BITS <const> = 64
local TYPE_SHIFT <const> = 24 -- of page_type, since 6.12
-- Before: PAGE_TYPE_BASE, and types that are told by a cleared bit, from this one on. Until 5.10 one more was among them.
local TYPE_BASE <const>, FIRST_TYPE <const> = 0xf0000000, 0x80
local TYPES_OF_511 <const>, TYPES_OF_510 <const> = {"buddy", "offline", "table", "guard"}, {"buddy", "offline", "kmemcg", "table", "guard"}
local MAPPING_ANON <const>, MAPPING_MOVABLE <const> = 1, 2 -- of mapping; both: KSM, the second alone: a driver's page that can be moved
local MOST_PAGES <const> = 1 << 36 -- 256 TB
local ROW_PAGES <const>, SUBSECTION_PAGES <const> = 64, 512 -- what is read at once; the map has all pages of a subsection, or none

local layouts = setmetatable({}, {__mode = "k"}) -- by handle: what does not change

-- The names of the flags by bit: PG_head is "head". Those behind __NR_PAGEFLAGS are other names of the same bits.
local function flag_names(k)
  local out, values = {}, types.enumerators(k, "enum pageflags")
  if not values then kvm_error.fail("notfound", "there is no enum pageflags") end
  for _, e in ipairs(types.of(k, "enum pageflags"):strip():enumerators()) do
    if e.name == "__NR_PAGEFLAGS" then break end
    out[e.value] = out[e.value] or e.name:match "^PG_(.+)"
  end
  return out
end

local function type_names(k)
  local out = {}
  for name, value in pairs(types.enumerators(k, "enum pagetype") or {}) do out[value] = name:match "^PGTY_(.+)" end
  if not next(out) then return nil end
  out[0xff] = nil -- PGTY_mapcount_underflow: a page that is not mapped
  return out
end

local function width_of(n)
  local bits = 0
  while 1 << bits < n do bits = bits + 1 end
  return bits
end

local function layout_of(k)
  local l = layouts[k]
  if l then return l end
  local flag = types.enumerators(k, "enum pageflags") or {}
  local zones = types.enumerators(k, "enum zone_type").__MAX_NR_ZONES
  local nodes = k:symbol "node_data" and types.sizeof(k, "nodemask_t") * 8 or 1 -- CONFIG_NUMA
  l = {
    size = types.sizeof(k, PAGE), names = flag_names(k), types = type_names(k), slab = flag.PG_slab,
    flags = types.offsetof(k, PAGE, "flags"), type = types.offsetof(k, PAGE, "page_type"),
    head = types.first(k, PAGE, {"compound_info", "compound_head"}).offset, -- 7.1 renamed it
    mapping = types.offsetof(k, PAGE, "mapping"), index = types.first(k, PAGE, {"__folio_index", "index"}).offset,
    private = types.offsetof(k, PAGE, "private"), refcount = types.offsetof(k, PAGE, "_refcount"),
    zone_bits = width_of(zones), node_bits = width_of(nodes),
    cleared = types.of(k, PAGE):strip():field "mem_cgroup" and TYPES_OF_510 or TYPES_OF_511,
  }
  layouts[k] = l
  return l
end

--- The names of flags of a page.
-- @param k an open handle
-- @tparam integer flags of a struct page
-- @treturn {string,...} without PG_, in the order of their bits; as the first names of enum pageflags, of which some stand for several
--  (owner_priv_1 is swapcache as well)
-- @raise kvm.Error `notfound`
-- @usage assert(kvm.linux.page_flags.names(k, 1)[1] == "locked")
function M.names(k, flags)
  local out, names = {}, layout_of(k).names
  for bit = 0, FLAG_BITS - 1 do
    if flags >> bit & 1 == 1 then out[#out + 1] = names[bit] end
  end
  return out
end

-- Of a page whose page_type is no count of mappings.
local function type_of(l, flags, word)
  if l.types then return l.types[word >> TYPE_SHIFT] end
  if l.slab and flags >> l.slab & 1 == 1 then return "slab" end -- a flag until 6.9
  if word & TYPE_BASE ~= TYPE_BASE then return nil end
  for i, name in ipairs(l.cleared) do
    if word & FIRST_TYPE << i - 1 == 0 then return name end
  end
  return nil
end

--- The first page of what a page is part of.
-- @param k an open handle
-- @tparam integer page `struct page *`
-- @treturn integer `struct page *`: the page itself where it is no tail of a compound page
-- @raise kvm.Error `fault`, `excluded`
-- @usage local page = kvm.linux.pagemap.pfn_to_page(k, 256) assert(kvm.linux.page_flags.compound_head(k, page) <= page)
function M.compound_head(k, page)
  local word = k:u64(page + layout_of(k).head)
  if word & TAIL == 0 then return page end
  -- Since 7.1 a mask where struct page has a power of 2 bytes (CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP), which has the highest bits, as
  -- an address of the map has not: it is below 0xffffff0000000000.
  if word >> 40 == 0xffffff then return page & word & ~TAIL end
  return word - TAIL
end

local function mapping_of(l, k, page, rec)
  local word = k:u64(page + l.mapping)
  if word == 0 or rec.type or word & MAPPING_MOVABLE ~= 0 then return end
  rec.mapping, rec.index = word & ~MAPPING_ANON, k:u64(page + l.index)
  rec.anon = word & MAPPING_ANON ~= 0
end

--- Where the members of struct page lie that tell whether it is in use, for what reads many of them.
-- @param k an open handle
-- @treturn table bytes (of a struct page), and offsets: flags (8 bytes), type (of page_type, which is the count of mappings less 1 as
--  well), refcount (4 bytes each), private, head (8 bytes each)
-- @raise kvm.Error `notfound`
-- @usage assert(kvm.linux.page_flags.layout(k).bytes == kvm.sizeof(k:type "struct page"))
function M.layout(k)
  local l = layout_of(k)
  return {bytes = l.size, flags = l.flags, type = l.type, refcount = l.refcount, private = l.private, head = l.head}
end

--- The bits of flags by their names; those that a release lacks are none.
-- @param k an open handle
-- @tparam {string,...} names without PG_
-- @treturn integer
-- @raise kvm.Error `notfound`
-- @usage assert(kvm.linux.page_flags.mask(k, {"locked"}) == 1)
function M.mask(k, names)
  local wanted, mask = {}, 0
  for _, name in ipairs(names) do wanted[name] = true end
  for bit, name in pairs(layout_of(k).names) do
    if wanted[name] then mask = mask | 1 << bit end
  end
  return mask
end

--- What a page is for, as its struct page's words say.
-- @param k an open handle
-- @tparam integer flags
-- @tparam integer word page_type, unsigned
-- @treturn ?string "slab", "buddy", "table" ...; nil: none of them
-- @raise kvm.Error `notfound`
-- @usage assert(kvm.linux.page_flags.type_name(k, 0, 0xffffffff) == nil)
function M.type_name(k, flags, word) return type_of(layout_of(k), flags, word) end

--- What a struct page says.
-- @param k an open handle
-- @tparam integer page `struct page *`
-- @treturn table pfn, addr, flags (integer), names ({string,...} of the flags), node, zone (the zone's number), head (`struct page *` of a
--  tail; nil of others), type ("slab", "buddy", "table", "guard", "offline", "hugetlb" ...; nil: none), mapcount (nil where there is a
--  type), refcount, private; of a page that belongs to a file or to anonymous memory mapping (`struct address_space *`, or of anon=true
--  `struct anon_vma *`) and index (in pages)
-- @raise kvm.Error `inval` for what is no struct page; `fault`, `excluded`
-- @usage local page = kvm.linux.page_flags.describe(k, kvm.linux.pagemap.pfn_to_page(k, 256)) assert(page.pfn == 256)
function M.describe(k, page)
  local l, pfn = layout_of(k), pagemap.page_to_pfn(k, page)
  local flags, word = k:u64(page + l.flags), k:u32(page + l.type)
  local head = M.compound_head(k, page)
  local rec = {pfn = pfn, addr = page, flags = flags, names = M.names(k, flags), refcount = k:i32(page + l.refcount),
    private = k:u64(page + l.private), type = head == page and type_of(l, flags, word) or nil, head = head ~= page and head or nil}
  rec.node = l.node_bits > 0 and flags >> FLAG_BITS - l.node_bits or 0
  rec.zone = flags >> FLAG_BITS - l.node_bits - l.zone_bits & (1 << l.zone_bits) - 1
  if head == page then mapping_of(l, k, page, rec) end
  if not rec.type then rec.mapcount = k:i32(page + l.type) + 1 end
  return rec
end

--- The slab that a page is part of.
-- @param k an open handle
-- @tparam integer page `struct page *`
-- @treturn integer `struct slab *` (`struct page *` before 5.17); nil for a page of no slab
-- @raise kvm.Error `fault`, `excluded`
-- @usage local page = kvm.linux.pagemap.pfn_to_page(k, 256) local slab = kvm.linux.page_flags.page_slab(k, page)
-- assert(not slab or slab <= page)
function M.page_slab(k, page)
  local l, head = layout_of(k), M.compound_head(k, page)
  return type_of(l, k:u64(head + l.flags), k:u32(head + l.type)) == "slab" and head or nil
end

-- The map of pages, row by row, each with the address of its first page. A subsection that the map lacks is memory that the machine lacks.
local function rows(k, size)
  local pfn, last = 0, k:u64(kallsyms.address(k, "max_pfn"))
  if not math.ult(last, MOST_PAGES) then kvm_error.fail("format", "max_pfn is 0x%x", last) end
  return function()
    while pfn < last do
      local at = pagemap.pfn_to_page(k, pfn)
      local bytes, message, code, addr = k:read(at, ROW_PAGES * size)
      if bytes then
        pfn = pfn + ROW_PAGES
        return at, bytes
      end
      if code ~= "fault" then kvm_error.check(bytes, message, code, addr) end
      pfn = (pfn // SUBSECTION_PAGES + 1) * SUBSECTION_PAGES
    end
    return nil
  end
end

-- Where the word of a struct page is that tells of slabs: its form, and which bits of it are what: the type, or a flag (until 6.9).
local function slab_test(l)
  for number, name in pairs(l.types or {}) do
    if name == "slab" then return l.size, l.type + 1, "<I4", TYPE_SHIFT, number, 0xff end
  end
  if not l.slab then kvm_error.fail("notfound", "pages have neither a type nor a flag for slabs") end
  return l.size, l.flags + 1 + l.slab // 8, "B", l.slab % 8, 1, 1
end

--- The slabs in memory, of all caches, in order: those that are full as well, which are in no list.
-- @param k an open handle
-- @treturn function an iterator of `struct slab *` (`struct page *` before 5.17), an integer
-- @raise kvm.Error `excluded`
-- @usage assert(kvm.linux.page_flags.for_each_slab(k)() ~= 0)
function M.for_each_slab(k)
  local size, test_at, form, shift, wanted, mask = slab_test(layout_of(k))
  local step, unpack = rows(k, size), string.unpack
  local base, bytes, at = nil, "", 0
  return function()
    while true do
      if at >= #bytes then
        base, bytes = step()
        at = 0
        if not base then return nil end
      end
      local is_slab = unpack(form, bytes, at + test_at) >> shift & mask == wanted
      at = at + size
      if is_slab then return base + at - size end
    end
  end
end

--- How many pages the memory has of each type, and with each flag, as the map of pages says.
-- @param k an open handle
-- @treturn table pages by name of a flag; pages by name of a type, of which those of a compound page are one
-- @treturn table by name of a type
-- @treturn integer pages in all
-- @raise kvm.Error `excluded`
-- @usage local flags, _, pages = kvm.linux.page_flags.count(k) assert(flags.reserved > 0 and flags.reserved <= pages)
function M.count(k)
  local l, bits, kinds, total, unpack = layout_of(k), {}, {}, 0, string.unpack
  for _, bytes in rows(k, l.size) do
    for at = 1, #bytes, l.size do
      local flags, word = unpack("<I8", bytes, at + l.flags), unpack("<I4", bytes, at + l.type)
      local kind = type_of(l, flags, word)
      if kind then kinds[kind] = (kinds[kind] or 0) + 1 end
      local low = flags & (1 << #l.names + 1) - 1
      bits[low] = (bits[low] or 0) + 1
      total = total + 1
    end
  end
  local named = {}
  for _, name in pairs(l.names) do named[name] = 0 end
  for flags, n in pairs(bits) do
    for _, name in ipairs(M.names(k, flags)) do named[name] = named[name] + n end
  end
  return named, kinds, total
end

return M
