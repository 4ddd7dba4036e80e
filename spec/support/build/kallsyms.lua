-- SPDX-License-Identifier: BSD-2-Clause
-- The kernel's own symbol table as scripts/kallsyms.c writes it, in the layouts of Linux 5.10, 6.1, 6.4
-- (scripts/kallsyms: "change the output order", which 6.12 has) and 7.2 (offsets that are relative to their own place).
-- Offsets of 32 bits with a base, absolute values for per-CPU symbols; tables for architectures without a base
-- (kallsyms_addresses) are not built.
local M = {}

-- Order of the tables in memory, each at a multiple of 8.
local LAYOUTS = {
  ["5.10"] = {"offsets", "relative_base", "num_syms", "names", "markers", "token_table", "token_index"},
  ["6.1"] = {"offsets", "relative_base", "num_syms", "names", "markers", "token_table", "token_index"},
  ["6.4"] = {"num_syms", "names", "markers", "token_table", "token_index", "offsets", "relative_base", "seqs_of_names"},
  ["7.2"] = {"num_syms", "names", "markers", "token_table", "token_index", "offsets", "seqs_of_names"},
}
M.layouts = {"5.10", "6.1", "6.4", "7.2"}

-- The 256 tokens: each byte that occurs stands for itself, the others for the most frequent pairs, as best_table does.
local function make_tokens(texts)
  local tokens, free, used = {}, {}, {}
  for _, s in ipairs(texts) do
    for c in s:gmatch "." do used[c] = true end
  end
  for i = 0, 255 do
    local c = string.char(i)
    tokens[i] = used[c] and c or ""
    if not used[c] then free[#free + 1] = i end
  end
  local counts = {}
  for _, s in ipairs(texts) do
    for i = 1, #s - 1 do counts[s:sub(i, i + 1)] = (counts[s:sub(i, i + 1)] or 0) + 1 end
  end
  local pairs_ = {}
  for p, n in pairs(counts) do if n > 1 then pairs_[#pairs_ + 1] = p end end
  table.sort(pairs_, function(a, b) return counts[a] > counts[b] or counts[a] == counts[b] and a < b end)
  local code = {}
  for i, p in ipairs(pairs_) do
    -- Codes from the top down, as the kernel's tool hands them out; the low ones stay empty.
    local c = free[#free - i + 1]
    if not c or i > 60 then break end
    tokens[c], code[p] = p, string.char(c)
  end
  return tokens, code
end

local function compress(s, code)
  local out, i = {}, 1
  while i <= #s do
    local c = code[s:sub(i, i + 1)]
    out[#out + 1] = c or s:sub(i, i)
    i = i + (c and 2 or 1)
  end
  return table.concat(out)
end

-- A name's length: one byte, or two with bit 7 of the first (since 6.1, commit 73bbb94466fd).
local function length(n, layout)
  if n < 128 or layout == "5.10" then return string.char(n) end
  return string.char(n & 127 | 128, n >> 7)
end

local function names_table(e, symbols, layout, code)
  local names, markers, at = {}, {}, 0
  for i, s in ipairs(symbols) do
    if (i - 1) % 256 == 0 then markers[#markers + 1] = (e .. "I4"):pack(at) end
    local packed = compress(s.type .. s.name, code)
    names[i] = length(#packed, layout) .. packed
    at = at + #names[i]
  end
  return table.concat(names), table.concat(markers)
end

local function token_tables(e, tokens)
  local text, index, at = {}, {}, 0
  for i = 0, 255 do
    index[#index + 1] = (e .. "I2"):pack(at)
    text[#text + 1] = tokens[i] .. "\0"
    at = at + #tokens[i] + 1
  end
  return table.concat(text), table.concat(index)
end

local function offsets_table(e, symbols, layout, base, at)
  local out = {}
  for i, s in ipairs(symbols) do
    local v
    if layout == "7.2" then v = s.addr - (at + 4 * (i - 1))
    elseif s.absolute then v = s.addr
    else v = base - 1 - s.addr end
    out[i] = (e .. "i4"):pack(v)
  end
  return table.concat(out)
end

--- The tables.
-- @param t symbols: a list of {name=, type=, addr=, absolute=} in ascending order of addr; at: virtual address of the
-- first
--   table; base: relative_base; layout (one of M.layouts); big
-- @return bytes, and {table's name = virtual address}
function M.build(t)
  local e, layout = t.big and ">" or "<", t.layout or "6.4"
  local texts = {}
  for i, s in ipairs(t.symbols) do texts[i] = s.type .. s.name end
  local tokens, code = make_tokens(texts)
  local part = {}
  part.num_syms = (e .. "I4"):pack(#t.symbols)
  part.names, part.markers = names_table(e, t.symbols, layout, code)
  part.token_table, part.token_index = token_tables(e, tokens)
  part.relative_base = (e .. "i8"):pack(t.base or 0)
  part.offsets = ("\0"):rep(4 * #t.symbols) -- its size matters for the places, its own place for the values
  part.seqs_of_names = ("\0"):rep(3 * #t.symbols)
  local places, at = {}, t.at
  for _, name in ipairs(LAYOUTS[layout]) do
    places[name] = at
    at = at + #part[name] + -#part[name] % 8
  end
  part.offsets = offsets_table(e, t.symbols, layout, t.base, places.offsets)
  local out = {}
  for _, name in ipairs(LAYOUTS[layout]) do out[#out + 1] = part[name] .. ("\0"):rep(-#part[name] % 8) end
  return table.concat(out), places
end

return M
