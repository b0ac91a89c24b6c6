/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A partition's connection to the manager: hello, calls, interrupts. A blocking call costs one send
 * and one receive. Invariant: at most one call is outstanding, and only its own return, with its
 * vCPU and sequence number, completes it. A manager that breaks the protocol is lost, as if it had
 * died.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/internal.h"

#define NS_PER_S UINT64_C(1000000000)

union control_buffer {
	struct cmsghdr alignment;
	char bytes[CMSG_SPACE(sizeof(int) * VMSG_WIRE_BANKS_MAX)];
};

void emu_lose(struct vmsg_emu *emu, const char *reason)
{
	if (!atomic_load(&emu->lost)) {
		snprintf(emu->reason, sizeof(emu->reason), "%s", reason);
		atomic_store(&emu->lost, true);
	}
}

int emu_send(struct vmsg_emu *emu, const uint8_t *frame, size_t size)
{
	if (atomic_load(&emu->lost)) {
		return -1;
	}
	while (send(emu->fd, frame, size, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR) {
			continue;
		}
		/* What the manager said last may still be there to read. */
		if (errno == EPIPE || errno == ECONNRESET) {
			while (emu_receive(emu, MSG_DONTWAIT) > 0) {
			}
		}
		emu_lose(emu, "the manager is gone");
		return -1;
	}
	return 0;
}

static void receive_return(struct vmsg_emu *emu, const struct vmsg_wire_header *header,
			   const uint8_t *frame)
{
	if (!emu->outstanding || emu->replied || header->vcpu != emu->vcpu ||
	    header->sequence != emu->sequence) {
		emu_lose(emu, "RETURN frame of no call");
		return;
	}
	vmsg_wire_decode_call(frame, &emu->reply);
	emu->replied = true;
}

static void receive_refuse(struct vmsg_emu *emu, const uint8_t *frame, size_t size)
{
	struct vmsg_wire_refuse refuse;

	vmsg_wire_decode_refuse(frame, size, &refuse);
	emu_lose(emu, refuse.text);
}

/* A frame of a connection that has been welcomed. */
static void act(struct vmsg_emu *emu, const uint8_t *frame, size_t size, int *descriptors,
		size_t descriptor_count)
{
	struct vmsg_wire_header header;
	char why[128];

	if (vmsg_wire_check(frame, size, descriptor_count, false, &header, why, sizeof(why)) != 0) {
		emu_lose(emu, why);
		return;
	}
	switch ((enum vmsg_wire_kind)header.kind) {
	case VMSG_WIRE_RETURN:
		receive_return(emu, &header, frame);
		break;
	case VMSG_WIRE_INTERRUPT: {
		const uint32_t id = vmsg_wire_decode_interrupt(frame);
		emu->interrupts |= id < 64 ? UINT64_C(1) << id : 0;
		break;
	}
	case VMSG_WIRE_GRANT:
		emu_grant_receive(emu, header.flags, frame, size, descriptors, descriptor_count);
		break;
	case VMSG_WIRE_REFUSE:
		receive_refuse(emu, frame, size);
		break;
	case VMSG_WIRE_CHANNEL: /* never asked for, so never taken */
	case VMSG_WIRE_CONTROL:
		break;
	case VMSG_WIRE_HELLO:
	case VMSG_WIRE_WELCOME:
	case VMSG_WIRE_CALL:
	case VMSG_WIRE_RAISE:
	case VMSG_WIRE_GRANT_MORE:
	case VMSG_WIRE_KIND_COUNT:
		emu_lose(emu, "the manager sends what only a partition may");
		break;
	}
}

static size_t collect_descriptors(struct msghdr *message, int descriptors[VMSG_WIRE_BANKS_MAX])
{
	size_t count = 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
			const size_t size = header->cmsg_len - CMSG_LEN(0);
			memcpy(&descriptors[count], CMSG_DATA(header), size);
			count += size / sizeof(int);
		}
	}
	return count;
}

int emu_receive(struct vmsg_emu *emu, int flags)
{
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	int descriptors[VMSG_WIRE_BANKS_MAX];
	union control_buffer control;
	struct iovec part = { .iov_base = frame, .iov_len = sizeof(frame) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };

	if (atomic_load(&emu->lost)) {
		return -1;
	}
	const ssize_t size = recvmsg(emu->fd, &message, flags | MSG_CMSG_CLOEXEC);
	if (size < 0 && errno == EAGAIN) {
		return 0;
	}
	if (size < 0 && errno == EINTR) {
		return 1; /* as good as a frame: the caller looks and asks again */
	}
	if (size <= 0) {
		emu_lose(emu, "the manager is gone");
		return -1;
	}
	const size_t count = collect_descriptors(&message, descriptors);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		emu_lose(emu, "frame or descriptors that do not fit");
	} else {
		act(emu, frame, (size_t)size, descriptors, count);
	}
	for (size_t i = 0; i < count; i++) {
		if (descriptors[i] >= 0) {
			close(descriptors[i]);
		}
	}
	return atomic_load(&emu->lost) ? -1 : 1;
}

int vmsg_emu_start(struct vmsg_emu *emu, const struct vmsg_ffa_regs *regs)
{
	uint8_t frame[VMSG_WIRE_CALL_SIZE];

	if (emu->outstanding) {
		return VMSG_ERROR_STATE;
	}
	const struct vmsg_wire_header header = {
		.kind = VMSG_WIRE_CALL,
		.vcpu = emu->vcpu,
		.sequence = ++emu->sequence,
	};
	if (emu_send(emu, frame, vmsg_wire_encode_call(frame, &header, regs)) < 0) {
		return VMSG_ERROR_PEER;
	}
	emu->outstanding = true;
	emu->replied = false;
	return VMSG_OK;
}

/* Waits if `flags` lets it. 1 with the reply, 0 when it has not come. */
static int finish(struct vmsg_emu *emu, struct vmsg_ffa_regs *regs, int flags)
{
	if (!emu->outstanding) {
		return VMSG_ERROR_STATE;
	}
	while (!emu->replied) {
		const int received = emu_receive(emu, flags);
		if (received <= 0) {
			emu->outstanding = received == 0;
			return received == 0 ? 0 : VMSG_ERROR_PEER;
		}
	}
	emu->outstanding = false;
	*regs = emu->reply;
	return 1;
}

int vmsg_emu_finish(struct vmsg_emu *emu, struct vmsg_ffa_regs *regs)
{
	return finish(emu, regs, MSG_DONTWAIT);
}

static void conduit_call(void *context, struct vmsg_ffa_regs *regs)
{
	if (vmsg_emu_start(context, regs) < 0 || finish(context, regs, 0) < 0) {
		vmsg_ffa_pack_error(regs, VMSG_FFA_ABORTED);
	}
}

static int conduit_map(void *context, uint64_t handle, const struct vmsg_ffa_range *ranges,
		       size_t range_count, bool writable, struct vmsg_segment *segments,
		       size_t capacity)
{
	return emu_grant_map(context, handle, ranges, range_count, writable, segments, capacity);
}

static void conduit_unmap(void *context, uint64_t handle)
{
	emu_grant_unmap(context, handle);
}

static uint64_t conduit_now(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

struct vmsg_conduit vmsg_emu_conduit(struct vmsg_emu *emu)
{
	return (struct vmsg_conduit){
		.call = conduit_call,
		.map = conduit_map,
		.unmap = conduit_unmap,
		.now = conduit_now,
		.context = emu,
	};
}

int vmsg_emu_raise(struct vmsg_emu *emu)
{
	uint8_t frame[VMSG_WIRE_HEADER_SIZE];
	const struct vmsg_wire_header header = { .kind = VMSG_WIRE_RAISE, .vcpu = emu->vcpu };

	if (atomic_load(&emu->lost)) {
		return VMSG_ERROR_PEER;
	}
	const size_t size = vmsg_wire_encode_header(frame, &header);
	if (send(emu->fd, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		return errno == EAGAIN ? VMSG_ERROR_AGAIN : VMSG_ERROR_PEER;
	}
	return VMSG_OK;
}

uint64_t vmsg_emu_interrupts(struct vmsg_emu *emu)
{
	while (emu_receive(emu, MSG_DONTWAIT) > 0) {
	}
	const uint64_t interrupts = emu->interrupts;
	emu->interrupts = 0;
	return interrupts;
}

int vmsg_emu_fd(const struct vmsg_emu *emu)
{
	return emu->fd;
}

uint16_t vmsg_emu_id(const struct vmsg_emu *emu)
{
	return emu->id;
}

bool vmsg_emu_is_lost(const struct vmsg_emu *emu)
{
	return atomic_load(&emu->lost);
}

const char *vmsg_emu_lost_reason(const struct vmsg_emu *emu)
{
	return vmsg_emu_is_lost(emu) ? emu->reason : "";
}

void vmsg_emu_close(struct vmsg_emu *emu)
{
	if (!emu) {
		return;
	}
	emu_grants_free(emu);
	emu_banks_free(emu->own, emu->own_count);
	free(emu->own);
	if (emu->fd >= 0) {
		close(emu->fd);
	}
	free(emu);
}
