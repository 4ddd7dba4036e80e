-- SPDX-License-Identifier: BSD-2-Clause
-- linux/module.h: what /proc/modules tells of a loaded module besides its name, place and size: how often it is used, by which
-- modules, in which state it is, how it taints the kernel (m_show and print_unload_info in kernel/module/procfs.c,
-- module_flags in kernel/module/main.c; kernel/module.c before 5.19). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
-- Leaves out "[permanent]" and "[unsafe]". Sections are those of /sys/module/NAME/sections (kernel/module/sysfs.c).
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local panic = require "kvm.linux.panic"
local rbtree = require "kvm.linux.rbtree"
local types = require "kvm.type"

local M = {}

local MODULE <const>, USE <const> = "struct module", "struct module_use"
local REF_BASE <const> = 1 -- MODULE_REF_BASE: what the module itself holds, since 3.19
local MOST_USERS <const>, MOST_SECTIONS <const>, NAME_MAX <const> = 10000, 4096, 256

-- Kernels that can't unload modules (CONFIG_MODULE_UNLOAD) count no references and list no users.
local function has(k, member)
  return (kvm_error.try(types.first, k, MODULE, {member}))
end

--- How often a module is used.
-- @param k an open handle
-- @tparam integer addr `struct module *`
-- @treturn integer references but the module's own; -1 while it goes; nil where the kernel counts none
-- @raise kvm.Error
-- @usage for m in k:modules() do assert(require "kvm.linux.module".refs(k, m.addr) >= -1) end
function M.refs(k, addr)
  local field = has(k, "refcnt.counter")
  return field and k:i32(addr + field.offset) - REF_BASE
end

--- The modules that use a module, as their symbols do.
-- @param k an open handle
-- @tparam integer addr `struct module *`
-- @treturn {string,...} names; nil where the kernel lists none
-- @raise kvm.Error
-- @usage for m in k:modules() do for _, user in ipairs(require "kvm.linux.module".users(k, m.addr)) do assert(#user > 0) end end
function M.users(k, addr)
  local field = has(k, "source_list")
  if not field then return nil end
  local head = kvm_error.check(k:object(addr + field.offset, "struct list_head"))
  local names = {}
  for use in list.for_each_entry(USE, head, "source_list", MOST_USERS) do
    local user = use.source
    names[#names + 1] = user and user.name or ""
  end
  return names
end

--- How a module taints the kernel.
-- @param k an open handle
-- @tparam integer addr `struct module *`
-- @treturn string letters as /proc/modules has them, "" for none; a flag without a known letter is "?"
-- @raise kvm.Error
-- @usage for m in k:modules() do assert(not require "kvm.linux.module".taints(k, m.addr):find "%l") end
function M.taints(k, addr)
  local letters = {}
  local mask = kvm_error.check(k:object(addr, MODULE)).taints -- int before 4.10, since then long
  for i, flag in ipairs(panic.taint_flags(mask)) do letters[i] = flag.letter or "?" end
  return table.concat(letters)
end

local STATES = {[0] = "live", "coming", "going", "unformed"} -- enum module_state

--- The state of a module.
-- @param k an open handle
-- @tparam integer addr `struct module *`
-- @treturn string "live", "coming" (its init is running) or "going"; nil for another number
-- @raise kvm.Error
-- @usage for m in k:modules() do assert(require "kvm.linux.module".state(k, m.addr)) end
function M.state(k, addr)
  return STATES[k:u32(addr + types.offsetof(k, MODULE, "state"))]
end

-- The sections' attributes: an iterator of name and address. Since 6.14 an array of struct bin_attribute without a count, which the list of
-- pointers to them has, up to a NULL; the address is private data. Before, structs of attribute and address, and their count.
local function section_steps(k, attrs)
  local base, i = object.addr(attrs, "attrs"), -1
  if not object.typeof(attrs):field "nsections" then
    local t, at = types.of(k, "struct bin_attribute"), object.addr(attrs.grp, "bin_attrs")
    local pointers = k:ptr(at)
    return function()
      i = i + 1
      if pointers == 0 or i >= MOST_SECTIONS or k:ptr(pointers + 8 * i) == 0 then return nil end
      local a = kvm_error.check(k:object(base + i * t:size(), t))
      return object.string(a.attr.name, NAME_MAX), a.private and object.addr(a.private) or 0
    end
  end
  local t, count = types.of(k, "struct module_sect_attr"), attrs.nsections
  if count > MOST_SECTIONS then kvm_error.fail("format", "a module of %d sections at 0x%x", count, object.addr(attrs)) end
  return function()
    i = i + 1
    if i >= count then return nil end
    local a = kvm_error.check(k:object(base + i * t:size(), t))
    return object.string(a.battr.attr.name, NAME_MAX), a.address
  end
end

--- The sections of a module.
-- @param k an open handle
-- @tparam integer addr `struct module *`
-- @treturn {table,...} name, addr; those of its init are freed memory when that has run; nil where the kernel keeps none
-- @raise kvm.Error `format` for a number of them that can't be
-- @usage for m in k:modules() do assert(#(require "kvm.linux.module".sections(k, m.addr) or {}) >= 0) end
function M.sections(k, addr)
  if not has(k, "sect_attrs") then return nil end
  local attrs, out = kvm_error.check(k:object(addr, MODULE)).sect_attrs, {}
  if not attrs then return nil end
  for name, at in section_steps(k, attrs) do out[#out + 1] = {name = name, addr = at} end
  return out
end

--- The memory of a module.
-- @param k an open handle
-- @tparam integer addr `struct module *`
-- @treturn {table,...} addr, bytes: of its code, data ... (enum mod_mem_type) since 6.4, before of all that stays and of its init
-- @raise kvm.Error
-- @usage for m in k:modules() do assert(#require "kvm.linux.module".memory(k, m.addr) > 0) end
function M.memory(k, addr)
  local m, out = kvm_error.check(k:object(addr, MODULE)), {}
  local function add(part)
    local base = k:ptr(object.addr(part, "base"))
    if base ~= 0 and part.size > 0 then out[#out + 1] = {addr = base, bytes = part.size} end
  end
  if has(k, "mem") then
    for i = 0, #m.mem - 1 do add(m.mem[i]) end
  else
    add(m.core_layout)
    add(m.init_layout)
  end
  return out
end

local MOST_MODULES <const> = 65536

--- The modules of the tree by which addresses are looked up.
-- @param k an open handle
-- @treturn function an iterator of addresses (`struct module *`); one of several areas comes once for each
-- @raise kvm.Error `notfound`: this kernel has no such tree (CONFIG_MODULES_TREE_LOOKUP); `format` where it is damaged
-- @usage for addr in require "kvm.linux.module".for_each_in_tree(k) do assert(require "kvm.linux.module".state(k, addr)) end
function M.for_each_in_tree(k)
  local at = kallsyms.need(k, {"mod_tree"}, "tree of modules", "CONFIG_MODULES_TREE_LOOKUP")
  local root = kvm_error.check(k:object(at, "struct mod_tree_root")).root.tree[0] -- a latch: two trees of the same nodes
  local step = rbtree.for_each_entry("struct mod_tree_node", root, "node.node[0]", MOST_MODULES)
  return function()
    local node = step()
    return node and k:ptr(object.addr(node, "mod"))
  end
end

--- The modules of /sys/module that are no part of the kernel's image.
-- @param k an open handle
-- @treturn function an iterator of addresses (`struct module *`) and names of folders
-- @raise kvm.Error `notfound`: this kernel has no /sys/module (CONFIG_SYSFS); `format` where the list is damaged
-- @usage for addr in require "kvm.linux.module".for_each_in_sysfs(k) do assert(require "kvm.linux.module".state(k, addr)) end
function M.for_each_in_sysfs(k)
  local pointer = kallsyms.need(k, {"module_kset"}, "/sys/module", "CONFIG_SYSFS")
  local kset = kvm_error.check(k:object(k:ptr(pointer), "struct kset"))
  local step = list.for_each_entry("struct module_kobject", kset.list, "kobj.entry", MOST_MODULES)
  return function()
    for entry in step do
      local addr = k:ptr(object.addr(entry, "mod"))
      if addr ~= 0 then return addr, entry.kobj.name and object.string(entry.kobj.name, NAME_MAX) end
    end
  end
end

--- The code of a module.
-- @param k an open handle
-- @tparam integer addr `struct module *`
-- @treturn integer address
-- @treturn integer bytes
-- @raise kvm.Error
-- @usage for m in k:modules() do assert(select(2, require "kvm.linux.module".text(k, m.addr)) > 0) end
function M.text(k, addr)
  local m = kvm_error.check(k:object(addr, MODULE))
  if has(k, "mem") then
    local part = m.mem[types.enumerators(k, "enum mod_mem_type").MOD_TEXT]
    return k:ptr(object.addr(part, "base")), part.size
  end
  return k:ptr(object.addr(m.core_layout, "base")), m.core_layout.text_size
end

--- How many symbols a module has, as its table counts them (the empty first one too).
-- @param k an open handle
-- @tparam integer addr `struct module *`
-- @treturn integer; nil where the kernel keeps none
-- @raise kvm.Error
-- @usage for m in k:modules() do assert((require "kvm.linux.module".symbols(k, m.addr) or 0) >= 0) end
function M.symbols(k, addr)
  if not has(k, "kallsyms") then return nil end
  local symbols = kvm_error.check(k:object(addr, MODULE)).kallsyms
  return symbols and symbols.num_symtab or nil
end

return M
