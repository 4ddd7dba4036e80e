-- SPDX-License-Identifier: BSD-2-Clause
-- Control groups and BPF of a dump are those that the guest printed, and that its program made (objects.c); fuser finds its files.
local matrix = require "spec.kernels.matrix"

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has the control groups, and the processes in them", function()
    local groups, tree = {}, dump:truth().raw.cgroup_tree
    for _, g in ipairs(matrix.records(matrix.luakvm("cgroup", dump.path, "--json", "--tasks"))) do
      assert.is_nil(g.stopped)
      assert.is_nil(g.partial)
      groups[g.path] = g
    end
    local count = 0
    for path in tree:gmatch "%f[^\n%z]%.(/?[^\n:]*)\n" do
      assert.is_truthy(groups[path == "" and "/" or path], path)
      count = count + 1
    end
    assert.are.equal(3, count)
    assert.are.same({tonumber(tree:match "lab/inner/cgroup.procs:(%d+)")}, groups["/lab/inner"].pids)
    assert.are.equal(tonumber(tree:match "lab/pids.current:(%d+)"), groups["/lab"].tasks)
    -- Every process that was there is in the group that /proc/PID/cgroup told.
    local of = {}
    for path, g in pairs(groups) do
      for _, pid in ipairs(g.pids) do of[pid] = path end
    end
    for pid, path in dump:truth().raw.pid_cgroup:gmatch "(%d+)/cgroup:0::([^\n]*)" do
      if dump:truth().tasks[pid] then assert.are.equal(path, of[tonumber(pid)], pid) end
    end
  end)

  it("has the controllers of /proc/cgroups", function()
    local found, count = {}, 0
    for _, r in ipairs(matrix.records(matrix.luakvm("cgroup", dump.path, "--controllers", "--json"))) do found[r.controller] = r end
    for name, hierarchy, groups, enabled in dump:truth().raw.cgroups:gmatch "\n(%l[%w_]*)\t(%d+)\t(%d+)\t(%d+)" do
      local r = assert(found[name], name)
      assert.are.same({tonumber(hierarchy), tonumber(groups), enabled == "1"}, {r.hierarchy, r.groups, r.enabled})
      count = count + 1
    end
    assert.is_true(count >= 12)
  end)

  it("has the BPF program and map", function()
    local found = {}
    for _, r in ipairs(matrix.records(matrix.luakvm("bpf", dump.path, "--json"))) do
      assert.is_nil(r.stopped)
      found[r.name or ""] = r
    end
    local map, prog = found.lab_map, found.lab_prog
    assert.are.same({"array", 4, 8, 16}, {map.type, map.key_bytes, map.value_bytes, map.entries})
    assert.are.same({"socket_filter", 2, 16}, {prog.type, prog.instructions, #prog.tag})
    assert.is_true(prog.loaded_ns > 0)
    assert.are.same({0, 4096, {}}, {prog.uid, prog.memory_bytes, prog.map_ids})
  end)

  it("finds who uses a file", function()
    local truth = dump:truth()
    local function users(path)
      local out = {}
      for _, r in ipairs(matrix.records(matrix.luakvm("fuser", dump.path, path, "--json"))) do out[r.pid] = r.uses end
      return out
    end
    local pid = truth.objects.pid
    assert.are.same({[pid] = {"fd " .. truth.objects.cached}}, users "/srv/cached")
    assert.are.same({[pid] = {"exe", "mmap"}}, users "/lab/objects")
  end)
end)
