/* SPDX-License-Identifier: BSD-3-Clause */
/* The one function through which every call of the suite goes, onto the client library's conduit.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platform.h"
#include "topology.h"
#include "val_interfaces.h"

struct vmsg_emu *platform_emu;
struct vmsg_conduit platform_conduit;
uint8_t *platform_heap;
unsigned char *platform_rom;

static int ready = -1;

bool platform_connect(const char *socket_path, unsigned int logical_id, uint16_t id, int ready_fd)
{
	struct vmsg_emu_bank banks[2] = {
		{ .size = ACS_RAM_SIZE, .address = ACS_RAM_ADDRESS(logical_id) },
		{ .size = ACS_ROM_SIZE,
		  .address = ACS_ROM_ADDRESS(logical_id),
		  .access = VMSG_EMU_BANK_ROM },
	};
	struct vmsg_emu_options options = {
		.socket_path = socket_path,
		.id = id,
		.flat = true,
		.banks = banks,
		.bank_count = 2,
	};
	char why[128];

	if (vmsg_emu_connect(&platform_emu, &options, why, sizeof(why)) < 0) {
		fprintf(stderr, "endpoint 0x%04x: %s\n", id, why);
		return false;
	}
	platform_conduit = vmsg_emu_conduit(platform_emu);
	platform_heap = banks[0].data;
	platform_rom = banks[1].data;
	ready = ready_fd;
	return true;
}

static bool is_wait(uint32_t function_id)
{
	switch (function_id) {
	case VMSG_FFA_ID32(MSG_WAIT):
	case VMSG_FFA_ID32(MSG_SEND_DIRECT_RESP):
	case VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP):
	case VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2):
		return true;
	default:
		return false;
	}
}

/* The first wait: others may come once its call is on its way. */
static void wait_and_tell(struct vmsg_ffa_regs *regs)
{
	struct pollfd input = { .fd = vmsg_emu_fd(platform_emu), .events = POLLIN };
	int finished = vmsg_emu_start(platform_emu, regs);

	if (finished == 0) {
		(void)!write(ready, "", 1);
	}
	close(ready);
	ready = -1;
	while (finished == 0) {
		(void)poll(&input, 1, -1);
		finished = vmsg_emu_finish(platform_emu, regs);
	}
	if (finished < 0) {
		vmsg_ffa_pack_error(regs, VMSG_FFA_ABORTED);
	}
}

static void one_call(struct vmsg_ffa_regs *regs)
{
	const uint32_t function_id = (uint32_t)regs->x[0];
	struct platform_call call;

	platform_before_call(&call, regs);
	if (ready >= 0 && is_wait(function_id)) {
		wait_and_tell(regs);
	} else {
		platform_conduit.call(platform_conduit.context, regs);
	}
	platform_after_call(&call, function_id, regs);
	platform_take_interrupts();
	if (vmsg_emu_is_lost(platform_emu)) {
		fprintf(stderr, "endpoint 0x%04x: %s\n", vmsg_emu_id(platform_emu),
			vmsg_emu_lost_reason(platform_emu));
		_exit(0);
	}
}

/* An interrupt that ends a wait is taken by its handler, and the wait goes on: in a virtual machine
 * the suite would not see it either. */
static void call(ffa_args_t *args)
{
	struct vmsg_ffa_regs regs;

	_Static_assert(sizeof(*args) == sizeof(regs), "both are 18 registers");
	memcpy(&regs, args, sizeof(regs));
	const bool waits = is_wait((uint32_t)regs.x[0]);
	one_call(&regs);
	while (waits && regs.x[0] == VMSG_FFA_ID32(INTERRUPT)) {
		regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MSG_WAIT), 0, 1 } };
		one_call(&regs);
	}
	memcpy(args, &regs, sizeof(regs));
}

#ifdef TARGET_LINUX
void pal_linux_call_conduit(void *args)
{
	call(args);
}
#else
void val_call_conduit(ffa_args_t *args)
{
	call(args);
}
#endif
