/* SPDX-License-Identifier: BSD-3-Clause */
/* What a well-behaved driver never sends, and that it is refused without harm. */
#include "parts.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define RUNNING                                                                                    \
	(VMSG_STATUS_ACKNOWLEDGE | VMSG_STATUS_DRIVER | VMSG_STATUS_FEATURES_OK |                  \
	 VMSG_STATUS_DRIVER_OK)
#define TOKEN        9u
#define DESC_SIZE    16u
#define DESC_NEXT    1u
#define DESC_FLAGS   12u /* offsets in a descriptor */
#define DESC_FOLLOWS 14u
#define NOBODY       0x7ffeu

/* ---- raw frames ---- */

/* Sends hand-made bytes and decodes the answer; false when the call itself fails. */
static bool exchange(struct scenario *s, const uint8_t *frame, size_t size,
		     struct vmsg_message *answer, uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE])
{
	int error = vmsg_endpoint_send_direct2(s->endpoint, s->peer, &scenario_device_role,
					       (struct vmsg_bytes){ frame, size },
					       scenario_now(s) + SECOND, buffer);
	if (error < 0) {
		return false;
	}
	const struct vmsg_bytes bytes = { buffer, VMSG_FFA_DIRECT2_PAYLOAD_SIZE };
	return vmsg_decode(vmsg_profile(VMSG_PROFILE_R3), bytes, answer, NULL) == 0;
}

static bool answers_error(struct scenario *s, const uint8_t *frame, size_t size)
{
	struct vmsg_message answer;
	uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	return exchange(s, frame, size, &answer, buffer) && answer.header.type == VMSG_ERROR &&
	       answer.body.error_response.original_msg_id == frame[1];
}

static bool answers_null(struct scenario *s, const uint8_t *frame, size_t size)
{
	struct vmsg_message answer;
	uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	return exchange(s, frame, size, &answer, buffer) && answer.header.type == VMSG_NONE;
}

void hostile_before_negotiation(struct scenario *s)
{
	/* RESET first: an earlier driver may have left the bus up. */
	static const uint8_t reset[] = { 2, 0x83, 0, 0, 9, 0, 8, 0 };
	static const uint8_t get_devices[] = { 2, 2, 0, 0, 9, 0, 12, 0, 0, 0, 8, 0 };
	static const uint8_t get_info[] = { 0, 2, 0, 0, 9, 0, 8, 0 };
	struct vmsg_message answer;
	uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	tap_ok(s->tap,
	       exchange(s, reset, sizeof(reset), &answer, buffer) &&
		       answer.header.type == VMSG_RESET &&
		       answer.body.reset_response.result == VMSG_RESULT_SUCCESS,
	       "RESET is served before VERSION");
	tap_ok(s->tap, answers_error(s, get_devices, sizeof(get_devices)),
	       "GET_DEVICES before VERSION is answered with ERROR");
	tap_ok(s->tap, answers_error(s, get_info, sizeof(get_info)),
	       "GET_DEVICE_INFO before VERSION is answered with ERROR");
}

void hostile_bus(struct scenario *s)
{
	static const uint8_t unknown_bus[] = { 2, 0x3e, 0, 0, 9, 0, 8, 0 };
	static const uint8_t absent_device[] = { 0, 2, 0x77, 0x77, 9, 0, 8, 0 };
	static const uint8_t too_large[] = { 0, 2, 0, 0, 9, 0, 0xff, 0xff };
	static const uint8_t too_small[] = { 0, 2, 0, 0, 9, 0, 7, 0 };
	static const uint8_t short_share[] = { 2, 0x81, 0, 0, 9, 0, 10, 0, 1, 0 };
	/* AREA_SHARE of a handle that nobody gave out */
	static const uint8_t bad_share[34] = { 2, 0x81, 0,    0,    9,    0,    34,   0,    9,
					       0, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x08,
					       0, 0,    0,    0,    0,    0,    0,    0,    1,
					       0, 0,    0,    0xf4, 6,    0,    0 };
	static const uint8_t area_zero[34] = { 2, 0x81, 0, 0, 9, 0, 34,   0, 0, 0, 1, 0,
					       0, 0,    0, 0, 0, 0, 0,    0, 0, 0, 0, 0,
					       0, 0,    1, 0, 0, 0, 0xf4, 6, 0, 0 };
	static const uint8_t unknown_area[] = { 2, 0x82, 0, 0, 9, 0, 10, 0, 0x55, 0x55 };
	struct vmsg_message answer;
	uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	tap_ok(s->tap, answers_error(s, unknown_bus, sizeof(unknown_bus)),
	       "an unknown bus message is answered with ERROR");
	tap_ok(s->tap, answers_error(s, absent_device, sizeof(absent_device)),
	       "a request to an absent device is answered with ERROR");
	tap_ok(s->tap, answers_null(s, too_large, sizeof(too_large)),
	       "a size beyond the frame is dropped");
	tap_ok(s->tap, answers_null(s, too_small, sizeof(too_small)),
	       "a size below the header is dropped");
	tap_ok(s->tap, answers_error(s, short_share, sizeof(short_share)),
	       "a short AREA_SHARE is answered with ERROR");
	tap_ok(s->tap,
	       exchange(s, bad_share, sizeof(bad_share), &answer, buffer) &&
		       answer.header.type == VMSG_AREA_SHARE &&
		       answer.body.area_share_response.result == VMSG_RESULT_ERROR,
	       "AREA_SHARE of an unknown handle is refused");
	tap_ok(s->tap,
	       exchange(s, area_zero, sizeof(area_zero), &answer, buffer) &&
		       answer.header.type == VMSG_AREA_SHARE &&
		       answer.body.area_share_response.result == VMSG_RESULT_ERROR,
	       "area id 0 is refused");
	tap_ok(s->tap,
	       exchange(s, unknown_area, sizeof(unknown_area), &answer, buffer) &&
		       answer.header.type == VMSG_AREA_UNSHARE &&
		       answer.body.area_unshare_response.result == VMSG_RESULT_ERROR,
	       "AREA_UNSHARE of an unknown id is refused");
}

/* ---- what a device refuses ---- */

/* A request to the disk, made by hand: `answer` is what comes back. */
static bool ask_disk(struct scenario *s, enum vmsg_type type, struct vmsg_message *message,
		     struct vmsg_message *answer, uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE])
{
	uint8_t frame[VMSG_FRAME_SIZE_MAX];

	message->header = (struct vmsg_header){
		.type = type,
		.kind = VMSG_REQUEST,
		.dev_num = s->blk_number,
		.token = TOKEN,
	};
	const int size = vmsg_encode(vmsg_profile(VMSG_PROFILE_R3), message,
				     (struct vmsg_span){ frame, sizeof(frame) }, NULL);
	return size > 0 && exchange(s, frame, (size_t)size, answer, buffer);
}

static bool is_still_running(struct scenario *s)
{
	struct vmsg_message message = { 0 };
	struct vmsg_message answer;
	uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	return ask_disk(s, VMSG_GET_DEVICE_STATUS, &message, &answer, buffer) &&
	       answer.header.type == VMSG_GET_DEVICE_STATUS &&
	       answer.body.get_device_status_response.status == RUNNING;
}

static void refused_config(struct scenario *s)
{
	struct vmsg_message message = { 0 };
	struct vmsg_message answer;
	uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	message.body.get_config_request = (struct vmsg_get_config_request){ 24, 1 };
	tap_ok(s->tap,
	       ask_disk(s, VMSG_GET_CONFIG, &message, &answer, buffer) &&
		       answer.header.type == VMSG_ERROR,
	       "a config read beyond the end is answered with ERROR");
	message.body.get_config_request = (struct vmsg_get_config_request){ 0xffffffff, 2 };
	tap_ok(s->tap,
	       ask_disk(s, VMSG_GET_CONFIG, &message, &answer, buffer) &&
		       answer.header.type == VMSG_ERROR,
	       "one that overflows, too");
}

static void refused_status(struct scenario *s)
{
	struct vmsg_message message = { 0 };
	struct vmsg_message answer;
	uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	message.body.set_device_status_request.status = VMSG_STATUS_ACKNOWLEDGE;
	tap_ok(s->tap,
	       ask_disk(s, VMSG_SET_DEVICE_STATUS, &message, &answer, buffer) &&
		       answer.body.set_device_status_response.status == RUNNING &&
		       is_still_running(s),
	       "a status that goes backwards changes nothing");
}

/* Queue 1 does not exist; queue 0 is running, so its place cannot be changed either. */
static void refused_queues(struct scenario *s)
{
	struct vmsg_message message = { 0 };
	struct vmsg_message answer;
	uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	message.body.get_vqueue_request.index = 1;
	tap_ok(s->tap,
	       ask_disk(s, VMSG_GET_VQUEUE, &message, &answer, buffer) &&
		       answer.header.type == VMSG_GET_VQUEUE &&
		       answer.body.get_vqueue_response.max_size == 0,
	       "a queue that does not exist has no size");
	message.body.set_vqueue_request = (struct vmsg_set_vqueue_request){
		.flags = VMSG_SET_VQUEUE_ENABLE,
		.size = QUEUE_SIZE,
		.desc_addr = 0x1000,
		.driver_addr = 0x2000,
		.device_addr = 0x3000,
	};
	bool asked = ask_disk(s, VMSG_SET_VQUEUE, &message, &answer, buffer);
	message.body.get_vqueue_request.index = 0;
	tap_ok(s->tap,
	       asked && ask_disk(s, VMSG_GET_VQUEUE, &message, &answer, buffer) &&
		       answer.body.get_vqueue_response.desc_addr == scenario_pool_address(s, 0),
	       "a running queue stays where it is");
}

/* From 0 bytes to all that fits, with each kind of first byte. Every one gets some answer. */
static void every_length(struct scenario *s)
{
	uint8_t frame[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	bool answered = true;

	for (unsigned int first = 0; first < 4; first++) {
		for (size_t size = 0; answered && size <= sizeof(frame); size++) {
			memset(frame, 0xa5, sizeof(frame));
			frame[0] = (uint8_t)first;
			answered = vmsg_endpoint_send_direct2(
					   s->endpoint, s->peer, &scenario_device_role,
					   (struct vmsg_bytes){ frame, size },
					   scenario_now(s) + SECOND, buffer) == 0;
		}
	}
	tap_ok(s->tap, answered && is_still_running(s), "garbage of every length is survived");
}

/* A chain whose first descriptor is its own next. */
static void loop_of_descriptors(struct scenario *s)
{
	const struct vmsg_vq_buffer buffers[] = {
		{ scenario_pool_address(s, HEADER_OFFSET), 16, false },
		{ scenario_pool_address(s, STATUS_OFFSET), 1, true },
	};
	struct vmsg_driver_event event;
	uint8_t *table = s->pool.data;
	bool offered = vmsg_vq_driver_add(&s->queues[0], buffers, 2, s) == 0;

	for (uint8_t i = 0; i < QUEUE_SIZE; i++) {
		table[i * DESC_SIZE + DESC_FLAGS] = DESC_NEXT;
		table[i * DESC_SIZE + DESC_FOLLOWS] = i;
	}
	offered = offered && vmsg_driver_kick(&s->blk, 0, 0) == 0;
	tap_ok(s->tap,
	       offered && vmsg_driver_pump_run(&s->pump) == 0 &&
		       vmsg_driver_pump_poll(&s->pump) == 0 &&
		       scenario_until_event(s, &s->blk, VMSG_DRIVER_EVENT_NEEDS_RESET, &event),
	       "a loop of descriptors makes the device ask for a reset");
	tap_ok(s->tap,
	       scenario_reset_device(s, 0) && scenario_start_device(s, 0, s->blk_number) &&
		       scenario_block(s, BLK_T_IN, 0, SECTOR_SIZE) == 0,
	       "and the reset makes it whole");
}

void hostile_disk(struct scenario *s)
{
	refused_config(s);
	refused_status(s);
	refused_queues(s);
	every_length(s);
	loop_of_descriptors(s);
}

/* ---- what the partition manager refuses ---- */

void hostile_manager(struct scenario *s)
{
	const struct vmsg_ffa_range range = { s->pool.address, 1 };
	const struct vmsg_ffa_range odd = { s->platform->tx.address + 16, 1 };
	const struct vmsg_ffa_range other = { s->platform->rx.address, 1 };
	struct vmsg_endpoint *endpoint = s->endpoint;
	uint8_t buffer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	const struct vmsg_bytes frame = { buffer, sizeof(buffer) };
	uint64_t handle;

	tap_ok(s->tap,
	       vmsg_endpoint_share(endpoint, s->peer, 1, true, &range, 1, &handle) ==
		       VMSG_ERROR_PEER,
	       "memory that is shared already cannot be shared again");
	if (!s->platform->lax_manager) {
		tap_ok(s->tap,
		       vmsg_endpoint_share(endpoint, s->peer, 1, true, &odd, 1, &handle) < 0,
		       "nor can what begins between two pages");
		tap_ok(s->tap,
		       vmsg_endpoint_share(endpoint, NOBODY, 1, true, &other, 1, &handle) < 0,
		       "nobody is no borrower");
	}
	tap_ok(s->tap, vmsg_endpoint_reclaim(endpoint, 0x123456789abcdef0) == VMSG_ERROR_PEER,
	       "a handle that nobody gave out cannot be reclaimed");
	memset(buffer, 0, sizeof(buffer));
	tap_ok(s->tap,
	       vmsg_endpoint_send_direct2(endpoint, NOBODY, &scenario_device_role, frame,
					  scenario_now(s) + SECOND, buffer) == VMSG_ERROR_PEER,
	       "a message to nobody is refused");
	struct vmsg_ffa_regs regs = { { 0x840000ff } };
	endpoint->conduit.call(endpoint->conduit.context, &regs);
	tap_ok(s->tap, vmsg_ffa_reply_status(&regs) == VMSG_FFA_NOT_SUPPORTED,
	       "a call that does not exist is not supported");
}
