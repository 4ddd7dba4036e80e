-- SPDX-License-Identifier: BSD-2-Clause
local command = require "spec.support.command"
local terminal = require "kvm.core".terminal

describe("kvm.core.terminal", function()
  it("tells the time, which goes on", function()
    local start = terminal.seconds()
    assert.are.equal("float", math.type(start))
    os.execute "sleep 0.05"
    local passed = terminal.seconds() - start
    assert.is_true(passed >= 0.05 and passed < 5, passed)
  end)

  local function columns(line)
    local script = ([[LUA_CPATH="%s/?.so" %s -e 'print(require "kvm.core".terminal.columns())' %s]]):format(
      os.getenv "KVM_BUILD" or "build", os.getenv "KVM_LUA" or "lua5.4", line)
    return script
  end

  it("has no width where standard error is a file", function()
    assert.are.equal("\n", (command.shell(columns "2>/dev/null"))) -- nothing is returned
  end)

  it("tells the width of the terminal", function()
    local python = ([[import pty, sys, fcntl, termios, struct
out, err = pty.openpty()
fcntl.ioctl(err, termios.TIOCSWINSZ, struct.pack("HHHH", 5, int(sys.argv[1]), 0, 0))
import subprocess
sys.stdout.write(subprocess.run(sys.argv[2], shell=True, stderr=err, stdout=subprocess.PIPE, text=True).stdout)]])
    local function width(n)
      return (command.shell(("python3 -c %s %d %s"):format(command.quote(python), n, command.quote(columns ""))))
    end
    assert.are.equal("53\n", width(53))
    assert.are.equal("80\n", width(0))
  end)
end)
