/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FF-A registers: any 18 of them through names, statuses, pack and unpack; and a manager that
 * answers an endpoint's calls with any registers and leaves any bytes in RX.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "virtio_msg_ffa/endpoint.h"
#include "virtio_msg_ffa/error.h"

#define PAGE      4096u
#define CALLS_MAX 2000
#define SEGMENTS  2

struct manager {
	const uint8_t *data;
	size_t size;
	unsigned int calls;
	uint64_t now_ns;
	uint64_t mapped; /* handle */
	bool is_mapped;
};

static uint8_t tx[PAGE];
static uint8_t rx[PAGE];

static void expect(bool holds)
{
	if (!holds) {
		abort();
	}
}

static uint8_t take(struct manager *manager)
{
	if (manager->size == 0) {
		return 0;
	}
	manager->size--;
	return *manager->data++;
}

static uint64_t take_word(struct manager *manager)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++) {
		value = value << 8 | take(manager);
	}
	return value;
}

/* Success is what leads further, so it is frequent. */
static uint64_t answer_id(struct manager *manager, uint64_t called)
{
	static const uint32_t ids[] = {
		VMSG_FFA_ID32(SUCCESS),
		VMSG_FFA_ID64(SUCCESS),
		VMSG_FFA_ID32(ERROR),
		VMSG_FFA_ID32(INTERRUPT),
		VMSG_FFA_ID32(YIELD),
		VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2),
		VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2),
		VMSG_FFA_ID32(MEM_RETRIEVE_RESP),
		VMSG_FFA_ID32(MEM_FRAG_RX),
		VMSG_FFA_ID32(MEM_FRAG_TX),
		VMSG_FFA_SMCCC_UNKNOWN,
		VMSG_FFA_VERSION_1_2,
		VMSG_FFA_VERSION_1_1,
	};
	const uint8_t choice = take(manager);

	if (choice == 0xff) {
		return take_word(manager);
	}
	if (called == VMSG_FFA_ID32(VERSION) && choice < 0x80) {
		return choice & 1 ? VMSG_FFA_VERSION_1_1 : VMSG_FFA_VERSION_1_2;
	}
	return ids[choice % (sizeof(ids) / sizeof(ids[0]))];
}

static void call(void *context, struct vmsg_ffa_regs *regs)
{
	struct manager *manager = context;
	const uint64_t called = regs->x[0];

	expect(++manager->calls < CALLS_MAX); /* whatever a manager says, a call must end */
	memset(regs, 0, sizeof(*regs));
	manager->now_ns += 1000000;
	regs->x[0] = answer_id(manager, called);
	const uint8_t shape = take(manager);
	for (int i = 1; i < VMSG_FFA_REGISTERS && shape & 1; i++) {
		regs->x[i] = shape & 2 ? take_word(manager) : take(manager);
	}
	const size_t filled = (size_t)(shape & 0xf0) << 2;
	for (size_t i = 0; i < filled; i++) {
		rx[i] = take(manager);
	}
}

static int map(void *context, uint64_t handle, const struct vmsg_ffa_range *ranges,
	       size_t range_count, bool writable, struct vmsg_segment *segments, size_t capacity)
{
	struct manager *manager = context;
	uint64_t pages = 0;

	(void)writable;
	expect(!manager->is_mapped && range_count > 0 && range_count <= VMSG_REGION_RANGES_MAX);
	for (size_t i = 0; i < range_count; i++) {
		pages += ranges[i].pages;
	}
	expect(pages > 0 && capacity == SEGMENTS);
	const int result = (int)take(manager) % 4;
	if (result == 3) {
		return VMSG_ERROR_NO_SPACE;
	}
	segments[0] = (struct vmsg_segment){ tx, pages * PAGE };
	segments[1] = segments[0];
	manager->mapped = handle;
	manager->is_mapped = result > 0;
	return result > 0 ? result : VMSG_ERROR_PEER;
}

static void unmap(void *context, uint64_t handle)
{
	struct manager *manager = context;

	expect(!manager->is_mapped || handle == manager->mapped);
	manager->is_mapped = false;
}

static uint64_t now(void *context)
{
	const struct manager *manager = context;

	return manager->now_ns;
}

static void any_registers(struct manager *manager)
{
	uint8_t bytes[VMSG_FFA_FRAME_SIZE];
	uint8_t back[VMSG_FFA_FRAME_SIZE];
	uint8_t payload[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	struct vmsg_ffa_partition_info info;
	struct vmsg_ffa_regs regs, again;
	struct vmsg_ffa_uuid uuid;
	uint64_t pair[2];

	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = take(manager);
	}
	vmsg_ffa_regs_load(&regs, bytes);
	vmsg_ffa_regs_store(&regs, back);
	expect(memcmp(bytes, back, sizeof(bytes)) == 0);
	expect(vmsg_ffa_call_name((uint32_t)regs.x[0]) != NULL);
	expect(vmsg_ffa_status_name(vmsg_ffa_reply_status(&regs)) != NULL);
	expect(vmsg_ffa_reply_status(&regs) <= 0);
	vmsg_ffa_unpack_direct2_payload(&regs, payload);
	expect(memcmp(payload, bytes + 32, sizeof(payload)) == 0);
	vmsg_ffa_uuid_from_pair(&uuid, &regs.x[2]);
	expect(vmsg_ffa_pack_direct_request2(&again, vmsg_ffa_source(&regs),
					     vmsg_ffa_destination(&regs), &uuid,
					     (struct vmsg_bytes){ payload, sizeof(payload) }) == 0);
	vmsg_ffa_uuid_to_pair(&uuid, pair);
	expect(memcmp(&again.x[2], &regs.x[2], sizeof(again.x) - 16) == 0);
	expect(memcmp(pair, &regs.x[2], sizeof(pair)) == 0);
	vmsg_ffa_partition_info_load(&info, bytes);
	vmsg_ffa_partition_info_store(&info, back);
	expect(memcmp(bytes, back, VMSG_FFA_PARTITION_INFO_SIZE) == 0);
}

/* Device side: the registers that end a wait, and the answer to them. */
static void any_wake(struct vmsg_endpoint *endpoint, struct manager *manager)
{
	struct vmsg_incoming incoming;
	struct vmsg_ffa_regs regs;

	vmsg_endpoint_prepare_wait(endpoint, &regs);
	call(manager, &regs);
	if (vmsg_endpoint_incoming(endpoint, &regs, &incoming) < 0) {
		return;
	}
	const struct vmsg_bytes payload = { incoming.payload, take(manager) % 128u };
	const struct vmsg_bytes sound = { incoming.payload,
					  payload.size < 112 ? payload.size : 112 };
	expect(vmsg_endpoint_prepare_answer(endpoint, &incoming, sound, &regs) == 0);
}

static void any_operation(struct vmsg_endpoint *endpoint, struct manager *manager)
{
	struct vmsg_ffa_partition_info infos[4];
	struct vmsg_segment segments[SEGMENTS];
	struct vmsg_ffa_range ranges[300];
	uint8_t answer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	uint64_t handle = 0;
	uint32_t properties[2];
	const uint8_t choice = take(manager);
	struct vmsg_region region = { .owner = choice,
				      .handle = take(manager),
				      .pages = take(manager) };

	for (size_t i = 0; i < 300; i++) {
		ranges[i] = (struct vmsg_ffa_range){ (uint64_t)i * 2 * PAGE, 1 };
	}
	switch (choice % 7) {
	case 0:
		(void)!vmsg_endpoint_feature(endpoint, take(manager), 0, properties);
		break;
	case 1:
		(void)!vmsg_endpoint_discover(endpoint, NULL, infos, choice % 5);
		break;
	case 2:
		(void)!vmsg_endpoint_send_direct2(endpoint, 2, NULL,
						  (struct vmsg_bytes){ tx, choice % 120u },
						  manager->now_ns + 20000000, answer);
		break;
	case 3:
		(void)!vmsg_endpoint_share(endpoint, 2, 0, true, ranges, 1u + choice, &handle);
		break;
	case 4:
		if (vmsg_endpoint_retrieve(endpoint, &region, segments, SEGMENTS) < 0) {
			expect(!manager->is_mapped);
			break;
		}
		expect(manager->is_mapped);
		(void)!vmsg_endpoint_relinquish(endpoint, region.handle);
		expect(!manager->is_mapped);
		break;
	case 5:
		(void)!vmsg_endpoint_reclaim(endpoint, region.handle);
		break;
	default:
		any_wake(endpoint, manager);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manager manager = { .data = data, .size = size };
	const struct vmsg_conduit conduit = {
		.call = call,
		.map = map,
		.unmap = unmap,
		.now = now,
		.context = &manager,
	};
	const struct vmsg_buffer send = { tx, 0x80000000 };
	const struct vmsg_buffer receive = { rx, 0x80001000 };
	struct vmsg_endpoint endpoint;

	memset(rx, 0, sizeof(rx));
	if (take(&manager) & 1) {
		any_registers(&manager);
		return 0;
	}
	if (vmsg_endpoint_init(&endpoint, &conduit, send, receive, 1) < 0) {
		return 0;
	}
	while (manager.size > 0) {
		any_operation(&endpoint, &manager);
	}
	vmsg_endpoint_close(&endpoint);
	return 0;
}
