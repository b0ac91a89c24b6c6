/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A partition's connection to the manager: hello, calls, interrupts. A blocking call costs one send
 * and one receive. Invariant: a vCPU has at most one call outstanding, and only its own return,
 * with its sequence number, completes it. A manager that breaks the protocol is lost, as if it had
 * died.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/internal.h"

#define NS_PER_S UINT64_C(1000000000)
#define NPI_BIT  (UINT64_C(1) << VMSG_FFA_INTERRUPT_NPI)

static const char gone[] = "it closed the socket";

void emu_lose(struct vmsg_emu *emu, const char *reason)
{
	if (!atomic_load(&emu->lost)) {
		snprintf(emu->reason, sizeof(emu->reason), "%s", reason);
		atomic_store(&emu->lost, true);
	}
}

/* Sending has failed: the manager is gone, but what it said last may still be there to read. */
static int lose_after_send(struct vmsg_emu *emu)
{
	while (emu_receive(emu, false) > 0) {
	}
	emu_lose(emu, gone);
	return -1;
}

int emu_send(struct vmsg_emu *emu, uint8_t *frame, size_t size)
{
	if (atomic_load(&emu->lost)) {
		return -1;
	}
	return io_send(emu->fd, frame, size, NULL, 0, true) == 0 ? 0 : lose_after_send(emu);
}

static void receive_return(struct vmsg_emu *emu, const struct vmsg_wire_header *header,
			   const uint8_t *frame)
{
	const uint64_t bit = header->vcpu < emu->vcpu_count ? UINT64_C(1) << header->vcpu : 0;

	if (!(emu->outstanding & bit) || (emu->replied & bit) ||
	    header->sequence != emu->vcpus[header->vcpu].sequence) {
		emu_lose(emu, "RETURN frame of no call");
		return;
	}
	vmsg_wire_decode_call(frame, &emu->vcpus[header->vcpu].reply);
	emu_lent_return(emu, &emu->vcpus[header->vcpu]);
	emu->replied |= bit;
	emu->is_fresh = true;
}

static void receive_refuse(struct vmsg_emu *emu, const uint8_t *frame, size_t size)
{
	struct vmsg_wire_refuse refuse;

	vmsg_wire_decode_refuse(frame, size, &refuse);
	emu_lose(emu, refuse.text);
}

/* A frame of a connection that has been welcomed. */
static void act(struct vmsg_emu *emu, const uint8_t *frame, size_t size, struct io_message *in)
{
	const size_t descriptor_count = frame == in->bytes ? in->descriptor_count : 0;
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
		emu_grant_receive(emu, header.flags, frame, size, in->descriptors,
				  descriptor_count);
		break;
	case VMSG_WIRE_REFUSE:
		receive_refuse(emu, frame, size);
		break;
	case VMSG_WIRE_CONTROL:
		emu_request_receive(emu, &header, vmsg_wire_control_text(frame, size));
		break;
	case VMSG_WIRE_BANK:
		emu_bank_receive(emu, &header, frame, size);
		break;
	case VMSG_WIRE_CHANNEL: /* never asked for, so never taken */
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

static void receive_frames(struct vmsg_emu *emu, struct io_message *in)
{
	size_t size;

	for (size_t at = 0; at < in->size && !atomic_load(&emu->lost); at += size) {
		size = vmsg_wire_first_size(in->bytes + at, in->size - at);
		act(emu, in->bytes + at, size, in);
	}
}

int emu_receive(struct vmsg_emu *emu, bool wait)
{
	struct io_message in;

	if (atomic_load(&emu->lost)) {
		return -1;
	}
	const int received = io_receive(&in, emu->fd, wait);
	if (received == 0) {
		return wait; /* interrupted: as good as received, the caller looks and asks again */
	}
	if (received < 0) {
		emu_lose(emu, gone);
		return -1;
	}
	if (in.size == 0) {
		emu_lose(emu, gone);
	} else if (in.flags & (MSG_TRUNC | MSG_CTRUNC)) {
		emu_lose(emu, "frame or descriptors that do not fit");
	} else {
		receive_frames(emu, &in);
	}
	io_done(&in);
	return atomic_load(&emu->lost) ? -1 : 1;
}

static struct vmsg_wire_header next_call(struct vmsg_emu *emu, uint16_t vcpu,
					 const struct vmsg_ffa_regs *regs)
{
	emu_lent_call(emu, &emu->vcpus[vcpu], regs);
	return (struct vmsg_wire_header){
		.kind = VMSG_WIRE_CALL,
		.vcpu = vcpu,
		.sequence = ++emu->vcpus[vcpu].sequence,
	};
}

/* Calls that return when somebody wants something of us. */
static bool is_wait(uint32_t id)
{
	return id == VMSG_FFA_ID32(MSG_WAIT) || id == VMSG_FFA_ID32(MSG_SEND_DIRECT_RESP) ||
	       id == VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP) ||
	       id == VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2);
}

int vmsg_emu_start(struct vmsg_emu *emu, const struct vmsg_ffa_regs *regs)
{
	const uint64_t bit = UINT64_C(1) << emu->vcpu;
	uint8_t frame[VMSG_WIRE_CALL_SIZE];

	if (emu->outstanding & bit) {
		return VMSG_ERROR_STATE;
	}
	emu->waits = is_wait((uint32_t)regs->x[0]);
	if ((uint32_t)regs->x[0] == VMSG_FFA_ID32(NOTIFICATION_GET)) {
		emu->interrupts &= ~NPI_BIT; /* what it was about is fetched now */
	}
	const struct vmsg_wire_header header = next_call(emu, emu->vcpu, regs);
	if (emu_send(emu, frame, vmsg_wire_encode_call(frame, &header, regs)) < 0) {
		return VMSG_ERROR_PEER;
	}
	emu->outstanding |= bit;
	return VMSG_OK;
}

int vmsg_emu_start_many(struct vmsg_emu *emu, const struct vmsg_emu_call *calls, size_t count)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < count; i++) {
		if (calls[i].vcpu >= emu->vcpu_count) {
			return VMSG_ERROR_RANGE;
		}
		const uint64_t bit = UINT64_C(1) << calls[i].vcpu;
		if ((emu->outstanding | bits) & bit) {
			return VMSG_ERROR_STATE;
		}
		bits |= bit;
	}
	if (atomic_load(&emu->lost)) {
		return VMSG_ERROR_PEER;
	}
	emu->outstanding |= bits;
	for (size_t i = 0; i < count; i++) {
		const struct vmsg_wire_header header =
			next_call(emu, calls[i].vcpu, &calls[i].regs);
		emu->outbox.size += vmsg_wire_encode_call(emu->outbox.bytes + emu->outbox.size,
							  &header, &calls[i].regs);
		const bool is_full = emu->outbox.size + VMSG_WIRE_CALL_SIZE > VMSG_WIRE_FRAME_MAX;
		if ((is_full || i == count - 1) && io_flush(&emu->outbox, emu->fd, true) != 0) {
			(void)lose_after_send(emu);
			return VMSG_ERROR_PEER;
		}
	}
	return VMSG_OK;
}

static void collect(struct vmsg_emu *emu, uint16_t vcpu, struct vmsg_ffa_regs *regs)
{
	emu->outstanding &= ~(UINT64_C(1) << vcpu);
	emu->replied &= ~(UINT64_C(1) << vcpu);
	*regs = emu->vcpus[vcpu].reply;
}

/* An interrupt ends the wait of a VM; the manager does that only if the VM waited already. */
static void interrupt_wait(struct vmsg_emu *emu)
{
	if (emu->waits && emu->interrupts & NPI_BIT && !(emu->id >> 15)) {
		emu->waits = false;
		(void)vmsg_emu_raise(emu); /* it fails when the manager is gone */
	}
}

static int finish(struct vmsg_emu *emu, struct vmsg_ffa_regs *regs, bool wait)
{
	const uint64_t bit = UINT64_C(1) << emu->vcpu;

	if (!(emu->outstanding & bit)) {
		return VMSG_ERROR_STATE;
	}
	while (!(emu->replied & bit)) {
		interrupt_wait(emu);
		const int received = emu_receive(emu, wait);
		if (received == 0) {
			return 0;
		}
		if (received < 0) {
			emu->outstanding &= ~bit;
			return VMSG_ERROR_PEER;
		}
	}
	collect(emu, emu->vcpu, regs);
	return 1;
}

int vmsg_emu_finish(struct vmsg_emu *emu, struct vmsg_ffa_regs *regs)
{
	return finish(emu, regs, false);
}

int vmsg_emu_finish_many(struct vmsg_emu *emu, struct vmsg_emu_call *calls, size_t capacity)
{
	size_t count = 0;

	while (!emu->replied) {
		const int received = emu_receive(emu, false);
		if (received <= 0) {
			return received == 0 ? 0 : VMSG_ERROR_PEER;
		}
	}
	for (; emu->replied && count < capacity; count++) {
		const uint16_t vcpu = (uint16_t)__builtin_ctzll(emu->replied);
		calls[count].vcpu = vcpu;
		collect(emu, vcpu, &calls[count].regs);
	}
	return (int)count;
}

static uint64_t conduit_now(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int vmsg_emu_wait(struct vmsg_emu *emu, uint64_t timeout_ns)
{
	struct pollfd poll_fd = { .fd = emu->fd, .events = POLLIN };
	const struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / NS_PER_S),
					  .tv_nsec = (long)(timeout_ns % NS_PER_S) };

	if (emu->interrupts) {
		return 1;
	}
	return ppoll(&poll_fd, 1, timeout_ns < UINT64_MAX ? &timeout : NULL, NULL) > 0;
}

/* Waits for the reply until the alarm; then the wait itself is interrupted, so that the reply comes
 * soon. */
static void keep_alarm(struct vmsg_emu *emu)
{
	const uint64_t bit = UINT64_C(1) << emu->vcpu;
	struct pollfd poll_fd = { .fd = emu->fd, .events = POLLIN };

	while (!(emu->replied & bit)) {
		interrupt_wait(emu);
		const uint64_t now_ns = conduit_now(emu);
		const uint64_t left_ns = emu->alarm_ns > now_ns ? emu->alarm_ns - now_ns : 0;
		const struct timespec timeout = { .tv_sec = (time_t)(left_ns / NS_PER_S),
						  .tv_nsec = (long)(left_ns % NS_PER_S) };
		const int ready = ppoll(&poll_fd, 1, &timeout, NULL);
		if (ready == 0) {
			(void)vmsg_emu_raise(emu); /* it fails when the manager is gone */
			return;
		}
		if (ready > 0 && emu_receive(emu, false) < 0) {
			return;
		}
	}
}

static void conduit_call(void *context, struct vmsg_ffa_regs *regs)
{
	struct vmsg_emu *emu = context;

	if (vmsg_emu_start(emu, regs) == 0) {
		if (emu->waits && emu->alarm_ns != UINT64_MAX) {
			keep_alarm(emu);
		}
		if (finish(emu, regs, true) > 0) {
			return;
		}
	}
	vmsg_ffa_pack_error(regs, VMSG_FFA_ABORTED);
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

/* Interrupts are frames like any other: those that came before a return have been seen with it, and
 * looking once for each call would cost a system call each time. */
static bool conduit_is_interrupted(void *context)
{
	struct vmsg_emu *emu = context;

	while (!emu->is_fresh && !(emu->interrupts & NPI_BIT) && emu_receive(emu, false) > 0) {
	}
	const bool is_interrupted = emu->interrupts & NPI_BIT;
	emu->interrupts &= ~NPI_BIT;
	emu->is_fresh = false;
	return is_interrupted;
}

static void conduit_set_alarm(void *context, uint64_t deadline_ns)
{
	struct vmsg_emu *emu = context;

	emu->alarm_ns = deadline_ns;
}

struct vmsg_conduit vmsg_emu_conduit(struct vmsg_emu *emu)
{
	return (struct vmsg_conduit){
		.call = conduit_call,
		.map = conduit_map,
		.unmap = conduit_unmap,
		.now = conduit_now,
		.is_interrupted = conduit_is_interrupted,
		.set_alarm = conduit_set_alarm,
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
	while (emu_receive(emu, false) > 0) {
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

uint16_t vmsg_emu_vcpu_count(const struct vmsg_emu *emu)
{
	return emu->vcpu_count;
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
	emu_requests_free(emu);
	emu_lent_free(emu);
	emu_banks_free(emu->own, emu->own_count);
	free(emu->own);
	free(emu->vcpus);
	if (emu->fd >= 0) {
		close(emu->fd);
	}
	free(emu);
}
