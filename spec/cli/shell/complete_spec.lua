-- SPDX-License-Identifier: BSD-2-Clause
-- On the sample: what is offered for a word at the end of a line.
local complete = require "kvm.cli.shell.complete"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local registry = require "kvm.cmd"

describe("kvm.cli.shell.complete", function()
  harness.guard()
  local k, env
  setup(function()
    k = assert(kvm.open "examples/panic.kdump")
    env = setmetatable({k = k, kvm = kvm, mine = {alpha = 1, beta = 2}}, {__index = _G})
  end)
  teardown(function() k:close() end)

  local function offers(line)
    local from = #line + 1
    while from > 1 and not complete.BREAKS:find(line:sub(from - 1, from - 1), 1, true) do from = from - 1 end
    return complete.offers(k, env, registry.names, line, from, #line)
  end
  local function has(list, word)
    for _, offered in ipairs(list) do
      if offered == word then return true end
    end
    return false
  end

  it("offers commands and what Lua has at the beginning of a line", function()
    assert.are.same({"tri" .. "age"}, offers "tri")
    assert.is_true(has(offers "", "ps") and has(offers "", "mine") and has(offers "", "while"))
    assert.are.same({"ps"}, offers "help ps")
  end)

  it("offers the options of a command", function()
    assert.are.same({"--credentials"}, offers "ps --cre")
    assert.are.equal(" ", select(2, offers "ps --cre"))
  end)

  it("offers symbols, types and paths of members to a command", function()
    assert.are.same({"init_uts_ns"}, offers "sym init_uts_n")
    assert.is_true(has(offers "struct task_str", "task_struct"))
    assert.are.same({"task_struct.real_parent"}, offers "struct task_struct.real_p")
    assert.are.same({"task_struct.mm.pgd"}, offers "struct task_struct.mm.pgd")
    assert.are.same({"init_task.comm"}, offers "struct init_task.comm")
    assert.are.same({}, offers "struct no_such_struct.x")
  end)

  it("offers the fields of a value of Lua", function()
    assert.are.same({"mine.alpha"}, offers "=mine.al")
    assert.are.same({"k:info"}, offers "k:inf")
    assert.are.same({"string.format"}, offers "string.form")
    assert.are.same({"kvm.linux.sched"}, offers "kvm.linux.sche")
    assert.are.same({"kvm.linux.sched.each_task"}, offers "kvm.linux.sched.each_ta")
  end)

  it("offers the members of an object, as far as it is typed", function()
    assert.are.same({".real_parent"}, offers 'k:object("init_task").real_p')
    assert.are.same({".real_parent.comm"}, offers '=k:object("init_task").real_parent.comm')
    env.t = k:object "init_task"
    assert.are.same({"t.sighand"}, offers "print(t.sigh")
    assert.are.same({".sighand"}, offers "x = ({t})[1].sigh")
    assert.are.same({"release"}, {(offers "k:info().relea")[1]:match "%.(%w+)$"})
  end)

  it("offers symbols and types inside of quotes", function()
    assert.is_true(has(offers 'k:object("init_tas', "init_task"))
    assert.are.same({"list_head"}, offers 'k:type("struct list_hea')
  end)

  it("calls nothing that does more than look", function()
    local called = false
    env.act = function()
      called = true
      return {field = 1}
    end
    env.obj = {close = env.act}
    for _, line in ipairs {"act().", "obj:close().", "=(function() act() end)().", "k:object(act()).", "act 'x'."} do
      assert.are.same({}, offers(line))
    end
    assert.is_false(called)
    offers "k:close()."
    assert.is_truthy(k:info())
  end)
end)
