-- SPDX-License-Identifier: BSD-2-Clause
-- linux/fdtable.h: the open files of a task, as /proc/PID/fd has them. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"

local M = {}

local MOST <const> = 1 << 26 -- sysctl_nr_open_max is 2^30 less a word; such a table would be 512 MB

local function check_size(files, fdt)
  local n = fdt.max_fds
  if n > MOST or n % 64 ~= 0 then
    error(kvm_error.new {code = "format", addr = object.addr(files), message = ("a table of %d files"):format(n)}, 0)
  end
  return n
end

-- The words of a table's bitmap of open descriptors. Another bitmap has a bit for each of them that is full: where the two differ, or
-- the number of descriptors is damaged, they say so before what is not the table's is taken for files.
local function words_of(k, fdt)
  local bits, full = object.addr(fdt.open_fds), object.addr(fdt.full_fds_bits)
  return function(i)
    local word = k:u64(bits + 8 * i)
    if (word == -1) ~= (k:u64(full + i // 64 * 8) >> i % 64 & 1 == 1) then
      error(kvm_error.new {code = "format", addr = bits + 8 * i, message = ("the bitmaps of open files at 0x%x differ"):format(bits)}, 0)
    end
    return word
  end
end

--- The open files of a task.
-- @param task `struct task_struct`
-- @treturn function an iterator of file descriptor and `struct file`; none for what has no files (kernel threads share init's, zombies)
-- @raise kvm.Error `format`, `fault`, `excluded`
-- @usage for fd, file in kvm.linux.fdtable.for_each_file(k:object("init_task")) do assert(fd >= 0 and file.f_inode) end
function M.for_each_file(task)
  local files = task.files
  if not files then return function() end end
  local k, fdt = object.handle(task), files.fdt
  local count = check_size(files, fdt)
  local word_at, array, file_type = words_of(k, fdt), object.addr(fdt.fd), "struct file"
  local fd, word = -1, 0
  return function()
    while fd + 1 < count do
      fd = fd + 1
      if fd % 64 == 0 then word = word_at(fd // 64) end
      if word == 0 then
        fd = fd | 63
      elseif word >> (fd % 64) & 1 == 1 then
        local file = k:ptr(array + 8 * fd)
        if file ~= 0 then return fd, kvm_error.check(k:object(file, file_type)) end
      end
    end
  end
end

--- The file of a descriptor.
-- @param task `struct task_struct`
-- @tparam integer fd
-- @return `struct file`; nil when it is not open
-- @raise kvm.Error as for_each_file
-- @usage assert(kvm.linux.fdtable.fget(k:object("init_task"), 1000) == nil)
function M.fget(task, fd)
  local files = task.files
  if not files then return nil end
  local k, fdt = object.handle(task), files.fdt
  if fd < 0 or fd >= check_size(files, fdt) then return nil end
  local file = k:ptr(object.addr(fdt.fd) + 8 * fd)
  return file ~= 0 and kvm_error.check(k:object(file, "struct file")) or nil
end

--- Whether a descriptor is closed by exec.
-- @param task `struct task_struct`
-- @tparam integer fd
-- @treturn boolean
-- @raise kvm.Error as for_each_file
-- @usage assert(not kvm.linux.fdtable.close_on_exec(k:object("init_task"), 1000))
function M.close_on_exec(task, fd)
  local files = task.files
  if not files then return false end
  local fdt = files.fdt
  if fd < 0 or fd >= check_size(files, fdt) then return false end
  return object.handle(task):u64(object.addr(fdt.close_on_exec) + fd // 64 * 8) >> (fd % 64) & 1 == 1
end

return M
