/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One endpoint of the suite, a process: acs-... NAME SOCKET READY-FD EXCLUSIONS [TEST...]. VM1
 * drives the tests; it goes through the suite's list as val_test_dispatch() does, except that it
 * leaves out what is excluded, and says what became of each entry. The others wait for what VM1
 * sends them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"
#include "topology.h"
#include "val_endpoints.h"
#include "val_interfaces.h"
#include "val_test_dispatch.h"
#include "val_common_status.h"

#define LINE_SIZE 256

extern const uint32_t total_tests;
extern mp_test_status_t g_mp_state;

static unsigned int logical_id_of(const char *name)
{
	for (unsigned int i = 1; i <= VM3; i++) {
		if (strcmp(endpoint_info_table[i].name, name) == 0) {
			return i;
		}
	}
	return 0;
}

/* Lines of "name: reason"; the reason of this name, or NULL. */
static const char *excluded_because(const char *path, const char *name)
{
	static char line[LINE_SIZE];
	const size_t length = strlen(name);
	FILE *file = fopen(path, "r");
	const char *reason = NULL;

	while (file && !reason && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, name, length) == 0 && line[length] == ':') {
			reason = line + length + 1 + strspn(line + length + 1, " ");
		}
	}
	if (file) {
		fclose(file);
	}
	return reason;
}

static bool is_chosen(const char *name, char **chosen)
{
	if (!*chosen) {
		return true;
	}
	while (*chosen && strcmp(*chosen, name) != 0) {
		chosen++;
	}
	return *chosen != NULL;
}

/* 0 when everything that is not excluded has passed. */
static int run_tests(const char *exclusions, char **chosen)
{
	unsigned int passed = 0, failed = 0, excluded = 0;

	for (uint32_t i = 1; i < total_tests && test_list[i].testentry_fn; i++) {
		const char *name = test_list[i].test_name + 1; /* behind a space */
		const char *reason = excluded_because(exclusions, name);
		if (!is_chosen(name, chosen)) {
			continue;
		}
		if (reason && !*chosen) {
			printf("excluded %s: %s\n", name, reason);
			excluded++;
			continue;
		}
		g_mp_state.g_current_test_num = i;
		val_test_init(i);
		test_list[i].testentry_fn(i);
		val_test_exit();
		const uint32_t state = val_report_status();
		if (state == TEST_PASS) {
			printf("passed %s\n", name);
			passed++;
		} else {
			printf("FAILED %s%s\n", name, state == TEST_SKIP ? " (skipped)" : "");
			failed++;
		}
		fflush(stdout);
	}
	printf("acs: %u passed, %u failed, %u excluded of %u\n", passed, failed, excluded,
	       passed + failed + excluded);
	return failed > 0;
}

/* Who boots a VM negotiates; a secure partition's version stands in its manifest. */
static void negotiate(void)
{
	ffa_args_t args = { .arg1 = (FFA_VERSION_MAJOR << 16) | FFA_VERSION_MINOR };

	val_ffa_version(&args);
	if (args.fid == FFA_ERROR_NOT_SUPPORTED) {
		VAL_PANIC("FF-A version refused\n");
	}
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: %s NAME SOCKET READY-FD EXCLUSIONS [TEST...]\n", argv[0]);
		return 2;
	}
	const unsigned int logical_id = logical_id_of(argv[1]);
	if (logical_id == 0 ||
	    !platform_connect(argv[2], logical_id, endpoint_info_table[logical_id].id,
			      atoi(argv[3]))) {
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	platform_catch_faults();
	if (logical_id >= VM1) {
		negotiate();
	}
	if (logical_id != VM1) {
		val_run_test_suite(); /* ends when the manager does */
		return 1;
	}
	val_ep_info_relayer_sync();
	val_send_sync_ep_info();
	const int result = run_tests(argv[4], argv + 5);
	fflush(NULL);
	return result;
}
