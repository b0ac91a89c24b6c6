/* SPDX-License-Identifier: BSD-3-Clause */
/* serve --manifest: the partitions of a system by FF-A manifests, one of them its scheduler. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/partition.h"
#include "support/process.h"

#define SUCCESS "84000061"

static char directory[32];
static char vm_path[64], sp_path[64];
static struct daemon daemon_process;

static const char vm_source[] =
	"/dts-v1/; / { compatible = \"arm,ffa-manifest-1.1\"; debug_name = \"linux\";\n"
	"ffa-version = <0x00010002>; execution-ctx-count = <2>; exception-level = <0>;\n"
	"execution-state = <0>; has-primary-scheduler; notification-support;\n"
	"services { compatible = \"arm,ffa-manifest-services\";\n"
	"service0 { uuid = \"11223344-5566-7788-99aa-bbccddeeff00\"; messaging-method = <0x607>; "
	"};\n"
	"service1 { uuid = \"21223344-5566-7788-99aa-bbccddeeff00\"; messaging-method = <0x3>; }; "
	"}; };";

static const char sp_source[] =
	"/dts-v1/; / { compatible = \"arm,ffa-manifest-1.0\"; description = \"sp\";\n"
	"ffa-version = <0x00010002>; execution-ctx-count = <2>; exception-level = <2>;\n"
	"execution-state = <0>; id = <4>; notification-support;\n"
	"uuid = <0x1e67b5b4 0xe14f904a 0x13fb1fb8 0xcbdae1da>; messaging-method = <0x607>; };";

static void put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int open_files(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/vmsg-manifests-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(vm_path, sizeof(vm_path), "%s/vm.dts", directory);
	snprintf(sp_path, sizeof(sp_path), "%s/sp.dts", directory);
	put_file(vm_path, vm_source);
	put_file(sp_path, sp_source);
	return 0;
}

static int close_files(void **state)
{
	(void)state;
	remove(vm_path);
	remove(sp_path);
	return rmdir(directory);
}

static void start_system(void)
{
	const char *const arguments[] = { "--manifest",   vm_path, "--manifest", sp_path,
					  "--time-slice", "60000", NULL };

	daemon_start_with(&daemon_process, arguments);
}

static void partitions_are_those_of_the_manifests(void **state)
{
	struct partition vm, sp;

	(void)state;
	start_system();
	partition_join(&vm, &daemon_process, 1);
	partition_join(&sp, &daemon_process, 0x8004);
	/* the SP by its words as they stand in the manifest: 1 entry, itself */
	assert_string_equal(partition_call(&vm, "84000068 1e67b5b4 e14f904a 13fb1fb8 cbdae1da"),
			    SUCCESS " 0 1 18");
	const uint8_t *rx = (const uint8_t *)partition_text(&vm, 1);
	assert_memory_equal(rx, "\x04\x80\x02\x00\x0f\x07\x00\x00", 8);
	assert_string_equal(partition_call(&vm, "84000065"), SUCCESS);
	/* the VM's second service: its own messaging method; two vCPUs */
	assert_string_equal(partition_call(&sp, "84000068 21223344 55667788 99aabbcc ddeeff00"),
			    SUCCESS " 0 1 18");
	rx = (const uint8_t *)partition_text(&sp, 1);
	assert_memory_equal(rx, "\x01\x00\x02\x00\x0b\x01\x00\x00", 8);
	partition_leave(&vm);
	partition_leave(&sp);
	daemon_stop(&daemon_process);
}

/* A notification does not run the SP: it raises SRI at the scheduler, who asks and runs it. */
static void the_scheduler_runs_secure_partitions(void **state)
{
	struct partition vm, sp;

	(void)state;
	start_system();
	partition_join(&vm, &daemon_process, 1);
	partition_join(&sp, &daemon_process, 0x8004);
	assert_string_equal(partition_call(&sp, "8400007f 18004 0 1"), SUCCESS);
	partition_start(&sp, "8400006b");
	assert_string_equal(partition_call(&vm, "84000081 18004 0 1"), SUCCESS);
	assert_true(vmsg_emu_interrupts(vm.emu) & UINT64_C(1) << VMSG_FFA_INTERRUPT_SRI);
	assert_string_equal(partition_call(&vm, "c4000083"), "c4000061 0 80 8004");
	assert_string_equal(partition_peek(&sp), "-");
	partition_start(&vm, "8400006d 80040000");
	assert_string_equal(partition_finish(&sp), "8400006d 80040000");
	assert_true(vmsg_emu_interrupts(sp.emu) & UINT64_C(1) << VMSG_FFA_INTERRUPT_NPI);
	assert_string_equal(partition_call(&sp, "84000082 8004 2"), SUCCESS " 0 0 0 1");
	partition_start(&sp, "8400006b");
	assert_string_equal(partition_finish(&vm), "8400006b");
	partition_leave(&vm);
	partition_leave(&sp);
	daemon_stop(&daemon_process);
}

/* Memory that a vCPU with a connection of its own retrieves is mapped through that. */
static void each_connection_has_grants_of_its_own(void **state)
{
	const struct partition_range range = { 5, 2 };
	struct partition vm, sp, second = { .emu = NULL };
	struct vmsg_ffa_range ranges[1];
	struct vmsg_segment segment;
	char why[256];

	(void)state;
	start_system();
	partition_join(&vm, &daemon_process, 1);
	partition_join(&sp, &daemon_process, 0x8004);
	struct vmsg_emu_options options = {
		.socket_path = daemon_process.socket_path, .id = 0x8004, .vcpu = 1, .join = true
	};
	if (vmsg_emu_connect(&second.emu, &options, why, sizeof(why)) < 0) {
		fail_msg("%s", why);
	}
	second.id = sp.id;
	second.bank = sp.bank; /* TX is that of the partition */
	partition_write_text(&vm, 5, "from the other world");
	const uint64_t handle = partition_share(&vm, 0x8004, true, &range, 1);
	assert_int_equal(strncmp(partition_retrieve(&second, 1, handle, true), "84000075", 8), 0);
	partition_ranges(&vm, &range, 1, ranges);
	const struct vmsg_conduit conduit = vmsg_emu_conduit(second.emu);
	assert_int_equal(conduit.map(conduit.context, handle, ranges, 1, true, &segment, 1), 1);
	assert_string_equal((const char *)segment.data, "from the other world");
	conduit.unmap(conduit.context, handle);
	/* given back by another vCPU */
	assert_string_equal(partition_call(&sp, "84000065"), SUCCESS);
	assert_string_equal(partition_relinquish(&sp, handle), SUCCESS);
	vmsg_emu_close(second.emu);
	partition_leave(&vm);
	partition_leave(&sp);
	daemon_stop(&daemon_process);
}

static void refused_with(const char *const *options, int status, const char *expected)
{
	const char *arguments[16] = { "serve", "-s", "/tmp/vmsg-manifests.sock" };
	struct process process = { 0 };
	size_t count = 3;

	while (*options) {
		arguments[count++] = *options++;
	}
	assert_int_equal(process_run(&process, NULL, arguments), status);
	if (!strstr(process.errors.text, expected)) {
		fail_msg("'%s' where '%s' was expected", process.errors.text, expected);
	}
	process_kill(&process);
}

static void manifests_that_do_not_go_together(void **state)
{
	(void)state;
	refused_with((const char *const[]){ "--manifest", sp_path, "--manifest", sp_path, NULL }, 1,
		     "sp.dts: /: id is 0x8004, as in ");
	refused_with((const char *const[]){ "--manifest", sp_path, "--ffa-version", "1.1", NULL },
		     1, "sp.dts: /: ffa-version is 1.2, and the manager's 1.1");
	refused_with((const char *const[]){ "--manifest", directory, NULL }, 1, "Is a directory");
	refused_with((const char *const[]){ "--manifest", NULL }, 2, "--manifest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitions_are_those_of_the_manifests),
		cmocka_unit_test(the_scheduler_runs_secure_partitions),
		cmocka_unit_test(each_connection_has_grants_of_its_own),
		cmocka_unit_test(manifests_that_do_not_go_together),
	};

	return cmocka_run_group_tests_name("manifests", tests, open_files, close_files);
}
