-- SPDX-License-Identifier: BSD-2-Clause
-- linux/kfifo.h: ring buffers of elements of one size, or of bytes in records behind a length of 1 or 2 bytes. in and out run on and
-- wrap at 2^32; the buffer's size is a power of two. Checked against Linux 5.10 to 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MOST_BYTES <const> = 1 << 32

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = ("kfifo 0x%x: "):format(addr) .. form:format(...)}, 0)
end

-- What is in a fifo: a struct __kfifo, or one of the unions around it that DECLARE_KFIFO makes.
local function fifo_of(fifo, name)
  local t = object.is_object(fifo) and object.typeof(fifo):strip()
  local inner = t and (t:name() == "__kfifo" and fifo or t:kind() ~= "array" and t:field "kfifo" and fifo.kfifo)
  if not inner then error(("bad argument to '%s' (struct kfifo expected)"):format(name), 3) end
  local k, addr = object.handle(fifo), object.addr(inner)
  local f = {k = k, addr = addr, mask = inner.mask, size = inner.esize, from = inner.out,
    data = k:ptr(addr + types.offsetof(k, "struct __kfifo", "data"))}
  f.used = inner["in"] - inner.out & 0xffffffff
  if f.mask & f.mask + 1 ~= 0 then fail(addr, "%d elements is no power of two", f.mask + 1) end
  if f.used > f.mask + 1 then fail(addr, "%d of %d elements are in use", f.used, f.mask + 1) end
  if (f.mask + 1) * f.size > MOST_BYTES then fail(addr, "%d elements of %d bytes", f.mask + 1, f.size) end
  return f
end

--- How many elements a fifo holds; of one with records, bytes.
-- @param fifo `struct kfifo` or what DECLARE_KFIFO makes
-- @treturn integer
-- @treturn integer how many it has room for; 0 of one that was not initialised
-- @raise kvm.Error `format` for counts that can't be
-- @usage local fifo = kvm.linux.percpu.per_cpu(k, "memory_failure_cpu", 0, "struct memory_failure_cpu").fifo
-- assert(kvm.linux.kfifo.len(fifo) == 0)
function M.len(fifo)
  local f = fifo_of(fifo, "len")
  return f.used, f.data ~= 0 and f.mask + 1 or 0
end

--- The elements of a fifo, the oldest first.
-- @tparam string|kvm.Type t of the elements, of the fifo's element size
-- @param fifo `struct kfifo` or what DECLARE_KFIFO makes
-- @return iterator of objects or values
-- @raise kvm.Error `format` for counts that can't be; `inval` for a type of another size; `fault`, `excluded`
-- @usage local fifo = kvm.linux.percpu.per_cpu(k, "memory_failure_cpu", 0, "struct memory_failure_cpu").fifo
-- for e in kvm.linux.kfifo.for_each_entry("struct memory_failure_entry", fifo) do assert(e.pfn >= 0) end
function M.for_each_entry(t, fifo)
  local f = fifo_of(fifo, "for_each_entry")
  if type(t) == "string" then t = types.of(f.k, t) end
  if t:size() ~= f.size then
    kvm_error.fail("inval", "%s has %d bytes, elements of the kfifo at 0x%x have %d", t:spell(), t:size(), f.addr, f.size)
  end
  local at = require "kvm.object.shape".at
  local i = -1
  return function()
    i = i + 1
    if i < f.used then return at(f.k, t, f.data + (f.from + i & f.mask) * f.size) end
  end
end

-- LEN bytes from element number AT on, which may run over the end of the buffer.
local function bytes_at(f, at, len)
  local start = at & f.mask
  local first = math.min(len, f.mask + 1 - start)
  local bytes = kvm_error.check(f.k:read(f.data + start, first))
  return first == len and bytes or bytes .. kvm_error.check(f.k:read(f.data, len - first))
end

--- The records of a fifo of bytes, the oldest first.
-- @param fifo `struct kfifo_rec_ptr_1`, `struct kfifo_rec_ptr_2` or what DECLARE_KFIFO makes with a recsize
-- @tparam integer recsize 1 or 2: bytes of the length before each record
-- @treturn function an iterator of strings
-- @raise kvm.Error `format` for counts and lengths that can't be; `fault`, `excluded`
-- @usage local fifo = kvm.linux.percpu.per_cpu(k, "memory_failure_cpu", 0, "struct memory_failure_cpu").fifo
-- assert(not pcall(kvm.linux.kfifo.for_each_record, fifo, 1)) -- it has elements
function M.for_each_record(fifo, recsize)
  local f = fifo_of(fifo, "for_each_record")
  if recsize ~= 1 and recsize ~= 2 or f.size ~= 1 then
    kvm_error.fail("inval", "the kfifo at 0x%x has elements of %d bytes, no records behind %d", f.addr, f.size, recsize)
  end
  local done = 0
  return function()
    if done == f.used then return nil end
    if f.used - done < recsize then fail(f.addr, "%d bytes are left for the length of a record", f.used - done) end
    local len = ("<I" .. recsize):unpack(bytes_at(f, f.from + done, recsize))
    if len > f.used - done - recsize then fail(f.addr, "a record has %d bytes, %d are left", len, f.used - done - recsize) end
    local record = len > 0 and bytes_at(f, f.from + done + recsize, len) or ""
    done = done + recsize + len
    return record
  end
end

return M
