-- SPDX-License-Identifier: BSD-2-Clause
-- Paths that lead through mounts and links to inodes, directories, and the inodes of file systems, in the memory of guests.
local matrix = require "spec.kernels.matrix"

local function lacks_slab(dump) return dump.key == "k72" and dump.is_filtered end -- see tasks_spec.lua

-- On a mount of the kernel's own; below what was mounted over it.
local HIDDEN <const> = {["/lab-queue"] = true, ["/dev/console"] = true}

local function records(...) return matrix.records(matrix.luakvm(...)) end

matrix.each(function(dump)
  if lacks_slab(dump) then
    it("names what it can't read", function()
      local out, err, status = matrix.run("build/bin/luakvm", "dcache", "-M", dump.path, "/srv/cached", "--json")
      assert.is_true(status <= 1 and (out:find '"stopped"' or out:find '"partial":%[' or err ~= "") ~= nil, out)
    end)
    return
  end

  it("leads from the paths of open files to their inodes", function()
    local paths, inodes, report = {}, {}, matrix.report()
    for _, f in ipairs(records("files", dump.path, tostring(dump:truth().objects.pid), "--json")) do
      if f.path:find "^/" and not f.path:find "deleted" and not HIDDEN[f.path] then
        paths[#paths + 1], inodes[f.path] = f.path, f.inode
      end
    end
    assert.is_true(#paths >= 3, #paths)
    local found = records("dcache", "-M", dump.path, "--json", table.unpack(paths))
    for i, d in ipairs(found) do
      if d.stopped or d.path ~= paths[i] or d.number ~= inodes[d.path] then
        report.add("%s is inode %s (%s), not %s", paths[i], d.number, d.stopped, inodes[paths[i]])
      end
    end
    assert.are.equal(#paths, #found)
    report.check()
  end)

  it("follows links and mounts, up and down", function()
    local d = records("dcache", "-M", dump.path, "--json", "/srv/cached", "/sys/../srv/./cached", "/proc/../../srv/../srv/cached",
      "/bin/sh", "/bin/busybox", "/", "/sys/kernel/debug/../../..", "/dev/vdb")
    assert.are.same({"file", 74890, 12}, {d[1].kind, d[1].size, d[1].number})
    assert.are.same({d[1].inode, d[1].inode, "link", d[6].inode}, {d[2].inode, d[3].inode, d[4].kind, d[7].inode})
    assert.is_true(d[4].target == "busybox" or d[4].target == "/bin/busybox", d[4].target)
    assert.are.equal(d[5].super_block, d[6].super_block)
    assert.are_not.equal(d[1].super_block, d[6].super_block)
    assert.are.equal("block", d[8].kind)
  end)

  it("lists what of a directory is in memory", function()
    local seen = {}
    for _, d in ipairs(records("dcache", "-M", dump.path, "-l", "/srv", "/tmp", "--json")) do seen[d.path] = d end
    assert.are.same({"file", 74890, false}, {seen["/srv/cached"].kind, seen["/srv/cached"].size, seen["/srv/cached"].unhashed})
    assert.are.same({"directory", 4 << 20}, {seen["/tmp/d"].kind, seen["/tmp/loop.img"].size})
  end)

  it("says which name it does not know", function()
    local out, err, status = matrix.run("build/bin/luakvm", "dcache", "-M", dump.path, "/srv/nothing of that name")
    assert.are.same({1, "luakvm: nothing of that name of /srv is not in the dentry cache\n"}, {status, err .. out})
  end)

  it("has the inodes of a file system", function()
    local seen = {}
    for _, i in ipairs(records("mount", dump.path, "-i", "-f", "ext4", "--json")) do
      assert.is_nil(i.stopped)
      seen[i.number] = i
    end
    local cached = seen[12]
    assert.are.same({"file", "/cached", 74890, 1, "/srv"}, {cached.kind, cached.path, cached.size, cached.links, cached.dir})
    assert.are.equal(dump.is_filtered and cached.cached_pages or 19, cached.cached_pages)
    assert.are.same({"directory", "/"}, {seen[2].kind, seen[2].path})
  end)

  it("has as many inodes as the kernel counts", function()
    local count, k = 0, dump:open()
    for sb in require "kvm.linux.fs".for_each_super_block(k) do
      for _ in require "kvm.linux.fs".for_each_inode(sb) do count = count + 1 end
    end
    local percpu, counted = require "kvm.linux.percpu", 0
    for cpu = 0, 1 do counted = counted + k:i64(percpu.per_cpu_ptr(k, k:symbol("nr_inodes").value, cpu)) end
    -- Sockets, pipes and the like are in no super block's list.
    assert.is_true(count > 300 and count <= counted and count > counted * 0.8, ("%d of %d"):format(count, counted))
  end)

  it("tells what is to be written", function()
    local out, err, status = matrix.run("build/bin/luakvm", "mount", dump.path, "-i", "-D", "--json")
    assert.are.same(out == "" and {1, "luakvm: nothing of that is mounted\n"} or {0, ""}, {status, err})
    for _, i in ipairs(matrix.records(out)) do
      assert.is_nil(i.stopped)
      assert.are.same({"ext4", "/srv"}, {i.fstype, i.dir})
      assert.is_true(#i.dirty > 0 and i.dirty_ns >= 0)
    end
  end)
end)
