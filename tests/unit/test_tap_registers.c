/* SPDX-License-Identifier: BSD-3-Clause */
/* The names of registers, held to calls as the specification prints them. */
#include <string.h>

#include "support/cmocka.h"

#include "tap/registers.h"

static const struct tap_register *find(uint32_t function_id, bool is_answer, const char *name)
{
	const struct tap_register *part;

	for (size_t i = 0; (part = tap_register_of(function_id, is_answer, i)); i++) {
		if (strcmp(part->name, name) == 0) {
			return part;
		}
	}
	fail_msg("%s has no %s", vmsg_ffa_call_name(function_id), name);
	return NULL;
}

static uint64_t number(uint32_t function_id, bool is_answer, const char *name,
		       const struct vmsg_ffa_regs *regs)
{
	return tap_register_number(find(function_id, is_answer, name), regs);
}

static void numbers_come_from_their_bits(void **state)
{
	const struct vmsg_ffa_regs direct = { { VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2), 0x00018002 } };
	const struct vmsg_ffa_regs reclaim = { { VMSG_FFA_ID32(MEM_RECLAIM), 0xffffffff11223344,
						 0x80000000, 1 } };
	const struct vmsg_ffa_regs found = { { VMSG_FFA_ID64(SUCCESS), 0, 0x0018000500020001 } };

	(void)state;
	assert_int_equal(number((uint32_t)direct.x[0], false, "source", &direct), 1);
	assert_int_equal(number((uint32_t)direct.x[0], false, "destination", &direct), 0x8002);
	assert_int_equal(number((uint32_t)reclaim.x[0], false, "handle", &reclaim),
			 0x8000000011223344);
	assert_int_equal(number(VMSG_FFA_ID64(PARTITION_INFO_GET_REGS), true, "last", &found), 1);
	assert_int_equal(number(VMSG_FFA_ID64(PARTITION_INFO_GET_REGS), true, "current", &found),
			 2);
	assert_int_equal(number(VMSG_FFA_ID64(PARTITION_INFO_GET_REGS), true, "tag", &found), 5);
	assert_int_equal(number(VMSG_FFA_ID64(PARTITION_INFO_GET_REGS), true, "size", &found), 24);
}

static void an_answer_has_its_call_s_meaning(void **state)
{
	(void)state;
	assert_int_equal(find(VMSG_FFA_ID32(MEM_SHARE), true, "handle")->form, TAP_HALVES);
	assert_int_equal(find(VMSG_FFA_ID64(MEM_SHARE), true, "handle")->first, 2);
	assert_null(tap_register_of(VMSG_FFA_ID32(RX_RELEASE), true, 0));
	assert_int_equal(find(VMSG_FFA_ID32(ERROR), false, "status")->form, TAP_STATUS);
}

static void what_is_no_call_has_no_parts(void **state)
{
	(void)state;
	assert_null(tap_register_of(0, false, 0));
	assert_null(tap_register_of(0x00010002, false, 0));
	assert_null(tap_register_of(0xffffffff, false, 0));
	assert_null(tap_register_of(0x8500006f, false, 0));
}

/* A call's parts stand together, none reaches beyond the registers, no two have a name. */
static void the_table_is_in_order(void **state)
{
	const struct tap_register *part;

	(void)state;
	assert_non_null(tap_register(0));
	for (size_t i = 0; (part = tap_register(i)); i++) {
		const unsigned int registers = part->form == TAP_HALVES || part->form == TAP_UUID
						       ? 2
					       : part->form == TAP_UUID_WORDS ? 4
									      : 1;
		const uint32_t id32 = VMSG_FFA_ID32(ERROR) - VMSG_FFA_CALL_ERROR + part->call;
		const uint32_t id = strcmp(vmsg_ffa_call_name(id32), "FFA_UNKNOWN") == 0
					    ? id32 | 0x40000000u
					    : id32;
		size_t same = 0;

		assert_string_not_equal(vmsg_ffa_call_name(id), "FFA_UNKNOWN");
		assert_in_range(part->first, 1, VMSG_FFA_REGISTERS - registers);
		assert_in_range(part->bit + part->bits, 0, 64);
		for (size_t j = 0; j <= i; j++) {
			const struct tap_register *other = tap_register(j);
			if (other->call == part->call && other->is_answer == part->is_answer) {
				assert_ptr_equal(tap_register_of(id, part->is_answer, same), other);
				assert_true(i == j || strcmp(other->name, part->name) != 0);
				same++;
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_come_from_their_bits),
		cmocka_unit_test(an_answer_has_its_call_s_meaning),
		cmocka_unit_test(what_is_no_call_has_no_parts),
		cmocka_unit_test(the_table_is_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
