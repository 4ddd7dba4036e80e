-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with parameters of what is built in and of a module, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local PARAMS <const>, OPS <const>, NAMES <const>, DATA <const>, FUNCTIONS <const> = S, S + 0x400, S + 0x800, S + 0xc00, S + 0x1800
M.at = {PARAMS = PARAMS, DATA = DATA, MODULE = S + 0x1700}

local GETS <const> = {"param_get_int", "param_get_uint", "param_get_bool", "param_get_invbool", "param_get_charp", "param_get_string",
  "param_array_get", "param_get_hexint", "param_get_ulong", "param_get_byte", "param_get_aaintbool", "get_of_its_own"}
local function place(name)
  for i, known in ipairs(GETS) do
    if known == name then return i end
  end
end

--- The operations of a function that prints.
function M.ops(name) return OPS + (place(name) - 1) * 32 end

--- An open handle whose parameters are LIST: {name, printed by, bytes, [perm]}; a function that sets members; memory.forget behind it.
function M.open(list)
  local k = memory.open [[
    struct kernel_param_ops { unsigned int flags; int (*set)(void); int (*get)(void); void (*free)(void); };
    struct kparam_string { unsigned int maxlen; char *string; };
    struct kparam_array { unsigned int max, elemsize; unsigned int *num; struct kernel_param_ops *ops; void *elem; };
    struct kernel_param { const char *name; void *mod; struct kernel_param_ops *ops; unsigned short perm; void *arg; };
    struct module { struct kernel_param *kp; unsigned int num_kp; };
  ]]
  local function set(t, at, members) memory.set(k, "struct " .. t, at, members) end
  local size, symbols = k:type("struct kernel_param"):size(), {__start___param = PARAMS}
  symbols.__stop___param = PARAMS + #list * size
  for i, name in ipairs(GETS) do
    symbols[name] = FUNCTIONS + i * 8
    set("kernel_param_ops", OPS + (i - 1) * 32, {get = FUNCTIONS + i * 8})
  end
  memory.symbols(symbols)
  local name, data = NAMES, DATA
  for i, p in ipairs(list) do
    assert(k:write(name, p[1] .. "\0"))
    assert(k:write(data, p[3] .. "\0"))
    set("kernel_param", PARAMS + (i - 1) * size, {name = name, ops = p[2] and M.ops(p[2]) or 0, perm = p[4] or 0x1a4, arg = data})
    name, data = name + #p[1] + 1, data + (#p[3] + 8) // 8 * 8
  end
  set("module", M.at.MODULE, {kp = PARAMS, num_kp = #list})
  return k, set
end

return M
