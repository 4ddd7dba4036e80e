-- SPDX-License-Identifier: BSD-2-Clause
-- Integer constant expressions (C11 6.6) in the target's arithmetic: values are int, unsigned int, and those of 64 bits; where long
-- has 32 bits it counts as int. Overflow of a signed type, division by zero and shifts past the width are errors, where C leaves
-- them undefined. Operands that are not evaluated (behind && || ?:) may divide by zero, as in C. No casts, floats, or strings.
local M = {}

-- A value is {v, wide, unsigned}: v is sign- or zero-extended from 32 bits unless it is wide.
local function value(v, wide, unsigned) return {v = v, wide = wide or false, unsigned = unsigned or false} end

local PRECEDENCE = {
  ["*"] = 10, ["/"] = 10, ["%"] = 10, ["+"] = 9, ["-"] = 9, ["<<"] = 8, [">>"] = 8, ["<"] = 7, [">"] = 7, ["<="] = 7, [">="] = 7,
  ["=="] = 6, ["!="] = 6, ["&"] = 5, ["^"] = 4, ["|"] = 3, ["&&"] = 2, ["||"] = 1,
}
local ESCAPES = {n = 10, t = 9, r = 13, ["0"] = 0, ["\\"] = 92, ["'"] = 39, ['"'] = 34, a = 7, b = 8, f = 12, v = 11}

local function fits32(v, unsigned)
  if unsigned then return v >= 0 and v <= 0xffffffff end
  return v >= -0x80000000 and v <= 0x7fffffff
end

-- V (64 bits) as a value of a type; EXACT: out of range is an error.
local function convert(env, v, wide, unsigned, exact)
  if wide then return value(v, true, unsigned) end
  if unsigned then return value(v & 0xffffffff, false, true) end
  if not fits32(v) then
    if exact then env.fail "the result does not fit into an int" end
    v = (v & 0xffffffff ~ 0x80000000) - 0x80000000
  end
  return value(v)
end

-- --- operators
local function less(a, b, unsigned)
  if unsigned then return math.ult(a, b) end
  return a < b
end

local function multiply(env, a, b)
  local v = a * b
  if a ~= 0 and (v // a ~= b or a == -1 and b == math.mininteger) then env.fail "integer overflow" end
  return v
end

local function divide(env, a, b, unsigned)
  if b == 0 then env.fail "division by zero" end
  if unsigned then
    if b < 0 then return math.ult(a, b) and 0 or 1 end
    if a >= 0 then return a // b end
    local q = ((a >> 1) // b) << 1
    return math.ult(a - q * b, b) and q or q + 1
  end
  if a == math.mininteger and b == -1 then env.fail "integer overflow" end
  local q = a // b
  return q < 0 and q * b ~= a and q + 1 or q -- C rounds towards zero
end

-- Arithmetic of 64 bits; what is narrower is checked or cut off behind it.
local ARITHMETIC = {
  ["+"] = function(env, a, b, unsigned)
    local v = a + b
    if not unsigned and (a ~ v) & (b ~ v) < 0 then env.fail "integer overflow" end
    return v
  end,
  ["-"] = function(env, a, b, unsigned)
    local v = a - b
    if not unsigned and (a ~ b) & (a ~ v) < 0 then env.fail "integer overflow" end
    return v
  end,
  ["*"] = function(env, a, b, unsigned) return unsigned and a * b or multiply(env, a, b) end,
  ["/"] = divide,
  ["%"] = function(env, a, b, unsigned) return a - divide(env, a, b, unsigned) * b end,
  ["&"] = function(_, a, b) return a & b end,
  ["|"] = function(_, a, b) return a | b end,
  ["^"] = function(_, a, b) return a ~ b end,
}
local COMPARISON = {
  ["<"] = function(a, b, unsigned) return less(a, b, unsigned) end,
  [">"] = function(a, b, unsigned) return less(b, a, unsigned) end,
  ["<="] = function(a, b, unsigned) return not less(b, a, unsigned) end,
  [">="] = function(a, b, unsigned) return not less(a, b, unsigned) end,
  ["=="] = function(a, b) return a == b end,
  ["!="] = function(a, b) return a ~= b end,
}

local function shift(env, op, a, b)
  local width = a.wide and 64 or 32
  if b.v < 0 or b.v >= width then env.fail "a shift past the width of its type" end
  if op == "<<" then
    local v = a.v << b.v
    -- into the sign bit is what kernels do (1 << 31), further is an error
    if not a.unsigned and a.wide and (v >> b.v ~= a.v or a.v < 0) then env.fail "integer overflow" end
    if not a.unsigned and not a.wide and (a.v < 0 or v > 0xffffffff) then env.fail "integer overflow" end
    return convert(env, v, a.wide, a.unsigned)
  end
  if a.unsigned or a.v >= 0 then return value(a.v >> b.v, a.wide, a.unsigned) end
  return value(~(~a.v >> b.v), a.wide, false)
end

local function binary(env, op, a, b)
  if op == "<<" or op == ">>" then return shift(env, op, a, b) end
  local wide = a.wide or b.wide
  local unsigned = a.unsigned and (a.wide or not wide) or b.unsigned and (b.wide or not wide)
  a, b = convert(env, a.v, wide, unsigned).v, convert(env, b.v, wide, unsigned).v
  if COMPARISON[op] then return value(COMPARISON[op](a, b, unsigned) and 1 or 0) end
  return convert(env, ARITHMETIC[op](env, a, b, unsigned), wide, unsigned, true)
end

local UNARY = {
  ["+"] = function(_, a) return a end,
  ["-"] = function(env, a) return binary(env, "-", value(0), a) end,
  ["~"] = function(env, a) return convert(env, ~a.v, a.wide, a.unsigned) end,
  ["!"] = function(_, a) return value(a.v == 0 and 1 or 0) end,
}

-- --- literals
local function digits(text)
  local body, suffix = text:match "^(0[xX]%x+)(%a*)$"
  if body then return body:sub(3), 16, suffix end
  body, suffix = text:match "^0[bB]([01]+)(%a*)$"
  if body then return body, 2, suffix end
  body, suffix = text:match "^0([0-7]*)(%a*)$"
  if body then return body, 8, suffix end
  body, suffix = text:match "^([1-9]%d*)(%a*)$"
  return body, 10, suffix
end

local SUFFIX = {
  [""] = {}, u = {unsigned = true}, l = {long = true}, ll = {wide = true}, ul = {unsigned = true, long = true},
  lu = {unsigned = true, long = true}, ull = {unsigned = true, wide = true}, llu = {unsigned = true, wide = true},
}

local function number(env, text)
  local body, base, suffix = digits(text)
  local how = body and SUFFIX[suffix:lower()]
  if not how then env.fail(("no integer: %s"):format(text)) end
  local v = 0
  for d in body:gmatch "." do
    local digit = tonumber(d, base)
    -- the largest unsigned number of 64 bits, less this digit, divided by the base
    if math.ult(divide(env, -1 - digit, base, true), v) then env.fail(("%s is too large"):format(text)) end
    v = v * base + digit
  end
  local unsigned, wide = how.unsigned, how.wide or how.long and env.long == 8
  if not wide and (v < 0 or not fits32(v, unsigned)) then
    if base ~= 10 and not unsigned and fits32(v, true) then unsigned = true else wide = true end
  end
  if wide and v < 0 and not unsigned then
    if base == 10 then env.fail(("%s is too large"):format(text)) end
    unsigned = true
  end
  return value(v, wide, unsigned)
end

local function character(env, text)
  if #text == 1 then return value(text:byte() < 128 and text:byte() or text:byte() - 256) end
  local c = ESCAPES[text:sub(2)]
  if not c then env.fail(("unknown character '%s'"):format(text)) end
  return value(c)
end

-- --- trees
local expression

local function size_value(env, n) return convert(env, n, env.pointer == 8, true, true) end

local OPERAND = {
  number = function(env, o) return number(env, o.text) end,
  char = function(env, o) return character(env, o.text) end,
  name = function(env, o) return env.name(o) end,
  sizeof = function(env, o) return size_value(env, env.sizeof(o)) end,
  alignof = function(env, o) return size_value(env, env.alignof(o)) end,
  offsetof = function(env, o) return size_value(env, env.offsetof(o)) end,
  unary = function(env, o)
    local ops = {}
    while o.node == "unary" do
      ops[#ops + 1] = o.op
      o = o.operand
    end
    local v = expression(env, o)
    for i = #ops, 1, -1 do v = UNARY[ops[i]](env, v) end
    return v
  end,
}

local ZERO = value(1) -- what stands for an operand that is not evaluated: it may be divided by

local function operand(env, o, skip)
  if skip then return ZERO end
  return o.node and OPERAND[o.node](env, o) or expression(env, o)
end

-- Precedence climbing over [at] operand, operator, operand ...; returns the value and the place of the next operator. SKIP: the
-- value is not needed.
local function climb(env, e, at, least, skip)
  local left, i = operand(env, e[at], skip), at + 1
  while e[i] and PRECEDENCE[e[i]] >= least do
    local op = e[i]
    local right
    local decides = not skip and (op == "&&" and left.v == 0 or op == "||" and left.v ~= 0)
    right, i = climb(env, e, i + 1, PRECEDENCE[op] + 1, skip or decides)
    if skip then
      left = ZERO
    elseif op == "&&" then
      left = value(left.v ~= 0 and right.v ~= 0 and 1 or 0)
    elseif op == "||" then
      left = value((left.v ~= 0 or right.v ~= 0) and 1 or 0)
    else
      left = binary(env, op, left, right)
    end
  end
  return left, i
end

function expression(env, e)
  if e.node then return OPERAND[e.node](env, e) end
  local v = climb(env, e, 1, 1, false)
  if not e.yes then return v end
  return expression(env, v.v ~= 0 and e.yes or e.no)
end

--- The value of an expression.
-- @tparam table env `long`, `pointer` (bytes of the types); functions `name(node)` (returns a value), `sizeof(node)`,
-- `alignof(node)`, `offsetof(node)` (return integers), `fail(message)` (raises)
-- @tparam table tree of kvm.cdef.grammar
-- @treturn table `v` (integer), `wide` (64 bits), `unsigned`
-- @raise what `env.fail` raises
-- @usage assert(require "kvm.cdef.constant".evaluate({long=8, pointer=8}, require "kvm.cdef.grammar".expression("1 + 2 * 3")).v == 7)
function M.evaluate(env, tree) return expression(env, tree) end

--- Makes a value of an integer: int where that can hold it, else of 64 bits.
-- @tparam integer v
-- @tparam[opt] boolean unsigned V is an unsigned 64-bit number
-- @treturn table as `evaluate` returns it
-- @usage assert(not require "kvm.cdef.constant".of(1).wide)
function M.of(v, unsigned)
  local wide = not fits32(v) or unsigned and v < 0
  if wide and unsigned and fits32(v, true) then return value(v, false, true) end
  return value(v, wide, wide and unsigned)
end

return M
