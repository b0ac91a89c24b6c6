/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The back-end machine: status, features, config, events. Queues are in device_queue.c. Every
 * handler goes state, fields, act, reply; what is refused changes nothing. Replies are built in
 * `reply`, their tails in `reply_data`.
 */
#include "device.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "bytes.h"

#define CONFIG_FIXED   12u /* generation, offset, length before the data */
#define EVENT_FIXED    16u
#define FEATURES_FIXED 8u
#define LEGACY_BLOCKS  2u /* 64 bits: all that r1 drivers take (Q7) */

/* Ring and transport features that the machine itself provides, by block. */
static const uint32_t own_features[VMSG_FEATURE_BLOCKS_MAX] = {
	1u << VMSG_F_INDIRECT_DESC | 1u << VMSG_F_EVENT_IDX,
	1u << (VMSG_F_VERSION_1 - 32) | 1u << (VMSG_F_ACCESS_PLATFORM - 32) |
		1u << (VMSG_F_RING_PACKED - 32) | 1u << (VMSG_F_RING_RESET - 32),
};

/* Those of them that are left where others run the rings. */
static const uint32_t bare_features[VMSG_FEATURE_BLOCKS_MAX] = {
	0,
	1u << (VMSG_F_VERSION_1 - 32) | 1u << (VMSG_F_ACCESS_PLATFORM - 32),
};

/* A status bit may be set only together with, or after, the bits it stands on. */
static const struct {
	uint8_t bit;
	uint8_t needs;
} status_moves[] = {
	{ VMSG_STATUS_DRIVER, VMSG_STATUS_ACKNOWLEDGE },
	{ VMSG_STATUS_FEATURES_OK, VMSG_STATUS_DRIVER },
	{ VMSG_STATUS_DRIVER_OK, VMSG_STATUS_FEATURES_OK },
};

/* Only between DRIVER and FEATURES_OK can features be chosen. */
#define NEGOTIATING      VMSG_STATUS_DRIVER
#define NEGOTIATING_MASK (VMSG_STATUS_DRIVER | VMSG_STATUS_FEATURES_OK)

#define DRIVER_BITS                                                                                \
	(VMSG_STATUS_ACKNOWLEDGE | VMSG_STATUS_DRIVER | VMSG_STATUS_FEATURES_OK |                  \
	 VMSG_STATUS_DRIVER_OK | VMSG_STATUS_FAILED)

static bool admin_queues_ok(const struct vmsg_device_info *info)
{
	return info->admin_vq_count == 0
		       ? info->admin_vq_start == 0
		       : info->admin_vq_start <= info->queue_count &&
				 info->admin_vq_count <= info->queue_count - info->admin_vq_start;
}

int vmsg_device_init(struct vmsg_device *device, uint16_t dev_num,
		     const struct vmsg_device_info *info, const struct vmsg_device_ops *ops,
		     void *context)
{
	*device = (struct vmsg_device){ 0 };
	if (!info || !ops || !ops->kick || info->queue_count > VMSG_DEVICE_QUEUES_MAX ||
	    info->queue_size_max == 0 || info->queue_size_max > VMSG_QUEUE_SIZE_MAX ||
	    (info->config_size && !ops->read_config) || !admin_queues_ok(info)) {
		return VMSG_ERROR_INVALID;
	}
	device->info = info;
	device->ops = ops;
	device->context = context;
	device->dev_num = dev_num;
	return 0;
}

/* Blocks that drivers of the session's dialect are told of. */
static uint32_t block_limit(const struct vmsg_device *device)
{
	return device->profile->has_queue_flags ? VMSG_FEATURE_BLOCKS_MAX : LEGACY_BLOCKS;
}

/* Bits of a block that must not be offered, whatever the device says. */
static uint32_t withheld(const struct vmsg_device *device, uint32_t block)
{
	uint32_t bits = 0;

	if (block == VMSG_F_NOTIF_CONFIG_DATA / 32) {
		bits = 1u << VMSG_F_NOTIF_CONFIG_DATA % 32; /* EVENT_AVAIL has no place for it */
		if (!device->profile->has_token) {
			/* drivers as old as these compute the data wrongly (Q8) */
			bits |= 1u << VMSG_F_NOTIFICATION_DATA % 32;
		}
	}
	if (!VMSG_QUEUE_PACKED && block == VMSG_F_RING_PACKED / 32) {
		bits |= 1u << VMSG_F_RING_PACKED % 32;
	}
	return bits;
}

/* The same before and after the driver's choice (O7). */
static uint32_t offered(const struct vmsg_device *device, uint32_t block)
{
	const uint32_t *own = device->info->has_foreign_rings ? bare_features : own_features;

	return block < block_limit(device)
		       ? (device->info->features[block] | own[block]) & ~withheld(device, block)
		       : 0;
}

bool vmsg_device_has_feature(const struct vmsg_device *device, unsigned int bit)
{
	return bit < VMSG_FEATURE_BLOCKS_MAX * 32u &&
	       device->driver_features[bit / 32] & 1u << bit % 32;
}

/* ---- reset, attach, detach ---- */

static void reset(struct vmsg_device *device)
{
	if (device->status == 0) {
		return; /* nothing has begun, and 0 must not be shown while it is not done */
	}
	vmsg_device_stop_queues(device);
	memset(device->driver_features, 0, sizeof(device->driver_features));
	device->features_bad = false;
	device->config_event = false;
	device->status_event = false;
	device->used_events = 0;
	device->again = 0;
	device->resetting = device->ops->reset && device->ops->reset(device->context) == 0;
	if (!device->resetting) {
		device->status = 0;
	}
}

void vmsg_device_reset_done(struct vmsg_device *device)
{
	if (device->resetting) {
		device->resetting = false;
		device->status = 0;
	}
}

/* Where being strict is offered and not agreed (no message tells the driver's choice), no
 * generation is 0: a write with 0 then is one of a driver of the baseline. */
static uint32_t generation_after(const struct vmsg_device *device, uint32_t generation)
{
	generation++;
	return generation == 0 && device->zero_is_baseline ? 1 : generation;
}

static bool is_stale(const struct vmsg_device *device, uint32_t generation)
{
	return device->strict_generation && generation != device->generation &&
	       !(generation == 0 && device->zero_is_baseline);
}

void vmsg_device_attach(struct vmsg_device *device, const struct vmsg_profile *profile,
			struct vmsg_memory *memory, uint16_t frame_size_max,
			uint32_t transport_features)
{
	vmsg_device_detach(device);
	device->profile = profile;
	device->memory = memory;
	device->frame_size_max = frame_size_max;
	device->zero_is_baseline = !profile->has_strict_generation &&
				   transport_features & VMSG_TRANSPORT_F_STRICT_CONFIG_GENERATION;
	device->strict_generation = profile->has_strict_generation || device->zero_is_baseline;
	if (device->generation == 0) {
		device->generation = generation_after(device, UINT32_MAX);
	}
}

void vmsg_device_detach(struct vmsg_device *device)
{
	reset(device);
	device->resetting = false;
	device->status = 0;
	device->reply_due = false;
	device->profile = NULL;
	device->memory = NULL;
}

/* ---- replies ---- */

static struct vmsg_message *begin_reply(struct vmsg_device *device, const struct vmsg_message *in)
{
	device->reply = (struct vmsg_message){ .header = in->header };
	device->reply.header.kind = VMSG_RESPONSE;
	device->reply_due = true;
	return &device->reply;
}

/* Bytes of tail that fit a frame behind `fixed` bytes of body: arithmetic, not the examples of the
 * drafts (O5). */
static uint32_t room_for(const struct vmsg_device *device, uint32_t fixed)
{
	const uint32_t used = device->profile->header_size + fixed;
	const uint32_t limit = device->frame_size_max < sizeof(device->reply_data)
				       ? device->frame_size_max
				       : (uint32_t)sizeof(device->reply_data);

	return limit > used ? limit - used : 0;
}

static void get_info(struct vmsg_device *device, const struct vmsg_message *in)
{
	const struct vmsg_device_info *info = device->info;
	uint32_t blocks = LEGACY_BLOCKS;

	for (uint32_t i = LEGACY_BLOCKS; i < block_limit(device); i++) {
		blocks = offered(device, i) ? i + 1 : blocks;
	}
	struct vmsg_get_device_info_response *reply =
		&begin_reply(device, in)->body.get_device_info_response;
	*reply = (struct vmsg_get_device_info_response){
		.device_id = info->device_id,
		.vendor_id = info->vendor_id,
		.num_feature_blocks = blocks,
		.config_size = info->config_size,
		.max_virtqueues = info->queue_count,
		.admin_vq_start = info->admin_vq_start,
		.admin_vq_count = info->admin_vq_count,
	};
	memcpy(reply->device_uuid, info->uuid, sizeof(reply->device_uuid));
}

/* ---- features ---- */

static int get_features(struct vmsg_device *device, const struct vmsg_message *in)
{
	const struct vmsg_get_features_request *request = &in->body.get_device_features_request;

	if (request->num_blocks > room_for(device, FEATURES_FIXED) / 4) {
		return VMSG_ERROR_RANGE;
	}
	for (uint32_t i = 0; i < request->num_blocks; i++) {
		/* an index near 2^32 must not wrap to our own blocks */
		const bool ours = request->block_index < VMSG_FEATURE_BLOCKS_MAX;
		vmsg_store_le32(device->reply_data + (size_t)i * 4,
				ours ? offered(device, request->block_index + i) : 0);
	}
	begin_reply(device, in)->body.get_device_features_response = (struct vmsg_features){
		.block_index = request->block_index,
		.num_blocks = request->num_blocks,
		.features = { device->reply_data, (size_t)request->num_blocks * 4 },
	};
	return 0;
}

static void set_features(struct vmsg_device *device, const struct vmsg_message *in)
{
	const struct vmsg_features *request = &in->body.set_driver_features_request;

	begin_reply(device, in);
	if (device->resetting || (device->status & NEGOTIATING_MASK) != NEGOTIATING) {
		return; /* no driver yet, or agreed already */
	}
	for (uint32_t i = 0; i < request->num_blocks; i++) {
		const uint32_t bits = vmsg_feature_block(&request->features, i);
		const uint64_t block = (uint64_t)request->block_index + i;
		if (block < VMSG_FEATURE_BLOCKS_MAX) {
			device->driver_features[block] = bits;
		} else if (bits) {
			device->features_bad = true;
		}
	}
}

static bool features_ok(const struct vmsg_device *device)
{
	for (uint32_t i = 0; i < VMSG_FEATURE_BLOCKS_MAX; i++) {
		if (device->driver_features[i] & ~offered(device, i)) {
			return false;
		}
	}
	return !device->features_bad && vmsg_device_has_feature(device, VMSG_F_VERSION_1) &&
	       (!device->ops->set_features ||
		device->ops->set_features(device->context, device->driver_features) >= 0);
}

/* ---- status ---- */

static bool may_become(const struct vmsg_device *device, uint32_t status)
{
	if (status > 0xff || (device->status & DRIVER_BITS & ~status)) {
		return false; /* bits are only ever added, except by reset */
	}
	for (size_t i = 0; i < sizeof(status_moves) / sizeof(status_moves[0]); i++) {
		if (status & status_moves[i].bit && !(status & status_moves[i].needs)) {
			return false;
		}
	}
	return true;
}

static void set_status(struct vmsg_device *device, const struct vmsg_message *in)
{
	const uint32_t wanted = in->body.set_device_status_request.status;

	if (wanted == 0) {
		reset(device);
	} else if (!device->resetting && may_become(device, wanted)) {
		uint8_t status = (uint8_t)(wanted & DRIVER_BITS);
		const bool agree = status & VMSG_STATUS_FEATURES_OK &&
				   !(device->status & VMSG_STATUS_FEATURES_OK);
		if (agree && !features_ok(device)) {
			/* the driver learns of the refusal by the missing bit */
			status &= (uint8_t) ~(VMSG_STATUS_FEATURES_OK | VMSG_STATUS_DRIVER_OK);
		}
		device->status = (uint8_t)(status | (device->status & VMSG_STATUS_NEEDS_RESET));
	}
	begin_reply(device, in)->body.set_device_status_response.status = device->status;
}

void vmsg_device_needs_reset(struct vmsg_device *device)
{
	if (!device->resetting && device->status & VMSG_STATUS_DRIVER &&
	    !(device->status & VMSG_STATUS_NEEDS_RESET)) {
		device->status |= VMSG_STATUS_NEEDS_RESET;
		device->status_event = true;
	}
}

/* ---- config ---- */

static bool config_range_ok(const struct vmsg_device *device, uint32_t offset, uint32_t length)
{
	return offset <= device->info->config_size &&
	       length <= device->info->config_size - offset &&
	       length <= room_for(device, CONFIG_FIXED);
}

/* Refuses a config request: with ERROR where the bus has it, else with a length of zero. */
static int refuse_config(struct vmsg_device *device, const struct vmsg_message *in, uint32_t offset)
{
	if (device->profile->has_error) {
		return VMSG_ERROR_RANGE;
	}
	begin_reply(device, in)->body.get_config_response = (struct vmsg_config){
		.generation = device->generation,
		.offset = offset,
	};
	return 0;
}

static int get_config(struct vmsg_device *device, const struct vmsg_message *in)
{
	const struct vmsg_get_config_request *request = &in->body.get_config_request;

	if (!config_range_ok(device, request->offset, request->length)) {
		return refuse_config(device, in, request->offset);
	}
	if (request->length) {
		device->ops->read_config(device->context, request->offset,
					 (struct vmsg_span){ device->reply_data, request->length });
	}
	begin_reply(device, in)->body.get_config_response = (struct vmsg_config){
		.generation = device->generation,
		.offset = request->offset,
		.length = request->length,
		.data = { device->reply_data, request->length },
	};
	return 0;
}

static int set_config(struct vmsg_device *device, const struct vmsg_message *in)
{
	const struct vmsg_config *request = &in->body.set_config_request;
	const bool may_write = !is_stale(device, request->generation) && !device->resetting &&
			       device->ops->write_config;
	struct vmsg_config reply = { .offset = request->offset };

	if (!config_range_ok(device, request->offset, request->length)) {
		return refuse_config(device, in, request->offset);
	}
	if (may_write && request->length &&
	    device->ops->write_config(device->context, request->offset, request->data) >= 0) {
		device->generation = generation_after(device, device->generation);
		reply.length = request->length;
		memcpy(device->reply_data, request->data.data, request->data.size);
		reply.data = (struct vmsg_bytes){ device->reply_data, request->data.size };
	}
	reply.generation = device->generation;
	begin_reply(device, in)->body.set_config_response = reply;
	return 0;
}

void vmsg_device_config_changed(struct vmsg_device *device, uint32_t offset, uint32_t length)
{
	device->generation = generation_after(device, device->generation);
	if (device->resetting || !(device->status & VMSG_STATUS_DRIVER)) {
		return; /* nobody to tell */
	}
	if (device->config_event) {
		/* two changes become one that covers both */
		device->coalesced++;
		const uint32_t end = device->changed_offset + device->changed_length;
		const uint32_t start =
			offset < device->changed_offset ? offset : device->changed_offset;
		const uint32_t last = offset + length > end ? offset + length : end;
		offset = start;
		length = last - start;
	}
	device->config_event = true;
	device->changed_offset = offset;
	device->changed_length = length;
}

/* ---- shared memory ---- */

static void get_shm(struct vmsg_device *device, const struct vmsg_message *in)
{
	const uint32_t shmid = in->body.get_shm_request.index;
	uint64_t length = 0;
	uint64_t address = 0;

	if (!device->ops->shm || device->ops->shm(device->context, shmid, &length, &address) < 0 ||
	    (!device->profile->has_queue_flags && (length > UINT32_MAX || address > UINT32_MAX))) {
		/* there is none, or its numbers are wider than the dialect's */
		length = 0;
		address = 0;
	}
	begin_reply(device, in)->body.get_shm_response = (struct vmsg_get_shm_response){
		.shmid = shmid,
		.length = length,
		.address = address,
	};
}

/* ---- input and output ---- */

static int serve_request(struct vmsg_device *device, const struct vmsg_message *in)
{
	switch (in->header.type) {
	case VMSG_GET_DEVICE_INFO:
		get_info(device, in);
		return 0;
	case VMSG_GET_DEVICE_FEATURES:
		return get_features(device, in);
	case VMSG_SET_DRIVER_FEATURES:
		set_features(device, in);
		return 0;
	case VMSG_GET_CONFIG:
		return get_config(device, in);
	case VMSG_SET_CONFIG:
		return set_config(device, in);
	case VMSG_GET_DEVICE_STATUS:
		begin_reply(device, in)->body.get_device_status_response.status = device->status;
		return 0;
	case VMSG_SET_DEVICE_STATUS:
		set_status(device, in);
		return 0;
	case VMSG_GET_VQUEUE:
		vmsg_device_get_vqueue(device, in->body.get_vqueue_request.index,
				       &begin_reply(device, in)->body.get_vqueue_response);
		return 0;
	case VMSG_SET_VQUEUE:
		vmsg_device_set_vqueue(device, &in->body.set_vqueue_request);
		begin_reply(device, in);
		return 0;
	case VMSG_RESET_VQUEUE:
		vmsg_device_reset_vqueue(device, in->body.reset_vqueue_request.index);
		begin_reply(device, in);
		return 0;
	case VMSG_GET_SHM:
		get_shm(device, in);
		return 0;
	default:
		return VMSG_ERROR_UNKNOWN_ID;
	}
}

int vmsg_device_input(struct vmsg_device *device, uint64_t now_ns, const struct vmsg_message *in)
{
	int error = VMSG_ERROR_STATE;

	(void)now_ns;
	if (device->reply_due) {
		return VMSG_ERROR_AGAIN;
	}
	if (device->profile && in->header.kind == VMSG_REQUEST) {
		error = serve_request(device, in);
	} else if (device->profile && in->header.type == VMSG_EVENT_AVAIL) {
		error = vmsg_device_kick(device, in->body.event_avail.vq_index);
	}
	device->refused += error < 0;
	return error;
}

int vmsg_device_output(struct vmsg_device *device, struct vmsg_message *out)
{
	if (!device->reply_due) {
		return 0;
	}
	*out = device->reply;
	device->reply_due = false;
	return 1;
}

bool vmsg_device_has_event(const struct vmsg_device *device)
{
	return device->profile &&
	       (device->config_event || device->status_event || device->used_events);
}

/* EVENT_CONFIG: with the data where it fits, since some drivers drop a range without (O10). */
static void config_event(struct vmsg_device *device, struct vmsg_message *out)
{
	struct vmsg_event_config *event = &out->body.event_config;
	const uint32_t offset = device->changed_offset;
	const uint32_t length = device->config_event ? device->changed_length : 0;

	out->header.type = VMSG_EVENT_CONFIG;
	*event = (struct vmsg_event_config){ .device_status = device->status };
	device->config_event = false; /* reading may change it again: that is another event */
	device->status_event = false;
	if (length && length <= room_for(device, EVENT_FIXED) &&
	    config_range_ok(device, offset, length)) {
		device->ops->read_config(device->context, offset,
					 (struct vmsg_span){ device->event_data, length });
		event->offset = offset;
		event->length = length;
		event->data = (struct vmsg_bytes){ device->event_data, length };
	}
	event->generation = device->generation;
}

int vmsg_device_event(struct vmsg_device *device, struct vmsg_message *out)
{
	if (!vmsg_device_has_event(device)) {
		return 0;
	}
	*out = (struct vmsg_message){
		.header = { .kind = VMSG_EVENT, .dev_num = device->dev_num },
	};
	if (device->config_event || device->status_event) {
		config_event(device, out);
		return 1;
	}
	uint32_t index = 0;
	while (!(device->used_events & 1u << index)) {
		index++;
	}
	device->used_events &= ~(1u << index);
	out->header.type = VMSG_EVENT_USED;
	out->body.event_used.vq_index = index;
	return 1;
}

uint64_t vmsg_device_deadline(const struct vmsg_device *device)
{
	return device->again ? 0 : UINT64_MAX;
}

void vmsg_device_tick(struct vmsg_device *device, uint64_t now_ns)
{
	uint32_t again = device->again;

	(void)now_ns;
	device->again = 0;
	for (uint32_t i = 0; again; i++, again >>= 1) {
		if (again & 1u) {
			(void)!vmsg_device_kick_queue(device, i);
		}
	}
}
