-- SPDX-License-Identifier: BSD-2-Clause
-- Kernel logs in a fake kernel's memory: the ring buffer of 5.10 and later, written as its writers do (blocks of text that wrap, states,
-- ids), and the flat records before it.
local M = {}

local DESCS, INFOS, TEXT, RING, PRB = 0x100000, 0x200000, 0x300000, 0x400000, 0x500000
M.DESCS, M.INFOS, M.TEXT, M.RING, M.PRB = DESCS, INFOS, TEXT, RING, PRB
local ID_MASK = (1 << 62) - 1

M.NOTE = {
  ["SYMBOL(prb)"] = "500000",
  ["OFFSET(printk_ringbuffer.desc_ring)"] = "0", ["OFFSET(printk_ringbuffer.text_data_ring)"] = "48",
  ["OFFSET(prb_desc_ring.count_bits)"] = "0", ["OFFSET(prb_desc_ring.descs)"] = "8",
  ["OFFSET(prb_desc_ring.infos)"] = "16", ["OFFSET(prb_desc_ring.head_id)"] = "24",
  ["OFFSET(prb_desc_ring.tail_id)"] = "32", ["SIZE(prb_desc)"] = "24", ["OFFSET(prb_desc.state_var)"] = "0",
  ["OFFSET(prb_desc.text_blk_lpos)"] = "8", ["OFFSET(prb_data_blk_lpos.begin)"] = "0",
  ["OFFSET(prb_data_blk_lpos.next)"] = "8", ["SIZE(printk_info)"] = "88", ["OFFSET(printk_info.seq)"] = "0",
  ["OFFSET(printk_info.ts_nsec)"] = "8", ["OFFSET(printk_info.text_len)"] = "16",
  ["OFFSET(printk_info.caller_id)"] = "20", ["OFFSET(prb_data_ring.size_bits)"] = "0",
  ["OFFSET(prb_data_ring.data)"] = "8",
}

-- What 5.10 and later tell of the devices that spoke.
M.DEVICE_NOTE = {
  ["OFFSET(printk_info.dev_info)"] = "24", ["SIZE(dev_printk_info)"] = "64", ["OFFSET(dev_printk_info.subsystem)"] = "0",
  ["OFFSET(dev_printk_info.device)"] = "16",
}

local function set(bytes, at, value)
  return bytes:sub(1, at) .. value .. bytes:sub(at + #value + 1)
end

-- Where the writer puts a block of `size` bytes: its begin and next, and its index in the ring (kernel/printk/
-- printk_ringbuffer.c, data_alloc and get_next_lpos).
local function place(lpos, size, bits)
  local next = lpos + size
  if lpos >> bits == next >> bits then return next, lpos & ((1 << bits) - 1) end
  next = ((next >> bits) << bits) + size
  if next & ((1 << bits) - 1) == size and (lpos + size) & ((1 << bits) - 1) == 0 then
    return lpos + size, lpos & ((1 << bits) - 1) -- ends with the ring: no wrap
  end
  return next, 0
end

--- Puts a ring buffer into a fake kernel.
-- opts: count_bits, size_bits, tail (id of the oldest), lpos (of the first block), records: {text=, ns=, level=, facility=,
-- caller=, state= (2), id=, dataless= (lpos), len=, subsystem=, device=}
function M.ring(k, opts)
  local count, bits = 1 << opts.count_bits, opts.size_bits
  local descs, infos = ("\0"):rep(24 * count), ("\0"):rep(88 * count)
  local text = ("\xaa"):rep(1 << bits)
  local tail, lpos = opts.tail or 0, opts.lpos or 0
  for i, r in ipairs(opts.records) do
    local id = (tail + i - 1) & ID_MASK
    local index = id & (count - 1)
    local begin, next = r.dataless, r.dataless
    if not r.dataless then
      local size = 8 + (#r.text + 7 & ~7)
      local at
      begin = lpos
      next, at = place(lpos, size, bits)
      lpos = next
      text = set(text, at, ("<I8"):pack(id) .. r.text)
    end
    descs = set(descs, index * 24, ("<I8I8I8"):pack((r.state or 2) << 62 | (r.id or id), begin, next))
    infos = set(infos, index * 88 + 24, ("c16c48"):pack(r.subsystem or "", r.device or ""))
    infos = set(infos, index * 88, ("<I8I8I2I1I1I4"):pack(i - 1 + (opts.seq or 0), r.ns or 0, r.len or #(r.text or ""),
      r.facility or 0, (r.level or 6) << 5 | 2, r.caller or 1))
  end
  local head = (tail + #opts.records - 1) & ID_MASK
  k:map(DESCS, descs):map(INFOS, infos):map(TEXT, text)
  k:map(RING, ("<I4I4I8I8I8I8I8 I4I4I8I8I8"):pack(opts.count_bits, 0, DESCS, INFOS, opts.head or head, tail, 0,
    bits, 0, TEXT, lpos, 0))
  k:map(PRB, ("<I8"):pack(RING))
  for key, v in pairs(M.NOTE) do k.note[key] = v end
  return k
end

M.OLD_NOTE = {
  ["SYMBOL(log_buf)"] = "600000", ["SYMBOL(log_buf_len)"] = "600008", ["SYMBOL(log_first_idx)"] = "60000c",
  ["SYMBOL(log_next_idx)"] = "600010", ["SIZE(printk_log)"] = "16", ["OFFSET(printk_log.ts_nsec)"] = "0",
  ["OFFSET(printk_log.len)"] = "8", ["OFFSET(printk_log.text_len)"] = "10",
}

-- struct printk_log as types tell it.
local function field(offset, size, bit_offset, bit_size)
  return {offset = offset, bit_offset = bit_offset or offset * 8, bit_size = bit_size or 0, type = {size = function() return size end}}
end
M.OLD_TYPE = {size = 16, dict_len = field(12, 2), facility = field(14, 1), level = field(15, 1, 125, 3)}

--- A record of before 5.10.
function M.old_record(ns, text, dictionary)
  dictionary = dictionary or ""
  local len = 16 + (#text + #dictionary + 7 & ~7)
  return ("<I8I2I2I2I1I1"):pack(ns, len, #text, #dictionary, 0, 6 << 5) .. text .. dictionary
    .. ("\0"):rep(len - 16 - #text - #dictionary)
end

function M.old_log(k, buffer, first, next)
  k:map(0x700000, buffer):map(0x600000, ("<I8I4I4I4"):pack(0x700000, #buffer, first, next))
  for key, v in pairs(M.OLD_NOTE) do k.note[key] = v end
  return k
end

return M
