-- SPDX-License-Identifier: BSD-2-Clause
local blk_mq = require "kvm.linux.blk_mq"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.disk"
local memory = require "spec.support.memory"

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.blk_mq of " .. layout, function()
    harness.guard()
    local k, set, own, queue
    before_each(function()
      k, set, own = made.open(layout)
      queue = k:object(made.QUEUE, "struct request_queue")
    end)
    after_each(memory.forget)

    local function requests() return memory.collect(blk_mq.for_each_request(queue), function(request) return kvm.addr(request) end) end

    it("gives the requests that have a tag", function()
      assert.is_true(blk_mq.is_mq(queue))
      assert.are.same({{0, made.HCTX}}, (memory.collect(blk_mq.for_each_hw_queue(queue), function(i, hctx)
        return {i, kvm.addr(hctx)}
      end)))
      assert.are.same({made.REQUEST}, (requests()))
      for _, damage in ipairs {{q = made.QUEUE + 8}, {tag = 4}, {mq_hctx = 0}} do
        local before = k:read(made.REQUEST, 64)
        set("request", made.REQUEST, damage)
        assert.are.same({}, (requests()))
        assert(k:write(made.REQUEST, before))
      end
      set("sbitmap_word", made.MAP, {cleared = 1 << 1 | 1 << 4})
      assert.are.same({}, (requests()))
    end)

    it("gives one that has a tag and was not given to the driver", function()
      assert(k:write(made.RQS + 3 * 8, ("<i8"):pack(0)))
      assert.are.same({}, (requests()))
      assert(k:write(made.RQS + 0x40 + 3 * 8, ("<i8"):pack(made.REQUEST)))
      set("request", made.REQUEST, {state = 0, io_start_time_ns = 0})
      assert.are.same({made.REQUEST}, (requests()))
    end)

    it("gives reserved ones, and those that wait in a scheduler, each once", function()
      set("request", made.OTHER, {q = made.QUEUE, mq_hctx = made.HCTX, tag = 1, internal_tag = -1})
      assert(k:write(made.RQS + 8, ("<i8"):pack(made.OTHER)))
      set("sbitmap_word", made.MAP + 0x10, {word = 2})
      assert.are.same({made.OTHER, made.REQUEST}, (requests()))
      -- The scheduler's tags: the same request again, under another tag.
      local tags, map = made.SET + 0x200, made.MISC + 0x20
      set("blk_mq_hw_ctx", made.HCTX, {sched_tags = tags})
      local bits = made.MISC + 0x40
      if own.is_old then set("blk_mq_tags", tags, {bitmap_tags = bits}) else bits = tags + k:type("struct blk_mq_tags"):strip():field(
        "bitmap_tags").offset end
      set("blk_mq_tags", tags, {nr_tags = 4, static_rqs = map + 0x60})
      set("sbitmap_queue", bits, {["sb.depth"] = 4, ["sb.shift"] = 2, ["sb.map_nr"] = 1, ["sb.map"] = map})
      set("sbitmap_word", map, {word = 3})
      set("request", made.REQUEST, {internal_tag = 0})
      set("request", made.OTHER, {tag = -1, internal_tag = 1})
      assert(k:write(map + 0x60, ("<i8i8"):pack(made.REQUEST, made.OTHER)))
      local got = requests()
      table.sort(got)
      assert.are.same({made.REQUEST, made.OTHER}, got)
    end)

    it("tells of a request", function()
      local request = k:object(made.REQUEST, "struct request")
      assert.are.same({"write", {"sync"}, made.PART1}, {blk_mq.op(request), blk_mq.flags(request), kvm.addr(blk_mq.part(request))})
      for state, want in pairs {[0] = "idle", "in_flight", "complete", false} do
        set("request", made.REQUEST, {state = state})
        assert.are.equal(want or nil, blk_mq.state(request))
      end
      set("request", made.REQUEST, {cmd_flags = 34 | 1 << 30, state = 1})
      assert.are.same({"34", {"30"}}, {blk_mq.op(request), blk_mq.flags(request)})
      assert.are.same({1000000000, 500000000}, {blk_mq.age(request)})
      set("request", made.REQUEST, {start_time_ns = 0, io_start_time_ns = 3000000000, part = 0})
      assert.are.same({nil, 0}, {blk_mq.age(request)})
      assert.is_nil(blk_mq.part(request))
      set("request", made.REQUEST, {io_start_time_ns = 0}) -- by its deadline: 1625 - (9000 - 7500) ticks of 4 ms
      assert.are.same({nil, 500000000}, {blk_mq.age(request)})
    end)

    it("tells of a queue", function()
      local want = {scheduler = "none", nr_requests = 8, hw_queues = 1, depth = 8, frozen = 0, timeout_ns = 30000000000, busy = 1}
      if not own.is_old then want.quiesced = 0 end
      assert.are.same(want, blk_mq.queue(queue))
      set("request_queue", made.QUEUE, {elevator = made.ELEVATOR})
      set("elevator_queue", made.ELEVATOR, {type = made.ELEVATOR + 16})
      set("elevator_type", made.ELEVATOR + 16, {elevator_name = made.NAMES})
      assert.are.equal("sda", blk_mq.scheduler(queue))
      set("request_queue", made.QUEUE, {mq_ops = 0, nr_hw_queues = 0, tag_set = 0})
      assert.is_false(blk_mq.is_mq(queue))
    end)

    it("stops at counts that can't be", function()
      for _, damage in ipairs {{nr_tags = 1 << 24}, {nr_tags = 1}} do
        set("blk_mq_tags", made.TAGS, damage)
        local got, err = requests()
        assert.are.same({{}, "format"}, {got, err.code})
      end
      set("blk_mq_tags", made.TAGS, {nr_tags = 8})
      set("sbitmap_queue", own.bits, {["sb.depth"] = 1 << 30})
      assert.are.equal("format", select(2, requests()).code)
      set("request_queue", made.QUEUE, {nr_hw_queues = 1 << 20})
      assert.are.equal("format", select(2, kvm.try(blk_mq.for_each_hw_queue, queue)).code)
    end)
  end)
end
