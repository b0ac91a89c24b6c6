/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine under an example image: QEMU's "virt" board, EL1 or EL2, secure or not. */
#include "bare.h"

#define UART0_DATA 0x09000000u
#define UART0_FLAG 0x09000018u
#define UART_FULL  0x20u

#define RAM_START 0x40000000u
#define RAM_END   0x80000000u

#define GIGABYTE 0x40000000u
#define BLOCK_2M 0x200000u

#define DESCRIPTOR_BLOCK   1u
#define DESCRIPTOR_TABLE   3u
#define DESCRIPTOR_DEVICE  (1u << 2) /* MAIR index 1 */
#define DESCRIPTOR_NS      (1u << 5)
#define DESCRIPTOR_INNER   (3u << 8)
#define DESCRIPTOR_ACCESS  (1u << 10)
#define DESCRIPTOR_NEVER_X (3ull << 53)
#define DEVICES_END        0x0a200000u

#define SEMIHOSTING_EXIT     0x18u
#define SEMIHOSTING_APP_EXIT 0x20026u

void bare_semihosting(uint64_t operation, void *parameters);
_Noreturn void bare_exception(uint64_t syndrome, uint64_t link, uint64_t address);

static enum bare_console console;
static uint64_t level1[512] __attribute__((aligned(4096)));
static uint64_t level2[512] __attribute__((aligned(4096)));

static unsigned int current_level(void)
{
	uint64_t level;
	__asm__("mrs %0, CurrentEL" : "=r"(level));
	return (unsigned int)(level >> 2) & 3u;
}

static void fill_tables(void)
{
	for (uint64_t i = 0; i < 512; i++) {
		const uint64_t address = i * BLOCK_2M;
		level2[i] = address | DESCRIPTOR_BLOCK | DESCRIPTOR_ACCESS | DESCRIPTOR_INNER;
		if (address < DEVICES_END) {
			level2[i] |= DESCRIPTOR_DEVICE | DESCRIPTOR_NEVER_X;
		}
	}
	level1[0] = (uint64_t)(uintptr_t)level2 | DESCRIPTOR_TABLE;
	level1[1] = GIGABYTE | DESCRIPTOR_BLOCK | DESCRIPTOR_ACCESS | DESCRIPTOR_INNER;
	/* A secure image reaches RAM as non-secure memory and never runs it; the bit means nothing
	 * to the normal world, whose own code is there. */
	if ((uintptr_t)&fill_tables < GIGABYTE) {
		level1[1] |= DESCRIPTOR_NS | DESCRIPTOR_NEVER_X;
	}
}

void bare_mmu_on(void)
{
	const uint64_t mair = 0x00ffu; /* 0: normal write-back, 1: device nGnRnE */
	/* 39-bit addresses, 4 KiB granule, write-back inner shareable walks, 36-bit output */
	const uint64_t walks = 25u | 1u << 8 | 1u << 10 | 3u << 12;

	fill_tables();
	if (current_level() == 2) {
		__asm__ volatile("msr mair_el2, %0\n msr tcr_el2, %1\n msr ttbr0_el2, %2\n"
				 "tlbi alle2\n dsb sy\n isb\n msr sctlr_el2, %3\n isb"
				 :
				 : "r"(mair), "r"(walks | 1ull << 31 | 1u << 23 | 1u << 16),
				   "r"(level1), "r"(0x30c50830ull | 0x1005u)
				 : "memory");
	} else {
		__asm__ volatile("msr mair_el1, %0\n msr tcr_el1, %1\n msr ttbr0_el1, %2\n"
				 "tlbi vmalle1\n dsb sy\n isb\n msr sctlr_el1, %3\n isb"
				 :
				 : "r"(mair), "r"(walks | 1u << 23 | 1ull << 32), "r"(level1),
				   "r"(0x30d00800ull | 0x1005u)
				 : "memory");
	}
}

void bare_set_console(enum bare_console chosen)
{
	console = chosen;
}

static void uart_print(const char *text)
{
	for (; *text; text++) {
		while (*(volatile uint32_t *)UART0_FLAG & UART_FULL) {
		}
		*(volatile uint32_t *)UART0_DATA = (uint8_t)*text;
	}
}

/* FFA_CONSOLE_LOG_32: at most 24 characters in w2..w7. */
static void ffa_print(const char *text)
{
	while (*text) {
		uint64_t x[VMSG_FFA_REGISTERS] = { VMSG_FFA_ID32(CONSOLE_LOG) };
		for (; x[1] < 24 && *text; text++, x[1]++) {
			x[2 + x[1] / 4] |= (uint64_t)(uint8_t)*text << 8 * (x[1] % 4);
		}
		bare_smc(x);
	}
}

void bare_print(const char *text)
{
	if (console == BARE_UART) {
		uart_print(text);
	} else {
		ffa_print(text);
	}
}

void bare_print_hex(uint64_t value)
{
	char text[17] = { 0 };
	int at = 16;

	do {
		text[--at] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	bare_print(text + at);
}

_Noreturn void bare_exit(int status)
{
	uint64_t parameters[2] = { SEMIHOSTING_APP_EXIT, (uint64_t)status };

	for (;;) {
		bare_semihosting(SEMIHOSTING_EXIT, parameters);
	}
}

_Noreturn void bare_exception(uint64_t syndrome, uint64_t link, uint64_t address)
{
	bare_print("Bail out! exception: esr ");
	bare_print_hex(syndrome);
	bare_print(" elr ");
	bare_print_hex(link);
	bare_print(" far ");
	bare_print_hex(address);
	bare_print("\n");
	bare_exit(1);
}

uint64_t bare_now(void)
{
	uint64_t ticks;
	uint64_t frequency;

	__asm__ volatile("isb\n mrs %0, cntvct_el0\n mrs %1, cntfrq_el0"
			 : "=r"(ticks), "=r"(frequency));
	return ticks / frequency * 1000000000u + ticks % frequency * 1000000000u / frequency;
}

static void conduit_call(void *context, struct vmsg_ffa_regs *regs)
{
	(void)context;
	bare_smc(regs->x);
}

static int conduit_map(void *context, uint64_t handle, const struct vmsg_ffa_range *ranges,
		       size_t range_count, bool writable, struct vmsg_segment *segments,
		       size_t capacity)
{
	(void)context;
	(void)handle;
	(void)writable;
	size_t count = 0;
	for (size_t i = 0; i < range_count; i++) {
		const uint64_t start = ranges[i].address;
		const uint64_t size = (uint64_t)ranges[i].pages * VMSG_FFA_PAGE_SIZE;
		if (start < RAM_START || start > RAM_END || size > RAM_END - start) {
			return VMSG_ERROR_RANGE;
		}
		struct vmsg_segment *last = count ? &segments[count - 1] : NULL;
		if (last && (uintptr_t)last->data + last->size == start) {
			last->size += size;
			continue;
		}
		if (count == capacity) {
			return VMSG_ERROR_NO_SPACE;
		}
		segments[count++] = (struct vmsg_segment){ (uint8_t *)(uintptr_t)start, size };
	}
	return (int)count;
}

static void conduit_unmap(void *context, uint64_t handle)
{
	(void)context;
	(void)handle;
}

static uint64_t conduit_now(void *context)
{
	(void)context;
	return bare_now();
}

struct vmsg_conduit bare_conduit(void)
{
	return (struct vmsg_conduit){
		.call = conduit_call,
		.map = conduit_map,
		.unmap = conduit_unmap,
		.now = conduit_now,
	};
}

#define HF_INTERRUPT_GET 0xff04u

/* An interrupt that is not fetched ends every wait anew. */
static void conduit_call_hafnium(void *context, struct vmsg_ffa_regs *regs)
{
	conduit_call(context, regs);
	if (regs->x[0] == VMSG_FFA_ID32(INTERRUPT)) {
		(void)bare_hvc(HF_INTERRUPT_GET);
	}
}

struct vmsg_conduit bare_conduit_hafnium(void)
{
	struct vmsg_conduit conduit = bare_conduit();

	conduit.call = conduit_call_hafnium;
	return conduit;
}

/* The three functions that the library and the compiler call. */
void *memcpy(void *restrict destination, const void *restrict source, size_t size)
{
	uint8_t *to = destination;
	const uint8_t *from = source;
	while (size--) {
		*to++ = *from++;
	}
	return destination;
}

void *memset(void *destination, int value, size_t size)
{
	uint8_t *to = destination;
	while (size--) {
		*to++ = (uint8_t)value;
	}
	return destination;
}

int memcmp(const void *left, const void *right, size_t size)
{
	const uint8_t *a = left;
	const uint8_t *b = right;
	for (; size--; a++, b++) {
		if (*a != *b) {
			return *a < *b ? -1 : 1;
		}
	}
	return 0;
}
