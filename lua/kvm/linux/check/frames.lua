-- SPDX-License-Identifier: BSD-2-Clause
-- Whose fault a stack shows: the first function on it that is not machinery (of the scheduler, of locks, of dying, of checks that only
-- report), and names without what the compiler added to them.
local M = {}

local function set(text)
  local out = {}
  for word in text:gmatch "%S+" do out[word] = true end
  return out
end

-- What waits on behalf of others, what reports damage that others did, and what takes an exception to where the kernel dies.
local MACHINERY = set [[
  __schedule schedule schedule_timeout schedule_preempt_disabled schedule_timeout_uninterruptible schedule_timeout_idle io_schedule
  io_schedule_timeout schedule_hrtimeout_range schedule_hrtimeout_range_clock preempt_schedule preempt_schedule_common
  preempt_schedule_irq __cond_resched bit_wait bit_wait_io __wait_on_bit __wait_on_bit_lock out_of_line_wait_on_bit
  out_of_line_wait_on_bit_lock folio_wait_bit_common folio_wait_bit wait_on_page_bit wait_on_page_bit_common
  __wait_for_common wait_for_completion wait_for_completion_timeout wait_for_completion_killable wait_for_completion_interruptible
  wait_for_completion_io __wait_rcu_gp synchronize_rcu synchronize_rcu_normal
  mutex_lock __mutex_lock __mutex_lock_slowpath mutex_lock_killable mutex_lock_interruptible __mutex_lock_killable_slowpath
  __mutex_lock_interruptible_slowpath __mutex_lock_common ww_mutex_lock rwsem_down_write_slowpath rwsem_down_read_slowpath
  rwsem_down_write_failed rwsem_down_read_failed __down_write_common __down_read_common
  down_write down_read down_write_killable down_read_killable down_read_interruptible down down_killable down_interruptible down_timeout
  __down __down_common __down_killable __down_interruptible __down_timeout ___down_common
  rt_mutex_slowlock rt_mutex_slowlock_block __rt_mutex_slowlock rt_mutex_lock __rt_mutex_slowlock_locked __rt_mutex_lock
  percpu_rwsem_wait __percpu_down_read percpu_down_write
  _raw_spin_lock _raw_spin_lock_irq _raw_spin_lock_irqsave _raw_spin_lock_bh native_queued_spin_lock_slowpath
  queued_write_lock_slowpath queued_read_lock_slowpath
  panic vpanic __crash_kexec crash_kexec machine_crash_shutdown nmi_panic delay_tsc __delay __const_udelay delay_loop native_halt
  oops_end oops_begin die die_addr __die page_fault_oops no_context bad_area_nosemaphore __bad_area_nosemaphore bad_area __bad_area
  kernelmode_fixup_or_oops do_user_addr_fault do_kern_addr_fault exc_page_fault asm_exc_page_fault do_trap do_error_trap
  exc_invalid_op asm_exc_invalid_op handle_bug exc_general_protection asm_exc_general_protection exc_double_fault asm_exc_double_fault
  handle_stack_overflow exc_stack_segment asm_exc_stack_segment exc_divide_error asm_exc_divide_error show_fault_oops
  exc_int3 asm_exc_int3 exc_control_protection asm_exc_control_protection asm_exc_nmi exc_nmi default_do_nmi
  __list_del_entry_valid __list_add_valid __list_del_entry_valid_or_report __list_add_valid_or_report
  rcu_note_context_switch refcount_warn_saturate __warn report_bug warn_slowpath_fmt __warn_printk __warn_flushed
  __stack_chk_fail fortify_panic __fortify_panic __fortify_report usercopy_abort __check_object_size __check_heap_object
  memcpy memcpy_orig memset memset_orig memmove strlen strcmp strncpy strnlen strcpy __memcpy __memset __memmove
  memcpy_erms memset_erms memcpy_toio copy_user_generic_string copy_user_enhanced_fast_string rep_movs_alternative rep_stos_alternative
]]

--- A function's name without what compilers add to their copies of it.
-- @tparam string name
-- @treturn string
-- @usage assert(require "kvm.linux.check.frames".plain "f.constprop.0.cold" == "f")
function M.plain(name)
  return (name:gsub("%.%a[%w_.]*$", ""))
end

--- Whether a function is none whose fault it is.
-- @tparam string name
-- @treturn boolean
-- @usage assert(require "kvm.linux.check.frames".is_machinery "schedule")
function M.is_machinery(name)
  return MACHINERY[M.plain(name)] == true
end

--- The first frame that is to be trusted and no machinery.
-- @tparam {table,...} frames as kvm.stack gives them
-- @tparam[opt=1] integer from the first that is looked at
-- @treturn ?table frame
-- @treturn ?integer its place
-- @usage assert(require "kvm.linux.check.frames".guilty({{name = "schedule", trusted = true}, {name = "f", trusted = true}}).name == "f")
function M.guilty(frames, from)
  for i = from or 1, #frames do
    local frame = frames[i]
    if frame.name and frame.trusted and not M.is_machinery(frame.name) then return frame, i end
  end
  return nil
end

--- The functions and modules of frames, the innermost first, each once, without machinery.
-- @tparam {table,...} frames
-- @tparam[opt=1] integer from
-- @tparam[opt=8] integer most functions
-- @treturn {string,...} functions
-- @treturn {string,...} modules
-- @usage local functions = require "kvm.linux.check.frames".names {{name = "f.cold", trusted = true}} assert(functions[1] == "f")
function M.names(frames, from, most)
  local functions, modules, seen = {}, {}, {}
  for i = from or 1, #frames do
    local frame = frames[i]
    if frame.name and frame.trusted and not M.is_machinery(frame.name) then
      local name = M.plain(frame.name)
      if not seen[name] and #functions < (most or 8) then
        seen[name], functions[#functions + 1] = true, name
      end
      if frame.module and not seen[frame.module] then
        seen[frame.module], modules[#modules + 1] = true, frame.module
      end
    end
  end
  return functions, modules
end

--- Frames as lines of evidence.
-- @tparam {table,...} frames
-- @tparam[opt=12] integer most lines
-- @treturn {string,...} "  schedule+0x5a"; "? " before one that is not to be trusted
-- @usage assert(#require "kvm.linux.check.frames".lines({}) == 0)
function M.lines(frames, most)
  local place, out = require "kvm.stack".place, {}
  for i, frame in ipairs(frames) do
    if i > (most or 12) then
      out[i] = ("  ... %d more"):format(#frames - i + 1)
      break
    end
    out[i] = (frame.trusted and "  " or "  ? ") .. place(frame)
  end
  return out
end

return M
