/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/spmc_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/hex.h"
#include "support/regs_text.h"

#define PAGE ((size_t)VMSG_FFA_PAGE_SIZE)

static void broken(const char *what)
{
	fprintf(stderr, "a test is broken: %s\n", what);
	abort();
}

static struct world_bank *find_bank(struct world *world, uint16_t partition, uint64_t address,
				    uint64_t size)
{
	for (size_t i = 0; i < world->bank_count; i++) {
		struct world_bank *bank = &world->banks[i];
		if (bank->partition == partition && address >= bank->base && size <= bank->size &&
		    address - bank->base <= bank->size - size) {
			return bank;
		}
	}
	return NULL;
}

static int world_read(void *context, uint16_t partition, uint64_t address, void *to, size_t size)
{
	struct world_bank *bank = find_bank(context, partition, address, size);

	if (!bank) {
		return -1;
	}
	memcpy(to, bank->data + (address - bank->base), size);
	return 0;
}

static int world_write(void *context, uint16_t partition, uint64_t address, const void *from,
		       size_t size)
{
	struct world_bank *bank = find_bank(context, partition, address, size);

	if (!bank || bank->readonly) {
		return -1;
	}
	memcpy(bank->data + (address - bank->base), from, size);
	return 0;
}

static int world_zero(void *context, uint16_t partition, uint64_t address, uint64_t size)
{
	struct world_bank *bank = find_bank(context, partition, address, size);

	if (!bank || bank->readonly) {
		return -1;
	}
	memset(bank->data + (address - bank->base), 0, size);
	return 0;
}

static int world_identify(void *context, uint16_t partition, uint64_t address, uint32_t pages,
			  struct spmc_page *page, uint32_t *run, enum spmc_access *access)
{
	struct world_bank *bank = find_bank(context, partition, address, PAGE);

	if (!bank) {
		return -1;
	}
	const uint64_t index = (address - bank->base) / PAGE;
	const uint64_t left = bank->size / PAGE - index;
	page->bank = bank->id;
	page->page = bank->first_page + index;
	*run = pages < left ? pages : (uint32_t)left;
	*access = bank->readonly ? SPMC_READ_ONLY : SPMC_WRITABLE;
	return 0;
}

static const struct spmc_memory_ops memory_ops = {
	.read = world_read,
	.write = world_write,
	.zero = world_zero,
	.identify = world_identify,
};

void world_open(struct world *world, uint32_t ffa_version, uint16_t scheduler)
{
	const struct spmc_options options = { .ffa_version = ffa_version, .scheduler = scheduler };

	world_open_options(world, &options);
}

void world_open_options(struct world *world, const struct spmc_options *options)
{
	struct spmc_options complete = *options;

	memset(world, 0, sizeof(*world));
	complete.memory = &memory_ops;
	complete.memory_context = world;
	world->spmc = spmc_create(&complete);
	if (!world->spmc) {
		broken("no memory");
	}
}

void world_close(struct world *world)
{
	spmc_destroy(world->spmc);
	for (size_t i = 0; i < world->bank_count; i++) {
		if (world->banks[i].owns_data) {
			free(world->banks[i].data);
		}
	}
	memset(world, 0, sizeof(*world));
}

void world_add(struct world *world, const struct spmc_partition_config *config)
{
	const char *why;

	if (spmc_add_partition(world->spmc, config, &why) != 0) {
		broken(why);
	}
	if (spmc_start(world->spmc, config->id) != 0) {
		broken("cannot start a partition");
	}
}

static struct world_bank *new_bank(struct world *world)
{
	if (world->bank_count == WORLD_BANKS_MAX) {
		broken("too many banks");
	}
	return &world->banks[world->bank_count++];
}

void world_add_ram(struct world *world, uint16_t partition, uint64_t base, uint64_t size,
		   bool readonly)
{
	struct world_bank *bank = new_bank(world);

	*bank = (struct world_bank){
		.partition = partition,
		.readonly = readonly,
		.base = base,
		.size = size,
		.id = 1000 + world->bank_count,
		.data = calloc(1, size),
		.owns_data = true,
	};
	if (!bank->data) {
		broken("no memory");
	}
}

void world_add_alias(struct world *world, uint16_t partition, uint64_t base, uint64_t of)
{
	for (size_t i = 0; i < world->bank_count; i++) {
		if (world->banks[i].base == of) {
			struct world_bank *bank = new_bank(world);
			*bank = world->banks[i];
			bank->partition = partition;
			bank->base = base;
			bank->owns_data = false;
			return;
		}
	}
	broken("an alias of nothing");
}

static struct world_vcpu *vcpu_of(struct world *world, uint16_t partition, uint16_t vcpu)
{
	for (size_t i = 0; i < world->vcpu_count; i++) {
		if (world->vcpus[i].partition == partition && world->vcpus[i].vcpu == vcpu) {
			return &world->vcpus[i];
		}
	}
	if (world->vcpu_count == sizeof(world->vcpus) / sizeof(world->vcpus[0])) {
		broken("too many vCPUs");
	}
	struct world_vcpu *new_vcpu = &world->vcpus[world->vcpu_count++];
	new_vcpu->partition = partition;
	new_vcpu->vcpu = vcpu;
	return new_vcpu;
}

static void note_event(struct world *world, const struct spmc_delivery *delivery)
{
	static const char *const names[] = {
		[SPMC_INTERRUPT] = "interrupt",
		[SPMC_GRANT] = "grant",
		[SPMC_REVOKE] = "revoke",
	};
	const size_t at = strlen(world->events);

	if (delivery->kind == SPMC_CONSOLE) {
		uint8_t text[SPMC_CONSOLE_TEXT_MAX];
		const size_t size = spmc_console_text(delivery, text);
		snprintf(world->events + at, sizeof(world->events) - at, "%s%x:console %.*s",
			 at ? ", " : "", delivery->partition, (int)size, (const char *)text);
		return;
	}
	snprintf(world->events + at, sizeof(world->events) - at, "%s%x:%s %" PRIx64 "%s",
		 at ? ", " : "", delivery->partition, names[delivery->kind],
		 delivery->kind == SPMC_INTERRUPT ? delivery->interrupt : delivery->handle,
		 delivery->kind == SPMC_GRANT ? (delivery->writable ? " rw" : " ro") : "");
}

static void pull(struct world *world)
{
	struct spmc_delivery delivery;

	while (spmc_next(world->spmc, &delivery)) {
		if (delivery.kind != SPMC_RETURN) {
			note_event(world, &delivery);
			continue;
		}
		struct world_vcpu *vcpu = vcpu_of(world, delivery.partition, delivery.vcpu);
		if (!vcpu->blocked) {
			broken("a vCPU returned that was not blocked");
		}
		vcpu->blocked = false;
		regs_to_text(&delivery.regs, vcpu->text);
	}
}

const char *world_call_vcpu(struct world *world, uint16_t partition, uint16_t vcpu,
			    const char *registers)
{
	struct world_vcpu *caller = vcpu_of(world, partition, vcpu);
	struct vmsg_ffa_regs regs;

	regs_from_text(registers, &regs);
	world->events[0] = '\0';
	switch (spmc_call(world->spmc, partition, vcpu, world->now_ns, &regs)) {
	case SPMC_REPLIED:
		regs_to_text(&regs, caller->text);
		break;
	case SPMC_BLOCKED:
		caller->blocked = true;
		strcpy(caller->text, "-");
		break;
	case SPMC_REFUSED:
		strcpy(caller->text, "refused");
		break;
	}
	pull(world);
	return caller->text;
}

const char *world_reply(struct world *world, uint16_t partition, uint16_t vcpu)
{
	return vcpu_of(world, partition, vcpu)->text;
}

void world_advance(struct world *world, uint64_t ns)
{
	world->now_ns += ns;
	world->events[0] = '\0';
	spmc_tick(world->spmc, world->now_ns);
	pull(world);
}

void world_stop(struct world *world, uint16_t partition)
{
	world->events[0] = '\0';
	spmc_stop(world->spmc, partition);
	for (size_t i = 0; i < world->vcpu_count; i++) {
		if (world->vcpus[i].partition == partition) {
			world->vcpus[i].blocked = false;
		}
	}
	pull(world);
}

void world_raise(struct world *world, uint16_t partition, uint16_t vcpu)
{
	spmc_raise(world->spmc, partition, vcpu);
	pull(world);
}

uint8_t *world_at(struct world *world, uint16_t partition, uint64_t address, size_t size)
{
	struct world_bank *bank = find_bank(world, partition, address, size);

	if (!bank) {
		broken("an address outside the partition's RAM");
	}
	return bank->data + (address - bank->base);
}

void assert_events(struct world *world, const char *expected)
{
	assert_string_equal(world->events, expected);
}

void assert_call_vcpu(struct world *world, uint16_t partition, uint16_t vcpu, const char *registers,
		      const char *expected)
{
	assert_string_equal(world_call_vcpu(world, partition, vcpu, registers), expected);
}
