-- SPDX-License-Identifier: BSD-2-Clause
-- SHA-256 (FIPS 180-4), in base64 (RFC 4648) as a Content-Security-Policy has it: of the script and style of a page, some ten KB.
local M = {}

-- The first 32 bits of the fractional parts of the square and cube roots of the first primes (FIPS 180-4, 4.2.2 and 5.3.3).
local function constants()
  local roots, squares, n = {}, {}, 2
  while #roots < 64 do
    local prime = true
    for i = 2, math.tointeger(n ^ 0.5 // 1) do prime = prime and n % i ~= 0 end
    if prime then
      -- a double has 53 bits: enough for 32 behind a root below 8
      roots[#roots + 1] = math.tointeger((n ^ (1 / 3) % 1 * 2 ^ 32) // 1)
      squares[#squares + 1] = math.tointeger((n ^ 0.5 % 1 * 2 ^ 32) // 1)
    end
    n = n + 1
  end
  return roots, table.move(squares, 1, 8, 1, {})
end
local K <const>, START <const> = constants()

local function turn(x, n) return (x >> n | x << (32 - n)) & 0xffffffff end

local function schedule(block)
  local w = {(">I4I4I4I4I4I4I4I4I4I4I4I4I4I4I4I4"):unpack(block)}
  for i = 17, 64 do
    local a, b = w[i - 15], w[i - 2]
    local s0, s1 = turn(a, 7) ~ turn(a, 18) ~ a >> 3, turn(b, 17) ~ turn(b, 19) ~ b >> 10
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) & 0xffffffff
  end
  return w
end

local function compress(state, w)
  local a, b, c, d, e, f, g, h = table.unpack(state)
  for i = 1, 64 do
    local t1 = h + (turn(e, 6) ~ turn(e, 11) ~ turn(e, 25)) + (e & f ~ ~e & g) + K[i] + w[i]
    local t2 = (turn(a, 2) ~ turn(a, 13) ~ turn(a, 22)) + (a & b ~ a & c ~ b & c)
    h, g, f, e, d, c, b, a = g, f, e, (d + t1) & 0xffffffff, c, b, a, (t1 + t2) & 0xffffffff
  end
  for i, v in ipairs {a, b, c, d, e, f, g, h} do state[i] = (state[i] + v) & 0xffffffff end
end

--- The hash of a string.
-- @tparam string text any bytes
-- @treturn string 32 bytes
-- @usage assert(require "kvm.report.sha256".bytes "abc":byte() == 0xba)
function M.bytes(text)
  local state = table.move(START, 1, 8, 1, {})
  local padded = text .. "\x80" .. ("\0"):rep(-(#text + 9) % 64) .. (">I8"):pack(#text * 8)
  for at = 1, #padded, 64 do compress(state, schedule(padded:sub(at, at + 63))) end
  return (">I4I4I4I4I4I4I4I4"):pack(table.unpack(state))
end

local DIGITS <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(bytes)
  local out = {}
  for at = 1, #bytes, 3 do
    local part = bytes:sub(at, at + 2)
    local v = (">I3"):unpack(part .. ("\0"):rep(3 - #part))
    for i = 0, 3 do
      local digit = v >> (18 - 6 * i) & 63
      out[#out + 1] = i <= #part and DIGITS:sub(digit + 1, digit + 1) or "="
    end
  end
  return table.concat(out)
end

--- A source of a Content-Security-Policy that allows one text.
-- @tparam string text of an element script or style, to the byte
-- @treturn string 'sha256-...', with its quotes
-- @usage assert(require "kvm.report.sha256".source "" == "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='")
function M.source(text)
  return ("'sha256-%s'"):format(base64(M.bytes(text)))
end

return M
