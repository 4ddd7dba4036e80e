-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.sysctl"
local memory = require "spec.support.memory"
local sysctl = require "kvm.linux.sysctl"

local LINK <const> = 0xa1ff

describe("kvm.linux.sysctl", function()
  harness.guard()
  after_each(memory.forget)

  local function collect(k) return memory.collect(sysctl.for_each(sysctl.sets(k)[1]), function(path, e) return {path, e} end) end

  local function value(name, printer, bytes, ...)
    local k = made.open {{name, printer, bytes, ...}}
    local list = collect(k)
    assert(list[1], "no entry")
    return sysctl.value(list[1][2], list[1][1])
  end

  it("gives the entries of tables with and without a length, but no links", function()
    for _, counted in ipairs {false, true} do
      local k = made.open({{"a", "proc_dointvec", "\1\0\0\0"}, {"b", "", nil, 0, LINK}, {"c", "proc_dostring", "text\0"}}, counted)
      local list, err = collect(k)
      assert.is_nil(err)
      assert.are.same({2, "kernel/a", "kernel/c"}, {#list, list[1][1], list[2][1]})
      memory.forget()
    end
  end)

  it("prints numbers as each function does", function()
    assert.are.equal("-5\t7", value("x", "proc_dointvec", ("<i4i4"):pack(-5, 7)))
    assert.are.equal("18446744073709551615", value("x", "proc_doulongvec_minmax", ("<i8"):pack(-1)))
    assert.are.equal("200", value("x", "proc_dou8vec_minmax", "\200"))
    assert.are.equal("1", value("x", "proc_dobool", "\1\0\0\0"))
    assert.are.equal("3", value("x", "proc_dointvec_jiffies", ("<i4"):pack(750)))
    assert.are.equal("-3", value("x", "proc_dointvec_jiffies", ("<i4"):pack(-750)))
    assert.are.equal("1000", value("x", "proc_dointvec_ms_jiffies", ("<i4"):pack(250)))
    assert.are.equal("80", value("x", "proc_dointvec_userhz_jiffies", ("<i4"):pack(200)))
    assert.are.equal("1", value("x", "proc_fib_multipath_hash_policy", "\1"))
    assert.are.equal("258", value("x", "proc_fib_multipath_hash_policy", ("<i4"):pack(258)))
    assert.are.equal("1000", value("base_reachable_time_ms", "ndisc_ifinfo_sysctl_change", ("<i4"):pack(250)))
    assert.are.equal("1", value("base_reachable_time", "ndisc_ifinfo_sysctl_change", ("<i4"):pack(250)))
    assert.are.equal("250", value("retrans_time", "ndisc_ifinfo_sysctl_change", ("<i4"):pack(250)))
  end)

  it("prints texts, keys, bitmaps, uuids", function()
    assert.are.equal("a text", value("x", "proc_dostring", "a text\0more"))
    assert.are.equal("a te", value("x", "proc_dostring", "a text", 4))
    assert.are.equal("", value("x", "proc_dostring", nil))
    assert.are.equal("0", value("x", "proc_do_static_key", "\0\0\0\0"))
    assert.are.equal("1", value("x", "proc_do_static_key", "\2\0\0\0"))
    assert.are.equal("00010203-0405-0607-0809-0a0b0c0d0e0f",
      value("x", "proc_do_uuid", "\0\1\2\3\4\5\6\7\8\9\10\11\12\13\14\15"))
    assert.is_nil((value("x", "proc_do_uuid", nil)))
    assert.are.equal("0-1,3,8-15", value("x", "proc_do_large_bitmap", ("<I8I8"):pack(made.at.DATA + 0x88, 0xff0b), 16))
    assert.are.equal("", value("x", "proc_do_large_bitmap", ("<I8"):pack(0), 16))
  end)

  it("prints the variables that functions print instead of the table's", function()
    local function with(name, printer, bytes)
      local k, set = made.open {{name, printer}}
      assert(k:write(made.at.DATA, bytes))
      return collect(k)[1][2], set, k
    end
    assert.are.equal("7\t9", sysctl.value(with("bset", "proc_cap_handler", ("<I4I4"):pack(7, 9)), "kernel/usermodehelper/bset"))
    assert.are.equal("4096", sysctl.value(with("tainted", "proc_taint", ("<I8I8"):pack(0, 4096)), "kernel/tainted"))
    assert.are.equal("42", sysctl.value(with("cad_pid", "proc_do_cad_pid", ("<I8I8i4"):pack(made.at.DATA + 16, 0, 42)), "kernel/cad_pid"))
    local qdisc = ("\0"):rep(0x40) .. ("<I8I8"):pack(made.at.DATA + 0x48, 0) .. "fq_codel\0"
    assert.are.equal("fq_codel", sysctl.value(with("default_qdisc", "set_default_qdisc", qdisc), "net/core/default_qdisc"))
  end)

  it("names the function of what it can't tell, and of what no one may read", function()
    assert.are.same({nil, "a_function_of_its_own"}, {value("x", "a_function_of_its_own", "\1\0\0\0")})
    assert.are.same({nil, "proc_dointvec"}, {value("x", "proc_dointvec", "\1\0\0\0", 4, 0x8080)})
    assert.is_nil((value("x", "no such", "\1\0\0\0")))
  end)

  it("stops where it is damaged", function()
    local k, set = made.open({{"a", "proc_dointvec", "\1\0\0\0"}, {"b", "proc_dointvec", "\1\0\0\0"}}, true)
    set("ctl_table_header", made.at.HEADER, {ctl_table_size = 1})
    local list, err = collect(k)
    assert.are.same({1, "format"}, {#list, err.code})
    set("ctl_table_header", made.at.HEADER, {ctl_table_size = 2, node = made.at.NODES + 0x400})
    list, err = collect(k)
    assert.are.same({0, "format"}, {#list, err.code})
    set("ctl_table_header", made.at.HEADER, {node = memory.UNMAPPED})
    assert.are.equal("format", select(2, collect(k)).code)
    set("ctl_dir", made.at.DIR, {["root.rb_node"] = memory.UNMAPPED})
    assert.are.equal("fault", select(2, collect(k)).code)
  end)

  it("ends where directories lie in each other", function()
    local k, set = made.open({{"a", "proc_dointvec", "\1\0\0\0"}}, true)
    set("ctl_dir", made.at.DIR, {["root.rb_node"] = 0})
    assert.are.same({}, (collect(k)))
    -- the directory's own node is its only entry
    local node = k:object(made.at.SET, "struct ctl_table_set").dir.root.rb_node
    set("ctl_dir", made.at.DIR, {["root.rb_node"] = kvm.addr(node)})
    local list, err = collect(k)
    assert.are.same({0, "format"}, {#list, err.code})
    assert.matches("nested deeper than 32", err.message)
  end)

  it("bounds lengths, and says when a kernel has none", function()
    for printer, text in pairs {proc_dointvec = "bytes", proc_do_large_bitmap = "bits"} do
      for _, len in ipairs {-1000, 1 << 30} do
        local k = made.open {{"x", printer, ("<I8"):pack(made.at.DATA), len}}
        local _, err = kvm.try(sysctl.value, collect(k)[1][2], "x")
        assert.are.equal("format", err.code)
        assert.matches(text, err.message)
        memory.forget()
      end
    end
    local _, err = kvm.try(sysctl.sets, memory.open())
    assert.matches("^this kernel has no sysctl %(CONFIG_SYSCTL%)", err.message)
  end)
end)
