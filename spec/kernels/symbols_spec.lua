-- SPDX-License-Identifier: BSD-2-Clause
-- All names, letters and addresses equal the guest's own /proc/kallsyms. It has more than the kernel's table and those of the
-- modules: symbols of BPF programs ([bpf]), of ftrace's and kprobes' trampolines ([__builtin__...]) are made up by
-- /proc when it is read, from structures of their own; they are counted here and not looked for.
local matrix = require "spec.kernels.matrix"

local function made_up(module) return module == "bpf" or module:find "^__builtin__" end

local function key(addr, letter, name, module)
  return ("%016x %s %s [%s]"):format(addr, letter, name, module)
end

local function of_guest(dump)
  local out, n, skipped = {}, 0, 0
  local pipe = assert(io.popen(("gzip -dc '%s/%s/kallsyms.gz'"):format(matrix.dir, dump.key)))
  for line in pipe:lines() do
    local addr, letter, name, module = line:match "^(%x+) (%S) (%S+)%s*%[?([^%]]*)%]?$"
    if made_up(module) then
      skipped = skipped + 1
    else
      local s = key(tonumber(addr, 16), letter, name, module)
      out[s] = (out[s] or 0) + 1
      n = n + 1
    end
  end
  pipe:close()
  return out, n, skipped
end

matrix.each(function(dump)
  it("has all symbols, and no others", function()
    local left, n, skipped = of_guest(dump)
    assert.are.equal(dump:truth().kallsyms.count, n + skipped)
    assert.is_true(n > 50000)
    local report = matrix.report()
    for s in dump:open():symbols() do
      local at = key(s.value, s.type, s.name, s.module or "")
      if left[at] and left[at] > 0 then left[at] = left[at] - 1 else report.add("not the guest's: %s", at) end
    end
    for at, count in pairs(left) do
      if count > 0 then report.add("missing: %s", at) end
    end
    report.check()
  end)

  it("finds symbols by name and by address", function()
    local k, names, want = dump:open(), {}, {}
    for _, s in ipairs(dump:truth().kallsyms.sample) do
      local addr, letter, name = tonumber(s[1], 16), s[2], s[3]
      if letter:find "[TDRB]" and not name:find "%s" and not want[name] then
        names[#names + 1], want[name] = name, addr
      end
    end
    local found, missing = k:nlist(names)
    assert.are.same({}, missing)
    for _, name in ipairs {"init_task", "linux_banner", "schedule"} do
      assert.are.equal(want[name], found[name].value)
      local sym, offset = k:symbol(want[name] + 4)
      assert.are.same({name, 4}, {sym.name, offset})
    end
  end)
end)
