/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system in which the suite runs, for the manager and for the endpoints: ids, properties, UUIDs
 * and vCPUs as its headers and manifests name them; and where each endpoint's RAM lies. Own RAM and
 * what has been retrieved is mapped at its physical address, below 4 GiB as the suite has calls
 * with 32-bit addresses.
 */
#ifndef VMSG_TESTS_ACS_TOPOLOGY_H
#define VMSG_TESTS_ACS_TOPOLOGY_H

/* X(name, logical id, id, vCPUs, properties, the four words of its UUID) */
#define ACS_ENDPOINTS(X)                                                                           \
	X("SP1", 1, 0x8001, 8, 0x70f, 0x1e67b5b4, 0xe14f904a, 0x13fb1fb8, 0xcbdae1da)              \
	X("SP2", 2, 0x8002, 8, 0x70f, 0x092358d1, 0xb94723f0, 0x64447c82, 0xc88f57f5)              \
	X("SP3", 3, 0x8003, 1, 0x70b, 0x735cb579, 0xb9448c1d, 0xe1619385, 0xd2d80a77)              \
	X("SP4", 4, 0x8004, 1, 0x70b, 0x2658cda4, 0xcf6713e1, 0x49cd10f9, 0x31ef6813)              \
	X("VM1", 5, 0x0005, 8, 0x70f, 0, 0, 0, 0)                                                  \
	X("VM2", 6, 0x0006, 1, 0x70f, 0, 0, 0, 1)                                                  \
	X("VM3", 7, 0x0007, 1, 0x70f, 0, 0, 0, 2)

#define ACS_SCHEDULER 0x0005

#define ACS_RAM_ADDRESS(logical_id) (0x40000000ul + (logical_id)*0x1000000ul)
#define ACS_RAM_SIZE                (512ul * 1024)
#define ACS_ROM_ADDRESS(logical_id) (ACS_RAM_ADDRESS(logical_id) + 0x800000ul)
#define ACS_ROM_SIZE                0x1000ul

#endif
