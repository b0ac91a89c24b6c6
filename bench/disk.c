/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goals 11 to 13: random reads of 4 KiB from a file in memory, and from nothing, through the
 * daemon, against qemu-storage-daemon, whose ring is shared and whose kicks are eventfds. Both
 * sides have the same driver's half of the ring. On one core, interleaved, ratio of each round,
 * median of the ratios.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "commands/queue_driver.h"
#include "commands/report.h"
#include "devices/blk.h"
#include "devices/names.h"
#include "storage_daemon.h"
#include "system.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define DISK_SIZE  (UINT64_C(256) << 20)
#define READS      2500u /* of a round at depth 1 */
#define QUEUE_SIZE 128u
#define AREAS      8u
#define PIECES     8u
#define POOL_SIZE  (READS_MEMORY_SIZE + 16 * 4096u)
#define TIMEOUT_NS UINT64_C(5000000000)

/* ---- a device with nothing behind it, as null-co ---- */

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct vmsg_device *device = context;
	struct vmsg_vq_piece pieces[PIECES];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = PIECES };

	do {
		vmsg_vq_device_disable_notify(queue);
		while (vmsg_vq_device_pop(queue, &chain) == 1) {
			const struct vmsg_vq_piece *last = &pieces[chain.count - 1];
			last->span.data[last->span.size - 1] = BLK_S_OK;
			(void)!vmsg_vq_device_push(queue, chain.head,
						   (uint32_t)chain.writable_size);
			chain.capacity = PIECES;
		}
	} while (vmsg_vq_device_enable_notify(queue));
	vmsg_device_notify(device, index);
}

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	uint8_t config[BLK_CONFIG_SIZE] = { 0 };
	const uint64_t sectors = DISK_SIZE / BLK_SECTOR_SIZE;

	(void)context;
	for (size_t i = 0; i < sizeof(sectors); i++) {
		config[i] = (uint8_t)(sectors >> 8 * i);
	}
	memcpy(out.data, config + offset, out.size);
}

static const struct vmsg_device_ops null_ops = { .kick = kick, .read_config = read_config };
static const struct vmsg_device_info null_info = {
	.device_id = VMSG_VIRTIO_BLK,
	.vendor_id = 0x1af4,
	.features = { 1u << (VMSG_F_EVENT_IDX % 32) },
	.config_size = BLK_CONFIG_SIZE,
	.queue_count = 1,
	.queue_size_max = QUEUE_SIZE,
};

static int serve_null(struct vmsg_endpoint *endpoint, int ready)
{
	static struct vmsg_device device;
	static struct vmsg_device_session session;
	static struct vmsg_memory_area areas[AREAS];
	static struct vmsg_bus_device bus_device;
	const volatile bool stop = false;
	struct vmsg_device_slot slot = { .device = &device, .present = true };
	struct vmsg_device_pump pump;
	const struct vmsg_device_pump_options options = {
		.endpoint = endpoint,
		.sessions = &session,
		.session_count = 1,
		.slots = &slot,
		.slot_count = 1,
		.areas = areas,
		.areas_per_session = AREAS,
		.bus_devices = &bus_device,
		.bus = {
			.ffa_version = endpoint->ffa_version,
			.bus_features = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX |
					VMSG_BUS_FEATURE_NOTIFICATION_RX |
					VMSG_BUS_FEATURE_NOTIFICATION_TX,
			.max_areas = AREAS,
		},
	};

	int error = vmsg_device_init(&device, 0, &null_info, &null_ops, &device);
	if (error == 0) {
		error = vmsg_device_pump_init(&pump, &options);
	}
	if (error == 0) {
		error = vmsg_endpoint_enable_notifications(endpoint, 1);
	}
	(void)!write(ready, "", 1);
	return error < 0 ? error : vmsg_device_pump_run(&pump, &stop);
}

static void run_null(void *context, int ready)
{
	struct vmsg_emu_bank bank = { .size = 2 * READS_PAGE };
	struct vmsg_emu_options emu_options = {
		.socket_path = ((const struct manager *)context)->path,
		.secure = true,
		.banks = &bank,
		.bank_count = 1,
	};
	struct vmsg_endpoint endpoint;
	struct vmsg_emu *emu;
	char why[256];

	if (vmsg_emu_connect(&emu, &emu_options, why, sizeof(why)) < 0) {
		die(why);
	}
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	const struct vmsg_buffer rx = { bank.data, bank.address };
	const struct vmsg_buffer tx = { bank.data + READS_PAGE, bank.address + READS_PAGE };
	if (vmsg_endpoint_init(&endpoint, &conduit, tx, rx, 1) < 0 ||
	    serve_null(&endpoint, ready) < 0) {
		fprintf(stderr, "the null device cannot go on\n");
	}
}

/* ---- the product ---- */

struct product {
	struct manager manager;
	const char *device; /* for --device; NULL: the null device */
	pid_t backend;
	struct session *session;
	struct queue_driver queue;
};

static void run_backend(void *context, int ready)
{
	const struct product *product = context;

	(void)!write(ready, "", 1);
	if (!freopen("/dev/null", "w", stdout)) {
		die("/dev/null");
	}
	execl(VMSG_EMU_PROGRAM, VMSG_EMU_PROGRAM, "backend", "-s", product->manager.path,
	      "--device", product->device, (char *)NULL);
	die(VMSG_EMU_PROGRAM);
}

static void turn(struct reads *reads)
{
	struct product *product = reads->context;
	const uint64_t calls = product->session->endpoint.calls;
	const unsigned int done = reads->done;

	while (reads->done == done) {
		if (queue_driver_run(&product->queue, true, reads_done, reads) != SESSION_OK) {
			die("the disk is gone");
		}
	}
	reads->kicks += product->session->endpoint.calls - calls;
}

static void product_start(struct product *product, const char *device, struct reads *reads)
{
	struct session_options options = {
		.socket_path = product->manager.path,
		.timeout_ns = TIMEOUT_NS,
		.pool_size = POOL_SIZE,
	};
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = { 0 };

	start_manager(&product->manager, NULL, 0);
	product->device = device;
	product->backend =
		device ? spawn(run_backend, product) : spawn(run_null, &product->manager);
	product->session = session_open(&options);
	if (!product->session) {
		exit(1);
	}
	session_ring_features(features);
	uint8_t *memory = session_allocate(product->session, READS_MEMORY_SIZE, READS_PAGE);
	if (!memory ||
	    session_find_device(product->session, VMSG_VIRTIO_BLK, features) != SESSION_OK ||
	    queue_driver_open(&product->queue, product->session, 0, QUEUE_SIZE) != SESSION_OK ||
	    session_ready(product->session) != SESSION_OK) {
		die("no disk");
	}
	reads->ring = &product->queue.ring;
	reads->turn = turn;
	reads->context = product;
	reads_place(reads, memory, session_address(product->session, memory));
}

static void product_stop(struct product *product)
{
	queue_driver_close(&product->queue);
	session_close(product->session);
	end(product->backend);
	end(product->manager.pid);
}

/* ---- both ---- */

/* Each page begins with its number. */
static int make_file(void)
{
	const int fd = memfd_create("disk", 0);

	if (fd < 0 || ftruncate(fd, (off_t)DISK_SIZE) != 0) {
		die("memfd");
	}
	uint64_t *data = mmap(NULL, DISK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED) {
		die("mmap");
	}
	for (uint64_t page = 0; page < DISK_SIZE / READS_PAGE; page++) {
		memset(data + page * (READS_PAGE / sizeof(*data)), 0x5a, READS_PAGE);
		data[page * (READS_PAGE / sizeof(*data))] = page;
	}
	munmap(data, DISK_SIZE);
	return fd;
}

static int compare(const char *goal, struct reads *peer, struct reads *product, unsigned int depth,
		   double must, double aim)
{
	/* The deeper, the quicker: a round must outlast what it takes to get going. */
	const unsigned int count = READS * (1 + depth / 4);
	double peers[ROUNDS], products[ROUNDS], ratios[ROUNDS];

	reads_time(peer, count, depth);
	reads_time(product, count, depth);
	for (int i = 0; i < ROUNDS; i++) {
		peers[i] = reads_time(peer, count, depth);
		products[i] = reads_time(product, count, depth);
		ratios[i] = peers[i] / products[i];
	}
	printf("a read of 4 KiB, %u at a time: qemu-storage-daemon %.1f us, %.2f kicks; "
	       "emulator %.1f us, %.2f calls\n",
	       depth, median(peers) / 1000, (double)peer->kicks / count, median(products) / 1000,
	       (double)product->kicks / count);
	return report(goal, ratios, must, aim, false);
}

static int compare_files(void)
{
	struct reads peer = { .pages = DISK_SIZE / READS_PAGE, .has_data = true };
	struct reads reads = { .pages = DISK_SIZE / READS_PAGE, .has_data = true };
	struct product product = { .device = NULL };
	char blockdev[96], device[96];
	const int fd = make_file();

	snprintf(blockdev, sizeof(blockdev), "driver=file,node-name=disk,filename=/proc/self/fd/%d",
		 fd);
	snprintf(device, sizeof(device), "blk,path=/proc/self/fd/%d,readonly=on", fd);
	struct storage_daemon *daemon = storage_daemon_start(blockdev, &peer);
	product_start(&product, device, &reads);
	int status = compare("goal 11  file, depth 1, rate", &peer, &reads, 1, 0.55, 0.65);
	status |= compare("reported file, depth 4, rate", &peer, &reads, 4, 0, 1.33);
	status |= compare("goal 12  file, depth 32, rate", &peer, &reads, 32, 3, 4.5);
	product_stop(&product);
	storage_daemon_stop(daemon);
	close(fd);
	return status;
}

static int compare_nothing(void)
{
	struct reads peer = { .pages = DISK_SIZE / READS_PAGE };
	struct reads reads = { .pages = DISK_SIZE / READS_PAGE };
	struct product product = { .device = NULL };
	char blockdev[96];

	snprintf(blockdev, sizeof(blockdev), "driver=null-co,node-name=disk,size=%llu,read-only=on",
		 (unsigned long long)DISK_SIZE);
	struct storage_daemon *daemon = storage_daemon_start(blockdev, &peer);
	product_start(&product, NULL, &reads);
	const int status =
		compare("goal 13  null device, depth 32, rate", &peer, &reads, 32, 0.5, 1.0);
	product_stop(&product);
	storage_daemon_stop(daemon);
	return status;
}

int main(void)
{
	if (!storage_daemon_is_installed()) {
		printf("goals 11 to 13: skipped, qemu-storage-daemon is not installed\n");
		return 0;
	}
	pin();
	report_init("bench");
	const int status = compare_files();
	return status | compare_nothing();
}
