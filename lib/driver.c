/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front-end machine: one operation at a time, one request of it in flight. `step` says which
 * answer is awaited; what answers do is in driver_answers.c. Kicks and events are bitmaps: they
 * coalesce and cannot overflow. (wire-revisions 6.1)
 */
#include "driver.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "port.h"

#define DEFAULT_TIMEOUT_NS 5000000000ull
#define CONFIG_FIXED       12u
#define FIRST_TOKEN        2u

int vmsg_driver_init(struct vmsg_driver *driver, const struct vmsg_driver_options *options)
{
	*driver = (struct vmsg_driver){ .options = *options };
	if (!options->profile || !options->profile->has_size ||
	    options->frame_size_max < options->profile->frame_size_min) {
		return VMSG_ERROR_INVALID;
	}
	if (driver->options.request_timeout_ns == 0) {
		driver->options.request_timeout_ns = DEFAULT_TIMEOUT_NS;
	}
	driver->next_token = FIRST_TOKEN;
	return 0;
}

bool vmsg_driver_is_busy(const struct vmsg_driver *driver)
{
	return driver->step != STEP_NONE;
}

bool vmsg_driver_has_feature(const struct vmsg_driver *driver, unsigned int bit)
{
	return bit < VMSG_FEATURE_BLOCKS_MAX * 32u && driver->features[bit / 32] & 1u << bit % 32;
}

void vmsg_driver_tell(struct vmsg_driver *driver, enum vmsg_driver_event_kind kind)
{
	driver->events |= 1u << kind;
}

static void fail(struct vmsg_driver *driver, enum vmsg_type type, int error)
{
	driver->state = VMSG_DRIVER_FAILED;
	driver->step = STEP_NONE;
	driver->freezing = false;
	driver->restoring = false;
	driver->request.used = false;
	driver->out_due = false;
	driver->retry_ns = 0;
	driver->error = error;
	driver->failed_type = type;
	vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_FAILED);
}

/* A device that answers, and answers wrongly, is told that its driver has failed. */
static void give_up(struct vmsg_driver *driver)
{
	if (driver->written != 0) {
		vmsg_driver_ask_status(driver, STEP_GIVE_UP, driver->written | VMSG_STATUS_FAILED);
	}
}

/* ---- what is asked ---- */

struct vmsg_message *vmsg_driver_ask(struct vmsg_driver *driver, enum vmsg_driver_step step,
				     enum vmsg_type type)
{
	driver->step = (uint8_t)step;
	driver->out = (struct vmsg_message){
		.header = { .type = type,
			    .kind = VMSG_REQUEST,
			    .dev_num = driver->options.dev_num,
			    .token = driver->options.profile->has_token ? driver->next_token : 0 },
	};
	driver->request = (struct vmsg_driver_request){
		.used = true,
		.token = driver->out.header.token,
		.type = type,
		.deadline_ns = driver->now_ns + driver->options.request_timeout_ns,
	};
	driver->next_token =
		driver->next_token == UINT16_MAX ? FIRST_TOKEN : (uint16_t)(driver->next_token + 1);
	driver->out_due = true;
	return &driver->out;
}

void vmsg_driver_ask_status(struct vmsg_driver *driver, enum vmsg_driver_step step, uint8_t status)
{
	driver->written = status;
	vmsg_driver_ask(driver, step, VMSG_SET_DEVICE_STATUS)
		->body.set_device_status_request.status = status;
}

void vmsg_driver_ask_config(struct vmsg_driver *driver)
{
	const uint32_t room = driver->options.frame_size_max -
			      driver->options.profile->header_size - CONFIG_FIXED;
	const uint32_t left = driver->config_length - driver->config_done;
	struct vmsg_get_config_request *request =
		&vmsg_driver_ask(driver, STEP_READ_CONFIG, VMSG_GET_CONFIG)
			 ->body.get_config_request;

	request->offset = driver->config_offset + driver->config_done;
	request->length = left < room ? left : room;
}

void vmsg_driver_ask_queue_setup(struct vmsg_driver *driver, uint32_t index)
{
	const struct vmsg_vq_layout *layout = &driver->queues[index].layout;

	driver->step_index = index;
	vmsg_driver_ask(driver, STEP_SET_QUEUE, VMSG_SET_VQUEUE)->body.set_vqueue_request =
		(struct vmsg_set_vqueue_request){
			.index = index,
			.flags = driver->options.profile->has_queue_flags ? VMSG_SET_VQUEUE_ENABLE
									  : 0,
			.size = layout->size,
			.desc_addr = layout->desc_addr,
			.driver_addr = layout->driver_addr,
			.device_addr = layout->device_addr,
		};
}

/* ---- starting operations ---- */

/* Results of operations, whose details the next operation would overwrite. */
#define RESULTS                                                                                    \
	(1u << VMSG_DRIVER_EVENT_QUEUE_READY | 1u << VMSG_DRIVER_EVENT_QUEUE_RESET |               \
	 1u << VMSG_DRIVER_EVENT_CONFIG | 1u << VMSG_DRIVER_EVENT_CONFIG_WRITTEN |                 \
	 1u << VMSG_DRIVER_EVENT_SHM)

static int may_start(const struct vmsg_driver *driver)
{
	if (driver->step != STEP_NONE || driver->events & RESULTS) {
		return VMSG_ERROR_AGAIN;
	}
	return driver->state == VMSG_DRIVER_CONFIGURABLE || driver->state == VMSG_DRIVER_RUNNING
		       ? 0
		       : VMSG_ERROR_STATE;
}

/* The first question of a start. */
static void begin(struct vmsg_driver *driver)
{
	driver->state = VMSG_DRIVER_STARTING;
	driver->error = 0;
	driver->events = 0;
	driver->used = 0;
	driver->kicks = 0;
	driver->kicked = 0;
	driver->status = 0;
	memset(driver->offered, 0, sizeof(driver->offered));
	memset(driver->features, 0, sizeof(driver->features));
	vmsg_driver_ask(driver, STEP_INFO, VMSG_GET_DEVICE_INFO);
}

int vmsg_driver_start(struct vmsg_driver *driver, uint64_t now_ns)
{
	driver->now_ns = now_ns;
	if (driver->state != VMSG_DRIVER_IDLE && driver->state != VMSG_DRIVER_FAILED) {
		return VMSG_ERROR_STATE;
	}
	driver->restoring = false;
	memset(driver->queues, 0, sizeof(driver->queues));
	begin(driver);
	return 0;
}

int vmsg_driver_freeze(struct vmsg_driver *driver, uint64_t now_ns)
{
	const int error = may_start(driver);

	if (error < 0) {
		return error;
	}
	driver->was_running = driver->state == VMSG_DRIVER_RUNNING;
	memcpy(driver->kept, driver->features, sizeof(driver->kept));
	const int started = vmsg_driver_reset(driver, now_ns);
	driver->freezing = true;
	return started;
}

int vmsg_driver_move_queue(struct vmsg_driver *driver, uint32_t index,
			   const struct vmsg_vq_layout *layout)
{
	if (driver->state != VMSG_DRIVER_FROZEN) {
		return VMSG_ERROR_STATE;
	}
	if (index >= VMSG_DEVICE_QUEUES_MAX || !driver->queues[index].kept) {
		return VMSG_ERROR_RANGE;
	}
	driver->queues[index].layout = *layout;
	return 0;
}

int vmsg_driver_restore(struct vmsg_driver *driver, uint64_t now_ns)
{
	if (driver->state != VMSG_DRIVER_FROZEN) {
		return VMSG_ERROR_STATE;
	}
	driver->now_ns = now_ns;
	driver->restoring = true;
	begin(driver);
	return 0;
}

int vmsg_driver_setup_queue(struct vmsg_driver *driver, uint64_t now_ns, uint32_t index,
			    const struct vmsg_vq_layout *layout)
{
	const int error = may_start(driver);

	driver->now_ns = now_ns;
	if (error < 0) {
		return error;
	}
	if (index >= driver->info.max_virtqueues || index >= VMSG_DEVICE_QUEUES_MAX ||
	    layout->size == 0 || layout->size > driver->queues[index].max_size) {
		return VMSG_ERROR_RANGE;
	}
	if (driver->queues[index].ready) {
		return VMSG_ERROR_STATE; /* an enabled queue cannot change */
	}
	driver->queues[index].layout = *layout;
	vmsg_driver_ask_queue_setup(driver, index);
	return 0;
}

int vmsg_driver_reset_queue(struct vmsg_driver *driver, uint64_t now_ns, uint32_t index)
{
	int error = may_start(driver);

	driver->now_ns = now_ns;
	if (error == 0 && !vmsg_driver_has_feature(driver, VMSG_F_RING_RESET)) {
		error = VMSG_ERROR_STATE;
	}
	if (error == 0 && (index >= VMSG_DEVICE_QUEUES_MAX || !driver->queues[index].ready)) {
		error = VMSG_ERROR_RANGE;
	}
	if (error < 0) {
		return error;
	}
	/* nothing is told of it from here on, in neither direction */
	driver->queues[index].ready = false;
	driver->kicks &= ~(1u << index);
	driver->kicked &= ~(1u << index);
	driver->used &= ~(1u << index);
	driver->step_index = index;
	vmsg_driver_ask(driver, STEP_RESET_QUEUE, VMSG_RESET_VQUEUE)
		->body.reset_vqueue_request.index = index;
	return 0;
}

int vmsg_driver_ready(struct vmsg_driver *driver, uint64_t now_ns)
{
	driver->now_ns = now_ns;
	if (driver->step != STEP_NONE) {
		return VMSG_ERROR_AGAIN;
	}
	if (driver->state != VMSG_DRIVER_CONFIGURABLE) {
		return VMSG_ERROR_STATE;
	}
	driver->state = VMSG_DRIVER_FINISHING;
	vmsg_driver_ask_status(driver, STEP_DRIVER_OK, VMSG_DRIVER_AGREED | VMSG_STATUS_DRIVER_OK);
	return 0;
}

int vmsg_driver_read_config(struct vmsg_driver *driver, uint64_t now_ns, uint32_t offset,
			    uint32_t length)
{
	const int error = may_start(driver);

	driver->now_ns = now_ns;
	if (error < 0) {
		return error;
	}
	if (length > driver->options.config_buffer_size || offset > driver->info.config_size ||
	    length > driver->info.config_size - offset) {
		return VMSG_ERROR_RANGE;
	}
	driver->config_offset = offset;
	driver->config_length = length;
	driver->config_done = 0;
	driver->config_tries = 0;
	vmsg_driver_ask_config(driver);
	return 0;
}

int vmsg_driver_write_config(struct vmsg_driver *driver, uint64_t now_ns, uint32_t offset,
			     struct vmsg_bytes data)
{
	const int error = may_start(driver);
	const uint32_t room = driver->options.frame_size_max -
			      driver->options.profile->header_size - CONFIG_FIXED;
	const bool strict =
		driver->options.profile->has_strict_generation ||
		driver->options.transport_features & VMSG_TRANSPORT_F_STRICT_CONFIG_GENERATION;

	driver->now_ns = now_ns;
	if (error < 0) {
		return error;
	}
	if (data.size > room || offset > driver->info.config_size ||
	    data.size > driver->info.config_size - offset) {
		return VMSG_ERROR_RANGE;
	}
	driver->write_data = data;
	driver->config_offset = offset;
	vmsg_driver_ask(driver, STEP_WRITE_CONFIG, VMSG_SET_CONFIG)->body.set_config_request =
		(struct vmsg_config){
			.generation = strict ? driver->config_generation : 0,
			.offset = offset,
			.length = (uint32_t)data.size,
			.data = data,
		};
	return 0;
}

int vmsg_driver_get_shm(struct vmsg_driver *driver, uint64_t now_ns, uint32_t shmid)
{
	const int error = may_start(driver);

	driver->now_ns = now_ns;
	if (error < 0) {
		return error;
	}
	const struct vmsg_message probe = {
		.header = { .type = VMSG_GET_SHM, .kind = VMSG_REQUEST },
	};
	const int size = vmsg_encoded_size(driver->options.profile, &probe);
	if (size < 0) {
		return size;
	}
	driver->step_index = shmid;
	vmsg_driver_ask(driver, STEP_SHM, VMSG_GET_SHM)->body.get_shm_request.index = shmid;
	return 0;
}

int vmsg_driver_reset(struct vmsg_driver *driver, uint64_t now_ns)
{
	driver->now_ns = now_ns;
	if (driver->state == VMSG_DRIVER_IDLE || driver->state == VMSG_DRIVER_RESETTING) {
		return VMSG_ERROR_STATE;
	}
	/* whatever was under way is over: its answer will be late */
	driver->freezing = false;
	driver->restoring = false;
	driver->state = VMSG_DRIVER_RESETTING;
	driver->events = 0;
	driver->kicks = 0;
	driver->kicked = 0;
	driver->used = 0;
	driver->retry_ns = 0;
	driver->give_up_ns = now_ns + driver->options.request_timeout_ns;
	vmsg_driver_ask_status(driver, STEP_RESET, 0);
	return 0;
}

int vmsg_driver_kick(struct vmsg_driver *driver, uint32_t index, uint32_t next)
{
	if (driver->state != VMSG_DRIVER_RUNNING) {
		return VMSG_ERROR_STATE;
	}
	if (index >= VMSG_DEVICE_QUEUES_MAX || !driver->queues[index].ready) {
		return VMSG_ERROR_RANGE;
	}
	driver->coalesced += driver->kicks >> index & 1u;
	driver->kicks |= 1u << index;
	driver->kicked |= 1u << index;
	driver->kick_next[index] =
		vmsg_driver_has_feature(driver, VMSG_F_NOTIFICATION_DATA) ? next : 0;
	return 0;
}

/* ---- answers and events of the device ---- */

static int take_response(struct vmsg_driver *driver, const struct vmsg_message *in)
{
	const struct vmsg_driver_request *request = &driver->request;

	if (!request->used || driver->out_due || request->type != in->header.type ||
	    request->token != in->header.token) {
		driver->late++;
		return VMSG_ERROR_STATE;
	}
	driver->request.used = false;
	const int error = vmsg_driver_take_answer(driver, in);
	if (error < 0) {
		fail(driver, in->header.type, error);
		give_up(driver);
	}
	return error;
}

static int take_event(struct vmsg_driver *driver, const struct vmsg_message *in)
{
	const bool alive = driver->state == VMSG_DRIVER_CONFIGURABLE ||
			   driver->state == VMSG_DRIVER_FINISHING ||
			   driver->state == VMSG_DRIVER_RUNNING;

	if (!alive) {
		driver->late++;
		return VMSG_ERROR_STATE;
	}
	switch (in->header.type) {
	case VMSG_EVENT_USED:
		if (in->body.event_used.vq_index >= VMSG_DEVICE_QUEUES_MAX ||
		    !driver->queues[in->body.event_used.vq_index].ready) {
			return VMSG_ERROR_RANGE;
		}
		driver->used |= 1u << in->body.event_used.vq_index;
		return 0;
	case VMSG_EVENT_CONFIG:
		if (in->body.event_config.device_status > 0xff) {
			return VMSG_ERROR_BAD_FIELD;
		}
		driver->status = (uint8_t)in->body.event_config.device_status;
		if (driver->status & VMSG_STATUS_NEEDS_RESET) {
			vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_NEEDS_RESET);
		} else {
			vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_CONFIG_CHANGED);
		}
		return 0;
	case VMSG_EVENT_CONFIG_EMPTY:
		vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_CONFIG_CHANGED);
		return 0;
	default:
		return VMSG_ERROR_UNKNOWN_ID;
	}
}

int vmsg_driver_input(struct vmsg_driver *driver, uint64_t now_ns, const struct vmsg_message *in)
{
	driver->now_ns = now_ns;
	if (in->header.dev_num != driver->options.dev_num) {
		return VMSG_ERROR_NOT_FOUND;
	}
	switch (in->header.kind) {
	case VMSG_RESPONSE:
		return take_response(driver, in);
	case VMSG_EVENT:
		return take_event(driver, in);
	case VMSG_REQUEST:
		break;
	}
	return VMSG_ERROR_INVALID; /* devices ask nothing of drivers */
}

/* The request in flight has no answer. One who has failed already does not mind. */
static void end_request(struct vmsg_driver *driver, int error)
{
	if (driver->step == STEP_GIVE_UP) {
		driver->step = STEP_NONE;
		driver->request.used = false;
		driver->out_due = false;
	} else {
		fail(driver, driver->request.type, error);
	}
}

void vmsg_driver_request_failed(struct vmsg_driver *driver, uint64_t now_ns, enum vmsg_type type,
				uint16_t token, int error)
{
	driver->now_ns = now_ns;
	if (driver->request.used && driver->request.type == type &&
	    driver->request.token == token) {
		end_request(driver, error);
	} else if (type == VMSG_EVENT_AVAIL) {
		driver->kicks |= driver->kicked; /* whose it was, it does not say */
	} else {
		driver->late++;
	}
}

/* ---- output ---- */

int vmsg_driver_output(struct vmsg_driver *driver, struct vmsg_message *out)
{
	if (driver->out_due) {
		driver->out_due = false;
		*out = driver->out;
		return 1;
	}
	if (!driver->kicks || driver->state != VMSG_DRIVER_RUNNING) {
		return 0;
	}
	uint32_t index = 0;
	while (!(driver->kicks & 1u << index)) {
		index++;
	}
	driver->kicks &= ~(1u << index);
	*out = (struct vmsg_message){
		.header = { .type = VMSG_EVENT_AVAIL,
			    .kind = VMSG_EVENT,
			    .dev_num = driver->options.dev_num },
		.body.event_avail = { .vq_index = index,
				      .next_offset = driver->kick_next[index] & 0x7fffffffu,
				      .next_wrap = driver->kick_next[index] >> 31 },
	};
	return 1;
}

static void fill_event(const struct vmsg_driver *driver, struct vmsg_driver_event *event)
{
	event->type = driver->failed_type;
	event->queue = driver->event_queue;
	event->offset = driver->config_offset;
	event->generation = driver->config_generation;
	switch (event->kind) {
	case VMSG_DRIVER_EVENT_FAILED:
		event->error = driver->error;
		break;
	case VMSG_DRIVER_EVENT_CONFIG:
		event->data =
			(struct vmsg_bytes){ driver->options.config_buffer, driver->config_length };
		break;
	case VMSG_DRIVER_EVENT_CONFIG_WRITTEN:
		event->error = driver->write_error;
		break;
	case VMSG_DRIVER_EVENT_SHM:
		event->shm_length = driver->shm.length;
		event->shm_address = driver->shm.address;
		break;
	default:
		break;
	}
}

int vmsg_driver_event(struct vmsg_driver *driver, struct vmsg_driver_event *event)
{
	uint32_t bit = 0;

	*event = (struct vmsg_driver_event){ .kind = VMSG_DRIVER_EVENT_USED };
	if (driver->events) {
		while (!(driver->events & 1u << bit)) {
			bit++;
		}
		driver->events &= ~(1u << bit);
		event->kind = (enum vmsg_driver_event_kind)bit;
		fill_event(driver, event);
		return 1;
	}
	if (!driver->used) {
		return 0;
	}
	while (!(driver->used & 1u << bit)) {
		bit++;
	}
	driver->used &= ~(1u << bit);
	event->queue = bit;
	return 1;
}

/* ---- time ---- */

uint64_t vmsg_driver_deadline(const struct vmsg_driver *driver)
{
	if (driver->retry_ns) {
		return driver->retry_ns;
	}
	return driver->request.used ? driver->request.deadline_ns : UINT64_MAX;
}

void vmsg_driver_tick(struct vmsg_driver *driver, uint64_t now_ns)
{
	driver->now_ns = now_ns;
	if (driver->request.used && driver->request.deadline_ns <= now_ns) {
		end_request(driver, VMSG_ERROR_TIMEOUT);
	} else if (driver->retry_ns && driver->retry_ns <= now_ns) {
		driver->retry_ns = 0;
		vmsg_driver_ask(driver, (enum vmsg_driver_step)driver->step,
				VMSG_GET_DEVICE_STATUS);
	}
}
