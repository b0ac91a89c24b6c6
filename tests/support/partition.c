/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/partition.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "virtio_msg_ffa/error.h"

#define SUCCESS "84000061"
#define BUSY    "84000060 0 fffffffc"

void partition_join(struct partition *partition, const struct daemon *daemon, uint16_t id)
{
	char why[256];

	memset(partition, 0, sizeof(*partition));
	partition->bank.size = PARTITION_RAM_SIZE;
	struct vmsg_emu_options options = {
		.socket_path = daemon->socket_path,
		.id = id,
		.banks = &partition->bank,
		.bank_count = 1,
	};
	if (vmsg_emu_connect(&partition->emu, &options, why, sizeof(why)) < 0) {
		fail_msg("cannot connect: %s", why);
	}
	partition->id = vmsg_emu_id(partition->emu);
	assert_string_equal(partition_call(partition, "84000063 10002"), "10002");
	assert_string_equal(partition_call(partition, "c4000066 %" PRIx64 " %" PRIx64 " 1",
					   partition->bank.address,
					   partition->bank.address + VMSG_FFA_PAGE_SIZE),
			    SUCCESS);
}

void partition_leave(struct partition *partition)
{
	vmsg_emu_close(partition->emu);
	partition->emu = NULL;
}

char *partition_text(struct partition *partition, size_t page)
{
	return (char *)partition->bank.data + page * VMSG_FFA_PAGE_SIZE;
}

void partition_write_text(struct partition *partition, size_t page, const char *text)
{
	snprintf(partition_text(partition, page), VMSG_FFA_PAGE_SIZE, "%s", text);
}

static void start(struct partition *partition, const char *text)
{
	struct vmsg_ffa_regs regs;

	regs_from_text(text, &regs);
	assert_int_equal(vmsg_emu_start(partition->emu, &regs), 0);
}

void partition_start(struct partition *partition, const char *format, ...)
{
	char text[REGS_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	start(partition, text);
}

/* The manager's own message that a VM is gone interests no test: it is answered. */
static bool answer_death(struct partition *partition, const struct vmsg_ffa_regs *regs)
{
	if (regs->x[0] != VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ) || regs->x[2] != 0x80000006u) {
		return false;
	}
	partition_start(partition, "84000070 %x0000 80000007", partition->id);
	return true;
}

const char *partition_peek(struct partition *partition)
{
	struct vmsg_ffa_regs regs;
	int finished;

	do {
		finished = vmsg_emu_finish(partition->emu, &regs);
	} while (finished > 0 && answer_death(partition, &regs));
	if (finished > 0) {
		regs_to_text(&regs, partition->reply);
	} else {
		snprintf(partition->reply, sizeof(partition->reply), "%s",
			 finished == 0 ? "-" : vmsg_error_name(finished));
	}
	return partition->reply;
}

const char *partition_finish(struct partition *partition)
{
	while (strcmp(partition_peek(partition), "-") == 0) {
		struct pollfd readable = { .fd = vmsg_emu_fd(partition->emu), .events = POLLIN };
		if (poll(&readable, 1, DAEMON_PATIENCE_MS) != 1) {
			fail_msg("no reply for partition 0x%04x", partition->id);
		}
	}
	return partition->reply;
}

void partition_request(struct partition *partition, struct partition *target, const char *format,
		       ...)
{
	char text[REGS_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	start(partition, text);
	while (strcmp(partition_peek(target), "-") == 0) {
		struct pollfd readable[2] = {
			{ .fd = vmsg_emu_fd(partition->emu), .events = POLLIN },
			{ .fd = vmsg_emu_fd(target->emu), .events = POLLIN },
		};
		if (strcmp(partition_peek(partition), "-") != 0) {
			assert_string_equal(partition->reply, BUSY);
			start(partition, text);
		} else if (poll(readable, 2, DAEMON_PATIENCE_MS) < 1) {
			fail_msg("no request for partition 0x%04x", target->id);
		}
	}
	assert_string_equal(target->reply, text);
}

const char *partition_call(struct partition *partition, const char *format, ...)
{
	char text[REGS_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	start(partition, text);
	return partition_finish(partition);
}

void partition_ranges(const struct partition *owner, const struct partition_range *ranges,
		      size_t count, struct vmsg_ffa_range *out)
{
	for (size_t i = 0; i < count; i++) {
		out[i].address =
			owner->bank.address + (uint64_t)ranges[i].first * VMSG_FFA_PAGE_SIZE;
		out[i].pages = ranges[i].pages;
	}
}

uint64_t partition_share(struct partition *partition, uint16_t borrower, bool writable,
			 const struct partition_range *ranges, size_t count)
{
	const struct vmsg_ffa_memory_header header = {
		.sender = partition->id,
		.attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
		.access_size = VMSG_FFA_ACCESS_SIZE_1_2,
	};
	const struct vmsg_ffa_memory_access access = {
		.endpoint = borrower,
		.permissions = writable ? VMSG_FFA_DATA_RW : VMSG_FFA_DATA_RO,
	};
	struct vmsg_ffa_range *addresses = calloc(count, sizeof(*addresses));
	const struct vmsg_span tx = { .data = partition->bank.data, .size = VMSG_FFA_PAGE_SIZE };
	const uint64_t total = vmsg_ffa_memory_size(VMSG_FFA_ACCESS_SIZE_1_2, 1, (uint32_t)count);
	struct vmsg_ffa_regs regs;

	assert_non_null(addresses);
	partition_ranges(partition, ranges, count, addresses);
	uint64_t sent = 0;
	const char *reply = "";
	while (sent < total) {
		const int size = vmsg_ffa_memory_fragment(&header, &access, 1, addresses,
							  (uint32_t)count, sent, tx);
		assert_true(size > 0);
		if (sent == 0) {
			reply = partition_call(partition, "c4000073 %" PRIx64 " %x", total, size);
		} else {
			regs_from_text(reply, &regs); /* FRAG_RX: the handle is in w1, w2 */
			reply = partition_call(partition, "8400007b %" PRIx64 " %" PRIx64 " %x",
					       regs.x[1], regs.x[2], size);
		}
		sent += (uint64_t)size;
	}
	free(addresses);
	regs_from_text(reply, &regs);
	assert_int_equal(regs.x[0], 0x84000061);
	return regs.x[2] | regs.x[3] << 32;
}

const char *partition_retrieve(struct partition *partition, uint16_t owner, uint64_t handle,
			       bool writable)
{
	const struct vmsg_ffa_memory_header header = {
		.sender = owner,
		.attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
		.flags = VMSG_FFA_MEMORY_TYPE_SHARE,
		.handle = handle,
		.access_size = VMSG_FFA_ACCESS_SIZE_1_2,
	};
	const struct vmsg_ffa_memory_access access = {
		.endpoint = partition->id,
		.permissions = writable ? VMSG_FFA_DATA_RW : VMSG_FFA_DATA_RO,
	};
	const struct vmsg_span tx = { .data = partition->bank.data, .size = VMSG_FFA_PAGE_SIZE };

	const int size = vmsg_ffa_memory_build(&header, &access, 1, NULL, 0, tx);
	assert_true(size > 0);
	return partition_call(partition, "c4000074 %x %x", size, size);
}

const char *partition_relinquish(struct partition *partition, uint64_t handle)
{
	const struct vmsg_ffa_relinquish relinquish = {
		.handle = handle,
		.count = 1,
		.endpoint = partition->id,
	};
	const struct vmsg_span tx = { .data = partition->bank.data, .size = VMSG_FFA_PAGE_SIZE };

	assert_true(vmsg_ffa_relinquish_build(&relinquish, tx) > 0);
	return partition_call(partition, "84000076");
}
