/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front-end machine: one operation at a time, one request of it in flight. `step` says which
 * answer is awaited; each answer is checked against what was asked, and moves on or fails the
 * driver. Kicks and events are bitmaps: they coalesce and cannot overflow. (wire-revisions 6.1)
 */
#include "virtio_msg_ffa/driver.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "bytes.h"

#define DEFAULT_TIMEOUT_NS 5000000000ull
#define RESET_POLL_NS      1000000ull /* between looks at a status that is not 0 yet */
#define CONFIG_TRIES       16
#define CONFIG_FIXED       12u
#define FIRST_TOKEN        2u

/* The driver's own bits once features are agreed. What the device reports is never written back. */
#define AGREED (VMSG_STATUS_ACKNOWLEDGE | VMSG_STATUS_DRIVER | VMSG_STATUS_FEATURES_OK)

enum step {
	STEP_NONE,
	/* the start, in this order */
	STEP_INFO,
	STEP_START_RESET,
	STEP_ACKNOWLEDGE,
	STEP_DRIVER,
	STEP_GET_FEATURES,
	STEP_SET_FEATURES,
	STEP_FEATURES_OK,
	STEP_QUEUES,
	/* operations */
	STEP_SET_QUEUE,
	STEP_CONFIRM_QUEUE,
	STEP_RESET_QUEUE,
	STEP_DRIVER_OK,
	STEP_READ_CONFIG,
	STEP_WRITE_CONFIG,
	STEP_SHM,
	STEP_RESET,
};

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

static void tell(struct vmsg_driver *driver, enum vmsg_driver_event_kind kind)
{
	driver->events |= 1u << kind;
}

static void fail(struct vmsg_driver *driver, enum vmsg_type type, int error)
{
	driver->state = VMSG_DRIVER_FAILED;
	driver->step = STEP_NONE;
	driver->request.used = false;
	driver->out_due = false;
	driver->retry_ns = 0;
	driver->error = error;
	driver->failed_type = type;
	tell(driver, VMSG_DRIVER_EVENT_FAILED);
}

/* ---- what is asked ---- */

/* Makes a request of `type` and `step` the one in flight; its body is the caller's to fill. */
static struct vmsg_message *ask(struct vmsg_driver *driver, enum step step, enum vmsg_type type)
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

static void ask_status(struct vmsg_driver *driver, enum step step, uint8_t status)
{
	ask(driver, step, VMSG_SET_DEVICE_STATUS)->body.set_device_status_request.status = status;
}

/* Blocks that are offered and that we can hold. */
static uint32_t block_count(const struct vmsg_driver *driver)
{
	const uint32_t count = driver->info.num_feature_blocks;

	return count < VMSG_FEATURE_BLOCKS_MAX ? count : VMSG_FEATURE_BLOCKS_MAX;
}

static void ask_features(struct vmsg_driver *driver)
{
	struct vmsg_get_features_request *request =
		&ask(driver, STEP_GET_FEATURES, VMSG_GET_DEVICE_FEATURES)
			 ->body.get_device_features_request;

	request->block_index = 0;
	request->num_blocks = block_count(driver);
}

/* What is wanted of a block: the caller's choice, what the machine itself stands for, and never
 * what EVENT_AVAIL has no place for. */
static uint32_t wanted_features(const struct vmsg_driver *driver, uint32_t block)
{
	uint32_t bits = driver->options.features[block];

	if (block == VMSG_F_VERSION_1 / 32) {
		bits |= 1u << VMSG_F_VERSION_1 % 32 | 1u << VMSG_F_ACCESS_PLATFORM % 32;
		bits &= ~(1u << VMSG_F_NOTIF_CONFIG_DATA % 32);
	}
	return bits;
}

static void ask_set_features(struct vmsg_driver *driver)
{
	const uint32_t count = block_count(driver);

	for (uint32_t i = 0; i < count; i++) {
		driver->features[i] = driver->offered[i] & wanted_features(driver, i);
		vmsg_store_le32(driver->out_data + (size_t)i * 4, driver->features[i]);
	}
	ask(driver, STEP_SET_FEATURES, VMSG_SET_DRIVER_FEATURES)->body.set_driver_features_request =
		(struct vmsg_features){
			.num_blocks = count,
			.features = { driver->out_data, (size_t)count * 4 },
		};
}

static void ask_queue(struct vmsg_driver *driver, enum step step, uint32_t index)
{
	driver->step_index = index;
	ask(driver, step, VMSG_GET_VQUEUE)->body.get_vqueue_request.index = index;
}

/* The next piece of a config read: what is left, as far as one message carries it. */
static void ask_config(struct vmsg_driver *driver)
{
	const uint32_t room = driver->options.frame_size_max -
			      driver->options.profile->header_size - CONFIG_FIXED;
	const uint32_t left = driver->config_length - driver->config_done;
	struct vmsg_get_config_request *request =
		&ask(driver, STEP_READ_CONFIG, VMSG_GET_CONFIG)->body.get_config_request;

	request->offset = driver->config_offset + driver->config_done;
	request->length = left < room ? left : room;
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

int vmsg_driver_start(struct vmsg_driver *driver, uint64_t now_ns)
{
	driver->now_ns = now_ns;
	if (driver->state != VMSG_DRIVER_IDLE && driver->state != VMSG_DRIVER_FAILED) {
		return VMSG_ERROR_STATE;
	}
	driver->state = VMSG_DRIVER_STARTING;
	driver->error = 0;
	driver->events = 0;
	driver->used = 0;
	driver->kicks = 0;
	driver->status = 0;
	memset(driver->queues, 0, sizeof(driver->queues));
	memset(driver->offered, 0, sizeof(driver->offered));
	memset(driver->features, 0, sizeof(driver->features));
	ask(driver, STEP_INFO, VMSG_GET_DEVICE_INFO);
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
	driver->step_index = index;
	ask(driver, STEP_SET_QUEUE, VMSG_SET_VQUEUE)->body.set_vqueue_request =
		(struct vmsg_set_vqueue_request){
			.index = index,
			.flags = driver->options.profile->has_queue_flags ? VMSG_SET_VQUEUE_ENABLE
									  : 0,
			.size = layout->size,
			.desc_addr = layout->desc_addr,
			.driver_addr = layout->driver_addr,
			.device_addr = layout->device_addr,
		};
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
	driver->used &= ~(1u << index);
	driver->step_index = index;
	ask(driver, STEP_RESET_QUEUE, VMSG_RESET_VQUEUE)->body.reset_vqueue_request.index = index;
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
	ask_status(driver, STEP_DRIVER_OK, AGREED | VMSG_STATUS_DRIVER_OK);
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
	ask_config(driver);
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
	ask(driver, STEP_WRITE_CONFIG, VMSG_SET_CONFIG)->body.set_config_request =
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
	ask(driver, STEP_SHM, VMSG_GET_SHM)->body.get_shm_request.index = shmid;
	return 0;
}

int vmsg_driver_reset(struct vmsg_driver *driver, uint64_t now_ns)
{
	driver->now_ns = now_ns;
	if (driver->state == VMSG_DRIVER_IDLE || driver->state == VMSG_DRIVER_RESETTING) {
		return VMSG_ERROR_STATE;
	}
	/* whatever was under way is over: its answer will be late */
	driver->state = VMSG_DRIVER_RESETTING;
	driver->events = 0;
	driver->kicks = 0;
	driver->used = 0;
	driver->retry_ns = 0;
	driver->give_up_ns = now_ns + driver->options.request_timeout_ns;
	ask_status(driver, STEP_RESET, 0);
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
	driver->kicks |= 1u << index;
	driver->kick_next[index] =
		vmsg_driver_has_feature(driver, VMSG_F_NOTIFICATION_DATA) ? next : 0;
	return 0;
}

/* ---- answers ---- */

static int info_answer(struct vmsg_driver *driver, const struct vmsg_message *in)
{
	const struct vmsg_get_device_info_response *info = &in->body.get_device_info_response;
	const bool admin_ok = info->admin_vq_count == 0
				      ? info->admin_vq_start == 0
				      : info->admin_vq_start <= info->max_virtqueues &&
						info->admin_vq_count <=
							info->max_virtqueues - info->admin_vq_start;

	if (info->device_id == 0 || info->num_feature_blocks == 0 ||
	    (driver->options.profile->has_queue_flags &&
	     (!admin_ok || info->max_virtqueues > 65536))) {
		return VMSG_ERROR_PEER;
	}
	driver->info = *info;
	driver->give_up_ns = driver->now_ns + driver->options.request_timeout_ns;
	ask_status(driver, STEP_START_RESET, 0);
	return 0;
}

/* A status of 0 ends a reset; any other is looked at again, until we give up. */
static int reset_answer(struct vmsg_driver *driver, uint32_t status)
{
	if (status != 0) {
		if (driver->now_ns >= driver->give_up_ns) {
			return VMSG_ERROR_TIMEOUT;
		}
		driver->retry_ns = driver->now_ns + RESET_POLL_NS;
		return 0;
	}
	driver->status = 0;
	driver->retry_ns = 0;
	if (driver->step == STEP_START_RESET) {
		ask_status(driver, STEP_ACKNOWLEDGE, VMSG_STATUS_ACKNOWLEDGE);
		return 0;
	}
	driver->step = STEP_NONE;
	driver->state = VMSG_DRIVER_IDLE;
	memset(driver->queues, 0, sizeof(driver->queues));
	tell(driver, VMSG_DRIVER_EVENT_RESET_DONE);
	return 0;
}

static void ask_next_queue(struct vmsg_driver *driver, uint32_t index)
{
	if (index < driver->info.max_virtqueues && index < VMSG_DEVICE_QUEUES_MAX) {
		ask_queue(driver, STEP_QUEUES, index);
		return;
	}
	driver->step = STEP_NONE;
	driver->state = VMSG_DRIVER_CONFIGURABLE;
	tell(driver, VMSG_DRIVER_EVENT_CONFIGURABLE);
}

/* The status that we wrote must be there, and no sign of trouble. */
static int status_answer(struct vmsg_driver *driver, uint32_t status)
{
	const uint8_t wanted = (uint8_t)driver->out.body.set_device_status_request.status;

	if (driver->step == STEP_START_RESET || driver->step == STEP_RESET) {
		return reset_answer(driver, status);
	}
	if (status > 0xff || (status & wanted) != wanted || status & VMSG_STATUS_FAILED) {
		return VMSG_ERROR_PEER;
	}
	driver->status = (uint8_t)status;
	if (status & VMSG_STATUS_NEEDS_RESET) {
		tell(driver, VMSG_DRIVER_EVENT_NEEDS_RESET);
	}
	switch ((enum step)driver->step) {
	case STEP_ACKNOWLEDGE:
		ask_status(driver, STEP_DRIVER, wanted | VMSG_STATUS_DRIVER);
		break;
	case STEP_DRIVER:
		ask_features(driver);
		break;
	case STEP_FEATURES_OK:
		ask_next_queue(driver, 0);
		break;
	default: /* STEP_DRIVER_OK */
		driver->step = STEP_NONE;
		driver->state = VMSG_DRIVER_RUNNING;
		tell(driver, VMSG_DRIVER_EVENT_RUNNING);
		break;
	}
	return 0;
}

static int features_answer(struct vmsg_driver *driver, const struct vmsg_message *in)
{
	const struct vmsg_features *answer = &in->body.get_device_features_response;
	const uint32_t count = block_count(driver);

	if (answer->block_index != 0 || answer->num_blocks != count) {
		return VMSG_ERROR_PEER;
	}
	for (uint32_t i = 0; i < count; i++) {
		driver->offered[i] = vmsg_feature_block(&answer->features, i);
	}
	if (!(driver->offered[VMSG_F_VERSION_1 / 32] & 1u << VMSG_F_VERSION_1 % 32)) {
		return VMSG_ERROR_PEER; /* a legacy device cannot be behind virtio-msg */
	}
	ask_set_features(driver);
	return 0;
}

/* What GET_VQUEUE says of a queue that we have just set up must be what we asked for. */
static bool confirms(const struct vmsg_driver *driver,
		     const struct vmsg_get_vqueue_response *answer)
{
	const struct vmsg_vq_layout *layout = &driver->queues[driver->step_index].layout;

	return (!driver->options.profile->has_queue_flags || answer->flags & VMSG_VQUEUE_ENABLED) &&
	       answer->cur_size == layout->size && answer->desc_addr == layout->desc_addr &&
	       answer->driver_addr == layout->driver_addr &&
	       answer->device_addr == layout->device_addr;
}

static int queue_answer(struct vmsg_driver *driver, const struct vmsg_message *in)
{
	const struct vmsg_get_vqueue_response *answer = &in->body.get_vqueue_response;
	const uint32_t index = driver->step_index;

	if (answer->index != index || answer->max_size > VMSG_QUEUE_SIZE_MAX) {
		return VMSG_ERROR_PEER;
	}
	if (driver->step == STEP_QUEUES) {
		driver->queues[index].max_size = answer->max_size;
		ask_next_queue(driver, index + 1);
		return 0;
	}
	if (!confirms(driver, answer)) {
		return VMSG_ERROR_PEER;
	}
	driver->queues[index].ready = true;
	driver->step = STEP_NONE;
	driver->event_queue = index;
	tell(driver, VMSG_DRIVER_EVENT_QUEUE_READY);
	return 0;
}

static int config_answer(struct vmsg_driver *driver, const struct vmsg_message *in)
{
	const struct vmsg_config *answer = &in->body.get_config_response;
	const struct vmsg_get_config_request *asked = &driver->out.body.get_config_request;

	if (answer->offset != asked->offset || answer->length != asked->length) {
		return VMSG_ERROR_PEER;
	}
	if (driver->config_done && answer->generation != driver->config_generation) {
		/* it changed between two pieces: what we have is torn */
		if (++driver->config_tries >= CONFIG_TRIES) {
			return VMSG_ERROR_AGAIN;
		}
		driver->config_done = 0;
		ask_config(driver);
		return 0;
	}
	driver->config_generation = answer->generation;
	if (answer->length) {
		memcpy(driver->options.config_buffer + driver->config_done, answer->data.data,
		       answer->length);
	}
	driver->config_done += answer->length;
	if (driver->config_done < driver->config_length) {
		ask_config(driver);
		return 0;
	}
	driver->step = STEP_NONE;
	tell(driver, VMSG_DRIVER_EVENT_CONFIG);
	return 0;
}

static int write_answer(struct vmsg_driver *driver, const struct vmsg_message *in)
{
	const struct vmsg_config *answer = &in->body.set_config_response;

	if (answer->offset != driver->config_offset ||
	    (answer->length != 0 && answer->length != driver->write_data.size)) {
		return VMSG_ERROR_PEER;
	}
	const bool refused = answer->length == 0 && driver->write_data.size != 0;
	driver->config_generation = answer->generation;
	driver->write_error = refused ? VMSG_ERROR_PEER : 0;
	driver->step = STEP_NONE;
	tell(driver, VMSG_DRIVER_EVENT_CONFIG_WRITTEN);
	return 0;
}

/* One answer to what was asked; < 0 fails the driver. */
static int take_answer(struct vmsg_driver *driver, const struct vmsg_message *in)
{
	switch (in->header.type) {
	case VMSG_GET_DEVICE_INFO:
		return info_answer(driver, in);
	case VMSG_SET_DEVICE_STATUS:
		return status_answer(driver, in->body.set_device_status_response.status);
	case VMSG_GET_DEVICE_STATUS: /* only a slow reset asks */
		return reset_answer(driver, in->body.get_device_status_response.status);
	case VMSG_GET_DEVICE_FEATURES:
		return features_answer(driver, in);
	case VMSG_SET_DRIVER_FEATURES:
		ask_status(driver, STEP_FEATURES_OK, AGREED);
		return 0;
	case VMSG_GET_VQUEUE:
		return queue_answer(driver, in);
	case VMSG_SET_VQUEUE: /* says nothing; GET_VQUEUE is the proof */
		ask_queue(driver, STEP_CONFIRM_QUEUE, driver->step_index);
		return 0;
	case VMSG_RESET_VQUEUE:
		driver->step = STEP_NONE;
		driver->event_queue = driver->step_index;
		tell(driver, VMSG_DRIVER_EVENT_QUEUE_RESET);
		return 0;
	case VMSG_GET_CONFIG:
		return config_answer(driver, in);
	case VMSG_SET_CONFIG:
		return write_answer(driver, in);
	case VMSG_GET_SHM:
		if (in->body.get_shm_response.shmid != driver->step_index) {
			return VMSG_ERROR_PEER;
		}
		driver->shm = in->body.get_shm_response;
		driver->step = STEP_NONE;
		tell(driver, VMSG_DRIVER_EVENT_SHM);
		return 0;
	default:
		return VMSG_ERROR_PEER;
	}
}

static int take_response(struct vmsg_driver *driver, const struct vmsg_message *in)
{
	const struct vmsg_driver_request *request = &driver->request;

	if (!request->used || driver->out_due || request->type != in->header.type ||
	    request->token != in->header.token) {
		driver->late++;
		return VMSG_ERROR_STATE;
	}
	driver->request.used = false;
	const int error = take_answer(driver, in);
	if (error < 0) {
		fail(driver, in->header.type, error);
	}
	return error;
}

/* ---- events of the device ---- */

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
			tell(driver, VMSG_DRIVER_EVENT_NEEDS_RESET);
		} else {
			tell(driver, VMSG_DRIVER_EVENT_CONFIG_CHANGED);
		}
		return 0;
	case VMSG_EVENT_CONFIG_EMPTY:
		tell(driver, VMSG_DRIVER_EVENT_CONFIG_CHANGED);
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

void vmsg_driver_request_failed(struct vmsg_driver *driver, uint64_t now_ns, enum vmsg_type type,
				uint16_t token, int error)
{
	driver->now_ns = now_ns;
	if (driver->request.used && driver->request.type == type &&
	    driver->request.token == token) {
		fail(driver, type, error);
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
		fail(driver, driver->request.type, VMSG_ERROR_TIMEOUT);
	} else if (driver->retry_ns && driver->retry_ns <= now_ns) {
		driver->retry_ns = 0;
		ask(driver, (enum step)driver->step, VMSG_GET_DEVICE_STATUS);
	}
}
