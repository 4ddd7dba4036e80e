-- SPDX-License-Identifier: BSD-2-Clause
-- Values of members against the compiler: a C program prints every scalar member of random structs as it reads them in bytes that
-- are given to it. Objects, readers and kvm.value must read the same there, and what is assigned through objects the program must
-- read back.
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"
local structs = require "spec.support.c_structs"

local COUNT <const>, SEED <const> = 100, 20250117
local CC <const> = os.getenv "CC" or "gcc"

-- Without the address sanitizer, when that is what the library is tested with: compilers leak.
local function run(command, ...)
  return os.execute("unset LD_PRELOAD; " .. command:format(...) .. " 2>/dev/null")
end

-- --- members
local KINDS <const> = {int = "int", char = "int", enum = "int", bool = "int", float = "float", pointer = "pointer"}

local function extended(keys, key)
  local out = table.move(keys, 1, #keys, 1, {})
  out[#out + 1] = key
  return out
end

local collect

local function collect_type(t, keys, at, into)
  local bare = t:strip()
  local kind = bare:kind()
  if kind == "struct" or kind == "union" then
    collect(bare, keys, at, into)
  elseif kind == "array" and bare:target():strip():kind() ~= "char" then
    local bits = 8 * bare:target():size()
    for i = 0, bare:count() - 1 do collect_type(bare:target(), extended(keys, i), at + i * bits, into) end
  elseif bare:size() > 0 and (kind ~= "float" or bare:size() <= 8) then
    local as = kind == "array" and "string" or bare:size() == 16 and "wide" or KINDS[kind]
    into[#into + 1] = {keys = keys, as = as, bool = kind == "bool", at = at, bits = 8 * bare:size()}
  end
end

-- Adds the scalar members of T to INTO: keys (names, and indices of arrays), at and bits (where they lie).
function collect(t, keys, offset, into)
  for _, m in ipairs(t:members()) do
    local at = offset + m.bit_offset
    if not m.name then
      local kind = m.type:strip():kind()
      if kind == "struct" or kind == "union" then collect(m.type:strip(), keys, at, into) end
    elseif m.bit_size == 0 then
      collect_type(m.type, extended(keys, m.name), at, into)
    elseif m.type:size() < 16 then
      into[#into + 1] = {keys = extended(keys, m.name), as = "int", flag = m.type:strip():kind() == "bool", at = at, bits = m.bit_size}
    end
  end
end

local function spelled(member)
  local out = {}
  for i, key in ipairs(member.keys) do
    out[i] = math.type(key) == "integer" and ("[%d]"):format(key) or i > 1 and "." .. key or key
  end
  return table.concat(out)
end

-- --- the program
local HEAD <const> = [[
#include <stdio.h>
#include <string.h>
#define I(x) printf("%lld\n", (long long)(x))
#define F(x) printf("%a\n", (double)(x))
#define P(x) printf("%lld\n", (long long)(__UINTPTR_TYPE__)(x))
#define W(x) printf("0x%016llx%016llx\n", (unsigned long long)((unsigned __int128)(x) >> 64), (unsigned long long)(x))
#define S(x) for (size_t i = 0; i < sizeof(x); i++) printf("%02x%s", (unsigned char)(x)[i], i + 1 < sizeof(x) ? "" : "\n")
]]
local MACROS <const> = {int = "I", float = "F", pointer = "P", wide = "W", string = "S"}

-- C that reads one struct after the other from its input.
local function program(text, tags, members)
  local out, main = {HEAD, text}, {}
  for _, tag in ipairs(tags) do
    out[#out + 1] = ("static void print_%s(void) {\n  static struct %s v;"):format(tag, tag)
    out[#out + 1] = "  if (fread((void *)&v, 1, sizeof(v), stdin) != sizeof(v)) return;"
    for _, m in ipairs(members[tag]) do out[#out + 1] = ("  %s(v.%s);"):format(MACROS[m.as], spelled(m)) end
    out[#out + 1] = "}"
    main[#main + 1] = ("  print_%s();"):format(tag)
  end
  out[#out + 1] = "int main(void) {\n" .. table.concat(main, "\n") .. "\n  return 0;\n}\n"
  return table.concat(out, "\n")
end

-- What the program reads in BYTES, a line for each member.
local function read_by(path, bytes)
  local out = harness.temp(false)
  assert(run("%s <%s >%s", path, harness.temp(bytes), out))
  local lines = {}
  for line in io.lines(out) do lines[#lines + 1] = line end
  return lines
end

local function value_of(as, line)
  if as == "string" then
    return (line:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end):match "^[^\0]*")
  end
  if as == "wide" then return line end
  if as == "float" then return line:find "nan" and "nan" or line:find "inf" and line or tonumber(line) end
  return math.tointeger(line)
end

-- A value as objects, readers and kvm.value give it, in the program's terms.
local function plain(v, m)
  if m.as == "pointer" then return kvm.is_object(v) and kvm.addr(v) or v or 0 end
  if type(v) == "boolean" then return v and 1 or 0 end
  if m.as == "float" then return v ~= v and "nan" or math.abs(v) == math.huge and (v > 0 and "inf" or "-inf") or v end
  return v
end

-- The value of a member of an object, or (FIRST 1) of the table of its values.
local function member(o, m, first)
  for _, key in ipairs(m.keys) do o = o[math.type(key) == "integer" and key + (first or 0) or key] end
  return plain(o, m)
end

local function assign(o, m, v)
  for i = 1, #m.keys - 1 do o = o[m.keys[i]] end
  if m.bool or m.flag then v = v ~= 0 end
  o[m.keys[#m.keys]] = v
end

-- --- bytes
local state = SEED
-- Random bytes for a struct. What a _Bool holds that is neither 0 nor 1 C does not define.
local function random_struct(t, members)
  local bytes = {}
  for i = 1, t:size() do
    state = (state * 1664525 + 1013904223) & 0xffffffff
    bytes[i] = state >> 24
  end
  for _, m in ipairs(members) do
    if m.bool then bytes[m.at // 8 + 1] = bytes[m.at // 8 + 1] & 1 end
  end
  return string.char(table.unpack(bytes))
end

local function overlap(a, b) return a.at < b.at + b.bits and b.at < a.at + a.bits end

-- BYTES as a list, all bits 0 that belong to a member.
local function without(bytes, members)
  local left = {bytes:byte(1, -1)}
  for _, m in ipairs(members) do
    for bit = m.at, m.at + m.bits - 1 do left[bit // 8 + 1] = left[bit // 8 + 1] & ~(1 << bit % 8) end
  end
  return left
end

-- Assigns to every member of O what it is in DONOR. Returns by member what must be read there, nil where a later one overlaps.
local function assign_all(o, donor, members, backwards)
  local want, done = {}, {}
  for n = 1, #members do
    local i = backwards and #members + 1 - n or n
    local m = members[i]
    local v = member(donor, m)
    if m.as == "float" and type(v) == "string" then v = -0.5 end -- no number that is not one
    if m.as ~= "wide" then -- 128 bits can't be written
      assign(o, m, v)
      for _, before in ipairs(done) do
        if overlap(members[before], m) then want[before] = nil end
      end
      want[i] = v
      done[#done + 1] = i
    end
  end
  return want
end

describe("values of random C structs", function()
  if not run("command -v %s >/dev/null", CC:match "%S+$") then
    pending("no " .. CC)
    return
  end
  local text, tags = structs.make(SEED, COUNT, true)
  local path, members, count

  -- The types of a handle. The first one compiles the program.
  local function prepare(k)
    local types = kvm.cdef(k, text)
    if path then return types end
    path, members, count = os.tmpname(), {}, 0
    for _, tag in ipairs(tags) do
      members[tag] = {}
      collect(types["struct " .. tag], {}, 0, members[tag])
      count = count + #members[tag]
    end
    local char = k:type("char"):signed() and "signed" or "unsigned" -- kernels since 6.2 are built with -funsigned-char
    assert(run("%s -w -O0 -f%s-char -x c -o %s %s", CC, char, path, harness.temp(program(text, tags, members))))
    return types
  end
  teardown(function() if path then os.remove(path) end end)

  harness.guard()
  local k
  before_each(function() k = harness.open {core = harness.temp(image.build()), write = true} end)

  it("are what the compiler reads", function()
    local types, all, objects = prepare(k), {}, {}
    for i, tag in ipairs(tags) do
      all[i] = random_struct(types["struct " .. tag], members[tag])
      objects[i] = kvm.new(types["struct " .. tag], all[i])
    end
    local lines, n = read_by(path, table.concat(all)), 0
    assert.are.equal(count, #lines)
    assert.is_true(count > 1000)
    for i, tag in ipairs(tags) do
      local o, paths = objects[i], {}
      for j, m in ipairs(members[tag]) do paths[j] = spelled(m) end
      local values, read = kvm.value(o), {kvm.reader(types["struct " .. tag], paths)(o)}
      for j, m in ipairs(members[tag]) do
        n = n + 1
        local want, name = value_of(m.as, lines[n]), tag .. "." .. paths[j]
        assert.are.equal(want, member(o, m), name)
        assert.are.equal(want, plain(read[j], m), name)
        assert.are.equal(want, member(values, m, 1), name)
      end
    end
  end)

  it("are read by the compiler when they are assigned, and nothing beside them changes", function()
    local types, all, want = prepare(k), {}, {}
    for i, tag in ipairs(tags) do
      local t, list = types["struct " .. tag], members[tag]
      local before = random_struct(t, list)
      assert(k:write(image.LARGE, before))
      want[i] = assign_all(k:object(image.LARGE, t), kvm.new(t, random_struct(t, list)), list, i % 2 == 1)
      all[i] = k:read(image.LARGE, t:size())
      assert.are.same(without(before, list), without(all[i], list))
    end
    local lines, n, checked = read_by(path, table.concat(all)), 0, 0
    assert.are.equal(count, #lines)
    for i, tag in ipairs(tags) do
      for j, m in ipairs(members[tag]) do
        n = n + 1
        if want[i][j] ~= nil then
          checked = checked + 1
          assert.are.equal(want[i][j], value_of(m.as, lines[n]), tag .. "." .. spelled(m))
        end
      end
    end
    assert.is_true(checked > count // 2)
  end)
end)
