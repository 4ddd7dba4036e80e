-- SPDX-License-Identifier: BSD-2-Clause
-- Damaged lists of tasks: what was found is given, then the damage is named with its address.
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"

local PIDS = {1, 2, 3, 100, 200, 201, 4194303}

-- A kernel with changes made by fn(kernel, write), where write(va, value) sets 8 bytes.
local function broken(fn)
  local kernel = linux.build()
  fn(kernel, function(va, value) kernel:poke(va, ("<i8"):pack(value)) end)
  return harness.open(harness.temp(kernel:elf())), kernel
end

-- The list_head in a task.
local function node(kernel, pid, member) return kernel.task_addr[pid] + kernel.types:offset("task_struct", member or "tasks") end

-- Ids that are given, and the error that is raised then, if any.
local function walk(k, threads)
  local out = {}
  local ok, err = pcall(function()
    for p in k:procs("all", nil, threads) do out[#out + 1] = p.tid end
  end)
  return out, not ok and err or nil
end

describe("the list of tasks", function()
  harness.guard()

  it("is whole where nothing is damaged", function()
    local found, err = walk((broken(function() end)))
    assert.are.same(PIDS, found)
    assert.is_nil(err)
  end)

  it("that runs in a circle ends, after all that is there", function()
    local k, kernel = broken(function(kernel, write) write(node(kernel, 200), node(kernel, 3)) end)
    local found, err = walk(k)
    table.sort(found)
    assert.are.same(PIDS, found)
    assert.are.equal("format", err.code)
    assert.are.equal(node(kernel, 3), err.addr)
    assert.matches("points back to", err.message, 1, true)
  end)

  it("with a broken back link is walked from both ends", function()
    local k, kernel = broken(function(kernel, write) write(node(kernel, 100) + 8, 0x1234) end)
    local found, err = walk(k)
    table.sort(found)
    assert.are.same({1, 2, 3, 200, 201, 4194303}, found)
    assert.are.equal("format", err.code)
    assert.are.equal(node(kernel, 100), err.addr)
  end)

  it("that leads into nowhere says where", function()
    local nowhere = math.tointeger(0xffffc90000000000)
    local k = broken(function(kernel, write) write(node(kernel, 3), nowhere) end)
    local found, err = walk(k)
    table.sort(found)
    assert.are.same(PIDS, found)
    assert.are.equal("fault", err.code)
    assert.are.equal(nowhere, err.addr)
  end)

  it("that leads to itself ends", function()
    local k, kernel = broken(function(kernel, write)
      local at = node(kernel, 2)
      write(at, at)
    end)
    local found, err = walk(k)
    table.sort(found)
    assert.are.same(PIDS, found)
    assert.are.equal("format", err.code)
    assert.are.equal(node(kernel, 2), err.addr)
  end)

  it("of NULs says so", function()
    local k = broken(function(kernel, write)
      write(kernel.task_addr[0] + kernel.types:offset("task_struct", "tasks"), 0)
      write(kernel.task_addr[0] + kernel.types:offset("task_struct", "tasks") + 8, 0)
    end)
    local found, err = walk(k)
    assert.are.same({}, found)
    assert.are.same({"fault", 0}, {err.code, err.addr})
  end)
end)

describe("the list of a process's threads", function()
  harness.guard()

  it("that is broken does not hide other processes", function()
    local k, kernel = broken(function(kernel, write) write(node(kernel, 101, "thread_node"), 0x10) end)
    local found, err = walk(k, true)
    table.sort(found)
    assert.are.same({1, 2, 3, 100, 101, 102, 200, 201, 4194303}, found)
    assert.are.same({"fault", 0x10}, {err.code, err.addr})
    assert.is_truthy(kernel)
  end)

  it("that runs in a circle ends", function()
    local k, kernel = broken(function(kernel, write)
      write(node(kernel, 102, "thread_node"), node(kernel, 101, "thread_node"))
    end)
    local found, err = walk(k, true)
    table.sort(found)
    assert.are.same({1, 2, 3, 100, 101, 102, 200, 201, 4194303}, found)
    assert.are.equal("format", err.code)
    assert.are.equal(node(kernel, 101, "thread_node"), err.addr)
  end)

  it("that does not lead to its head ends", function()
    local k, kernel = broken(function(kernel, write)
      write(kernel.task_addr[100] + kernel.types:offset("task_struct", "signal"), 0x10) -- where there is no head
    end)
    local found, err = walk(k, true)
    table.sort(found)
    assert.are.same({1, 2, 3, 100, 200, 201, 4194303}, found)
    assert.are.same({"format", node(kernel, 100, "thread_node")}, {err.code, err.addr})
    assert.matches("does not lead to its head", err.message)
  end)

  it("is not needed to list processes", function()
    local k = broken(function(kernel, write) write(node(kernel, 101, "thread_node"), 0x10) end)
    local found, err = walk(k)
    assert.are.same(PIDS, found)
    assert.is_nil(err)
  end)
end)
