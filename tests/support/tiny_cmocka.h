/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * As much of cmocka as the tests use that also run on machines for which nobody packages it: a case
 * that fails ends the program. Chosen by VMSG_TINY_CMOCKA.
 */
#ifndef VMSG_TESTS_TINY_CMOCKA_H
#define VMSG_TESTS_TINY_CMOCKA_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test)(void **state);
	int (*setup)(void **state);
	int (*teardown)(void **state);
	void *initial_state;
};

#define cmocka_unit_test_setup_teardown(f, before, after)                                          \
	{                                                                                          \
		.name = #f, .test = (f), .setup = (before), .teardown = (after)                    \
	}
#define cmocka_unit_test(f)               cmocka_unit_test_setup_teardown(f, NULL, NULL)
#define cmocka_unit_test_setup(f, before) cmocka_unit_test_setup_teardown(f, before, NULL)
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
	tiny_run(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

static inline void tiny_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	(void)fprintf(stderr, "%s:%d: ", file, line);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	abort();
}

static inline void tiny_equal(uint64_t a, uint64_t b, bool wanted, const char *text,
			      const char *file, int line)
{
	if ((a == b) != wanted) {
		tiny_fail(file, line, "%s: 0x%" PRIx64 " and 0x%" PRIx64, text, a, b);
	}
}

static inline int tiny_run(const struct CMUnitTest *tests, size_t count, int (*setup)(void **state),
			   int (*teardown)(void **state))
{
	void *state = NULL;
	int error = setup ? setup(&state) : 0;

	for (size_t i = 0; i < count && error == 0; i++) {
		state = tests[i].initial_state ? tests[i].initial_state : state;
		(void)fprintf(stderr, "%s\n", tests[i].name);
		error = tests[i].setup ? tests[i].setup(&state) : 0;
		if (error == 0) {
			tests[i].test(&state);
			error = tests[i].teardown ? tests[i].teardown(&state) : 0;
		}
	}
	return error ? error : teardown ? teardown(&state) : 0;
}

#define TINY_WORD(value) ((uint64_t)(uintptr_t)(value))

#define fail_msg(...)      tiny_fail(__FILE__, __LINE__, __VA_ARGS__)
#define print_message(...) ((void)fprintf(stderr, __VA_ARGS__))
#define assert_true(x)     ((x) ? (void)0 : tiny_fail(__FILE__, __LINE__, "not true: %s", #x))
#define assert_false(x)    ((x) ? tiny_fail(__FILE__, __LINE__, "true: %s", #x) : (void)0)
#define assert_null(x)     assert_true((x) == NULL)
#define assert_non_null(x) assert_true((x) != NULL)
#define assert_int_equal(a, b)                                                                     \
	tiny_equal((uint64_t)(a), (uint64_t)(b), true, #a " is not " #b, __FILE__, __LINE__)
#define assert_int_not_equal(a, b)                                                                 \
	tiny_equal((uint64_t)(a), (uint64_t)(b), false, #a " is " #b, __FILE__, __LINE__)
#define assert_ptr_equal(a, b)                                                                     \
	tiny_equal(TINY_WORD(a), TINY_WORD(b), true, #a " is not " #b, __FILE__, __LINE__)
#define assert_string_equal(a, b)                                                                  \
	(strcmp(a, b) == 0 ? (void)0 : tiny_fail(__FILE__, __LINE__, "\"%s\" is not \"%s\"", a, b))
/* no sum that wraps: a value below the range is far above it then */
#define assert_in_range(x, low, high)                                                              \
	assert_true((uint64_t)(x) - (uint64_t)(low) <= (uint64_t)(high) - (uint64_t)(low))
#define assert_string_not_equal(a, b)    assert_true(strcmp(a, b) != 0)
#define assert_memory_equal(a, b, n)     assert_true(memcmp(a, b, n) == 0)
#define assert_memory_not_equal(a, b, n) assert_true(memcmp(a, b, n) != 0)

#endif
