-- SPDX-License-Identifier: BSD-2-Clause
-- The signature of a crash: the same bug gives the same one, in each boot, at each address, whatever the compiler added to the names of
-- functions. It is made of the kind of the fault and the functions on the guilty stack.
local frames_of = require "kvm.linux.check.frames"
local panic = require "kvm.linux.check.panic"

local M = {}

local VERSION <const> = 1 -- of what is put into it
local MOST_FRAMES <const> = 8

-- FNV-1a of 64 bits.
local function hash(text)
  local h = 0xcbf29ce484222325
  for i = 1, #text do h = (h ~ text:byte(i)) * 0x100000001b3 end
  return h
end

-- How the kernel came to its own function: not the bug's doing.
local ENTRY = {
  "^entry_", "^do_syscall", "^asm_", "^ret_from_fork", "^secondary_startup", "^start_secondary", "^kthread$", "^__x64_sys_", "^__do_sys_",
  "^__se_sys_", "^x64_sys_call$", "^ksys_", "^worker_thread$", "^process_one_work$", "^process_scheduled_works$",
}

local function is_entry(name)
  for _, pattern in ipairs(ENTRY) do
    if name:find(pattern) then return true end
  end
  return false
end

-- Each function once in a row: a recursion is as deep as its stack was left.
local function functions_of(frames, from)
  local out = {}
  for i = from, #frames do
    local frame = frames[i]
    local name = frame.trusted and frame.name and frames_of.plain(frame.name)
    if name and not frames_of.is_machinery(name) and not is_entry(name) and name ~= out[#out] then out[#out + 1] = name end
    if #out == MOST_FRAMES then break end
  end
  return out
end

--- The signature of a dump.
-- @tparam Context context
-- @tparam {table,...} findings the weightiest first
-- @treturn ?string "1-0123456789abcdef"; nil where nothing is wrong
-- @treturn ?string what it was made of: the kind and the functions
-- @raise kvm.Error
-- @usage local signature = require "kvm.linux.check.signature"
-- assert(signature.of({is_panic = function() return false end}, {{severity = "info"}}) == nil)
function M.of(context, findings)
  local s = context:is_panic() and panic.what(context)
  local parts
  if s then
    parts = functions_of(s.frames, s.guilty)
    table.insert(parts, 1, s.kind)
  else
    local first = findings[1]
    if not first or first.severity == "info" then return nil end
    parts = {first.kind}
    for i, name in ipairs(first.functions or {}) do
      if i <= MOST_FRAMES and not is_entry(name) then parts[#parts + 1] = name end
    end
  end
  local text = table.concat(parts, "/")
  return ("%d-%016x"):format(VERSION, hash(text)), text
end

return M
