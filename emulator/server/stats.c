/* SPDX-License-Identifier: BSD-3-Clause */
/* Counting costs an addition where it happens; text is made only when somebody asks. */
#include "server/stats.h"

#include <inttypes.h>
#include <stdbool.h>

#include "histogram.h"
#include "server/text.h"

static const char *const call_names[STATS_CALLS] = {
#define NAME(name, number, has32, has64) [(number)-STATS_FIRST_CALL] = "FFA_" #name,
	VMSG_FFA_CALLS(NAME)
#undef NAME
};

void stats_call(struct stats *stats, uint32_t function_id)
{
	const uint32_t number = (function_id & 0xFFFF) - STATS_FIRST_CALL;
	const bool is_known = (function_id & 0xBFFF0000u) == 0x84000000u && number < STATS_CALLS &&
			      call_names[number];

	if (is_known) {
		stats->calls[number]++;
	} else {
		stats->unknown_calls++;
	}
}

static bool is_direct_request(uint32_t function_id)
{
	return function_id == VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ) ||
	       function_id == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ) ||
	       function_id == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2);
}

static size_t latency_of(uint64_t elapsed_ns)
{
	const uint64_t us = elapsed_ns / 1000;
	const size_t bits = us ? 64 - (size_t)__builtin_clzll(us) : 0;

	return bits < STATS_LATENCIES ? bits : STATS_LATENCIES - 1;
}

void stats_return(struct stats *stats, uint32_t function_id, uint64_t elapsed_ns,
		  const struct vmsg_ffa_regs *regs)
{
	const int32_t status = vmsg_ffa_reply_status(regs);

	if (status < 0 && status > -(int32_t)STATS_STATUSES) {
		stats->statuses[-status]++;
	}
	if (elapsed_ns > 0 && is_direct_request(function_id)) {
		stats->latencies[latency_of(elapsed_ns)]++;
	}
}

static void print_calls(const struct stats *stats, struct text *text)
{
	bool comma = false;

	text_add(text, "\"calls\":{");
	for (uint32_t i = 0; i < STATS_CALLS; i++) {
		if (stats->calls[i] > 0) {
			text_add(text, "%s\"%s\":%" PRIu64, comma ? "," : "", call_names[i],
				 stats->calls[i]);
			comma = true;
		}
	}
	text_add(text, "},\"unknown_calls\":%" PRIu64 ",\"statuses\":{", stats->unknown_calls);
	comma = false;
	for (uint32_t i = 1; i < STATS_STATUSES; i++) {
		if (stats->statuses[i] > 0) {
			text_add(text, "%s\"%s\":%" PRIu64, comma ? "," : "",
				 vmsg_ffa_status_name(-(int32_t)i), stats->statuses[i]);
			comma = true;
		}
	}
	text_add(text, "}");
}

static uint64_t sum_of(const struct stats *stats, const uint32_t *calls, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		sum += stats->calls[calls[i] - STATS_FIRST_CALL];
	}
	return sum;
}

/* Calls that carry something to somebody, as asked for: some were refused. */
static void print_messages(const struct stats *stats, struct text *text)
{
	static const uint32_t requests[] = { VMSG_FFA_CALL_MSG_SEND_DIRECT_REQ,
					     VMSG_FFA_CALL_MSG_SEND_DIRECT_REQ2 };
	static const uint32_t responses[] = { VMSG_FFA_CALL_MSG_SEND_DIRECT_RESP,
					      VMSG_FFA_CALL_MSG_SEND_DIRECT_RESP2 };
	static const uint32_t indirect[] = { VMSG_FFA_CALL_MSG_SEND2 };
	static const uint32_t notifications[] = { VMSG_FFA_CALL_NOTIFICATION_SET };

	text_add(text,
		 "\"messages\":{\"direct_requests\":%" PRIu64 ",\"direct_responses\":%" PRIu64
		 ",\"indirect\":%" PRIu64 ",\"notifications\":%" PRIu64 "}",
		 sum_of(stats, requests, 2), sum_of(stats, responses, 2),
		 sum_of(stats, indirect, 1), sum_of(stats, notifications, 1));
}

size_t stats_print_counters(const struct stats *stats, uint64_t now_ns, char text[STATS_TEXT_SIZE])
{
	struct text out = { .bytes = text, .size = STATS_TEXT_SIZE };

	text_add(&out, "{\"uptime_ms\":%" PRIu64, (now_ns - stats->since_ns) / 1000000);
	text_add(&out, ",\"connections\":%" PRIu64 ",\"deaths\":%" PRIu64 ",\"refused\":%" PRIu64,
		 stats->connections, stats->deaths, stats->refused);
	text_add(&out,
		 ",\"interrupts\":%" PRIu64 ",\"grants\":%" PRIu64 ",\"revocations\":%" PRIu64,
		 stats->interrupts, stats->grants, stats->revocations);
	text_add(&out,
		 ",\"forwarded\":%" PRIu64 ",\"received_bytes\":%" PRIu64 ",\"sent_bytes\":%" PRIu64
		 ",\"busy\":%" PRIu64 ",",
		 stats->forwarded, stats->received_bytes, stats->sent_bytes,
		 stats->statuses[-VMSG_FFA_BUSY]);
	print_messages(stats, &out);
	text_add(&out, ",");
	print_calls(stats, &out);
	text_add(&out, "}");
	return out.length;
}

static void print_end(struct text *text, const char *key, size_t bucket)
{
	if (bucket + 1 < STATS_LATENCIES) {
		text_add(text, "\"%s\":%" PRIu64 ",", key, UINT64_C(1) << bucket);
	} else {
		text_add(text, "\"%s\":null,", key);
	}
}

size_t stats_print_latencies(const struct stats *stats, char text[STATS_TEXT_SIZE])
{
	struct text out = { .bytes = text, .size = STATS_TEXT_SIZE };

	text_add(&out, "{\"direct_request_us\":{");
	print_end(&out, "p50", histogram_percentile(stats->latencies, STATS_LATENCIES, 50));
	print_end(&out, "p99", histogram_percentile(stats->latencies, STATS_LATENCIES, 99));
	text_add(&out, "\"latencies\":[");
	for (uint32_t i = 0; i < STATS_LATENCIES; i++) {
		text_add(&out, "%s{", i > 0 ? "," : "");
		print_end(&out, "below", i);
		text_add(&out, "\"count\":%" PRIu64 "}", stats->latencies[i]);
	}
	text_add(&out, "]}}");
	return out.length;
}
