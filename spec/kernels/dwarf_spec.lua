-- SPDX-License-Identifier: BSD-2-Clause
-- The debug file of Debian's 6.1 kernel (and those of its modules, in the same package) beside its dump: types of
-- variables against gdb, lines against addr2line of binutils and of elfutils, each on addresses and names drawn with a
-- fixed seed.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local VMLINUX <const> = matrix.dir .. "/debug61/vmlinux"
local CORE <const> = matrix.dir .. "/k61/kdump"

-- Where the package was unpacked: usr/lib/debug, above boot/vmlinux-RELEASE.
local function debug_dir()
  local path = matrix.run("readlink", "-f", VMLINUX)
  return assert(path:match "^(.*)/boot/[^/]+$", "not where Debian puts it: " .. path)
end

-- What a program prints for lines of input.
local function filter(lines, ...)
  local name <const> = os.tmpname()
  finally(function() os.remove(name) end)
  local f = assert(io.open(name, "w"))
  f:write(table.concat(lines, "\n"), "\n")
  f:close()
  local words = {...}
  for i, word in ipairs(words) do words[i] = word == "INPUT" and name or word end
  local out, err, status = matrix.run(table.unpack(words))
  assert.are.equal(0, status, err)
  return out
end

-- The basic types as gdb calls them, no spaces (they are set differently before brackets), and arrays without bound.
local SPELLINGS <const> = {
  {"long long unsigned int", "unsigned long long"}, {"long unsigned int", "unsigned long"},
  {"short unsigned int", "unsigned short"}, {"long long int", "long long"}, {"long int", "long"}, {"short int", "short"},
}
local function normal(spelling)
  for _, pair in ipairs(SPELLINGS) do spelling = spelling:gsub(pair[1], pair[2]) end
  return (spelling:gsub("%s+", ""):gsub("%[%]", "[0]"))
end

local function pick(list, n)
  local out = {}
  for i = 1, n do out[i] = table.remove(list, math.random(#list)) end
  return out
end

local function absent()
  return matrix.absent("debug61", "vmlinux") or matrix.absent("k61", "kdump")
end

describe("the debug file of a kernel", function()
  local why = absent()
  if why then
    (os.getenv "CI" == "true" and error or pending)(why)
    return
  end
  local k
  setup(function() k = assert(kvm.open{core = CORE, debug_dir = debug_dir()}) end)
  teardown(function() k:close() end)

  -- Names of data that one symbol of the kernel has.
  local function variables()
    local seen, out = {}, {}
    for s in k:symbols() do
      if not s.module then seen[s.name] = (seen[s.name] or 0) + 1 end
    end
    for s in k:symbols() do
      if seen[s.name] == 1 and not s.module and s.type:find "^[dDbBrR]$" and s.name:find "^[%a_][%w_]*$" then
        out[#out + 1] = s.name
      end
    end
    return out
  end

  it("gives variables the types that gdb tells", function()
    math.randomseed(20261123)
    local names, commands, known = pick(variables(), 400), {}, 0
    for i, name in ipairs(names) do commands[i] = ("echo \\n%s=\nwhatis %s"):format(name, name) end
    local text = filter(commands, "gdb", "-nx", "-batch", "-x", "INPUT", VMLINUX)
    for _, name in ipairs(names) do
      local theirs = assert(text:match("\n" .. name .. "=([^\n]*)"), name)
      local t, message, code = k:variable(name)
      if t then
        known = known + 1
        assert.are.equal(normal("type = " .. t:spell()), normal(theirs), name)
      else
        assert.are.equal("notfound", code, message)
        assert.matches("no debug info", theirs, 1, true, name)
      end
    end
    assert.is_true(known >= 200, known .. " are known")
  end)

  it("has variables of the kernel's own types", function()
    assert.is_true(k:variable "init_task" == k:type "struct task_struct")
    assert.are.equal("struct list_head", k:variable "modules":spell())
    assert.are.equal("struct rq", k:variable "runqueues":spell())
    assert.are.equal("volatile long unsigned int", k:variable "jiffies":spell())
    local t, message = k:variable "no_such_variable"
    assert.is_nil(t)
    assert.matches("no_such_variable", message)
  end)

  local function addresses(n)
    local first, last, out = k:symbol "_stext".value, k:symbol "_etext".value, {}
    for s in k:symbols() do
      if not s.module and s.value >= first and s.value < last then out[#out + 1] = s.value end
    end
    out = pick(out, n)
    for i, addr in ipairs(out) do out[i] = addr + math.random(0, 40) end
    return out
  end

  -- Per address the list of {name, file, line}; the output of addr2line -a -i -f.
  local function parse(text)
    local out, name = {}, nil
    for line in text:gmatch "[^\n]+" do
      if line:find "^0x%x+$" then
        out[#out + 1] = {}
      elseif not name then
        name = line:gsub("%s+inlined at.*", "")
      else
        local file, number = line:match "^(.-):([%d?]+)"
        table.insert(out[#out], {name = name, file = file, line = tonumber(number) or 0})
        name = nil
      end
    end
    return out
  end

  local function is_end_of(long, short)
    return long == short or long:sub(-#short - 1) == "/" .. short
  end

  it("tells the lines that addr2line tells", function()
    math.randomseed(20261124)
    local list, input, bias = addresses(300), {}, k:info().kaslr_offset
    for i, addr in ipairs(list) do input[i] = ("0x%x"):format(addr - bias) end
    local binutils = parse(filter(input, "sh", "-c", "addr2line -a -i -f -e '" .. VMLINUX .. "' <$0", "INPUT"))
    local elfutils = parse(filter(input, "sh", "-c", "eu-addr2line -a -i -f -e '" .. VMLINUX .. "' <$0", "INPUT"))
    local known = 0
    for i, addr in ipairs(list) do
      local mine, message, code = k:source(addr)
      if not mine then
        assert.are.equal("notfound", code, message)
        assert.are.equal("??", binutils[i][1].file, input[i])
      else
        known = known + 1
        assert.are.equal(#binutils[i], #mine, input[i])
        for j, place in ipairs(mine) do
          -- addr2line 2.40 names another file for some lines of headers, so that the line's file is elfutils'.
          local theirs = binutils[i][j]
          local file = j == 1 and elfutils[i][1].file or theirs.file
          assert.are.same({theirs.name, theirs.line}, {place.name, place.line or 0}, input[i])
          assert.is_true(is_end_of(file, place.file or "??"), ("%s: %s, %s"):format(input[i], file, place.file))
        end
      end
    end
    assert.is_true(known >= 250, known .. " are known")
  end)

  it("has those of modules beside it", function()
    local count = 0
    for m in k:modules() do
      for s in k:symbols() do
        if s.module == m.name and s.type:find "^[tT]$" and k:source(s.value) then
          local place = k:source(s.value)
          assert.are.equal(s.name:match "^[^.]+", place[#place].name:match "^[^.]+", m.name)
          count = count + 1
          break
        end
      end
    end
    assert.is_true(count >= 5, count .. " modules")
    assert.are.equal("struct virtio_driver", k:variable("virtio_blk", "virtio_blk"):spell())
    assert.are.equal("struct idr", k:variable "loop_index_idr":spell())
  end)
end)
