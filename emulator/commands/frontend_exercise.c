/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu frontend exercise: a device put through its paces, a line for each of them. */
#include <inttypes.h>
#include <stdio.h>

#include "commands/commands.h"
#include "commands/exercise_steps.h"
#include "commands/frontend.h"
#include "commands/json.h"
#include "commands/report.h"

#define DEFAULT_LENGTH (1u << 20)

struct story {
	const struct frontend_settings *settings;
	struct json json;
};

static void tell_step(struct story *story, const char *step, bool passed, const char *text)
{
	if (!story->settings->json) {
		printf("%-12s %s%s\n", step, passed ? "" : "FAILED", text);
		fflush(stdout);
		return;
	}
	json_open(&story->json, NULL, '{');
	json_text(&story->json, "step", step);
	json_bool(&story->json, "passed", passed);
	json_text(&story->json, "text", text);
	json_close(&story->json, '}');
}

static void passed(void *context, const char *step, const char *text)
{
	tell_step(context, step, true, text);
}

static void begin(struct story *story, const struct session *session)
{
	struct json *json = &story->json;

	if (!story->settings->json) {
		printf("partition 0x%04x, profile %s, seed %" PRIu32 "\n", session->peer,
		       session->bus.profile->name, story->settings->seed);
		return;
	}
	json_open(json, NULL, '{');
	json_text(json, "job", "exercise");
	json_format(json, "peer", "0x%04x", session->peer);
	json_text(json, "profile", session->bus.profile->name);
	json_number(json, "seed", story->settings->seed);
	json_open(json, "steps", '[');
}

static void end(struct story *story, const struct session *session,
		const struct exercise_counts *counts)
{
	struct json *json = &story->json;

	if (counts->failed_step) {
		tell_step(story, counts->failed_step, false, "");
	}
	if (!story->settings->json) {
		printf("%s: device %u, %" PRIu64 " buffers, %" PRIu64 " bytes\n",
		       counts->failed_step ? "failed" : "passed", session->driver.options.dev_num,
		       counts->buffers, counts->bytes);
		return;
	}
	json_close(json, ']');
	json_number(json, "device", session->driver.options.dev_num);
	json_number(json, "buffers", counts->buffers);
	json_number(json, "bytes", counts->bytes);
	json_number(json, "config_reads", counts->config_reads);
	json_number(json, "config_changes", counts->config_changes);
	json_number(json, "queue_resets", counts->queue_resets);
	json_number(json, "device_resets", counts->device_resets);
	json_bool(json, "passed", !counts->failed_step);
	json_close(json, '}');
	json_end(json);
}

int frontend_exercise(const struct frontend_settings *settings)
{
	struct session_options options = settings->session;
	struct story story = { .settings = settings };
	struct exercise_counts counts = { 0 };
	const struct exercise_settings exercise = {
		.bytes = settings->has_length ? settings->length : DEFAULT_LENGTH,
		.seed = settings->seed,
		.passed = passed,
		.context = &story,
	};

	options.stop = frontend_catch_signals();
	struct session *session = session_open(&options);
	if (!session) {
		return VMSG_EXIT_FAILED;
	}
	begin(&story, session);
	const int result = exercise_driver_run(session, &exercise, &counts);
	end(&story, session, &counts);
	session_close(session);
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}
