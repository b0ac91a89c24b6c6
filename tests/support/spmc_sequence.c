/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/spmc_sequence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spmc/internal.h"
#include "support/spmc_world.h"

#define PAGE ((size_t)VMSG_FFA_PAGE_SIZE)

#define PARTITIONS 4u
#define VCPUS      ((uint16_t)2)
#define BANK_PAGES 12u

static const uint16_t ids[PARTITIONS] = { 1, 2, 0x8001, 0x8002 };

struct sequence {
	const uint8_t *bytes;
	size_t size;
	struct world world;
	struct spmc *spmc;
	bool blocked[PARTITIONS]
		    [VCPUS]; /* a call is outstanding, as the owner of the sockets sees it */
	uint64_t highest_handle;
	bool rx_was_full[PARTITIONS];
	uint8_t rx[PARTITIONS][PAGE];
	struct spmc_sequence_counts *counts;
};

static void check(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "invariant broken: %s\n", what);
		abort();
	}
}

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

static size_t index_of(uint16_t id)
{
	for (size_t i = 0; i < PARTITIONS; i++) {
		if (ids[i] == id) {
			return i;
		}
	}
	abort();
}

/* --- invariants --- */

struct totals {
	size_t retired;
	uint32_t regions[PARTITIONS];
	uint32_t ranges[PARTITIONS];
	uint32_t borrowed[PARTITIONS];
	size_t runs;
};

static size_t count_runs(const struct page_run *run)
{
	return run ? 1 + count_runs(run->left) + count_runs(run->right) : 0;
}

static void check_region(struct sequence *s, const struct region *region, struct totals *totals)
{
	uint32_t held = 0;

	check((region->handle & INT64_MAX) <= s->highest_handle, "handles count up");
	for (uint32_t i = 0; i < region->borrower_count; i++) {
		if (region->borrowers[i].held) {
			held++;
			totals->borrowed[index_of(region->borrowers[i].partition)]++;
		}
	}
	check(held == region->held_count, "held_count counts the holders");
	check(region->owner || held > 0 || region->retired, "somebody keeps the region");
	if (region->retired) {
		totals->retired++;
		check(region->claim_count == 0 && held == 0, "a retired region holds nothing");
		return;
	}
	uint64_t pages = 0;
	for (uint32_t i = 0; i < region->claim_count; i++) {
		const struct page_run *run = &region->claims[i].run;
		check(page_index_find(&s->spmc->pages, run->bank, run->first, run->count) == run,
		      "claims are in the index");
		pages += run->count;
	}
	check(pages == region->page_count, "claims cover the region");
	totals->runs += region->claim_count;
	if (region->owner) {
		totals->regions[index_of(region->owner_id)]++;
		totals->ranges[index_of(region->owner_id)] += region->range_capacity;
	}
}

/* The lists of a partition, there and back. */
static void check_lists(const struct partition *p)
{
	uint32_t count = 0;

	for (const struct region *r = p->regions; r; r = r->next) {
		check(!r->next || r->next->previous == r, "the list of regions, backwards");
		check(r->owner == p, "the list of regions holds what it owns");
	}
	for (const struct borrower *b = p->borrowed; b; b = b->next, count++) {
		check(!b->next || b->next->previous == b, "the list of what is held, backwards");
	}
	check(count == p->borrowed_count, "the list of what is held");
}

static void check_memory(struct sequence *s)
{
	struct totals totals = { 0 };
	size_t told_of_retired = 0;
	size_t donations = 0;

	for (size_t i = 0; i < SPMC_REGION_BUCKETS && i <= s->highest_handle; i++) {
		for (const struct region *r = s->spmc->buckets[i]; r; r = r->bucket_next) {
			check_region(s, r, &totals);
		}
	}
	for (size_t i = 0; i < PARTITIONS; i++) {
		const struct partition *p = s->spmc->partitions[i];
		for (size_t j = 0; j < SPMC_SENDS_MAX; j++) {
			if (p->sending[j]) {
				totals.regions[i]++;
				totals.ranges[i] += p->sending[j]->range_capacity;
				check(p->sending[j]->claim_count == 0,
				      "unfinished sends claim nothing");
			}
		}
		check_lists(p);
		totals.runs += p->buffers.mapped ? 2 : 0;
		const struct borrower *told = p->response.borrower;
		told_of_retired += told && told->region->retired;
		check(p->started || !p->buffers.mapped, "the dead have no buffers");
		check(p->region_count == totals.regions[i], "region_count");
		check(p->range_count == totals.ranges[i], "range_count");
		check(p->borrowed_count == totals.borrowed[i], "borrowed_count");
		check(p->started || p->borrowed_count == 0, "the dead borrow nothing");
		check(p->started || p->donation_count == 0, "the dead own nothing");
		donations += p->donation_count;
	}
	check(count_runs(s->spmc->pages.root) == totals.runs, "no run is without an owner");
	check(count_runs(s->spmc->donated_pages.root) == donations &&
		      count_runs(s->spmc->donated_addresses.root) == donations,
	      "donations are in both indices");
	for (const struct region *r = s->spmc->retiring; r; r = r->next) {
		told_of_retired++;
	}
	check(told_of_retired == totals.retired, "what is retired is told or freed");
}

static size_t check_vcpu(struct sequence *s, const struct partition *p, uint16_t index)
{
	const struct vcpu *vcpu = &p->vcpus[index];
	const bool outstanding = s->blocked[index_of(p->config.id)][index];
	size_t active = 0;

	check((vcpu->state != VCPU_RUNNING) == outstanding, "a call is outstanding or not");
	check((vcpu->state == VCPU_WAITING) == (p->waiting >> index & 1), "waiting bits");
	check(p->started || vcpu->state == VCPU_RUNNING, "the dead do not wait");
	for (size_t i = 0; i < SPMC_REQUESTS_MAX; i++) {
		const struct request *request = &vcpu->requests[i];
		if (request->state == REQUEST_FREE) {
			continue;
		}
		check(p->started, "the dead request nothing");
		if (request->state == REQUEST_ANSWERED) {
			continue;
		}
		check(request->target->serving && request->target->request == request,
		      "the target of a request serves it");
		check(request->target->partition->started, "nobody waits for the dead");
		active += request->state == REQUEST_ACTIVE;
	}
	check(active == (vcpu->state == VCPU_BLOCKED), "blocked on one request");
	if (vcpu->state == VCPU_YIELDED) {
		check(vcpu->request && vcpu->request->state == REQUEST_PREEMPTED,
		      "somebody can run what has yielded");
	}
	check(!vcpu->serving || vcpu->state != VCPU_WAITING, "who serves does not wait");
	check(vcpu->serving || !vcpu->request, "who does not serve has no request");
	return active;
}

static void check_time(struct sequence *s)
{
	size_t active = 0, slices = 0;
	uint64_t deadline = 0;

	for (size_t i = 0; i < PARTITIONS; i++) {
		for (uint16_t j = 0; j < VCPUS; j++) {
			active += check_vcpu(s, s->spmc->partitions[i], j);
		}
	}
	for (const struct request *r = s->spmc->slice_first; r; r = r->later) {
		check(r->state == REQUEST_ACTIVE && r->deadline_ns >= deadline, "slices in order");
		deadline = r->deadline_ns;
		slices++;
	}
	check(slices == active, "every blocked caller has a slice");
}

/* Nobody writes RX while its partition owns it. */
static void check_rx(struct sequence *s)
{
	for (size_t i = 0; i < PARTITIONS; i++) {
		const struct buffers *buffers = &s->spmc->partitions[i]->buffers;
		const bool full = buffers->mapped && buffers->rx_state == RX_FULL;
		if (full) {
			const uint8_t *rx = world_at(&s->world, ids[i], buffers->rx_address, PAGE);
			check(!s->rx_was_full[i] || memcmp(rx, s->rx[i], PAGE) == 0,
			      "RX is written while it is owned");
			memcpy(s->rx[i], rx, PAGE);
		}
		s->rx_was_full[i] = full;
	}
}

static void pull(struct sequence *s)
{
	struct spmc_delivery delivery;
	unsigned interrupts[PARTITIONS] = { 0 };

	while (spmc_next(s->spmc, &delivery)) {
		const size_t p = index_of(delivery.partition);
		check(s->spmc->partitions[p]->started, "the dead get nothing");
		switch (delivery.kind) {
		case SPMC_RETURN:
			check(s->blocked[p][delivery.vcpu], "a return to whom has called");
			s->blocked[p][delivery.vcpu] = false;
			s->counts->direct_answers +=
				delivery.regs.x[0] == VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2);
			s->counts->retrievals +=
				delivery.regs.x[0] == VMSG_FFA_ID32(MEM_RETRIEVE_RESP);
			s->counts->aborts +=
				vmsg_ffa_reply_status(&delivery.regs) == VMSG_FFA_ABORTED;
			break;
		case SPMC_GRANT:
			check(spmc_region_range_count(s->spmc, delivery.handle) > 0,
			      "a grant of something");
			check(s->blocked[p][delivery.vcpu], "the grant comes before the return");
			break;
		case SPMC_INTERRUPT:
			interrupts[p]++;
			check(interrupts[p] <= 2, "interrupts are outstanding once");
			break;
		case SPMC_REVOKE:
		case SPMC_CONSOLE:
			break;
		}
	}
}

static void check_all(struct sequence *s)
{
	s->highest_handle = s->spmc->last_handle;
	check_time(s);
	check_memory(s);
	check_rx(s);
}

/* --- steps --- */

static bool call(struct sequence *s, size_t p, uint16_t vcpu, struct vmsg_ffa_regs *regs)
{
	if (rarely(s)) {
		regs->x[1 + pick(s, 17)] ^= UINT64_C(1) << pick(s, 64);
	}
	const enum spmc_result result = spmc_call(s->spmc, ids[p], vcpu, s->world.now_ns, regs);
	check((result == SPMC_REFUSED) == (s->blocked[p][vcpu] || !s->spmc->partitions[p]->started),
	      "who may call is not refused");
	if (result == SPMC_BLOCKED) {
		s->blocked[p][vcpu] = true;
	}
	pull(s);
	return result == SPMC_REPLIED && vmsg_ffa_reply_status(regs) == VMSG_FFA_OK;
}

static uint16_t some_id(struct sequence *s)
{
	return rarely(s) ? (uint16_t)pick(s, 65535) : ids[pick(s, PARTITIONS)];
}

static uint64_t some_address(struct sequence *s, size_t p)
{
	return world_tx(rarely(s) ? some_id(s) : ids[p]) + pick(s, BANK_PAGES) * PAGE;
}

/* Mostly one that exists. */
static struct region *some_region(struct sequence *s, uint64_t *handle)
{
	*handle = 1 + (s->spmc->last_handle > 8 ? s->spmc->last_handle - 8 : 0) + pick(s, 8);
	struct region *region = spmc_region_find(s->spmc, *handle);
	if (!region) {
		*handle |= UINT64_C(1) << 63;
		region = spmc_region_find(s->spmc, *handle);
	}
	return region;
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
		spmc_raise(s->spmc, ids[p], vcpu);
		pull(s);
	}
	return vcpu;
}

static uint8_t *tx_of(struct sequence *s, size_t p)
{
	const struct buffers *buffers = &s->spmc->partitions[p]->buffers;

	return buffers->mapped ? world_at(&s->world, ids[p], buffers->tx_address, PAGE) : NULL;
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
		.sender = ids[p],
		.attributes = type == 0 || borrowers == 2 ? VMSG_FFA_ATTR_NORMAL_WB_INNER : 0,
		.flags = type != 0 && rarely(s) ? VMSG_FFA_MEMORY_ZERO : 0,
		.access_size = rarely(s) ? 16 : 32,
	};
	uint8_t *tx = tx_of(s, p);

	for (uint32_t i = 0; i < 2; i++) {
		access[i].endpoint = rarely(s) ? some_id(s) : ids[(p + 1 + i) % PARTITIONS];
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
	check(size > 0, "the descriptor was built");
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
		p = index_of(b->partition);
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
		access[i].endpoint = region ? region->borrowers[i].partition : ids[p];
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
	check(size > 0, "the request was built");
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
			p = index_of(region->owner_id);
			vcpu = some_vcpu(s, p);
		}
		struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(MEM_RECLAIM), (uint32_t)handle,
						handle >> 32, rarely(s) } };
		s->counts->reclaims += call(s, p, vcpu, &regs);
		return;
	}
	if (region && !rarely(s)) {
		p = index_of(region->borrowers[pick(s, region->borrower_count)].partition);
		vcpu = some_vcpu(s, p);
	}
	uint8_t *tx = tx_of(s, p);
	if (tx) {
		const struct vmsg_ffa_relinquish relinquish = { handle, rarely(s), 1, ids[p] };
		check(vmsg_ffa_relinquish_build(&relinquish, (struct vmsg_span){ tx, PAGE }) > 0,
		      "the descriptor was built");
		spoil(s, tx, VMSG_FFA_RELINQUISH_SIZE);
	}
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(MEM_RELINQUISH) } };
	(void)call(s, p, vcpu, &regs);
}

static void step_direct(struct sequence *s, size_t p, uint16_t vcpu)
{
	const struct vcpu *self = &s->spmc->partitions[p]->vcpus[vcpu];
	const uint64_t self_id = (uint64_t)ids[p] << 16;
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
	const uint64_t id = ids[p];
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

static void begin_life(struct sequence *s, size_t p)
{
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(VERSION), rarely(s) ? 0x10001 : 0x10002 } };

	(void)spmc_start(s->spmc, ids[p]);
	(void)spmc_call(s->spmc, ids[p], 0, s->world.now_ns, &regs);
	regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID64(RXTX_MAP), world_tx(ids[p]),
					 world_rx(ids[p]), 1 } };
	(void)call(s, p, 0, &regs);
}

static void step_life(struct sequence *s, size_t p, uint16_t vcpu)
{
	switch (pick(s, 8)) {
	case 0:
		spmc_stop(s->spmc, ids[p]);
		memset(s->blocked[p], 0, sizeof(s->blocked[p]));
		pull(s);
		check_all(s);
		begin_life(s, p);
		break;
	case 1:
		spmc_raise(s->spmc, ids[p], vcpu);
		pull(s);
		break;
	default:
		s->world.now_ns += pick(s, 3) * SPMC_TIME_SLICE_NS / 2;
		spmc_tick(s->spmc, s->world.now_ns);
		check(spmc_deadline(s->spmc) > s->world.now_ns, "a tick ends what is over");
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
	world_open(&s->world, 0, next(s) % 4 == 0 ? 1 : 0);
	s->spmc = s->world.spmc;
	for (size_t i = 0; i < PARTITIONS; i++) {
		world_add(&s->world, &(struct spmc_partition_config){
					     .id = ids[i],
					     .vcpu_count = VCPUS,
					     .properties = 0x70f,
				     });
		world_add_ram(&s->world, ids[i], world_tx(ids[i]), BANK_PAGES * PAGE, false);
	}
	/* the same memory elsewhere, in its owner's and in another's hands */
	world_add_alias(&s->world, ids[0], 0x70000000, world_tx(ids[0]));
	world_add_alias(&s->world, ids[1], 0x71000000, world_tx(ids[0]));
	for (size_t i = 0; i < PARTITIONS; i++) {
		begin_life(s, i);
	}
}

static void close_sequence(struct sequence *s)
{
	for (size_t i = 0; i < PARTITIONS; i++) {
		spmc_stop(s->spmc, ids[i]);
		memset(s->blocked[i], 0, sizeof(s->blocked[i]));
		pull(s);
		check_all(s);
	}
	spmc_free_retiring(s->spmc);
	check(!s->spmc->pages.root && !s->spmc->donated_pages.root,
	      "nobody is left, nothing is used");
	check(!s->spmc->slice_first, "nobody is left, nothing runs");
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
		} else if (kind < 254) {
			step_life(&s, p, vcpu);
		} else {
			struct vmsg_ffa_regs regs;
			for (size_t i = 0; i < VMSG_FFA_REGISTERS; i++) {
				regs.x[i] = next(&s);
			}
			regs.x[0] |= pick(&s, 2) ? 0x84000000 : 0xc4000000;
			(void)call(&s, p, vcpu, &regs);
		}
		check_all(&s);
		counts->steps++;
	}
	close_sequence(&s);
}
