/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UUIDs and messaging methods of a manifest. Binding 1.0 has lists in the root: four cells a UUID,
 * and one messaging method for all or one for each. Since 1.1 there is a node for each service,
 * with the UUID as text. In both forms the numbers are, as Hafnium and TF-A take them, the words
 * that go through registers w1 to w4: eight digits of the text are one of them.
 */
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "manifest/internal.h"

#define ROOT 0

#define UUID_SIZE      16
#define UUID_TEXT_SIZE 36

#define METHODS                                                                                    \
	(VMSG_FFA_PROPERTY_DIRECT_RECEIVE | VMSG_FFA_PROPERTY_DIRECT_SEND |                        \
	 VMSG_FFA_PROPERTY_INDIRECT | VMSG_FFA_PROPERTY_DIRECT2_RECEIVE |                          \
	 VMSG_FFA_PROPERTY_DIRECT2_SEND)

static const char method_rule[] =
	"it has bits 0 and 1 (receives, sends direct), 2 (indirect), 9 and 10 (direct 2)";

/* Manifest order: each word as its digits are written. Memory order: each word little-endian. */
static void swap_words(const uint8_t from[UUID_SIZE], uint8_t to[UUID_SIZE])
{
	for (size_t i = 0; i < UUID_SIZE; i++) {
		to[i] = from[i ^ 3];
	}
}

static void print_uuid(const uint8_t bytes[UUID_SIZE], char text[UUID_TEXT_SIZE + 1])
{
	size_t at = 0;

	for (size_t i = 0; i < UUID_SIZE; i++) {
		const bool is_group = i == 4 || i == 6 || i == 8 || i == 10;
		at += (size_t)snprintf(text + at, 4, "%s%02x", is_group ? "-" : "", bytes[i]);
	}
}

/* It is easily taken for text, and then nobody finds the partition. */
static void note_text(struct manifest *manifest, const uint8_t written[UUID_SIZE])
{
	static const struct vmsg_ffa_uuid roles[] = { VMSG_FFA_UUID_DEVICE_ROLE,
						      VMSG_FFA_UUID_DRIVER_ROLE };
	uint8_t swapped[UUID_SIZE];
	char is[UUID_TEXT_SIZE + 1];
	char should[UUID_TEXT_SIZE + 1];

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (memcmp(written, roles[i].bytes, UUID_SIZE) == 0) {
			swap_words(written, swapped);
			print_uuid(written, is);
			print_uuid(swapped, should);
			snprintf(manifest->note, sizeof(manifest->note),
				 "uuid has the virtio-msg %s role as text; manifests have register "
				 "words, for %s write %s",
				 i == 0 ? "device" : "driver", is, should);
		}
	}
}

static int add_service(const struct manifest_reader *reader, int node,
		       const uint8_t written[UUID_SIZE], uint32_t methods)
{
	struct spmc_partition_config *config = &reader->manifest->config;
	struct vmsg_ffa_uuid uuid;

	swap_words(written, uuid.bytes);
	if (vmsg_ffa_uuid_is_nil(&uuid)) {
		return manifest_fail(reader, node, "uuid", "is nil, which asks for everybody");
	}
	for (uint32_t i = 0; i < config->uuid_count; i++) {
		if (vmsg_ffa_uuid_equal(&uuid, &config->uuids[i])) {
			return manifest_fail(reader, node, "uuid",
					     "is there twice, as number %" PRIu32 " and %" PRIu32,
					     i, config->uuid_count);
		}
	}
	if (config->uuid_count == SPMC_UUIDS_MAX) {
		return manifest_fail(reader, node, "uuid", "is one too many: a partition has %d",
				     SPMC_UUIDS_MAX);
	}
	note_text(reader->manifest, written);
	config->messaging[config->uuid_count] = methods;
	config->uuids[config->uuid_count++] = uuid;
	config->properties |= methods;
	return 0;
}

static uint32_t load_cell(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* The list of messaging methods; at least one. */
static int read_methods(const struct manifest_reader *reader, int node, const uint8_t **methods,
			size_t *count)
{
	static const char name[] = "messaging-method";
	int size;

	*methods = fdt_getprop(reader->tree, node, name, &size);
	*count = 0;
	if (!*methods) {
		return manifest_fail(reader, node, name, "is missing: %s", method_rule);
	}
	if (size == 0 || size % 4 != 0) {
		return manifest_fail(reader, node, name, "has %d bytes, a number has 4", size);
	}
	*count = (size_t)size / 4;
	for (size_t i = 0; i < *count; i++) {
		const uint32_t value = load_cell(*methods + 4 * i);
		if (value & ~METHODS) {
			return manifest_fail(reader, node, name, "is 0x%" PRIx32 ": %s", value,
					     method_rule);
		}
	}
	return 0;
}

static int read_lists(const struct manifest_reader *reader)
{
	struct manifest *manifest = reader->manifest;
	const uint8_t *methods;
	size_t method_count;
	int size = 0;

	if (read_methods(reader, ROOT, &methods, &method_count) != 0) {
		return -1;
	}
	const uint8_t *uuids = fdt_getprop(reader->tree, ROOT, "uuid", &size);
	if (!uuids && manifest->is_secure) {
		return manifest_fail(reader, ROOT, "uuid",
				     "is missing: a secure partition has one or more");
	}
	if (uuids && (size == 0 || size % UUID_SIZE != 0)) {
		return manifest_fail(reader, ROOT, "uuid", "has %d bytes, each UUID has four cells",
				     size);
	}
	const size_t uuid_count = uuids ? (size_t)size / UUID_SIZE : 0;
	if (method_count != 1 && method_count != uuid_count) {
		return manifest_fail(reader, ROOT, "messaging-method",
				     "has %zu values for %zu UUIDs: it has one for all or one for "
				     "each",
				     method_count, uuid_count);
	}
	manifest->config.properties |= load_cell(methods);
	for (size_t i = 0; i < uuid_count; i++) {
		const size_t method = method_count == 1 ? 0 : i;
		if (add_service(reader, ROOT, uuids + UUID_SIZE * i,
				load_cell(methods + 4 * method)) != 0) {
			return -1;
		}
	}
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	const int lower = c | 0x20;
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* 00112233-4455-6677-8899-aabbccddeeff, in either case. */
static bool parse_uuid(const char text[UUID_TEXT_SIZE], uint8_t bytes[UUID_SIZE])
{
	size_t digits = 0;

	memset(bytes, 0, UUID_SIZE);
	for (size_t i = 0; i < UUID_TEXT_SIZE; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-') {
				return false;
			}
			continue;
		}
		const int digit = hex_digit(text[i]);
		if (digit < 0) {
			return false;
		}
		bytes[digits / 2] = (uint8_t)(bytes[digits / 2] << 4 | digit);
		digits++;
	}
	return true;
}

static int read_service(const struct manifest_reader *reader, int node)
{
	static const char rule[] = "it is text such as \"00112233-4455-6677-8899-aabbccddeeff\"";
	uint8_t written[UUID_SIZE];
	const uint8_t *methods;
	size_t method_count;
	int size = 0;

	const char *text = fdt_getprop(reader->tree, node, "uuid", &size);
	if (!text) {
		return manifest_fail(reader, node, "uuid", "is missing: %s", rule);
	}
	if (size != UUID_TEXT_SIZE + 1 || text[UUID_TEXT_SIZE] != '\0' ||
	    !parse_uuid(text, written)) {
		return manifest_fail(reader, node, "uuid", "has %d bytes and is no UUID: %s", size,
				     rule);
	}
	if (read_methods(reader, node, &methods, &method_count) != 0) {
		return -1;
	}
	if (method_count != 1) {
		return manifest_fail(reader, node, "messaging-method",
				     "has %zu values: a service has one", method_count);
	}
	return add_service(reader, node, written, load_cell(methods));
}

static int read_nodes(const struct manifest_reader *reader, int services)
{
	static const char compatible[] = "arm,ffa-manifest-services";
	int node;

	if (fdt_node_check_compatible(reader->tree, services, compatible) != 0) {
		return manifest_fail(reader, services, "compatible", "is not \"%s\"", compatible);
	}
	fdt_for_each_subnode(node, reader->tree, services)
	{
		if (read_service(reader, node) != 0) {
			return -1;
		}
	}
	if (reader->manifest->config.uuid_count == 0) {
		return manifest_fail(reader, services, NULL, "has no node for a service");
	}
	return 0;
}

int manifest_read_services(const struct manifest_reader *reader, uint32_t minor)
{
	const int services = fdt_subnode_offset(reader->tree, ROOT, "services");
	const bool has_lists = fdt_getprop(reader->tree, ROOT, "uuid", NULL) != NULL;

	if (minor == 0 || (services < 0 && has_lists)) {
		return read_lists(reader);
	}
	return services < 0 ? manifest_fail(reader, ROOT, NULL,
					    "the node services is missing: it has a node with uuid "
					    "and messaging-method for each service")
			    : read_nodes(reader, services);
}
