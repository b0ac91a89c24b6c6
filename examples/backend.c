/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A backend of your own: an entropy device (virtio type 4) in its own process, on a running
 * `vmsg-ffa-emu serve`. Drive it with `vmsg-ffa-emu frontend rng`. Only public headers are used.
 *
 * usage: example-backend [SOCKET]
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/random.h>
#include <virtio_msg_ffa/device.h>
#include <virtio_msg_ffa/emulator.h>
#include <virtio_msg_ffa/error.h>
#include <virtio_msg_ffa/proto.h>
#include <virtio_msg_ffa/pump.h>

#define PAGE        4096u
#define AREAS       8u
#define PIECES      16u
#define DEVICE_TYPE 4u

static struct vmsg_emu *emu;
static volatile bool stop;

static void on_signal(int number)
{
	(void)number;
	stop = true;
	(void)vmsg_emu_raise(emu); /* ends the wait */
}

/* Random bytes into the first piece that is ours to write; at most 256, which getrandom() gives
 * whole. */
static uint32_t fill(const struct vmsg_vq_chain *chain)
{
	if (chain->count == chain->readable_count) {
		return 0;
	}
	const struct vmsg_span span = chain->pieces[chain->readable_count].span;
	const ssize_t got = getrandom(span.data, span.size < 256 ? span.size : 256, 0);
	return got > 0 ? (uint32_t)got : 0;
}

/* The device: one queue of buffers that are to be filled. */
static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct vmsg_device *device = context;
	struct vmsg_vq_piece pieces[PIECES];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = PIECES };

	do {
		while (vmsg_vq_device_pop(queue, &chain) == 1) {
			const uint32_t written = fill(&chain);
			(void)!vmsg_vq_device_push(queue, chain.head,
						   written); /* the head is good */
			chain.capacity = PIECES;
		}
	} while (vmsg_vq_device_enable_notify(queue));
	vmsg_device_notify(device, index);
}

static const struct vmsg_device_ops ops = { .kick = kick };
static const struct vmsg_device_info info = {
	.device_id = DEVICE_TYPE,
	.vendor_id = 0x1af4,
	.queue_count = 1,
	.queue_size_max = 64,
};

static int serve(struct vmsg_endpoint *endpoint)
{
	static struct vmsg_device device;
	static struct vmsg_device_session session;
	static struct vmsg_memory_area areas[AREAS];
	static struct vmsg_bus_device bus_device;
	struct vmsg_device_slot slot = { .device = &device, .present = true };
	struct vmsg_device_pump pump;
	const struct vmsg_device_pump_options options = {
		.endpoint = endpoint,
		.sessions = &session,
		.session_count = 1, /* one frontend at a time */
		.slots = &slot,
		.slot_count = 1,
		.areas = areas,
		.areas_per_session = AREAS,
		.bus_devices = &bus_device,
		.bus = {
			.ffa_version = endpoint->ffa_version,
			.bus_features = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX,
			.max_areas = AREAS,
		},
	};

	int error = vmsg_device_init(&device, 0, &info, &ops, &device);
	if (error == 0) {
		error = vmsg_device_pump_init(&pump, &options);
	}
	if (error == 0) {
		printf("ready: partition 0x%04x\n", endpoint->id);
		fflush(stdout);
		error = vmsg_device_pump_run(&pump, &stop);
	}
	return stop ? 0 : error;
}

int main(int argc, char **argv)
{
	static struct vmsg_endpoint endpoint;
	struct vmsg_emu_bank bank = { .size = 2 * PAGE }; /* RX and TX */
	struct vmsg_emu_options options = {
		.socket_path = argc > 1 ? argv[1] : NULL,
		.secure = true,
		.banks = &bank,
		.bank_count = 1,
	};
	char why[256];

	if (vmsg_emu_connect(&emu, &options, why, sizeof(why)) < 0) {
		fprintf(stderr, "example-backend: %s\n", why);
		return 1;
	}
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	int error = vmsg_endpoint_init(
		&endpoint, &conduit, (struct vmsg_buffer){ bank.data, bank.address },
		(struct vmsg_buffer){ bank.data + PAGE, bank.address + PAGE }, 1);
	if (error == 0) {
		error = serve(&endpoint);
	}
	if (error < 0) {
		fprintf(stderr, "example-backend: %s %s\n", vmsg_error_text(error),
			vmsg_emu_lost_reason(emu));
	}
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	vmsg_emu_close(emu);
	return error < 0 ? 1 : 0;
}
