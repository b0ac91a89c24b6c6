/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every message of every dialect that has sessions, across the partition manager: a driver that
 * speaks in frames, message by message, against our device partition, which acts on them.
 */
#include <string.h>

#include "support/cmocka.h"
#include "support/coverage.h"

#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"
#include "virtio_msg_ffa/pump.h"
#include "virtio_msg_ffa/schema.h"

#define PAGE        4096u
#define SECOND      1000000000ull
#define SP          0x8001u
#define VM          0x0001u
#define NUMBER      5u /* of the device */
#define AREA        1u
#define CONFIG_SIZE 16u
#define SHM_SIZE    0x3000u
#define QUEUE_SIZE  8u

struct side {
	struct vmsg_emu_local_partition *partition;
	struct vmsg_emu_bank banks[2];
	struct vmsg_endpoint endpoint;
	struct coverage_conduit coverage;
};

static struct vmsg_emu_local *local;
static struct side device_side, driver_side;
static struct vmsg_device_pump pump;
static struct vmsg_device_session session;
static struct vmsg_device_slot slot;
static struct vmsg_memory_area areas[4];
static struct vmsg_bus_device numbers[2];
static struct vmsg_device device;
static uint8_t config[CONFIG_SIZE];

static const struct vmsg_profile *profile;
static uint8_t reply_frame[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
static struct vmsg_message reply;

/* ---- the device partition ---- */

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	(void)context;
	memcpy(out.data, config + offset, out.size);
}

static int write_config(void *context, uint32_t offset, struct vmsg_bytes in)
{
	(void)context;
	memcpy(config + offset, in.data, in.size);
	return 0;
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct vmsg_vq_piece piece;
	struct vmsg_vq_chain chain = { .pieces = &piece, .capacity = 1 };

	(void)context;
	while (vmsg_vq_device_pop(queue, &chain) == 1) {
		assert_int_equal(vmsg_vq_device_push(queue, chain.head, 0), 0);
	}
	vmsg_device_notify(&device, index);
}

static int shm(void *context, uint32_t shmid, uint64_t *length, uint64_t *address)
{
	(void)context;
	*length = SHM_SIZE;
	*address = 0x1000;
	return shmid == 2 ? 0 : -1;
}

static void serve(void *context, struct vmsg_ffa_regs *regs)
{
	(void)context;
	assert_int_equal(vmsg_device_pump_serve(&pump, regs, regs), 0);
}

static void open_side(struct side *side, uint16_t id, vmsg_emu_entry entry)
{
	memset(side, 0, sizeof(*side));
	side->banks[0] = (struct vmsg_emu_bank){ .size = 2 * PAGE };
	side->banks[1] = (struct vmsg_emu_bank){ .size = 4 * PAGE };
	side->partition = vmsg_emu_local_start(local, id, side->banks, 2, entry, NULL);
	assert_non_null(side->partition);
	const struct vmsg_conduit direct = vmsg_emu_local_conduit(side->partition);
	const struct vmsg_conduit conduit = coverage_conduit(&side->coverage, id, &direct);
	const struct vmsg_buffer tx = { side->banks[0].data, side->banks[0].address };
	const struct vmsg_buffer rx = { side->banks[0].data + PAGE, side->banks[0].address + PAGE };
	assert_int_equal(vmsg_endpoint_init(&side->endpoint, &conduit, tx, rx, 1), 0);
	side->coverage.forced = profile;
}

static void open_device(void)
{
	static const struct vmsg_device_info info = {
		.device_id = 42,
		.config_size = CONFIG_SIZE,
		.queue_count = 1,
		.queue_size_max = QUEUE_SIZE,
	};
	static const struct vmsg_device_ops ops = {
		.read_config = read_config, .write_config = write_config, .kick = kick, .shm = shm
	};
	const struct vmsg_device_pump_options options = {
		.endpoint = &device_side.endpoint,
		.sessions = &session,
		.session_count = 1,
		.slots = &slot,
		.slot_count = 1,
		.areas = areas,
		.areas_per_session = 4,
		.bus_devices = numbers,
		.bus = {
			.profile = profile,
			.ffa_version = VMSG_FFA_VERSION_1_2,
			.bus_features = VMSG_BUS_FEATURE_DIRECT_RX,
			.max_areas = 4,
		},
	};
	struct vmsg_ffa_regs wait;

	open_side(&device_side, SP, serve);
	assert_int_equal(vmsg_device_init(&device, NUMBER, &info, &ops, NULL), 0);
	slot = (struct vmsg_device_slot){ &device, NULL, true };
	memset(&session, 0, sizeof(session));
	assert_int_equal(vmsg_device_pump_init(&pump, &options), 0);
	vmsg_endpoint_prepare_wait(&device_side.endpoint, &wait);
	vmsg_emu_local_run(device_side.partition, &wait);
}

/* ---- the driver ---- */

static void send(struct vmsg_bytes frame)
{
	static const struct vmsg_ffa_uuid service = VMSG_FFA_UUID_DEVICE_ROLE;

	assert_int_equal(vmsg_endpoint_send_direct2(&driver_side.endpoint, SP, &service, frame,
						    vmsg_emu_local_now(local) + SECOND,
						    reply_frame),
			 0);
}

static bool is_transport(const struct vmsg_message *message)
{
	return !vmsg_type_is_bus(message->header.type);
}

static void send_message(struct vmsg_message *message)
{
	static uint16_t token;
	uint8_t frame[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	message->header.dev_num = is_transport(message) ? NUMBER : 0;
	message->header.token =
		profile->has_token && message->header.kind == VMSG_REQUEST ? ++token : 0;
	const int size =
		vmsg_encode(profile, message, (struct vmsg_span){ frame, sizeof(frame) }, NULL);
	assert_true(size > 0);
	send((struct vmsg_bytes){ frame, (size_t)size });
}

static void read_reply(void)
{
	struct vmsg_diagnosis diagnosis;

	assert_int_equal(vmsg_decode(profile,
				     (struct vmsg_bytes){ reply_frame, sizeof(reply_frame) },
				     &reply, &diagnosis),
			 0);
}

/* Sends a request and takes its response, which is in `reply`. */
static void ask(struct vmsg_message message)
{
	message.header.kind = VMSG_REQUEST;
	send_message(&message);
	read_reply();
	assert_int_equal(reply.header.type, message.header.type);
	assert_int_equal(reply.header.kind, VMSG_RESPONSE);
	assert_int_equal(reply.header.dev_num, message.header.dev_num);
	assert_int_equal(reply.header.token, message.header.token);
}

#define ASK(type_, ...) ask((struct vmsg_message){ .header.type = VMSG_##type_, __VA_ARGS__ })

static void tell(struct vmsg_message message)
{
	message.header.kind = VMSG_EVENT;
	send_message(&message);
}

/* What EVENT_POLL brings: an event of `type`, or EVENT_POLL's own response when it is that. */
static void poll_for(enum vmsg_type type)
{
	struct vmsg_message message = {
		.header = { .type = VMSG_EVENT_POLL, .kind = VMSG_REQUEST },
	};

	send_message(&message);
	read_reply();
	assert_int_equal(reply.header.type, type);
	assert_int_equal(reply.header.kind, type == VMSG_EVENT_POLL ? VMSG_RESPONSE : VMSG_EVENT);
}

static bool has(enum vmsg_type type, enum vmsg_kind kind)
{
	return vmsg_schema_has(profile, type, kind);
}

/* ---- the acts ---- */

static void bus_comes_up(void)
{
	const struct vmsg_version versions = {
		.bus_version = profile->has_version_probe ? 0 : profile->bus_version,
		.transport_revision = profile->has_version_probe ? 0 : VMSG_TRANSPORT_REVISION,
		.ffa_version = profile->has_version_probe ? VMSG_FFA_VERSION_1_2 : 0,
		.bus_features = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX,
		.max_areas = 4,
	};

	ASK(VERSION, .body.version = versions);
	assert_int_equal(reply.body.version.bus_version, profile->bus_version);
	if (profile->has_version_probe) {
		const struct vmsg_version echo = {
			.bus_version = reply.body.version.bus_version,
			.transport_revision = reply.body.version.transport_revision,
			.ffa_version = VMSG_FFA_VERSION_1_2,
		};
		ASK(VERSION, .body.version = echo);
		assert_int_equal(reply.body.version.bus_version, profile->bus_version);
	}
	if (has(VMSG_FIFO_CONFIGURE, VMSG_REQUEST)) { /* a device without one */
		ASK(FIFO_CONFIGURE,
		    .body.fifo_configure_request = { .mem_handle = 1, .page_count = 2 });
		assert_int_equal(reply.body.fifo_configure_response.result, VMSG_RESULT_ERROR);
	}
	if (has(VMSG_EVENT_CONFIGURE, VMSG_REQUEST)) {
		ASK(EVENT_CONFIGURE, .body.event_configure_request.method = VMSG_EVENTS_POLL);
		assert_int_equal(reply.body.event_configure_response.result, VMSG_RESULT_SUCCESS);
	}
	ASK(PING, .body.ping.data = 0x12345678);
	assert_int_equal(reply.body.ping.data, 0x12345678);
	ASK(GET_DEVICES, .body.get_devices_request = { .offset = 0, .count = 8 });
	assert_int_equal(reply.body.get_devices_response.bitmap.size, 1);
	assert_int_equal(reply.body.get_devices_response.bitmap.data[0], 1 << NUMBER);
	poll_for(VMSG_EVENT_POLL);
}

static uint64_t share_area(void)
{
	const struct vmsg_ffa_range range = { driver_side.banks[1].address, 4 };
	uint64_t handle;

	assert_int_equal(
		vmsg_endpoint_share(&driver_side.endpoint, SP, 0, true, &range, 1, &handle), 0);
	ASK(AREA_SHARE, .body.area_share_request = { .area_id = AREA,
						     .mem_handle = handle,
						     .count = 4,
						     .attr = VMSG_AREA_ATTR_DEFAULT });
	assert_int_equal(reply.body.area_share_response.area_id, AREA);
	assert_int_equal(reply.body.area_share_response.result, VMSG_RESULT_SUCCESS);
	return handle;
}

static void set_status(uint32_t status)
{
	ASK(SET_DEVICE_STATUS, .body.set_device_status_request.status = status);
	assert_int_equal(reply.body.set_device_status_response.status, status);
	ASK(GET_DEVICE_STATUS, );
	assert_int_equal(reply.body.get_device_status_response.status, status);
}

static void features_are_agreed(void)
{
	uint8_t words[8];

	ASK(GET_DEVICE_INFO, );
	assert_int_equal(reply.body.get_device_info_response.device_id, 42);
	assert_int_equal(reply.body.get_device_info_response.config_size, CONFIG_SIZE);
	set_status(0);
	set_status(VMSG_STATUS_ACKNOWLEDGE | VMSG_STATUS_DRIVER);
	ASK(GET_DEVICE_FEATURES, .body.get_device_features_request.num_blocks = 2);
	assert_int_equal(reply.body.get_device_features_response.features.size, sizeof(words));
	const struct vmsg_bytes offered = reply.body.get_device_features_response.features;
	assert_true(vmsg_feature_block(&offered, 1) & 1u << (VMSG_F_RING_RESET - 32));
	memset(words, 0, sizeof(words));
	words[4] = 3;                             /* VERSION_1, ACCESS_PLATFORM */
	words[5] = 1 << (VMSG_F_RING_RESET - 40); /* RING_RESET */
	ASK(SET_DRIVER_FEATURES, .body.set_driver_features_request = {
					 .num_blocks = 2,
					 .features = { words, sizeof(words) },
				 });
	set_status(VMSG_STATUS_ACKNOWLEDGE | VMSG_STATUS_DRIVER | VMSG_STATUS_FEATURES_OK);
}

static void config_is_read_and_written(void)
{
	static const uint8_t written[] = { 9, 8, 7 };

	for (size_t i = 0; i < sizeof(config); i++) {
		config[i] = (uint8_t)(0x30 + i);
	}
	ASK(GET_CONFIG, .body.get_config_request = { .offset = 2, .length = 4 });
	assert_int_equal(reply.body.get_config_response.data.size, 4);
	assert_memory_equal(reply.body.get_config_response.data.data, config + 2, 4);
	ASK(SET_CONFIG, .body.set_config_request = {
				.generation = profile->has_strict_generation
						      ? reply.body.get_config_response.generation
						      : 0,
				.offset = 5,
				.length = sizeof(written),
				.data = { written, sizeof(written) },
			});
	assert_int_equal(reply.body.set_config_response.length, sizeof(written));
	assert_memory_equal(config + 5, written, sizeof(written));
	if (has(VMSG_GET_SHM, VMSG_REQUEST)) {
		ASK(GET_SHM, .body.get_shm_request.index = 2);
		assert_int_equal(reply.body.get_shm_response.length, SHM_SIZE);
	}
}

static uint64_t address(uint64_t offset)
{
	uint64_t made = 0;

	assert_int_equal(vmsg_address_make(profile, AREA, offset, &made), 0);
	return made;
}

static void set_queue(void)
{
	ASK(GET_VQUEUE, );
	assert_int_equal(reply.body.get_vqueue_response.max_size, QUEUE_SIZE);
	memset(driver_side.banks[1].data, 0, driver_side.banks[1].size);
	ASK(SET_VQUEUE, .body.set_vqueue_request = {
				.flags = profile->has_queue_flags ? VMSG_SET_VQUEUE_ENABLE : 0,
				.size = QUEUE_SIZE,
				.desc_addr = address(0),
				.driver_addr = address(PAGE),
				.device_addr = address(2 * PAGE),
			});
	ASK(GET_VQUEUE, );
	assert_int_equal(reply.body.get_vqueue_response.cur_size, QUEUE_SIZE);
	assert_int_equal(reply.body.get_vqueue_response.device_addr, address(2 * PAGE));
}

static void store(size_t at, uint64_t value, size_t width)
{
	for (size_t i = 0; i < width; i++) {
		driver_side.banks[1].data[at + i] = (uint8_t)(value >> 8 * i);
	}
}

/* Descriptor 0, for the device to write, and its place in the available ring. */
static void offer_buffer(void)
{
	store(0, address(3 * PAGE), 8);
	store(8, 64, 4);
	store(12, 2, 2);
	store(PAGE + 4, 0, 2);
	store(PAGE + 2, 1, 2);
}

static void queue_and_events_run(void)
{
	const struct vmsg_message kicked = { .header.type = VMSG_EVENT_AVAIL };

	set_queue();
	ASK(RESET_VQUEUE, );
	set_queue();
	set_status(VMSG_STATUS_ACKNOWLEDGE | VMSG_STATUS_DRIVER | VMSG_STATUS_FEATURES_OK |
		   VMSG_STATUS_DRIVER_OK);
	offer_buffer();
	tell(kicked);
	poll_for(VMSG_EVENT_USED);
	assert_int_equal(reply.body.event_used.vq_index, 0);
	vmsg_device_config_changed(&device, 4, 2);
	poll_for(VMSG_EVENT_CONFIG);
	assert_int_equal(reply.body.event_config.device_status, 0xf);
	poll_for(VMSG_EVENT_POLL);
}

/* A queue holds the area: the device owes AREA_RELEASE. Without results it can say that only by not
 * answering. */
static void area_is_given_back(uint64_t handle)
{
	struct vmsg_message message = {
		.header = { .type = VMSG_AREA_UNSHARE, .kind = VMSG_REQUEST },
		.body.area_unshare_request.area_id = AREA,
	};

	send_message(&message);
	read_reply();
	if (profile->has_results) {
		assert_int_equal(reply.header.type, VMSG_AREA_UNSHARE);
		assert_int_equal(reply.body.area_unshare_response.result, VMSG_RESULT_BUSY);
	}
	set_status(0);
	poll_for(VMSG_AREA_RELEASE);
	assert_int_equal(reply.body.area_release.area_id, AREA);
	assert_int_equal(vmsg_endpoint_reclaim(&driver_side.endpoint, handle), 0);
	handle = share_area();
	ASK(AREA_UNSHARE, .body.area_unshare_request.area_id = AREA);
	assert_int_equal(reply.body.area_unshare_response.result, VMSG_RESULT_SUCCESS);
	assert_int_equal(vmsg_endpoint_reclaim(&driver_side.endpoint, handle), 0);
}

static void device_goes_and_comes(void)
{
	slot.present = false;
	vmsg_device_pump_update(&pump);
	poll_for(has(VMSG_EVENT_DEVICE, VMSG_EVENT) ? VMSG_EVENT_DEVICE : VMSG_DEVICE_REMOVED);
	assert_int_equal(reply.body.event_device.device_number, NUMBER);
	slot.present = true;
	vmsg_device_pump_update(&pump);
	poll_for(has(VMSG_EVENT_DEVICE, VMSG_EVENT) ? VMSG_EVENT_DEVICE : VMSG_DEVICE_ADDED);
	assert_int_equal(reply.body.event_device.device_number, NUMBER);
}

static void what_cannot_be_served_is_told(void)
{
	const uint8_t unknown[] = { VMSG_TYPE_BUS, 0x9f, 0, 0, 7, 0, 8, 0 };

	if (has(VMSG_ERROR, VMSG_RESPONSE)) {
		send((struct vmsg_bytes){ unknown, sizeof(unknown) });
		read_reply();
		assert_int_equal(reply.header.type, VMSG_ERROR);
		assert_int_equal(reply.header.token, 7);
		assert_int_equal(reply.body.error_response.original_msg_id, 0x9f);
	}
}

static void every_message_is_served(const char *name)
{
	profile = vmsg_profile_find(name);
	local = vmsg_emu_local_create();
	assert_non_null(local);
	open_device();
	open_side(&driver_side, VM, NULL);
	bus_comes_up();
	const uint64_t handle = share_area();
	features_are_agreed();
	config_is_read_and_written();
	queue_and_events_run();
	area_is_given_back(handle);
	device_goes_and_comes();
	what_cannot_be_served_is_told();
	if (has(VMSG_RESET, VMSG_REQUEST)) {
		ASK(RESET, );
		assert_int_equal(reply.body.reset_response.result, VMSG_RESULT_SUCCESS);
	}
}

static int close_system(void **state)
{
	(void)state;
	vmsg_emu_local_destroy(local);
	return 0;
}

#define DIALECT(name, text)                                                                        \
	static void every_message_of_##name(void **state)                                          \
	{                                                                                          \
		(void)state;                                                                       \
		every_message_is_served(text);                                                     \
	}

DIALECT(r0, "r0")
DIALECT(r1, "r1")
DIALECT(r1_a16, "r1-a16")
DIALECT(r2a, "r2a")
DIALECT(r2b, "r2b")
DIALECT(r3, "r3")

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_message_of_r0, close_system),
		cmocka_unit_test_teardown(every_message_of_r1, close_system),
		cmocka_unit_test_teardown(every_message_of_r1_a16, close_system),
		cmocka_unit_test_teardown(every_message_of_r2a, close_system),
		cmocka_unit_test_teardown(every_message_of_r2b, close_system),
		cmocka_unit_test_teardown(every_message_of_r3, close_system),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
