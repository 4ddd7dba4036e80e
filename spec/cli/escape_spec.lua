-- SPDX-License-Identifier: BSD-2-Clause
-- A kernel whose every string would steer a terminal: names of tasks, arguments, log, modules, symbols, types, members, uname,
-- VMCOREINFO, and the name of its dump's file. Every command, in each of its forms, lets nothing of it through.
local command = require "spec.support.command"
local elffile = require "spec.support.build.elffile"
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local registry = require "kvm.cmd"
local schemas = require "spec.support.schemas"

-- An escape sequence, C1 raw (also where it could pass for the end of a character) and as UTF-8, DEL, a carriage return,
-- directions of text.
local EVIL <const> = "\27[2J\x9bm\xc3\xa9\x9bm\xc2\x9bm\x7f\r\xe2\x80\xae\xe2\x81\xa6"
local SHORT <const> = "\27[m\xc2\x9b\xe2\x80\xae\x7f"

local function evil_kernel(release)
  return linux.build {
    release = release, uts = {nodename = EVIL, version = EVIL, machine = EVIL},
    info_lines = {EVIL .. "=1", "SYMBOL(" .. EVIL .. ")=ffffffff81000000", "X=" .. EVIL},
    modules = {{name = "m" .. EVIL, taints = 1 << 12, used_by = {"u" .. EVIL}}, {name = "u" .. EVIL}},
    running = {100, 1},
    tasks = {
      {pid = 1, comm = SHORT, args = {EVIL, "-" .. EVIL}, environ = {EVIL}},
      {pid = 100, comm = "x" .. SHORT, ppid = 1, args = {}, environ = {}, tty = true},
      {pid = 101, comm = "k" .. SHORT, ppid = 0},
    },
    log = {
      {time_ns = 0, text = EVIL .. "\n" .. EVIL, level = 5, caller = 1},
      {time_ns = 1, text = "BUG: " .. EVIL, level = 1, caller = 1},
      {time_ns = 2, text = "Kernel panic - not syncing: " .. EVIL, level = 0, caller = 1},
    },
    also = function(self)
      self.types:struct("evil" .. SHORT, {{"int", "member" .. SHORT}, {"char", "text[64]"}})
      self:data("evil_data", ("<i4"):pack(1) .. EVIL .. ("\0"):rep(64 - #EVIL))
      self:data("dump_stack_arch_desc_str", EVIL .. ("\0"):rep(128 - #EVIL))
      self:data("saved_command_line", ("<i8"):pack(self:data("evil_line", EVIL .. "\0")))
    end,
  }
end

-- What steers in text; allowed are "\n" and "\t".
local function steers(text)
  local at = text:find "[\1-\8\v-\31\127%z]"
  if at then return ("byte %d at %d"):format(text:byte(at), at) end
  local len, bad = utf8.len(text)
  if not len then return ("byte %d at %d is no UTF-8"):format(text:byte(bad), bad) end
  for pos, c in utf8.codes(text) do
    if c >= 0x7f and c <= 0x9f or c == 0x61c or c == 0x200e or c == 0x200f or c >= 0x2028 and c <= 0x202e
      or c >= 0x2066 and c <= 0x2069 then
      return ("U+%04X at %d"):format(c, pos)
    end
  end
end

-- CORE stands for the dump, OUT for a file to write, NAMELIST for one with evil symbols (kallsyms takes none). Every command
-- has its lines here.
local LINES = {
  bpf = {{"CORE"}},
  bt = {{"CORE", "-A"}, {"CORE", "-A", "-g", "-f"}, {"-M", "CORE", EVIL}},
  btop = {{"-M", "CORE", "1000"}, {"-M", "CORE", EVIL}},
  cache = {{"CORE"}, {"-M", "CORE", EVIL}},
  cgroup = {{"CORE", "-t"}, {"CORE", "-c"}},
  convert = {{"CORE", "OUT"}, {"CORE", "OUT", "-f", EVIL}, {"CORE", "/nowhere/" .. EVIL}},
  dcache = {{"-M", "CORE"}, {"-M", "CORE", EVIL}, {"-M", "CORE", "-l", EVIL}},
  dev = {{"-M", "CORE"}, {"-M", "CORE", "-d", "-q", "-s", "-c", EVIL}},
  diff = {{"CORE", "CORE"}, {"CORE", "/nowhere/" .. EVIL}, {"CORE", "CORE", "-k", EVIL}},
  dis = {{"-M", "CORE", "evil_data", "8"}, {"-M", "CORE", EVIL}},
  files = {{"CORE"}, {"-M", "CORE", EVIL}},
  flame = {{"CORE"}, {"CORE", "--svg", "OUT"}, {"CORE", "--by", EVIL}, {"CORE", "--svg", "/nowhere/" .. EVIL}},
  fuser = {{"-M", "CORE", EVIL}},
  info = {{"CORE"}, {"CORE", "--full"}, {"CORE", "--vmcoreinfo"}},
  ipcs = {{"CORE", "-x"}},
  irq = {{"CORE"}, {"CORE", "-s"}},
  kmem = {{"CORE"}, {"CORE", "-s", "-z", "-V"}, {"CORE", "-v", "-c", "-g"}, {"-M", "CORE", EVIL}, {"CORE", "-S", EVIL}},
  list = {{"-M", "CORE", "init_task.tasks", "-t", "task_struct", "-m", "tasks", "-s", "comm"}, {"-M", "CORE", EVIL}},
  log = {{"CORE"}, {"CORE", "-x"}, {"CORE", "-d", "-m"}, {"CORE", "-T"}, {"CORE", "-l", EVIL}},
  mod = {{"CORE"}, {"CORE", "-p", "-s"}, {"CORE", "-t"}},
  mount = {{"CORE"}, {"CORE", "-n", "100"}, {"CORE", "-i", "-D"}},
  net = {{"CORE"}, {"CORE", "-s", "-r", "-a", "-f", "-S"}, {"CORE", "-p", EVIL}},
  ps = {{"CORE"}, {"CORE", "--threads", "-T"}, {"CORE", "-c", EVIL}, {"CORE", "-g", EVIL}},
  pte = {{"-M", "CORE", "1063"}, {"-M", "CORE", EVIL}},
  ptob = {{"-M", "CORE", "1"}, {"-M", "CORE", EVIL}},
  ptov = {{"-M", "CORE", "1000"}, {"-M", "CORE", EVIL}},
  rd = {{"-M", "CORE", "evil_data", "8"}, {"-M", "CORE", EVIL}},
  run = {{EVIL, "CORE"}},
  report = {{"CORE", "-o", "-"}, {"CORE", "-o", "OUT"}, {"CORE", "-o", "/nowhere/" .. EVIL}},
  runq = {{"CORE"}},
  search = {{"-M", "CORE", EVIL, "-t", "-m", "2"}, {"-M", "CORE", EVIL}},
  sig = {{"CORE", "-l"}},
  slim = {{"CORE", "OUT", "--", "triage"}, {"CORE", "/nowhere/" .. EVIL, "--", "ps"}},
  struct = {{"-M", "CORE", "evil" .. SHORT}, {"-M", "CORE", "evil" .. SHORT, "evil_data"}, {"-M", "CORE", EVIL},
    {"-M", "CORE", "task_struct", "init_task"}},
  swap = {{"CORE"}},
  sym = {{"-M", "CORE", "-p", "*"}, {"-M", "CORE", EVIL}, {"-M", "/dev/null", "-N", "NAMELIST", "-p", "*"}},
  sys = {{"CORE"}, {"CORE", "sysctl"}, {"CORE", "parameters"}, {"CORE", "cpus"}, {"CORE", "config"}, {"CORE", EVIL}},
  timer = {{"CORE"}},
  tree = {{"-M", "CORE", EVIL}, {"-M", "CORE", "init_task", "-k", EVIL}},
  triage = {{"CORE"}},
  vm = {{"CORE"}, {"-M", "CORE", EVIL}},
  vtop = {{"-M", "CORE", "init_task"}, {"-M", "CORE", EVIL}},
  waitq = {{"-M", "CORE", EVIL}, {"-M", "CORE", "init_task", "-t", EVIL}, {"-M", "CORE", "init_task." .. EVIL, "-t", "task_struct"}},
  whatis = {{"-M", "CORE", "struct task_struct"}, {"-M", "CORE", "struct evil" .. SHORT}, {"-M", "CORE", "evil" .. EVIL},
    {"-M", "CORE", EVIL}},
  wq = {{"CORE", "-a"}, {"CORE", "-q"}, {"CORE", "-w", EVIL}},
}

local FORMS = {{}, {"--json"}, {"--csv"}}

local function namelist()
  local file = {class = 64, machine = 62, type = 2}
  local syms, strings = elffile.symtab(file, {{name = "evil" .. EVIL, value = 0x1000, size = 8, type = elffile.FUNC, shndx = 1}})
  file.sections = {{name = ".text", type = 1, flags = 6, addr = 0x1000, data = ("\0"):rep(16)},
    {name = ".symtab", type = elffile.SYMTAB, data = syms, link = 3, entsize = 24}, {name = ".strtab", type = 3, data = strings}}
  return harness.temp(elffile.build(file))
end

-- A dump whose file's name is evil as well.
local function evil_file(kernel)
  local path = harness.temp(kernel:kdump {codec = "zlib"})
  local evil = path .. EVIL
  assert(os.rename(path, evil))
  return evil
end

-- A script of no such name; built kernels have no stacks.
local NO_ANSWER = {run = true, flame = true, bt = true}

describe("a hostile dump", function()
  harness.guard()
  local path
  after_each(function() if path then os.remove(path) end end)

  local function check(words)
    local out, err, status = command.run(table.unpack(words))
    local line = table.concat(words, " ", 1, 1)
    assert.is_nil(steers(out), line .. " prints what steers: ")
    assert.is_nil(steers(err), line .. " complains with what steers")
    assert.is_true(status <= 2 and (status ~= 0 or #out > 0 or line == "slim"), line .. ": " .. status .. err)
    assert.is_nil(err:find "%.lua:%d+:", err)
    return out, err, status
  end

  for _, release in ipairs {"5.10", "6.12"} do
    for _, name in ipairs(registry.names) do
      it(("of %s does not reach the terminal through %s"):format(release, name), function()
        path = evil_file(evil_kernel(release))
        local lines, good, collected = assert(LINES[name], "a command without lines in this spec"), 0, schemas.new()
        for _, line in ipairs(lines) do
          for _, form in ipairs(name == "run" and {{}} or FORMS) do
            local words = {name}
            for _, word in ipairs(line) do
              words[#words + 1] = word == "CORE" and path or word == "OUT" and harness.temp(false)
                or word == "NAMELIST" and namelist() or word
            end
            if name ~= "slim" then table.move(form, 1, #form, #words + 1, words) end
            local out, _, status = check(words)
            if status == 0 then good = good + 1 end
            if form[1] == "--json" and name ~= "slim" and status ~= 2 then collected:add(name, out) end
          end
        end
        -- Built kernels have not all that commands walk. What has no text of its own is rendered, and escaped, like all others.
        assert.is_true(good > 0 or NO_ANSWER[name] or not registry.get(name).text, "nothing was answered")
        if schemas.can_validate() then assert.are.equal("", collected:wrong()) end
      end)
    end
  end

  it("is shown with its bytes as text", function()
    path = evil_file(evil_kernel "6.1")
    local out = check {"ps", path}
    assert.is_truthy(out:find("\\x1b[2J\\x9bm\xc3\xa9\\x9bm\\xc2\\x9bm\\x7f\\r\\xe2\\x80\\xae\\xe2\\x81\\xa6", 1, true), out)
    assert.is_truthy(check {"mod", path}:find("m\\x1b[2J", 1, true))
    assert.is_truthy(check {"sym", "-M", "/dev/null", "-N", namelist(), "-p", "*"}:find("evil\\x1b[2J", 1, true))
    assert.is_truthy(check {"info", "--vmcoreinfo", path}:find("X=\\x1b[2J", 1, true))
  end)

  it("that can't be opened is named with its bytes as text", function()
    for _, words in ipairs {{"info", "/nowhere" .. EVIL}, {"info", "/dev/null/" .. EVIL}, {EVIL}, {"ps", "--" .. EVIL},
      {"sym", "-M", "/dev/null", "-N", "/x" .. EVIL, "a"}} do
      local out, err, status = check(words)
      assert.are.equal("", out)
      assert.is_true(status == 1 or status == 2)
      assert.matches("\\[x27b1]+%[2J", err)
      assert.are.equal(1, select(2, err:gsub("\n", "")))
    end
  end)
end)
