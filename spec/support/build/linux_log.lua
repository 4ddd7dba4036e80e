-- SPDX-License-Identifier: BSD-2-Clause
-- The log of a built kernel: the ring of descriptors, infos and text blocks of Linux 5.10 and later
-- (kernel/printk/printk_ringbuffer.c), and what VMCOREINFO says of it.
local M = {}

local FINALIZED, REUSABLE, COUNT_BITS, TEXT_BITS = 2, 3, 5, 12

--- A log: a list of {time_ns=, text=, level=, caller=}.
M.default = {
  {time_ns = 0, text = "Linux version built", level = 5, caller = 0x80000000},
  {time_ns = 1500000000, text = "one line\nand one behind it", level = 6, caller = 1},
  {time_ns = 2000000000, text = "", level = 6, caller = 1},
  {time_ns = 59123456789, text = "sysrq: Trigger a crash", level = 6, caller = 100},
  {time_ns = 59123999000, text = "Kernel panic - not syncing: built to crash", level = 0, caller = 100},
}

-- A block: the descriptor's id, the text, padded to 8 bytes. Texts without bytes have no block (NO_LPOS, 3).
local function blocks(records, first)
  local data, places, pos = {}, {}, 0
  for i, r in ipairs(records) do
    if r.text == "" then
      places[i] = {3, 3}
    else
      local block = ("<i8"):pack(first + i - 1) .. r.text
      block = block .. ("\0"):rep(-#block % 8)
      data[#data + 1] = block
      places[i] = {pos, pos + #block}
      pos = pos + #block
    end
  end
  return table.concat(data), places, pos
end

--- Puts the log into a kernel: the symbol prb, a pointer to the ring.
function M.make(self, records)
  self.log = records
  local c = self.types
  local first = 1 << COUNT_BITS -- ids do not start at 0, so that an index is not an id
  local text, places, used = blocks(records, first)
  assert(used <= 1 << TEXT_BITS and #records <= 1 << COUNT_BITS)
  local descs = self:heap(c:sizeof "struct prb_desc" << COUNT_BITS)
  local infos = self:heap(c:sizeof "struct printk_info" << COUNT_BITS)
  local data = self:heap(1 << TEXT_BITS)
  self:poke(data, text)
  for i, r in ipairs(records) do
    local id = first + i - 1
    self:poke(descs + (i - 1) * c:sizeof "struct prb_desc", c:pack("struct prb_desc", {
      state_var = {counter = FINALIZED << 62 | id}, text_blk_lpos = {begin = places[i][1], next = places[i][2]},
    }))
    self:poke(infos + (i - 1) * c:sizeof "struct printk_info", c:pack("struct printk_info", {
      seq = i - 1, ts_nsec = r.time_ns, text_len = #r.text, flags_level = r.level << 5,
      caller_id = r.caller,
    }))
  end
  if not records[1] then -- as the ring begins: one descriptor to be taken, with no data (FAILED_LPOS, 1)
    self:poke(descs, c:pack("struct prb_desc", {
      state_var = {counter = REUSABLE << 62 | first}, text_blk_lpos = {begin = 1, next = 1},
    }))
  end
  local ring = self:new("struct printk_ringbuffer", {
    desc_ring = {
      count_bits = COUNT_BITS, descs = descs, infos = infos, head_id = {counter = first + math.max(#records, 1) - 1},
      tail_id = {counter = first},
    },
    text_data_ring = {size_bits = TEXT_BITS, data = data, head_lpos = {counter = used}, tail_lpos = {counter = 0}},
  })
  self:data("prb", ("<i8"):pack(ring))
end

local OFFSETS = {
  printk_ringbuffer = {"desc_ring", "text_data_ring", "fail"},
  prb_desc_ring = {"count_bits", "descs", "infos", "head_id", "tail_id"},
  prb_desc = {"state_var", "text_blk_lpos"}, prb_data_blk_lpos = {"begin", "next"},
  printk_info = {"seq", "ts_nsec", "text_len", "caller_id", "dev_info"},
  prb_data_ring = {"size_bits", "data", "head_lpos", "tail_lpos"},
}

--- Adds to VMCOREINFO what log_buf_vmcoreinfo_setup does.
function M.describe(types, info)
  for tag, members in pairs(OFFSETS) do
    info.sizes[tag] = types:sizeof("struct " .. tag)
    for _, member in ipairs(members) do info.offsets[tag .. "." .. member] = types:offset(tag, member) end
  end
  info.sizes.atomic_long_t, info.offsets["atomic_long_t.counter"] = 8, 0
end

return M
