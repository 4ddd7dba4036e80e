-- SPDX-License-Identifier: BSD-2-Clause
-- Real dumps in copies without what tells where the kernel is: the VMCOREINFO note, then also the kernel's own copies of it,
-- then also the CPUs' state; and kdump files without the note. The answers are the bytes that the whole dump gives.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local COMMANDS = {{"ps"}, {"ps", "--threads", "--no-args"}, {"log"}, {"sym", "--pattern", "*"}}
local CHUNK = 16 << 20

-- Large dumps are copied with their holes, and a copy is gone when the test is.
local function with_copy(path, fn)
  local copy = os.tmpname()
  assert(os.execute(("cp --sparse=always '%s' '%s' && chmod 600 '%s'"):format(path, copy, copy)))
  local f = assert(io.open(copy, "r+b"))
  local ok, message = pcall(fn, f, copy)
  f:close()
  os.remove(copy)
  if not ok then error(message, 0) end
end

local function put(f, at, bytes)
  f:seek("set", at)
  assert(f:write(bytes))
end

local function get(f, at, len)
  f:seek("set", at)
  return f:read(len)
end

-- Renames the notes of that name in the LEN bytes at AT, and blanks what they say.
local function blank_notes(f, at, len, name)
  local bytes, count, pos = get(f, at, len), 0, 1
  while pos + 12 <= #bytes do
    local name_size, size = ("<I4I4"):unpack(bytes, pos)
    local desc = pos + 12 + (name_size + 3) // 4 * 4
    if bytes:sub(pos + 12, pos + 11 + #name) == name then
      put(f, at + pos + 11, ("X"):rep(#name))
      put(f, at + desc - 1, ("\1"):rep(size))
      count = count + 1
    end
    pos = desc + (size + 3) // 4 * 4
  end
  return count
end

local function blank_elf_notes(f, name)
  local head, count = get(f, 0, 64), 0
  local first, number = ("<I8"):unpack(head, 33), ("<I2"):unpack(head, 57)
  for i = 0, number - 1 do
    local kind, _, at, _, _, len = ("<I4I4I8I8I8I8"):unpack(get(f, first + 56 * i, 56))
    if kind == 4 then count = count + blank_notes(f, at, len, name) end
  end
  return count
end

local function blank_text(f, text)
  local count, size = 0, f:seek "end"
  for at = 0, size - 1, CHUNK do
    local bytes, from = get(f, at, CHUNK + #text - 1), 1
    while true do
      from = bytes:find(text, from, true)
      if not from then break end
      put(f, at + from - 1, ("\1"):rep(#text))
      count, from = count + 1, from + #text
    end
  end
  return count
end

local function equal(want, path)
  for i, words in ipairs(COMMANDS) do
    local out = matrix.luakvm(words[1], path, "--json", table.unpack(words, 2))
    assert.is_true(#out > 1000 and out == want[i], table.concat(words, " ") .. " differs")
  end
end

local function answers(path)
  local out = {}
  for i, words in ipairs(COMMANDS) do out[i] = matrix.luakvm(words[1], path, "--json", table.unpack(words, 2)) end
  return out
end

local function info(path)
  local k <close> = assert(kvm.open(path))
  return k:info()
end

local function found(path, was, from, how)
  local now = info(path)
  assert.are.equal(from, now.vmcoreinfo_from)
  assert.matches(how, now.found)
  for _, key in ipairs {"release", "build_id", "kaslr_offset", "phys_base", "page_size", "arch"} do
    assert.are.equal(was[key], now[key], key)
  end
end

for _, key in ipairs {"live510", "live61", "live612", "live72", "live61-la57", "live61-nokaslr"} do
  matrix.describe(key, "elf", function(dump)
    it("is opened without what tells where its kernel is", function()
      local want, was = answers(dump.path), info(dump.path)
      with_copy(dump.path, function(f, copy)
        assert.are.equal(1, blank_elf_notes(f, "VMCOREINFO"))
        f:flush()
        found(copy, was, "memory", "^CR3 of CPU %d; kallsyms; VMCOREINFO in memory at 0x%x+$")
        equal(want, copy)
        assert.is_true(blank_text(f, "OSRELEASE=") >= 1)
        f:flush()
        found(copy, was, "search", "^CR3 of CPU %d; kallsyms$")
        equal(want, copy)
        assert.is_true(blank_elf_notes(f, "QEMU") >= 1)
        f:flush()
        found(copy, was, "search", "^page tables at 0x%x+; kallsyms$")
        equal(want, copy)
      end)
    end)
  end)
end

for _, key in ipairs {"k510", "k61", "k612", "k72"} do
  matrix.describe(key, "kdump", function(dump)
    it("is opened without its VMCOREINFO", function()
      local want, was = answers(dump.path), info(dump.path)
      with_copy(dump.path, function(f, copy)
        put(f, 4096 + 32, ("\0"):rep(16)) -- the sub-header's offset and size of the text
        local at, len = ("<I8I8"):unpack(get(f, 4096 + 48, 16))
        blank_notes(f, at, len, "VMCOREINFO")
        f:flush()
        found(copy, was, "memory", "^VMCOREINFO in memory at 0x%x+$")
        equal(want, copy)
      end)
    end)
  end)
end

for _, core in ipairs {"elf", "elf-paging", "kdump-zlib"} do
  matrix.describe("live61-noinfo", core, function(dump)
    it("is opened as QEMU wrote it, without a note", function()
      local now = info(dump.path)
      assert.are.equal(matrix.truth "live61-noinfo".release, now.release)
      assert.matches("^CR3 of CPU", now.found)
      assert.is_true(#matrix.luakvm("ps", dump.path, "--json") > 1000)
    end)
  end)
end
