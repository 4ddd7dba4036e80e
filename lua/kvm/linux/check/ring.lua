-- SPDX-License-Identifier: BSD-2-Clause
-- Walks a ring of struct list_head word by word, and goes on where a link back is wrong: all that is damaged is told, each with the values
-- that are there. What a CPU leaves behind in the middle of list_add and list_del (linux/list.h, linux/rculist.h) is told apart.
local poison = require "kvm.linux.poison"

local M = {}

local MOST_FAULTS <const> = 4

-- Words of a node; the order of next and prev has never changed (linux/types.h).
local function links(k, node)
  local bytes, message, code = k:read(node, 16)
  if not bytes then return nil, message, code end
  return ("<i8i8"):unpack(bytes)
end

-- list_del has reached the node behind (whose prev already jumps), list_add the one before or behind.
local function is_unfinished(k, prev, back, node)
  local _, before = links(k, prev)
  local forward = links(k, back)
  return before == back or forward == node
end

local function meaning(value) return value == 0 and "0" or poison.meaning(value) end

local function bad_next(prev, node, message)
  local what = meaning(node)
  return {at = prev, node = prev, value = node, meaning = what,
    text = ("the node at 0x%x leads to 0x%x: %s"):format(prev, node, what or message)}
end

local function bad_prev(k, prev, back, node)
  local what = meaning(back)
  return {at = node + 8, node = node, value = back, meaning = what, is_unfinished = not what and is_unfinished(k, prev, back, node),
    text = ("the node at 0x%x leads back to 0x%x%s, the one before it is 0x%x"):format(node, back,
      what and (" (%s)"):format(what) or "", prev)}
end

--- Walks a ring.
-- @param k an open handle
-- @tparam integer head address of `struct list_head`
-- @tparam integer most nodes
-- @tparam[opt] function visit called with the address of each node
-- @treturn integer nodes
-- @treturn {table,...} faults: at (address of the wrong word), node (that it is in), value, meaning (of poison, or "0"; nil: none), text,
--  is_unfinished (a change that a CPU was in the middle of leaves this)
-- @treturn boolean whether there is more than was looked at: nodes over `most`, or such as the dump lacks or has as zeros alone
-- @usage local tasks = k:symbol "init_task".value + kvm.offsetof(k:type "struct task_struct", "tasks")
-- assert(require "kvm.linux.check.ring".walk(k, tasks, 1) <= 1)
function M.walk(k, head, most, visit)
  local faults, count, prev, first = {}, 0, head, nil
  local node, last = links(k, head)
  if not node or node == 0 and last == 0 then return 0, faults, true end -- a head that is not set up, or not in a dump made small
  while node ~= head do
    if count >= most then return count, faults, true end
    local next, back, code = links(k, node)
    if not next then
      if code ~= "fault" then return count, faults, true end
      faults[#faults + 1] = bad_next(prev, node, back)
      return count, faults, false
    end
    if next == 0 and back == 0 then return count, faults, true end -- dumps made small have zeros for what they lack
    if back ~= prev then
      if node == first then return count, faults, false end -- round again
      first = first or node
      faults[#faults + 1] = bad_prev(k, prev, back, node)
      if #faults >= MOST_FAULTS then return count, faults, true end
    end
    count = count + 1
    if visit then visit(node) end
    prev, node = node, next
  end
  if last ~= prev then faults[#faults + 1] = bad_prev(k, prev, last, head) end
  return count, faults, false
end

return M
