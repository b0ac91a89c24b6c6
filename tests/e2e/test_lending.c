/* SPDX-License-Identifier: BSD-3-Clause */
/* Who can reach memory: what has been lent or donated is out of its owner's reach, what only its
 * owner may write cannot be mapped for writing by anybody else, and a flat map has everything at
 * its physical address. */
#include "support/cmocka.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/partition.h"
#include "virtio_msg_ffa/error.h"

#define PAGE    ((size_t)4096)
#define SUCCESS "84000061"
#define DENIED  "84000060 0 fffffffa"
#define DONATE  0x84000071u
#define LEND    0x84000072u
#define SHARE   0x84000073u

static struct daemon daemon_process;
static struct partition vm1, vm2, sp1;

static int open_system(void **state)
{
	(void)state;
	daemon_start(&daemon_process, NULL, NULL);
	partition_join(&vm1, &daemon_process, 1);
	partition_join(&vm2, &daemon_process, 2);
	partition_join(&sp1, &daemon_process, 0x8001);
	return 0;
}

static int close_system(void **state)
{
	(void)state;
	partition_leave(&vm1);
	partition_leave(&vm2);
	partition_leave(&sp1);
	daemon_stop(&daemon_process);
	return 0;
}

/* Whether the kernel would let this process read or write there, asked without a fault. */
static bool can_read(const uint8_t *at)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	const bool can = write(ends[1], at, 1) == 1;
	close(ends[0]);
	close(ends[1]);
	return can;
}

static bool can_write(uint8_t *at)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "w", 1), 1);
	const bool can = read(ends[0], at, 1) == 1;
	close(ends[0]);
	close(ends[1]);
	return can;
}

/* A send of `pages` pages at `address` of the physical map, or a retrieve request without any. */
static const char *memory_call(struct partition *caller, uint32_t id, uint16_t owner,
			       uint16_t borrower, uint8_t permissions, uint64_t handle,
			       uint64_t address, uint32_t pages)
{
	const struct vmsg_ffa_memory_header header = {
		.sender = owner,
		.attributes = id == SHARE ? VMSG_FFA_ATTR_NORMAL_WB_INNER : 0,
		.handle = handle,
		.access_size = VMSG_FFA_ACCESS_SIZE_1_2,
	};
	const struct vmsg_ffa_memory_access access = { .endpoint = borrower,
						       .permissions = permissions };
	const struct vmsg_ffa_range range = { address, pages };
	const int size = vmsg_ffa_memory_build(&header, &access, 1, &range, pages > 0,
					       (struct vmsg_span){ caller->bank.data, PAGE });

	assert_true(size > 0);
	return partition_call(caller, "%" PRIx32 " %x %x", id, (unsigned int)size,
			      (unsigned int)size);
}

static uint64_t handle_of(const char *reply)
{
	uint64_t low, high;

	assert_int_equal(sscanf(reply, "84000061 0 %" SCNx64 " %" SCNx64, &low, &high), 2);
	return low | high << 32;
}

static const char *reclaim(struct partition *owner, uint64_t handle)
{
	return partition_call(owner, "84000077 %" PRIx64 " %" PRIx64, handle & UINT32_MAX,
			      handle >> 32);
}

/* Retrieves one range and maps it. */
static int fetch(struct partition *borrower, uint16_t owner, uint8_t permissions, uint64_t handle,
		 uint64_t address, uint32_t pages, bool writable, uint8_t **data)
{
	const struct vmsg_conduit conduit = vmsg_emu_conduit(borrower->emu);
	const struct vmsg_ffa_range range = { address, pages };
	struct vmsg_segment segment = { 0 };
	uint32_t length;

	const char *reply =
		memory_call(borrower, 0x84000074, owner, borrower->id, permissions, handle, 0, 0);
	assert_int_equal(sscanf(reply, "84000075 %" SCNx32, &length), 1);
	assert_string_equal(partition_call(borrower, "84000065"), SUCCESS);
	const int result = conduit.map(conduit.context, handle, &range, 1, writable, &segment, 1);
	*data = segment.data;
	return result;
}

static void lent_memory_is_out_of_reach_until_it_is_reclaimed(void **state)
{
	uint8_t *page = vm1.bank.data + 8 * PAGE, *borrowed;

	(void)state;
	page[0] = 7;
	const uint64_t handle = handle_of(memory_call(&vm1, LEND, 1, 0x8001, VMSG_FFA_DATA_RW, 0,
						      vm1.bank.address + 8 * PAGE, 2));
	assert_false(can_read(page));
	assert_false(can_read(page + 2 * PAGE - 1));
	assert_true(can_read(page - 1));
	assert_true(can_write(page + 2 * PAGE));
	assert_int_equal(fetch(&sp1, 1, VMSG_FFA_DATA_RW | VMSG_FFA_INSTRUCTION_NX, handle,
			       vm1.bank.address + 8 * PAGE, 2, true, &borrowed),
			 1);
	assert_int_equal(borrowed[0], 7);
	borrowed[0] = 8;
	assert_string_equal(reclaim(&vm1, handle), DENIED);
	assert_false(can_read(page));
	assert_string_equal(partition_relinquish(&sp1, handle), SUCCESS);
	vmsg_emu_conduit(sp1.emu).unmap(sp1.emu, handle);
	assert_false(can_read(page));
	assert_string_equal(reclaim(&vm1, handle), SUCCESS);
	assert_int_equal(page[0], 8);
	assert_true(can_write(page));
}

static void a_send_that_is_refused_takes_nothing_away(void **state)
{
	uint8_t *page = vm1.bank.data + 8 * PAGE;

	(void)state;
	assert_string_equal(
		memory_call(&vm1, LEND, 1, 1, VMSG_FFA_DATA_RW, 0, vm1.bank.address + 8 * PAGE, 1),
		"84000060 0 fffffffe");
	assert_true(can_write(page));
	/* and what is shared stays */
	const uint64_t handle = handle_of(memory_call(&vm1, SHARE, 1, 0x8001, VMSG_FFA_DATA_RW, 0,
						      vm1.bank.address + 8 * PAGE, 1));
	assert_true(can_write(page));
	assert_string_equal(reclaim(&vm1, handle), SUCCESS);
}

static void donated_memory_goes_round(void **state)
{
	const uint64_t address = vm1.bank.address + 8 * PAGE;
	uint8_t *page = vm1.bank.data + 8 * PAGE, *at_vm2, *back;

	(void)state;
	page[0] = 1;
	uint64_t handle = handle_of(memory_call(&vm1, DONATE, 1, 2, 0, 0, address, 1));
	assert_int_equal(fetch(&vm2, 1, VMSG_FFA_DATA_RW | VMSG_FFA_INSTRUCTION_NX, handle, address,
			       1, true, &at_vm2),
			 1);
	assert_false(can_read(page));
	assert_int_equal(at_vm2[0], 1);
	at_vm2[0] = 2;
	/* its owner of now gives it back, and has it no more */
	handle = handle_of(memory_call(&vm2, DONATE, 2, 1, 0, 0, address, 1));
	assert_false(can_read(at_vm2));
	assert_int_equal(fetch(&vm1, 2, VMSG_FFA_DATA_RW | VMSG_FFA_INSTRUCTION_NX, handle, address,
			       1, true, &back),
			 1);
	assert_int_equal(back[0], 2);
	assert_int_equal(page[0], 2);
	assert_true(can_write(page));
}

/* VM3, with a bank for RX/TX and one of the kind in question. */
static struct vmsg_emu_bank join_with(struct partition *vm3, enum vmsg_emu_bank_access access)
{
	struct vmsg_emu_bank banks[2] = { { .size = 2 * PAGE },
					  { .size = 2 * PAGE, .access = access } };
	struct vmsg_emu_options options = {
		.socket_path = daemon_process.socket_path,
		.id = 3,
		.banks = banks,
		.bank_count = 2,
		.banks_later = true,
	};
	char why[256];

	assert_int_equal(vmsg_emu_connect(&vm3->emu, &options, why, sizeof(why)), 0);
	vm3->id = 3;
	vm3->bank = banks[0];
	assert_string_equal(partition_call(vm3, "84000063 10002"), "10002");
	assert_string_equal(partition_call(vm3, "c4000066 %" PRIx64 " %" PRIx64 " 1",
					   banks[0].address, banks[0].address + PAGE),
			    SUCCESS);
	return banks[1];
}

static void what_its_owner_alone_may_write_nobody_else_can_map_for_writing(void **state)
{
	struct partition vm3;
	const struct vmsg_emu_bank bank = join_with(&vm3, VMSG_EMU_BANK_OWNED);
	uint8_t *data;

	(void)state;
	bank.data[0] = 5;
	assert_string_equal(
		memory_call(&vm3, SHARE, 3, 0x8001, VMSG_FFA_DATA_RW, 0, bank.address, 1), DENIED);
	const uint64_t handle = handle_of(
		memory_call(&vm3, SHARE, 3, 0x8001, VMSG_FFA_DATA_RO, 0, bank.address, 1));
	assert_int_equal(fetch(&sp1, 3, VMSG_FFA_DATA_RO, handle, bank.address, 1, false, &data),
			 1);
	assert_int_equal(data[0], 5);
	bank.data[0] = 6;
	assert_int_equal(data[0], 6);
	/* not by the library, and not behind its back */
	assert_false(can_write(data));
	assert_int_not_equal(mprotect(data, PAGE, PROT_READ | PROT_WRITE), 0);
	assert_string_equal(partition_relinquish(&sp1, handle), SUCCESS);
	vmsg_emu_conduit(sp1.emu).unmap(sp1.emu, handle);
	vmsg_emu_close(vm3.emu);
}

static void a_rom_is_read_by_everybody(void **state)
{
	struct partition vm3;
	const struct vmsg_emu_bank bank = join_with(&vm3, VMSG_EMU_BANK_ROM);

	(void)state;
	assert_true(can_read(bank.data));
	assert_false(can_write(bank.data));
	assert_string_equal(
		memory_call(&vm3, LEND, 3, 0x8001, VMSG_FFA_DATA_RW, 0, bank.address, 1), DENIED);
	const uint64_t handle =
		handle_of(memory_call(&vm3, LEND, 3, 0x8001, VMSG_FFA_DATA_RO, 0, bank.address, 1));
	assert_false(can_read(bank.data));
	assert_string_equal(reclaim(&vm3, handle), SUCCESS);
	assert_true(can_read(bank.data));
	/* not for buffers */
	assert_string_equal(partition_call(&vm3, "84000067"), SUCCESS);
	assert_string_equal(partition_call(&vm3, "c4000066 %" PRIx64 " %" PRIx64 " 1", bank.address,
					   bank.address + PAGE),
			    "84000060 0 fffffffe");
	vmsg_emu_close(vm3.emu);
}

/* Memory of another process (here: of nobody in particular) becomes a bank, and is ours to share.
 */
static void memory_that_others_made_comes_and_goes(void **state)
{
	const struct daemon_holdings before = daemon_holdings(&daemon_process);
	struct vmsg_emu_bank bank = { .size = 4 * PAGE, .access = VMSG_EMU_BANK_ROM };
	struct partition vm3;
	char why[128];
	uint8_t *data;

	(void)state;
	(void)join_with(&vm3, VMSG_EMU_BANK_SHARED);
	const struct daemon_holdings without = daemon_holdings(&daemon_process);
	const int memfd = raw_memfd(4 * PAGE, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	uint8_t *theirs = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	assert_int_equal(vmsg_emu_add_bank(vm3.emu, memfd, &bank, why, sizeof(why)), 0);
	assert_int_equal(bank.access, VMSG_EMU_BANK_SHARED);
	const uint64_t address = bank.address + PAGE;
	const uint64_t handle =
		handle_of(memory_call(&vm3, SHARE, 3, 0x8001, VMSG_FFA_DATA_RW, 0, address, 2));
	assert_int_equal(fetch(&sp1, 3, VMSG_FFA_DATA_RW, handle, address, 2, true, &data), 1);
	theirs[PAGE] = 7;
	assert_int_equal(data[0], 7);
	assert_int_equal(bank.data[PAGE], 7);
	/* what is shared stays */
	assert_int_equal(vmsg_emu_remove_bank(vm3.emu, bank.address), VMSG_ERROR_AGAIN);
	assert_int_equal(bank.data[PAGE], 7);
	assert_string_equal(partition_relinquish(&sp1, handle), SUCCESS);
	vmsg_emu_conduit(sp1.emu).unmap(sp1.emu, handle);
	assert_string_equal(reclaim(&vm3, handle), SUCCESS);
	assert_int_equal(vmsg_emu_remove_bank(vm3.emu, bank.address), 0);
	assert_int_equal(vmsg_emu_remove_bank(vm3.emu, bank.address), VMSG_ERROR_NOT_FOUND);
	assert_daemon_returns_to(&daemon_process, without);
	/* it may come again, even elsewhere */
	bank = (struct vmsg_emu_bank){ .size = 2 * PAGE, .address = UINT64_C(0x7000000000) };
	assert_int_equal(vmsg_emu_add_bank(vm3.emu, memfd, &bank, why, sizeof(why)), 0);
	assert_int_equal(bank.address, UINT64_C(0x7000000000));
	munmap(theirs, 4 * PAGE);
	close(memfd);
	vmsg_emu_close(vm3.emu);
	assert_daemon_returns_to(&daemon_process, before);
}

static void what_is_no_bank_is_not_added(void **state)
{
	struct vmsg_emu_bank bank = { .size = PAGE };
	struct partition vm3;
	char why[128];

	(void)state;
	(void)join_with(&vm3, VMSG_EMU_BANK_SHARED);
	int memfd = raw_memfd(PAGE, 0);
	assert_int_equal(vmsg_emu_add_bank(vm3.emu, memfd, &bank, why, sizeof(why)),
			 VMSG_ERROR_INVALID);
	assert_non_null(strstr(why, "the bank is not sealed against shrinking"));
	assert_null(bank.data);
	close(memfd);
	memfd = raw_memfd(PAGE, F_SEAL_SHRINK);
	bank.size = 0;
	assert_int_equal(vmsg_emu_add_bank(vm3.emu, memfd, &bank, why, sizeof(why)),
			 VMSG_ERROR_NO_SPACE);
	/* nor by a partition that did not say that it would, or while it is in a call */
	bank.size = PAGE;
	assert_int_equal(vmsg_emu_add_bank(vm1.emu, memfd, &bank, why, sizeof(why)),
			 VMSG_ERROR_STATE);
	assert_int_equal(vmsg_emu_remove_bank(vm1.emu, vm1.bank.address), VMSG_ERROR_STATE);
	partition_start(&vm3, "8400006b");
	assert_int_equal(vmsg_emu_add_bank(vm3.emu, memfd, &bank, why, sizeof(why)),
			 VMSG_ERROR_STATE);
	assert_int_equal(vmsg_emu_raise(vm3.emu), 0);
	(void)partition_finish(&vm3);
	/* buffers are in use */
	assert_int_equal(vmsg_emu_remove_bank(vm3.emu, vm3.bank.address), VMSG_ERROR_AGAIN);
	close(memfd);
	vmsg_emu_close(vm3.emu);
}

/* Addresses that a process has free, under a sanitizer too. */
#define FLAT_ADDRESS  UINT64_C(0x40000000)
#define OTHER_ADDRESS UINT64_C(0x50000000)

static void join_at(struct partition *partition, uint16_t id, uint64_t address, bool flat)
{
	struct vmsg_emu_bank bank = { .size = 16 * PAGE, .address = address };
	struct vmsg_emu_options options = { .socket_path = daemon_process.socket_path,
					    .id = id,
					    .flat = flat,
					    .banks = &bank,
					    .bank_count = 1 };
	char why[256];

	assert_int_equal(vmsg_emu_connect(&partition->emu, &options, why, sizeof(why)), 0);
	partition->id = id;
	partition->bank = bank;
	assert_string_equal(partition_call(partition, "84000063 10002"), "10002");
	assert_string_equal(partition_call(partition, "c4000066 %" PRIx64 " %" PRIx64 " 1",
					   bank.address, bank.address + PAGE),
			    SUCCESS);
}

static void a_flat_map_has_everything_at_its_physical_address(void **state)
{
	/* two pieces with a hole between them */
	const struct partition_range pages[2] = { { 8, 1 }, { 10, 2 } };
	struct partition owner, flat;
	struct vmsg_ffa_range ranges[2];
	struct vmsg_segment segments[2];

	(void)state;
	join_at(&owner, 3, OTHER_ADDRESS, false);
	join_at(&flat, 0x8002, FLAT_ADDRESS, true);
	assert_ptr_equal(flat.bank.data, (void *)(uintptr_t)FLAT_ADDRESS);
	partition_ranges(&owner, pages, 2, ranges);
	partition_write_text(&owner, 10, "flat");
	const uint64_t handle = partition_share(&owner, 0x8002, true, pages, 2);
	(void)partition_retrieve(&flat, 3, handle, true);

	const struct vmsg_conduit conduit = vmsg_emu_conduit(flat.emu);
	void *second = (void *)(uintptr_t)ranges[1].address;
	assert_ptr_equal(mmap(second, PAGE, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
			 second);
	assert_int_equal(conduit.map(conduit.context, handle, ranges, 2, true, segments, 2),
			 VMSG_ERROR_NO_SPACE);
	munmap(second, PAGE);
	assert_int_equal(conduit.map(conduit.context, handle, ranges, 2, true, segments, 1),
			 VMSG_ERROR_NO_SPACE);
	assert_int_equal(conduit.map(conduit.context, handle, ranges, 2, true, segments, 2), 2);
	assert_ptr_equal(segments[0].data, (void *)(uintptr_t)ranges[0].address);
	assert_ptr_equal(segments[1].data, second);
	assert_int_equal(segments[1].size, 2 * PAGE);
	assert_string_equal((char *)segments[1].data, "flat");
	conduit.unmap(conduit.context, handle);
	assert_false(can_read(second));
	partition_leave(&owner);
	partition_leave(&flat);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
	const struct CMUnitTest tests[] = {
		TEST(lent_memory_is_out_of_reach_until_it_is_reclaimed),
		TEST(a_send_that_is_refused_takes_nothing_away),
		TEST(donated_memory_goes_round),
		TEST(what_its_owner_alone_may_write_nobody_else_can_map_for_writing),
		TEST(a_rom_is_read_by_everybody),
		TEST(memory_that_others_made_comes_and_goes),
		TEST(what_is_no_bank_is_not_added),
		TEST(a_flat_map_has_everything_at_its_physical_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
