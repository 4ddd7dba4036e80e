-- SPDX-License-Identifier: BSD-2-Clause
-- Pages of memory that contradict themselves. A free page has no reference (_refcount 0), no mapping (_mapcount -1) and none of the flags
-- of pages in use: free_pages_prepare and check_new_page (mm/page_alloc.c; PAGE_FLAGS_CHECK_AT_FREE and _AT_PREP, linux/page-flags.h) clear
-- and check that. The first page of a free block is marked as such, has the block's order in private, and a place that fits the order
-- (set_buddy_order, __free_one_page). Pages of a compound page lead to its head, which is marked (prep_compound_page). Of blocks that are
-- free and of CPUs' own lists all up to a bound, of compound pages a sample. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local attempt = require "kvm.linux.check.attempt"
local in_flight = require "kvm.linux.check.in_flight"
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local mm = require "kvm.linux.mm"
local mmzone = require "kvm.linux.mmzone"
local object = require "kvm.object"
local page_flags = require "kvm.linux.page_flags"
local pagemap = require "kvm.linux.pagemap"
local ring = require "kvm.linux.check.ring"
local types = require "kvm.type"
local xref = require "kvm.linux.xref"

local M = {name = "page_sanity", title = "pages of memory that contradict themselves"}

local MOST_BLOCKS <const> = 20000   -- of free lists
local MOST_PAGES <const> = 1 << 18  -- free ones that are looked at
local SAMPLES <const> = 2000        -- pages that may be parts of compound pages
local AT_ONCE <const> = 256         -- pages that are read at once
local MOST_TOLD <const> = 5
local UNMAPPED <const> = 0xffffffff -- of _mapcount
local TAIL <const> = 1              -- of compound_head

-- Flags that no free page has: those of PAGE_FLAGS_CHECK_AT_FREE, by the names of all releases.
local BAD_FLAGS <const> = {"lru", "locked", "private", "private_2", "writeback", "reserved", "slab", "active", "unevictable", "mlocked",
  "head"}

-- Functions that are caught with a page between a list and its user.
local CHANGERS <const> = {"^rmqueue", "^__rmqueue", "get_page_from_freelist", "alloc_pages", "^free_", "^__free_", "^free_unref", "^drain_",
  "^expand", "^prep_new_page", "^get_page", "^put_page", "folio", "^release_pages", "^split_", "compact"}

local function new_look(context)
  local k = context.k
  local l = page_flags.layout(k)
  local by_place = {{l.flags, "I8", "flags"}, {l.type, "I4", "type"}, {l.refcount, "i4", "refcount"}}
  table.sort(by_place, function(a, b) return a[1] < b[1] end)
  local form, at, order = "<", 0, {}
  for i, member in ipairs(by_place) do
    form = form .. ("x"):rep(member[1] - at) .. member[2]
    at, order[i] = member[1] + (member[2] == "I8" and 8 or 4), member[3]
  end
  -- All releases have them in this order.
  if table.concat(order, " ") ~= "flags type refcount" then kvm_error.fail("unsupported", "struct page has another order: %s",
    table.concat(order, " ")) end
  return {k = k, l = l, form = form, flags = page_flags.mask(k, BAD_FLAGS), bad = {}, keys = {}, left = MOST_PAGES,
    unlooked = 0, blocks = MOST_BLOCKS, cut = 0, attempts = attempt.new()}
end

-- KEY: a few words that many pages may share.
local function note(look, key, page, form, ...)
  local bad = look.bad[key]
  if not bad then
    bad = {}
    look.bad[key], look.keys[#look.keys + 1] = bad, key
  end
  bad[#bad + 1] = {page = page, text = form:format(...)}
end

local function note_use(look, page, flags, word, refcount, where)
  local why = {}
  if refcount ~= 0 then why[#why + 1] = ("refcount %d"):format(refcount) end
  if word ~= UNMAPPED then why[#why + 1] = ("page_type or mapcount 0x%x"):format(word) end
  if flags & look.flags ~= 0 then why[#why + 1] = "flags " .. table.concat(page_flags.names(look.k, flags & look.flags), "|") end
  note(look, "free page in use", page, "%s: %s", where, table.concat(why, ", "))
end

-- Pages of a free block behind its first one.
local function check_tails(look, page, count, where)
  local bytes, l, form, unpack, bad_flags = look.l.bytes, look.l, look.form, string.unpack, look.flags
  local i = 1
  while i < count do
    local n = math.min(count - i, AT_ONCE)
    local text = kvm_error.check(look.k:read(page + i * bytes, n * bytes))
    for at = 1, #text, bytes do
      local flags, word, refcount = unpack(form, text, at)
      if refcount ~= 0 or word ~= UNMAPPED or flags & bad_flags ~= 0 then
        note_use(look, page + i * l.bytes + at - 1, flags, word, refcount, where)
      end
    end
    i = i + n
  end
end

local function check_block(look, page, order, where)
  local k, l = look.k, look.l
  local flags, word, refcount = string.unpack(look.form, kvm_error.check(k:read(page, l.bytes)))
  local kind, private = page_flags.type_name(k, flags, word), k:u64(page + l.private)
  if kind ~= "buddy" then note(look, "block in a free list that is not marked free", page, "%s: page_type 0x%x, refcount %d", where, word,
    refcount) end
  if private ~= order then note(look, "free block of another order than its list", page, "%s: private is %d", where, private) end
  if pagemap.page_to_pfn(k, page) & (1 << order) - 1 ~= 0 then
    note(look, "free block that lies where its order does not fit", page, "%s", where)
  end
  if refcount ~= 0 or flags & look.flags ~= 0 then note_use(look, page, flags, UNMAPPED, refcount, where) end
  local count = 1 << order
  if look.left < count then
    look.unlooked = look.unlooked + count - 1
  else
    look.left = look.left - count
    check_tails(look, page, count, where)
  end
end

-- --- free lists

-- The node of a list of free pages lies in page.buddy_list and page.pcp_list since 6.0, in page.lru before (bf75f200569d).
local function node_offset(k, member)
  return types.first(k, "struct page", {member, "lru"}).offset
end

local function walk(look, head, node_at, where, each)
  local k, pages = look.k, {}
  local count, faults, more = ring.walk(k, head, look.blocks, function(node) pages[#pages + 1] = node - node_at end)
  look.blocks = look.blocks - count
  if more and look.blocks <= 0 then look.cut = look.cut + 1 end
  for _, fault in ipairs(faults) do
    note(look, "broken list of free pages", fault.node - node_at, "%s: %s", where, fault.text)
  end
  for _, page in ipairs(pages) do look.attempts:call(each, look, page, where) end
end

local function check_free_lists(look, zone)
  local k, areas, name = look.k, zone.free_area, object.string(zone.name)
  local node_at = node_offset(k, "buddy_list")
  for order = 0, #areas - 1 do
    local lists = areas[order].free_list
    for i = 0, #lists - 1 do
      walk(look, object.addr(lists[i]), node_at, ("free list of order %d, migrate type %d, zone %s"):format(order, i, name),
        function(own, page, where) check_block(own, page, order, where) end)
    end
  end
end

local function check_cpu_page(look, page, where)
  local flags, word, refcount = string.unpack(look.form, kvm_error.check(look.k:read(page, look.l.bytes)))
  if refcount ~= 0 or word ~= UNMAPPED or flags & look.flags ~= 0 then note_use(look, page, flags, word, refcount, where) end
end

local function check_cpu_lists(look, zone)
  local node_at, name = node_offset(look.k, "pcp_list"), object.string(zone.name)
  for cpu, own in mmzone.for_each_cpu(zone) do
    for i = 0, #own.lists - 1 do
      walk(look, object.addr(own.lists[i]), node_at, ("list %d of CPU %d, zone %s"):format(i, cpu, name), check_cpu_page)
    end
  end
end

-- --- compound pages

-- Where the map of a huge page's tails was given back (CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP), each page of the map shows the head once more
-- at its start (page_fixed_fake_head, linux/page-flags.h).
local function is_fake_head(look, page, head)
  return page & 0xfff == 0 and math.ult(head, page) and look.k:u64(head + look.l.flags) & look.head ~= 0
end

local function check_compound(look, page)
  local k, l = look.k, look.l
  local word = k:u64(page + l.head)
  local is_head = k:u64(page + l.flags) & look.head ~= 0
  if word & TAIL ~= 0 then
    local head = page_flags.compound_head(k, page)
    if is_head and word >> 40 ~= 0xffffff then note(look, "page that is head and tail of a compound page", page, "flags %s",
      table.concat(page_flags.names(k, k:u64(page + l.flags)), "|")) end
    if not math.ult(head, page) or (page - head) % l.bytes ~= 0 then
      return note(look, "page of a compound page whose head is none", page, "its head is 0x%x", head)
    end
    if k:u64(head + l.flags) & look.head == 0 then note(look, "page of a compound page whose head is none", page,
      "its head 0x%x is not marked", head) end
  elseif is_head then
    local head = page_flags.compound_head(k, page + l.bytes)
    if head == page or is_fake_head(look, page, head) then return end
    note(look, "head of a compound page that has no second page", page, "the page behind it leads to 0x%x", k:u64(page + l.bytes + l.head))
  end
end

-- The same pages each time: a step that is no power of two, so that all parts of blocks come up.
local function check_compounds(look)
  local k = look.k
  local last = k:u64(kallsyms.address(k, "max_pfn"))
  look.head = page_flags.mask(k, {"head"})
  for i = 0, SAMPLES - 1 do
    local page = pagemap.pfn_to_page(k, last * i // SAMPLES | i & 7)
    if k:read(page, look.l.bytes * 2) then look.attempts:call(check_compound, look, page) end
  end
end

-- --- words

-- Variables of modules that lead to a page or to its memory.
local function leads(context, look, page)
  local k = context.k
  look.parts = look.parts or kvm_error.try(xref.parts, k) or {}
  local lines, modules = {}, {}
  local memory = mm.phys_to_virt(k, pagemap.page_to_pfn(k, page) * k:page_size())
  for _, part in ipairs(look.parts) do
    for _, value in ipairs {page, memory} do
      for _, at in ipairs(part.module and xref.words(k, part, value) or {}) do
        lines[#lines + 1] = ("%s leads to it"):format(context:symbol_text(at))
        if modules[#modules] ~= part.module then modules[#modules + 1] = part.module end
      end
    end
  end
  return lines, modules
end

local function busy_with(context, bad)
  if context:is_panic() then return nil end
  return in_flight.inside(context, CHANGERS)[#bad]
end

local function tell(context, look, key, bad, report)
  local k, evidence, first, modules = context.k, {}, bad[1], {}
  for i = 1, math.min(#bad, MOST_TOLD) do
    local pfn = kvm_error.try(pagemap.page_to_pfn, k, bad[i].page)
    evidence[i] = ("struct page 0x%x%s: %s"):format(bad[i].page, pfn and (" (page frame 0x%x)"):format(pfn) or "", bad[i].text)
  end
  local lines, owners = kvm_error.try(leads, context, look, first.page)
  if lines then
    table.move(lines, 1, #lines, #evidence + 1, evidence)
    modules = owners
  end
  local busy = busy_with(context, bad)
  if busy then evidence[#evidence + 1] = ("%s is in %s"):format(context:task_text(busy.task), busy.name) end
  report {severity = busy and "info" or "critical", confidence = busy and "possible" or "certain", evidence = evidence, modules = modules,
    title = ("page corruption: %s, 0x%x%s%s"):format(key, first.page, #bad > 1 and (" and %d more"):format(#bad - 1) or "",
      modules[1] and (": %s"):format(lines[1]) or "")}
end

local function say_left_out(look, report)
  if look.unlooked == 0 and look.cut == 0 then return end
  report {severity = "info", confidence = "certain", evidence = {},
    title = ("%d free pages, and the ends of %d lists of them, were not looked at"):format(look.unlooked, look.cut)}
end

--- Tells of pages that contradict themselves.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error
-- @usage require "kvm.linux.check.page_sanity".run(require "kvm.linux.check.context".new(k), function(f) assert(f.title) end)
function M.run(context, report)
  local look = new_look(context)
  for zone in mmzone.for_each_populated_zone(context.k) do
    look.attempts:call(check_free_lists, look, zone)
    look.attempts:call(check_cpu_lists, look, zone)
  end
  look.attempts:call(check_compounds, look)
  for _, key in ipairs(look.keys) do tell(context, look, key, look.bad[key], report) end
  say_left_out(look, report)
  look.attempts:finish()
end

return M
