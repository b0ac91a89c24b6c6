/* SPDX-License-Identifier: BSD-3-Clause */
/* What `backend --device help` says: every key that a device takes, and no other. */
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/process.h"

static struct process process;

static int teardown(void **state)
{
	(void)state;
	process_kill(&process);
	return 0;
}

/* "--device blk: 'no=1' is none of path=TEXT, serial=TEXT...": how many there are, and that
 * `section` has each of them. */
static unsigned int check_keys(const char *kind, const char *section)
{
	char device[64];
	unsigned int count = 0;

	snprintf(device, sizeof(device), "%s,no-such-key=1", kind);
	assert_int_equal(process_run(&process, NULL,
				     (const char *const[]){ "backend", "--device", device, NULL }),
			 2);
	const char *keys = strstr(process.errors.text, "is none of ");
	if (!keys) { /* it has none */
		assert_non_null(strstr(process.errors.text, "takes no options"));
		return 0;
	}
	for (const char *at = keys + strlen("is none of "); at; at = strchr(at, ',')) {
		char line[64];
		at += strspn(at, ", ");
		snprintf(line, sizeof(line), "\n  %.*s=", (int)strcspn(at, "="), at);
		if (!strstr(section, line)) {
			fail_msg("no '%s' in '%s'", line + 1, section);
		}
		count++;
	}
	return count;
}

static unsigned int count_keys(const char *section)
{
	unsigned int count = 0;

	for (const char *line = strchr(section, '\n'); line; line = strchr(line + 1, '\n')) {
		const size_t length =
			strcspn(line + 1, " =\n") == 0 ? strcspn(line + 3, " =\n") : 0;
		count += line[1] == ' ' && line[3 + length] == '=';
	}
	return count;
}

static void every_key_is_explained(void **state)
{
	static const char *const kinds[] = { "blk", "console",    "exercise", "net",
					     "rng", "vhost-user", "vsock" };
	char help[16384];
	char section[4096];
	(void)state;

	assert_int_equal(process_run(&process, NULL,
				     (const char *const[]){ "backend", "--device", "help", NULL }),
			 0);
	snprintf(help, sizeof(help), "%s", process.output.text);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char title[32];
		snprintf(title, sizeof(title), "\n\n%s: ", kinds[i]);
		const char *begin = strstr(help, title);
		assert_non_null(begin);
		begin += 2;
		const char *end = strstr(begin, "\n\n");
		snprintf(section, sizeof(section), "%.*s",
			 (int)(end ? (size_t)(end - begin) : strlen(begin)), begin);
		assert_int_equal(check_keys(kinds[i], section), count_keys(section));
		assert_non_null(strstr(section, "\n  errors "));
		assert_non_null(strstr(section, "\n  driver "));
		assert_non_null(strstr(section, "\n  example "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_key_is_explained, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
