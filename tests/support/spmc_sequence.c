/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/spmc_sequence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/spmc_invariants.h"

static uint8_t next(struct sequence *s)
{
	if (s->size == 0) {
		return 0;
	}
	s->size--;
	return *s->bytes++;
}

/* Below `limit`. */
static uint32_t pick(struct sequence *s, uint32_t limit)
{
	return (uint32_t)(next(s) | next(s) << 8) % limit;
}

static bool rarely(struct sequence *s)
{
	return next(s) < 16;
}

static void pull(struct sequence *s)
{
	struct spmc_delivery delivery;
	unsigned interrupts[PARTITIONS] = { 0 };

	while (spmc_next(s->spmc, &delivery)) {
		const size_t p = sequence_index(delivery.partition);
		sequence_check(s->spmc->partitions[p]->started, "the dead get nothing");
		switch (delivery.kind) {
		case SPMC_RETURN:
			sequence_check(s->blocked[p][delivery.vcpu], "a return to whom has called");
			s->blocked[p][delivery.vcpu] = false;
			s->counts->direct_answers +=
				delivery.regs.x[0] == VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2);
			s->counts->retrievals +=
				delivery.regs.x[0] == VMSG_FFA_ID32(MEM_RETRIEVE_RESP);
			s->counts->aborts +=
				vmsg_ffa_reply_status(&delivery.regs) == VMSG_FFA_ABORTED;
			break;
		case SPMC_GRANT:
			sequence_check(spmc_region_range_count(s->spmc, delivery.handle) > 0,
				       "a grant of something");
			sequence_check(s->blocked[p][delivery.vcpu],
				       "the grant comes before the return");
			break;
		case SPMC_INTERRUPT:
			interrupts[p]++;
			sequence_check(interrupts[p] <= 2, "interrupts are outstanding once");
			break;
		case SPMC_REVOKE:
		case SPMC_CONSOLE:
			break;
		}
	}
}

/* --- steps --- */

static bool call(struct sequence *s, size_t p, uint16_t vcpu, struct vmsg_ffa_regs *regs)
{
	if (rarely(s)) {
		regs->x[1 + pick(s, 17)] ^= UINT64_C(1) << pick(s, 64);
	}
	const uint32_t number = (uint32_t)(regs->x[0] & 0xFF) - VMSG_FFA_CALL_ERROR;
	if ((regs->x[0] & 0xBFFFFF00u) == 0x84000000u && number < SPMC_SEQUENCE_CALLS) {
		s->counts->calls[number]++;
	}
	const enum spmc_result result =
		spmc_call(s->spmc, sequence_ids[p], vcpu, s->world.now_ns, regs);
	sequence_check((result == SPMC_REFUSED) ==
			       (s->blocked[p][vcpu] || !s->spmc->partitions[p]->started),
		       "who may call is not refused");
	if (result == SPMC_BLOCKED) {
		s->blocked[p][vcpu] = true;
	}
	pull(s);
	return result == SPMC_REPLIED && vmsg_ffa_reply_status(regs) == VMSG_FFA_OK;
}

static uint16_t some_id(struct sequence *s)
{
	return rarely(s) ? (uint16_t)pick(s, 65535) : sequence_ids[pick(s, PARTITIONS)];
}

static uint64_t some_address(struct sequence *s, size_t p)
{
	return world_tx(rarely(s) ? some_id(s) : sequence_ids[p]) + pick(s, BANK_PAGES) * PAGE;
}

/* Mostly one that exists. */
static struct region *some_region(struct sequence *s, uint64_t *handle)
{
	struct region *region = NULL;

	if (s->region_count > 0 && !rarely(s)) {
		region = spmc_region_find(s->spmc,
					  s->regions[pick(s, (uint32_t)s->region_count)]->handle);
	}
	*handle = region ? region->handle : pick(s, 3) ? pick(s, 64) : UINT64_MAX - pick(s, 64);
	return region ? region : spmc_region_find(s->spmc, *handle);
}

/* A vCPU that can make a call, mostly: one that waits is woken. */
static uint16_t some_vcpu(struct sequence *s, size_t p)
{
	const uint16_t vcpu = next(s) % VCPUS;

	if (rarely(s) || !s->blocked[p][vcpu]) {
		return vcpu;
	}
	for (uint16_t i = 0; i < VCPUS; i++) {
		if (!s->blocked[p][i]) {
			return i;
		}
	}
	if (pick(s, 4) == 0) {
		spmc_raise(s->spmc, sequence_ids[p], vcpu);
		pull(s);
	}
	return vcpu;
}

static uint8_t *tx_of(struct sequence *s, size_t p)
{
	const struct buffers *buffers = &s->spmc->partitions[p]->buffers;

	return buffers->mapped ? world_at(&s->world, sequence_ids[p], buffers->tx_address, PAGE)
			       : NULL;
}

static void spoil(struct sequence *s, uint8_t *bytes, uint32_t size)
{
	if (rarely(s)) {
		bytes[pick(s, size)] ^= (uint8_t)(1u << pick(s, 8));
	}
}

static void step_send(struct sequence *s, size_t p, uint16_t vcpu)
{
	static const uint32_t calls[] = { VMSG_FFA_ID32(MEM_SHARE), VMSG_FFA_ID64(MEM_LEND),
					  VMSG_FFA_ID32(MEM_DONATE) };
	const uint32_t type = pick(s, 3);
	const uint32_t borrowers = type == 2 || !rarely(s) ? 1 : 2;
	struct vmsg_ffa_memory_access access[2] = { 0 };
	struct vmsg_ffa_range ranges[3];
	const uint32_t range_count = 1 + pick(s, 3);
	const struct vmsg_ffa_memory_header header = {
		.sender = sequence_ids[p],
		.attributes = type == 0 || borrowers == 2 ? VMSG_FFA_ATTR_NORMAL_WB_INNER : 0,
		.flags = type != 0 && rarely(s) ? VMSG_FFA_MEMORY_ZERO : 0,
		.access_size = rarely(s) ? 16 : 32,
	};
	uint8_t *tx = tx_of(s, p);

	for (uint32_t i = 0; i < 2; i++) {
		access[i].endpoint =
			rarely(s) ? some_id(s) : sequence_ids[(p + 1 + i) % PARTITIONS];
		access[i].permissions = type == 2 ? 0 : rarely(s) ? 1 : 2;
	}
	for (uint32_t i = 0; i < range_count; i++) {
		ranges[i] = (struct vmsg_ffa_range){
			some_address(s, pick(s, 4) ? p : pick(s, PARTITIONS)), 1 + pick(s, 3)
		};
	}
	if (!tx) {
		return;
	}
	const int size = vmsg_ffa_memory_build(&header, access, borrowers, ranges, range_count,
					       (struct vmsg_span){ tx, PAGE });
	sequence_check(size > 0, "the descriptor was built");
	spoil(s, tx, (uint32_t)size);
	const uint32_t cut = rarely(s) ? 16 * pick(s, 4) : 0;
	struct vmsg_ffa_regs regs = { { calls[type], (uint32_t)size, (uint32_t)size - cut } };
	if (!call(s, p, vcpu, &regs)) {
		return;
	}
	s->counts->sends += regs.x[0] == VMSG_FFA_ID32(SUCCESS);
	while (regs.x[0] == VMSG_FFA_ID32(MEM_FRAG_RX) && !rarely(s)) {
		const uint32_t at = (uint32_t)(size - (int)cut);
		memmove(tx, tx + at, cut);
		regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MEM_FRAG_TX), regs.x[1], regs.x[2],
						 cut } };
		s->counts->fragments++;
		if (!call(s, p, vcpu, &regs)) {
			return;
		}
	}
}

static void step_retrieve(struct sequence *s, size_t p, uint16_t vcpu)
{
	uint64_t handle;
	const struct region *region = some_region(s, &handle);
	struct vmsg_ffa_memory_access access[SPMC_BORROWERS_MAX] = { 0 };
	uint32_t count = 1;

	/* as one of its borrowers would */
	if (region && !rarely(s)) {
		const struct borrower *b = &region->borrowers[pick(s, region->borrower_count)];
		p = sequence_index(b->partition);
		vcpu = some_vcpu(s, p);
		count = region->borrower_count;
	}
	uint8_t *tx = tx_of(s, p);
	if (!tx) {
		return;
	}
	const uint32_t type = region ? region->flags & VMSG_FFA_MEMORY_TYPE_MASK : 0;
	const bool exclusive = type != VMSG_FFA_MEMORY_TYPE_SHARE && count == 1;
	for (uint32_t i = 0; i < count; i++) {
		access[i].endpoint = region ? region->borrowers[i].partition : sequence_ids[p];
		access[i].permissions = exclusive ? 4 : 0;
	}
	const struct vmsg_ffa_memory_header header = {
		.sender = region ? region->owner_id : some_id(s),
		.flags = type | (rarely(s) ? VMSG_FFA_MEMORY_ZERO : 0) |
			 (rarely(s) ? VMSG_FFA_MEMORY_ZERO_AFTER : 0),
		.handle = handle,
		.access_size = s->spmc->partitions[p]->version >= VMSG_FFA_VERSION_1_2 ? 32 : 16,
	};
	const int size = vmsg_ffa_memory_build(&header, access, count, NULL, 0,
					       (struct vmsg_span){ tx, PAGE });
	sequence_check(size > 0, "the request was built");
	spoil(s, tx, (uint32_t)size);
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID64(MEM_RETRIEVE_REQ), (uint32_t)size,
					(uint32_t)size } };
	const bool donation = type == VMSG_FFA_MEMORY_TYPE_DONATE;
	const uint32_t before = s->spmc->partitions[p]->donation_count;
	(void)call(s, p, vcpu, &regs);
	s->counts->donations += donation && s->spmc->partitions[p]->donation_count != before;
}

static void step_return(struct sequence *s, size_t p, uint16_t vcpu)
{
	uint64_t handle;
	const struct region *region = some_region(s, &handle);

	if (pick(s, 2)) {
		if (region && region->owner && !rarely(s)) {
			p = sequence_index(region->owner_id);
			vcpu = some_vcpu(s, p);
		}
		struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(MEM_RECLAIM), (uint32_t)handle,
						handle >> 32, rarely(s) } };
		s->counts->reclaims += call(s, p, vcpu, &regs);
		return;
	}
	if (region && !rarely(s)) {
		p = sequence_index(region->borrowers[pick(s, region->borrower_count)].partition);
		vcpu = some_vcpu(s, p);
	}
	uint8_t *tx = tx_of(s, p);
	if (tx) {
		const struct vmsg_ffa_relinquish relinquish = { handle, rarely(s), 1,
								sequence_ids[p] };
		sequence_check(
			vmsg_ffa_relinquish_build(&relinquish, (struct vmsg_span){ tx, PAGE }) > 0,
			"the descriptor was built");
		spoil(s, tx, VMSG_FFA_RELINQUISH_SIZE);
	}
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(MEM_RELINQUISH) } };
	(void)call(s, p, vcpu, &regs);
}

static void step_direct(struct sequence *s, size_t p, uint16_t vcpu)
{
	const struct vcpu *self = &s->spmc->partitions[p]->vcpus[vcpu];
	const uint64_t self_id = (uint64_t)sequence_ids[p] << 16;
	struct vmsg_ffa_regs regs = { { 0 } };

	switch (self->serving && pick(s, 2) ? 2 : pick(s, 6)) {
	case 0:
		regs.x[0] = VMSG_FFA_ID32(MSG_WAIT);
		regs.x[2] = rarely(s);
		break;
	case 1:
		regs.x[0] = pick(s, 2) ? VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2)
				       : VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ);
		regs.x[1] = self_id | some_id(s);
		break;
	case 2:
	case 3:
		regs.x[0] = self->served_id == VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ)
				    ? VMSG_FFA_ID32(MSG_SEND_DIRECT_RESP)
				    : VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2);
		regs.x[1] = self_id | (rarely(s) ? some_id(s) : self->served_source);
		break;
	case 4:
		regs.x[0] = VMSG_FFA_ID32(RUN);
		regs.x[1] = (uint64_t)some_id(s) << 16 | pick(s, VCPUS);
		break;
	default:
		regs.x[0] = VMSG_FFA_ID32(YIELD);
		break;
	}
	(void)call(s, p, vcpu, &regs);
}

static void step_message(struct sequence *s, size_t p, uint16_t vcpu)
{
	const uint64_t id = sequence_ids[p];
	struct vmsg_ffa_regs regs = { { 0 } };

	switch (pick(s, 5)) {
	case 0: {
		uint8_t *tx = tx_of(s, p);
		const uint16_t receiver = some_id(s);
		const uint32_t payload = pick(s, 5000);
		if (tx) {
			const uint32_t header[] = { 0, 0, rarely(s) ? pick(s, 5000) : 40,
						    (uint32_t)id << 16 | receiver, payload };
			memcpy(tx, header, sizeof(header));
		}
		regs.x[0] = VMSG_FFA_ID32(MSG_SEND2);
		s->counts->messages += call(s, p, vcpu, &regs);
		return;
	}
	case 1:
		regs.x[0] = pick(s, 4) ? VMSG_FFA_ID32(NOTIFICATION_BIND)
				       : VMSG_FFA_ID32(NOTIFICATION_UNBIND);
		regs.x[1] = (uint64_t)some_id(s) << 16 | id;
		regs.x[3] = 1 + pick(s, 15);
		break;
	case 2:
		regs.x[0] = VMSG_FFA_ID32(NOTIFICATION_SET);
		regs.x[1] = id << 16 | some_id(s);
		regs.x[3] = UINT64_C(1) << pick(s, 4);
		regs.x[2] = rarely(s) ? 2 : 0;
		s->counts->notifications += call(s, p, vcpu, &regs);
		return;
	case 3:
		regs.x[0] = VMSG_FFA_ID32(NOTIFICATION_GET);
		regs.x[1] = id;
		regs.x[2] = pick(s, 16);
		break;
	default:
		regs.x[0] = VMSG_FFA_ID64(NOTIFICATION_INFO_GET);
		break;
	}
	(void)call(s, p, vcpu, &regs);
}

static void step_buffers(struct sequence *s, size_t p, uint16_t vcpu)
{
	static const uint32_t calls[] = {
		VMSG_FFA_ID32(RX_RELEASE),
		VMSG_FFA_ID32(RX_RELEASE),
		VMSG_FFA_ID32(RX_RELEASE),
		VMSG_FFA_ID32(PARTITION_INFO_GET),
		VMSG_FFA_ID64(PARTITION_INFO_GET_REGS),
		VMSG_FFA_ID32(MEM_FRAG_RX),
		VMSG_FFA_ID64(RXTX_MAP),
		VMSG_FFA_ID32(RXTX_UNMAP),
		VMSG_FFA_ID32(VERSION),
		VMSG_FFA_ID32(CONSOLE_LOG),
	};
	struct vmsg_ffa_regs regs = { { calls[pick(s, sizeof(calls) / sizeof(calls[0]))] } };

	if (regs.x[0] == VMSG_FFA_ID64(RXTX_MAP)) {
		regs.x[1] = some_address(s, p);
		regs.x[2] = some_address(s, p);
		regs.x[3] = 1;
	} else if (regs.x[0] == VMSG_FFA_ID32(VERSION)) {
		regs.x[1] = VMSG_FFA_VERSION_1_1 + pick(s, 2);
	} else if (regs.x[0] == VMSG_FFA_ID32(CONSOLE_LOG)) {
		regs.x[1] = pick(s, 30);
	}
	(void)call(s, p, vcpu, &regs);
}

/* Any call there is, in any form, with what many of them want: ids and small numbers. */
static struct vmsg_ffa_regs some_call(struct sequence *s, size_t p)
{
	const uint32_t number = pick(s, SPMC_SEQUENCE_CALLS) + VMSG_FFA_CALL_ERROR;
	struct vmsg_ffa_regs regs = { { (pick(s, 2) ? 0x84000000u : 0xC4000000u) + number } };

	regs.x[1] = pick(s, 2) ? (uint64_t)sequence_ids[p] << 16 | some_id(s)
			       : (uint64_t)some_id(s) << 16 | sequence_ids[p];
	for (size_t i = 2; i < 6; i++) {
		regs.x[i] = next(s) < 64 ? pick(s, 8) : 0;
	}
	return regs;
}

static void step_any(struct sequence *s, size_t p, uint16_t vcpu)
{
	struct vmsg_ffa_regs regs = some_call(s, p);

	(void)call(s, p, vcpu, &regs);
}

/* What is only ever returned, so that FEATURES may know it and nobody can call it; and calls whose
 * answer to something unknown is NOT_SUPPORTED. */
static bool may_be_not_supported(uint32_t function_id)
{
	switch (function_id & 0xFF) {
	case VMSG_FFA_CALL_VERSION:
	case VMSG_FFA_CALL_FEATURES:
	case VMSG_FFA_CALL_ERROR:
	case VMSG_FFA_CALL_SUCCESS:
	case VMSG_FFA_CALL_INTERRUPT:
	case VMSG_FFA_CALL_MEM_RETRIEVE_RESP:
		return true;
	default:
		return false;
	}
}

/* FEATURES agrees with what the call then does. What a partition lacks a property for is refused in
 * other words than what is not there. */
static void step_features(struct sequence *s, size_t p, uint16_t vcpu)
{
	struct vmsg_ffa_regs regs = some_call(s, p);
	const uint32_t function_id = (uint32_t)regs.x[0];
	/* the NS bit of responses, which a caller must know of */
	const uint64_t input = (function_id & 0xFF) == VMSG_FFA_CALL_MEM_RETRIEVE_REQ ? 2 : 0;
	struct vmsg_ffa_regs query = { { VMSG_FFA_ID32(FEATURES), function_id, input } };

	if (s->blocked[p][vcpu] || s->spmc->partitions[p]->version == 0) {
		return;
	}
	(void)spmc_call(s->spmc, sequence_ids[p], vcpu, s->world.now_ns, &query);
	const int32_t status = vmsg_ffa_reply_status(&query);
	sequence_check(status == VMSG_FFA_OK || status == VMSG_FFA_NOT_SUPPORTED,
		       "FEATURES says yes or no");
	const bool is_ours = s->spmc->policy == &spmc_policies[0];
	const enum spmc_result result =
		spmc_call(s->spmc, sequence_ids[p], vcpu, s->world.now_ns, &regs);
	s->blocked[p][vcpu] = result == SPMC_BLOCKED;
	const int32_t answer = result == SPMC_REPLIED ? vmsg_ffa_reply_status(&regs) : VMSG_FFA_OK;
	if (status == VMSG_FFA_NOT_SUPPORTED) {
		sequence_check(answer != VMSG_FFA_OK, "what FEATURES does not know is not done");
		s->counts->missing++;
	} else if (is_ours && !may_be_not_supported(function_id)) {
		sequence_check(answer != VMSG_FFA_NOT_SUPPORTED,
			       "what FEATURES knows is supported");
		s->counts->features++;
	}
	pull(s);
}

static void begin_life(struct sequence *s, size_t p)
{
	const uint32_t version = s->spmc->version;
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(VERSION),
					rarely(s) ? VMSG_FFA_VERSION_1_1 : version } };

	(void)spmc_start(s->spmc, sequence_ids[p]);
	(void)spmc_call(s->spmc, sequence_ids[p], 0, s->world.now_ns, &regs);
	regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID64(RXTX_MAP), world_tx(sequence_ids[p]),
					 world_rx(sequence_ids[p]), 1 } };
	(void)call(s, p, 0, &regs);
}

static void step_life(struct sequence *s, size_t p, uint16_t vcpu)
{
	switch (pick(s, 8)) {
	case 0:
		spmc_stop(s->spmc, sequence_ids[p]);
		memset(s->blocked[p], 0, sizeof(s->blocked[p]));
		pull(s);
		sequence_check_all(s);
		begin_life(s, p);
		break;
	case 1:
		spmc_raise(s->spmc, sequence_ids[p], vcpu);
		pull(s);
		break;
	default:
		s->world.now_ns += pick(s, 3) * SPMC_TIME_SLICE_NS / 2;
		spmc_tick(s->spmc, s->world.now_ns);
		sequence_check(spmc_deadline(s->spmc) > s->world.now_ns,
			       "a tick ends what is over");
		pull(s);
		break;
	}
}

/* --- whole runs --- */

static void open_sequence(struct sequence *s, const uint8_t *bytes, size_t size,
			  struct spmc_sequence_counts *counts)
{
	memset(s, 0, sizeof(*s));
	s->bytes = bytes;
	s->size = size;
	s->counts = counts;
	/* mostly our own choices at 1.2, with nobody who schedules */
	static const uint32_t versions[] = { VMSG_FFA_VERSION_1_1, VMSG_FFA_VERSION_1_3 };
	const uint8_t choice = next(s);
	const size_t policy = next(s);
	world_open_options(
		&s->world,
		&(struct spmc_options){
			.ffa_version = next(s) < 64 ? versions[choice >> 7] : 0,
			.scheduler = choice % 4 == 0 ? 1 : 0,
			.policy = &spmc_policies[policy < 2 * spmc_policy_count ? policy / 2 : 0],
		});
	s->spmc = s->world.spmc;
	for (size_t i = 0; i < PARTITIONS; i++) {
		world_add(&s->world,
			  &(struct spmc_partition_config){
				  .id = sequence_ids[i],
				  .vcpu_count = VCPUS,
				  .properties = 0x70f & ~(rarely(s) ? pick(s, 0x800) : 0),
			  });
		world_add_ram(&s->world, sequence_ids[i], world_tx(sequence_ids[i]),
			      BANK_PAGES * PAGE, false);
	}
	/* the same memory elsewhere, in its owner's and in another's hands */
	world_add_alias(&s->world, sequence_ids[0], 0x70000000, world_tx(sequence_ids[0]));
	world_add_alias(&s->world, sequence_ids[1], 0x71000000, world_tx(sequence_ids[0]));
	for (size_t i = 0; i < PARTITIONS; i++) {
		begin_life(s, i);
	}
}

static void close_sequence(struct sequence *s)
{
	for (size_t i = 0; i < PARTITIONS; i++) {
		spmc_stop(s->spmc, sequence_ids[i]);
		memset(s->blocked[i], 0, sizeof(s->blocked[i]));
		pull(s);
		sequence_check_all(s);
	}
	spmc_free_retiring(s->spmc);
	sequence_check(!s->spmc->pages.root && !s->spmc->donated_pages.root,
		       "nobody is left, nothing is used");
	sequence_check(!s->spmc->slice_first, "nobody is left, nothing runs");
	world_close(&s->world);
}

void spmc_sequence_run(const uint8_t *bytes, size_t size, struct spmc_sequence_counts *counts)
{
	static struct sequence s;

	open_sequence(&s, bytes, size, counts);
	while (s.size > 0) {
		const uint8_t kind = next(&s);
		const size_t p = next(&s) % PARTITIONS;
		const uint16_t vcpu = some_vcpu(&s, p);
		if (kind < 70) {
			step_direct(&s, p, vcpu);
		} else if (kind < 110) {
			step_send(&s, p, vcpu);
		} else if (kind < 150) {
			step_retrieve(&s, p, vcpu);
		} else if (kind < 180) {
			step_return(&s, p, vcpu);
		} else if (kind < 205) {
			step_message(&s, p, vcpu);
		} else if (kind < 240) {
			step_buffers(&s, p, vcpu);
		} else if (kind < 248) {
			step_life(&s, p, vcpu);
		} else if (kind < 251) {
			step_features(&s, p, vcpu);
		} else if (kind < 254) {
			step_any(&s, p, vcpu);
		} else {
			struct vmsg_ffa_regs regs;
			for (size_t i = 0; i < VMSG_FFA_REGISTERS; i++) {
				regs.x[i] = next(&s);
			}
			regs.x[0] |= pick(&s, 2) ? 0x84000000 : 0xc4000000;
			(void)call(&s, p, vcpu, &regs);
		}
		sequence_check_all(&s);
		counts->steps++;
	}
	close_sequence(&s);
}
