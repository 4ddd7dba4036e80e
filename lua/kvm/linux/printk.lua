-- SPDX-License-Identifier: BSD-2-Clause
-- linux/printk.h: the kernel's log. Reads the ring buffer of 5.10 and later (kernel/printk/printk_ringbuffer.h:
-- struct printk_ringbuffer, prb_desc, printk_info and text blocks) and the flat buffer of records before it
-- (kernel/printk/printk.c: struct printk_log, 3.11 to 5.9). Needs no types where the dump has VMCOREINFO. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2. Facility, level and caller of a flat record are told where the kernel has types (since 5.2 BTF).
-- Little-endian, as every machine that is read so far.
local kvm_error = require "kvm.error"
local vmcore_info = require "kvm.linux.vmcore_info"

local M = {}

local BATCH = 512         -- descriptors that are read at a time
local WINDOW = 64 << 10   -- bytes of text that are read at a time
local MAX_BITS = 31       -- LOG_BUF_LEN_MAX, 5.10: a log is at most 2 GiB

-- enum desc_state in the two highest bits of prb_desc.state_var, the descriptor's id below (since 5.10).
local STATE_SHIFT <const> = 62
local ID_MASK <const> = (1 << STATE_SHIFT) - 1
local COMMITTED <const>, FINALIZED <const> = 1, 2

local function damaged(...)
  error(kvm_error.new {code = "format", message = "printk: " .. string.format(...)})
end

-- "T446": task 446; "C1": CPU 1, outside of a task (struct printk_info.caller_id, since 5.10 always stored).
local function caller_name(id)
  if id & 0x80000000 ~= 0 then return "C" .. (id & 0x7fffffff) end
  return "T" .. id
end

-- The bytes of a member up to its NUL; nil for none.
local function name_at(bytes, at, size)
  local text = bytes:sub(at, at + size - 1):match "^[^\0]*"
  return text ~= "" and text or nil
end

-- Where printk_info keeps a device's names (since 5.10): in struct dev_printk_info, which VMCOREINFO describes with the lengths.
local function dictionary(info, r)
  local place, err = kvm_error.try(info.offset, info, "printk_info.dev_info")
  local size
  if place then size, err = kvm_error.try(info.size, info, "dev_printk_info") end
  if err and err.code ~= "notfound" then error(err, 0) end
  if err then return end
  local subsystem, device = info:offset "dev_printk_info.subsystem", info:offset "dev_printk_info.device"
  if subsystem > device or device >= size or place + size > r.info_size then damaged("a dev_printk_info of %d bytes", size) end
  r.subsystem, r.subsystem_size = place + subsystem, device - subsystem
  r.device, r.device_size = place + device, size - device
end

-- Reads of text, which come in ascending order: a window of the ring at a time.
local function text_reader(k, base, size)
  local start, window = 0, ""
  return function(pos, len)
    if pos < start or pos + len > start + #window then
      local want = math.max(len, math.min(WINDOW, size - pos))
      local bytes, message, code = k:read(base + pos, want)
      if not bytes and want > len then bytes, message, code = k:read(base + pos, len) end
      if not bytes then return nil, code, message end
      start, window = pos, bytes
    end
    return window:sub(pos - start + 1, pos - start + len)
  end
end

-- The places of everything in the ring buffer, checked.
local function open_ring(k, info, prb)
  local addr = k:u64(prb)
  local ring = addr + info:offset "printk_ringbuffer.desc_ring"
  local data = addr + info:offset "printk_ringbuffer.text_data_ring"
  local count_bits = k:u32(ring + info:offset "prb_desc_ring.count_bits")
  local size_bits = k:u32(data + info:offset "prb_data_ring.size_bits")
  if count_bits > MAX_BITS then damaged("2^%d descriptors", count_bits) end
  if size_bits > MAX_BITS then damaged("a text ring of 2^%d bytes", size_bits) end
  local block = info:offset "prb_desc.text_blk_lpos"
  local r = {
    count = 1 << count_bits,
    size_bits = size_bits,
    descs = k:u64(ring + info:offset "prb_desc_ring.descs"),
    infos = k:u64(ring + info:offset "prb_desc_ring.infos"),
    head = k:u64(ring + info:offset "prb_desc_ring.head_id") & ID_MASK,
    tail = k:u64(ring + info:offset "prb_desc_ring.tail_id") & ID_MASK,
    text = k:u64(data + info:offset "prb_data_ring.data"),
    desc_size = info:size "prb_desc",
    info_size = info:size "printk_info",
    state = info:offset "prb_desc.state_var",
    first = block + info:offset "prb_data_blk_lpos.begin",
    last = block + info:offset "prb_data_blk_lpos.next",
    seq = info:offset "printk_info.seq",
    time = info:offset "printk_info.ts_nsec",
    len = info:offset "printk_info.text_len",
    caller = info:offset "printk_info.caller_id",
  }
  if math.max(r.state, r.first, r.last) + 8 > r.desc_size then damaged("a descriptor of %d bytes", r.desc_size) end
  if math.max(r.seq + 8, r.time + 8, r.len + 4, r.caller + 4) > r.info_size then
    damaged("a printk_info of %d bytes", r.info_size)
  end
  if (r.head - r.tail) & ID_MASK >= r.count then damaged("the descriptor ring's head is no ring behind its tail") end
  -- struct printk_info has, from 5.10 to 7.2, u16 text_len, u8 facility, u8 flags:5, u8 level:3, u32 caller_id;
  -- VMCOREINFO names only the first and the last. That they are 4 bytes apart shows that nothing else is between
  -- them.
  r.has_level = r.caller - r.len == 4
  dictionary(info, r)
  return r
end

-- Where a descriptor's text is: position and bytes in the ring, or nil for a block without data. An empty line and a
-- record whose text found no room have odd positions (LPOS_DATALESS). A block starts with the descriptor's id; one
-- that would cross the end of the ring starts at its beginning instead.
local function text_place(r, first, last)
  if first & 1 == 1 and last & 1 == 1 then return nil end
  local mask = (1 << r.size_bits) - 1
  local pos, stop = first & mask, last & mask
  if first >> r.size_bits ~= (last - 1) >> r.size_bits then pos = 0 end
  if stop == 0 then stop = mask + 1 end
  if stop - pos < 8 then return nil end
  return pos + 8, stop - pos - 8
end

-- Descriptors and infos of the ids from `id` on, as many as lie in one piece; fewer where memory is missing.
local function read_batch(k, r, id, left, want)
  local index = id & (r.count - 1)
  local n = math.min(want, left, r.count - index)
  while true do
    local descs, message, code = k:read(r.descs + index * r.desc_size, n * r.desc_size)
    local infos
    if descs then infos, message, code = k:read(r.infos + index * r.info_size, n * r.info_size) end
    if infos then return n, descs, infos end
    if n == 1 then return 1, nil, nil, code, message end
    n = 1
  end
end

local function ring_records(k, info, prb)
  local r = open_ring(k, info, prb)
  local text_at = text_reader(k, r.text, 1 << r.size_bits)
  local unpack = string.unpack
  local id, left = r.tail, ((r.head - r.tail) & ID_MASK) + 1
  local n, i, want = 0, 0, BATCH
  local descs, infos, lost, why

  local function record()
    local d, f = i * r.desc_size + 1, i * r.info_size + 1
    local state = unpack("<I8", descs, d + r.state)
    local kind = state >> STATE_SHIFT
    if state & ID_MASK ~= id or (kind ~= COMMITTED and kind ~= FINALIZED) then return nil end
    local rec = {
      seq = unpack("<I8", infos, f + r.seq),
      time_ns = unpack("<I8", infos, f + r.time),
      caller = caller_name(unpack("<I4", infos, f + r.caller)),
    }
    if r.has_level then
      rec.facility = infos:byte(f + r.len + 2)
      rec.level = infos:byte(f + r.len + 3) >> 5
    end
    if r.device then
      rec.subsystem, rec.device = name_at(infos, f + r.subsystem, r.subsystem_size), name_at(infos, f + r.device, r.device_size)
    end
    local first, last = unpack("<I8", descs, d + r.first), unpack("<I8", descs, d + r.last)
    local pos, room = text_place(r, first, last)
    local len = unpack("<I2", infos, f + r.len)
    if not pos then
      rec.text, rec.dataless = "", true
    else
      rec.text, rec.code, rec.reason = text_at(pos, math.min(len, room))
    end
    return rec
  end

  return function()
    while true do
      if i == n then
        if left == 0 then return nil end
        n, descs, infos, lost, why = read_batch(k, r, id, left, want)
        want = math.min(lost and 1 or n * 2, BATCH)
        i = 0
      end
      local rec
      if descs then rec = record() else rec = {code = lost, reason = why} end
      id, left, i = (id + 1) & ID_MASK, left - 1, i + 1
      if rec then return rec end
    end
  end
end

-- What a flat record tells besides, of which VMCOREINFO knows nothing: members by name, where the kernel has the type.
local function flat_members(k, header)
  local t, out = k:type "struct printk_log", {}
  for _, name in ipairs(t and {"dict_len", "facility", "level", "caller_id"} or {}) do -- caller_id: 5.1, CONFIG_PRINTK_CALLER
    local field = t:field(name)
    if field and field.bit_offset // 8 + 4 <= header + 3 then out[name] = field end
  end
  return out
end

local function flat_value(head, field)
  if field.bit_size == 0 then
    local size = field.type:size()
    if field.offset + size > #head or size > 4 then return nil end
    return (("<I" .. size):unpack(head, field.offset + 1))
  end
  return head:byte(field.bit_offset // 8 + 1) >> field.bit_offset % 8 & (1 << field.bit_size) - 1
end

-- The dictionary behind a flat record's text: KEY=value, parted by NULs.
local function flat_dictionary(rec, text)
  for line in (text or ""):gmatch "[^\0]+" do
    local key, value = line:match "^(%u+)=(.*)$"
    if key == "SUBSYSTEM" then rec.subsystem = value elseif key == "DEVICE" then rec.device = value end
  end
end

local function flat_record(head, members, rec)
  if members.facility then rec.facility = flat_value(head, members.facility) end
  if members.level then rec.level = flat_value(head, members.level) end
  if members.caller_id then rec.caller = caller_name(flat_value(head, members.caller_id)) end
  return rec
end

-- The places of the flat buffer's fields, checked.
local function open_flat(k, info, buf)
  local function variable(name)
    return k:u32(info:symbol(name) or damaged("the kernel has log_buf but no %s", name))
  end
  local f = {base = k:u64(buf), size = variable "log_buf_len", pos = variable "log_first_idx", stop = variable "log_next_idx",
    header = info:size "printk_log", time = info:offset "printk_log.ts_nsec", len = info:offset "printk_log.len",
    text_len = info:offset "printk_log.text_len"}
  if f.size > 1 << MAX_BITS then damaged("a log of %d bytes", f.size) end
  if math.max(f.time + 8, f.len + 2, f.text_len + 2) > f.header then damaged("a printk_log of %d bytes", f.header) end
  f.members = flat_members(k, f.header)
  return f
end

-- Before 5.10: records one behind the other from log_first_idx to log_next_idx; one of length 0 says that the next is
-- at the beginning.
local function flat_records(k, info, buf)
  local f = open_flat(k, info, buf)
  local text_at = text_reader(k, f.base, f.size)
  local pos, stop, header = f.pos, f.stop, f.header
  local wrapped = pos <= stop

  local function record(head, bytes)
    local n = string.unpack("<I2", head, f.text_len + 1)
    local extra = f.members.dict_len and flat_value(head, f.members.dict_len) or 0
    if bytes < header + n + extra or pos + bytes > f.size then damaged("a record of %d bytes at %d", bytes, pos) end
    local rec = flat_record(head, f.members, {time_ns = string.unpack("<I8", head, f.time + 1)})
    rec.text, rec.code, rec.reason = text_at(pos + header, n)
    if extra > 0 then flat_dictionary(rec, text_at(pos + header + n, extra)) end
    pos = pos + bytes
    return rec
  end

  return function()
    while pos ~= stop or not wrapped do
      if pos + header > f.size then damaged("a record at %d of %d bytes", pos, f.size) end
      local head, code, why = text_at(pos, header)
      if not head then
        pos, wrapped = stop, true -- the length of the record, and so the place of the next, is lost
        return {code = code, reason = why}
      end
      local bytes = string.unpack("<I2", head, f.len + 1)
      if bytes ~= 0 then return record(head, bytes) end
      if wrapped then damaged("a record of no bytes at %d", pos) end
      pos, wrapped = 0, true
    end
  end
end

--- The records of the kernel's log, the oldest first.
-- @param k an open handle
-- @return an iterator of tables: seq (u64), time_ns (u64: since boot, without time asleep), level (0-7), facility, caller
--   ("T446" a task, "C1" a CPU), subsystem and device (of what a driver said: "pci", "+pci:0000:00:01.0"), text (its lines parted by
--   "\n"). A record that is not in the dump has no text, but a code
--   and a reason. `dataless` marks one that was stored without text.
-- @raise kvm.Error `notfound` when the kernel has no log, `format` when it is damaged, `fault` or `excluded`
-- @usage for r in require "kvm.linux.printk".records(k) do assert(r.text or r.code) end
function M.records(k)
  local info = vmcore_info.of(k)
  local prb = info:symbol "prb" -- since 5.10
  if prb then return ring_records(k, info, prb) end
  local buf = info:symbol "log_buf"
  if buf then return flat_records(k, info, buf) end
  error(kvm_error.new {code = "notfound", message = "the kernel's log was not found: it has neither prb nor log_buf"})
end

return M
