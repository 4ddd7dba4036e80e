-- SPDX-License-Identifier: BSD-2-Clause
-- Which task waits for which lock, and who holds it: without debuginfo. A task that waits has a waiter (struct mutex_waiter ...) on its
-- stack, in the frame of the lock's slow path, whose `task` is itself; it is in the lock's list. The lock is the address on that stack
-- whose list has the waiter: nothing is guessed. Of an rt_mutex the task itself tells (pi_blocked_on), of locks that are waited for in wait
-- queues queue_waits.lua. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local frames_of = require "kvm.linux.check.frames"
local kvm_error = require "kvm.error"
local lock_place = require "kvm.linux.check.lock_place"
local mutex = require "kvm.linux.mutex"
local object = require "kvm.object"
local queue_waits = require "kvm.linux.check.queue_waits"
local rtmutex = require "kvm.linux.rtmutex"
local rwsem = require "kvm.linux.rwsem"
local semaphore = require "kvm.linux.semaphore"
local types = require "kvm.type"

local M = {}

local WORD <const> = 8
local MOST_WAITERS <const> = 10000
local MOST_BYTES <const> = 16384
local DEPTH <const> = 8 -- frames above the slow path have nothing of it

-- The functions in whose frames waiters are.
local SLOW_PATHS = {
  __mutex_lock = "mutex", __mutex_lock_common = "mutex", __mutex_lock_slowpath = "mutex", __mutex_lock_killable_slowpath = "mutex",
  __mutex_lock_interruptible_slowpath = "mutex", __ww_mutex_lock = "mutex",
  rwsem_down_write_slowpath = "rw_semaphore", rwsem_down_read_slowpath = "rw_semaphore",
  __down = "semaphore", __down_common = "semaphore", ___down_common = "semaphore", __down_killable = "semaphore",
  __down_interruptible = "semaphore", __down_timeout = "semaphore",
}

-- By lock: its struct, its waiters', and who holds it (task, whether as one of many readers).
local LOCKS = {
  mutex = {struct = "struct mutex", waiter = "struct mutex_waiter", owner = function(o) return mutex.owner(o), false end},
  rw_semaphore = {struct = "struct rw_semaphore", waiter = "struct rwsem_waiter", owner = rwsem.owner},
  semaphore = {struct = "struct semaphore", waiter = "struct semaphore_waiter", owner = function(o)
    local ok, task = pcall(semaphore.last_holder, o) -- since 6.16 with CONFIG_DETECT_HUNG_TASK_BLOCKER
    return ok and task or nil, false
  end},
}

local function words(k, from, to)
  local bytes = math.ult(from, to) and to - from <= MOST_BYTES and k:read(from, to - from)
  return bytes or ""
end

local function each_word(bytes, base)
  local at = 1 - WORD
  return function()
    at = at + WORD
    if at + WORD - 1 > #bytes then return nil end
    return ("<i8"):unpack(bytes, at), base + at - 1
  end
end

local function pointer(k, at)
  local bytes = k:read(at, WORD)
  return bytes and ("<i8"):unpack(bytes)
end

-- The links of the list that a waiter is in, by address; nil where what is there is no such list.
local function ring(k, link)
  local links, count, at = {}, 0, link
  repeat
    local next_link = pointer(k, at)
    if not next_link or pointer(k, next_link + WORD) ~= at or count > MOST_WAITERS then return nil end
    links[next_link], count, at = true, count + 1, next_link
  until at == link
  return links
end

-- Of the links those that are no waiter's: the list's head, where it has one.
local function heads_of(context, links, to_task)
  local heads = {}
  for link in pairs(links) do
    local task = pointer(context.k, link + to_task)
    if not (task and context:task_at(task)) then heads[link] = true end
  end
  return heads
end

-- The links of the list that the task waits in: of the waiter in the frame.
local function links_of_waiter(context, t, lock, from, to)
  local k = context.k
  local task_offset = types.offsetof(k, lock.waiter, "task")
  local link_offset = types.offsetof(k, lock.waiter, "list")
  for value, at in each_word(words(k, from, to), from) do
    if value == t.addr then
      local links = ring(k, at - task_offset + link_offset)
      if links then return links, link_offset, heads_of(context, links, task_offset - link_offset), at end
    end
  end
  return nil
end

-- Whether a lock at an address has that list: up to 7.0 a lock has the list's head, since then a pointer to the first waiter.
local function has_list(k, lock, addr, links, link_offset, heads)
  local t = types.of(k, lock.struct):strip()
  local head = t:field "wait_list"
  if head then return heads[addr + head.offset] == true end
  local first = pointer(k, addr + types.offsetof(k, t, "first_waiter"))
  return first ~= nil and links[first + link_offset] == true
end

local KERNEL <const> = 1 << 63

-- A lock is no part of the waiter, which lies AT.
local function lock_at(k, lock, from, to, at, ...)
  local tried, size = {}, types.sizeof(k, lock.struct) + types.sizeof(k, lock.waiter)
  for value in each_word(words(k, from, to), from) do
    if value & KERNEL ~= 0 and value % WORD == 0 and not tried[value] and math.abs(value - at) > size then
      tried[value] = true
      if has_list(k, lock, value, ...) then return value end
    end
  end
  return nil
end

local function slow_path(frames)
  for i = 1, math.min(#frames, DEPTH) do
    local name = frames[i].name
    local kind = name and frames[i].trusted and SLOW_PATHS[frames_of.plain(name)]
    if kind then return kind, i end
  end
  return nil
end

local function end_of(frames, i)
  local frame = frames[i] or frames[#frames]
  return frame.sp
end

local function told(context, t, kind, addr, owner, reader)
  local frame = frames_of.guilty(context:stack(t))
  return {
    task = t, kind = kind, lock = addr, owner = owner and context:task_at(owner), owner_addr = owner, reader = reader or nil, frame = frame,
    what = frame and frame.name,
  }
end

local function of_slow_path(context, t, frames)
  local kind, i = slow_path(frames)
  if not kind then return nil end
  local k, lock = context.k, LOCKS[kind]
  local links, link_offset, heads, at = links_of_waiter(context, t, lock, frames[i].sp, end_of(frames, i + 1))
  if not links then return nil end
  -- The lock's address is in a register that the frames below have saved, or in this frame or its caller's.
  local saved = k:ptr(t.addr + types.offsetof(k, "struct task_struct", "thread.sp"))
  local addr = lock_at(k, lock, saved, end_of(frames, i + 3), at, links, link_offset, heads)
  if not addr then return nil end
  local o = kvm_error.check(k:object(addr, lock.struct))
  local owner, reader = lock.owner(o)
  return told(context, t, kind, addr, owner and object.addr(owner), reader)
end

local function of_rt_mutex(context, t)
  local k = context.k
  local field = types.of(k, "struct task_struct"):strip():field "pi_blocked_on"
  local at = field and k:ptr(t.addr + field.offset) or 0
  if at == 0 then return nil end
  local lock = kvm_error.check(k:object(at, "struct rt_mutex_waiter")).lock
  if not lock then return nil end
  local owner = rtmutex.owner(lock)
  return told(context, t, "rt_mutex", object.addr(lock), owner and object.addr(owner))
end

local function of_queue(context, t, frames)
  local wait = queue_waits.of_task(context, t, frames)
  if not wait or wait.variable and not lock_place.text(context, wait) then return nil end -- what is no lock
  local out = told(context, t, wait.kind, wait.lock, wait.owner_addr)
  out.bit, out.variable, out.held, out.keeps_out = wait.bit, wait.variable, wait.held, wait.keeps_out
  return out
end

--- What a task waits for.
-- @tparam Context context
-- @tparam table t an entry of context:tasks()
-- @treturn ?table task (t), kind ("mutex", "rw_semaphore", "semaphore", "rt_mutex", "percpu_rwsem", "bit lock", "page lock"), lock
-- (address), bit (number, of a bit's lock), owner (entry of the task that holds it; nil where the lock does not tell), owner_addr, reader
-- (the owner is the last of those that read), keeps_out (the owner does not have it yet: it is a writer before whom no reader is let in),
-- held (text: what is known of the others who hold it), frame (that wants the lock)
-- @raise kvm.Error
-- @usage local context = require "kvm.linux.check.context".new(k)
-- assert(require "kvm.linux.check.lock_waits".of_task(context, {addr = k:symbol("init_task").value, on_cpu = 0}) == nil)
function M.of_task(context, t)
  if t.on_cpu or t.state == "Z" or t.state == "R" then return nil end
  local frames = context:stack(t)
  return of_slow_path(context, t, frames) or of_rt_mutex(context, t) or of_queue(context, t, frames)
end

--- What all tasks wait for; a task whose stack can't be read waits for nothing that is known.
-- @tparam Context context
-- @treturn {table,...} as of_task gives them
-- @treturn table the same by the task's address
-- @raise kvm.Error where tasks can't be listed
-- @usage for _, w in ipairs((require "kvm.linux.check.lock_waits".all(require "kvm.linux.check.context".new(k)))) do assert(w.lock) end
function M.all(context)
  if context.lock_waits then return context.lock_waits, context.lock_waits_by_task end
  local list, by_task = {}, {}
  for _, t in ipairs(context:tasks()) do
    local wait = kvm_error.try(M.of_task, context, t)
    if wait then list[#list + 1], by_task[t.addr] = wait, wait end
  end
  context.lock_waits, context.lock_waits_by_task = list, by_task
  return list, by_task
end

-- A lock by the name of the variable that it is, or by what it is part of.
local function name_of(context, wait)
  local symbol, offset = context.k:symbol(wait.lock)
  if symbol and offset < 4096 and (symbol.size == 0 or offset < symbol.size) then return context:symbol_text(wait.lock) end
  return lock_place.text(context, wait)
end

--- A lock as text, with its name where it is a variable or a part of something that is known.
-- @tparam Context context
-- @tparam table wait
-- @treturn string "mutex lab_mutex [module] (0x...)"
-- @treturn string the same without its address
-- @treturn string the kind of lock
-- @usage local context = require "kvm.linux.check.context".new(k)
-- assert(require "kvm.linux.check.lock_waits".lock_text(context, {kind = "mutex", lock = 4096}) == "mutex at 0x1000")
function M.lock_text(context, wait)
  local name, kind = name_of(context, wait)
  kind = kind or wait.kind
  local prefix = kind
  if kind == "bit lock" and not wait.variable and context.k:symbol(wait.lock) then prefix = ("bit lock, bit %d of"):format(wait.bit) end
  if not name then return ("%s at 0x%x"):format(kind, wait.lock), kind, kind end
  return ("%s %s (0x%x)"):format(prefix, name, wait.lock), ("%s %s"):format(prefix, name), kind
end

--- What is known of those who hold a lock.
-- @tparam Context context
-- @tparam table wait
-- @treturn {string,...} each "held by ...": empty where nothing is
-- @usage assert(#require "kvm.linux.check.lock_waits".holders(require "kvm.linux.check.context".new(k), {}) == 0)
function M.holders(context, wait)
  local out = {}
  if wait.owner_addr then
    local owner = wait.owner and context:task_text(wait.owner) or ("task 0x%x"):format(wait.owner_addr)
    out[1] = ("%s by %s"):format(wait.keeps_out and "kept out" or wait.reader and "last read-locked" or "held", owner)
  end
  out[#out + 1] = wait.held
  return out
end

return M
