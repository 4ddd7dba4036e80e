-- SPDX-License-Identifier: BSD-2-Clause
-- Stacks: those of all tasks are what drgn makes of them with the kernel's debug file, and what the guest's own unwinder printed in
-- /proc/PID/stack; no frame is wrong that is called trusted.
local drgn = require "spec.kernels.drgn"
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"
local frames_of = require "kvm.linux.check.frames"
local sched = require "kvm.linux.sched"
local stack = require "kvm.stack"

-- Labels in one function of assembler, each of which is a symbol.
local ALIASES = {entry_SYSCALL_64_after_hwframe = "entry_SYSCALL_64", secondary_startup_64_no_verify = "secondary_startup_64",
  common_startup_64 = "secondary_startup_64", asm_call_irq_on_stack = "asm_call_on_stack", asm_call_sysvec_on_stack = "asm_call_on_stack"}

local function name_of(frame)
  local name = frames_of.plain(frame.name or "?")
  return ALIASES[name] or name
end

local function compare(key, core, release)
  describe(("%s/%s beside drgn"):format(key, core), function()
    local why = drgn.absent(key, core, release)
    if why then
      local state = os.getenv "CI" == "true" and it or pending
      return state("has the same stacks: " .. why:gsub("%s+", " "), function() error(why, 0) end)
    end

    it("has the same stacks", function()
      local path = ("%s/%s/%s"):format(matrix.dir, key, core)
      local k <close> = kvm.check(kvm.open(path))
      local theirs = drgn.run(path, release, "spec/kernels/drgn_stacks.py").stacks
      local unwinder, report = stack.new(k), matrix.report()
      local frames, equal, wrong, tasks = 0, 0, 0, 0
      for p in sched.each_task(k) do
        local ours, other = unwinder:of_task(p.addr), theirs[("0x%x"):format(p.addr)]
        -- drgn reads a stack that a dead task no longer has.
        if other and not other.error and #other > 0 and p.state ~= "Z" then
          tasks = tasks + 1
          for i = 1, math.max(#ours, #other) do
            frames = frames + 1
            local a, b = ours[i], other[i]
            local same = a and b and ("0x%x"):format(a.pc) == b[1] and (name_of(a) == frames_of.plain(b[2]) or b[2] == "")
            if same then
              equal = equal + 1
            else
              report.add("%d %s #%d: %s, drgn %s %s", p.tid, p.comm, i - 1, a and stack.place(a) or "none", b and b[1] or "none", b
                and b[2] or "")
              if a and a.trusted and b then wrong = wrong + 1 end
            end
          end
        end
      end
      assert.is_true(tasks > 250 and frames > 1500, ("only %d tasks, %d frames"):format(tasks, frames))
      if equal < 0.99 * frames then report.check() end
      if wrong > 0 then report.check() end
    end)
  end)
end

for _, release in ipairs {"510", "61", "612", "72"} do
  compare("k" .. release, "vmcore", release)
  compare("live" .. release, "elf", release)
  compare("busy" .. release, "elf", release)
end

matrix.each(function(dump)
  if dump.is_torn then return end

  -- /proc/PID/stack leaves out the scheduler's own functions at the top.
  it("has the stacks that the guest printed of those that still sleep there", function()
    local k, truth, report = dump:open(), dump:truth(), matrix.report()
    local unwinder, compared = stack.new(k), 0
    for p in k:procs() do
      local printed = truth.stacks[tostring(p.pid)]
      local same = truth.tasks[tostring(p.pid)]
      if printed and same and same.comm == p.comm and p.state == same.state and p.state ~= "R" then
        local ours = {}
        for _, frame in ipairs(unwinder:of_task(p.addr)) do ours[#ours + 1] = stack.place(frame) end
        local function short(line) return (line:gsub("/0x%x+", "")) end
        local first
        for i, place in ipairs(ours) do
          if place == short(printed[1]) then first = first or i end
        end
        local own = first and table.concat(ours, "\n", first) or table.concat(ours, "\n")
        local lines = {}
        for i, line in ipairs(printed) do lines[i] = short(line) end
        if own == table.concat(lines, "\n") then
          compared = compared + 1
        elseif not dump.is_busy then
          report.add("%d %s:\n%s\nbut the guest:\n%s", p.pid, p.comm, own, table.concat(lines, "\n"))
        end
      end
    end
    assert.is_true(compared > 200, ("only %d equal"):format(compared))
    -- A few have gone on since.
    if report.count > 5 then report.check() end
  end)

  if dump.is_crash then
    it("has the stack of the panic, from where it died to where it entered the kernel", function()
      local k = dump:open()
      local cpu = require "kvm.linux.panic".cpu(k)
      local frames = stack.new(k):of_cpu(cpu)
      local names = {}
      for _, frame in ipairs(frames) do
        assert.is_true(frame.trusted, stack.place(frame))
        names[#names + 1] = name_of(frame)
      end
      local text = table.concat(names, " ")
      assert.matches("^__crash_kexec v?panic .*sysrq_handle_crash __handle_sysrq write_sysrq_trigger .*entry_SYSCALL_64$", text)
      assert.is_true(frames.complete)
      assert.is_true(frames.user ~= nil)
    end)
  end
end)

-- Guests whose tasks sleep in functions with kretprobes and the function graph tracer on them.
for release, probe in pairs {["510"] = "kretprobe_trampoline", ["61"] = "arch_rethook_trampoline", ["612"] = "arch_rethook_trampoline",
  ["72"] = "arch_rethook_trampoline"} do
  matrix.describe("traced" .. release, "elf", function(dump)
    it("has the callers that the tracers hide", function()
      local k, truth, hooks, compared = dump:open(), dump:truth(), {}, 0
      local unwinder = stack.new(k)
      for p in k:procs() do
        local printed = truth.stacks[tostring(p.pid)]
        if printed and (p.comm == "sleep" or p.comm == "cat") then
          local frames, ours, first = unwinder:of_task(p.addr), {}, nil
          for i, frame in ipairs(frames) do
            ours[i] = stack.place(frame)
            assert.is_true(frame.trusted, ours[i])
            if frame.hook then hooks[frame.hook] = true end
            if ours[i] == printed[1]:gsub("/0x%x+", "") then first = i end
          end
          -- 5.10's own unwinder knows nothing of kretprobes: it ends at the first.
          local known = printed[#printed]:find "^entry_SYSCALL" and #printed or #printed - 1
          for i = 1, known do assert.are.equal((printed[i]:gsub("/0x%x+", "")), ours[first + i - 1]) end
          assert.is_true(frames.complete)
          assert.matches("^entry_SYSCALL_64", ours[#ours])
          compared = compared + 1
        end
      end
      assert.is_true(compared >= 13, ("only %d tasks"):format(compared))
      assert.are.same({return_to_handler = true, [probe] = true}, hooks)
    end)
  end)
end
