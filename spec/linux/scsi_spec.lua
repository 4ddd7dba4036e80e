-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.scsi"
local memory = require "spec.support.memory"
local scsi = require "kvm.linux.scsi"

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.scsi of " .. layout, function()
    harness.guard()
    local k, set
    before_each(function() k, set = made.open(layout) end)
    after_each(memory.forget)

    local function devices()
      local out = {}
      for host in scsi.for_each_host(k) do
        out[#out + 1] = scsi.host(host)
        for dev in scsi.for_each_device(host) do out[#out + 1] = scsi.describe(dev) end
      end
      return out
    end

    it("tells of hosts and their devices", function()
      assert.are.same({made.host, made.device}, devices())
      set("Scsi_Host", made.HOST, {shost_state = 0})
      set("scsi_device", made.DEVICE, {sdev_state = 77})
      set("scsi_host_template", made.TEMPLATE, {proc_name = 0, name = made.NAMES})
      local out = devices()
      assert.are.same({nil, "acme_scsi"}, {out[1].state, out[1].driver})
      assert.is_nil(out[2].state)
    end)

    it("knows the disk of a device", function()
      local disk = k:object(made.DISK, "struct gendisk")
      assert.is_true(scsi.is_scsi(disk))
      assert.are.same(made.device, scsi.device(disk))
      set("gendisk", made.DISK, {fops = made.OPS + 8})
      assert.is_false(scsi.is_scsi(disk))
    end)

    it("names what is damaged or not there", function()
      set("Scsi_Host", made.HOST, {["__devices.next"] = memory.UNMAPPED})
      assert.are.equal("fault", select(2, kvm.try(devices)).code)
      set("device_private", made.PRIVATE, {["knode_class.n_klist"] = 8})
      assert.are.equal("format", select(2, kvm.try(devices)).code)
      memory.forget()
      local err = select(2, kvm.try(scsi.for_each_host, k))
      assert.are.equal("notfound", err.code)
      assert.matches("has no SCSI hosts %(CONFIG_SCSI%)", err.message)
    end)
  end)
end
