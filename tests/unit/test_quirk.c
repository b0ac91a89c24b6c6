/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of quirks, its page in docs/, and the quirks that the two machines meet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"

#include "virtio_msg_ffa/device.h"
#include "virtio_msg_ffa/driver.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"
#include "virtio_msg_ffa/quirk.h"

/* ---- the table ---- */

static void every_quirk_says_who_what_and_what_is_done(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= VMSG_QUIRK_LAST; i++) {
		const struct vmsg_quirk_info *info = vmsg_quirk_info(i);
		assert_non_null(info);
		assert_true(*info->who && *info->what && *info->answer);
		assert_int_equal(info->name != NULL, info->policy == VMSG_QUIRK_SWITCH);
		assert_true(!info->name ||
			    (vmsg_quirk_bits(info->name) & VMSG_QUIRK_BIT(i) && *info->sign));
	}
	assert_null(vmsg_quirk_info(0));
	assert_null(vmsg_quirk_info(VMSG_QUIRK_LAST + 1));
}

static void a_switch_is_found_by_its_whole_name(void **state)
{
	(void)state;
	assert_int_equal(vmsg_quirk_bits("linux-rfc1-short-set"), 6); /* Q2 and Q3 */
	assert_int_equal(vmsg_quirk_bits("optee-poc-device-count"), 1 << 11);
	assert_int_equal(vmsg_quirk_bits("linux-rfc1-short"), 0);
	assert_int_equal(vmsg_quirk_bits(""), 0);
}

/* ---- docs/quirks.md ---- */

#define PAGE_SIZE 32768

static size_t table(char *text, size_t size)
{
	static const char *const policies[] = { "taken", "switch", "refused" };
	static const char *const roles[] = { "", "driver", "device", "both" };
	int used = snprintf(text, size,
			    "| | who | what they do | our side | | what is done | switch |\n"
			    "|---|---|---|---|---|---|---|\n");

	for (unsigned int i = 1; i <= VMSG_QUIRK_LAST; i++) {
		const struct vmsg_quirk_info *info = vmsg_quirk_info(i);
		used += snprintf(text + used, size - (size_t)used,
				 "| Q%u | %s | %s | %s | %s | %s | %s%s%s |\n", i, info->who,
				 info->what, roles[info->roles], policies[info->policy],
				 info->answer, info->name ? "`" : "", info->name ? info->name : "",
				 info->name ? "`" : "");
		assert_true((size_t)used < size);
	}
	return (size_t)used;
}

static void the_page_has_the_table(void **state)
{
	(void)state;
	static char page[PAGE_SIZE];
	static char expected[PAGE_SIZE];
	const size_t length = table(expected, sizeof(expected));
	FILE *file = fopen(VMSG_SOURCE_DIR "/docs/quirks.md", "re");

	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = 0;
	assert_int_equal(fclose(file), 0);
	const char *found = strstr(page, "| | who |");
	if (!found || strncmp(found, expected, length) != 0) {
		fputs(expected, stdout);
		fail_msg("docs/quirks.md has another table than this");
	}
}

/* ---- the bytes alone ---- */

static void only_bytes_that_were_received_are_taken(void **state)
{
	(void)state;
	const struct vmsg_profile *r1 = vmsg_profile(VMSG_PROFILE_R1);
	/* SET_DRIVER_FEATURES of two blocks, size 14 */
	uint8_t frame[22] = { 0, 4, 3, 0, 14, 0, 0, 0, 0, 0, 2 };

	for (size_t size = 0; size < 22; size++) {
		assert_int_equal(vmsg_quirk_mend(r1, (struct vmsg_span){ frame, size }, UINT32_MAX),
				 VMSG_QUIRK_NONE);
		assert_int_equal(frame[4], 14);
	}
	assert_int_equal(vmsg_quirk_mend(r1, (struct vmsg_span){ frame, 22 }, 0),
			 VMSG_QUIRK_LINUX_RFC1_SHORT_SET);
	assert_int_equal(frame[4], 14);
	assert_int_equal(vmsg_quirk_mend(r1, (struct vmsg_span){ frame, 22 }, UINT32_MAX),
			 VMSG_QUIRK_LINUX_RFC1_SHORT_SET);
	assert_int_equal(frame[4], 22);
	assert_int_equal(vmsg_quirk_mend(r1, (struct vmsg_span){ frame, 22 }, UINT32_MAX),
			 VMSG_QUIRK_NONE);
	/* as the same message in a dialect that has no such driver */
	frame[4] = 14;
	assert_int_equal(vmsg_quirk_mend(vmsg_profile(VMSG_PROFILE_R0),
					 (struct vmsg_span){ frame, 22 }, UINT32_MAX),
			 VMSG_QUIRK_NONE);
}

static void a_size_that_its_field_cannot_say_is_not_made_up(void **state)
{
	(void)state;
	static uint8_t frame[70000] = { 0, 6, 3, 0, 18, 0 };

	frame[14] = 0xee; /* length 0xffee: 18 more than 65535 in all */
	frame[15] = 0xff;
	assert_int_equal(vmsg_quirk_mend(vmsg_profile(VMSG_PROFILE_R1),
					 (struct vmsg_span){ frame, sizeof(frame) }, UINT32_MAX),
			 VMSG_QUIRK_NONE);
	frame[14] = 0xed;
	assert_int_equal(vmsg_quirk_mend(vmsg_profile(VMSG_PROFILE_R1),
					 (struct vmsg_span){ frame, sizeof(frame) }, UINT32_MAX),
			 VMSG_QUIRK_LINUX_RFC1_SHORT_CONFIG);
	assert_int_equal(frame[4], 0xff);
	assert_int_equal(frame[5], 0xff);
}

/* ---- the device machine ---- */

#define QUEUES 3

static _Alignas(4096) uint8_t ram[QUEUES][4096];
static struct vmsg_memory memory;
static struct vmsg_memory_area areas[1];
static struct vmsg_device device;
static unsigned int kicked; /* bit per queue */

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	(void)context;
	(void)queue;
	kicked |= 1u << index;
}

static void send(enum vmsg_type type, enum vmsg_kind kind, struct vmsg_message message)
{
	struct vmsg_message reply;

	message.header.type = type;
	message.header.kind = kind;
	assert_int_equal(vmsg_device_input(&device, 0, &message), 0);
	(void)vmsg_device_output(&device, &reply);
}

/* Queues 0 and 2 run, 1 does not. */
static void start_device(enum vmsg_profile_id profile, uint32_t quirks)
{
	static const struct vmsg_device_ops ops = { .kick = kick };
	static const struct vmsg_device_info info = {
		.device_id = 1,
		.features = { 0, 1u << (VMSG_F_NOTIFICATION_DATA - 32), 0x80 },
		.queue_count = QUEUES,
		.queue_size_max = 8,
	};
	static const uint8_t features[8] = { 0, 0, 0, 0, 3 };
	const struct vmsg_segment segment = { ram[0], sizeof(ram) };
	struct vmsg_message message = { 0 };

	vmsg_memory_init(&memory, areas, 1, vmsg_profile(profile)->area_id_shift);
	assert_int_equal(vmsg_memory_add(&memory, 0, &segment, 1, true, 0), 0);
	assert_int_equal(vmsg_device_init(&device, 0, &info, &ops, NULL), 0);
	vmsg_device_attach(&device, vmsg_profile(profile), &memory, 96, 0);
	device.quirks = quirks;
	for (uint32_t status = 1; status <= 3; status += 2) {
		message.body.set_device_status_request.status = status;
		send(VMSG_SET_DEVICE_STATUS, VMSG_REQUEST, message);
	}
	message.body.set_driver_features_request =
		(struct vmsg_features){ 0, 2, { features, sizeof(features) } };
	send(VMSG_SET_DRIVER_FEATURES, VMSG_REQUEST, message);
	message.body.set_device_status_request.status = 11;
	send(VMSG_SET_DEVICE_STATUS, VMSG_REQUEST, message);
	for (uint32_t i = 0; i < QUEUES; i += 2) {
		message.body.set_vqueue_request = (struct vmsg_set_vqueue_request){
			.index = i,
			.flags = VMSG_SET_VQUEUE_ENABLE,
			.size = 8,
			.desc_addr = i * 4096u,
			.driver_addr = i * 4096u + 1024,
			.device_addr = i * 4096u + 2048,
		};
		send(VMSG_SET_VQUEUE, VMSG_REQUEST, message);
		assert_true(device.queues[i].enabled);
	}
	message.body.set_device_status_request.status = 15;
	send(VMSG_SET_DEVICE_STATUS, VMSG_REQUEST, message);
	assert_int_equal(device.status, 15);
}

static unsigned int kicked_by(uint32_t index)
{
	const struct vmsg_message message = {
		.header = { .type = VMSG_EVENT_AVAIL, .kind = VMSG_EVENT },
		.body.event_avail.vq_index = index,
	};

	kicked = 0;
	(void)!vmsg_device_input(&device, 0, &message);
	return kicked;
}

static void q7_before_r3_a_device_has_64_features(void **state)
{
	(void)state;
	const struct vmsg_message request = {
		.header = { .type = VMSG_GET_DEVICE_INFO, .kind = VMSG_REQUEST },
	};
	struct vmsg_message reply;

	for (int id = VMSG_PROFILE_R0; id < VMSG_PROFILE_COUNT; id++) {
		start_device((enum vmsg_profile_id)id, 0);
		assert_int_equal(vmsg_device_input(&device, 0, &request), 0);
		assert_int_equal(vmsg_device_output(&device, &reply), 1);
		assert_int_equal(reply.body.get_device_info_response.num_feature_blocks,
				 id == VMSG_PROFILE_R3 ? 3 : 2);
	}
}

static void q8_some_kicks_are_of_every_queue(void **state)
{
	(void)state;
	const uint32_t on = VMSG_QUIRK_BIT(VMSG_QUIRK_LINUX_RFC1_NOTIFICATION_DATA);

	/* the example of the document: queue 2, offset 5, wrap 1 */
	start_device(VMSG_PROFILE_R1, on);
	assert_int_equal(kicked_by(0x8005ffff), 5);
	assert_int_equal(kicked_by(0x0000ffff), 5);
	assert_int_equal(kicked_by(2), 4);
	assert_int_equal(kicked_by(0xfffe), 0);
	start_device(VMSG_PROFILE_R1, 0);
	assert_int_equal(kicked_by(0x8005ffff), 0);
	/* dialects with tokens have no such driver */
	start_device(VMSG_PROFILE_R3, on);
	assert_int_equal(kicked_by(0x8005ffff), 0);
	/* in r0 it is a rule, in two editions */
	start_device(VMSG_PROFILE_R0, 0);
	assert_int_equal(kicked_by(0xffff), 5);
	assert_int_equal(kicked_by(0xffffffff), 5);
	assert_int_equal(kicked_by(0x8005ffff), 0);
}

/* ---- the driver machine ---- */

/* What a bus of 48 bytes carries, and a device that says nothing to more than it (QEMU). */
static void q23_nothing_larger_than_the_bus_is_sent(void **state)
{
	(void)state;
	static uint8_t config[64];
	struct vmsg_driver driver;
	struct vmsg_message message;
	const struct vmsg_driver_options options = {
		.profile = vmsg_profile(VMSG_PROFILE_R2B),
		.frame_size_max = 48,
		.config_buffer = config,
		.config_buffer_size = sizeof(config),
	};

	assert_int_equal(vmsg_driver_init(&driver, &options), 0);
	driver.state = VMSG_DRIVER_CONFIGURABLE;
	driver.info.config_size = sizeof(config);
	assert_int_equal(vmsg_driver_write_config(&driver, 0, 0, (struct vmsg_bytes){ config, 29 }),
			 VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_write_config(&driver, 0, 0, (struct vmsg_bytes){ config, 28 }),
			 0);
	assert_int_equal(vmsg_driver_output(&driver, &message), 1);
	assert_int_equal(vmsg_encoded_size(options.profile, &message), 48);
	/* features: all that a driver here can have fit eight blocks */
	assert_true(VMSG_FEATURE_BLOCKS_MAX <= (48 - 16) / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_quirk_says_who_what_and_what_is_done),
		cmocka_unit_test(a_switch_is_found_by_its_whole_name),
		cmocka_unit_test(the_page_has_the_table),
		cmocka_unit_test(only_bytes_that_were_received_are_taken),
		cmocka_unit_test(a_size_that_its_field_cannot_say_is_not_made_up),
		cmocka_unit_test(q7_before_r3_a_device_has_64_features),
		cmocka_unit_test(q8_some_kicks_are_of_every_queue),
		cmocka_unit_test(q23_nothing_larger_than_the_bus_is_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
