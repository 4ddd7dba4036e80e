-- SPDX-License-Identifier: BSD-2-Clause
-- Debug files: where they are looked for, in which order, and that one of another build is refused. Files are compiled
-- for a kernel that is built here; debuginfod is a file server on this machine.
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local compile = require "spec.support.compile"
local lfs = require "lfs"

local SOURCE <const> = [[
struct only_in_the_file { int first; long *next; };
struct only_in_the_file in_the_file = {1};
struct list_head { struct list_head *next, *prev; } head_in_the_file = {&head_in_the_file, &head_in_the_file};
#line 10 "kernel/sample.c"
int sample(volatile int *p) {
  return *p;
}
]]
local ID <const> = ("0123456789abcdef"):rep(3):sub(1, 40)
local OTHER_ID <const> = "fedcba9876543210"
local LUAKVM <const> = (os.getenv "KVM_BUILD" or "build") .. "/bin/luakvm"

local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  return pipe:close(), text
end

describe("a debug file", function()
  harness.guard()
  local core, dir

  before_each(function()
    core = harness.temp(linux.build():elf())
    dir = harness.temp(false)
    assert(lfs.mkdir(dir))
  end)
  after_each(function() assert(shell("rm -rf " .. dir)) end)

  -- Puts a file into the directory, of this build id ("none").
  local function install(name, id, source)
    local path = dir .. "/" .. name
    assert(shell("mkdir -p " .. path:match "^(.*)/"))
    local flags = "-Wl,--build-id=" .. (id == "none" and id or "0x" .. id)
    return compile.elf(source or SOURCE, flags, path)
  end

  local function open(options)
    local how = {core = core, debug_dir = dir}
    for key, value in pairs(options or {}) do how[key] = value end
    return harness.open(how)
  end

  local function assert_used(k)
    local t = assert(k:variable "in_the_file")
    assert.are.equal("struct only_in_the_file", t:spell())
    assert.are.equal(16, t:size())
  end

  local function refused(k)
    local t, message, code = k:variable "in_the_file"
    assert.is_nil(t)
    assert.are.equal("notfound", code)
    return message
  end

  it("is found by build id", function()
    install(".build-id/01/" .. ID:sub(3) .. ".debug", ID)
    assert_used(open())
  end)

  it("is found by the names that distributions use", function()
    local release = linux.build().name
    for _, name in ipairs{"boot/vmlinux-" .. release, "lib/modules/" .. release .. "/vmlinux",
      "usr/lib/modules/" .. release .. "/vmlinux.debug"} do
      local path = install(name, ID)
      assert_used(open())
      os.remove(path)
    end
  end)

  it("is the namelist, when that has DWARF", function()
    local namelist = compile.elf(SOURCE, "-Wl,--build-id=0x" .. ID)
    assert_used(open{namelist = namelist, debug_dir = "/nonexistent"})
    install("boot/vmlinux-" .. linux.build().name, ID)
    assert_used(open{namelist = compile.elf("int x;", "-g0 -Wl,--build-id=0x" .. ID)})
  end)

  it("of another build is refused, and the next one is tried", function()
    local path = install(".build-id/01/" .. ID:sub(3) .. ".debug", OTHER_ID)
    local message = refused(open())
    assert.truthy(message:find(("%s: build id %s, but the core's kernel has %s"):format(path, OTHER_ID, ID), 1, true), message)
    install("boot/vmlinux-" .. linux.build().name, ID)
    assert_used(open())
  end)

  it("without build id is refused", function()
    install("boot/vmlinux-" .. linux.build().name, "none")
    assert.matches("no build id", refused(open()), 1, true)
  end)

  it("without DWARF gives way to the next one", function()
    assert(shell("strip -g " .. install(".build-id/01/" .. ID:sub(3) .. ".debug", ID)))
    assert.matches("no DWARF", refused(open()), 1, true)
    install("boot/vmlinux-" .. linux.build().name, ID)
    assert_used(open())
  end)

  it("that is not there is said, with where was looked", function()
    local message = refused(open())
    assert.truthy(message:find("no debug file with build id " .. ID .. " in " .. dir, 1, true), message)
    assert.matches("debuginfod was not asked", message, 1, true)
  end)

  it("is not opened before it is asked for", function()
    local k = open()
    assert(k:type "struct task_struct")
    assert(k:symbol "init_task")
    install(".build-id/01/" .. ID:sub(3) .. ".debug", ID)
    assert_used(k)
  end)

  it("gives variables types that are the kernel's own", function()
    install(".build-id/01/" .. ID:sub(3) .. ".debug", ID)
    local k = open()
    assert.are.equal("struct list_head", k:variable "head_in_the_file":spell())
    assert.is_true(k:variable "head_in_the_file" == k:type "struct list_head")
  end)

  it("tells source lines", function()
    install(".build-id/01/" .. ID:sub(3) .. ".debug", ID)
    local k = open()
    local at = compile.text + k:info().kaslr_offset
    local place = assert(k:source(at))[1]
    assert.are.same({"sample", 11, false}, {place.name, place.line, place.inlined})
    assert.matches("kernel/sample.c$", place.file)
  end)

  -- --- debuginfod
  -- A server of DIR, as long as the test runs.
  local function serve()
    local log = dir .. "/log"
    local _, pid = shell(("cd %s && { python3 -u -m http.server 0 --bind 127.0.0.1 >%s 2>/dev/null & echo $!; }"):format(dir, log))
    finally(function() shell("kill " .. pid) end)
    for _ = 1, 200 do
      local f <close> = assert(io.open(log))
      local port = f:read "a":match "port (%d+)"
      if port then return "http://127.0.0.1:" .. port end
      shell "sleep 0.05"
    end
    error "the server did not start"
  end

  -- What a script prints that asks for a variable's type.
  local function ask(urls, option)
    local script = harness.temp [[
      local t, message, code = k:variable "in_the_file"
      print(t and t:spell() or code .. ": " .. message)]]
    local _, text = shell(("DEBUGINFOD_CACHE_PATH=%s/cache DEBUGINFOD_URLS='%s' %s run %s %s %s 2>&1"):format(
      dir, urls, LUAKVM, option or "--debuginfod", script, core))
    return text
  end

  local has_library = shell "command -v python3 >/dev/null && ldconfig -p | grep -q libdebuginfod.so.1"
  local it_serves = has_library and it or function(name) pending(name .. ": no python3 or no libdebuginfod.so.1") end

  it_serves("comes from debuginfod when that is asked for", function()
    install("buildid/" .. ID .. "/debuginfo", ID)
    local url = serve()
    assert.are.equal("struct only_in_the_file\n", ask(url))
    assert.matches("debuginfod was not asked", ask(url, "--write"), 1, true)
  end)

  it_serves("of another build is refused even so", function()
    install("buildid/" .. ID .. "/debuginfo", OTHER_ID)
    assert.matches("build id " .. OTHER_ID .. ", but the core's kernel has " .. ID, ask(serve()), 1, true)
  end)

  it_serves("that no server has is said", function()
    assert.matches("notfound: .*debuginfod: no server has build id " .. ID, ask(serve()))
    assert.matches("DEBUGINFOD_URLS names no servers", ask "", 1, true)
  end)
end)
