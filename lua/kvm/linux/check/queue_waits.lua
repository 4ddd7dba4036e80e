-- SPDX-License-Identifier: BSD-2-Clause
-- Tasks that wait in a wait queue for a lock that keeps no list of its own: a bit of a word (include/linux/wait_bit.h: buffer heads,
-- inodes), the lock of a page (mm/filemap.c), a per-CPU read-write semaphore (kernel/locking/percpu-rwsem.c). The queue's entry lies on the
-- task's own stack: its `private` is the task, its `func` the one that belongs to such entries. Of none of these locks the kernel records
-- who holds it; of a per-CPU semaphore the writer while it waits for the readers. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local frames_of = require "kvm.linux.check.frames"
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local percpu_rwsem = require "kvm.linux.percpu_rwsem"
local types = require "kvm.type"

local M = {}

local WORD <const> = 8
local KERNEL <const> = 1 << 63
local MOST_BYTES <const> = 16384
local MOST_WAITERS <const> = 10000
local BIT_ENTRY <const> = "struct wait_bit_queue_entry"
local ENTRY <const>, SEM <const> = "struct wait_queue_entry", "struct percpu_rw_semaphore"
local NO_BIT <const> = -1 -- key.bit_nr of those who wait for a variable

-- What the semaphore itself says of those who hold it.
local function holder(sem)
  local writer = percpu_rwsem.waiting_writer(sem)
  local readers = percpu_rwsem.readers(sem)
  if percpu_rwsem.state(sem) == "write" then return nil, "held by a writer, which the kernel does not record" end
  return writer, ("held by %d reader%s, which the kernel does not record"):format(readers, readers == 1 and "" or "s")
end

local function semaphore(k, addr, is_writer)
  local sem = kvm_error.check(k:object(addr, SEM))
  local writer, held = holder(sem)
  local wait = {kind = "percpu_rwsem", lock = addr, held = held}
  if writer and not is_writer then wait.owner_addr, wait.keeps_out = object.addr(writer), true end
  return wait
end

-- The semaphore whose queue an entry is in: its head is the one link that is no entry's.
local function of_percpu(k, entry, func)
  local link, to_func = types.offsetof(k, ENTRY, "entry"), types.offsetof(k, ENTRY, "func")
  local first = entry + link
  local at = k:ptr(first)
  for _ = 1, MOST_WAITERS do
    if at == first then return nil end
    if k:ptr(at + WORD) & KERNEL == 0 then return nil end
    if k:ptr(at - link + to_func) ~= func then return semaphore(k, at - types.offsetof(k, SEM, "waiters.head"), false) end
    at = k:ptr(at)
  end
  return nil
end

local function key_of(k, entry)
  local at = entry - types.offsetof(k, BIT_ENTRY, "wq_entry")
  return kvm_error.check(k:object(at, BIT_ENTRY)).key
end

local function of_bit(k, entry)
  local key = key_of(k, entry)
  if key.bit_nr == NO_BIT then return nil end
  return {kind = "bit lock", lock = k:ptr(object.addr(key, "flags")), bit = key.bit_nr}
end

-- Since 6.12 those who wait for a bit of an inode wait for the byte at its i_state that has the bit's number.
local function of_variable(k, entry)
  return {kind = "bit lock", lock = k:ptr(object.addr(key_of(k, entry), "flags")), variable = true}
end

local function of_page(k, entry)
  local at = entry - types.offsetof(k, "struct wait_page_queue", "wait")
  local page = types.first(k, "struct wait_page_queue", {"folio", "page"}) -- folio since 5.16
  return {kind = "page lock", lock = k:ptr(at + page.offset), bit = k:i32(at + types.offsetof(k, "struct wait_page_queue", "bit_nr"))}
end

local WAKERS = {
  wake_bit_function = of_bit, var_wake_function = of_variable, wake_page_function = of_page, percpu_rwsem_wake_function = of_percpu,
}

local function wakers_of(context)
  if not context.lock_wakers then
    context.lock_wakers = {}
    for name, read in pairs(WAKERS) do
      local symbol = context.k:symbol(name)
      if symbol then context.lock_wakers[symbol.value] = read end
    end
  end
  return context.lock_wakers
end

-- The words of a stack from where the task gave up its CPU to the end of the function that wants the lock.
local function words_of(context, t, frames)
  local k = context.k
  local _, i = frames_of.guilty(frames)
  local from = k:ptr(t.addr + types.offsetof(k, "struct task_struct", "thread.sp"))
  local last = i and (frames[i + 1] or frames[i]).sp
  local bytes = last and math.ult(from, last) and last - from <= MOST_BYTES and k:read(from, (last - from) & -WORD)
  return bytes or "", from
end

local function of_queue(context, t, bytes, from)
  local k, wakers = context.k, wakers_of(context)
  if not next(wakers) then return nil end
  local private, func = types.offsetof(k, ENTRY, "private"), types.offsetof(k, ENTRY, "func")
  for at = 1, #bytes - (func - private) - WORD + 1, WORD do
    if ("<i8"):unpack(bytes, at) == t.addr then
      local waker = ("<i8"):unpack(bytes, at + func - private)
      local entry = from + at - 1 - private
      local read = wakers[waker]
      local wait = read and read(k, entry, waker)
      if wait then return wait end
    end
  end
  return nil
end

-- Whether a semaphore that TASK waits to write is at an address: it is its writer, keeps all others out, and has a queue for them.
local function is_written_by(k, addr, task)
  local size = types.sizeof(k, SEM)
  local bytes = addr & KERNEL ~= 0 and addr % WORD == 0 and k:read(addr, size)
  if not bytes then return false end
  local function word(path) return ("<i8"):unpack(bytes, types.offsetof(k, SEM, path) + 1) end
  if word "writer.task" ~= task or ("<i4"):unpack(bytes, types.offsetof(k, SEM, "block") + 1) ~= 1 then return false end
  local head = addr + types.offsetof(k, SEM, "waiters.head")
  return k:read(word "waiters.head.next" + WORD, WORD) == ("<i8"):pack(head)
end

-- A writer that waits for those that read is in no queue, but its semaphore's address is among the words.
local function of_writer(context, bytes, t)
  for at = 1, #bytes - WORD + 1, WORD do
    local addr = ("<i8"):unpack(bytes, at)
    if is_written_by(context.k, addr, t.addr) then return semaphore(context.k, addr, true) end
  end
  return nil
end

local function has_function(frames, name)
  for _, frame in ipairs(frames) do
    if frame.trusted and frame.name == name then return true end
  end
  return false
end

--- What a task waits for in a wait queue.
-- @tparam Context context
-- @tparam table t an entry of context:tasks()
-- @tparam {table,...} frames its stack
-- @treturn ?table kind ("bit lock", "page lock", "percpu_rwsem"), lock (address of the word, of the struct page, of the semaphore), bit
-- (number), variable (boolean: lock is the address that stands for the bit), owner_addr (of the writer that keeps others out, keeps_out),
-- held (text: what is known of those who hold it)
-- @raise kvm.Error
-- @usage local context = require "kvm.linux.check.context".new(k)
-- assert(require "kvm.linux.check.queue_waits".of_task(context, {addr = k:symbol("init_task").value, state = "S"}, {}) == nil)
function M.of_task(context, t, frames)
  if t.state ~= "D" then return nil end
  local bytes, from = words_of(context, t, frames)
  local wait = of_queue(context, t, bytes, from)
  if not wait and has_function(frames, "percpu_down_write") then wait = of_writer(context, bytes, t) end
  if wait and not wait.held then wait.held = "the kernel does not record who holds it" end
  return wait
end

return M
