-- SPDX-License-Identifier: BSD-2-Clause
-- Objects read what the compiler reads: 100 random structs (packed, aligned, nested, bit fields, unions, arrays) full of random bytes,
-- of which a C program prints every member; kvm.cdef and kvm.new must give the same. Then the other way: what is assigned to members
-- reads the same and changes no bit beside them.
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local structs = require "spec.support.c_structs"
local kvm = require "kvm"

local COUNT <const>, SEED <const> = 100, 77

local function noise(n, seed)
  local x, out = seed, {}
  for i = 1, n do
    x = (x * 1103515245 + 12345) & 0x7fffffff
    out[i] = string.char(x >> 16 & 255)
  end
  return table.concat(out)
end

-- The members that have a value of their own, as {path, type, bit_size}: of arrays the first and the last element.
local function leaves(t, prefix, into)
  for _, m in ipairs(assert(t:strip():members())) do
    local function add(path, type, bits)
      local bare = type:strip()
      local kind = bare:kind()
      if kind == "struct" or kind == "union" then
        leaves(bare, path ~= "" and path .. "." or "", into)
      elseif kind == "array" and bare:count() > 0 and bare:target():strip():kind() ~= "char" then -- those are strings
        for _, i in ipairs {0, bare:count() - 1} do add(("%s[%d]"):format(path, i), bare:target(), 0) end
      elseif kind ~= "array" and bare:size() <= 8 then -- long double and __int128 are shown elsewhere
        into[#into + 1] = {path = path, kind = kind, type = bare, bits = bits}
      end
    end
    if m.name then
      add(prefix .. m.name, m.type, m.bit_size)
    else -- anonymous: its members are the struct's
      local kind = m.type:strip():kind()
      if kind == "struct" or kind == "union" then leaves(m.type:strip(), prefix, into) end
    end
  end
  return into
end

local PRINT = {
  float = 'printf("%%a\\n", (double)v.%s);',
  pointer = 'printf("%%lld\\n", (long long)(unsigned long)v.%s);',
  int = 'printf("%%lld\\n", (long long)v.%s);',
}

-- A byte that is neither 0 nor 1 is no _Bool for the compiler.
local function print_bool(leaf)
  if leaf.bits > 0 then return PRINT.int:format(leaf.path) end
  return ('printf("%%d\\n", *(unsigned char *)&v.%s != 0);'):format(leaf.path)
end

local function program(text, all)
  local c = {"#include <stdio.h>\n#include <string.h>\n", text}
  for _, s in ipairs(all) do
    local hex = s.bytes:gsub(".", function(b) return ("%d,"):format(b:byte()) end)
    c[#c + 1] = ("static void f_%s(void) {\nstatic const unsigned char b[] = {%s};\n"):format(s.tag, hex)
    c[#c + 1] = ("struct %s v; memcpy(&v, b, sizeof(v));\n"):format(s.tag)
    for _, leaf in ipairs(s.leaves) do
      local line = leaf.kind == "bool" and print_bool(leaf) or (PRINT[leaf.kind] or PRINT.int):format(leaf.path)
      c[#c + 1] = line .. "\n"
    end
    c[#c + 1] = "}\n"
  end
  c[#c + 1] = "int main(void) {\n"
  for _, s in ipairs(all) do c[#c + 1] = ("f_%s();\n"):format(s.tag) end
  c[#c + 1] = "return 0;\n}\n"
  return table.concat(c)
end

-- The value that a path leads to.
local function at(o, path)
  for name, index in path:gmatch "([%a_]*[%w_]*)%[?(%d*)%]?%.?" do
    if name ~= "" then o = o[name] end
    if index ~= "" then o = o[tonumber(index)] end
  end
  return o
end

local function as_printed(leaf, v)
  if leaf.kind == "bool" then return v and 1 or 0 end
  if leaf.kind == "pointer" then return v and kvm.addr(v) or 0 end
  return v
end

local function same(leaf, v, line)
  if leaf.kind ~= "float" then return v == math.tointeger(tonumber(line)) end
  local number = tonumber(line)
  return number and v == number or line:find "nan" ~= nil and v ~= v or line:find "inf" ~= nil and math.abs(v) == math.huge
end

describe("values of random structs", function()
  harness.guard()
  local cc = os.getenv "CC" or "cc"
  if not os.execute("command -v " .. cc:match "%S+$" .. " >/dev/null") then
    return pending "need a C compiler"
  end

  it("are those that the compiler reads", function()
    local k = harness.open(harness.temp(image.build()))
    local text, tags = structs.make(SEED, COUNT, false)
    local declared, all = kvm.cdef(k, text), {}
    for i, tag in ipairs(tags) do
      local t = declared["struct " .. tag]
      all[i] = {tag = tag, type = t, bytes = noise(t:size(), i), leaves = leaves(t, "", {})}
    end
    local source, binary = harness.temp(program(text, all)), harness.temp(false)
    -- char is unsigned, as in the types of the made-up kernel (and of Linux since 6.2)
    assert(os.execute(("unset LD_PRELOAD; %s -w -Wno-packed-bitfield-compat -funsigned-char -O0 -x c -o %s %s"):format(cc, binary, source)))
    local pipe = assert(io.popen(binary))
    local compared = 0
    for _, s in ipairs(all) do
      local o = kvm.new(s.type, s.bytes)
      for _, leaf in ipairs(s.leaves) do
        local line = pipe:read "l"
        local v = as_printed(leaf, at(o, leaf.path))
        assert.is_true(same(leaf, v, line), ("struct %s: %s is %s, not %s"):format(s.tag, leaf.path, v, line))
        compared = compared + 1
      end
    end
    assert.is_nil(pipe:read "l")
    pipe:close()
    assert.is_true(compared > 500, compared .. " members")
  end)

  it("are those that were assigned, beside which no bit changes", function()
    local k = harness.open {core = harness.temp(image.build()), write = true}
    local text, tags = structs.make(SEED, COUNT, false)
    local declared, assigned = kvm.cdef(k, text), 0
    for i, tag in ipairs(tags) do
      local t = declared["struct " .. tag]
      local size = t:size()
      assert(size <= 4096)
      for _, leaf in ipairs(leaves(t, "", {})) do
        local path, name = leaf.path:match "^(.-)%.?([^.]+)$"
        if leaf.bits > 0 and not name:find "[[]" then
          local zeros, ones = ("\0"):rep(size), ("\xff"):rep(size)
          local function holder()
            local o = k:object(image.LARGE, t)
            return path ~= "" and at(o, path) or o
          end
          local highest = leaf.kind == "bool" and true or leaf.type:signed() and -1 or (leaf.bits == 64 and -1 or (1 << leaf.bits) - 1)
          assert(k:write(image.LARGE, zeros))
          holder()[name] = highest
          local mask = assert(k:read(image.LARGE, size)) -- the field's bits, and no others
          local count = 0
          for b in mask:gmatch "." do
            for bit = 0, 7 do count = count + (b:byte() >> bit & 1) end
          end
          assert.are.equal(leaf.bits, count, tag .. "." .. leaf.path)
          assert.are.equal(highest, holder()[name])
          assert(k:write(image.LARGE, ones))
          holder()[name] = leaf.kind ~= "bool" and 0
          local left = assert(k:read(image.LARGE, size))
          for at_byte = 1, size do assert.are.equal(255, left:byte(at_byte) + mask:byte(at_byte)) end
          assigned = assigned + 1
        end
      end
      assert.is_true(i <= COUNT)
    end
    assert.is_true(assigned > 100, assigned .. " bit fields")
  end)
end)
