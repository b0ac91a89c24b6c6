-- SPDX-License-Identifier: BSD-3-Clause
--
-- Wireshark dissector for the captures of vmsg-ffa-emu: FF-A calls and the virtio-msg messages in
-- them. The tables above are the library's own; what follows only walks them, by the rules and in
-- the order of vmsg_decode() and vmsg_format(), which a test holds it to.

local HEADER = 16 -- pseudo-header, then registers, then what lay in the buffer
local REGISTERS = 18
local KINDS = { [0] = "call", [1] = "return", [2] = "interrupt", [3] = "FIFO" }

-- ---- numbers ----
-- 64 bits are UInt64 objects, less are Lua numbers; arithmetic instead of bit operators, which
-- differ between the versions of Lua that Wireshark has had.

local function bits(number, first, count)
	return math.floor(number / 2 ^ first) % 2 ^ count
end

local function hex64(number)
	local text = number:tohex():gsub("^0+", "")
	return text == "" and "0" or text
end

-- As the library prints numbers: from 65536 on they are addresses, handles or bits.
local function number_text(number)
	if type(number) ~= "number" then
		if number:higher() > 0 then
			return "0x" .. hex64(number)
		end
		number = number:lower() % 2 ^ 32
	end
	return number < 65536 and string.format("%d", number) or string.format("0x%x", number)
end

local function bytes_text(range)
	return range and range:bytes():tohex(true) or ""
end

local function uuid_text(range)
	local text = bytes_text(range)
	return table.concat({ text:sub(1, 8), text:sub(9, 12), text:sub(13, 16), text:sub(17, 20),
		text:sub(21) }, "-")
end

-- Names of what `number` says, by a list of { name, first bit, bits, value }.
local function values_text(values, number)
	local names, rest = {}, number
	for _, value in ipairs(values or {}) do
		if bits(number, value[2], value[3]) == value[4] then
			names[#names + 1] = value[1]
			rest = rest - value[4] * 2 ^ value[2]
			if value[3] == 32 then
				return value[1]
			end
		end
	end
	if #names > 0 and rest > 0 then
		names[#names + 1] = string.format("0x%x", rest)
	end
	return table.concat(names, " ")
end

-- ---- virtio-msg: decoding ----

local function read_number(part, body)
	local range = body(part.offset, part.width)
	if part.width == 8 then
		return range:le_uint64()
	end
	return bits(range:le_uint(), part.bit, part.bits)
end

-- What is wrong, in the library's words.
local function diagnosis(message, rule, field, value, limit)
	local words = rules[rule]:gsub("%$(.)", {
		f = field, v = number_text(value), l = number_text(limit or 0) })
	if message.name ~= "NONE" then
		words = message.name .. " " .. message.kind .. ": " .. words
	end
	message.wrong, message.broken = words, rule
	return message
end

-- Takes the tail `part` of a body of `size` bytes: what is wrong, or nil.
local function take_tail(message, part, body, size)
	local room = part.width > 0 and part.width or size - part.offset
	local count = part.count and message.numbers[part.count] or part.width
	local name = part.count or part.name
	if part.optional and room == 0 then
		count = 0
	end
	if part.count and count % part.multiple ~= 0 then
		return diagnosis(message, "multiple", name, count, part.multiple)
	end
	local capacity = math.floor(room * 8 / part.unit)
	if count > capacity then
		return diagnosis(message, "count_large", name, count, capacity)
	end
	local taken = math.ceil(count * part.unit / 8)
	if taken < room and part.width == 0 then
		return diagnosis(message, "count_small", name, count, room - taken)
	end
	message.fields[#message.fields + 1] =
		{ part = part, range = taken > 0 and body(part.offset, taken) or nil }
	return nil
end

local function take_number(message, part, body)
	local value = read_number(part, body)
	if part.form == "number" and part.multiple > 1 and value % part.multiple ~= 0 then
		return diagnosis(message, "multiple", part.name, value, part.multiple)
	end
	if part.limit and value > part.limit then
		return diagnosis(message, "range", part.name, value, part.limit)
	end
	message.numbers[part.name] = value
	message.fields[#message.fields + 1] =
		{ part = part, value = value, range = body(part.offset, part.width) }
	return nil
end

local function take_part(message, part, body, size)
	if part.offset + part.width > size then
		return diagnosis(message, "body_short", part.name, part.offset + part.width, size)
	end
	if part.form == "number" then
		return take_number(message, part, body)
	end
	if part.form == "bytes" or part.form == "words" then
		return take_tail(message, part, body, size)
	end
	message.fields[#message.fields + 1] = { part = part, range = body(part.offset, part.width) }
	return nil
end

-- Type, number and kind; `message.body` is the list of the body's parts, nil where there is none.
local function name_header(message, frame)
	message.type = frame(0, 1):uint()
	message.msg_id = frame(1, 1):uint()
	message.dev_num = frame(2, 2):le_uint()
	message.is_bus = bits(message.type, 1, 1) == 1
	local known = message.profile[message.is_bus and "bus" or "transport"][message.msg_id]
	if bits(message.type, 0, 1) == 1 then
		message.kind = "response"
	elseif known and known.event then
		message.kind = "event"
	else
		message.kind = "request"
	end
	if known then
		message.name = known.name
		message.body = known[message.kind]
	end
end

local function check_header(message)
	local profile = message.profile
	local is_null_reply = profile.has_size and message.msg_id == 0 and message.type % 4 == 3 and
		message.msg_size == profile.header
	if message.name == "NONE" and not is_null_reply then
		return diagnosis(message, message.is_bus and "unknown_bus" or "unknown_transport",
			"msg_id", message.msg_id)
	end
	if message.name ~= "NONE" and not message.body then
		return diagnosis(message, message.kind == "response" and "event_response" or
			"response_only", "type", message.type)
	end
	if message.is_bus and message.dev_num ~= 0 and message.name ~= "ERROR" and profile.has_size then
		return diagnosis(message, "bus_device", "dev_num", message.dev_num)
	end
	return nil
end

-- A message in the bytes of `frame`, which may be padded. `wrong` says what is, if something is.
local function decode(profile, frame)
	local message = { profile = profile, name = "NONE", kind = "request", fields = {}, numbers = {} }
	local size = frame:len()
	local least = profile.has_size and profile.header or profile.frame
	if size >= 4 then
		name_header(message, frame)
	end
	if size < least then
		return diagnosis(message, "header_short", "header", size, least)
	end
	message.msg_size = profile.frame
	if profile.has_token then
		message.token = frame(4, 2):le_uint()
	end
	if profile.has_size then
		message.msg_size = frame(profile.header - 2, 2):le_uint()
		if message.msg_size < profile.header then
			return diagnosis(message, "size_small", "msg_size", message.msg_size, profile.header)
		end
		if message.msg_size > size then
			return diagnosis(message, "size_large", "msg_size", message.msg_size, size)
		end
	end
	if check_header(message) or not message.body then
		return message
	end
	local body_size = message.msg_size - profile.header
	local body = function(offset, length)
		return frame(profile.header + offset, length)
	end
	for _, part in ipairs(message.body) do
		if take_part(message, part, body, body_size) then
			return message
		end
	end
	local numbers = message.numbers
	if message.name == "GET_DEVICES" and message.kind == "response" and profile.has_size then
		local slots = profile.ordered and numbers.count > 0 and numbers.count or 1
		if numbers.next_offset ~= 0 and numbers.next_offset < numbers.offset + slots then
			return diagnosis(message, "order", "next_offset", numbers.next_offset,
				numbers.offset + slots)
		end
	end
	if message.body.exact and body_size > message.body.size then
		return diagnosis(message, "body_long", "msg_size", body_size - message.body.size)
	end
	return message
end

-- ---- virtio-msg: words ----

local function words_text(range)
	local words = {}
	for at = 0, (range and range:len() or 0) - 4, 4 do
		words[#words + 1] = string.format("0x%x", range(at, 4):le_uint())
	end
	return "[" .. table.concat(words, ",") .. "]"
end

local function field_text(field)
	local form = field.part.form
	if form == "number" then
		return number_text(field.value)
	elseif form == "uuid" then
		return uuid_text(field.range)
	elseif form == "words" then
		return words_text(field.range)
	end
	return bytes_text(field.range)
end

-- " offset=4 length=8"
local function fields_text(message)
	local text = ""
	for _, field in ipairs(message.fields) do
		if field.part.form ~= "reserved" then
			text = text .. " " .. field.part.name .. "=" .. field_text(field)
		end
	end
	return text
end

-- The line that vmsg_format() prints.
local function message_text(message)
	local is_bus = message.is_bus or message.name == "NONE"
	local text = string.format("%s %s %s %s device %d", message.profile.name,
		is_bus and "bus" or "transport", message.kind, message.name, message.dev_num)
	if message.token then
		text = text .. string.format(" token %d", message.token)
	end
	return text .. fields_text(message)
end

-- "SET_VQUEUE request of device 3: index=0 size=8"
local function summary_text(message)
	local text = message.name .. " " .. message.kind
	if not message.is_bus or message.dev_num ~= 0 then
		text = text .. string.format(" of device %d", message.dev_num)
	end
	local fields = fields_text(message)
	return fields == "" and text or text .. ":" .. fields
end

-- Numbers of the feature bits that are set, by name where there is one.
local function features_text(field, first_block)
	local names = {}
	for at = 0, (field.range and field.range:len() or 0) - 4, 4 do
		local word = field.range(at, 4):le_uint()
		for bit = 0, 31 do
			local number = (first_block + at / 4) * 32 + bit
			if bits(word, bit, 1) == 1 then
				local name
				for _, value in ipairs(field.part.values or {}) do
					name = name or (value[2] == number and value[1])
				end
				names[#names + 1] = name or string.format("%d", number)
			end
		end
	end
	return table.concat(names, " ")
end

-- ---- protocols and their fields ----

local ffa = Proto("vmsg_ffa", "Arm FF-A, as vmsg-ffa-emu captured it")
local vmsg = Proto("vmsg", "virtio-msg")

local profile_names = {}
for number, profile in ipairs(profiles) do
	profile_names[number] = profile.name
end

local f = {
	kind = ProtoField.uint8("vmsg_ffa.kind", "Kind", base.DEC, KINDS),
	profile = ProtoField.uint8("vmsg_ffa.profile", "Profile", base.DEC, profile_names),
	partition = ProtoField.uint16("vmsg_ffa.partition", "Partition", base.HEX),
	vcpu = ProtoField.uint16("vmsg_ffa.vcpu", "vCPU", base.DEC),
	peer = ProtoField.uint16("vmsg_ffa.peer", "Other partition", base.HEX),
	interrupt = ProtoField.uint32("vmsg_ffa.interrupt_id", "Interrupt", base.DEC),
	function_id = ProtoField.uint32("vmsg_ffa.function_id", "Function id", base.HEX),
	call = ProtoField.string("vmsg_ffa.call", "Call"),
	answers = ProtoField.string("vmsg_ffa.answers", "Answers"),
	version = ProtoField.string("vmsg_ffa.version_answer", "Version"),
	buffer = ProtoField.bytes("vmsg_ffa.buffer", "Buffer"),
	message_flags = ProtoField.uint32("vmsg_ffa.message.flags", "Flags", base.HEX),
	message_offset = ProtoField.uint32("vmsg_ffa.message.offset", "Payload offset", base.DEC),
	message_sender = ProtoField.uint16("vmsg_ffa.message.sender", "Sender", base.HEX),
	message_receiver = ProtoField.uint16("vmsg_ffa.message.receiver", "Receiver", base.HEX),
	message_size = ProtoField.uint32("vmsg_ffa.message.size", "Payload size", base.DEC),
	message_uuid = ProtoField.guid("vmsg_ffa.message.uuid", "UUID"),
}
for register = 0, REGISTERS - 1 do
	f["x" .. register] = ProtoField.uint64("vmsg_ffa.x" .. register, "x" .. register, base.HEX)
end
local widest = {} -- bits of the parts of a name
local function each_part(visit)
	for _, call in pairs(calls) do
		for _, parts in ipairs({ call.parts, call.answer }) do
			for _, part in ipairs(parts) do
				visit(part)
			end
		end
	end
end
each_part(function(part)
	widest[part.name] = math.max(widest[part.name] or 0, part.bits)
end)
each_part(function(part)
	local name, number = "vmsg_ffa.reg." .. part.name, widest[part.name]
	local make = number > 32 and ProtoField.uint64 or number > 16 and ProtoField.uint32 or
		ProtoField.uint16
	if part.form == "uuid" then
		f["part " .. part.name] = ProtoField.string(name, part.name)
	elseif part.form == "bytes" then
		f["part " .. part.name] = ProtoField.bytes(name, part.name)
	else
		f["part " .. part.name] = make(name, part.name, base.HEX)
	end
end)
ffa.fields = f

local g = {
	text = ProtoField.string("vmsg.text", "Text"),
	profile = ProtoField.string("vmsg.profile", "Profile"),
	name = ProtoField.string("vmsg.name", "Message"),
	kind = ProtoField.string("vmsg.kind", "Kind"),
	type = ProtoField.uint8("vmsg.type", "type", base.HEX),
	msg_id = ProtoField.uint8("vmsg.msg_id", "msg_id", base.HEX),
	dev_num = ProtoField.uint16("vmsg.dev_num", "dev_num", base.DEC),
	token = ProtoField.uint16("vmsg.token", "token", base.DEC),
	msg_size = ProtoField.uint16("vmsg.msg_size", "msg_size", base.DEC),
	reserved = ProtoField.bytes("vmsg.reserved", "reserved"),
	padding = ProtoField.bytes("vmsg.padding", "Padding"),
}
local function field_key(name, part)
	return name .. "." .. part.name
end
for _, profile in ipairs(profiles) do
	for _, class in ipairs({ profile.transport, profile.bus }) do
		for _, each in pairs(class) do
			for _, kind in ipairs({ "request", "response", "event" }) do
				for _, part in ipairs(each[kind] or {}) do
					local key = field_key(each.name, part)
					local name = "vmsg." .. each.name:lower() .. "." .. part.name
					local wide = part.width == 8
					if part.form == "uuid" then
						g[key] = ProtoField.guid(name, part.name)
					elseif part.form == "number" then
						-- the widest that any profile has
						if wide or not g[key] then
							g[key] = wide and ProtoField.uint64(name, part.name, base.DEC_HEX) or
								ProtoField.uint32(name, part.name, base.DEC_HEX)
						end
					elseif part.form ~= "reserved" then
						g[key] = ProtoField.bytes(name, part.name)
					end
				end
			end
		end
	end
end
vmsg.fields = g

local e_malformed = ProtoExpert.new("vmsg.malformed", "Malformed message", expert.group.MALFORMED,
	expert.severity.ERROR)
local e_reserved = ProtoExpert.new("vmsg.reserved_set", "Reserved bytes are not zero",
	expert.group.PROTOCOL, expert.severity.NOTE)
local e_answered = ProtoExpert.new("vmsg.event_answered", "Answer that a direct message forces on an event",
	expert.group.COMMENTS_GROUP, expert.severity.COMMENT)
vmsg.experts = { e_malformed, e_reserved, e_answered }
local e_capture = ProtoExpert.new("vmsg_ffa.malformed", "Malformed capture", expert.group.MALFORMED,
	expert.severity.ERROR)
local e_status = ProtoExpert.new("vmsg_ffa.failed", "FF-A call failed", expert.group.RESPONSE_CODE,
	expert.severity.WARN)
ffa.experts = { e_capture, e_status }

local choices = { { 0, "the newest that fits", 0 } }
for number, profile in ipairs(profiles) do
	choices[#choices + 1] = { number, profile.name, number }
end
vmsg.prefs.profile = Pref.enum("Profile of packets that do not say", 0,
	"A capture names the profile of a message once it is agreed.", choices, false)

-- ---- virtio-msg: the tree ----

local function add_field(tree, message, field)
	local part = field.part
	if part.form == "reserved" then
		local item = tree:add(g.reserved, field.range)
		if bytes_text(field.range):find("[^0]") then
			item:add_proto_expert_info(e_reserved)
		end
		return
	end
	local key = g[field_key(message.name, part)]
	local item
	if not field.range then
		item = tree:add(key, message.end_range(0, 0))
		item:set_text(part.name .. ": nothing")
	elseif part.form == "number" and part.bits < 8 * part.width then
		item = tree:add(key, field.range, field.value)
	elseif part.form == "number" then
		item = tree:add_le(key, field.range)
	else
		item = tree:add(key, field.range)
	end
	if part.form == "words" then
		item:append_text(" " .. words_text(field.range) .. " " ..
			features_text(field, message.fields[1].value or 0))
	elseif part.form == "number" and part.values then
		local low = part.width == 8 and field.range(0, 4):le_uint() or field.value
		local names = values_text(part.values, low)
		item:append_text(names ~= "" and " (" .. names .. ")" or "")
	end
end

-- Before r2b, devices answer an event's direct message by its header with the response bit. No
-- message of virtio-msg, but nothing is wrong.
local function is_event_answer(message, is_answer)
	return is_answer and message.broken == "event_response" and
		message.msg_size == message.profile.header
end

local function show_message(message, frame, tree, is_answer)
	local size = frame:len()
	local shown = message.msg_size and message.msg_size > 0 and message.msg_size < size and
		message.msg_size or size
	local item = tree:add(vmsg, frame(0, shown), "virtio-msg")
	message.end_range = frame(0, shown)
	item:add(g.profile, message.profile.name):set_generated()
	if message.type then
		item:append_text(" " .. message.name .. " " .. message.kind)
		item:add(g.name, message.name):set_generated()
		item:add(g.kind, message.kind):set_generated()
		item:add(g.type, frame(0, 1))
		item:add(g.msg_id, frame(1, 1))
		item:add_le(g.dev_num, frame(2, 2))
	end
	if message.token then
		item:add_le(g.token, frame(4, 2))
	end
	if message.msg_size and message.profile.has_size then
		item:add_le(g.msg_size, frame(message.profile.header - 2, 2))
	end
	for _, field in ipairs(message.fields) do
		add_field(item, message, field)
	end
	if is_event_answer(message, is_answer) then
		item:add_proto_expert_info(e_answered)
	elseif message.wrong then
		item:add_proto_expert_info(e_malformed, message.wrong)
	else
		item:add(g.text, message_text(message)):set_generated()
		if shown < size and bytes_text(frame(shown)):find("[^0]") then
			tree:add(g.padding, frame(shown))
		end
	end
end

-- Is the frame of the size that its message has, with nothing but zeros behind?
local function fits(message, frame)
	local profile, last = message.profile, message.fields[#message.fields]
	if message.wrong or not profile.has_size or profile.has_twin then
		return false
	end
	local size = profile.header + (message.body and message.body.size or 0)
	if last and last.part.width == 0 and last.range then
		size = size + last.range:len()
	end
	return message.msg_size == size and
		(size == frame:len() or not bytes_text(frame(size)):find("[^0]"))
end

-- The message in the profile that the packet or the preference names; without one, in the newest
-- in which it fits. Nil when it fits in none.
local function read_message(number, frame)
	local profile = profiles[number] or profiles[vmsg.prefs.profile]
	if profile then
		return decode(profile, frame)
	end
	for try = #profiles, 1, -1 do
		local message = decode(profiles[try], frame)
		if fits(message, frame) then
			return message
		end
	end
	return nil
end

local function dissect_message(number, frame, tree, pinfo, is_answer)
	local message = read_message(number, frame)
	pinfo.cols.protocol = "virtio-msg"
	if not message then
		tree:add(vmsg, frame, "virtio-msg, if anything, of no profile in which it fits")
		pinfo.cols.info:append("; fits in no profile")
		return
	end
	show_message(message, frame, tree, is_answer)
	if is_event_answer(message, is_answer) then
		pinfo.cols.info:append("; " .. message.name .. " is answered")
	elseif message.wrong then
		pinfo.cols.info:append("; bad frame: " .. message.wrong)
	else
		pinfo.cols.info:append("; " .. message.profile.name .. " " .. summary_text(message))
	end
end

-- ---- FF-A ----

local asked = {} -- frame number of a return -> function id that it answers
local foreign = {} -- frame number of a direct message -> whether another service's
local services = {} -- requester, answerer and direction -> the same of the last request
local pending = {} -- partition and vCPU -> function id of the last call

local function register_range(tvb, first, bit, length)
	return tvb(HEADER + 8 * first + math.floor(bit / 8), length)
end

-- A status or a number as the table of registers has it.
local function part_value(part, tvb)
	if part.form == "halves" then
		local low = register_range(tvb, part.first, 0, 4):le_uint()
		local high = register_range(tvb, part.first + 1, 0, 4):le_uint()
		return UInt64(low, high), register_range(tvb, part.first, 0, 16)
	end
	local range = register_range(tvb, part.first, 0, 8)
	if part.bits == 64 then
		return range:le_uint64(), range
	end
	local half = register_range(tvb, part.first, part.bit >= 32 and 32 or 0, 4):le_uint()
	local value = bits(half, part.bit % 32, part.bits)
	return widest[part.name] > 32 and UInt64(value, 0) or value, range
end

local function call_of(function_id)
	local number = function_id % 256
	local class = function_id - number
	return (class == 0x84000000 or class == 0xC4000000) and calls[number] or nil
end

local function add_part(tree, part, tvb)
	local key = f["part " .. part.name]
	if part.form == "uuid" then
		local words = {}
		local step = part.words and 4 or 8
		for i = 0, 16 / step - 1 do
			words[#words + 1] = bytes_text(register_range(tvb, part.first + i, 0, step))
		end
		local range = register_range(tvb, part.first, 0, part.words and 32 or 16)
		local text = table.concat(words)
		tree:add(key, range, table.concat({ text:sub(1, 8), text:sub(9, 12), text:sub(13, 16),
			text:sub(17, 20), text:sub(21) }, "-"))
		return
	end
	if part.form == "bytes" then
		tree:add(key, register_range(tvb, part.first, 0, 8 * (REGISTERS - part.first)))
		return
	end
	local value, range = part_value(part, tvb)
	local item = tree:add(key, range, value)
	if part.form == "status" then
		local status = value >= 2 ^ 31 and value - 2 ^ 32 or value
		local name = statuses[status] or string.format("%d", status)
		item:append_text(" (" .. name .. ")")
		item:add_proto_expert_info(e_status, "FF-A call failed: " .. name)
	elseif part.form == "call_id" then
		local call = call_of(value)
		item:append_text(call and " (" .. call.name .. ")" or "")
	end
end

-- 16 bytes, in registers or a message header, that are a service of virtio-msg, or nil.
local function is_ours(range)
	local text = bytes_text(range)
	return text == uuids.device or text == uuids.driver or not text:find("[^0]")
end

-- The message of FFA_MSG_SEND2 as it lay in the buffer.
local function dissect_partition_message(profile, buffer, tree, pinfo)
	local item = tree:add(f.buffer, buffer)
	item:set_text("Partition message")
	if buffer:len() < 20 then
		item:add_proto_expert_info(e_capture, "shorter than its header")
		return
	end
	local offset, size = buffer(8, 4):le_uint(), buffer(16, 4):le_uint()
	item:add_le(f.message_flags, buffer(0, 4))
	item:add_le(f.message_offset, buffer(8, 4))
	item:add_le(f.message_receiver, buffer(12, 2))
	item:add_le(f.message_sender, buffer(14, 2))
	item:add_le(f.message_size, buffer(16, 4))
	local ours = true
	if offset >= 40 and buffer:len() >= 40 then
		item:add(f.message_uuid, buffer(24, 16))
		ours = is_ours(buffer(24, 16))
	end
	if offset < 20 or offset + size > buffer:len() or size == 0 then
		item:add_proto_expert_info(e_capture, "the payload does not lie inside the message")
	elseif ours then
		dissect_message(profile, buffer(offset, size), tree, pinfo)
	end
end

local function dissect_registers(tvb, pinfo, tree, kind)
	local function_id = tvb(HEADER, 4):le_uint()
	local answered = kind == 1 and asked[pinfo.number] or nil
	local call = call_of(function_id)
	local item = tree:add(ffa, tvb(HEADER, 8 * REGISTERS), "FF-A")
	item:add_le(f.function_id, tvb(HEADER, 4))
	local name = call and call.name or "FFA_UNKNOWN"
	local parts = call and call.parts or {}
	if answered and call_of(answered) then
		item:add(f.answers, call_of(answered).name):set_generated()
	end
	if not call and answered and call_of(answered) and call_of(answered).name == "FFA_VERSION" then
		local status = tvb(HEADER, 4):le_int()
		name = status < 0 and "version refused" or string.format("version %d.%d",
			bits(function_id, 16, 15), bits(function_id, 0, 16))
		item:add(f.version, tvb(HEADER, 4), name)
	elseif name == "FFA_SUCCESS" and answered and call_of(answered) then
		parts = call_of(answered).answer
	end
	item:append_text(" " .. name)
	item:add(f.call, tvb(HEADER, 4), name)
	for _, part in ipairs(parts) do
		add_part(item, part, tvb)
	end
	local registers = item:add(tvb(HEADER, 8 * REGISTERS), "Registers")
	for register = 0, REGISTERS - 1 do
		registers:add_le(f["x" .. register], register_range(tvb, register, 0, 8))
	end
	return call, name, item
end

-- Only a request names its service; its answer, seen from the same side, is of the same.
local function follow_service(tvb, pinfo, kind)
	local call = call_of(tvb(HEADER, 4):le_uint())
	local direct = call and call.message
	if direct then
		local source, destination = tvb(HEADER + 10, 2):le_uint(), tvb(HEADER + 8, 2):le_uint()
		if direct == "response" then
			source, destination = destination, source
		end
		local called = (direct == "request") == (kind == 0)
		local key = string.format("%x>%x %s", source, destination, called)
		if direct == "request" then
			services[key] = not is_ours(register_range(tvb, 2, 0, 16))
		end
		foreign[pinfo.number] = services[key]
	end
end

-- A return answers the last call of its vCPU. Packets are seen in order once only.
local function follow(tvb, pinfo, kind)
	if pinfo.visited then
		return
	end
	follow_service(tvb, pinfo, kind)
	local vcpu = string.format("%x.%x", tvb(4, 2):le_uint(), tvb(6, 2):le_uint())
	if kind == 0 then
		pending[vcpu] = tvb(HEADER, 4):le_uint()
	elseif kind == 1 then
		asked[pinfo.number] = pending[vcpu]
		pending[vcpu] = nil
	end
end

function ffa.init()
	asked, pending, foreign, services = {}, {}, {}, {}
end

function ffa.dissector(tvb, pinfo, tree)
	local capture = tree:add(ffa, tvb(), "vmsg-ffa-emu capture")
	pinfo.cols.protocol = "FF-A"
	if tvb:len() < HEADER + 8 * REGISTERS or tvb(0, 1):uint() ~= capture_version then
		capture:add_proto_expert_info(e_capture, "no packet of this version")
		return 0
	end
	local kind, profile = tvb(1, 1):uint(), tvb(2, 1):uint()
	local partition, peer = tvb(4, 2):le_uint(), tvb(8, 2):le_uint()
	local size = tvb(10, 2):le_uint()
	capture:add(f.kind, tvb(1, 1))
	capture:add(f.profile, tvb(2, 1))
	capture:add_le(f.partition, tvb(4, 2))
	capture:add_le(f.vcpu, tvb(6, 2))
	capture:add_le(f.peer, tvb(8, 2))
	pinfo.cols.src = string.format("0x%04x", partition)
	pinfo.cols.dst = peer ~= 0 and string.format("0x%04x", peer) or "SPMC"
	if kind == 2 then
		capture:add_le(f.interrupt, tvb(12, 4))
		pinfo.cols.info = string.format("interrupt %d to 0x%04x", tvb(12, 4):le_uint(), partition)
		return tvb:len()
	end
	if kind == 3 then
		pinfo.cols.info = "FIFO"
		if size > 0 and size == tvb:len() - HEADER - 8 * REGISTERS then
			dissect_message(profile, tvb(HEADER + 8 * REGISTERS, size), capture, pinfo)
		end
		return tvb:len()
	end
	follow(tvb, pinfo, kind)
	local call, name, item = dissect_registers(tvb, pinfo, tree, kind)
	pinfo.cols.info = (kind == 0 and "" or "-> ") .. name
	if size ~= tvb:len() - HEADER - 8 * REGISTERS then
		capture:add_proto_expert_info(e_capture, "the bytes after the registers are not as many as it says")
		return tvb:len()
	end
	local direct = call and call.message
	if direct then
		local frame = register_range(tvb, 4, 0, 8 * (REGISTERS - 4))
		pinfo.cols.src = string.format("0x%04x", tvb(HEADER + 10, 2):le_uint())
		pinfo.cols.dst = string.format("0x%04x", tvb(HEADER + 8, 2):le_uint())
		if foreign[pinfo.number] then
			pinfo.cols.info:append("; not virtio-msg")
		elseif bytes_text(frame):find("[^0]") then
			dissect_message(profile, frame, item, pinfo, direct == "response")
		else
			pinfo.cols.info:append("; nothing")
		end
	elseif size > 0 then
		dissect_partition_message(profile, tvb(HEADER + 8 * REGISTERS, size), item, pinfo)
	end
	return tvb:len()
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, ffa)
