/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/cmocka.h"

#include "virtio_msg_ffa/error.h"

static void every_code_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(vmsg_error_name(VMSG_ERROR_TRUNCATED), "TRUNCATED");
	assert_string_equal(vmsg_error_name(VMSG_ERROR_NOT_FOUND), "NOT_FOUND");
	assert_string_equal(vmsg_error_name(VMSG_OK), "OK");
	assert_string_equal(vmsg_error_name(7), "OK");
	assert_string_equal(vmsg_error_name(-1000), "UNKNOWN");
	for (int code = -14; code < 0; code++) {
		assert_string_not_equal(vmsg_error_name(code), "UNKNOWN");
		assert_string_not_equal(vmsg_error_text(code), "unknown error");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
