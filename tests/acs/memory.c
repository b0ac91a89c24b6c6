/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an MMU and its fault handler do for an endpoint. Retrieved memory appears at its physical
 * address and goes when it is relinquished; own memory that has been lent is out of reach, which
 * the client library sees to. An access that faults is reported to the suite's handler; as no
 * instruction can be skipped here, it then meets a page that is thrown away afterwards.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform.h"
#include "topology.h"
#include "val_interfaces.h"

#define PAGE       ((uint64_t)VMSG_FFA_PAGE_SIZE)
#define RANGES_MAX 64
#define PAGES_MAX  8

#define ESR_CLASS_SHIFT 26

static uint64_t tx_address;
static uint64_t rx_address;

/* A page that took the place of what was not there. */
static struct {
	uint8_t *address;
	uint8_t *original; /* moved aside; NULL if there was nothing */
} thrown[PAGES_MAX];
static size_t thrown_count;

static bool (*handler)(void);
static uint64_t fault_address;
static uint64_t fault_instruction;

static void *at(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

static void put_back(void)
{
	while (thrown_count > 0) {
		thrown_count--;
		munmap(thrown[thrown_count].address, PAGE);
		if (thrown[thrown_count].original) {
			(void)mremap(thrown[thrown_count].original, PAGE, PAGE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, thrown[thrown_count].address);
		}
	}
}

/* A page in which to read and write without consequences. */
static bool put_page(uint8_t *address)
{
	if (thrown_count == PAGES_MAX) {
		return false;
	}
	void *aside = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (aside == MAP_FAILED) {
		return false;
	}
	void *moved = mremap(address, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, aside);
	if (moved == MAP_FAILED) {
		munmap(aside, PAGE);
	}
	void *page = mmap(address, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (page == MAP_FAILED) {
		return false;
	}
	thrown[thrown_count].address = page;
	thrown[thrown_count].original = moved == MAP_FAILED ? NULL : moved;
	thrown_count++;
	return true;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	const uint64_t address = (uintptr_t)info->si_addr;

	(void)context;
	if (!handler || !put_page(at(address & ~(PAGE - 1)))) {
		/* Not expected: let it happen. */
		signal(number, SIG_DFL);
		return;
	}
	fault_address = address;
	(void)handler();
}

void platform_catch_faults(void)
{
	static uint8_t stack[64 * 1024];
	const stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	(void)sigaltstack(&other, NULL);
	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGSEGV, &action, NULL);
	(void)sigaction(SIGBUS, &action, NULL);
}

void val_exception_setup(void (*irq)(void), bool (*exception)(void))
{
	(void)irq;
	put_back();
	handler = exception;
}

uint64_t val_read_current_el(void)
{
	return 1u << 2;
}

uint64_t val_esr_el1_read(void)
{
	return (uint64_t)EC_DATA_ABORT_SAME_EL << ESR_CLASS_SHIFT;
}

uint64_t val_far_el1_read(void)
{
	return fault_address;
}

uint64_t val_elr_el1_read(void)
{
	return fault_instruction;
}

void val_elr_el1_write(uint64_t value)
{
	fault_instruction = value;
}

uint64_t val_esr_el2_read(void)
{
	return val_esr_el1_read();
}

uint64_t val_far_el2_read(void)
{
	return fault_address;
}

uint64_t val_elr_el2_read(void)
{
	return fault_instruction;
}

void platform_before_call(struct platform_call *call, const struct vmsg_ffa_regs *regs)
{
	put_back();
	memset(call, 0, sizeof(*call));
	switch ((uint32_t)regs->x[0]) {
	case VMSG_FFA_ID32(RXTX_MAP):
	case VMSG_FFA_ID64(RXTX_MAP):
		call->tx = regs->x[1];
		call->rx = regs->x[2];
		break;
	case VMSG_FFA_ID32(MEM_RELINQUISH):
		if (tx_address) {
			memcpy(&call->relinquished, at(tx_address), sizeof(call->relinquished));
		}
		break;
	default:
		break;
	}
}

/* The response in RX, as the manager wrote it. */
static void map_retrieved(size_t size)
{
	const struct vmsg_bytes bytes = { at(rx_address), size };
	struct vmsg_ffa_range ranges[RANGES_MAX];
	struct vmsg_segment segments[RANGES_MAX];
	struct vmsg_ffa_memory_header header;
	struct vmsg_ffa_memory_access access;
	struct vmsg_ffa_composite composite;

	if (!rx_address || vmsg_ffa_memory_parse(bytes, &header) < 0 ||
	    vmsg_ffa_memory_access_at(bytes, &header, 0, &access) < 0 ||
	    vmsg_ffa_memory_composite_at(bytes, &header, access.composite_offset, &composite) < 0 ||
	    composite.range_count > RANGES_MAX) {
		return;
	}
	for (uint32_t i = 0; i < composite.range_count; i++) {
		vmsg_ffa_range_load(&ranges[i], bytes.data + access.composite_offset +
							VMSG_FFA_COMPOSITE_SIZE +
							i * VMSG_FFA_CONSTITUENT_SIZE);
	}
	/* A handle that has been mapped and relinquished by an endpoint's earlier life is gone. */
	if (platform_conduit.map(
		    platform_conduit.context, header.handle, ranges, composite.range_count,
		    (access.permissions & VMSG_FFA_DATA_RW) != 0, segments, RANGES_MAX) < 0) {
		LOG(ERROR, "retrieved memory cannot be mapped\n");
	}
}

void platform_after_call(const struct platform_call *call, uint32_t function_id,
			 const struct vmsg_ffa_regs *reply)
{
	const bool is_success = reply->x[0] == VMSG_FFA_ID32(SUCCESS);

	switch (function_id) {
	case VMSG_FFA_ID32(RXTX_MAP):
	case VMSG_FFA_ID64(RXTX_MAP):
		if (is_success) {
			tx_address = call->tx;
			rx_address = call->rx;
		}
		break;
	case VMSG_FFA_ID32(RXTX_UNMAP):
		if (is_success) {
			tx_address = 0;
			rx_address = 0;
		}
		break;
	case VMSG_FFA_ID32(MEM_RETRIEVE_REQ):
	case VMSG_FFA_ID64(MEM_RETRIEVE_REQ):
		if (reply->x[0] == VMSG_FFA_ID32(MEM_RETRIEVE_RESP)) {
			map_retrieved((size_t)reply->x[2]);
		}
		break;
	case VMSG_FFA_ID32(MEM_RELINQUISH):
		if (is_success) {
			platform_conduit.unmap(platform_conduit.context, call->relinquished);
		}
		break;
	default:
		break;
	}
}

#ifndef TARGET_LINUX
/* The suite's own page tables are not needed: see above. */
uint32_t val_mem_map_pgt(memory_region_descriptor_t *region)
{
	(void)region;
	return VAL_SUCCESS;
}
#endif
