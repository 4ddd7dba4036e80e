-- SPDX-License-Identifier: BSD-2-Clause
-- linux/fs_struct.h: where a task's paths start, and what its new files may not allow. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local dcache = require "kvm.linux.dcache"

local M = {}

local function path_of(task, member)
  local fs = task.fs
  return fs and (dcache.d_path(fs[member])) or nil
end

--- The root directory of a task, as /proc/PID/root.
-- @param task `struct task_struct`
-- @treturn ?string path; nil for a task that has ended
-- @raise kvm.Error as kvm.linux.dcache.d_path
-- @usage assert(kvm.linux.fs_struct.root(k:object("init_task")) == "/")
function M.root(task) return path_of(task, "root") end

--- The working directory of a task, as /proc/PID/cwd.
-- @param task `struct task_struct`
-- @treturn ?string path; nil for a task that has ended
-- @raise kvm.Error as kvm.linux.dcache.d_path
-- @usage assert(kvm.linux.fs_struct.cwd(k:object("init_task")) == "/")
function M.cwd(task) return path_of(task, "pwd") end

--- The permissions that new files of a task do not get.
-- @param task `struct task_struct`
-- @treturn ?integer bits; nil for a task that has ended
-- @raise kvm.Error
-- @usage assert(kvm.linux.fs_struct.umask(k:object("init_task")) == 18) -- 0022
function M.umask(task)
  local fs = task.fs
  return fs and fs.umask or nil
end

return M
