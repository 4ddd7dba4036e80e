-- SPDX-License-Identifier: BSD-2-Clause
-- linux/sbitmap.h: bitmaps whose words lie in cache lines of their own (tags of block devices). A bit that was given back may still be
-- set, and also set in the word `cleared` (since 4.21). struct sbitmap_queue is one with waiters. Checked against Linux 5.10, 6.1,
-- 6.12 and 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MOST_BITS <const> = 1 << 28
local NAMES <const> = {sbitmap = true, sbitmap_queue = true}

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = ("sbitmap 0x%x: "):format(addr) .. form:format(...)}, 0)
end

local function bits_of(sb, name)
  local kind = object.is_object(sb) and object.typeof(sb):name()
  if not NAMES[kind or ""] then error(("bad argument to '%s' (struct sbitmap or sbitmap_queue expected)"):format(name), 3) end
  if kind == "sbitmap_queue" then sb = sb.sb end
  local k, addr = object.handle(sb), object.addr(sb)
  local b = {k = k, depth = sb.depth, shift = sb.shift, map = k:ptr(object.addr(sb, "map")), addr = addr,
    stride = types.sizeof(k, "struct sbitmap_word"), word = types.offsetof(k, "struct sbitmap_word", "word"),
    cleared = types.offsetof(k, "struct sbitmap_word", "cleared")}
  if b.depth > MOST_BITS then fail(addr, "it has %d bits", b.depth) end
  if b.shift > 6 then fail(addr, "a word has 2^%d bits", b.shift) end
  local words = b.depth + (1 << b.shift) - 1 >> b.shift
  if sb.map_nr ~= words then fail(addr, "it has %d words for %d bits of %d each", sb.map_nr, b.depth, 1 << b.shift) end
  b.words = words
  return b
end

-- An iterator of bits; PICK makes the word to look at of the two that there are.
local function bits(b, pick)
  local i, word = -1, 0
  return function()
    while word == 0 do
      i = i + 1
      if i >= b.words then return nil end
      local at = b.map + i * b.stride
      word = pick(b.k:u64(at + b.word), b.k:u64(at + b.cleared))
      local most = math.min(1 << b.shift, b.depth - (i << b.shift))
      if most < 64 then word = word & (1 << most) - 1 end
    end
    local low, n = word & -word, 0
    while low >> n ~= 1 do n = n + 1 end
    word = word & word - 1
    return (i << b.shift) + n
  end
end

local function in_use(word, cleared) return word & ~cleared end
local function given_back(word, cleared) return word & cleared end

--- The bits that are in use.
-- @param sb `struct sbitmap` or `struct sbitmap_queue`
-- @treturn function an iterator of bit numbers, ascending
-- @raise kvm.Error `format` for sizes that can't be; `fault`, `excluded`
-- @usage local tags
-- for sb in kvm.linux.list.for_each_entry("struct super_block", k:object("super_blocks", "struct list_head"), "s_list") do
-- tags = sb.s_bdev and sb.s_bdev.bd_disk.queue.tag_set.tags[0].bitmap_tags or tags end
-- for bit in kvm.linux.sbitmap.for_each_set(tags) do assert(kvm.linux.sbitmap.test_bit(tags, bit)) end
function M.for_each_set(sb)
  return bits(bits_of(sb, "for_each_set"), in_use)
end

--- The bits that were given back and are not yet cleared.
-- @param sb `struct sbitmap` or `struct sbitmap_queue`
-- @treturn function an iterator of bit numbers, ascending
-- @raise kvm.Error as for_each_set
-- @usage local tags
-- for sb in kvm.linux.list.for_each_entry("struct super_block", k:object("super_blocks", "struct list_head"), "s_list") do
-- tags = sb.s_bdev and sb.s_bdev.bd_disk.queue.tag_set.tags[0].bitmap_tags or tags end
-- for bit in kvm.linux.sbitmap.for_each_cleared(tags) do assert(not kvm.linux.sbitmap.test_bit(tags, bit)) end
function M.for_each_cleared(sb)
  return bits(bits_of(sb, "for_each_cleared"), given_back)
end

local function count(step)
  local n = 0
  for _ in step do n = n + 1 end
  return n
end

--- How many bits are in use.
-- @param sb `struct sbitmap` or `struct sbitmap_queue`
-- @treturn integer
-- @raise kvm.Error as for_each_set
-- @usage local tags
-- for sb in kvm.linux.list.for_each_entry("struct super_block", k:object("super_blocks", "struct list_head"), "s_list") do
-- tags = sb.s_bdev and sb.s_bdev.bd_disk.queue.tag_set.tags[0].bitmap_tags or tags end
-- assert(kvm.linux.sbitmap.weight(tags) <= tags.sb.depth)
function M.weight(sb)
  return count(bits(bits_of(sb, "weight"), in_use))
end

--- Whether a bit is in use.
-- @param sb `struct sbitmap` or `struct sbitmap_queue`
-- @tparam integer bit
-- @treturn boolean
-- @raise kvm.Error as for_each_set; `inval` for a bit that it does not have
-- @usage local tags
-- for sb in kvm.linux.list.for_each_entry("struct super_block", k:object("super_blocks", "struct list_head"), "s_list") do
-- tags = sb.s_bdev and sb.s_bdev.bd_disk.queue.tag_set.tags[0].bitmap_tags or tags end
-- assert(not pcall(kvm.linux.sbitmap.test_bit, tags, tags.sb.depth))
function M.test_bit(sb, bit)
  local b = bits_of(sb, "test_bit")
  if bit < 0 or bit >= b.depth then kvm_error.fail("inval", "there is no bit %d of %d", bit, b.depth) end
  local at = b.map + (bit >> b.shift) * b.stride
  return in_use(b.k:u64(at + b.word), b.k:u64(at + b.cleared)) >> bit % (1 << b.shift) & 1 == 1
end

--- What a bitmap with waiters says of itself.
-- @param queue `struct sbitmap_queue`
-- @treturn table depth, busy (bits in use), cleared (given back, not yet cleared), bits_per_word, wake_batch, waiting (ws_active: how
--  many wait), min_shallow_depth
-- @raise kvm.Error as for_each_set
-- @usage local tags
-- for sb in kvm.linux.list.for_each_entry("struct super_block", k:object("super_blocks", "struct list_head"), "s_list") do
-- tags = sb.s_bdev and sb.s_bdev.bd_disk.queue.tag_set.tags[0].bitmap_tags or tags end
-- assert(kvm.linux.sbitmap.queue(tags).depth == tags.sb.depth)
function M.queue(queue)
  local b = bits_of(queue, "queue")
  return {depth = b.depth, busy = count(bits(b, in_use)), cleared = count(bits(b, given_back)), bits_per_word = 1 << b.shift,
    wake_batch = queue.wake_batch, waiting = queue.ws_active.counter, min_shallow_depth = queue.min_shallow_depth}
end

return M
