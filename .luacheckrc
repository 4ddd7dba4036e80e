-- SPDX-License-Identifier: BSD-2-Clause
std = "lua54"
max_line_length = 140
cache = false
files["spec/**/*_spec.lua"] = {std = "+busted"}
-- Scripts of `luakvm run`, which gives them the kernel.
files["examples/*.lua"] = {globals = {"k"}}
files["examples/macros.lua"] = {globals = {"k", "task", "parents", "bt"}}
