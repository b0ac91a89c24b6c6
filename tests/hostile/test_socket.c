/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whoever breaks the protocol, the daemon says why and hangs up; nobody else notices, and nothing
 * is left behind. Two well-behaved partitions are there throughout and prove it after each test.
 */
#include "support/cmocka.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/partition.h"

#define PAGE UINT64_C(4096)

static struct daemon daemon_process;
static struct daemon_holdings before;
static struct partition vm1, sp1;
static uint8_t frame[2 * VMSG_WIRE_FRAME_MAX];

static int open_system(void **state)
{
	(void)state;
	daemon_start(&daemon_process, NULL, NULL);
	partition_join(&vm1, &daemon_process, 1);
	partition_join(&sp1, &daemon_process, 0x8001);
	partition_start(&sp1, "8400006b");
	before = daemon_holdings(&daemon_process);
	memset(frame, 0, sizeof(frame));
	return 0;
}

/* The proof. */
static int close_system(void **state)
{
	(void)state;
	partition_request(&vm1, &sp1, "c400008d 18001 0 0 11");
	partition_start(&sp1, "c400008e 80010001 0 0 22");
	assert_string_equal(partition_finish(&vm1), "c400008e 80010001 0 0 22");
	assert_daemon_returns_to(&daemon_process, before);
	partition_leave(&vm1);
	partition_leave(&sp1);
	daemon_stop(&daemon_process);
	return 0;
}

/* Sends `size` bytes of `frame` as a newcomer's first frame, or as VM 3's. */
static void assert_first_refused(size_t size, const char *text)
{
	const int fd = daemon_dial(&daemon_process);

	raw_send(fd, frame, size, NULL, 0);
	assert_refused(fd, text);
}

static void assert_later_refused(size_t size, const char *text)
{
	const int fd = raw_join(&daemon_process, 3);

	raw_send(fd, frame, size, NULL, 0);
	assert_refused(fd, text);
}

/* ---- frames ---- */

static void first_frames_of_any_kind_and_length_but_a_hello(void **state)
{
	static const size_t sizes[] = { 1, 7, 8, 9, 23, 24, 25, 151, 152, 153, 4095, 4096 };

	(void)state;
	for (unsigned kind = 0; kind <= VMSG_WIRE_KIND_COUNT; kind++) {
		frame[0] = (uint8_t)kind;
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			assert_first_refused(sizes[i], "frame");
		}
	}
	frame[0] = 255;
	assert_first_refused(24, "frame of kind 255");
}

static void garbage(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 300; i++) {
		const size_t size = 1 + (size_t)rand() % VMSG_WIRE_FRAME_MAX;
		for (size_t j = 0; j < size; j++) {
			frame[j] = (uint8_t)rand();
		}
		if (i % 3 == 0) {
			frame[0] = (uint8_t)(rand() % VMSG_WIRE_KIND_COUNT);
		}
		if (i % 2) {
			assert_first_refused(size, "");
		} else {
			assert_later_refused(size, "");
		}
	}
}

static void calls_that_are_short_or_long(void **state)
{
	(void)state;
	frame[0] = VMSG_WIRE_CALL;
	for (size_t size = 1; size < VMSG_WIRE_CALL_SIZE; size++) {
		assert_later_refused(size, size < 8 ? "shorter than a header" : "CALL frame");
	}
	/* the call is good; what follows it is not */
	for (size_t more = 1; more < VMSG_WIRE_CALL_SIZE; more++) {
		frame[0] = VMSG_WIRE_CALL;
		frame[VMSG_WIRE_CALL_SIZE] = VMSG_WIRE_CALL;
		assert_later_refused(VMSG_WIRE_CALL_SIZE + more,
				     more < 8 ? "shorter than a header" : "CALL frame");
	}
}

static void descriptors_belong_to_the_first_frame_of_a_message(void **state)
{
	const struct vmsg_wire_hello hello = raw_hello(3, 1, PAGE);
	const int bank = raw_memfd(PAGE, F_SEAL_SHRINK);
	const int fd = raw_join(&daemon_process, 2);

	(void)state;
	frame[0] = VMSG_WIRE_RAISE;
	const size_t size = VMSG_WIRE_HEADER_SIZE +
			    vmsg_wire_encode_hello(frame + VMSG_WIRE_HEADER_SIZE, &hello);
	raw_send(fd, frame, size, &bank, 1);
	assert_refused(fd, "RAISE frame with 1 descriptors");
	close(bank);
}

static void frames_after_the_one_that_is_refused(void **state)
{
	const int fd = raw_join(&daemon_process, 3);
	uint8_t answer[VMSG_WIRE_FRAME_MAX];

	(void)state;
	/* version, a vCPU that is not there, version: only the first is served */
	const struct vmsg_wire_header headers[] = {
		{ .kind = VMSG_WIRE_CALL, .sequence = 1 },
		{ .kind = VMSG_WIRE_CALL, .sequence = 2, .vcpu = 1 },
		{ .kind = VMSG_WIRE_CALL, .sequence = 3 },
	};
	const struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(VERSION), VMSG_FFA_VERSION_1_2 } };
	size_t size = 0;
	for (size_t i = 0; i < 3; i++) {
		size += vmsg_wire_encode_call(frame + size, &headers[i], &regs);
	}
	raw_send(fd, frame, size, NULL, 0);
	assert_int_equal(raw_receive(fd, answer), VMSG_WIRE_CALL_SIZE);
	assert_int_equal(answer[0], VMSG_WIRE_RETURN);
	assert_int_equal(answer[4], 1);
	assert_true(raw_receive(fd, answer) > 0);
	assert_int_equal(answer[0], VMSG_WIRE_REFUSE);
	assert_int_equal(raw_receive(fd, answer), 0);
	close(fd);
}

static void frames_longer_than_any(void **state)
{
	(void)state;
	frame[0] = VMSG_WIRE_CONTROL;
	assert_first_refused(VMSG_WIRE_FRAME_MAX + 1, "frame of more than 4096 bytes");
	assert_later_refused((size_t)2 * VMSG_WIRE_FRAME_MAX, "frame of more than 4096 bytes");
}

static void a_frame_of_no_bytes_is_the_end(void **state)
{
	const int bank = raw_memfd(PAGE, 0);
	const int fd = raw_join(&daemon_process, 3);

	(void)state;
	raw_send(fd, frame, 0, &bank, 1);
	close(bank);
	assert_refused(fd, NULL);
}

static void descriptors_nobody_asked_for(void **state)
{
	int many[VMSG_WIRE_DESCRIPTORS_MAX];

	(void)state;
	for (size_t i = 0; i < VMSG_WIRE_DESCRIPTORS_MAX; i++) {
		many[i] = STDIN_FILENO;
	}
	frame[0] = VMSG_WIRE_CALL;
	int fd = raw_join(&daemon_process, 3);
	raw_send(fd, frame, VMSG_WIRE_CALL_SIZE, many, 1);
	assert_refused(fd, "CALL frame with 1 descriptors");
	fd = raw_join(&daemon_process, 3);
	raw_send(fd, frame, VMSG_WIRE_CALL_SIZE, many, VMSG_WIRE_DESCRIPTORS_MAX);
	assert_refused(fd, "CALL frame with 253 descriptors");
	frame[0] = VMSG_WIRE_RAISE;
	fd = raw_join(&daemon_process, 3);
	raw_send(fd, frame, VMSG_WIRE_HEADER_SIZE, many, 2);
	assert_refused(fd, "RAISE frame with 2 descriptors");
	const struct vmsg_wire_hello hello = raw_hello(3, 0, 0);
	const size_t size = vmsg_wire_encode_hello(frame, &hello);
	fd = daemon_dial(&daemon_process);
	raw_send(fd, frame, size, many, 3);
	assert_refused(fd, "0 banks with 3 descriptors");
	/* and they are not even left over when they come with nothing */
	fd = daemon_dial(&daemon_process);
	raw_send(fd, frame, 0, many, VMSG_WIRE_DESCRIPTORS_MAX);
	assert_refused(fd, NULL);
}

static size_t encode_control(uint32_t sequence, const char *text)
{
	const struct vmsg_wire_header header = { .kind = VMSG_WIRE_CONTROL, .sequence = sequence };

	return vmsg_wire_encode_control(frame, &header, text, strlen(text));
}

static void frames_at_the_wrong_time(void **state)
{
	(void)state;
	const struct vmsg_wire_hello hello = raw_hello(2, 0, 0);
	assert_later_refused(vmsg_wire_encode_hello(frame, &hello),
			     "HELLO frame at the wrong time");
	assert_later_refused(encode_control(1, "{}"), "CONTROL frame that answers nothing");
	assert_first_refused(encode_control(1, "{}"), "CONTROL frame at the wrong time");
	assert_first_refused(vmsg_wire_encode_grant_more(frame, 1, 0),
			     "GRANT_MORE frame at the wrong time");
	/* what only a manager sends */
	assert_later_refused(vmsg_wire_encode_interrupt(frame, 0, 5), "nobody sends here");
}

static void reserved_header_bits(void **state)
{
	(void)state;
	memset(frame, 0, sizeof(frame));
	frame[0] = VMSG_WIRE_CALL;
	frame[1] = 0x80;
	assert_later_refused(VMSG_WIRE_CALL_SIZE, "reserved header bits");
	frame[0] = VMSG_WIRE_GRANT_MORE;
	frame[1] = 0;
	frame[2] = 1;
	assert_later_refused(24, "reserved header bits");
}

static void vcpus_that_are_not_there(void **state)
{
	(void)state;
	frame[0] = VMSG_WIRE_CALL;
	frame[2] = 1;
	assert_later_refused(VMSG_WIRE_CALL_SIZE, "CALL of vCPU 1, which it does not have");
	frame[2] = 0xFF;
	frame[3] = 0xFF;
	assert_later_refused(VMSG_WIRE_CALL_SIZE, "CALL of vCPU 65535, which it does not have");
	frame[0] = VMSG_WIRE_RAISE;
	assert_later_refused(VMSG_WIRE_HEADER_SIZE, "RAISE of vCPU 65535, which it does not have");
}

static size_t encode_call(const char *text, uint32_t sequence)
{
	const struct vmsg_wire_header header = { .kind = VMSG_WIRE_CALL, .sequence = sequence };
	struct vmsg_ffa_regs regs;

	regs_from_text(text, &regs);
	return vmsg_wire_encode_call(frame, &header, &regs);
}

/* The next frame is the return of call `sequence`, with these registers. */
static void assert_returned(int fd, uint32_t sequence, const char *expected)
{
	uint8_t answer[VMSG_WIRE_FRAME_MAX];
	struct vmsg_ffa_regs regs;
	char text[REGS_TEXT_SIZE];

	assert_int_equal(raw_receive(fd, answer), VMSG_WIRE_CALL_SIZE);
	assert_int_equal(answer[0], VMSG_WIRE_RETURN);
	assert_int_equal(answer[4], sequence);
	vmsg_wire_decode_call(answer, &regs);
	regs_to_text(&regs, text);
	assert_string_equal(text, expected);
}

static void a_second_call_before_the_first_returned(void **state)
{
	const int fd = raw_join(&daemon_process, 3);

	(void)state;
	raw_send(fd, frame, encode_call("84000063 10002", 1), NULL, 0);
	assert_returned(fd, 1, "10002");
	raw_send(fd, frame, encode_call("8400006b", 2), NULL, 0);
	raw_send(fd, frame, encode_call("8400006b", 3), NULL, 0);
	assert_refused(fd, "CALL of vCPU 0, which has one outstanding");
}

static void calls_before_the_version_is_agreed(void **state)
{
	const int fd = raw_join(&daemon_process, 3);

	(void)state;
	raw_send(fd, frame, encode_call("84000069", 1), NULL, 0);
	assert_returned(fd, 1, "84000060 0 ffffffff");
	raw_send(fd, frame, encode_call("84000063 80010002", 2), NULL, 0);
	assert_returned(fd, 2, "ffffffff");
	raw_send(fd, frame, encode_call("84000063 10002", 3), NULL, 0);
	assert_returned(fd, 3, "10002");
	close(fd);
}

static void a_partition_that_never_reads(void **state)
{
	const int fd = raw_join(&daemon_process, 3);
	const size_t size = encode_call("84000069", 1);
	int sent = 0;

	(void)state;
	while (send(fd, frame, size, MSG_NOSIGNAL) > 0 && sent < 1000000) {
		sent++;
		if (sent % 100 == 0) {
			/* others do not wait for it */
			assert_string_equal(partition_call(&vm1, "84000069"), "84000061 0 1");
		}
	}
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_true(daemon_logged(&daemon_process, "0x0003 refused: does not read its socket"));
	close(fd);
}

static void a_flood_of_raises(void **state)
{
	const int fd = raw_join(&daemon_process, 3);
	uint8_t raise[VMSG_WIRE_HEADER_SIZE] = { VMSG_WIRE_RAISE };

	(void)state;
	raw_send(fd, frame, encode_call("84000063 10002", 1), NULL, 0);
	assert_returned(fd, 1, "10002");
	for (int i = 0; i < 10000; i++) {
		raw_send(fd, raise, sizeof(raise), NULL, 0);
	}
	/* one bit stayed */
	raw_send(fd, frame, encode_call("8400006b", 2), NULL, 0);
	assert_returned(fd, 2, "84000062 30000");
	raw_send(fd, frame, encode_call("8400006b", 3), NULL, 0);
	raw_send(fd, raise, sizeof(raise), NULL, 0);
	assert_returned(fd, 3, "84000062 30000");
	close(fd);
}

/* ---- hello ---- */

static void assert_hello_refused(const struct vmsg_wire_hello *hello, const int *descriptors,
				 const char *text)
{
	const int fd = daemon_dial(&daemon_process);
	const size_t size = vmsg_wire_encode_hello(frame, hello);

	raw_send(fd, frame, size, descriptors, hello->bank_count);
	assert_refused(fd, text);
}

static void clients_of_another_protocol(void **state)
{
	struct vmsg_wire_hello hello = raw_hello(3, 0, 0);
	struct vmsg_wire_refuse refuse;
	uint8_t answer[VMSG_WIRE_FRAME_MAX];

	(void)state;
	hello.version = 2;
	assert_hello_refused(&hello, NULL, "protocol version 2 is not 1");
	/* which says in a field what would have been right */
	const int fd = daemon_dial(&daemon_process);
	raw_send(fd, frame, vmsg_wire_encode_hello(frame, &hello), NULL, 0);
	const size_t size = raw_receive(fd, answer);
	vmsg_wire_decode_refuse(answer, size, &refuse);
	assert_int_equal(refuse.code, VMSG_WIRE_REFUSED_VERSION);
	assert_int_equal(refuse.version, 1);
	close(fd);
	hello = raw_hello(3, 0, 0);
	hello.magic++;
	assert_hello_refused(&hello, NULL, "without the magic number");
	hello = raw_hello(3, 0, 0);
	hello.role = 3;
	assert_hello_refused(&hello, NULL, "unknown role 3");
	hello = raw_hello(0, 0, 0);
	hello.class = 2;
	assert_hello_refused(&hello, NULL, "class 2");
	hello = raw_hello(3, 0, 0);
	hello.role = VMSG_WIRE_CONTROLLER;
	assert_hello_refused(&hello, NULL, "neither identity nor banks");
	hello = raw_hello(3, 0, 0);
	const size_t hello_size = vmsg_wire_encode_hello(frame, &hello);
	frame[20] = 1;
	assert_first_refused(hello_size, "HELLO frame");
	vmsg_wire_encode_hello(frame, &hello);
	assert_first_refused(hello_size + 1, "size does not fit its 0 banks");
}

static void identities_that_are_taken_or_unknown(void **state)
{
	struct vmsg_wire_hello hello = raw_hello(1, 0, 0);

	(void)state;
	assert_hello_refused(&hello, NULL, "partition 0x0001 is claimed already");
	hello.id = 0x8000;
	assert_hello_refused(&hello, NULL, "there is no partition 0x8000");
	hello.id = 0xFFFF;
	assert_hello_refused(&hello, NULL, "there is no partition 0xffff");
	const int vm2 = raw_join(&daemon_process, 0);
	const int vm3 = raw_join(&daemon_process, 0);
	hello.id = 0;
	assert_hello_refused(&hello, NULL, "every VM of this system is taken");
	close(vm2);
	/* who leaves makes room */
	const int next = raw_join(&daemon_process, 2);
	close(next);
	close(vm3);
}

/* ---- banks ---- */

/* A hello of VM 3 with this one bank is refused; closes it. */
static void assert_bank_refused(int bank, uint64_t address, uint64_t size, const char *text)
{
	struct vmsg_wire_hello hello = raw_hello(3, 1, size);

	assert_true(bank >= 0);
	hello.banks[0].address = address;
	assert_hello_refused(&hello, &bank, text);
	close(bank);
}

static void banks_that_are_no_sealed_memory(void **state)
{
	char path[] = "/tmp/vmsg-test-bank-XXXXXX";
	int ends[2];

	(void)state;
	assert_bank_refused(raw_memfd(PAGE, 0), 0, PAGE, "bank 0 is not sealed against shrinking");
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_GROW), 0, PAGE, "not sealed against shrinking");
	const int file = mkostemp(path, O_CLOEXEC);
	assert_int_equal(ftruncate(file, PAGE), 0);
	unlink(path);
	assert_bank_refused(file, 0, PAGE, "bank 0 is not");
	assert_int_equal(pipe(ends), 0);
	close(ends[1]);
	assert_bank_refused(ends[0], 0, PAGE, "bank 0 is not a memfd");
	assert_bank_refused(open("/dev/null", O_RDWR | O_CLOEXEC), 0, PAGE,
			    "bank 0 is not a memfd");
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_SHRINK | F_SEAL_WRITE), 0, PAGE,
			    "cannot be mapped read-write");
	const int writable = raw_memfd(PAGE, F_SEAL_SHRINK);
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", writable);
	assert_bank_refused(open(link, O_RDONLY | O_CLOEXEC), 0, PAGE,
			    "cannot be mapped read-write");
	close(writable);
}

static void banks_of_huge_pages(void **state)
{
	const int bank = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	(void)state;
	if (bank < 0) {
		return; /* the kernel has none */
	}
	if (ftruncate(bank, 0x200000) != 0 || fcntl(bank, F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
		close(bank);
		return;
	}
	assert_bank_refused(bank, 0, 0x200000, "bank 0 is made of huge pages");
}

static void banks_of_a_wrong_size_or_place(void **state)
{
	(void)state;
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_SHRINK), 0, 0, "not a multiple of 4096");
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_SHRINK), 0, 100, "not a multiple of 4096");
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_SHRINK), 0, 2 * PAGE, "larger than its memfd");
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_SHRINK), 0, UINT64_MAX - PAGE + 1,
			    "exceeds the 256 GiB");
	assert_bank_refused(raw_memfd(VMSG_WIRE_RAM_MAX + PAGE, F_SEAL_SHRINK), 0,
			    VMSG_WIRE_RAM_MAX + PAGE, "exceeds the 256 GiB");
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_SHRINK), 0x1001, PAGE,
			    "does not start at a multiple of 4096");
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_SHRINK), VMSG_WIRE_ADDRESS_LIMIT, PAGE,
			    "outside the 48-bit");
	assert_bank_refused(raw_memfd(2 * PAGE, F_SEAL_SHRINK), VMSG_WIRE_ADDRESS_LIMIT - PAGE,
			    2 * PAGE, "outside the 48-bit");
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_SHRINK), UINT64_MAX - PAGE + 1, PAGE,
			    "outside the 48-bit");
}

static void banks_that_overlap_somebody(void **state)
{
	const uint64_t address = vm1.bank.address;

	(void)state;
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_SHRINK), address, PAGE, "overlaps another bank");
	assert_bank_refused(raw_memfd(2 * PAGE, F_SEAL_SHRINK), address - PAGE, 2 * PAGE,
			    "overlaps another bank");
	assert_bank_refused(raw_memfd(PAGE, F_SEAL_SHRINK), address + vm1.bank.size - PAGE, PAGE,
			    "overlaps another bank");
	/* its own */
	const int banks[2] = { raw_memfd(2 * PAGE, F_SEAL_SHRINK), raw_memfd(PAGE, F_SEAL_SHRINK) };
	struct vmsg_wire_hello hello = raw_hello(3, 2, PAGE);
	hello.banks[0].address = 0x10000;
	hello.banks[0].size = 2 * PAGE;
	hello.banks[1].address = 0x11000;
	assert_hello_refused(&hello, banks, "bank 1 overlaps another bank");
	/* side by side is fine */
	hello.banks[1].address = 0x12000;
	const int fd = daemon_dial(&daemon_process);
	raw_send(fd, frame, vmsg_wire_encode_hello(frame, &hello), banks, 2);
	assert_true(raw_receive(fd, frame) > 0);
	assert_int_equal(frame[0], VMSG_WIRE_WELCOME);
	close(fd);
	close(banks[0]);
	close(banks[1]);
}

static void banks_under_two_names(void **state)
{
	const int bank = raw_memfd(PAGE, F_SEAL_SHRINK);
	const int twice[2] = { bank, bank };
	const struct vmsg_wire_hello two = raw_hello(3, 2, PAGE);
	const struct vmsg_wire_hello one = raw_hello(2, 1, PAGE);

	(void)state;
	assert_hello_refused(&two, twice, "bank 1 is the memory of another bank");
	const int fd = daemon_dial(&daemon_process);
	raw_send(fd, frame, vmsg_wire_encode_hello(frame, &one), &bank, 1);
	assert_true(raw_receive(fd, frame) > 0);
	assert_int_equal(frame[0], VMSG_WIRE_WELCOME);
	assert_bank_refused(dup(bank), 0, PAGE, "is the memory of another bank");
	close(fd);
	close(bank);
}

static void more_banks_than_allowed(void **state)
{
	enum { COUNT = VMSG_WIRE_BANKS_MAX + 1 };
	int banks[COUNT];

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		banks[i] = raw_memfd(PAGE, F_SEAL_SHRINK);
	}
	struct vmsg_wire_hello hello = raw_hello(3, VMSG_WIRE_BANKS_MAX, PAGE);
	int fd = daemon_dial(&daemon_process);
	raw_send(fd, frame, vmsg_wire_encode_hello(frame, &hello), banks, VMSG_WIRE_BANKS_MAX);
	assert_true(raw_receive(fd, frame) > 0);
	assert_int_equal(frame[0], VMSG_WIRE_WELCOME);
	const struct daemon_holdings with = daemon_holdings(&daemon_process);
	assert_int_equal(with.mappings, before.mappings + VMSG_WIRE_BANKS_MAX);
	close(fd);
	assert_daemon_returns_to(&daemon_process, before);
	/* one more, by hand: the encoder's struct has no room for it */
	vmsg_wire_encode_hello(frame, &hello);
	frame[18] = COUNT;
	memset(&frame[24 + 64 * 16], 0, 16);
	fd = daemon_dial(&daemon_process);
	raw_send(fd, frame, 24 + COUNT * 16, banks, COUNT);
	assert_refused(fd, "65 banks, a partition has at most 64");
	/* fewer descriptors than banks */
	hello = raw_hello(3, 3, PAGE);
	fd = daemon_dial(&daemon_process);
	raw_send(fd, frame, vmsg_wire_encode_hello(frame, &hello), banks, 2);
	assert_refused(fd, "3 banks with 2 descriptors");
	for (size_t i = 0; i < COUNT; i++) {
		close(banks[i]);
	}
}

/* ---- banks that come later ---- */

static int join_with_later_banks(void)
{
	struct vmsg_wire_hello hello = raw_hello(3, 0, 0);
	uint8_t answer[VMSG_WIRE_FRAME_MAX];
	const int fd = daemon_dial(&daemon_process);

	hello.banks_later = true;
	raw_send(fd, frame, vmsg_wire_encode_hello(frame, &hello), NULL, 0);
	assert_true(raw_receive(fd, answer) > 0);
	assert_int_equal(answer[0], VMSG_WIRE_WELCOME);
	return fd;
}

static size_t bank_frame(uint8_t flags, uint64_t address, uint64_t size)
{
	const struct vmsg_wire_header header = { .kind = VMSG_WIRE_BANK,
						 .flags = flags,
						 .sequence = 9 };

	return vmsg_wire_encode_bank(frame, &header,
				     &(struct vmsg_wire_bank){ .address = address, .size = size });
}

/* The request is answered with this code and text; returns the address. */
static uint64_t assert_bank_answer(int fd, uint32_t code, const char *text)
{
	uint8_t bytes[VMSG_WIRE_FRAME_MAX];
	struct vmsg_wire_bank_answer answer;

	const size_t size = raw_receive(fd, bytes);
	assert_true(size >= 24);
	assert_int_equal(bytes[0], VMSG_WIRE_BANK);
	assert_int_equal(bytes[4], 9);
	assert_int_equal(vmsg_wire_decode_bank_answer(bytes, size, &answer), 0);
	assert_non_null(strstr(answer.text, text));
	assert_int_equal(answer.code, code);
	return answer.address;
}

/* Refused without harm: the next request is served. Takes the descriptor. */
static void assert_later_bank(int fd, int bank, uint64_t address, uint64_t size, const char *text)
{
	raw_send(fd, frame, bank_frame(0, address, size), &bank, 1);
	close(bank);
	(void)assert_bank_answer(fd, VMSG_WIRE_REFUSED_BANK, text);
}

static void later_banks_keep_the_rules_of_banks(void **state)
{
	int ends[2];

	(void)state;
	const int fd = join_with_later_banks();
	assert_later_bank(fd, raw_memfd(PAGE, 0), 0, PAGE, "not sealed against shrinking");
	assert_int_equal(pipe(ends), 0);
	close(ends[1]);
	assert_later_bank(fd, ends[0], 0, PAGE, "is not a memfd");
	assert_later_bank(fd, raw_memfd(PAGE, F_SEAL_SHRINK), 0, 0, "not a multiple of 4096");
	assert_later_bank(fd, raw_memfd(PAGE, F_SEAL_SHRINK), 0, 2 * PAGE, "larger than its memfd");
	assert_later_bank(fd, raw_memfd(PAGE, F_SEAL_SHRINK), vm1.bank.address, PAGE, "overlaps");
	assert_later_bank(fd, raw_memfd(PAGE, F_SEAL_SHRINK), 0x1001, PAGE, "multiple of 4096");
	const int bank = raw_memfd(PAGE, F_SEAL_SHRINK);
	raw_send(fd, frame, bank_frame(0, 0, PAGE), &bank, 1);
	const uint64_t address = assert_bank_answer(fd, 0, "");
	assert_later_bank(fd, dup(bank), 0, PAGE, "the memory of another bank");
	/* away with it, and it can come again */
	raw_send(fd, frame, bank_frame(VMSG_WIRE_BANK_REMOVE, address, 0), NULL, 0);
	assert_int_equal(assert_bank_answer(fd, 0, ""), address);
	raw_send(fd, frame, bank_frame(0, 0, PAGE), &bank, 1);
	assert_int_equal(assert_bank_answer(fd, 0, ""), address);
	close(bank);
	close(fd);
}

static void banks_that_cannot_be_taken_away(void **state)
{
	(void)state;
	const int fd = join_with_later_banks();
	const uint64_t nowhere[] = { 0, PAGE, vm1.bank.address, UINT64_MAX - PAGE + 1 };
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		raw_send(fd, frame, bank_frame(VMSG_WIRE_BANK_REMOVE, nowhere[i], 0), NULL, 0);
		(void)assert_bank_answer(fd, VMSG_WIRE_REFUSED_BANK, "none of the partition's");
	}
	close(fd);
}

static void more_later_banks_than_allowed(void **state)
{
	(void)state;
	const int fd = join_with_later_banks();
	for (unsigned i = 0; i <= VMSG_WIRE_BANKS_MAX; i++) {
		const int bank = raw_memfd(PAGE, F_SEAL_SHRINK);
		raw_send(fd, frame, bank_frame(0, 0, PAGE), &bank, 1);
		close(bank);
		if (i < VMSG_WIRE_BANKS_MAX) {
			(void)assert_bank_answer(fd, 0, "");
		} else {
			(void)assert_bank_answer(fd, VMSG_WIRE_REFUSED_BANK, "at most 64 banks");
		}
	}
	close(fd);
}

static void bank_frames_that_are_no_requests(void **state)
{
	const int banks[2] = { raw_memfd(PAGE, F_SEAL_SHRINK), raw_memfd(PAGE, F_SEAL_SHRINK) };

	(void)state;
	/* of a partition that did not say so */
	int fd = raw_join(&daemon_process, 3);
	raw_send(fd, frame, bank_frame(0, 0, PAGE), banks, 1);
	assert_refused(fd, "whose HELLO did not announce any");
	fd = join_with_later_banks();
	raw_send(fd, frame, bank_frame(0, 0, PAGE), NULL, 0);
	assert_refused(fd, "BANK frame with 0 descriptors");
	fd = join_with_later_banks();
	raw_send(fd, frame, bank_frame(0, 0, PAGE), banks, 2);
	assert_refused(fd, "BANK frame with 2 descriptors");
	fd = join_with_later_banks();
	raw_send(fd, frame, bank_frame(VMSG_WIRE_BANK_REMOVE, 0, 0), banks, 1);
	assert_refused(fd, "BANK frame with 1 descriptors");
	fd = join_with_later_banks();
	raw_send(fd, frame, bank_frame(VMSG_WIRE_BANK_REMOVE, 0, PAGE), NULL, 0);
	assert_refused(fd, "BANK frame with reserved bytes");
	fd = join_with_later_banks();
	raw_send(fd, frame, bank_frame(0, 0, PAGE) + 1, banks, 1);
	assert_refused(fd, "of 25 bytes");
	close(banks[0]);
	close(banks[1]);
}

static void a_refused_hello_leaves_nothing(void **state)
{
	const int banks[3] = { raw_memfd(PAGE, F_SEAL_SHRINK), raw_memfd(PAGE, F_SEAL_SHRINK),
			       raw_memfd(PAGE, 0) };
	const struct vmsg_wire_hello hello = raw_hello(3, 3, PAGE);

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_hello_refused(&hello, banks, "bank 2 is not sealed");
	}
	assert_daemon_returns_to(&daemon_process, before);
	for (size_t i = 0; i < 3; i++) {
		close(banks[i]);
	}
}

/* ---- life and death ---- */

static const struct partition_range some_page = { 20, 1 };
static struct partition vm3;

static void die_before_hello(void)
{
	close(daemon_dial(&daemon_process));
}

static void die_after_hello(void)
{
	close(raw_join(&daemon_process, 3));
}

static void die_waiting(void)
{
	partition_join(&vm3, &daemon_process, 3);
	partition_start(&vm3, "8400006b");
	partition_leave(&vm3);
}

static void die_as_an_owner(void)
{
	partition_join(&vm3, &daemon_process, 3);
	(void)partition_share(&vm3, 0x8001, true, &some_page, 1);
	partition_leave(&vm3);
}

static void die_as_a_borrower(bool writable)
{
	partition_join(&vm3, &daemon_process, 3);
	const uint64_t handle = partition_share(&vm1, 3, writable, &some_page, 1);
	assert_int_equal(strncmp(partition_retrieve(&vm3, 1, handle, writable), "84000075 ", 9), 0);
	partition_leave(&vm3);
	assert_daemon_returns_to(&daemon_process, before);
	assert_string_equal(partition_call(&vm1, "84000077 %" PRIx64 " %" PRIx64,
					   handle & UINT32_MAX, handle >> 32),
			    "84000061");
}

static void die_as_a_caller(void)
{
	partition_join(&vm3, &daemon_process, 3);
	partition_request(&vm3, &sp1, "c400008d 38001 0 0 11");
	partition_leave(&vm3);
	assert_daemon_returns_to(&daemon_process, before);
	/* the answer to nobody is taken */
	partition_start(&sp1, "c400008e 80010003 0 0 22");
}

static void die_as_a_target(void)
{
	partition_join(&vm3, &daemon_process, 3);
	partition_start(&vm3, "8400006b");
	partition_start(&vm1, "c400008d 10003 0 0 11");
	assert_string_equal(partition_finish(&vm3), "c400008d 10003 0 0 11");
	partition_leave(&vm3);
	assert_string_equal(partition_finish(&vm1), "84000060 0 fffffff8");
}

static void deaths_at_every_step_leave_nothing(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		die_before_hello();
		die_after_hello();
		die_waiting();
		die_as_an_owner();
		die_as_a_borrower(round % 2);
		die_as_a_caller();
		die_as_a_target();
	}
	assert_daemon_returns_to(&daemon_process, before);
}

static void requests_about_channels_and_grants_are_answered(void **state)
{
	const int fd = raw_join(&daemon_process, 3);
	struct vmsg_wire_grant grant;
	uint16_t peer;
	uint8_t operation;

	(void)state;
	raw_send(fd, frame, vmsg_wire_encode_channel(frame, 0x8001, VMSG_WIRE_CHANNEL_OFFER), NULL,
		 0);
	assert_int_equal(raw_receive(fd, frame), 16);
	assert_int_equal(frame[0], VMSG_WIRE_CHANNEL);
	vmsg_wire_decode_channel(frame, &peer, &operation);
	assert_int_equal(peer, 0x8001);
	assert_int_equal(operation, VMSG_WIRE_CHANNEL_REFUSE);
	/* a refusal is not answered, or both would go on for ever */
	raw_send(fd, frame, 16, NULL, 0);
	raw_send(fd, frame, vmsg_wire_encode_grant_more(frame, 77, 0), NULL, 0);
	const size_t size = raw_receive(fd, frame);
	assert_int_equal(frame[0], VMSG_WIRE_GRANT);
	assert_int_equal(frame[1], VMSG_WIRE_GRANT_REVOKED);
	assert_int_equal(vmsg_wire_decode_grant(frame, size, &grant), 0);
	assert_int_equal(grant.handle, 77);
	close(fd);
}

/* Asks; the first frame of the answer has this text in it. */
static void assert_control(int fd, const char *request, const char *first, size_t count)
{
	size_t frames = 0;
	uint8_t answer[VMSG_WIRE_FRAME_MAX + 1];

	raw_send(fd, frame, encode_control(5, request), NULL, 0);
	do {
		const size_t size = raw_receive(fd, answer);
		assert_int_equal(answer[0], VMSG_WIRE_CONTROL);
		assert_int_equal(answer[4], 5);
		answer[size] = '\0';
		if (frames++ == 0 && !strstr((const char *)answer + 8, first)) {
			fail_msg("'%s' where '%s' was expected", (const char *)answer + 8, first);
		}
	} while (answer[1] & VMSG_WIRE_CONTROL_MORE);
	assert_int_equal(frames, count);
}

static int dial_control(void)
{
	struct vmsg_wire_hello hello = raw_hello(0, 0, 0);
	const int fd = daemon_dial(&daemon_process);

	hello.role = VMSG_WIRE_CONTROLLER;
	raw_send(fd, frame, vmsg_wire_encode_hello(frame, &hello), NULL, 0);
	assert_int_equal(raw_receive(fd, frame), 24);
	assert_int_equal(frame[0], VMSG_WIRE_WELCOME);
	return fd;
}

static void control_clients_ask_and_nothing_else(void **state)
{
	static char nested[2048];
	const int fd = dial_control();

	(void)state;
	assert_control(fd, "{\"request\":\"list\"}",
		       "{\"id\":1,\"name\":\"vm1\",\"connected\":true,\"ffa_version\":\"1.2\","
		       "\"regions_owned\":0,\"regions_borrowed\":0,",
		       6);
	assert_control(fd, " { \"more\" : [1, {}] , \"request\" : \"list\" } ", "{\"id\":1,", 6);
	assert_control(fd, "{\"request\":\"stats\"}", "{\"uptime_ms\":", 2);
	assert_control(fd, "{\"request\":\"explode\"}", "{\"error\":\"NOT_SUPPORTED\"", 1);
	assert_control(fd, "{\"request\":7}", "{\"error\":\"NOT_SUPPORTED\"", 1);
	assert_control(fd, "[]", "{\"error\":\"INVALID\"", 1);
	assert_control(fd, "", "{\"error\":\"INVALID\"", 1);
	assert_control(fd, "{\"request\":\"list\"", "{\"error\":\"INVALID\"", 1);
	memset(nested, '[', sizeof(nested) - 1);
	assert_control(fd, nested, "{\"error\":\"INVALID\"", 1);
	/* it has no identity to call with */
	raw_send(fd, frame, encode_call("84000069", 1), NULL, 0);
	assert_refused(fd, "CALL frame at the wrong time");
}

static size_t encode_forward(uint16_t partition, uint32_t sequence, uint8_t flags, const char *text)
{
	const struct vmsg_wire_header header = {
		.kind = VMSG_WIRE_CONTROL, .flags = flags, .vcpu = partition, .sequence = sequence
	};

	return vmsg_wire_encode_control(frame, &header, text, strlen(text));
}

/* The next frame is CONTROL with this partition, sequence (0: any) and text. */
static uint32_t assert_text(int fd, uint16_t partition, uint32_t sequence, const char *text)
{
	struct vmsg_wire_header header;
	uint8_t got[VMSG_WIRE_FRAME_MAX + 1];
	char why[128];

	const size_t size = raw_receive(fd, got);
	assert_int_equal(vmsg_wire_check(got, size, 0, false, &header, why, sizeof(why)), 0);
	got[size] = '\0';
	assert_int_equal(header.kind, VMSG_WIRE_CONTROL);
	assert_int_equal(header.vcpu, partition);
	assert_true(sequence == 0 || header.sequence == sequence);
	if (!strstr((const char *)got + 8, text)) {
		fail_msg("'%s' where '%s' was expected", (const char *)got + 8, text);
	}
	return header.sequence;
}

static int join_with_control(uint16_t id)
{
	struct vmsg_wire_hello hello = raw_hello(id, 0, 0);
	const int fd = daemon_dial(&daemon_process);

	hello.control = true;
	raw_send(fd, frame, vmsg_wire_encode_hello(frame, &hello), NULL, 0);
	assert_true(raw_receive(fd, frame) > 0);
	assert_int_equal(frame[0], VMSG_WIRE_WELCOME);
	return fd;
}

static void requests_are_handed_on_unread_and_bounded(void **state)
{
	const int partition = join_with_control(3);
	int client = dial_control();
	const int other = dial_control();
	uint32_t numbers[9];

	(void)state;
	raw_send(client, frame, encode_forward(9, 1, 0, "x"), NULL, 0);
	(void)assert_text(client, 9, 1, "\"NOT_FOUND\"");
	raw_send(client, frame, encode_forward(0x8002, 2, 0, "x"), NULL, 0);
	(void)assert_text(client, 0x8002, 2, "\"NOT_CONNECTED\"");
	raw_send(client, frame, encode_forward(1, 3, 0, "x"), NULL, 0);
	(void)assert_text(client, 1, 3, "\"NOT_SUPPORTED\"");
	/* no JSON, and nobody minds but the partition */
	for (uint32_t i = 0; i < 8; i++) {
		raw_send(client, frame, encode_forward(3, 7, 0, "\xff{"), NULL, 0);
		numbers[i] = assert_text(partition, 0, 0, "\xff{");
	}
	raw_send(other, frame, encode_forward(3, 4, 0, "x"), NULL, 0);
	(void)assert_text(other, 3, 4, "\"BUSY\"");
	/* several frames, then the end of this one */
	raw_send(partition, frame, encode_forward(0, numbers[3], VMSG_WIRE_CONTROL_MORE, "part"),
		 NULL, 0);
	(void)assert_text(client, 3, 7, "part");
	raw_send(partition, frame, encode_forward(0, numbers[3], 0, "end"), NULL, 0);
	(void)assert_text(client, 3, 7, "end");
	raw_send(other, frame, encode_forward(3, 5, 0, "y"), NULL, 0);
	numbers[3] = assert_text(partition, 0, 0, "y");
	/* its client is gone: the place is taken until the partition has answered, into nothing */
	close(client);
	raw_send(other, frame, encode_forward(3, 6, 0, "z"), NULL, 0);
	(void)assert_text(other, 3, 6, "\"BUSY\"");
	raw_send(partition, frame, encode_forward(0, numbers[0], 0, "late"), NULL, 0);
	client = dial_control();
	raw_send(client, frame, encode_forward(3, 8, 0, "w"), NULL, 0);
	numbers[0] = assert_text(partition, 0, 0, "w");
	/* who waits is told when the partition dies */
	close(partition);
	(void)assert_text(other, 3, 5, "\"ABORTED\"");
	(void)assert_text(client, 3, 8, "\"ABORTED\"");
	close(client);
	close(other);
}

static void answers_to_nothing(void **state)
{
	const int client = dial_control();
	int partition = join_with_control(3);

	(void)state;
	raw_send(client, frame, encode_forward(3, 1, 0, "x"), NULL, 0);
	const uint32_t number = assert_text(partition, 0, 0, "x");
	raw_send(partition, frame, encode_forward(0, number, 0, "one"), NULL, 0);
	(void)assert_text(client, 3, 1, "one");
	raw_send(partition, frame, encode_forward(0, number, 0, "two"), NULL, 0);
	assert_refused(partition, "CONTROL frame that answers nothing");
	close(client);
}

/* ---- limits of the manager itself ---- */

static void limit_descriptors(size_t limit)
{
	const struct rlimit limits = { .rlim_cur = limit, .rlim_max = limit };

	assert_int_equal(prlimit(daemon_process.pid, RLIMIT_NOFILE, &limits, NULL), 0);
}

static void a_manager_out_of_descriptors(void **state)
{
	enum { BANKS = 16, CLIENTS = 8 };
	const struct vmsg_wire_hello hello = raw_hello(3, BANKS, PAGE);
	int banks[BANKS], clients[CLIENTS];

	(void)state;
	for (size_t i = 0; i < BANKS; i++) {
		banks[i] = raw_memfd(PAGE, F_SEAL_SHRINK);
	}
	/* `before` counts "." and ".." and the directory itself: room for 3 more */
	limit_descriptors(before.descriptors);
	assert_hello_refused(&hello, banks, "the manager is out of descriptors");
	assert_daemon_returns_to(&daemon_process, before);
	/* the last of these are not accepted before the first leave */
	for (size_t i = 0; i < CLIENTS; i++) {
		clients[i] = daemon_dial(&daemon_process);
	}
	assert_true(daemon_logged(&daemon_process, "cannot accept a connection: Too many open"));
	assert_string_equal(partition_call(&vm1, "84000069"), "84000061 0 1");
	const struct vmsg_wire_hello plain = raw_hello(3, 0, 0);
	raw_send(clients[CLIENTS - 1], frame, vmsg_wire_encode_hello(frame, &plain), NULL, 0);
	for (size_t i = 0; i < CLIENTS - 1; i++) {
		close(clients[i]);
	}
	assert_true(raw_receive(clients[CLIENTS - 1], frame) > 0);
	assert_int_equal(frame[0], VMSG_WIRE_WELCOME);
	close(clients[CLIENTS - 1]);
	for (size_t i = 0; i < BANKS; i++) {
		close(banks[i]);
	}
}

static void more_connections_than_allowed(void **state)
{
	enum { LIMIT = 500, COUNT = LIMIT - 2 };
	int clients[COUNT + 1];

	(void)state;
	for (size_t i = 0; i <= COUNT; i++) {
		clients[i] = daemon_dial(&daemon_process);
	}
	struct daemon_holdings full = before;
	full.descriptors += COUNT;
	assert_daemon_returns_to(&daemon_process, full);
	/* the one too many is served when another leaves */
	const struct vmsg_wire_hello hello = raw_hello(3, 0, 0);
	raw_send(clients[COUNT], frame, vmsg_wire_encode_hello(frame, &hello), NULL, 0);
	assert_daemon_returns_to(&daemon_process, full);
	close(clients[0]);
	assert_true(raw_receive(clients[COUNT], frame) > 0);
	assert_int_equal(frame[0], VMSG_WIRE_WELCOME);
	for (size_t i = 1; i <= COUNT; i++) {
		close(clients[i]);
	}
}

/* ---- the socket itself ---- */

static int run_serve(const char *path, char *output, size_t size)
{
	char command[256];

	snprintf(command, sizeof(command), "exec " VMSG_BINARY_DIR "/vmsg-ffa-emu serve -s %s 2>&1",
		 path);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	output[fread(output, 1, size - 1, pipe)] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static void sockets_are_private_and_not_taken_from_others(void **state)
{
	struct stat status;
	char output[512];

	(void)state;
	assert_int_equal(stat(daemon_process.socket_path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(run_serve(daemon_process.socket_path, output, sizeof(output)), 1);
	assert_non_null(strstr(output, "another manager listens there"));
	/* the log is a plain file: not a socket, and not removed */
	assert_int_equal(run_serve(daemon_process.log_path, output, sizeof(output)), 1);
	assert_int_equal(access(daemon_process.log_path, F_OK), 0);
	assert_int_equal(run_serve("/nowhere/sock", output, sizeof(output)), 1);
	assert_non_null(strstr(output, "/nowhere/sock: No such file or directory"));
	assert_int_equal(run_serve("/tmp/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
				   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
				   output, sizeof(output)),
			 1);
	assert_non_null(strstr(output, "more than 107 bytes"));
}

static void a_socket_that_nobody_serves_is_replaced(void **state)
{
	struct daemon next;
	struct stat status;

	(void)state;
	daemon_start(&next, NULL, NULL);
	daemon_crash(&next);
	assert_int_equal(stat(next.socket_path, &status), 0);
	daemon_restart(&next);
	close(daemon_dial(&next));
	daemon_stop(&next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		TEST(first_frames_of_any_kind_and_length_but_a_hello),
		TEST(garbage),
		TEST(calls_that_are_short_or_long),
		TEST(descriptors_belong_to_the_first_frame_of_a_message),
		TEST(frames_after_the_one_that_is_refused),
		TEST(frames_longer_than_any),
		TEST(a_frame_of_no_bytes_is_the_end),
		TEST(descriptors_nobody_asked_for),
		TEST(frames_at_the_wrong_time),
		TEST(reserved_header_bits),
		TEST(vcpus_that_are_not_there),
		TEST(a_second_call_before_the_first_returned),
		TEST(calls_before_the_version_is_agreed),
		TEST(a_partition_that_never_reads),
		TEST(a_flood_of_raises),
		TEST(clients_of_another_protocol),
		TEST(identities_that_are_taken_or_unknown),
		TEST(banks_that_are_no_sealed_memory),
		TEST(banks_of_huge_pages),
		TEST(banks_of_a_wrong_size_or_place),
		TEST(banks_that_overlap_somebody),
		TEST(banks_under_two_names),
		TEST(more_banks_than_allowed),
		TEST(later_banks_keep_the_rules_of_banks),
		TEST(banks_that_cannot_be_taken_away),
		TEST(more_later_banks_than_allowed),
		TEST(bank_frames_that_are_no_requests),
		TEST(a_refused_hello_leaves_nothing),
		TEST(deaths_at_every_step_leave_nothing),
		TEST(requests_about_channels_and_grants_are_answered),
		TEST(control_clients_ask_and_nothing_else),
		TEST(requests_are_handed_on_unread_and_bounded),
		TEST(answers_to_nothing),
		TEST(a_manager_out_of_descriptors),
		TEST(more_connections_than_allowed),
		TEST(sockets_are_private_and_not_taken_from_others),
		TEST(a_socket_that_nobody_serves_is_replaced),
	};

	return cmocka_run_group_tests_name("socket (hostile)", tests, NULL, NULL);
}
