-- SPDX-License-Identifier: BSD-2-Clause
-- The call frame information of the kernel's debug file tells the same as the kernel's own ORC: of all stacks, and of places all over
-- its code; and instructions are those that objdump finds in the same bytes.
local kvm = require "kvm"
local disassembler = require "kvm.disassembler"
local matrix = require "spec.kernels.matrix"
local orc = require "kvm.unwind.orc"
local sched = require "kvm.linux.sched"
local stack = require "kvm.stack"

local function describe_with(key, core, release, name, fn)
  local why = matrix.absent(key, core) or matrix.absent("debug" .. release, "vmlinux")
  describe(("%s/%s, with its debug file,"):format(key, core), function()
    if why then
      local state = os.getenv "CI" == "true" and it or pending
      return state(name .. ": " .. why:gsub("%s+", " "), function() error(why, 0) end)
    end
    it(name, function()
      local k <close> = kvm.check(kvm.open {core = ("%s/%s/%s"):format(matrix.dir, key, core),
        namelist = ("%s/debug%s/vmlinux"):format(matrix.dir, release)})
      fn(k)
    end)
  end)
end

local function text_of(frames)
  local out = {}
  for i, f in ipairs(frames) do out[i] = ("%x@%x"):format(f.pc, f.sp) end
  return table.concat(out, " ")
end

local function same_stacks(k)
  local by_orc, by_cfi, report = stack.new(k, {"orc"}), stack.new(k, {"cfi", "orc"}), matrix.report()
  local tasks, frames, of_cfi = 0, 0, 0
  for p in sched.each_task(k) do
    local one, other = by_orc:of_task(p.addr), by_cfi:of_task(p.addr)
    tasks = tasks + 1
    for _, f in ipairs(other) do
      frames, of_cfi = frames + 1, of_cfi + (f.how == "cfi" and 1 or 0)
      if f.how == "cfi" and not f.trusted then report.add("%s is found by a table and not trusted", stack.place(f)) end
    end
    if text_of(one) ~= text_of(other) then report.add("task %d: %s\n  %s", p.tid, text_of(one), text_of(other)) end
  end
  report.check()
  assert.is_true(tasks > 50 and of_cfi > frames // 2, ("%d tasks, %d of %d frames"):format(tasks, of_cfi, frames))
end

-- What differs is not wrong: a function in assembler may say nothing to the debugger, or ORC nothing to the kernel.
local STEP <const> = 0x365

local function same_places(k)
  local tables, seen, equal, report = orc.new(k), 0, 0, matrix.report()
  for pc = k:symbol("_stext").value, k:symbol("_etext").value - 1, STEP do
    local row, rule = k:cfi(pc), tables:find(pc)
    if row and rule and rule.kind == "call" and not row.cfa.memory then
      seen = seen + 1
      if row.cfa.base == rule.sp and row.cfa.offset == rule.sp_offset then
        equal = equal + 1
      else
        report.add("%s: %s%+d, ORC %s%+d", disassembler.name(k, pc), row.cfa.base, row.cfa.offset, rule.sp, rule.sp_offset)
      end
    end
  end
  assert.is_true(seen > 5000, seen .. " places")
  assert.is_true(equal >= seen - seen // 1000, ("%d of %d places\n%s"):format(equal, seen, table.concat(report, "\n")))
end

-- By address: the bytes of each instruction, as objdump has them.
local function objdump(bytes, addr)
  local path = os.tmpname()
  local f <close> = assert(io.open(path, "wb"))
  f:write(bytes)
  f:close()
  local text, err, status = matrix.run("objdump", "-z", "-D", "-b", "binary", "-m", "i386:x86-64", ("--adjust-vma=0x%x"):format(addr),
    "--insn-width=16", path)
  os.remove(path)
  assert.are.equal(0, status, err)
  local out = {}
  for at, hex in text:gmatch "\n%s*(%x+):\t([%x ]+)" do out[tonumber("0x" .. at)] = #hex:gsub("%s", "") // 2 end
  return out
end

-- Instructions that Capstone 4 does not know (it says so) put it out of step until the next that both agree on.
local function same_instructions(k)
  local first <const> = k:symbol("schedule").value & ~4095
  local bytes <const> = math.min(256 << 10, k:symbol("_etext").value - first)
  local theirs, seen, equal, report = objdump(kvm.check(k:read(first, bytes)), first), 0, 0, matrix.report()
  local is_in_step = true
  for i in disassembler.instructions(k, first, {last = first + bytes - 16}) do
    seen = seen + 1
    local is_same = theirs[i.addr] == #i.bytes
    if is_same then equal = equal + 1
    elseif is_in_step and not i.text:find("(bad)", 1, true) then report.add("0x%x: %s", i.addr, i.text) end
    is_in_step = is_same
  end
  report.check()
  assert.is_true(seen > 10000 and equal > seen - seen // 100, ("%d of %d instructions"):format(equal, seen))
end

for _, row in ipairs {{"k61", "vmcore", "61"}, {"k612", "vmcore", "612"}, {"live72", "elf", "72"}, {"k72", "vmcore", "72"}} do
  local key, core, release = table.unpack(row)
  describe_with(key, core, release, "has the same stacks by call frame information", same_stacks)
  describe_with(key, core, release, "has the same rule for a place by both tables", same_places)
  describe_with(key, core, release, "has the same instructions as objdump finds", same_instructions)
end
