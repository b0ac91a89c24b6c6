/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The world of spmc_world.h with everything real between the partitions and their manager: a
 * manager in a thread, its socket, and a client connection for each partition. The manager starts
 * with the first call, when all partitions are declared. A call that shall block is followed by a
 * question of somebody else's, which the manager answers after it.
 */
#include "support/spmc_world.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/internal.h"
#include "server/server.h"
#include "support/cmocka.h"
#include "support/partition.h"
#include "support/regs_text.h"

#define PARTITIONS_MAX 8
#define BANKS_MAX      8
#define TEXT_MAX       256
/* Long enough for a loaded machine to answer a request within it; one vector waits it out. */
#define SLICE_NS 1000000000u

struct peer {
	struct spmc_partition_config config;
	struct vmsg_emu_bank banks[BANKS_MAX];
	size_t bank_count;
	struct vmsg_emu *emu;
	bool waits;          /* for its reply */
	uint64_t interrupts; /* that came, and no test has asked for */
	char reply[WORLD_TEXT_SIZE];
};

static struct {
	struct peer peers[PARTITIONS_MAX];
	size_t count;
	uint32_t ffa_version;
	char directory[32];
	char path[48];
	struct vmsg_server *server;
	pthread_t thread;
	pthread_mutex_t lock;
	char console[TEXT_MAX]; /* last line that a partition has logged */
} system_under_test = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct peer *peer_of(uint16_t id)
{
	for (size_t i = 0; i < system_under_test.count; i++) {
		if (system_under_test.peers[i].config.id == id) {
			return &system_under_test.peers[i];
		}
	}
	fail_msg("no partition 0x%04x", id);
	return NULL;
}

void world_open(struct world *world, uint32_t ffa_version, uint16_t scheduler)
{
	memset(world, 0, sizeof(*world));
	assert_int_equal(scheduler, 0);
	system_under_test.count = 0;
	system_under_test.ffa_version = ffa_version;
}

void world_add(struct world *world, const struct spmc_partition_config *config)
{
	struct peer *peer = &system_under_test.peers[system_under_test.count++];

	(void)world;
	assert_true(system_under_test.count <= PARTITIONS_MAX);
	*peer = (struct peer){ .config = *config, .reply = "-" };
}

void world_add_ram(struct world *world, uint16_t partition, uint64_t base, uint64_t size,
		   bool readonly)
{
	struct peer *peer = peer_of(partition);

	(void)world;
	assert_true(peer->bank_count < BANKS_MAX);
	peer->banks[peer->bank_count++] = (struct vmsg_emu_bank){
		.address = base,
		.size = size,
		.access = readonly ? VMSG_EMU_BANK_ROM : VMSG_EMU_BANK_SHARED,
	};
}

static void note(void *context, enum vmsg_server_level level, const char *text)
{
	(void)context;
	if (level == VMSG_SERVER_CONSOLE) {
		pthread_mutex_lock(&system_under_test.lock);
		snprintf(system_under_test.console, TEXT_MAX, "%s", text);
		pthread_mutex_unlock(&system_under_test.lock);
	}
}

static void *run(void *server)
{
	vmsg_server_run(server);
	return NULL;
}

static void connect_peer(struct peer *peer)
{
	struct vmsg_emu_options options = {
		.socket_path = system_under_test.path,
		.id = peer->config.id,
		.banks = peer->banks,
		.bank_count = peer->bank_count,
	};
	char why[TEXT_MAX];

	if (vmsg_emu_connect(&peer->emu, &options, why, sizeof(why)) < 0) {
		fail_msg("0x%04x cannot connect: %s", peer->config.id, why);
	}
}

static void start(void)
{
	struct spmc_partition_config configs[PARTITIONS_MAX];
	char why[TEXT_MAX];

	if (system_under_test.server) {
		return;
	}
	snprintf(system_under_test.directory, sizeof(system_under_test.directory),
		 "/tmp/vmsg-world-XXXXXX");
	assert_non_null(mkdtemp(system_under_test.directory));
	snprintf(system_under_test.path, sizeof(system_under_test.path), "%s/sock",
		 system_under_test.directory);
	for (size_t i = 0; i < system_under_test.count; i++) {
		configs[i] = system_under_test.peers[i].config;
	}
	const struct vmsg_server_options options = {
		.socket_path = system_under_test.path,
		.ffa_version = system_under_test.ffa_version,
		.time_slice_ns = SLICE_NS,
		.partitions = configs,
		.partition_count = system_under_test.count,
		.log = note,
	};
	if (vmsg_server_create(&system_under_test.server, &options, why, sizeof(why)) != 0) {
		fail_msg("no manager: %s", why);
	}
	assert_int_equal(
		pthread_create(&system_under_test.thread, NULL, run, system_under_test.server), 0);
	for (size_t i = 0; i < system_under_test.count; i++) {
		connect_peer(&system_under_test.peers[i]);
	}
}

void world_close(struct world *world)
{
	(void)world;
	for (size_t i = 0; i < system_under_test.count; i++) {
		vmsg_emu_close(system_under_test.peers[i].emu);
	}
	if (system_under_test.server) {
		vmsg_server_stop(system_under_test.server);
		pthread_join(system_under_test.thread, NULL);
		vmsg_server_destroy(system_under_test.server);
		system_under_test.server = NULL;
		rmdir(system_under_test.directory);
	}
}

static bool is_there(struct peer *peer)
{
	struct vmsg_ffa_regs regs;
	const int finished = vmsg_emu_finish(peer->emu, &regs);

	if (finished == 0) {
		return false;
	}
	assert_int_equal(finished, 1);
	peer->waits = false;
	regs_to_text(&regs, peer->reply);
	return true;
}

static void finish(struct peer *peer)
{
	while (!is_there(peer)) {
		struct pollfd input = { .fd = vmsg_emu_fd(peer->emu), .events = POLLIN };
		if (poll(&input, 1, DAEMON_PATIENCE_MS) != 1) {
			fail_msg("no reply for 0x%04x", peer->config.id);
		}
	}
}

static void begin(struct peer *peer, const char *registers)
{
	struct vmsg_ffa_regs regs;

	start();
	if (peer->waits) {
		finish(peer); /* of an earlier call, which no test has asked about */
	}
	/* the client library would end a wait for one that is pending: here the manager is asked */
	peer->interrupts |= vmsg_emu_interrupts(peer->emu);
	regs_from_text(registers, &regs);
	strcpy(peer->reply, "-");
	assert_int_equal(vmsg_emu_start(peer->emu, &regs), 0);
	peer->waits = true;
}

/* The manager has done what was sent before: a stranger is refused. */
static void wait_for_manager(void)
{
	struct vmsg_emu_options options = { .socket_path = system_under_test.path, .id = 0x7abc };
	struct vmsg_emu *stranger;
	char why[TEXT_MAX];

	assert_int_not_equal(vmsg_emu_connect(&stranger, &options, why, sizeof(why)), 0);
}

void assert_call_vcpu(struct world *world, uint16_t partition, uint16_t vcpu, const char *registers,
		      const char *expected)
{
	struct peer *peer = peer_of(partition);

	(void)world;
	assert_int_equal(vcpu, 0);
	begin(peer, registers);
	if (strcmp(expected, "-") == 0) {
		wait_for_manager();
		(void)is_there(peer);
	} else {
		finish(peer);
	}
	assert_string_equal(peer->reply, expected);
}

const char *world_call_vcpu(struct world *world, uint16_t partition, uint16_t vcpu,
			    const char *registers)
{
	struct peer *peer = peer_of(partition);

	(void)world;
	assert_int_equal(vcpu, 0);
	begin(peer, registers);
	finish(peer);
	return peer->reply;
}

const char *world_reply(struct world *world, uint16_t partition, uint16_t vcpu)
{
	struct peer *peer = peer_of(partition);

	(void)world;
	(void)vcpu;
	if (peer->waits) {
		finish(peer);
	}
	return peer->reply;
}

/* The time slice ends by itself. */
void world_advance(struct world *world, uint64_t ns)
{
	(void)world;
	(void)ns;
}

uint8_t *world_at(struct world *world, uint16_t partition, uint64_t address, size_t size)
{
	struct peer *peer = peer_of(partition);

	(void)world;
	start();
	uint8_t *data = emu_own_at(peer->emu, address, size);
	assert_non_null(data);
	return data;
}

static const struct emu_grant *grant_of(const struct peer *peer, uint64_t handle)
{
	const struct emu_grant *grant = peer->emu->grants;

	while (grant && grant->handle != handle) {
		grant = grant->next;
	}
	return grant;
}

/* A grant is in the client library; a region that is no longer held cannot be mapped; an interrupt
 * is pending; what was logged is in the manager's log. */
void assert_events(struct world *world, const char *expected)
{
	const struct vmsg_ffa_range range = { 0x50000000, 1 };
	struct vmsg_segment segment;
	unsigned int id;
	char kind[16], rest[32];
	uint64_t handle;

	(void)world;
	assert_int_equal(sscanf(expected, "%x:%15s %31[^,]", &id, kind, rest), 3);
	struct peer *peer = peer_of((uint16_t)id);
	handle = strtoull(rest, NULL, 16);
	if (strcmp(kind, "interrupt") == 0) {
		wait_for_manager();
		peer->interrupts |= vmsg_emu_interrupts(peer->emu);
		assert_int_equal(peer->interrupts, UINT64_C(1) << handle);
		peer->interrupts = 0;
	} else if (strcmp(kind, "grant") == 0) {
		const struct emu_grant *grant = grant_of(peer, handle);
		assert_non_null(grant);
		assert_int_equal(grant->writable, strstr(rest, "rw") != NULL);
	} else if (strcmp(kind, "revoke") == 0) {
		emu_grant_unmap(peer->emu, handle);
		assert_int_equal(emu_grant_map(peer->emu, handle, &range, 1, false, &segment, 1),
				 VMSG_ERROR_NOT_FOUND);
	} else {
		pthread_mutex_lock(&system_under_test.lock);
		assert_non_null(strstr(system_under_test.console, rest));
		pthread_mutex_unlock(&system_under_test.lock);
	}
}
