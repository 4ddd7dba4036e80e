-- SPDX-License-Identifier: BSD-2-Clause
-- The command luakvm. The build puts lines before this that tell Lua where kvm and kvm.core lie.
os.exit(require("kvm.cli").main(arg), false)
