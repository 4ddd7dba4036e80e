-- SPDX-License-Identifier: BSD-2-Clause
-- Guests with one fault each, made on purpose by the module of faults/: triage names the fault, the module, the function and the tasks in
-- its first three findings. Of healthy guests it finds nothing; two panics of one bug have one signature, different bugs have different
-- ones.
local frames_of = require "kvm.linux.check.frames"
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"
local triage = require "kvm.cmd.triage"

-- By fault: words of the title, function (none where memory does not tell it), tasks (patterns of comms, each must be told), words of the
-- evidence; also: what else is found.
local FAULTS = {
  ["null"] = {"NULL pointer dereference, read at offset 0x28", "lab_null_dereference", {"busybox"}},
  ["null-again"] = {"NULL pointer dereference, read at offset 0x28", "lab_null_dereference", {"busybox"}},
  ["use-after-free"] = {"use after free", "lab_use_after_free", {"busybox"}},
  ["stack-overflow"] = {"stack overflow", "lab_stack_overflow", {"busybox"}},
  ["list-corruption"] = {"list corruption", "lab_list_corruption", {"busybox"}},
  ["refcount"] = {"reference count overflow", "lab_refcount_overflow", {"busybox"}},
  ["ab-ba"] = {"deadlock of 2 tasks", "lab_lock_both", {"lab-ab", "lab-ba"}},
  ["rwsem-cycle"] = {"deadlock of 3 tasks", "lab_rwsem_cycle_task", {"lab-cycle-0", "lab-cycle-1", "lab-cycle-2"}},
  ["hung"] = {"hung: ", "lab_hung_task", {"lab-hung"}},
  ["softlockup"] = {"soft lockup", "lab_soft_lockup", {"lab-soft"}},
  ["hardlockup"] = {"hard lockup", "lab_hard_lockup", {"lab-hard"}},
  ["rcu-stall"] = {"RCU stall", "lab_rcu_spin", {"lab-rcu"}},
  ["rcu-reader"] = {"RCU stall", "lab_rcu_sleep", {"lab-reader"}},
  ["stuck-work"] = {"stuck work", "lab_stuck_work", {"kworker/"}},
  ["slab-leak"] = {"slab cache ", "lab_slab_leak"},
  ["percpu-rwsem"] = {"for percpu_rwsem lab_percpu_sem [labfault]", "lab_percpu_write", {"lab-percpu-w", "lab-percpu-r"},
    {"held by 1 reader, which the kernel does not record"}},
  ["bit-lock"] = {"for bit lock, bit 3 of lab_word [labfault]", "lab_wait_bit", {"lab-bit"}, {"the kernel does not record who holds it"},
    also = {"for page lock PG_locked of page 0x", "lab_lock_page", {"lab-page"}, {"the kernel does not record who holds it"}}},
  ["inode-lock"] = {"deadlock of 2 tasks", "lab_lock_inodes", {"lab-inode-ab", "lab-inode-ba"},
    {"inode lock i_rwsem of inode %d+ of tmpfs, /lab%-a", "inode lock i_rwsem of inode %d+ of tmpfs, /lab%-b",
      "held by pid %d+ %(lab%-inode%-ab%)", "held by pid %d+ %(lab%-inode%-ba%)"}},
  ["redzone"] = {"red zone behind an object of kmalloc-192 overwritten, 5 bytes", "lab_allocate"},
  ["late-write"] = {"freed object of kmalloc-192 written to (use after free), 8 bytes", "lab_release"},
  ["free-list"] = {"slabs of lab_things are damaged", "lab_thing_alloc"},
  ["free-page"] = {"free page in use"},
  ["task-refcount"] = {"reference count saturated: usage of pid 1 (init)", "lab_get_task", {"init"}},
  ["list-poison"] = {"the list of miscellaneous devices is broken at lab-device: deleted list entry"},
}
local RELEASES = {
  ["61"] = FAULTS, ["72"] = FAULTS,
  ["510"] = {["ab-ba"] = true, ["rwsem-cycle"] = true}, ["612"] = {["null"] = true, ["ab-ba"] = true, ["rwsem-cycle"] = true},
}
local HEALTHY = {"healthy510", "healthy61", "healthy612", "healthy72", "many61"}

local function has(list, wanted)
  for _, v in ipairs(list or {}) do
    if v == wanted or type(v) == "string" and frames_of.plain(v) == wanted then return true end
  end
  return false
end

local function comms_of(k, pids)
  local wanted, out = {}, {}
  for _, pid in ipairs(pids or {}) do wanted[pid] = true end
  for p in kvm.linux.sched.each_task(k) do
    if wanted[p.tid] then out[#out + 1] = p.comm end
  end
  return table.concat(out, "\n")
end

local function all_found(text, patterns, plain)
  for _, pattern in ipairs(patterns or {}) do
    if not text:find(pattern, 1, plain) then return false end
  end
  return true
end

local function names_fault(k, rec, expected)
  for i = 1, math.min(3, #rec.findings) do
    local f = rec.findings[i]
    if f.title:find(expected[1], 1, true) and has(f.modules, "labfault") and (not expected[2] or has(f.functions, expected[2])) then
      -- One that has ended since is in the title.
      if all_found(comms_of(k, f.pids) .. f.title, expected[3], true) and all_found(table.concat(f.evidence, "\n"), expected[4]) then
        return not expected.also or names_fault(k, rec, expected.also)
      end
    end
  end
  return false
end

local function titles(rec)
  local out = {}
  for i, f in ipairs(rec.findings) do
    out[i] = ("%s %s: %s (%s; %s)"):format(f.severity, f.kind, f.title, table.concat(f.modules or {}, " "), table.concat(f.functions or {},
      " "))
  end
  return table.concat(out, "\n")
end

local signatures = {}

for release, faults in pairs(RELEASES) do
  for name in pairs(faults) do
    if name ~= "null-again" or release == "61" then
      matrix.describe(("fault-%s-%s"):format(name, release), "elf", function(dump)
        it("is what triage says", function()
          local k = dump:open()
          local rec = triage.run(k)()
          assert.is_true(names_fault(k, rec, FAULTS[name]), titles(rec))
          signatures[name .. "-" .. release] = assert(rec.signature, titles(rec))
          for _, f in ipairs(rec.findings) do assert.is_nil(f.unfinished, f.title) end
        end)
      end)
    end
  end
end

describe("signatures", function()
  it("are one of two boots with one bug, and others of other bugs", function()
    if not (signatures["null-61"] and signatures["null-again-61"]) then return pending "the dumps are not there" end
    assert.are.equal(signatures["null-61"], signatures["null-again-61"])
    for _, release in ipairs {"61", "72"} do
      local by_signature = {}
      for name in pairs(FAULTS) do
        local signature = signatures[name .. "-" .. release]
        if signature and name ~= "null-again" then
          assert.is_nil(by_signature[signature], ("%s and %s of %s: %s"):format(name, by_signature[signature], release, signature))
          by_signature[signature] = name
        end
      end
    end
  end)
end)

for _, key in ipairs(HEALTHY) do
  matrix.describe(key, "elf", function(dump)
    it("has nothing wrong", function()
      local rec = triage.run(dump:open())()
      assert.is_nil(rec.signature)
      for _, f in ipairs(rec.findings) do
        assert.are.equal("info", f.severity, f.title)
        assert.is_nil(f.unfinished, f.title)
      end
    end)
  end)
end
