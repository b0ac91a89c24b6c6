/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goal 15: a page shared, retrieved, mapped, touched and relinquished through the daemon, against
 * the least that two processes can do: a memfd made, sent over one hop with SCM_RIGHTS, mapped,
 * touched, unmapped, acknowledged. On one core. And growth: the same with 10,000 regions alive.
 * Owner and borrower are two partitions in this process, so that telling the borrower what to
 * retrieve is not measured.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system.h"

#define CYCLES      1000
#define PAGE        4096u
#define OWNER_ID    1
#define BORROWER_ID 0x8001
#define ECHO_ID     0x8002
#define REGIONS     10000
#define RAM_SIZE    ((2 + CYCLES + REGIONS) * (uint64_t)PAGE)

/* ---- the floor ---- */

static void send_descriptor(int socket, int descriptor)
{
	union {
		struct cmsghdr alignment;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	char byte = 0;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
	if (sendmsg(socket, &message, 0) != 1) {
		die("sendmsg");
	}
}

static int receive_descriptor(int socket)
{
	union {
		struct cmsghdr alignment;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	int descriptor;

	if (recvmsg(socket, &message, 0) != 1 || !CMSG_FIRSTHDR(&message)) {
		return -1;
	}
	memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return descriptor;
}

static void run_receiver(void *context, int ready)
{
	const int socket = ((const int *)context)[1];

	close(((const int *)context)[0]);
	(void)!write(ready, "", 1);
	for (;;) {
		const int descriptor = receive_descriptor(socket);
		if (descriptor < 0) {
			return;
		}
		uint8_t *data = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
		close(descriptor);
		data[0]++;
		munmap(data, PAGE);
		(void)!send(socket, "", 1, 0);
	}
}

static double time_floor(int socket)
{
	const uint64_t start = now_ns();
	char byte;

	for (int i = 0; i < CYCLES; i++) {
		const int descriptor = memfd_create("page", MFD_CLOEXEC);
		if (descriptor < 0 || ftruncate(descriptor, PAGE) != 0) {
			die("memfd");
		}
		send_descriptor(socket, descriptor);
		if (recv(socket, &byte, 1, 0) != 1) {
			die("recv");
		}
		close(descriptor);
	}
	return (double)(now_ns() - start) / CYCLES;
}

/* ---- the product ---- */

static uint64_t share(struct vmsg_emu *emu, const struct vmsg_emu_bank *bank, size_t page)
{
	return share_pages(emu, bank, BORROWER_ID, page, 1);
}

static void retrieve_and_relinquish(struct vmsg_emu *emu, const struct vmsg_emu_bank *bank,
				    uint16_t owner, uint64_t handle, uint64_t address)
{
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	const struct vmsg_ffa_memory_header header = {
		.sender = owner,
		.attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
		.flags = VMSG_FFA_MEMORY_TYPE_SHARE,
		.handle = handle,
		.access_size = VMSG_FFA_ACCESS_SIZE_1_2,
	};
	const struct vmsg_ffa_memory_access access = { .endpoint = BORROWER_ID,
						       .permissions = VMSG_FFA_DATA_RW };
	const struct vmsg_ffa_relinquish relinquish = { .handle = handle,
							.count = 1,
							.endpoint = BORROWER_ID };
	const struct vmsg_ffa_range range = { .address = address, .pages = 1 };
	const struct vmsg_span room = { bank->data, PAGE };
	struct vmsg_segment segment;

	int size = vmsg_ffa_memory_build(&header, &access, 1, NULL, 0, room);
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID64(MEM_RETRIEVE_REQ), (uint64_t)size,
					     (uint64_t)size } };
	must_call(emu, &regs);
	regs = (struct vmsg_ffa_regs){ .x = { VMSG_FFA_ID32(RX_RELEASE) } };
	must_call(emu, &regs);
	if (conduit.map(conduit.context, handle, &range, 1, true, &segment, 1) != 1) {
		die("map");
	}
	segment.data[0]++;
	conduit.unmap(conduit.context, handle);
	size = vmsg_ffa_relinquish_build(&relinquish, room);
	regs = (struct vmsg_ffa_regs){ .x = { VMSG_FFA_ID32(MEM_RELINQUISH) } };
	must_call(emu, &regs);
	if (size < 0) {
		die("relinquish");
	}
}

/* Owner and borrower, and a third one to talk to. */
struct system {
	struct manager manager;
	pid_t echo;
	struct vmsg_emu *owner;
	struct vmsg_emu *borrower;
	struct vmsg_emu_bank owner_bank;
	struct vmsg_emu_bank borrower_bank;
};

static double time_cycles(struct system *system)
{
	static uint64_t handles[CYCLES];
	const uint64_t start = now_ns();

	for (size_t i = 0; i < CYCLES; i++) {
		handles[i] = share(system->owner, &system->owner_bank, 2 + i);
		retrieve_and_relinquish(system->borrower, &system->borrower_bank, OWNER_ID,
					handles[i], system->owner_bank.address + (2 + i) * PAGE);
	}
	const uint64_t end_ns = now_ns();
	for (size_t i = 0; i < CYCLES; i++) {
		reclaim(system->owner, handles[i]);
	}
	return (double)(end_ns - start) / CYCLES;
}

static void open_system(struct system *system, size_t regions)
{
	system->owner_bank.size = RAM_SIZE;
	system->borrower_bank.size = 2 * PAGE;
	start_manager(&system->manager, NULL, 0);
	system->echo = spawn_echo(&system->manager, ECHO_ID);
	system->owner = join(&system->manager, OWNER_ID, &system->owner_bank, 1);
	system->borrower = join(&system->manager, BORROWER_ID, &system->borrower_bank, 1);
	for (size_t i = 0; i < regions; i++) {
		(void)share(system->owner, &system->owner_bank, 2 + CYCLES + i);
	}
	time_cycles(system);
}

static void close_system(struct system *system)
{
	vmsg_emu_close(system->owner);
	vmsg_emu_close(system->borrower);
	end(system->echo);
	end(system->manager.pid);
}

int main(void)
{
	double floors[ROUNDS], products[ROUNDS], ratios[ROUNDS];
	double growth[ROUNDS], direct_growth[ROUNDS];
	struct system empty = { 0 }, crowded = { 0 };
	int ends[2];

	pin();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) {
		die("socketpair");
	}
	const pid_t receiver = spawn(run_receiver, ends);
	open_system(&empty, 0);
	open_system(&crowded, REGIONS);
	time_floor(ends[0]);
	for (int i = 0; i < ROUNDS; i++) {
		floors[i] = time_floor(ends[0]);
		products[i] = time_cycles(&empty);
		ratios[i] = products[i] / floors[i];
		growth[i] = time_cycles(&crowded) / products[i];
		const double direct = time_direct(empty.owner, ECHO_ID, CYCLES);
		direct_growth[i] = time_direct(crowded.owner, ECHO_ID, CYCLES) / direct;
	}
	close_system(&empty);
	close_system(&crowded);
	end(receiver);
	printf("a page shared and given back: raw memfd %.1f us, daemon %.1f us\n",
	       median(floors) / 1000, median(products) / 1000);
	int status =
		report("goal 15  daemon / memfd with SCM_RIGHTS, time", ratios, 2.5, 1.8, true);
	status |=
		report("growth   sharing with 10,000 regions / with none", growth, 1.5, 1.1, true);
	status |= report("growth   direct message with 10,000 regions / with none", direct_growth,
			 1.5, 1.1, true);
	return status;
}
