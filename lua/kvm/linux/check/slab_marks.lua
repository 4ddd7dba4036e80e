-- SPDX-License-Identifier: BSD-2-Clause
-- What SLUB writes around and into objects of caches that are debugged (slub_debug=Z and P), so that damage shows: red zones before and
-- behind an object, poison in one that is free, padding behind what is noted of it; as check_object and check_pad_bytes (mm/slub.c) check
-- it. Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out the red zone of what kmalloc was not asked for (since 6.2), the padding
-- of kmalloc's objects (their size is noted before it, in as many bytes as the release likes) and what is behind a slab's last object,
-- where 7.0 and later keep what control groups are charged for.
local slab = require "kvm.linux.slab"
local types = require "kvm.type"
local object = require "kvm.object"

local M = {}

-- linux/poison.h
local RED_INACTIVE <const>, RED_ACTIVE <const> = "\xbb", "\xcc" -- SLUB_RED_INACTIVE, SLUB_RED_ACTIVE
local POISON_INUSE <const>, POISON_FREE <const>, POISON_END <const> = "\x5a", "\x6b", "\xa5"

local function zone(what, from, bytes, is_overrun) return {what = what, from = from, bytes = bytes, is_overrun = is_overrun} end

-- Where padding begins and ends: behind the pointer to the next free object and the two tracks (get_info_end, check_pad_bytes).
local function padding(cache, pad)
  local k = object.handle(cache)
  if slab.has_flag(cache, "KMALLOC") and slab.has_flag(cache, "STORE_USER") then return nil end
  local bits = types.enumerators(k, "enum _slab_flag_bits")
  if bits and bits._SLAB_OBJ_EXT_IN_OBJ then return nil end -- since 7.0 what a control group is charged for may lie there
  local from = cache.inuse + (cache.offset >= cache.inuse and 8 or 0)
  if slab.has_flag(cache, "STORE_USER") then from = from + 2 * types.sizeof(k, "struct track") end
  local bytes = cache.size - pad - from
  return bytes > 0 and zone("padding behind", from, bytes) or nil
end

--- What a cache's objects are marked with.
-- @param cache `struct kmem_cache`
-- @treturn ?table used and free: {{what=, from= (bytes from the object's start), bytes=, expected= (string)},...}; nil where a cache is not
--  marked
-- @raise kvm.Error
-- @usage local marks = require "kvm.linux.check.slab_marks".of(kvm.linux.slab.find_slab_cache(k, "dentry")) assert(not marks or marks.used)
function M.of(cache)
  local is_red, is_poison = slab.has_flag(cache, "RED_ZONE"), slab.has_flag(cache, "POISON")
  if not is_red and not is_poison then return nil end
  local pad, size, inuse = is_red and cache.red_left_pad or 0, cache.object_size, cache.inuse
  local marks = {used = {}, free = {}}
  local function add(list, place, fill)
    if not place or place.bytes <= 0 then return end
    place.expected = fill:rep(place.bytes)
    list[#list + 1] = place
  end
  for state, fill in pairs {used = RED_ACTIVE, free = RED_INACTIVE} do
    local list = marks[state]
    if is_red then
      add(list, zone("red zone before", -pad, pad), fill)
      add(list, zone("red zone behind", size, inuse - size), fill)
    elseif size < inuse then
      add(list, zone("alignment behind", size, inuse - size), POISON_INUSE)
    end
    if is_poison then add(list, padding(cache, pad), POISON_INUSE) end
  end
  if is_poison and slab.has_flag(cache, "OBJECT_POISON") then
    add(marks.free, zone("poison of", 0, size - 1), POISON_FREE)
    add(marks.free, zone("poison of", size - 1, 1), POISON_END)
  end
  return marks
end

-- The bytes of TEXT that are not EXPECTED: from the first to the last one that differs.
local function difference(text, expected)
  local first, last = 1, #expected
  while text:byte(first) == expected:byte(first) do first = first + 1 end
  while text:byte(last) == expected:byte(last) do last = last - 1 end
  return first, last
end

--- What is damaged of the marks of an object.
-- @tparam {table,...} marks `used` or `free` of what `of` gives
-- @tparam string bytes of memory
-- @tparam integer at place in them of the object's first byte, from 1 on
-- @treturn ?{table,...} what (text: "red zone behind"), offset (from the object's start), found and expected (strings); nil: nothing
-- @usage local marks = {{what = "poison of", from = 0, bytes = 2, expected = "kk"}}
-- assert(require "kvm.linux.check.slab_marks".damage(marks, "kx", 1)[1].offset == 1)
function M.damage(marks, bytes, at)
  local out
  for _, mark in ipairs(marks) do
    local from = at + mark.from
    local text = bytes:sub(from, from + mark.bytes - 1)
    if text ~= mark.expected and #text == mark.bytes then
      local first, last = difference(text, mark.expected)
      out = out or {}
      out[#out + 1] = {what = mark.what, offset = mark.from + first - 1, found = text:sub(first, last),
        expected = mark.expected:sub(first, last)}
    end
  end
  return out
end

return M
