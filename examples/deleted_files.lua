-- SPDX-License-Identifier: BSD-2-Clause
-- Files that are deleted and still open, and how much of each is in the page cache; with a folder it writes them there.
--   luakvm run examples/deleted_files.lua CORE [FOLDER]
--
--   $ luakvm run examples/deleted_files.lua examples/panic.kdump
--   pid 271 (labmain) fd 13: /tmp/deleted-file (deleted), 15 of 15 bytes
--   pid 273 (labobjects) fd 18: /tmp/deleted file (deleted), 5 of 5 bytes
--   pid 273 (labobjects) fd 20: /memfd:lab-memfd (deleted), 0 of 12345 bytes
--   3 deleted files
local kvm = require "kvm"
local fdtable, pagemap = kvm.linux.fdtable, kvm.linux.pagemap
local S_IFMT <const>, S_IFREG <const> = 0xf000, 0x8000
local folder = ...

local count = 0
for p in k:procs() do
  local ok, err = pcall(function()
    for fd, file in fdtable.for_each_file(k:object(p.addr, "struct task_struct")) do
      local inode = file.f_inode
      if inode and inode.i_nlink == 0 and inode.i_mode & S_IFMT == S_IFREG then
        local out = folder and assert(io.open(("%s/%d.%d"):format(folder, p.pid, fd), "wb"))
        local cached, contents, size = 0, pagemap.contents(inode)
        for at, bytes in contents do
          cached = cached + #bytes
          if out then out:seek("set", at) out:write(bytes) end
        end
        if out then out:close() end
        count = count + 1
        print(("pid %d (%s) fd %d: %s, %d of %d bytes"):format(p.pid, p.comm, fd, kvm.linux.dcache.d_path(file.f_path), cached, size))
      end
    end
  end)
  if not ok then print(("pid %d (%s): %s"):format(p.pid, p.comm, err)) end
end
print(("%d deleted files"):format(count))
