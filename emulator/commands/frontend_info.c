/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu frontend info: every device of the peer, for people and as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands/blk_driver.h"
#include "commands/commands.h"
#include "commands/frontend.h"
#include "commands/json.h"
#include "commands/names.h"
#include "devices/names.h"
#include "virtio_msg_ffa/proto.h"

#define FEATURE_BITS (VMSG_FEATURE_BLOCKS_MAX * 32u)
#define UUID_TEXT    37

static void format_uuid(const uint8_t uuid[16], char text[UUID_TEXT])
{
	static const char layout[] = "xxxx-xx-xx-xx-xxxxxx";
	size_t at = 0;

	for (const char *c = layout; *c; c++) {
		if (*c == '-') {
			*text++ = '-';
		} else {
			snprintf(text, 3, "%02x", uuid[at++]);
			text += 2;
		}
	}
}

static bool has_bit(const uint32_t features[VMSG_FEATURE_BLOCKS_MAX], unsigned int bit)
{
	return features[bit / 32] >> bit % 32 & 1;
}

/* Fields that the device has: inside its config space, and not of a feature it lacks. */
static bool has_field(const struct session *session, const struct vmsg_virtio_field *field)
{
	return (uint32_t)field->offset + field->size <= session->driver.info.config_size &&
	       (field->feature < 0 ||
		has_bit(session->driver.offered, (unsigned int)field->feature));
}

/* ---- for people ---- */

static void print_features(const struct session *session)
{
	const struct vmsg_driver *driver = &session->driver;

	for (unsigned int bit = 0; bit < FEATURE_BITS; bit++) {
		const char *name = vmsg_virtio_feature_name(driver->info.device_id, bit);
		if (has_bit(driver->offered, bit)) {
			printf("    %-3u %s%s\n", bit, name ? name : "(no name)",
			       has_bit(driver->features, bit) ? "" : " (not used)");
		}
	}
}

static void print_bytes(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		printf("%02x", data[i]);
	}
	putchar('\n');
}

static void print_config(const struct session *session)
{
	size_t count;
	const struct vmsg_virtio_field *fields =
		vmsg_virtio_fields(session->driver.info.device_id, &count);
	const uint32_t size = session->driver.info.config_size;

	if (!fields && size > 0) {
		fputs("    ", stdout);
		print_bytes(session->config, size < SESSION_CONFIG_MAX ? size : SESSION_CONFIG_MAX);
	}
	for (size_t i = 0; fields && i < count; i++) {
		if (!has_field(session, &fields[i])) {
			continue;
		}
		printf("    %s = ", fields[i].name);
		if (fields[i].is_bytes) {
			print_bytes(session->config + fields[i].offset, fields[i].size);
		} else {
			printf("%" PRIu64 "\n",
			       session_config(session, fields[i].offset, fields[i].size));
		}
	}
}

static void print_device(const struct session *session, const char *serial)
{
	const struct vmsg_get_device_info_response *info = &session->driver.info;
	const char *name = vmsg_virtio_device_name(info->device_id);
	char uuid[UUID_TEXT];

	format_uuid(info->device_uuid, uuid);
	printf("\ndevice %u: %s\n", session->driver.options.dev_num, name ? name : "unknown");
	printf("  virtio device type %" PRIu32 ", vendor 0x%04" PRIx32 ", uuid %s\n",
	       info->device_id, info->vendor_id, uuid);
	if (serial) {
		printf("  serial '%s'\n", serial);
	}
	printf("  features\n");
	print_features(session);
	printf("  config, %" PRIu32 " bytes\n", info->config_size);
	print_config(session);
	for (uint32_t i = 0; i < info->max_virtqueues && i < VMSG_DEVICE_QUEUES_MAX; i++) {
		printf("  queue %" PRIu32 ": at most %" PRIu32 " entries\n", i,
		       session->driver.queues[i].max_size);
	}
}

static void print_session(const struct session *session)
{
	char features[NAMES_TEXT_SIZE];
	char ways[WAYS_TEXT_SIZE];

	printf("partition 0x%04x drives partition 0x%04x\n", session->endpoint.id, session->peer);
	printf("FF-A %u.%u, profile %s, messages of up to %u bytes\n",
	       session->endpoint.ffa_version >> 16, session->endpoint.ffa_version & 0xffff,
	       session->bus.profile->name, vmsg_bus_frame_size_max(&session->bus));
	printf("%s\n", ways_text(&session->bus, ways));
	printf("bus features %s\n", names_bus_features(session->bus.bus_features, features));
	printf("transport features %s\n",
	       names_transport_features(session->bus.transport_features, features));
}

/* ---- JSON ---- */

static void emit_features(const struct session *session, struct json *json, const char *key,
			  const uint32_t features[VMSG_FEATURE_BLOCKS_MAX])
{
	json_open(json, key, '[');
	for (unsigned int bit = 0; bit < FEATURE_BITS; bit++) {
		const char *name = vmsg_virtio_feature_name(session->driver.info.device_id, bit);
		if (!has_bit(features, bit)) {
			continue;
		}
		if (name) {
			json_text(json, NULL, name);
		} else {
			json_format(json, NULL, "%u", bit);
		}
	}
	json_close(json, ']');
}

static void emit_config(const struct session *session, struct json *json)
{
	size_t count;
	const struct vmsg_virtio_field *fields =
		vmsg_virtio_fields(session->driver.info.device_id, &count);
	const uint32_t size = session->driver.info.config_size;

	json_number(json, "config_size", size);
	json_open(json, "config", '{');
	for (size_t i = 0; fields && i < count; i++) {
		if (!has_field(session, &fields[i])) {
			continue;
		}
		if (fields[i].is_bytes) {
			json_hex(json, fields[i].name, session->config + fields[i].offset,
				 fields[i].size);
		} else {
			json_number(json, fields[i].name,
				    session_config(session, fields[i].offset, fields[i].size));
		}
	}
	json_close(json, '}');
	json_hex(json, "config_bytes", session->config,
		 size < SESSION_CONFIG_MAX ? size : SESSION_CONFIG_MAX);
}

static void emit_device(const struct session *session, struct json *json, const char *serial)
{
	const struct vmsg_get_device_info_response *info = &session->driver.info;
	const char *name = vmsg_virtio_device_name(info->device_id);
	char uuid[UUID_TEXT];

	format_uuid(info->device_uuid, uuid);
	json_open(json, NULL, '{');
	json_number(json, "device", session->driver.options.dev_num);
	json_number(json, "type", info->device_id);
	json_text(json, "name", name ? name : "unknown");
	json_number(json, "vendor", info->vendor_id);
	json_text(json, "uuid", uuid);
	if (serial) {
		json_text(json, "serial", serial);
	}
	emit_features(session, json, "features", session->driver.offered);
	emit_features(session, json, "agreed_features", session->driver.features);
	emit_config(session, json);
	json_open(json, "queues", '[');
	for (uint32_t i = 0; i < info->max_virtqueues && i < VMSG_DEVICE_QUEUES_MAX; i++) {
		json_open(json, NULL, '{');
		json_number(json, "index", i);
		json_number(json, "max_size", session->driver.queues[i].max_size);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

static void emit_session(const struct session *session, struct json *json)
{
	json_format(json, "partition", "0x%04x", session->endpoint.id);
	json_format(json, "peer", "0x%04x", session->peer);
	json_format(json, "ffa_version", "%u.%u", session->endpoint.ffa_version >> 16,
		    session->endpoint.ffa_version & 0xffff);
	json_text(json, "profile", session->bus.profile->name);
	ways_emit(&session->bus, json);
	json_number(json, "frame_size_max", vmsg_bus_frame_size_max(&session->bus));
	json_number(json, "bus_features", session->bus.bus_features);
	json_number(json, "transport_features", session->bus.transport_features);
}

/* ---- the job ---- */

static int start(struct session *session, void *context)
{
	const uint16_t *number = context;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = { 0 };

	/* Everything that has a name would be taken by somebody; we take what any driver does. */
	session_ring_features(features);
	return session_start_device(session, *number, features);
}

/* The serial of a disk is not in its config: it has to be asked for. */
static int show_disk(struct session *session, uint16_t number, struct json *json)
{
	struct blk_driver blk;
	int result = -1;

	if (blk_driver_open_number(&blk, session, number) == 0 && blk_driver_identify(&blk) == 0) {
		if (json) {
			emit_device(session, json, blk.serial);
		} else {
			print_device(session, blk.serial);
		}
		result = 0;
	}
	blk_driver_close(&blk);
	return result;
}

static int show_device(struct session *session, uint16_t number, struct json *json)
{
	if (session_retry(session, start, &number) != SESSION_OK) {
		return -1;
	}
	if (session->driver.info.device_id == VMSG_VIRTIO_BLK) {
		return show_disk(session, number, json);
	}
	if (json) {
		emit_device(session, json, NULL);
	} else {
		print_device(session, NULL);
	}
	return 0;
}

static int show_devices(struct session *session, struct json *json)
{
	for (size_t i = 0; i < SESSION_DEVICES_MAX; i++) {
		if (session->devices[i].present &&
		    show_device(session, session->devices[i].number, json) < 0) {
			return -1;
		}
	}
	return 0;
}

int frontend_info(const struct frontend_settings *settings)
{
	struct session *session = session_open(&settings->session);
	struct json json = { .comma = false };
	int result;

	if (!session) {
		return VMSG_EXIT_FAILED;
	}
	if (settings->json) {
		json_open(&json, NULL, '{');
		emit_session(session, &json);
		json_open(&json, "devices", '[');
		result = show_devices(session, &json);
		json_close(&json, ']');
		json_close(&json, '}');
		json_end(&json);
	} else {
		print_session(session);
		result = show_devices(session, NULL);
	}
	session_close(session);
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}
