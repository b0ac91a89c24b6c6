/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests do with a world, whether its partitions are in this process (spmc_world.c) or on the
 * sockets of a manager (e2e/socket_world.c). */
#include "support/spmc_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/hex.h"

#define PAGE ((size_t)VMSG_FFA_PAGE_SIZE)

uint64_t world_tx(uint16_t partition)
{
	return 0x40000000u + (uint64_t)(partition - 1) % 0x1000 * 0x1000000u +
	       (partition & 0x8000 ? 0x8000000u : 0);
}

uint64_t world_rx(uint16_t partition)
{
	return world_tx(partition) + PAGE;
}

void world_open_vectors(struct world *world, uint16_t scheduler)
{
	world_open(world, 0, scheduler);
	world_add_vectors(world);
}

void world_add_vectors(struct world *world)
{
	world_add(world, &(struct spmc_partition_config){
				 .name = "VM1",
				 .id = VM1,
				 .vcpu_count = 1,
				 .properties = 0x50e,
				 .uuid_count = 1,
				 .uuids = { VMSG_FFA_UUID_DRIVER_ROLE },
			 });
	world_add(world, &(struct spmc_partition_config){
				 .name = "VM2",
				 .id = VM2,
				 .vcpu_count = 1,
				 .properties = 0x50e,
				 .uuid_count = 1,
				 .uuids = { VMSG_FFA_UUID_DEVICE_ROLE },
			 });
	world_add(world, &(struct spmc_partition_config){
				 .name = "SP1",
				 .id = SP1,
				 .vcpu_count = 1,
				 .properties = 0x70b,
				 .uuid_count = 1,
				 .uuids = { VMSG_FFA_UUID_DEVICE_ROLE },
			 });
	world_add_ram(world, VM1, world_tx(VM1), 16 * PAGE, false);
	world_add_ram(world, VM1, 0x50000000, 512 * PAGE, false);
	world_add_ram(world, VM1, 0x70000000, 16 * PAGE, false);
	world_add_ram(world, VM1, 0x71000000, 16 * PAGE, false);
	world_add_ram(world, VM2, world_tx(VM2), 16 * PAGE, false);
	world_add_ram(world, SP1, world_tx(SP1), 16 * PAGE, false);
}

void world_prepare(struct world *world, uint16_t partition, uint32_t ffa_version)
{
	char text[WORLD_TEXT_SIZE];

	snprintf(text, sizeof(text), "84000063 %" PRIx32, ffa_version);
	(void)world_call(world, partition, text);
	snprintf(text, sizeof(text), "c4000066 %" PRIx64 " %" PRIx64 " 1", world_tx(partition),
		 world_rx(partition));
	if (strncmp(world_call(world, partition, text), "84000061", 8) != 0) {
		fail_msg("cannot map RX/TX");
	}
}

const char *world_call(struct world *world, uint16_t partition, const char *registers)
{
	return world_call_vcpu(world, partition, 0, registers);
}

void world_put_hex(struct world *world, uint16_t partition, uint64_t address, const char *hex)
{
	const size_t size = strlen(hex) / 2;

	(void)hex_to_bytes(hex, world_at(world, partition, address, size), size);
}

void assert_call(struct world *world, uint16_t partition, const char *registers,
		 const char *expected)
{
	assert_call_vcpu(world, partition, 0, registers, expected);
}

void assert_call_tx(struct world *world, uint16_t partition, const char *tx, const char *registers,
		    const char *expected)
{
	world_put_hex(world, partition, world_tx(partition), tx);
	assert_call(world, partition, registers, expected);
}

void assert_rx(struct world *world, uint16_t partition, const char *hex)
{
	const size_t size = strlen(hex) / 2;

	assert_bytes_hex(
		(struct vmsg_bytes){ world_at(world, partition, world_rx(partition), size), size },
		hex);
}
