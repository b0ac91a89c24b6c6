/* SPDX-License-Identifier: BSD-3-Clause */
/* Percentiles of histograms. */
#include "support/cmocka.h"

#include "histogram.h"

static void nothing_has_no_percentile(void **state)
{
	static const uint64_t counts[3];
	(void)state;

	assert_int_equal(histogram_percentile(counts, 3, 50), 3);
}

static void a_percentile_is_the_bucket_where_it_lies(void **state)
{
	static const uint64_t one[4] = { 0, 0, 1, 0 };
	static const uint64_t halves[4] = { 50, 0, 0, 50 };
	static const uint64_t rest[4] = { 98, 1, 0, 1 };
	static const uint64_t many[2] = { UINT64_MAX / 2, UINT64_MAX / 2 };
	(void)state;

	assert_int_equal(histogram_percentile(one, 4, 50), 2);
	assert_int_equal(histogram_percentile(one, 4, 99), 2);
	assert_int_equal(histogram_percentile(halves, 4, 50), 0);
	assert_int_equal(histogram_percentile(halves, 4, 51), 3);
	assert_int_equal(histogram_percentile(rest, 4, 98), 0);
	assert_int_equal(histogram_percentile(rest, 4, 99), 1);
	assert_int_equal(histogram_percentile(rest, 4, 100), 3);
	assert_int_equal(histogram_percentile(many, 2, 50), 0);
	assert_int_equal(histogram_percentile(many, 2, 99), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_has_no_percentile),
		cmocka_unit_test(a_percentile_is_the_bucket_where_it_lies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
