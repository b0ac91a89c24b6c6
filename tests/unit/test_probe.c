/* SPDX-License-Identifier: BSD-3-Clause */
/* What probe makes of peers that answer as known implementations do, as none does, or not at all.
 */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/hex.h"

#include "probe/probe.h"
#include "virtio_msg_ffa/error.h"

/* An answer to each frame that begins with these digits ('t': any byte). In the answer, "tt" stands
 * for the bytes of the token, "dd" for those of the device number, in their order; the last row
 * with an empty question answers everything else, an empty answer is all zeros. */
struct line {
	const char *question;
	const char *answer;
};

static const struct line *script;
static unsigned int asked;
static int failure;

static bool matches(const char *pattern, struct vmsg_bytes frame)
{
	for (size_t i = 0; pattern[i]; i++) {
		const char digit =
			"0123456789abcdef"[i / 2 < frame.size
						   ? frame.data[i / 2] >> (i % 2 ? 0 : 4) & 15
						   : 0];
		if (pattern[i] != 't' && pattern[i] != digit) {
			return false;
		}
	}
	return true;
}

static int play(void *context, struct vmsg_bytes frame, uint8_t answer[VMSG_FRAME_SIZE_MAX])
{
	char text[2 * VMSG_FRAME_SIZE_MAX + 1];
	const struct line *line = script;
	unsigned int token = 4;
	unsigned int device = 2;

	(void)context;
	asked++;
	if (failure < 0) {
		return failure;
	}
	while (!matches(line->question, frame)) {
		line++;
	}
	strcpy(text, line->answer);
	for (char *at = text; *at; at += 2) {
		const bool is_token = at[0] == 't';
		if (is_token || (at[0] == 'd' && at[1] == 'd')) {
			const uint8_t byte = frame.data[is_token ? token++ : device++];
			at[0] = "0123456789abcdef"[byte >> 4];
			at[1] = "0123456789abcdef"[byte & 15];
		}
	}
	(void)hex_to_bytes(text, answer, VMSG_FRAME_SIZE_MAX);
	return 0;
}

static struct probe run(const struct line *lines, bool all)
{
	struct probe probe = { .exchange = play, .ffa_version = 0x10002, .all = all };

	script = lines;
	asked = 0;
	probe_run(&probe);
	assert_int_equal(probe.exchanges, asked);
	return probe;
}

static void assert_speaks(const struct probe *probe, const char *profile, const char *whose)
{
	assert_non_null(probe->profile);
	assert_string_equal(probe->profile->name, profile);
	if (!whose) {
		assert_null(probe->resembles);
		return;
	}
	assert_non_null(probe->resembles);
	assert_true(strncmp(probe->resembles, whose, strlen(whose)) == 0);
}

/* Devices 1 and 3; the count is that of devices, in 8 bytes of bitmap. */
static void the_optee_poc_counts_devices(void **state)
{
	(void)state;
	static const struct line lines[] = {
		{ "0280000018000100", "0380000018000100000001000000000000000f000000ff00" },
		{ "028000000a00", "038000001800000000000000000000000000000000000000" },
		{ "0202", "030200001400000002000000"
			  "0a00000000000000" },
		{ "0002", "0102dddd1e00010000000000000040000000000000000200000000000000" },
		{ "", "030000000600" },
	};
	const struct probe probe = run(lines, false);

	assert_speaks(&probe, "r1", "OP-TEE PoC");
	assert_int_equal(probe.facts[PROBE_DEVICES].value, PROBE_SHAPE_DEVICES);
	assert_int_equal(probe.devices, 2);
	assert_int_equal(probe.marks[PROBE_DEVICES], PROBE_MARK_SAME);
	assert_int_equal(probe.facts[PROBE_UNKNOWN].value, PROBE_FORM_NULL);
	assert_int_equal(probe.facts[PROBE_INFO].value, 30);
}

static void trusty_lists_one_byte(void **state)
{
	(void)state;
	static const struct line lines[] = {
		{ "0280000018000100", "03800000180001000000010000000000000002000000"
				      "1000" },
		{ "0202", "030200000d00000008000000"
			  "02" },
		{ "0002", "0102dddd1e00010000000000000040000000000000000200000000000000" },
		{ "0041", "" },
		{ "", "030000000600" },
	};
	const struct probe probe = run(lines, false);

	assert_speaks(&probe, "r1", "Trusty");
	assert_int_equal(probe.facts[PROBE_DEVICES].value, PROBE_SHAPE_ONE_BYTE);
	assert_int_equal(probe.facts[PROBE_EVENT].value, PROBE_FORM_ZEROS);
}

static void optee_2026_codec_a_gives_headers_back(void **state)
{
	(void)state;
	static const struct line lines[] = {
		{ "0280000001701400", "03800000tttt0800" },
		{ "0280tttttttt1a00", "03800000tttt1a0000000100010000000000000021000000ff00" },
		{ "0280", "03800000tttt0800" },
		{ "0202", "03020000tttt16000000400000000100000000000000" },
		{ "0002", "0102ddddtttt200001000000000000004000000000000000020000000000"
			  "0000" },
		{ "0283", "03830000tttt0a000100" },
		{ "0203", "03030000tttt0c00626f7270" },
		{ "0041", "0141ddddtttt0800" },
		{ "023e", "033e0000tttt0800" },
		{ "", "" },
	};
	const struct probe probe = run(lines, false);

	assert_speaks(&probe, "r2a", "OP-TEE 2026, codec A");
	assert_int_equal(probe.matched, 6);
	assert_int_equal(probe.facts[PROBE_TOKEN].value, 1);
	assert_int_equal(probe.facts[PROBE_EVENT].value, PROBE_FORM_OWN);
	assert_int_equal(probe.facts[PROBE_RESET].value, 1);
	assert_int_equal(probe.facts[PROBE_PING].value, PROBE_FORM_RESPONSE);
}

static void optee_2026_codec_b_forgets_tokens_when_it_refuses(void **state)
{
	(void)state;
	static const struct line lines[] = {
		{ "0280tttttttt1000", "03800000tttt1a0000000100010000000000000001000000ff00" },
		{ "0202", "03020000tttt16000000400000000100000000000000" },
		{ "", "0300000000000800" },
	};
	const struct probe probe = run(lines, false);

	assert_speaks(&probe, "r2b", "OP-TEE 2026, codec B");
	assert_int_equal(probe.facts[PROBE_NEWER].value, PROBE_FORM_NULL_ZERO);
	assert_int_equal(probe.facts[PROBE_UNKNOWN].value, PROBE_FORM_NULL_ZERO);
	assert_int_equal(probe.facts[PROBE_RESET].value, 0x100 + PROBE_FORM_NULL_ZERO);
}

#define KERNEL                                                                                     \
	{ "0280", "03800000tttt1e0000000100010000000300010000000000"                               \
		  "4f000000ffff" },                                                                \
		{ "0202", "03020000tttt16000000000040000100000000000000" },                        \
		{ "0002", "0102ddddtttt3400"                                                       \
			  "0100000000000000000000000000000000000000000000000200000000000000"       \
			  "020000000000000000000000" },                                            \
	{                                                                                          \
		"0283", "03830000tttt0a000000"                                                     \
	}

static void the_newest_kernel_has_all_areas_and_no_transport_features(void **state)
{
	(void)state;
	static const struct line lines[] = {
		KERNEL,
		{ "0041", "03000000tttt0800" },
		{ "023e", "03870000tttt0a003e00" },
		{ "0203", "03870000tttt0a000300" },
		{ "", "" },
	};
	const struct probe probe = run(lines, false);

	assert_speaks(&probe, "r3", "the newest kernel");
	assert_int_equal(probe.matched, 6);
	assert_int_equal(probe.facts[PROBE_INFO].value, 52);
	assert_int_equal(probe.facts[PROBE_PING].value, PROBE_FORM_ERROR);
}

/* Of r3, but like none in what it says to strange questions. */
static void a_stranger_resembles_nobody(void **state)
{
	(void)state;
	static const struct line lines[] = {
		{ "0280", "03800000tttt1e0000000100010000000300010000000000"
			  "010000002000" },
		{ "0041", "" },
		{ "0283", "03830000tttt0a000000" },
		{ "", "03000000tttt0800" },
	};
	const struct probe probe = run(lines, false);

	assert_speaks(&probe, "r3", NULL);
	assert_non_null(probe.nearest);
	assert_int_equal(probe.facts[PROBE_DEVICES].value, PROBE_SHAPE_NONE);
	assert_int_equal(probe.marks[PROBE_EVENT], PROBE_MARK_OTHER);
}

/* Everything is a probe's answer, nothing is agreed. */
static void a_version_that_is_offered_but_not_repeated_is_not_spoken(void **state)
{
	(void)state;
	static const struct line lines[] = {
		{ "0280000001701400",
		  "03800000tttt1e000000010001000000020001000000000001000000ffff" },
		{ "", "03800000tttt1e000000000000000000020001000000000000000000"
		      "0000" },
	};
	const struct probe probe = run(lines, false);

	assert_null(probe.profile);
	assert_null(probe.nearest);
}

static void nonsense_is_no_revision(void **state)
{
	(void)state;
	static const struct line lines[] = { { "", "ffffffffffffffffffffffffffffffffffffffff" } };
	const struct probe probe = run(lines, true);

	assert_null(probe.profile);
	assert_int_equal(asked, 5);
	assert_int_equal(probe.facts[PROBE_NEWER].value, PROBE_FORM_OTHER);
}

/* Linux RFC v1 has no device side: nobody answers, and is asked once. */
static void who_does_not_answer_is_asked_once(void **state)
{
	(void)state;
	static const struct line lines[] = { { "", "" } };

	failure = VMSG_ERROR_TIMEOUT;
	const struct probe probe = run(lines, true);
	failure = 0;
	assert_null(probe.profile);
	assert_int_equal(asked, 1);
	assert_int_equal(probe.error, VMSG_ERROR_TIMEOUT);
	assert_int_equal(probe.facts[PROBE_NEWER].value, PROBE_FORM_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_optee_poc_counts_devices),
		cmocka_unit_test(trusty_lists_one_byte),
		cmocka_unit_test(optee_2026_codec_a_gives_headers_back),
		cmocka_unit_test(optee_2026_codec_b_forgets_tokens_when_it_refuses),
		cmocka_unit_test(the_newest_kernel_has_all_areas_and_no_transport_features),
		cmocka_unit_test(a_stranger_resembles_nobody),
		cmocka_unit_test(a_version_that_is_offered_but_not_repeated_is_not_spoken),
		cmocka_unit_test(nonsense_is_no_revision),
		cmocka_unit_test(who_does_not_answer_is_asked_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
