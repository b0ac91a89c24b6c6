/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers of the device to the front-end machine. Each is checked against what was asked, and then
 * either asks for the next thing or ends the operation; an error fails the driver and changes
 * nothing else. (wire-revisions 6.1)
 */
#include "driver.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "bytes.h"
#include "port.h"

#define RESET_POLL_NS 1000000ull /* between looks at a status that is not 0 yet */
#define CONFIG_TRIES  16

/* Blocks that are offered and that we can hold. */
static uint32_t block_count(const struct vmsg_driver *driver)
{
	const uint32_t count = driver->info.num_feature_blocks;

	return count < VMSG_FEATURE_BLOCKS_MAX ? count : VMSG_FEATURE_BLOCKS_MAX;
}

static void ask_features(struct vmsg_driver *driver)
{
	struct vmsg_get_features_request *request =
		&vmsg_driver_ask(driver, STEP_GET_FEATURES, VMSG_GET_DEVICE_FEATURES)
			 ->body.get_device_features_request;

	request->block_index = 0;
	request->num_blocks = block_count(driver);
}

/* What is wanted of a block: the caller's choice, what the machine itself stands for, and never
 * what EVENT_AVAIL has no place for, or what no queue can be. */
static uint32_t wanted_features(const struct vmsg_driver *driver, uint32_t block)
{
	uint32_t bits = driver->options.features[block];

	if (block == VMSG_F_VERSION_1 / 32) {
		bits |= 1u << VMSG_F_VERSION_1 % 32 | 1u << VMSG_F_ACCESS_PLATFORM % 32;
		bits &= ~(1u << VMSG_F_NOTIF_CONFIG_DATA % 32);
		if (!VMSG_QUEUE_PACKED) {
			bits &= ~(1u << VMSG_F_RING_PACKED % 32);
		}
	}
	return bits;
}

static void ask_set_features(struct vmsg_driver *driver)
{
	const uint32_t count = block_count(driver);

	for (uint32_t i = 0; i < count; i++) {
		driver->features[i] = driver->restoring
					      ? driver->kept[i]
					      : driver->offered[i] & wanted_features(driver, i);
		vmsg_store_le32(driver->out_data + (size_t)i * 4, driver->features[i]);
	}
	vmsg_driver_ask(driver, STEP_SET_FEATURES, VMSG_SET_DRIVER_FEATURES)
		->body.set_driver_features_request = (struct vmsg_features){
		.num_blocks = count,
		.features = { driver->out_data, (size_t)count * 4 },
	};
}

static void ask_queue(struct vmsg_driver *driver, enum vmsg_driver_step step, uint32_t index)
{
	driver->step_index = index;
	vmsg_driver_ask(driver, step, VMSG_GET_VQUEUE)->body.get_vqueue_request.index = index;
}

static int info_answer(struct vmsg_driver *driver, const struct vmsg_message *in)
{
	const struct vmsg_get_device_info_response *info = &in->body.get_device_info_response;
	const bool admin_ok = info->admin_vq_count == 0
				      ? info->admin_vq_start == 0
				      : info->admin_vq_start <= info->max_virtqueues &&
						info->admin_vq_count <=
							info->max_virtqueues - info->admin_vq_start;

	if (driver->restoring &&
	    (info->device_id != driver->info.device_id ||
	     info->vendor_id != driver->info.vendor_id ||
	     info->max_virtqueues != driver->info.max_virtqueues ||
	     memcmp(info->device_uuid, driver->info.device_uuid, sizeof(info->device_uuid)) != 0)) {
		return VMSG_ERROR_PEER; /* another device under the same number */
	}
	if (info->device_id == 0 || info->num_feature_blocks == 0 ||
	    (driver->options.profile->has_queue_flags &&
	     (!admin_ok || info->max_virtqueues > 65536))) {
		return VMSG_ERROR_PEER;
	}
	driver->info = *info;
	driver->give_up_ns = driver->now_ns + driver->options.request_timeout_ns;
	vmsg_driver_ask_status(driver, STEP_START_RESET, 0);
	return 0;
}

/* The device is reset; its queues are remembered. */
static void freeze(struct vmsg_driver *driver)
{
	for (size_t i = 0; i < VMSG_DEVICE_QUEUES_MAX; i++) {
		driver->queues[i].kept = driver->queues[i].ready;
		driver->queues[i].ready = false;
	}
	driver->freezing = false;
	driver->state = VMSG_DRIVER_FROZEN;
	vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_FROZEN);
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
		vmsg_driver_ask_status(driver, STEP_ACKNOWLEDGE, VMSG_STATUS_ACKNOWLEDGE);
		return 0;
	}
	driver->step = STEP_NONE;
	if (driver->freezing) {
		freeze(driver);
		return 0;
	}
	driver->state = VMSG_DRIVER_IDLE;
	memset(driver->queues, 0, sizeof(driver->queues));
	vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_RESET_DONE);
	return 0;
}

/* Sets up the first queue from `index` on that was there before, then the rest of it. */
static void restore_next_queue(struct vmsg_driver *driver, uint32_t index)
{
	while (index < VMSG_DEVICE_QUEUES_MAX && !driver->queues[index].kept) {
		index++;
	}
	if (index < VMSG_DEVICE_QUEUES_MAX) {
		vmsg_driver_ask_queue_setup(driver, index);
	} else if (driver->was_running) {
		driver->state = VMSG_DRIVER_FINISHING;
		vmsg_driver_ask_status(driver, STEP_DRIVER_OK,
				       VMSG_DRIVER_AGREED | VMSG_STATUS_DRIVER_OK);
	} else {
		driver->restoring = false;
		driver->step = STEP_NONE;
		driver->state = VMSG_DRIVER_CONFIGURABLE;
		vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_RESTORED);
	}
}

static void ask_next_queue(struct vmsg_driver *driver, uint32_t index)
{
	if (index < driver->info.max_virtqueues && index < VMSG_DEVICE_QUEUES_MAX) {
		ask_queue(driver, STEP_QUEUES, index);
		return;
	}
	if (driver->restoring) {
		restore_next_queue(driver, 0);
		return;
	}
	driver->step = STEP_NONE;
	driver->state = VMSG_DRIVER_CONFIGURABLE;
	vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_CONFIGURABLE);
}

/* The status that we wrote must be there, and no sign of trouble. */
static int status_answer(struct vmsg_driver *driver, uint32_t status)
{
	const uint8_t wanted = (uint8_t)driver->out.body.set_device_status_request.status;

	if (driver->step == STEP_GIVE_UP) {
		driver->step = STEP_NONE;
		return 0;
	}
	if (driver->step == STEP_START_RESET || driver->step == STEP_RESET) {
		return reset_answer(driver, status);
	}
	if (status > 0xff || (status & wanted) != wanted || status & VMSG_STATUS_FAILED) {
		return VMSG_ERROR_PEER;
	}
	driver->status = (uint8_t)status;
	if (status & VMSG_STATUS_NEEDS_RESET) {
		vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_NEEDS_RESET);
	}
	switch ((enum vmsg_driver_step)driver->step) {
	case STEP_ACKNOWLEDGE:
		vmsg_driver_ask_status(driver, STEP_DRIVER, wanted | VMSG_STATUS_DRIVER);
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
		vmsg_driver_tell(driver, driver->restoring ? VMSG_DRIVER_EVENT_RESTORED
							   : VMSG_DRIVER_EVENT_RUNNING);
		driver->restoring = false;
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
	for (uint32_t i = 0; driver->restoring && i < VMSG_FEATURE_BLOCKS_MAX; i++) {
		if (driver->kept[i] & ~driver->offered[i]) {
			return VMSG_ERROR_PEER;
		}
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
		if (driver->queues[index].kept && driver->restoring &&
		    driver->queues[index].layout.size > answer->max_size) {
			return VMSG_ERROR_PEER;
		}
		ask_next_queue(driver, index + 1);
		return 0;
	}
	if (!confirms(driver, answer)) {
		return VMSG_ERROR_PEER;
	}
	driver->queues[index].ready = true;
	if (driver->restoring) {
		restore_next_queue(driver, index + 1);
		return 0;
	}
	driver->step = STEP_NONE;
	driver->event_queue = index;
	vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_QUEUE_READY);
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
		vmsg_driver_ask_config(driver);
		return 0;
	}
	driver->config_generation = answer->generation;
	if (answer->length) {
		memcpy(driver->options.config_buffer + driver->config_done, answer->data.data,
		       answer->length);
	}
	driver->config_done += answer->length;
	if (driver->config_done < driver->config_length) {
		vmsg_driver_ask_config(driver);
		return 0;
	}
	driver->step = STEP_NONE;
	vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_CONFIG);
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
	vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_CONFIG_WRITTEN);
	return 0;
}

int vmsg_driver_take_answer(struct vmsg_driver *driver, const struct vmsg_message *in)
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
		vmsg_driver_ask_status(driver, STEP_FEATURES_OK, VMSG_DRIVER_AGREED);
		return 0;
	case VMSG_GET_VQUEUE:
		return queue_answer(driver, in);
	case VMSG_SET_VQUEUE: /* says nothing; GET_VQUEUE is the proof */
		ask_queue(driver, STEP_CONFIRM_QUEUE, driver->step_index);
		return 0;
	case VMSG_RESET_VQUEUE:
		driver->step = STEP_NONE;
		driver->event_queue = driver->step_index;
		vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_QUEUE_RESET);
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
		vmsg_driver_tell(driver, VMSG_DRIVER_EVENT_SHM);
		return 0;
	default:
		return VMSG_ERROR_PEER;
	}
}
