/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SET_VQUEUE of r3, encoded and decoded COUNT times, by the codec or by what it is held against: a
 * packed struct without any check. bench/instructions.sh counts the instructions of both.
 * usage: bench_instructions codec|packed COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_msg_ffa/codec.h"

/* The floor: header and body as they lie on the wire of a little-endian machine. */
struct packed {
	uint8_t type;
	uint8_t msg_id;
	uint16_t dev_num;
	uint16_t token;
	uint16_t msg_size;
	uint32_t index;
	uint32_t flags;
	uint32_t size;
	uint32_t reserved;
	uint64_t desc_addr;
	uint64_t driver_addr;
	uint64_t device_addr;
} __attribute__((packed));

/* Kept from the optimizer: both run the same calls on the same bytes. */
static __attribute__((noinline)) int packed_encode(const struct vmsg_message *message, uint8_t *at)
{
	const struct vmsg_set_vqueue_request *body = &message->body.set_vqueue_request;
	const struct packed packed = {
		.msg_id = 0x0a,
		.dev_num = message->header.dev_num,
		.token = message->header.token,
		.msg_size = sizeof(packed),
		.index = body->index,
		.flags = body->flags,
		.size = body->size,
		.desc_addr = body->desc_addr,
		.driver_addr = body->driver_addr,
		.device_addr = body->device_addr,
	};

	memcpy(at, &packed, sizeof(packed));
	return sizeof(packed);
}

static __attribute__((noinline)) int packed_decode(const uint8_t *at, struct vmsg_message *message)
{
	struct vmsg_set_vqueue_request *body = &message->body.set_vqueue_request;
	struct packed packed;

	memcpy(&packed, at, sizeof(packed));
	message->header.type = VMSG_SET_VQUEUE;
	message->header.kind = VMSG_REQUEST;
	message->header.dev_num = packed.dev_num;
	message->header.token = packed.token;
	body->index = packed.index;
	body->flags = packed.flags;
	body->size = packed.size;
	body->reserved = packed.reserved;
	body->desc_addr = packed.desc_addr;
	body->driver_addr = packed.driver_addr;
	body->device_addr = packed.device_addr;
	return 0;
}

int main(int argc, char **argv)
{
	const struct vmsg_profile *profile = vmsg_profile(VMSG_PROFILE_R3);
	const bool codec = argc > 1 && strcmp(argv[1], "codec") == 0;
	const long count = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
	struct vmsg_message message = {
		.header = { .type = VMSG_SET_VQUEUE,
			    .kind = VMSG_REQUEST,
			    .dev_num = 7,
			    .token = 86 },
		.body.set_vqueue_request = { 1, 1, 256, 0, 0x9000000010000u, 0x9000000011000u,
					     0x9000000012000u },
	};
	uint8_t frame[64];
	long good = 0;

	for (long i = 0; i < count; i++) {
		if (codec) {
			const int size =
				vmsg_encode(profile, &message,
					    (struct vmsg_span){ frame, sizeof(frame) }, NULL);
			good += size == 48 && vmsg_decode(profile, (struct vmsg_bytes){ frame, 48 },
							  &message, NULL) == 0;
		} else {
			good += packed_encode(&message, frame) == 48 &&
				packed_decode(frame, &message) == 0;
		}
	}
	return good == count ? 0 : 1;
}
