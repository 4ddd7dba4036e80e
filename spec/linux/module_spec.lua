-- SPDX-License-Identifier: BSD-2-Clause
-- What is read of a struct module by itself; all of it together is in spec/cmd/mod_spec.lua.
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local memory = require "spec.support.memory"
local module = require "kvm.linux.module"
local kvm_error = require "kvm.error"

-- A kernel with one module, and one whose types lack a member.
local function open(fields, without)
  fields.name = "m"
  local kernel = linux.build {modules = {fields, {name = "n", used_by = {"m"}}}}
  local k = harness.open(harness.temp(kernel:elf()))
  local view = without and setmetatable({}, {__index = function(_, key)
    if key ~= "type" then return function(_, ...) return k[key](k, ...) end end
    return function(_, ...)
      local t = k:type(...)
      return t and setmetatable({}, {__index = function(_, name)
        return function(_, member, ...)
          if name == "field" and member:find(without, 1, true) == 1 then return nil, "no member", "notfound" end
          return t[name](t, member, ...)
        end
      end})
    end
  end})
  return view or k, kernel.module_addr.m, kernel
end

describe("kvm.linux.module", function()
  harness.guard()

  it("counts references as /proc/modules does", function()
    for _, n in ipairs {-1, 0, 1, 70000} do
      local k, addr = open {refs = n}
      assert.are.equal(n, module.refs(k, addr))
    end
  end)

  it("has no references and users where modules can't be unloaded", function()
    local k, addr = open({}, "refcnt")
    assert.is_nil(module.refs(k, addr))
    k, addr = open({}, "source_list")
    assert.is_nil(module.users(k, addr))
  end)

  it("names the users", function()
    local k, addr, kernel = open {}
    assert.are.same({}, module.users(k, addr))
    assert.are.same({"m"}, module.users(k, kernel.module_addr.n))
  end)

  it("writes taints as letters", function()
    for text, mask in pairs {[""] = 0, P = 1, OE = 0x3000, ["PCOE"] = 0x3401, N = 1 << 18} do
      local k, addr = open {taints = mask}
      assert.are.equal(text, module.taints(k, addr))
    end
  end)

  it("knows the states", function()
    for state, name in pairs {[0] = "live", "coming", "going"} do
      local k, addr = open {state = state}
      assert.are.equal(name, module.state(k, addr))
    end
    local _, addr, kernel = open {}
    kernel:poke(addr + kernel.types:offset("module", "state"), ("<I4"):pack(77))
    local k = harness.open(harness.temp(kernel:elf()))
    assert.is_nil(module.state(k, addr))
  end)

  for name, declarations in pairs {
    ["counted structs"] = [[struct bin_attribute { struct attribute attr; unsigned long size; void *private; };
      struct module_sect_attr { struct bin_attribute battr; unsigned long address; };
      struct module_sect_attrs { struct attribute_group grp; unsigned int nsections; struct module_sect_attr attrs[0]; };]],
    ["attributes of a list"] = [[struct bin_attribute { struct attribute attr; unsigned long size; void *private; };
      struct module_sect_attrs { struct attribute_group grp; struct bin_attribute attrs[0]; };]],
  } do
    it("gives sections kept as " .. name, function()
      local k, at = memory.open([[struct attribute { const char *name; };
        struct attribute_group { const char *name; struct bin_attribute **bin_attrs; };
        struct mod_kallsyms { void *symtab; unsigned int num_symtab; };
        ]] .. declarations .. [[ struct module { struct module_sect_attrs *sect_attrs; struct mod_kallsyms *kallsyms; };]]), memory.START
      local attrs, names, list = at + 0x100, at + 0x400, at + 0x500
      memory.set(k, "struct module", at, {sect_attrs = attrs, kallsyms = at + 0x40})
      memory.set(k, "struct mod_kallsyms", at + 0x40, {num_symtab = 98})
      local counted = k:type "struct module_sect_attr"
      local one = counted and "struct module_sect_attr" or "struct bin_attribute"
      local size, first = k:type(one):size(), attrs + k:type("struct module_sect_attrs"):strip():field("attrs").offset
      assert(k:write(names, ".text\0\0\0.data\0"))
      for i = 0, 1 do
        memory.set(k, one, first + i * size, counted and {["battr.attr.name"] = names + 8 * i, address = 0x1000 * (i + 1)}
          or {["attr.name"] = names + 8 * i, private = 0x1000 * (i + 1)})
      end
      memory.set(k, "struct module_sect_attrs", attrs, counted and {nsections = 2} or {["grp.bin_attrs"] = list})
      assert(k:write(list, ("<I8I8I8"):pack(first, first, 0)))
      assert.are.same({{name = ".text", addr = 0x1000}, {name = ".data", addr = 0x2000}}, module.sections(k, at))
      assert.are.equal(98, module.symbols(k, at))
      memory.set(k, "struct module_sect_attrs", attrs, counted and {nsections = 1 << 30} or {["grp.bin_attrs"] = memory.UNMAPPED})
      assert.are.equal(counted and "format" or "fault", select(2, kvm_error.try(module.sections, k, at)).code)
      memory.set(k, "struct module", at, {sect_attrs = 0, kallsyms = 0})
      assert.are.same({}, {module.sections(k, at), module.symbols(k, at)})
    end)
  end

  it("has no sections where the kernel keeps none", function()
    local k, addr = open {}
    assert.is_nil(module.sections(k, addr))
  end)

  it("gives the parts of a module's memory", function()
    local at = memory.START
    local k = memory.open [[struct module_memory { void *base; unsigned int size; }; struct module { struct module_memory mem[3]; };]]
    assert(k:write(at, ("<i8i8i8i8i8i8"):pack(0x1000, 10, 0, 0, 0x3000, 20)))
    assert.are.same({{addr = 0x1000, bytes = 10}, {addr = 0x3000, bytes = 20}}, module.memory(k, at))
    k = memory.open [[struct module_layout { void *base; unsigned int size; };
      struct module { struct module_layout core_layout, init_layout; };]]
    assert(k:write(at, ("<i8i8i8i8"):pack(0x1000, 10, 0, 0)))
    assert.are.same({{addr = 0x1000, bytes = 10}}, module.memory(k, at))
  end)

  it("gives the code of a module", function()
    local at = memory.START
    local k = memory.open [[struct module_memory { void *base; unsigned int size; }; struct module { struct module_memory mem[3]; };
      enum mod_mem_type { MOD_DATA, MOD_TEXT };]]
    assert(k:write(at, ("<i8i8i8i8"):pack(0x1000, 10, 0x3000, 20)))
    assert.are.same({0x3000, 20}, {module.text(k, at)})
    k = memory.open [[struct module_layout { void *base; unsigned int size, text_size; };
      struct module { struct module_layout core_layout, init_layout; };]]
    assert(k:write(at, ("<i8i4i4"):pack(0x1000, 10, 7)))
    assert.are.same({0x1000, 7}, {module.text(k, at)})
  end)

  it("raises where there is no module", function()
    local k = open {}
    for _, name in ipairs {"refs", "users", "taints", "state"} do
      local _, err = kvm_error.try(module[name], k, 0x1000)
      assert.are.equal("fault", err and err.code, name)
    end
  end)

  describe("where modules are besides their list", function()
    local S = memory.START
    local TREE, KSET, NODES, KOBJECTS = S, S + 0x100, {S + 0x200, S + 0x300}, {S + 0x400, S + 0x500, S + 0x600}
    local k, set
    before_each(function()
      k = memory.open [[
        struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };
        struct rb_root { struct rb_node *rb_node; };
        struct latch_tree_root { unsigned int seq; struct rb_root tree[2]; };
        struct latch_tree_node { struct rb_node node[2]; };
        struct mod_tree_node { struct module *mod; struct latch_tree_node node; };
        struct mod_tree_root { struct latch_tree_root root; unsigned long addr_min, addr_max; };
        struct kobject { const char *name; struct list_head entry; };
        struct kset { struct list_head list; };
        struct module_kobject { struct kobject kobj; struct module *mod; };
        struct module { int state; };
      ]]
      function set(t, at, members) memory.set(k, "struct " .. t, at, members) end
      memory.symbols {mod_tree = TREE, module_kset = KSET}
      local node = k:type("struct mod_tree_node"):strip():field("node.node[0]").offset
      set("mod_tree_root", TREE, {["root.tree[0].rb_node"] = NODES[1] + node})
      set("mod_tree_node", NODES[1], {mod = 0x7000, ["node.node[0].__rb_parent_color"] = 1, ["node.node[0].rb_right"] = NODES[2] + node})
      set("mod_tree_node", NODES[2], {mod = 0x8000, ["node.node[0].__rb_parent_color"] = NODES[1] + node})
      assert(k:write(KSET, ("<I8I8"):pack(KSET + 0x20, 0)))
      local ring = {KSET + 0x20}
      for i, at in ipairs(KOBJECTS) do
        ring[i + 1] = at + k:type("struct module_kobject"):strip():field("kobj.entry").offset
        set("module_kobject", at, {mod = ({0x7000, 0, 0x8000})[i], ["kobj.name"] = S + 0x700}) -- the second is built in
      end
      for i, at in ipairs(ring) do
        assert(k:write(at, ("<I8"):pack(ring[i % #ring + 1])))
        assert(k:write(ring[i % #ring + 1] + 8, ("<I8"):pack(at)))
      end
      assert(k:write(S + 0x700, "name\0"))
    end)
    after_each(memory.forget)

    it("gives those of the tree and of /sys/module", function()
      assert.are.same({0x7000, 0x8000}, (memory.collect(module.for_each_in_tree(k))))
      assert.are.same({{0x7000, "name"}, {0x8000, "name"}}, (memory.collect(module.for_each_in_sysfs(k), function(...) return {...} end)))
    end)

    it("tells damage, and what a kernel lacks", function()
      set("mod_tree_root", TREE, {["root.tree[0].rb_node"] = memory.UNMAPPED})
      assert.are.equal("fault", select(2, kvm_error.try(module.for_each_in_tree, k)).code)
      assert(k:write(KSET + 0x20, ("<I8"):pack(memory.UNMAPPED)))
      assert.are.equal("fault", select(2, memory.collect(module.for_each_in_sysfs(k))).code)
      memory.forget()
      local _, err = kvm_error.try(module.for_each_in_tree, k)
      assert.matches("CONFIG_MODULES_TREE_LOOKUP", err.message, 1, true)
      _, err = kvm_error.try(module.for_each_in_sysfs, k)
      assert.matches("CONFIG_SYSFS", err.message, 1, true)
    end)
  end)
end)
