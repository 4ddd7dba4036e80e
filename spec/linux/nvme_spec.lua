-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local nvme = require "kvm.linux.nvme"

local S = memory.START
local DISK, NS, HEAD, CTRL, SUBSYS, DEVICE, OPS, NAME = S, S + 0x80, S + 0xc0, S + 0x100, S + 0x140, S + 0x280, S + 0x2c0, S + 0x2d0

local COMMON = [[
  struct block_device_operations { int x; };
  struct gendisk { char disk_name[32]; struct block_device_operations *fops; void *private_data; };
  struct kobject { const char *name; };
  struct device { struct kobject kobj; };
  enum nvme_ctrl_state { NVME_CTRL_NEW, NVME_CTRL_LIVE, NVME_CTRL_DELETING_NOIO };
  struct nvme_subsystem { char subnqn[64], serial[20], model[40], firmware_rev[8]; };
  struct nvme_ctrl { enum nvme_ctrl_state state; struct device *device; struct nvme_subsystem *subsys; };
]]
local LAYOUTS = { -- where the size of a block is
  ["6.1"] = [[struct nvme_ns_head { struct nvme_subsystem *subsys; unsigned int ns_id; };
    struct nvme_ns { struct nvme_ctrl *ctrl; struct nvme_ns_head *head; int lba_shift; };]],
  ["6.12"] = [[struct nvme_ns_head { struct nvme_subsystem *subsys; unsigned int ns_id; unsigned char lba_shift; };
    struct nvme_ns { struct nvme_ctrl *ctrl; struct nvme_ns_head *head; };]],
}

for layout, declarations in pairs(LAYOUTS) do
  describe("kvm.linux.nvme of " .. layout, function()
    harness.guard()
    local k, disk
    local function set(t, at, members) memory.set(k, "struct " .. t, at, members) end
    before_each(function()
      k = memory.open(COMMON .. declarations)
      set("gendisk", DISK, {fops = OPS, private_data = NS})
      set("nvme_ns", NS, {ctrl = CTRL, head = HEAD})
      set("nvme_ns_head", HEAD, {subsys = SUBSYS, ns_id = 3})
      set(layout == "6.1" and "nvme_ns" or "nvme_ns_head", layout == "6.1" and NS or HEAD, {lba_shift = 12})
      set("nvme_ctrl", CTRL, {state = 2, device = DEVICE, subsys = SUBSYS})
      set("device", DEVICE, {["kobj.name"] = NAME})
      assert(k:write(NAME, "nvme4\0"))
      assert(k:write(SUBSYS, "nqn.x\0"))
      assert(k:write(SUBSYS + 64, ("%-20s%-40s%-8s"):format("123", "A model", "1.0")))
      disk = k:object(DISK, "struct gendisk")
      memory.symbols {nvme_bdev_ops = OPS, nvme_ns_head_ops = OPS + 16}
    end)
    after_each(memory.forget)

    it("tells namespace, controller and subsystem", function()
      assert.is_true(nvme.is_nvme(disk))
      assert.are.same({namespace = 3, block_bytes = 4096, model = "A model", serial = "123", firmware = "1.0", nqn = "nqn.x",
        controller = "nvme4", state = "deleting_noio", addr = CTRL}, nvme.device(disk))
      set("nvme_ctrl", CTRL, {state = 77})
      assert.is_nil(nvme.device(disk).state)
      set("nvme_ns", NS, {head = memory.UNMAPPED})
      assert.are.equal("fault", select(2, kvm.try(nvme.device, disk)).code)
    end)

    it("knows a disk of several paths, and none of it", function()
      set("gendisk", DISK, {fops = OPS + 16, private_data = HEAD})
      assert.is_true(nvme.is_nvme(disk))
      if layout == "6.12" then
        local d = nvme.device(disk)
        assert.are.same({3, 4096, "A model", nil, HEAD}, {d.namespace, d.block_bytes, d.model, d.controller, d.addr})
      end
      set("gendisk", DISK, {fops = OPS + 32})
      assert.is_false(nvme.is_nvme(disk))
    end)
  end)
end
