-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a task that has signals pending, blocked, ignored and caught, one of them queued, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
M.at = {TASK = S, SIGNAL = S + 0x100, HAND = S + 0x300, QUEUE = S + 0x1000}

--- An open handle, the task, a function that sets members.
function M.open()
  local k = memory.open [[
    typedef struct { unsigned long sig[1]; } sigset_t;
    struct sigpending { struct list_head list; sigset_t signal; };
    struct sigaction_k { void (*sa_handler)(int); unsigned long sa_flags; sigset_t sa_mask; };
    struct k_sigaction { struct sigaction_k sa; };
    struct sighand_struct { struct k_sigaction action[64]; };
    struct rlimit { unsigned long rlim_cur, rlim_max; };
    struct signal_struct { struct sigpending shared_pending; struct rlimit rlim[16]; };
    struct siginfo_k { int si_signo, si_errno, si_code; union { struct { int _pid; unsigned int _uid; } _kill; } _sifields; };
    struct sigqueue { struct list_head list; struct siginfo_k info; };
    struct signalled { int pid; sigset_t blocked; struct sigpending pending; struct signal_struct *signal;
      struct sighand_struct *sighand; };
  ]]
  local at = M.at
  local function set(t, where, members) memory.set(k, "struct " .. t, where, members) end
  local function ring(head, node)
    assert(k:write(head, ("<I8I8"):pack(node, node)))
    assert(k:write(node, ("<I8I8"):pack(head, head)))
  end
  set("signalled", at.TASK, {pid = 9, signal = at.SIGNAL, sighand = at.HAND})
  local function mask(where, n) assert(k:write(where, ("<i8"):pack(n))) end
  local task = k:type("struct signalled"):strip()
  local own = at.TASK + task:field("pending").offset
  mask(at.TASK + task:field("blocked").offset, 1 << 11)
  ring(own, own)
  ring(at.SIGNAL, at.QUEUE)
  mask(own + 16, 1 << 0)
  mask(at.SIGNAL + 16, 1 << 11)
  set("sigqueue", at.QUEUE, {["info.si_signo"] = 12, ["info.si_code"] = -1, ["info._sifields._kill._pid"] = 77,
    ["info._sifields._kill._uid"] = 5})
  local size = k:type("struct k_sigaction"):size()
  set("k_sigaction", at.HAND + 12 * size, {["sa.sa_handler"] = 1})
  set("k_sigaction", at.HAND + 9 * size, {["sa.sa_handler"] = 0x400000, ["sa.sa_flags"] = 4})
  local limits = at.SIGNAL + k:type("struct signal_struct"):strip():field("rlim").offset
  assert(k:write(limits + 7 * 16, ("<i8i8"):pack(123, -1)))
  return k, k:object(at.TASK, "struct signalled"), set
end

return M
