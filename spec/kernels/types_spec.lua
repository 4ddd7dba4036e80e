-- SPDX-License-Identifier: BSD-2-Clause
-- Types of modules out of every dump: found without a module's name and with it, made of the kernel's types. That their layouts
-- are pahole's is check_layouts' to see. 5.10 keeps no types of modules. makedumpfile leaves pages of 7.2's out.
local matrix = require "spec.kernels.matrix"

-- Module -> a struct that only it has, with a member and its type.
local OF_MODULES = {
  loop = {"struct loop_device", "lo_number", "int"},
  virtio_blk = {"struct virtio_blk", "vdev", "struct virtio_device *"},
  qemu_fw_cfg = {"struct fw_cfg_sysfs_entry", "kobj", "struct kobject"},
  virtio_mmio = {"struct virtio_mmio_device", "base", "void *"},
}

matrix.each(function(dump)
  local has_types = not dump.key:find "510"

  local function check(name, module, found, message, code, addr)
    local struct, member, spelling = table.unpack(OF_MODULES[name])
    if not has_types then return assert.are.same({false, "notfound"}, {found ~= nil, code}) end
    if found == nil and dump.is_filtered then
      assert.matches("module [%w_]+: .*not in the dump", message)
      return assert.are.same({module and "excluded" or "notfound", module and "integer"}, {code, math.type(addr)})
    end
    assert.is_nil(message)
    assert.are.equal(struct, found:spell())
    local field = found:field(member)
    assert.are.equal(spelling, field.type:spell())
    assert.is_true(found:size() >= field.offset + field.type:size())
    assert.is_true(module == nil or found == dump:open():type(struct)) -- the only one of that name
    return true
  end

  it("has the types of its modules", function()
    local k, found = dump:open(), 0
    for name in pairs(OF_MODULES) do
      assert.is_truthy(dump:truth().modules[name])
      local struct = OF_MODULES[name][1]
      if check(name, name, k:type(struct, name)) == true then found = found + 1 end
      check(name, nil, k:type(struct))
    end
    -- what makedumpfile leaves out of 7.2's dumps (tasks_spec.lua) may be all of them
    local least = not dump.is_filtered and 4 or dump.key == "k72" and 0 or 1
    assert.is_true(not has_types or found >= least)
  end)

  it("makes them of the kernel's types", function()
    local k = dump:open()
    local list = k:type "struct list_head"
    -- makedumpfile leaves pages of the modules' types out of 7.2's dumps, see tasks_spec.lua
    local _, _, code = k:type("struct list_head", "qemu_fw_cfg")
    if dump.key == "k72" and dump.is_filtered and code == "excluded" then return end
    assert.is_true(list == k:type("struct list_head", "qemu_fw_cfg") or not has_types)
    if not has_types then return end
    local field = k:type("struct fw_cfg_sysfs_entry", "qemu_fw_cfg"):field "list.next"
    assert.is_true(field.type:target() == list)
  end)

  it("does not choose among several of a name", function()
    local k, definitions, several = dump:open(), {}, 0
    for t in k:types "struct" do
      local name = t:name()
      if name then definitions[name] = definitions[name] and math.max(definitions[name], t:size()) or t:size() end
      if name and definitions[name] ~= t:size() then definitions[name] = math.huge end
    end
    for name, size in pairs(definitions) do
      if size == math.huge then
        local t, message, code = k:type("struct " .. name)
        assert.are.same({nil, "inval"}, {t, code}, name)
        assert.matches("is more than one type in the kernel", message)
        assert.are.equal("struct " .. name, k:type("struct " .. name, "vmlinux"):spell())
        local shown = 0
        for r in require "kvm.cmd.whatis".run(k, {name = "struct " .. name}) do
          assert.are.equal("struct " .. name, r.type)
          shown = shown + 1
        end
        assert.is_true(shown > 1)
        several = several + 1
      end
    end
    assert.is_true(several >= 3, several .. " names")
  end)

  it("does not have what nobody has", function()
    local k = dump:open()
    assert.are.equal("notfound", select(3, k:type("struct task_struct", "no_such_module")))
    assert.are.equal("notfound", select(3, k:type "struct no_such_struct"))
  end)
end)
