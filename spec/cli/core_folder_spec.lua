-- SPDX-License-Identifier: BSD-2-Clause
-- A folder as core, as crash kernels leave it.
local command = require "spec.support.command"
local core_folder = require "kvm.cli.core_folder"

local function write(path, text)
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
end

describe("a folder as core", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
  end)
  after_each(function() os.execute("rm -r " .. folder) end)

  local function time() return folder:match "[^/]+$" end

  for _, form in ipairs {"vmcore", "vmcore.flat", "dump."} do
    it("finds " .. form, function()
      local name = form == "dump." and form .. time() or form
      write(folder .. "/" .. name, "")
      assert.equal(folder .. "/" .. name, (core_folder.files(folder)))
      assert.equal(folder .. "//" .. name, (core_folder.files(folder .. "/")))
    end)
  end

  it("takes the vmlinux beside it, unless another namelist is given", function()
    write(folder .. "/vmcore", "")
    assert.is_nil(select(2, core_folder.files(folder)))
    write(folder .. "/vmlinux", "")
    assert.equal(folder .. "/vmlinux", (select(2, core_folder.files(folder))))
    assert.equal("mine", (select(2, core_folder.files(folder, "mine"))))
  end)

  it("leaves files, lists and nothing as they are", function()
    local list = {"a", "b"}
    assert.same({"a.core", "n"}, {core_folder.files("a.core", "n")})
    assert.equal(list, (core_folder.files(list)))
    assert.is_nil((core_folder.files(nil)))
  end)

  it("opens the dump in it with luakvm, and its vmlinux", function()
    local sample = os.getenv "PWD" .. "/examples/panic.kdump"
    assert(os.execute("ln -s " .. sample .. " " .. folder .. "/dump." .. time()))
    local of_folder, complaint, status = command.run("info", folder, "--columns", "release,build_id")
    assert.same({command.run("info", sample, "--columns", "release,build_id")}, {of_folder, complaint, status})
    assert.equal(0, status)
    write(folder .. "/vmlinux", "no ELF")
    complaint, status = select(2, command.run("info", folder))
    assert.matches("vmlinux", complaint, 1, true)
    assert.equal(1, status)
  end)

  it("does not pass over a file that can't be read", function()
    assert(os.execute("ln -s vmcore " .. folder .. "/vmcore")) -- a link to itself
    local _, complaint, status = command.run("info", folder)
    assert.matches(folder .. "/vmcore", complaint, 1, true)
    assert.equal(1, status)
    assert(os.execute("ln -s vmlinux " .. folder .. "/vmlinux"))
    assert.equal(folder .. "/vmlinux", (select(2, core_folder.files(folder))))
  end)

  it("says what it looked for, and does not choose among several", function()
    local _, complaint, status = command.run("info", folder)
    assert.equal("luakvm: " .. folder .. ": no dump is in this folder (looked for vmcore, vmcore.flat, dump." .. time() .. ")\n", complaint)
    assert.equal(1, status)
    write(folder .. "/vmcore", "")
    write(folder .. "/vmcore.flat", "")
    _, complaint = command.run("info", folder)
    assert.equal("luakvm: " .. folder .. ": several dumps are in this folder: vmcore, vmcore.flat\n", complaint)
  end)
end)
