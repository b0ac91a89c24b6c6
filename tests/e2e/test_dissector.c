/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Wireshark's dissector against the library: every vector, carried directly and indirectly, and
 * frames that were damaged at random go through tshark; each field, the whole line, or the words
 * for what is wrong must be those that the library has. Skipped where there is no tshark.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/hex.h"

#include "tap/frame.h"
#include "tap/pcapng.h"
#include "tap/registers.h"
#include "vectors/matrix.h"
#include "vectors/vectors.h"
#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/ffa_message.h"
#include "virtio_msg_ffa/format.h"
#include "virtio_msg_ffa/schema.h"

#define GIVEN      (sizeof(vectors) / sizeof(vectors[0]))
#define VECTORS    (GIVEN + sizeof(matrix) / sizeof(matrix[0]))
#define DAMAGED    2000u
#define PAYLOAD_AT (TAP_HEADER_SIZE + VMSG_FFA_FRAME_SIZE)
#define DIRECT_AT  (TAP_HEADER_SIZE + 4u * 8)
#define FIELD_MAX  96

/* A frame, and where it lies in its packet. */
struct sample {
	const struct vmsg_profile *profile;
	bool is_told; /* the packet has the profile */
	uint8_t frame[256];
	size_t size;
	size_t at;
};

static struct sample samples[6 * VECTORS + DAMAGED];
static size_t sample_count;
static char directory[] = "/tmp/vmsg-dissector-XXXXXX";

/* ---- the capture ---- */

static uint64_t next_random(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void write_record(FILE *file, const struct tap_record *record)
{
	uint8_t bytes[TAP_PACKET_MAX];
	const size_t size = tap_record_store(record, bytes);

	assert_int_equal(tap_pcapng_write(file, 0, (struct vmsg_bytes){ bytes, size }), 0);
}

/* `room` holds what the record points to. */
static struct tap_record record_of(const struct sample *sample, uint8_t room[512])
{
	static const struct vmsg_ffa_uuid service = VMSG_FFA_UUID_DEVICE_ROLE;
	const struct vmsg_bytes frame = { sample->frame, sample->size };
	const struct vmsg_ffa_message_header header = { .sender = 1,
							.receiver = 0x8001,
							.uuid = service };
	struct tap_record record = {
		.kind = TAP_CALL,
		.profile = sample->is_told ? (uint8_t)(sample->profile->id + 1) : 0,
		.partition = 1,
		.peer = 0x8001,
	};

	if (sample->at == DIRECT_AT) {
		assert_int_equal(
			vmsg_ffa_pack_direct_request2(&record.regs, 1, 0x8001, &service, frame), 0);
		return record;
	}
	record.regs.x[0] = VMSG_FFA_ID32(MSG_SEND2);
	record.regs.x[1] = 1u << 16;
	const int size = vmsg_ffa_message_build(&header, VMSG_FFA_VERSION_1_2, frame,
						(struct vmsg_span){ room, 512 });
	assert_true(size > 0);
	record.payload = (struct vmsg_bytes){ room, (size_t)size };
	return record;
}

static void add_sample(const struct vmsg_profile *profile, bool is_told, const uint8_t *frame,
		       size_t size, bool direct)
{
	struct sample *sample = &samples[sample_count++];

	sample->profile = profile;
	sample->is_told = is_told;
	sample->at = direct ? DIRECT_AT : PAYLOAD_AT + VMSG_FFA_MESSAGE_HEADER_SIZE_1_2;
	sample->size = direct ? VMSG_FFA_DIRECT2_PAYLOAD_SIZE : size; /* padded */
	memcpy(sample->frame, frame, size);
}

static void add_damaged(const struct sample *from)
{
	struct sample damaged = *from;

	for (uint64_t i = next_random() % 3; i > 0; i--) {
		const uint8_t values[] = { 0, 1, 2, 3, 0x80, 0xff, (uint8_t)next_random() };
		damaged.frame[next_random() % (damaged.size < 16 ? damaged.size : 16)] =
			values[next_random() % 7];
	}
	damaged.size -=
		next_random() % 2 && damaged.at != DIRECT_AT ? next_random() % damaged.size : 0;
	if (damaged.frame[0] || damaged.frame[1]) { /* a frame of nothing is no message */
		add_sample(damaged.profile, damaged.is_told, damaged.frame, damaged.size,
			   damaged.at == DIRECT_AT);
	}
}

/* The frame with a size that says a byte more or less, which its rules may or may not allow. */
static void add_resized(const struct vmsg_profile *profile, const uint8_t *frame, size_t size)
{
	uint8_t resized[256] = { 0 };

	for (int by = -1; by <= 1 && profile->has_size; by += 2) {
		memcpy(resized, frame, size);
		resized[size] = 0x5a;
		resized[profile->header_size - 2] = (uint8_t)((int)size + by);
		add_sample(profile, true, resized, (size_t)((int)size + by), false);
	}
}

static void write_capture(const char *path)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(tap_pcapng_begin(file), 0);
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *vector = i < GIVEN ? &vectors[i] : &matrix[i - GIVEN];
		uint8_t frame[256];
		const size_t size = hex_to_bytes(vector->hex, frame, sizeof(frame));
		for (int way = 0; way < 4; way++) {
			add_sample(vmsg_profile_find(vector->profile), way < 2, frame, size,
				   way % 2);
		}
		add_resized(vmsg_profile_find(vector->profile), frame, size);
	}
	const size_t whole = sample_count;
	for (size_t i = 0; i < DAMAGED; i++) {
		add_damaged(&samples[next_random() % whole]);
	}
	for (size_t i = 0; i < sample_count; i++) {
		uint8_t room[512];
		const struct tap_record record = record_of(&samples[i], room);
		write_record(file, &record);
	}
	assert_int_equal(fclose(file), 0);
}

/* ---- what tshark says ---- */

struct shown {
	char name[64];
	char show[2048];
	size_t pos;
	size_t size;
};

static struct shown shown[FIELD_MAX];
static size_t shown_count;
static size_t packet; /* from 1, as tshark counts */

/* An attribute of an element of PDML, its escapes undone. */
static bool attribute(const char *line, const char *name, char *value, size_t capacity)
{
	static const struct {
		const char *escape;
		char c;
	} escapes[] = { { "&amp;", '&' },  { "&lt;", '<' },    { "&gt;", '>' },
			{ "&quot;", '"' }, { "&#x27;", '\'' }, { "&apos;", '\'' } };
	char key[32];
	size_t length = 0;

	snprintf(key, sizeof(key), " %s=\"", name);
	const char *at = strstr(line, key);
	if (!at) {
		return false;
	}
	for (at += strlen(key); *at && *at != '"' && length + 1 < capacity;) {
		char c = *at;
		size_t step = 1;
		for (size_t i = 0; c == '&' && i < sizeof(escapes) / sizeof(escapes[0]); i++) {
			if (strncmp(at, escapes[i].escape, strlen(escapes[i].escape)) == 0) {
				c = escapes[i].c;
				step = strlen(escapes[i].escape);
			}
		}
		value[length++] = c;
		at += step;
	}
	value[length] = 0;
	return true;
}

/* The fields of virtio-msg of the next packet; false at the end. */
static bool read_packet(FILE *pdml)
{
	char line[8192];
	char number[32];
	bool inside = false;

	packet++;
	shown_count = 0;
	while (fgets(line, sizeof(line), pdml)) {
		if (strncmp(line, "<packet>", 8) == 0) {
			inside = true;
		} else if (strncmp(line, "</packet>", 9) == 0) {
			return inside;
		}
		struct shown *each = &shown[shown_count];
		if (!inside || !attribute(line, "name", each->name, sizeof(each->name)) ||
		    (strncmp(each->name, "vmsg", 4) != 0 &&
		     strcmp(each->name, "_ws.expert.message") != 0) ||
		    !attribute(line, "show", each->show, sizeof(each->show))) {
			continue;
		}
		each->pos = attribute(line, "pos", number, sizeof(number))
				    ? strtoul(number, NULL, 10)
				    : 0;
		each->size = attribute(line, "size", number, sizeof(number))
				     ? strtoul(number, NULL, 10)
				     : 0;
		shown_count += shown_count + 1 < FIELD_MAX;
	}
	return false;
}

static bool has_shown(const char *name)
{
	for (size_t i = 0; i < shown_count; i++) {
		if (strcmp(shown[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

static const struct shown *find_shown(const char *name)
{
	for (size_t i = 0; i < shown_count; i++) {
		if (strcmp(shown[i].name, name) == 0) {
			return &shown[i];
		}
	}
	fail_msg("packet %zu: tshark shows no %s", packet, name);
	return NULL;
}

/* Among others, such as that reserved bytes are not zero. */
static void assert_complaint(const char *text)
{
	for (size_t i = 0; i < shown_count; i++) {
		if (strcmp(shown[i].name, "_ws.expert.message") == 0 &&
		    strcmp(shown[i].show, text) == 0) {
			return;
		}
	}
	fail_msg("packet %zu: tshark does not say: %s", packet, text);
}

static void assert_number(const char *name, uint64_t value, size_t pos, size_t size)
{
	const struct shown *each = find_shown(name);

	if (strtoull(each->show, NULL, 0) != value || each->pos != pos || each->size != size) {
		fail_msg("packet %zu: %s: \"%s\" at %zu, %zu bytes, not %llu at %zu, %zu bytes",
			 packet, name, each->show, each->pos, each->size, (unsigned long long)value,
			 pos, size);
	}
}

static void assert_shown_bytes(const char *name, struct vmsg_bytes bytes, size_t pos)
{
	const struct shown *each = find_shown(name);
	size_t count = 0;

	for (const char *at = each->show; *at;) {
		if (*at == ':' || *at == '-') {
			at++;
			continue;
		}
		const char digits[3] = { at[0], at[1], 0 };
		assert_true(count < bytes.size);
		assert_int_equal(strtoul(digits, NULL, 16), bytes.data[count++]);
		at += 2;
	}
	assert_int_equal(count, bytes.size);
	assert_true(count == 0 || (each->pos == pos && each->size == count));
}

/* ---- both say the same ---- */

static void assert_field(const struct vmsg_message *message, const struct vmsg_field_info *info,
			 size_t body_at)
{
	const size_t pos = body_at + info->offset;
	char name[128];

	snprintf(name, sizeof(name), "vmsg.%s.%s", vmsg_type_name(message->header.type),
		 info->name);
	for (char *at = name; *at; at++) {
		*at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
	}
	if (info->form == VMSG_FORM_NUMBER) {
		assert_number(name, vmsg_field_number(message, info), pos, info->width);
	} else {
		assert_shown_bytes(name, vmsg_field_bytes(message, info), pos);
	}
}

static void assert_message(const struct sample *sample, const struct vmsg_profile *profile,
			   const struct vmsg_message *message)
{
	const struct vmsg_header *header = &message->header;
	const uint8_t *frame = sample->frame;
	struct vmsg_field_info info;
	char text[2048];

	(void)vmsg_format(profile, message, text, sizeof(text));
	assert_string_equal(find_shown("vmsg.text")->show, text);
	assert_string_equal(find_shown("vmsg.name")->show, vmsg_type_name(header->type));
	assert_string_equal(find_shown("vmsg.kind")->show, vmsg_kind_name(header->kind));
	assert_string_equal(find_shown("vmsg.profile")->show, profile->name);
	assert_number("vmsg.type", frame[0], sample->at, 1);
	assert_number("vmsg.msg_id", frame[1], sample->at + 1, 1);
	assert_number("vmsg.dev_num", header->dev_num, sample->at + 2, 2);
	if (profile->has_token) {
		assert_number("vmsg.token", header->token, sample->at + 4, 2);
	}
	if (profile->has_size) {
		const size_t at = profile->header_size - 2u;
		assert_number("vmsg.msg_size", (uint64_t)(frame[at] | frame[at + 1] << 8),
			      sample->at + at, 2);
	}
	for (uint32_t i = 0; vmsg_schema_field(profile, header->type, header->kind, i, &info);
	     i++) {
		assert_field(message, &info, sample->at + profile->header_size);
	}
}

/* tshark's reading of the capture at `path`. */
static FILE *open_pdml(const char *path)
{
	char command[512];

	snprintf(
		command, sizeof(command),
		"cd %s && '%s/vmsg-ffa-emu' schema --dissector >dissector.lua && HOME=%s tshark -r "
		"%s -X lua_script:dissector.lua -T pdml 2>errors",
		directory, VMSG_BINARY_DIR, directory, path);
	FILE *pdml = popen(command, "r");
	assert_non_null(pdml);
	packet = 0;
	return pdml;
}

static void dissector_and_library_say_the_same(void **state)
{
	char path[64];
	size_t good = 0;
	size_t bad = 0;
	size_t unknown = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/messages.pcapng", directory);
	write_capture(path);
	FILE *pdml = open_pdml(path);
	for (size_t i = 0; i < sample_count; i++) {
		uint8_t room[512];
		const struct tap_record record = record_of(&samples[i], room);
		struct tap_frame frame;
		struct tap_reading reading;

		if (!read_packet(pdml)) {
			fail_msg("tshark stopped after %zu packets of %zu", i, sample_count);
		}
		assert_true(tap_frame_find(&record, &frame));
		tap_frame_read(&record, &frame, &reading);
		if (!reading.profile) {
			assert_false(has_shown("vmsg.profile"));
			unknown++;
		} else if (reading.error == 0) {
			assert_message(&samples[i], reading.profile, &reading.message);
			good++;
		} else {
			char text[512];
			(void)vmsg_format_diagnosis(&reading.diagnosis, text, sizeof(text));
			assert_complaint(text);
			bad++;
		}
	}
	assert_false(read_packet(pdml));
	assert_int_equal(pclose(pdml), 0);
	assert_true(good > 3 * VECTORS && bad > DAMAGED / 8 && unknown > DAMAGED / 8);
}

/* ---- FF-A ---- */

#define CALLS_MAX 128u

static uint32_t calls[CALLS_MAX];
static size_t call_count;
static struct vmsg_ffa_regs answers[CALLS_MAX];

/* Each call in each form, with registers of its own, and FFA_SUCCESS in answer. */
static void write_calls(const char *path)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(tap_pcapng_begin(file), 0);
#define CALL(name, number, has32, has64)                                                           \
	if (has32) {                                                                               \
		calls[call_count++] = VMSG_FFA_ID32(name);                                         \
	}                                                                                          \
	if (has64) {                                                                               \
		calls[call_count++] = VMSG_FFA_ID64(name);                                         \
	}
	VMSG_FFA_CALLS(CALL)
#undef CALL
	assert_true(call_count <= CALLS_MAX);
	for (size_t i = 0; i < call_count; i++) {
		struct tap_record record = { .kind = TAP_CALL, .partition = 0x8002, .vcpu = 3 };
		for (size_t r = 1; r < VMSG_FFA_REGISTERS; r++) {
			answers[i].x[r] = next_random();
		}
		answers[i].x[0] = calls[i];
		record.regs = answers[i];
		write_record(file, &record);
		record.kind = TAP_RETURN;
		record.regs.x[0] = VMSG_FFA_ID64(SUCCESS);
		write_record(file, &record);
	}
	assert_int_equal(fclose(file), 0);
}

static void assert_parts(const struct vmsg_ffa_regs *regs, bool is_answer)
{
	const struct tap_register *part;

	for (size_t i = 0; (part = tap_register_of((uint32_t)regs->x[0], is_answer, i)); i++) {
		char name[64];
		snprintf(name, sizeof(name), "vmsg_ffa.reg.%s", part->name);
		const struct shown *each = find_shown(name);
		if (part->form != TAP_UUID && part->form != TAP_UUID_WORDS &&
		    part->form != TAP_BYTES &&
		    strtoull(each->show, NULL, 0) != tap_register_number(part, regs)) {
			fail_msg("%s of %s is \"%s\"", name,
				 vmsg_ffa_call_name((uint32_t)regs->x[0]), each->show);
		}
		assert_int_equal(each->pos, TAP_HEADER_SIZE + 8u * part->first);
	}
	for (size_t i = 0; !is_answer && i < VMSG_FFA_REGISTERS; i++) {
		char name[64];
		snprintf(name, sizeof(name), "vmsg_ffa.x%zu", i);
		assert_int_equal(strtoull(find_shown(name)->show, NULL, 0), regs->x[i]);
	}
}

static void registers_have_their_names(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/calls.pcapng", directory);
	write_calls(path);
	FILE *pdml = open_pdml(path);
	for (size_t i = 0; i < call_count; i++) {
		assert_true(read_packet(pdml));
		assert_string_equal(find_shown("vmsg_ffa.call")->show,
				    vmsg_ffa_call_name(calls[i]));
		assert_parts(&answers[i], false);
		assert_true(read_packet(pdml));
		assert_string_equal(find_shown("vmsg_ffa.call")->show, "FFA_SUCCESS");
		assert_string_equal(find_shown("vmsg_ffa.answers")->show,
				    vmsg_ffa_call_name(calls[i]));
		assert_parts(&answers[i], true);
	}
	assert_false(read_packet(pdml));
	assert_int_equal(pclose(pdml), 0);
}

/* What is no packet of ours, or only half of one, is told and no more. */
static void damaged_packets_are_told(void **state)
{
	static const uint8_t nothing[TAP_HEADER_SIZE] = { TAP_VERSION };
	static const uint8_t other[PAYLOAD_AT] = { TAP_VERSION + 1 };
	static const uint8_t payload[] = { 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 4, 0 };
	struct tap_record record = { .kind = TAP_CALL, .payload = { payload, sizeof(payload) } };
	struct tap_record refused = { .kind = TAP_RETURN };
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/damaged.pcapng", directory);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(tap_pcapng_begin(file), 0);
	assert_int_equal(tap_pcapng_write(file, 0, (struct vmsg_bytes){ nothing, sizeof(nothing) }),
			 0);
	assert_int_equal(tap_pcapng_write(file, 0, (struct vmsg_bytes){ other, sizeof(other) }), 0);
	record.regs.x[0] = VMSG_FFA_ID32(MSG_SEND2);
	write_record(file, &record);
	vmsg_ffa_pack_error(&refused.regs, VMSG_FFA_DENIED);
	write_record(file, &refused);
	assert_int_equal(fclose(file), 0);
	FILE *pdml = open_pdml(path);
	for (int i = 0; i < 2; i++) {
		assert_true(read_packet(pdml));
		assert_string_equal(find_shown("_ws.expert.message")->show,
				    "no packet of this version");
	}
	assert_true(read_packet(pdml));
	assert_string_equal(find_shown("_ws.expert.message")->show, "shorter than its header");
	assert_true(read_packet(pdml));
	assert_string_equal(find_shown("_ws.expert.message")->show, "FF-A call failed: DENIED");
	assert_false(read_packet(pdml));
	assert_int_equal(pclose(pdml), 0);
}

/* ---- a session of real processes ---- */

/* The next line of a trace that has a message; what `decode` would print of it. */
static bool next_traced(FILE *trace, char *line, size_t size)
{
	while (fgets(line, (int)size, trace)) {
		char *at = strstr(line, " | ");
		if (!at || !strstr(at, "->") || !strstr(at, " device ")) {
			continue;
		}
		at = strchr(at + 3, ' ') + 1;
		at += *at == '?';
		at[strcspn(at, "\n")] = 0;
		memmove(line, at, strlen(at) + 1);
		return true;
	}
	return false;
}

static void a_capture_reads_as_the_trace(void **state)
{
	static const char *const options[] = {
		"--carrier direct --events poll",
		"--carrier direct --events poll --profile r1",
		"--carrier indirect --events indirect",
		"--carrier fifo --events fifo",
	};
	char line[8192];
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char command[512];
		snprintf(command, sizeof(command),
			 "cd %s && '%s/vmsg-ffa-emu' loopback --device rng %s --trace trace --pcap "
			 "session.pcapng >output",
			 directory, VMSG_BINARY_DIR, options[i]);
		assert_int_equal(system(command), 0);
		snprintf(command, sizeof(command), "%s/trace", directory);
		FILE *trace = fopen(command, "r");
		assert_non_null(trace);
		FILE *pdml = open_pdml("session.pcapng");
		while (read_packet(pdml)) {
			assert_false(has_shown("vmsg.malformed") ||
				     has_shown("vmsg_ffa.malformed"));
			if (has_shown("vmsg.text")) {
				assert_true(next_traced(trace, line, sizeof(line)));
				assert_string_equal(find_shown("vmsg.text")->show, line);
				count++;
			}
		}
		assert_false(next_traced(trace, line, sizeof(line)));
		assert_int_equal(fclose(trace), 0);
		assert_int_equal(pclose(pdml), 0);
	}
	assert_true(count > 100);
}

static int open_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int close_directory(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dissector_and_library_say_the_same),
		cmocka_unit_test(registers_have_their_names),
		cmocka_unit_test(damaged_packets_are_told),
		cmocka_unit_test(a_capture_reads_as_the_trace),
	};
	if (system("command -v tshark >/dev/null") != 0) {
		puts("skipped: there is no tshark");
		return 77;
	}
	return cmocka_run_group_tests(tests, open_directory, close_directory);
}
