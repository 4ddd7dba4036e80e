-- SPDX-License-Identifier: BSD-2-Clause
-- Arguments and environments equal what the guest's /proc said, where the user pages are in the dump; where
-- makedumpfile left them out the code is `excluded`, and there is no other answer.
local matrix = require "spec.kernels.matrix"

-- The processes that were there all the time, with what /proc said. tr(1) and init change while they print.
local function each(dump, what)
  local truth, k = dump:truth(), dump:open()
  return coroutine.wrap(function()
    for p in k:procs() do
      local pid = tostring(p.pid)
      if truth.tasks[pid] and truth[what][pid] then coroutine.yield(p, truth[what][pid]) end
    end
  end)
end

local function show(list) return list and "{" .. table.concat(list, "|") .. "}" or "nil" end

local function compare(dump, what, read)
  local report, k, compared = matrix.report(), dump:open(), 0
  for p, was in each(dump, what) do
    local got, message, code = read(k, p)
    compared = compared + 1
    if p.mm == 0 then -- kernel threads and zombies: the file in /proc is empty
      if code ~= "notfound" or show(was) ~= "{}" then
        report.add("%d (%s): %s, %s, was %s", p.pid, p.comm, show(got), code, show(was))
      end
    elseif dump.is_filtered then
      -- An environment without bytes needs no page.
      if code ~= "excluded" and not (show(was) == "{}" and got and #got == 0) then
        report.add("%d (%s): %s, %s %s", p.pid, p.comm, show(got), code, message)
      end
    elseif show(got) ~= show(#was == 1 and was[1] == "" and {} or was) then
      report.add("%d (%s): %s %s, was %s", p.pid, p.comm, show(got), message, show(was))
    end
  end
  report.check()
  assert.is_true(compared > 200)
end

matrix.each(function(dump)
  it("has the arguments of every process", function()
    compare(dump, "args", function(k, p) return k:argv(p) end)
  end)

  it("has the environment of every process", function()
    compare(dump, "environ", function(k, p) return k:environ(p) end)
  end)

  it("tells empty arguments from none", function()
    local found
    for p, was in each(dump, "args") do
      if was[1] == "sh" and was[4] == "" then found = {p, was} end
    end
    assert(found, "the guest did not run it")
    assert.are.same({"sh", "-c", "sleep 7776; echo x", "", "tab\tand\nnewline", ""}, found[2])
    if not dump.is_filtered then assert.are.same(found[2], (dump:open():argv(found[1]))) end
  end)
end)
