-- SPDX-License-Identifier: BSD-2-Clause
-- Calls that a name from a dump must never reach, or that leave a file where others can get at it: no shell and no other
-- program is started, and temporary files are made where the table says, with mode 0600 and a name that is not taken.
package.path = "spec/lint/?.lua;" .. package.path
local tree = require "tree"

local C = {
  {"system", "starts a shell"}, {"popen", "starts a shell"}, {"posix_spawnp?", "starts a program"}, {"fork", "starts a process"},
  {"vfork", "starts a process"}, {"execv[pe]*", "starts a program"}, {"execl[pe]*", "starts a program"}, {"wordexp", "is a shell"},
  {"mko?stemps?", "makes a temporary file"}, {"mkdtemp", "makes a temporary folder"}, {"mktemp", "is a race"}, {"tmpnam_?r?", "is a race"},
  {"tempnam", "is a race"}, {"tmpfile", "makes a temporary file"}, {"gets", "has no bound"}, {"strcpy", "has no bound"},
  {"strcat", "has no bound"}, {"v?sprintf", "has no bound"}, {"alloca", "has no bound"},
}
local LUA = {
  {"os%.execute", "starts a shell"}, {"io%.popen", "starts a shell"}, {"os%.tmpname", "is a race"},
  {"io%.tmpfile", "makes a temporary file"},
}
-- What may be where: programs that the user names, a pager or what a line of the shell says; the file that a dump is written to before
-- it gets its name; what a packed dump is unpacked to, where the system has no files without a name.
local ALLOWED = {
  ["csrc/image/outfile.c"] = {mkostemp = true}, ["csrc/base/unpack.c"] = {mkostemp = true},
  ["lua/kvm/cli/out.lua"] = {["io.popen"] = true}, ["lua/kvm/cli/shell/init.lua"] = {["os.execute"] = true},
}

-- A line without its comment and its strings.
local function code_of(line, is_c)
  line = line:gsub('\\.', ""):gsub('"[^"]*"', '""'):gsub("'[^']*'", "''")
  if is_c then return (line:gsub("//.*", ""):gsub("/%*.*", ""):gsub("^%s*%*.*", ""):gsub("^@.*", "")) end
  return (line:gsub("%-%-.*", ""))
end

local function check(path, names, is_c)
  for n, line in tree.each_line(path) do
    local code = code_of(line, is_c)
    for _, name in ipairs(names) do
      local found = code:match("%f[%w_](" .. name[1] .. ")%s*" .. (is_c and "%(" or ""))
      if found and not (ALLOWED[path] and ALLOWED[path][found]) then
        tree.wrong("%s:%d: %s %s", path, n, found, name[2])
      end
    end
  end
end

for _, path in ipairs(tree.files "^csrc/") do
  if path:find "%.[ch]$" then check(path, C, true) end
end
for _, path in ipairs(tree.files "^lua/") do
  if path:find "%.lua$" then check(path, LUA, false) end
end

tree.done()
