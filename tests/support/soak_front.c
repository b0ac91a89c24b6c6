/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver partition of a soak. Memory of its second bank: for each queue 0x2000 bytes of ring and
 * indirect tables, from 0x4000 on 64 bytes for each request; two more pages are the FIFO.
 */
#include "support/soak.h"

#include <string.h>

#define MS             1000000ull
#define TABLES         0x1800u
#define TABLE_SIZE     0x40u
#define REQUEST_SPACE  0x4000u
#define REQUEST_STRIDE 64u
#define ANSWER_OFFSET  32u
#define AREA_SIZE      0x8000u
#define FIFO           AREA_SIZE

static uint64_t now(const struct soak *soak)
{
	return vmsg_emu_local_now(soak->local);
}

uint64_t soak_front_address(const struct soak_front *front, uint64_t offset)
{
	uint64_t made = 0;

	(void)!vmsg_address_make(front->bus.profile, front->area, offset, &made);
	return made;
}

static uint32_t number(const struct soak_front *front)
{
	return front->side.id;
}

/* ---- requests ---- */

static struct soak_cell *cell_of(struct soak *soak, const struct soak_request *request)
{
	return &soak->cells[request->disk][request->cell];
}

static void forget_request(struct soak *soak, struct soak_request *request)
{
	if (request->is_write) {
		cell_of(soak, request)->busy = false;
	}
	request->used = false;
}

/* An answer: what it says must be so. */
static void take_answer(struct soak *soak, struct soak_front *front, struct soak_request *request,
			uint32_t written)
{
	const size_t at = REQUEST_SPACE + (size_t)(request - front->requests) * REQUEST_STRIDE;
	struct soak_cell *cell = cell_of(soak, request);
	struct soak_answer answer;

	memcpy(&answer, front->side.banks[1].data + at + ANSWER_OFFSET, sizeof(answer));
	SOAK_CHECK(soak, request->used && written == sizeof(answer) && answer.status == 1);
	SOAK_CHECK(soak, soak->executed[request->id]);
	if (request->is_write) {
		SOAK_CHECK(soak, answer.value == request->value && cell->stored == request->value);
		cell->acknowledged = request->value;
		cell->maybe_count = 0;
	} else {
		/* as new as what had been acknowledged when it was asked for */
		SOAK_CHECK(soak, answer.value >= request->value);
		SOAK_CHECK(soak, answer.value == 0 || (answer.value & 0xff) ==
							      (request->disk << 4 | request->cell));
	}
	forget_request(soak, request);
	front->vain = 0;
	front->done++;
	soak->answers++;
}

static bool new_request(struct soak *soak, struct soak_front *front, struct soak_request *request)
{
	const bool is_write = soak_random(soak, 2);
	const uint32_t which = (uint32_t)soak_random(soak, SOAK_CELLS);
	struct soak_cell *cell = &soak->cells[front->disk][which];

	if (soak->next_id == SOAK_IDS ||
	    (is_write && (cell->busy || cell->maybe_count == SOAK_MAYBE))) {
		return false;
	}
	*request = (struct soak_request){
		.used = true,
		.id = soak->next_id++,
		.is_write = is_write,
		.disk = front->disk,
		.cell = which,
		.value = cell->acknowledged,
	};
	soak->issued[request->id] = true;
	if (is_write) {
		request->value = request->id << 8 | front->disk << 4 | which;
		cell->maybe[cell->maybe_count++] = request->value;
		cell->busy = true;
	}
	return true;
}

static void submit(struct soak *soak, struct soak_front *front)
{
	const uint32_t index = (uint32_t)soak_random(soak, SOAK_QUEUES);
	struct soak_queue *queue = &front->queues[index];
	uint32_t which = 0;

	while (which < SOAK_REQUESTS && front->requests[which].used) {
		which++;
	}
	struct soak_request *request = &front->requests[which];
	if (which == SOAK_REQUESTS || !queue->ready || queue->ring.free_count < 4 ||
	    !new_request(soak, front, request)) {
		return;
	}
	request->queue = index;
	const uint64_t at = REQUEST_SPACE + (uint64_t)which * REQUEST_STRIDE;
	uint8_t *bytes = front->side.banks[1].data + at;
	const struct soak_order order = { request->id, request->is_write, request->cell,
					  request->is_write ? request->value : 0 };
	memcpy(bytes, &order, sizeof(order));
	memset(bytes + ANSWER_OFFSET, 0, sizeof(struct soak_answer));
	const uint32_t cut = 1 + (uint32_t)soak_random(soak, sizeof(order) - 1);
	const struct vmsg_vq_buffer buffers[] = {
		{ soak_front_address(front, at), cut, false },
		{ soak_front_address(front, at + cut), (uint32_t)sizeof(order) - cut, false },
		{ soak_front_address(front, at + ANSWER_OFFSET), sizeof(struct soak_answer), true },
	};
	const bool indirect = queue->ring.vq.layout.indirect && soak_random(soak, 2);
	const int error =
		indirect ? vmsg_vq_driver_add_indirect(
				   &queue->ring,
				   soak_front_address(front, index * SOAK_QUEUE_SPACE + TABLES +
								     which * TABLE_SIZE),
				   buffers, 3, request)
			 : vmsg_vq_driver_add(&queue->ring, buffers, 3, request);
	SOAK_CHECK(soak, error == 0);
	if (vmsg_vq_driver_should_kick(&queue->ring)) {
		SOAK_CHECK(soak, vmsg_driver_kick(&front->driver, index, 0) == 0);
	}
}

static void reap(struct soak *soak, struct soak_front *front, uint32_t index)
{
	struct soak_queue *queue = &front->queues[index];
	void *cookie;
	uint32_t written;
	int result;

	if (!queue->started) {
		return;
	}
	do {
		while ((result = vmsg_vq_driver_reap(&queue->ring, &cookie, &written)) == 1) {
			take_answer(soak, front, cookie, written);
		}
		SOAK_CHECK(soak, result == 0);
	} while (vmsg_vq_driver_enable_notify(&queue->ring));
}

/* ---- queues ---- */

static void stop_queue(struct soak *soak, struct soak_front *front, uint32_t index)
{
	struct soak_queue *queue = &front->queues[index];
	void *cookie;

	if (!queue->started) {
		return;
	}
	reap(soak, front, index);
	vmsg_vq_driver_stop(&queue->ring);
	while (vmsg_vq_driver_detach(&queue->ring, &cookie) == 1) {
		forget_request(soak, cookie);
	}
	queue->started = false;
	queue->ready = false;
}

void soak_front_stop_queues(struct soak *soak, struct soak_front *front)
{
	for (uint32_t i = 0; i < SOAK_QUEUES; i++) {
		stop_queue(soak, front, i);
	}
}

static void setup_queue(struct soak *soak, struct soak_front *front, uint32_t index)
{
	const uint64_t at = (uint64_t)index * SOAK_QUEUE_SPACE;
	const bool packed = vmsg_driver_has_feature(&front->driver, VMSG_F_RING_PACKED);
	struct vmsg_vq_layout layout = {
		.size = packed ? 8 + (uint32_t)soak_random(soak, SOAK_QUEUE_SIZE - 7)
			       : 8u << soak_random(soak, 3),
		.event_idx = vmsg_driver_has_feature(&front->driver, VMSG_F_EVENT_IDX),
		.indirect = vmsg_driver_has_feature(&front->driver, VMSG_F_INDIRECT_DESC),
		.packed = packed,
		.in_order = vmsg_driver_has_feature(&front->driver, VMSG_F_IN_ORDER),
		.desc_addr = soak_front_address(front, at),
		.driver_addr = soak_front_address(front, at + 0x800),
		.device_addr = soak_front_address(front, at + 0x1000),
	};
	struct soak_queue *queue = &front->queues[index];

	/* an area that is being taken back is no longer mapped */
	if (front->area_state != SOAK_AREA_READY ||
	    vmsg_vq_driver_start(&queue->ring, &front->memory, &layout, queue->slots) < 0) {
		return;
	}
	if (vmsg_driver_setup_queue(&front->driver, now(soak), index, &layout) < 0) {
		vmsg_vq_driver_stop(&queue->ring);
		return;
	}
	queue->started = true;
}

/* ---- the device that is driven ---- */

static bool has_device(const struct soak_front *front)
{
	return front->drivers[0] != NULL;
}

/* Nothing of it is known any more, nor is it told. */
static void drop_device(struct soak *soak, struct soak_front *front)
{
	front->drivers[0] = NULL;
	soak_front_stop_queues(soak, front);
}

static void take_device(struct soak *soak, struct soak_front *front)
{
	uint32_t list[SOAK_DEVICES];
	uint32_t count = 0;

	for (uint32_t i = 0; i < SOAK_DEVICES; i++) {
		if (vmsg_bus_has_device(&front->bus, (uint16_t)(i * 300))) {
			list[count++] = i;
		}
	}
	if (count == 0) {
		return;
	}
	front->disk = list[soak_random(soak, count)];
	const uint32_t packed = (uint32_t)soak_random(soak, 2);
	const uint32_t in_order = (uint32_t)soak_random(soak, 3) == 0;
	const struct vmsg_driver_options options = {
		.profile = front->bus.profile,
		.dev_num = (uint16_t)(front->disk * 300),
		.frame_size_max = vmsg_bus_frame_size_max(&front->bus),
		.transport_features = front->bus.transport_features,
		.features = { (uint32_t)soak_random(soak, 4) << VMSG_F_INDIRECT_DESC,
			      packed << (VMSG_F_RING_PACKED - 32) |
				      in_order << (VMSG_F_IN_ORDER - 32) |
				      1u << (VMSG_F_RING_RESET - 32) },
		.request_timeout_ns = 300 * MS,
	};
	SOAK_CHECK(soak, vmsg_driver_init(&front->driver, &options) == 0);
	SOAK_CHECK(soak, vmsg_driver_start(&front->driver, now(soak)) == 0);
	front->drivers[0] = &front->driver;
	soak_say(soak, "%u takes disk %u, %s%s", number(front), front->disk,
		 packed ? "packed" : "split", in_order ? ", in order" : "");
}

/* The next queue that is not ready, or DRIVER_OK. */
static void set_up(struct soak *soak, struct soak_front *front)
{
	for (uint32_t i = 0; i < SOAK_QUEUES; i++) {
		if (!front->queues[i].started) {
			setup_queue(soak, front, i);
			return;
		}
		if (!front->queues[i].ready) {
			return; /* under way */
		}
	}
	if (front->driver.state == VMSG_DRIVER_CONFIGURABLE) {
		(void)!vmsg_driver_ready(&front->driver, now(soak));
	}
}

static void on_driver_event(struct soak *soak, struct soak_front *front,
			    const struct vmsg_driver_event *event)
{
	switch (event->kind) {
	case VMSG_DRIVER_EVENT_CONFIGURABLE:
		break;
	case VMSG_DRIVER_EVENT_QUEUE_READY:
		front->queues[event->queue].ready = true;
		(void)vmsg_vq_driver_enable_notify(&front->queues[event->queue].ring);
		break;
	case VMSG_DRIVER_EVENT_QUEUE_RESET:
		stop_queue(soak, front, event->queue);
		break;
	case VMSG_DRIVER_EVENT_USED:
		reap(soak, front, event->queue);
		break;
	case VMSG_DRIVER_EVENT_RESET_DONE:
		soak_front_stop_queues(soak, front);
		front->drivers[0] = NULL;
		break;
	case VMSG_DRIVER_EVENT_FAILED:
		front->vain += 8;
		soak_say(soak, "%u: its driver failed: %d", number(front), event->error);
		break;
	case VMSG_DRIVER_EVENT_RUNNING:
	case VMSG_DRIVER_EVENT_CONFIG:
	case VMSG_DRIVER_EVENT_CONFIG_WRITTEN:
	case VMSG_DRIVER_EVENT_SHM:
	case VMSG_DRIVER_EVENT_CONFIG_CHANGED:
	case VMSG_DRIVER_EVENT_NEEDS_RESET:
		break;
	case VMSG_DRIVER_EVENT_FROZEN:
		soak_sleep_frozen(soak, front);
		break;
	case VMSG_DRIVER_EVENT_RESTORED:
		soak_sleep_restored(soak, front);
		break;
	}
}

static void on_bus_event(struct soak *soak, struct soak_front *front,
			 const struct vmsg_bus_event *event)
{
	switch (event->kind) {
	case VMSG_BUS_EVENT_UP:
		soak_say(soak, "%u is up, %s, %s and %s", number(front), front->bus.profile->name,
			 vmsg_carrier_name(front->bus.carrier),
			 vmsg_events_name(front->bus.events));
		soak->ups[front->bus.carrier][front->bus.events]++;
		soak->dialects[front->bus.profile->id]++;
		break;
	case VMSG_BUS_EVENT_FAILED:
		soak_say(soak, "%u is down: %d", number(front), event->error);
		drop_device(soak, front);
		break;
	case VMSG_BUS_EVENT_RESET:
		drop_device(soak, front);
		break;
	case VMSG_BUS_EVENT_DEVICE_REMOVED:
		if (has_device(front) && event->dev_num == front->disk * 300) {
			drop_device(soak, front);
		}
		break;
	case VMSG_BUS_EVENT_AREA_READY:
		SOAK_CHECK(soak,
			   front->area_state == SOAK_AREA_ASKED && event->area_id == front->area);
		front->area_state = SOAK_AREA_READY;
		break;
	case VMSG_BUS_EVENT_AREA_REFUSED:
		front->area_state = SOAK_AREA_LEAVING;
		break;
	case VMSG_BUS_EVENT_AREA_GONE:
		SOAK_CHECK(soak, event->area_id == front->area && event->error == 0);
		/* it is not ours to use again before the queues have let go, as they have over a
		 * sleep */
		if (front->sleep != SOAK_WAKING) {
			drop_device(soak, front);
		}
		front->area_state = SOAK_NO_AREA;
		break;
	default:
		break;
	}
}

void soak_front_run(struct soak *soak, struct soak_front *front)
{
	struct vmsg_bus_event bus_event;
	struct vmsg_driver_event driver_event;

	soak_sleep_pump(soak, front);
	if (!soak_is_running(soak, front->side.id)) {
		return;
	}
	while (vmsg_bus_event(&front->bus, &bus_event)) {
		on_bus_event(soak, front, &bus_event);
	}
	while (has_device(front) && vmsg_driver_event(&front->driver, &driver_event)) {
		on_driver_event(soak, front, &driver_event);
	}
}

/* ---- what it does ---- */

/* An indirect message that comes twice, which FF-A never does, has two answers, and nothing but a
 * token would tell the second from that to the next request of its kind (docs/spec-notes.md): such
 * a fault would find no error of ours. */
static bool is_ambiguous(const struct soak *soak, const struct vmsg_bus_options *options)
{
	return !(options->profile && options->profile->has_token) &&
	       options->carriers & 1u << VMSG_CARRIER_INDIRECT &&
	       strstr(soak->rules, "duplicate:call=indirect");
}

/* One carrier and one way for events that its dialect allows, or what the session likes best, which
 * are direct messages. */
static void choose_way(struct soak *soak, struct vmsg_bus_options *options)
{
	if (soak_random(soak, 6) == 0) {
		return;
	}
	do {
		options->carriers = (uint8_t)(1u << soak_random(soak, VMSG_CARRIER_COUNT));
		options->events = (uint8_t)(1u << soak_random(soak, VMSG_EVENTS_FIFO + 1));
	} while (!vmsg_bus_choice_exists(options->profile, options->carriers, options->events) ||
		 is_ambiguous(soak, options));
}

void soak_front_start(struct soak *soak, struct soak_front *front, uint16_t id)
{
	static const char *const names[] = { "r3", "r2b", "r2a", "r1", "r0" };
	const uint64_t which = soak_random(soak, 8);
	const char *name = which < 5 ? names[which] : NULL;

	memset(front, 0, sizeof(*front));
	if (name && strcmp(name, "r1") == 0 && soak->has_wide_area_ids) {
		name = "r1-a16";
	}
	struct vmsg_bus_options options = {
		.role = VMSG_BUS_DRIVER,
		.peer = SOAK_SP,
		.profile = name ? vmsg_profile_find(name) : NULL,
		.wide_area_ids = soak->has_wide_area_ids,
		.ffa_version = VMSG_FFA_VERSION_1_2,
		.bus_features = SOAK_BUS_FEATURES,
		.notification_id = (uint16_t)(id + 6),
		.max_areas = SOAK_AREAS,
		.request_timeout_ns = 300 * MS,
		.poll_interval_ns = 5 * MS,
		.check_interval_ns = soak_random(soak, 3) * 500 * MS,
		.memory = &front->memory,
		.devices = front->numbers,
		.device_capacity = SOAK_DEVICES,
	};
	choose_way(soak, &options);
	soak_start_side(soak, &front->side, id, NULL, NULL);
	front->side.id = id;
	if (!front->side.alive) {
		return;
	}
	vmsg_memory_init(&front->memory, front->areas, SOAK_AREAS, 48);
	SOAK_CHECK(soak, vmsg_bus_init(&front->bus, &options) == 0);
	vmsg_driver_pump_init(&front->pump, &front->side.endpoint, &front->bus, front->drivers, 1,
			      SOAK_SP, 40 * MS);
	const struct vmsg_emu_bank *bank = &front->side.banks[1];
	front->pump.fifo_segment = (struct vmsg_segment){ bank->data + FIFO, 2 * SOAK_PAGE };
	front->pump.fifo_range = (struct vmsg_ffa_range){ bank->address + FIFO, 2 };
}

void soak_front_died(struct soak *soak, struct soak_front *front)
{
	front->side.alive = false;
	soak->deaths++;
	for (uint32_t i = 0; i < SOAK_REQUESTS; i++) {
		if (front->requests[i].used) {
			forget_request(soak, &front->requests[i]);
		}
	}
}

void soak_front_share(struct soak_front *front)
{
	const struct vmsg_emu_bank *bank = &front->side.banks[1];
	const struct vmsg_ffa_range ranges[] = { { bank->address, 3 },
						 { bank->address + 3 * SOAK_PAGE, 5 } };
	const struct vmsg_segment segment = { bank->data, AREA_SIZE };

	if (vmsg_driver_pump_share(&front->pump, ranges, 2, &segment, 1, &front->area) == 0) {
		front->area_state = SOAK_AREA_ASKED;
	}
}

bool soak_front_go_on(struct soak *soak, struct soak_front *front)
{
	/* Nobody says that the device partition was replaced: who gets nowhere asks, and then
	 * begins anew, as its user would. */
	if (front->sleep == SOAK_AWAKE && front->bus.state == VMSG_BUS_RUNNING) {
		front->vain++;
		if (front->vain % 40 == 0) {
			soak_say(soak, "%u wonders", number(front));
			SOAK_CHECK(soak, vmsg_bus_check(&front->bus, now(soak)) == 0);
		}
		if (front->vain > 120) {
			soak_say(soak, "%u gets nowhere", number(front));
			vmsg_bus_abandon(&front->bus, now(soak), VMSG_ERROR_TIMEOUT);
			return true;
		}
	}
	if (front->bus.state == VMSG_BUS_DOWN || front->bus.state == VMSG_BUS_FAILED) {
		drop_device(soak, front);
		front->sleep = SOAK_AWAKE;
		front->vain = 0;
		(void)!vmsg_bus_start(&front->bus, now(soak));
		if (front->area_state != SOAK_NO_AREA) {
			front->area_state = SOAK_AREA_LEAVING; /* a new session takes it back */
		}
		return true;
	}
	if (front->sleep != SOAK_AWAKE) {
		return soak_sleep_go_on(soak, front);
	}
	if (front->bus.state != VMSG_BUS_RUNNING || front->area_state == SOAK_AREA_ASKED ||
	    front->area_state == SOAK_AREA_LEAVING) {
		return false;
	}
	if (front->area_state == SOAK_NO_AREA) {
		soak_front_share(front);
		return true;
	}
	if (!has_device(front)) {
		take_device(soak, front);
		return has_device(front);
	}
	if (vmsg_driver_is_busy(&front->driver)) {
		return false;
	}
	if (front->driver.state == VMSG_DRIVER_FAILED ||
	    front->driver.status & VMSG_STATUS_NEEDS_RESET) {
		(void)!vmsg_driver_reset(&front->driver, now(soak));
		return true;
	}
	if (front->driver.state == VMSG_DRIVER_CONFIGURABLE ||
	    front->driver.state == VMSG_DRIVER_RUNNING) {
		set_up(soak, front);
	}
	if (front->driver.state == VMSG_DRIVER_RUNNING) {
		for (uint64_t i = soak_random(soak, 8); i > 0; i--) {
			submit(soak, front);
		}
		for (uint32_t i = 0; i < SOAK_QUEUES; i++) {
			reap(soak, front, i);
		}
	}
	return true;
}

void soak_front_disturb(struct soak *soak, struct soak_front *front)
{
	const uint32_t queue = (uint32_t)soak_random(soak, SOAK_QUEUES);
	/* who sleeps does nothing by himself, but may be given up */
	const uint64_t what = front->sleep == SOAK_AWAKE ? soak_random(soak, 11) : 7;

	if (front->sleep != SOAK_AWAKE && soak_random(soak, 4) > 0) {
		return;
	}
	switch (what) {
	case 0:
		soak_say(soak, "%u resets the bus", number(front));
		soak->resets += vmsg_bus_reset(&front->bus, now(soak)) == 0;
		break;
	case 1:
	case 2:
		if (has_device(front)) {
			soak_say(soak, "%u resets disk %u", number(front), front->disk);
			soak->resets += vmsg_driver_reset(&front->driver, now(soak)) == 0;
		}
		break;
	case 3:
	case 4:
		if (has_device(front) && front->queues[queue].ready &&
		    vmsg_driver_reset_queue(&front->driver, now(soak), queue) == 0) {
			soak_say(soak, "%u resets queue %u", number(front), queue);
			front->queues[queue].ready = false;
			soak->resets++;
		}
		break;
	case 5:
		if (front->area_state == SOAK_AREA_READY &&
		    vmsg_bus_unshare(&front->bus, now(soak), front->area) == 0) {
			soak_say(soak, "%u unshares", number(front));
			front->area_state = SOAK_AREA_LEAVING;
		}
		break;
	case 6:
		if (has_device(front)) {
			(void)!vmsg_driver_read_config(&front->driver, now(soak), 4, 32);
		}
		break;
	case 7:
		soak_say(soak, "%u gives the session up", number(front));
		vmsg_bus_abandon(&front->bus, now(soak), VMSG_ERROR_STATE);
		break;
	case 8:
	case 9:
		soak_sleep_begin(soak, front);
		break;
	default:
		if (front->bus.state == VMSG_BUS_RUNNING) {
			(void)!vmsg_driver_pump_poll(&front->pump);
		}
		break;
	}
}

bool soak_front_is_working(const struct soak_front *front)
{
	return front->sleep == SOAK_AWAKE && front->bus.state == VMSG_BUS_RUNNING &&
	       has_device(front) && front->driver.state == VMSG_DRIVER_RUNNING &&
	       !vmsg_driver_is_busy(&front->driver) && front->queues[0].ready &&
	       front->queues[1].ready;
}
