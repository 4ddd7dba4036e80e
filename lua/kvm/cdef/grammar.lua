-- SPDX-License-Identifier: BSD-2-Clause
-- C declarations to trees, with LPeg: what C11 (6.7) and GNU C have for types, members, enumerators and variables. The trees say
-- nothing about sizes: names are resolved and expressions computed when a handle's types are known (kvm.cdef.build).
-- Beyond C: `offset(N)` behind a member puts it at byte N, `size(N)` behind the closing brace fixes the size of a struct or union.
-- Not taken: function bodies, initialisers, macros with parameters, directives but #define, attributes that change a layout in
-- another way than packed and aligned (mode, vector_size, scalar_storage_order). An unknown attribute is an error, not ignored.
--
-- Nodes have pos, the place in the text in bytes from 1, and:
--   declaration  spec, list of {declarator, bits, offset, attrs}        define  name, value (text)    assert  expr, message
--   spec         storage {typedef=, extern=...}, quals {const=...}, base, attrs
--   base         node "basic" words | "named" name | "struct", "union", "enum" tag, body, attrs
--   declarator   pointers {quals...}, name or inner (declarator), suffixes {array (expr or false)} or {params, variadic}
--   attrs        list of {name "packed" "aligned" "alignas" "size", expr}
--   expr         [1] operand, operator, operand ...; yes, no of ?:
--   operand      node "number" text | "char" text | "name" name | "unary" op, operand | "sizeof" "alignof" "offsetof" type, path
local lpeg = require "lpeg"
local err = require "kvm.error"

local P, R, S, V, C, Cc, Cg, Cmt, Cp, Ct = lpeg.P, lpeg.R, lpeg.S, lpeg.V, lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Cmt, lpeg.Cp, lpeg.Ct

local M = {}

local MAX_TEXT = 1 << 20 -- bytes
local MAX_STACK = 2000 -- of LPeg: some hundred levels of nesting

local function set(words)
  local out = {}
  for word in words:gmatch "%S+" do out[word] = word end
  return out
end

local BASIC = set "void char short int long signed unsigned float double _Bool __int128"
BASIC.__signed__, BASIC.__signed = "signed", "signed"
BASIC.__int128_t = nil
local QUALIFIERS = set "const volatile restrict"
QUALIFIERS.__const, QUALIFIERS.__const__ = "const", "const"
QUALIFIERS.__volatile, QUALIFIERS.__volatile__ = "volatile", "volatile"
QUALIFIERS.__restrict, QUALIFIERS.__restrict__ = "restrict", "restrict"
local STORAGE = set "typedef extern static inline register _Thread_local __inline __inline__ _Noreturn __extension__"
-- Linux's words for sparse and the like (include/linux/compiler_types.h, 6.12): no influence on layouts.
local EMPTY = set [[__user __kernel __iomem __percpu __rcu __force __nocast __bitwise __private __safe __maybe_unused
  __always_unused __must_check __read_mostly __ro_after_init __init __initdata __nonstring]]
-- Words of the kernel for attributes.
local SHORT = {__packed = "packed", __aligned = "aligned"}
-- Attributes that have no influence on layouts; in parentheses they may have arguments.
local IGNORED = set [[unused used deprecated may_alias noderef address_space btf_type_tag btf_decl_tag nonstring counted_by
  format format_arg noreturn pure const cold hot malloc alloc_size section visibility weak alias designated_init
  preserve_access_index warn_unused_result no_instrument_function nonnull returns_nonnull access externally_visible error warning
  noinline always_inline nothrow leaf sentinel]]
-- These are no names: C's own words, and macros that change layouts, which must not be taken for the name of a member.
local RESERVED = set [[struct union enum sizeof _Alignof __alignof__ __alignof _Alignas _Static_assert static_assert __attribute__
  __attribute if else for while do return switch case break continue goto default _Atomic _Complex _Generic typeof __typeof__
  __builtin_offsetof offsetof ____cacheline_aligned ____cacheline_aligned_in_smp ____cacheline_internodealigned_in_smp
  __cacheline_aligned __cacheline_aligned_in_smp __randomize_layout __no_randomize_layout __designated_init __counted_by]]
for _, words in ipairs{BASIC, QUALIFIERS, STORAGE, EMPTY, SHORT} do
  for word in pairs(words) do RESERVED[word] = word end
end

local LETTER = R("az", "AZ") + "_"
local WORD = LETTER * (LETTER + R "09") ^ 0
local OPERATORS = P "<<" + ">>" + "<=" + ">=" + "==" + "!=" + "&&" + "||" + S "+-*/%<>&|^"

local CONTINUED = "\\" * P "\r" ^ -1 * "\n"

-- What does not fit is told to TRACER (a table): it keeps the place of the last token that did not, and what would have.
local function expectation(tracer)
  return function(what)
    if not tracer then return P(false) end
    return Cmt(true, function(_, pos)
      if pos > tracer.pos then tracer.pos, tracer.list, tracer.known = pos, {}, {} end
      if pos == tracer.pos and not tracer.known[what] then
        tracer.known[what] = true
        tracer.list[#tracer.list + 1] = what
      end
      return true
    end) * P(false)
  end
end

-- Tokens, and what makes nodes.
local function tokens(tracer)
  local t = {expected = expectation(tracer)}
  t.comment = "/*" * (1 - P "*/") ^ 0 * (P "*/" + t.expected "the end of the comment") + "//" * (1 - S "\n") ^ 0
  t.space = (S " \t\r\n\f\v" + CONTINUED + t.comment) ^ 0
  -- WHAT is told where nothing fits; nil: nothing is, since there are many such words
  function t.token(p, what) return what and p * t.space + t.expected(what) or p * t.space end
  function t.sign(s) return t.token(P(s), ("'%s'"):format(s)) end
  function t.keyword(w) return t.token(P(w) * -(LETTER + R "09")) end
  -- A word that a check lets pass. (LPeg keeps the values of match-time captures on Lua's stack: there must be none.)
  function t.checked(check)
    return C(Cmt(C(WORD), function(_, _, w) return check(w) ~= nil end))
  end
  function t.word(words, what)
    return t.token(t.checked(function(w) return words[w] end) / words, what)
  end
  function t.flag(words) return t.word(words) / function(w) return {flag = w} end end
  t.name = t.token(t.checked(function(w) return not RESERVED[w] or nil end), "a name")
  t.arguments = t.token(P{"(" * (1 - S "()\"" + '"' * (1 - S '"\n') ^ 0 * '"' + V(1)) ^ 0 * ")"})
  t.in_parens = t.sign "(" * V "expr" * t.sign ")"
  function t.node(kind, p) return Ct(Cg(Cp(), "pos") * Cg(Cc(kind), "node") * p) end
  function t.attribute(name, p) return t.node("attribute", Cg(Cc(name), "name") * p) end
  return t
end

-- In the rules, G is the grammar that they are added to and T the tokens.
local function add_expressions(g, t)
  local sign, keyword, token, node = t.sign, t.keyword, t.token, t.node
  local of_type = sign "(" * Cg(V "type_name", "type")
  local path = WORD * ("." * WORD + "[" * R "09" ^ 1 * "]") ^ 0
  local number = C(R "09" * (R("09", "az", "AZ") + "_") ^ 0)
  local unary = Cg(token(C(S "+-~!") - P "++" - P "--"), "op") * Cg(V "operand", "operand")
  g.operand = node("number", Cg(token(number, "a number"), "text"))
    + node("char", "'" * Cg(C((1 - S "'\\\n") + P "\\" * 1), "text") * token(P "'", "'"))
    + node("unary", unary)
    + t.in_parens
    + node("sizeof", keyword "sizeof" * of_type * sign ")")
    + node("alignof", (keyword "_Alignof" + keyword "__alignof__" + keyword "__alignof") * of_type * sign ")")
    + node("offsetof", (keyword "offsetof" + keyword "__builtin_offsetof") * of_type * sign ","
        * Cg(token(C(path), "a member"), "path") * sign ")")
    + node("name", Cg(t.name, "name"))
  g.expr = Ct(Cg(Cp(), "pos") * V "operand" * (token(C(OPERATORS), "an operator") * V "operand") ^ 0
    * (sign "?" * Cg(V "expr", "yes") * sign ":" * Cg(V "expr", "no")) ^ -1)
end

-- Nodes of the attributes that count, nothing for the others.
local function add_attributes(g, t)
  local sign, keyword, attribute = t.sign, t.keyword, t.attribute
  local function either(w) return keyword(w) + keyword("__" .. w .. "__") end
  local known = t.checked(function(w) return IGNORED[w:match "^__(.+)__$" or w] end) / 0
  local one = attribute("aligned", either "aligned" * Cg(t.in_parens, "expr") ^ -1) + attribute("packed", either "packed")
    + t.token(known, "an attribute that is known here") * t.arguments ^ -1
  g.decoration = (keyword "__attribute__" + keyword "__attribute") * sign "(" * sign "(" * one ^ -1 * (sign "," * one ^ -1) ^ 0
      * sign ")" * sign ")"
    + attribute("packed", keyword "__packed")
    + attribute("aligned", keyword "__aligned" * Cg(t.in_parens, "expr"))
    + keyword "__counted_by" * t.arguments
    + t.word(EMPTY) / 0
  g.alignas = attribute("alignas", keyword "_Alignas" * sign "("
    * (Cg(V "type_name", "type") * sign ")" + Cg(V "expr", "expr") * sign ")"))
  t.attrs = Cg(Ct(V "decoration" ^ 0), "attrs")
end

local function add_specifiers(g, t)
  local sign, keyword, node = t.sign, t.keyword, t.node
  local front, back = Cg(Ct(V "decoration" ^ 0), "front"), Cg(Ct(V "decoration" ^ 0), "back")
  local tag = Cg(t.name, "tag")
  local function tagged(kind, body) return node(kind, keyword(kind) * front * (tag * V(body) ^ -1 + V(body))) end
  local size = t.attribute("size", keyword "size" * Cg(t.in_parens, "expr"))
  g.record_body = Cg(sign "{" * Ct(V "member" ^ 0) * sign "}", "body") * Cg(Ct((V "decoration" + size) ^ 0), "back")
  g.enumerator = Ct(Cg(Cp(), "pos") * Cg(t.name, "name") * ((V "decoration" ^ 0) / 0) * (sign "=" * Cg(V "expr", "value")) ^ -1)
  g.enum_body = Cg(sign "{" * Ct(V "enumerator" * (sign "," * V "enumerator") ^ 0 * sign "," ^ -1) * sign "}", "body") * back
  g.item = t.flag(QUALIFIERS) + t.flag(STORAGE) + V "decoration" + V "alignas"
  local basic = t.word(BASIC, "a type") / function(w) return {word = w} end
  local base = tagged("struct", "record_body") + tagged("union", "record_body") + tagged("enum", "enum_body")
    + node("named", Cg(t.name, "name"))
  g.spec = Ct(Cg(Cp(), "pos") * V "item" ^ 0 * (basic * (basic + V "item") ^ 0 + Cg(base, "base") * V "item" ^ 0))
end

-- Declarators: a name must be there (named), may be there (maybe), must not be there (abstract).
local function add_declarators(g, t)
  local sign, keyword = t.sign, t.keyword
  local pointers = Cg(Ct((sign "*" * Ct((t.flag(QUALIFIERS) + V "decoration") ^ 0)) ^ 0), "pointers")
  g.array = sign "[" * (t.word(QUALIFIERS) / 0 + keyword "static") ^ 0 * Ct(Cg(Cp(), "pos") * Cg(V "expr" + Cc(false), "array"))
    * sign "]"
  g.parameter = Ct(Cg(V "spec", "spec") * Cg(V "maybe", "declarator") * t.attrs)
  g.params = Ct(Cg(Cp(), "pos") * sign "("
    * (keyword "void" * #P ")" * Cg(Cc {}, "params")
      + Cg(Ct(V "parameter" * (sign "," * V "parameter") ^ 0), "params") * (sign "," * sign "..." * Cg(Cc(true), "variadic")) ^ -1
      + Cg(Cc {}, "params"))
    * sign ")")
  local suffixes = Cg(Ct((V "array" + V "params") ^ 0), "suffixes")
  local function declarator(rule, open, direct)
    return Ct(Cg(Cp(), "pos") * pointers * (open * Cg(V(rule), "inner") * sign ")" + direct) * suffixes)
  end
  -- "(" opens parameters when no name need follow, except where only a declarator can go on
  local open = #(P "(" * t.space * S "*([") * sign "("
  g.named = declarator("named", sign "(", Cg(t.name, "name"))
  g.maybe = declarator("maybe", open, Cg(t.name, "name") + P(true))
  g.abstract = declarator("abstract", open, P(true))
  g.type_name = Ct(Cg(Cp(), "pos") * Cg(V "spec", "spec") * Cg(V "abstract", "declarator"))
end

local function add_declarations(g, t)
  local sign, keyword, node = t.sign, t.keyword, t.node
  local function separated(p) return Cg(Ct(p * (sign "," * p) ^ 0), "list") end
  local none = Cg(Cc {}, "list")
  local quoted = '"' * (1 - S '"\\\n' + P "\\" * 1) ^ 0 * '"'
  local assertion = node("assert", (keyword "_Static_assert" + keyword "static_assert") * sign "(" * Cg(V "expr", "expr")
    * (sign "," * Cg(t.token(C(quoted), "a string"), "message")) ^ -1 * sign ")" * sign ";")
  local bits = sign ":" * Cg(V "expr", "bits")
  local offset = keyword "offset" * sign "(" * Cg(V "expr", "offset") * sign ")"
  local field = Ct(Cg(Cp(), "pos") * (Cg(V "named", "declarator") * bits ^ -1 + bits) * t.attrs * offset ^ -1)
  g.member = assertion + sign ";" + node("member", Cg(V "spec", "spec") * (separated(field) + none * t.attrs) * sign ";")
  local blank = (S " \t" + t.comment + CONTINUED) ^ 0
  local define = node("define", P "#" * blank * "define" * S " \t" ^ 1 * blank * Cg(C(WORD), "name") * Cg(C(P "(" ^ -1), "call")
    * Cg(C((t.comment + CONTINUED + 1 - S "\n") ^ 0), "value") * t.space)
  local declared = Ct(Cg(Cp(), "pos") * Cg(V "named", "declarator") * t.attrs)
  g.line = define + assertion + sign ";" + node("declaration", Cg(V "spec", "spec") * (separated(declared) + none) * sign ";")
end

local function build(tracer)
  local t, g = tokens(tracer), {}
  for _, add in ipairs{add_expressions, add_attributes, add_specifiers, add_declarators, add_declarations} do add(g, t) end
  local function entry(rule)
    g[1] = rule
    return t.space * P(g)
  end
  local stop = -P(1) + t.expected "the end"
  return {space = t.space, line = entry "line" * Cp(), type_name = entry "type_name" * stop, expr = entry "expr" * stop}
end

local rules
local function compiled()
  if not rules then
    lpeg.setmaxstack(MAX_STACK)
    rules = build()
  end
  return rules
end

--- Raises an error about a place in a text.
-- @tparam string text
-- @tparam integer pos from 1
-- @tparam string message
-- @tparam[opt] string code `inval` when absent
-- @raise kvm.Error always: "line 2, column 7: MESSAGE: the line"
-- @usage assert(not pcall(require "kvm.cdef.grammar".fail, "int a b;", 7, "what is b"))
function M.fail(text, pos, message, code)
  pos = math.min(math.max(pos, 1), #text + 1)
  local line, from = 1, 1
  for at in text:sub(1, pos - 1):gmatch "()\n" do line, from = line + 1, at + 1 end
  local source = text:match("[^\r\n]*", from):gsub("%c", " ")
  if #source > 100 then
    local first = math.max(1, pos - from - 40)
    source = source:sub(first, first + 99)
  end
  error(err.new{code = code or "inval", message = ('line %d, column %d: %s: "%s"'):format(line, pos - from + 1, message, source)})
end

-- What did not fit, where.
local trace, tracing = {}, nil
local function explain(text, rule, from)
  trace.pos, trace.list, trace.known = 0, {}, {}
  tracing = tracing or build(trace)
  tracing[rule]:match(text, from)
  local list = trace.list
  if #list > 6 then list = {} end
  M.fail(text, math.max(trace.pos, from), list[1] and "expected " .. table.concat(list, " or ") or "syntax error")
end

local function guarded(text, from, f, ...)
  local results = table.pack(pcall(f, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local message = results[2]
  local deep = type(message) == "string" and (message:find "stack overflow" or message:find "nesting too deep")
  if deep then M.fail(text, from, "nested too deeply") end
  error(message, 0)
end

local function match(rule, text, from)
  return guarded(text, from, function()
    local tree, after = compiled()[rule]:match(text, from)
    if not tree then explain(text, rule, from) end
    return tree, after
  end)
end

local function check_size(text)
  if #text > MAX_TEXT then
    error(err.new{code = "inval", message = ("declarations of more than %d bytes"):format(MAX_TEXT)})
  end
end

--- Parses declarations.
-- @tparam string text C
-- @treturn {table,...} nodes "declaration", "define", "assert", as the head of the file tells
-- @raise kvm.Error with line and column
-- @usage local list = require "kvm.cdef.grammar".parse("struct p { int x, y; };") assert(list[1].spec.base.tag == "p")
function M.parse(text)
  check_size(text)
  local out, pos = {}, compiled().space:match(text)
  if text:find("%z") then M.fail(text, (text:find("%z")), "a byte 0") end
  while pos <= #text do
    local tree, after = match("line", text, pos)
    if type(tree) == "table" then out[#out + 1] = tree else after = tree end -- ";" alone gives the place behind it
    pos = after
  end
  return out
end

--- Parses a type as C writes it in a cast.
-- @tparam string text such as "struct list_head *[4]"
-- @treturn table spec, declarator
-- @raise kvm.Error with line and column
-- @usage assert(require "kvm.cdef.grammar".type_name("char [16]").declarator.suffixes[1].array)
function M.type_name(text)
  check_size(text)
  return (match("type_name", text, 1))
end

--- Parses an expression.
-- @tparam string text
-- @treturn table operands and operators
-- @raise kvm.Error with line and column
-- @usage assert(require "kvm.cdef.grammar".expression("1 + 2")[2] == "+")
function M.expression(text)
  check_size(text)
  return (match("expr", text, 1))
end

return M
