-- SPDX-License-Identifier: BSD-2-Clause
std = "lua54"
max_line_length = 140
cache = false
files["spec/**/*_spec.lua"] = {std = "+busted"}
