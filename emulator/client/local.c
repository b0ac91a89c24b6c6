/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The partition manager in this process: one thread, virtual time. Who calls and must wait lends
 * its stack to the others: their entry functions run until the caller's own call has returned, and
 * when nobody can run, time passes to the manager's next deadline. Invariants: an entry function is
 * on the stack at most once; memory and partitions live until the manager is destroyed, so that one
 * may stop another (or itself) at any point.
 */
#include "client/local.h"

#include <stdlib.h>
#include <string.h>

#include "system.h"
#include "virtio_msg_ffa/error.h"

#define PAGE_SIZE     UINT64_C(4096)
#define FIRST_ADDRESS UINT64_C(0x80000000)
#define BANK_GAP      UINT64_C(0x200000)
#define ADDRESS_LIMIT (UINT64_C(1) << 48)

/* What a run of an entry function costs. Were it free, partitions that get nowhere could keep each
 * other busy for ever without the end of anybody's time slice. */
#define STEP_NS 1000

struct local_bank {
	struct local_bank *next;
	uint64_t id;
	uint16_t owner;
	bool dead; /* so is its owner, but a borrower may still look at it */
	uint64_t address;
	uint64_t size;
	uint8_t *data;
};

struct vmsg_emu_local_partition {
	struct vmsg_emu_local_partition *next;
	struct vmsg_emu_local *local;
	uint16_t id;
	bool started;
	bool entered;      /* its entry function is on the stack */
	bool has_reply;    /* its call has returned */
	uint64_t alarm_ns; /* its wait is interrupted then */
	struct vmsg_ffa_regs reply;
	vmsg_emu_entry entry;
	void *context;
};

struct vmsg_emu_local {
	struct spmc *spmc;
	struct faults *faults; /* NULL for none */
	void (*watch)(void *context, uint64_t now_ns, uint16_t partition, bool is_return,
		      const struct vmsg_ffa_regs *regs);
	void *watch_context;
	uint64_t now_ns;
	struct local_bank *banks;
	uint64_t last_bank_id;
	struct vmsg_emu_local_partition *partitions;
	size_t partition_count;                    /* dead ones included */
	struct vmsg_emu_local_partition *last_run; /* whose turn was last */
};

/* Anybody's, also of the dead: banks never overlap. */
static const struct local_bank *find_any_bank(const struct vmsg_emu_local *local, uint64_t address)
{
	const struct local_bank *bank = local->banks;

	while (bank && (address < bank->address || address - bank->address >= bank->size)) {
		bank = bank->next;
	}
	return bank;
}

static const struct local_bank *find_bank(const struct vmsg_emu_local *local, uint16_t owner,
					  uint64_t address)
{
	const struct local_bank *bank = find_any_bank(local, address);

	return bank && bank->owner == owner && !bank->dead ? bank : NULL;
}

/* Our pointer to RAM of a living partition; NULL unless all of it is in one bank. */
static uint8_t *ram_at(const struct vmsg_emu_local *local, uint16_t owner, uint64_t address,
		       uint64_t size)
{
	const struct local_bank *bank = find_bank(local, owner, address);

	if (!bank || size > bank->address + bank->size - address) {
		return NULL;
	}
	return bank->data + (address - bank->address);
}

static int ram_read(void *context, uint16_t partition, uint64_t address, void *to, size_t size)
{
	const uint8_t *data = ram_at(context, partition, address, size);

	if (!data) {
		return -1;
	}
	memcpy(to, data, size);
	return 0;
}

static int ram_write(void *context, uint16_t partition, uint64_t address, const void *from,
		     size_t size)
{
	uint8_t *data = ram_at(context, partition, address, size);

	if (!data) {
		return -1;
	}
	memcpy(data, from, size);
	return 0;
}

static int ram_zero(void *context, uint16_t partition, uint64_t address, uint64_t size)
{
	uint8_t *data = ram_at(context, partition, address, size);

	if (!data) {
		return -1;
	}
	memset(data, 0, size);
	return 0;
}

static int ram_identify(void *context, uint16_t partition, uint64_t address, uint32_t pages,
			struct spmc_page *page, uint32_t *run, enum spmc_access *access)
{
	const struct local_bank *bank = find_bank(context, partition, address);

	if (!bank) {
		return -1;
	}
	const uint64_t rest = (bank->address + bank->size - address) / PAGE_SIZE;
	page->bank = bank->id;
	page->page = (address - bank->address) / PAGE_SIZE;
	*run = rest < pages ? (uint32_t)rest : pages;
	*access = SPMC_WRITABLE;
	return 0;
}

static const struct spmc_memory_ops memory_ops = {
	.read = ram_read,
	.write = ram_write,
	.zero = ram_zero,
	.identify = ram_identify,
};

struct vmsg_emu_local *vmsg_emu_local_create(void)
{
	struct vmsg_emu_local *local = calloc(1, sizeof(*local));
	const char *why;

	if (!local) {
		return NULL;
	}
	local->spmc = spmc_create(
		&(struct spmc_options){ .memory = &memory_ops, .memory_context = local });
	bool is_good = local->spmc != NULL;
	for (size_t i = 0; i < vmsg_system_builtin_count && is_good; i++) {
		is_good = spmc_add_partition(local->spmc, &vmsg_system_builtin[i], &why) == 0;
	}
	if (!is_good) {
		vmsg_emu_local_destroy(local);
		return NULL;
	}
	return local;
}

void vmsg_emu_local_destroy(struct vmsg_emu_local *local)
{
	if (!local) {
		return;
	}
	spmc_destroy(local->spmc);
	while (local->partitions) {
		struct vmsg_emu_local_partition *partition = local->partitions;
		local->partitions = partition->next;
		free(partition);
	}
	while (local->banks) {
		struct local_bank *bank = local->banks;
		local->banks = bank->next;
		free(bank->data);
		free(bank);
	}
	free(local);
}

void vmsg_emu_local_set_faults(struct vmsg_emu_local *local, struct faults *faults)
{
	local->faults = faults;
}

void vmsg_emu_local_set_watch(struct vmsg_emu_local *local,
			      void (*watch)(void *context, uint64_t now_ns, uint16_t partition,
					    bool is_return, const struct vmsg_ffa_regs *regs),
			      void *context)
{
	local->watch = watch;
	local->watch_context = context;
}

const struct spmc *vmsg_emu_local_spmc(const struct vmsg_emu_local *local)
{
	return local->spmc;
}

static void watch(const struct vmsg_emu_local_partition *partition, bool is_return,
		  const struct vmsg_ffa_regs *regs)
{
	const struct vmsg_emu_local *local = partition->local;

	if (local->watch) {
		local->watch(local->watch_context, local->now_ns, partition->id, is_return, regs);
	}
}

/* The outstanding call of a partition returns with what is in its `reply`. */
static void returns(struct vmsg_emu_local_partition *partition)
{
	partition->has_reply = true;
	watch(partition, true, &partition->reply);
}

/* Takes what the manager has for the partitions. Memory needs no handing over. An interrupt ends
 * the wait of a VM, which the manager leaves to whoever runs the VM. */
static void pull(struct vmsg_emu_local *local)
{
	struct spmc_delivery delivery;

	while (faults_next(local->faults, local->spmc, &delivery)) {
		if (delivery.kind == SPMC_INTERRUPT && !(delivery.partition >> 15)) {
			spmc_raise(local->spmc, delivery.partition, 0);
		}
		if (delivery.kind != SPMC_RETURN) {
			continue;
		}
		struct vmsg_emu_local_partition *partition = local->partitions;
		while (partition && !(partition->started && partition->id == delivery.partition)) {
			partition = partition->next;
		}
		if (partition) {
			partition->reply = delivery.regs;
			returns(partition);
		}
	}
}

static void submit(struct vmsg_emu_local_partition *partition, const struct vmsg_ffa_regs *regs)
{
	struct vmsg_emu_local *local = partition->local;
	bool kill;

	watch(partition, false, regs);
	partition->reply = *regs;
	partition->has_reply = false;
	switch (faults_call(local->faults, local->spmc, partition->id, 0, local->now_ns,
			    &partition->reply, &kill)) {
	case SPMC_REPLIED:
		returns(partition);
		break;
	case SPMC_BLOCKED:
		break;
	case SPMC_REFUSED:
		vmsg_ffa_pack_error(&partition->reply, VMSG_FFA_ABORTED);
		returns(partition);
		break;
	}
	if (kill) {
		vmsg_emu_local_stop(partition);
	}
	pull(local);
}

static void enter(struct vmsg_emu_local_partition *partition)
{
	struct vmsg_ffa_regs regs = partition->reply;

	partition->local->last_run = partition;
	partition->local->now_ns += STEP_NS;
	partition->has_reply = false;
	partition->entered = true;
	partition->entry(partition->context, &regs);
	partition->entered = false;
	if (partition->started) {
		submit(partition, &regs);
	}
}

/* In turn, so that one that is always ready does not keep the others waiting: begins behind the
 * last one and ends with it. */
static bool run_somebody(struct vmsg_emu_local *local)
{
	struct vmsg_emu_local_partition *partition = local->last_run;

	for (size_t i = 0; i < local->partition_count; i++) {
		partition = partition ? partition->next : NULL;
		partition = partition ? partition : local->partitions;
		if (partition && partition->started && partition->entry && !partition->entered &&
		    partition->has_reply) {
			enter(partition);
			return true;
		}
	}
	return false;
}

/* The partition whose alarm goes off first, NULL when none has set one. */
static struct vmsg_emu_local_partition *next_alarm(const struct vmsg_emu_local *local)
{
	struct vmsg_emu_local_partition *next = NULL;

	for (struct vmsg_emu_local_partition *at = local->partitions; at; at = at->next) {
		if (at->started && at->alarm_ns != UINT64_MAX &&
		    (!next || at->alarm_ns < next->alarm_ns)) {
			next = at;
		}
	}
	return next;
}

static bool ring_alarm(struct vmsg_emu_local *local)
{
	struct vmsg_emu_local_partition *partition = next_alarm(local);

	if (!partition || partition->alarm_ns > local->now_ns) {
		return false;
	}
	partition->alarm_ns = UINT64_MAX;
	spmc_raise(local->spmc, partition->id, 0);
	pull(local);
	return true;
}

/* Lets time pass to the manager's deadline or an alarm, but not beyond `end_ns`; false when there
 * is none. */
static bool pass_time(struct vmsg_emu_local *local, uint64_t end_ns)
{
	const struct vmsg_emu_local_partition *alarm = next_alarm(local);
	uint64_t deadline_ns = faults_deadline(local->faults, local->spmc);

	if (alarm && alarm->alarm_ns < deadline_ns) {
		deadline_ns = alarm->alarm_ns;
	}

	if (deadline_ns == UINT64_MAX || deadline_ns > end_ns) {
		return false;
	}
	if (deadline_ns > local->now_ns) {
		local->now_ns = deadline_ns;
	}
	faults_tick(local->faults, local->spmc, local->now_ns);
	pull(local);
	(void)ring_alarm(local);
	return true;
}

/* Something happens: what is due, or an entry function, or time until `end_ns`. False when nothing
 * can. */
static bool step(struct vmsg_emu_local *local, uint64_t end_ns)
{
	return pass_time(local, local->now_ns) || run_somebody(local) || pass_time(local, end_ns);
}

static void conduit_call(void *context, struct vmsg_ffa_regs *regs)
{
	struct vmsg_emu_local_partition *partition = context;
	struct vmsg_emu_local *local = partition->local;

	/* Others run at the same time: whoever was woken before is not found busy now. */
	for (size_t i = 0; i < local->partition_count && run_somebody(local); i++) {
	}
	if (partition->started) {
		submit(partition, regs);
	}
	while (partition->started && !partition->has_reply) {
		if (step(local, UINT64_MAX)) {
			continue;
		}
		/* Nothing can ever end this wait but itself. */
		spmc_raise(local->spmc, partition->id, 0);
		pull(local);
		if (!partition->has_reply) {
			vmsg_emu_local_stop(partition);
		}
	}
	if (partition->started) {
		*regs = partition->reply;
		partition->has_reply = false;
	} else {
		vmsg_ffa_pack_error(regs, VMSG_FFA_ABORTED);
	}
}

/* Adds a range to segments that grow as long as the memory is contiguous for us too. */
static int map_range(const struct vmsg_emu_local *local, struct vmsg_ffa_range range,
		     struct vmsg_segment *segments, size_t *count, size_t capacity)
{
	uint64_t left = range.pages * PAGE_SIZE;

	while (left > 0) {
		const struct local_bank *bank = find_any_bank(local, range.address);
		if (!bank) {
			return VMSG_ERROR_INVALID;
		}
		const uint64_t offset = range.address - bank->address;
		const uint64_t step = left < bank->size - offset ? left : bank->size - offset;
		struct vmsg_segment *last = *count > 0 ? &segments[*count - 1] : NULL;
		if (last && offset > 0 && last->data + last->size == bank->data + offset) {
			last->size += step;
		} else if (*count < capacity) {
			segments[(*count)++] =
				(struct vmsg_segment){ .data = bank->data + offset, .size = step };
		} else {
			return VMSG_ERROR_NO_SPACE;
		}
		range.address += step;
		left -= step;
	}
	return VMSG_OK;
}

static int conduit_map(void *context, uint64_t handle, const struct vmsg_ffa_range *ranges,
		       size_t range_count, bool writable, struct vmsg_segment *segments,
		       size_t capacity)
{
	const struct vmsg_emu_local_partition *partition = context;
	size_t count = 0;

	(void)writable; /* one address space: a borrower that writes where it must not, can */
	if (spmc_region_range_count(partition->local->spmc, handle) == 0) {
		return VMSG_ERROR_INVALID;
	}
	for (size_t i = 0; i < range_count; i++) {
		const int result =
			map_range(partition->local, ranges[i], segments, &count, capacity);
		if (result < 0) {
			return result;
		}
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
	const struct vmsg_emu_local_partition *partition = context;

	return partition->local->now_ns;
}

static void conduit_set_alarm(void *context, uint64_t deadline_ns)
{
	struct vmsg_emu_local_partition *partition = context;

	partition->alarm_ns = deadline_ns;
}

struct vmsg_conduit vmsg_emu_local_conduit(struct vmsg_emu_local_partition *partition)
{
	return (struct vmsg_conduit){
		.call = conduit_call,
		.map = conduit_map,
		.unmap = conduit_unmap,
		.now = conduit_now,
		.set_alarm = conduit_set_alarm,
		.context = partition,
	};
}

static const struct local_bank *find_overlap(const struct vmsg_emu_local *local, uint64_t address,
					     uint64_t size)
{
	const struct local_bank *bank = local->banks;

	while (bank && (bank->address >= address + size || address >= bank->address + bank->size)) {
		bank = bank->next;
	}
	return bank;
}

/* Where `size` bytes go: 0 when they do not fit, or the wanted place is not free. */
static uint64_t find_place(const struct vmsg_emu_local *local, uint64_t wanted, uint64_t size)
{
	uint64_t place = wanted ? wanted : FIRST_ADDRESS;
	const struct local_bank *bank;

	while (place % PAGE_SIZE == 0 && place < ADDRESS_LIMIT && size <= ADDRESS_LIMIT - place) {
		bank = find_overlap(local, place, size);
		if (!bank || wanted) {
			return bank ? 0 : place;
		}
		place = (bank->address + bank->size + BANK_GAP) & ~(BANK_GAP - 1);
	}
	return 0;
}

static bool add_bank(struct vmsg_emu_local *local, uint16_t owner, struct vmsg_emu_bank *request)
{
	if (request->size == 0 || request->size % PAGE_SIZE != 0 || request->size > ADDRESS_LIMIT) {
		return false;
	}
	const uint64_t address = find_place(local, request->address, request->size);
	struct local_bank *bank = address ? calloc(1, sizeof(*bank)) : NULL;
	uint8_t *data = bank ? aligned_alloc(PAGE_SIZE, request->size) : NULL;
	if (!data) {
		free(bank);
		return false;
	}
	memset(data, 0, request->size);
	*bank = (struct local_bank){ .next = local->banks,
				     .id = ++local->last_bank_id,
				     .owner = owner,
				     .address = address,
				     .size = request->size,
				     .data = data };
	local->banks = bank;
	request->address = address;
	request->data = data;
	return true;
}

/* The banks of a dead partition stay for its borrowers, under no living owner. */
static void bury_banks(struct vmsg_emu_local *local, uint16_t owner)
{
	for (struct local_bank *bank = local->banks; bank; bank = bank->next) {
		bank->dead |= bank->owner == owner;
	}
}

struct vmsg_emu_local_partition *vmsg_emu_local_start(struct vmsg_emu_local *local, uint16_t id,
						      struct vmsg_emu_bank *banks,
						      size_t bank_count, vmsg_emu_entry entry,
						      void *context)
{
	struct vmsg_emu_local_partition *partition = calloc(1, sizeof(*partition));

	if (!partition || spmc_start(local->spmc, id) != 0) {
		free(partition);
		return NULL;
	}
	for (size_t i = 0; i < bank_count; i++) {
		if (!add_bank(local, id, &banks[i])) {
			spmc_stop(local->spmc, id);
			bury_banks(local, id);
			free(partition);
			return NULL;
		}
	}
	*partition = (struct vmsg_emu_local_partition){ .next = local->partitions,
							.local = local,
							.id = id,
							.started = true,
							.alarm_ns = UINT64_MAX,
							.entry = entry,
							.context = context };
	local->partitions = partition;
	local->partition_count++;
	return partition;
}

void vmsg_emu_local_stop(struct vmsg_emu_local_partition *partition)
{
	if (!partition || !partition->started) {
		return;
	}
	partition->started = false;
	faults_stop(partition->local->faults, partition->local->spmc, partition->id);
	bury_banks(partition->local, partition->id);
	pull(partition->local);
}

void vmsg_emu_local_run(struct vmsg_emu_local_partition *partition,
			const struct vmsg_ffa_regs *regs)
{
	if (partition->started && partition->entry) {
		submit(partition, regs);
	}
}

void vmsg_emu_local_raise(struct vmsg_emu_local_partition *partition)
{
	if (partition->started) {
		spmc_raise(partition->local->spmc, partition->id, 0);
		pull(partition->local);
	}
}

uint64_t vmsg_emu_local_now(const struct vmsg_emu_local *local)
{
	return local->now_ns;
}

void vmsg_emu_local_advance(struct vmsg_emu_local *local, uint64_t ns)
{
	const uint64_t end_ns = local->now_ns + ns;

	while (local->now_ns < end_ns && step(local, end_ns)) {
	}
	if (local->now_ns < end_ns) {
		local->now_ns = end_ns;
	}
}
