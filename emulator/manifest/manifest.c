/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One manifest. The tree is checked as a whole first, so that no walk of libfdt leaves it; then a
 * table says what each number may be. Properties that no partition manager in a process can give a
 * meaning to (load addresses, interrupts, regions) are checked where the binding says what they may
 * be, and otherwise left alone.
 */
#include "manifest/manifest.h"

#include <inttypes.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "manifest/internal.h"

#define ROOT 0

#define COMPATIBLE "arm,ffa-manifest-1."

enum exception_level { LEVEL_EL1 = 0, LEVEL_S_EL0 = 1, LEVEL_S_EL1 = 2, LEVEL_EL0 = 6 };

/* The numbers of the root node. */
enum number {
	EXCEPTION_LEVEL,
	EXECUTION_STATE,
	EXECUTION_CTX_COUNT,
	FFA_VERSION,
	ID,
	VM_AVAILABILITY_MESSAGES,
	XLAT_GRANULE,
	BOOT_ORDER,
	GP_REGISTER_NUM,
	NS_INTERRUPTS_ACTION,
	OTHER_S_INTERRUPTS_ACTION,
	RUN_TIME_MODEL,
	SRI_INTERRUPTS_POLICY,
	ABORT_ACTION,
	NUMBER_COUNT
};

static const struct {
	const char *name;
	bool is_mandatory;
	uint32_t least;
	uint32_t most;
	const char *rule;
} numbers[NUMBER_COUNT] = {
	[EXCEPTION_LEVEL] = { "exception-level", true, LEVEL_EL1, LEVEL_EL0,
			      "it is 0 (EL1), 1 (S-EL0), 2 (S-EL1) or 6 (EL0)" },
	[EXECUTION_STATE] = { "execution-state", true, 0, 1, "it is 0 (AArch64) or 1 (AArch32)" },
	[EXECUTION_CTX_COUNT] = { "execution-ctx-count", true, 1, SPMC_VCPUS_MAX,
				  "a partition has 1 to 64 execution contexts" },
	[FFA_VERSION] = { "ffa-version", true, VMSG_FFA_VERSION_1_0, VMSG_FFA_VERSION_1_3,
			  "it is 0x10000 to 0x10003 (1.0 to 1.3)" },
	[ID] = { "id", false, 1, UINT16_MAX,
		 "it is 1 to 0x7ffe for a VM, 0x8001 to 0xffbf for a secure partition" },
	[VM_AVAILABILITY_MESSAGES] = { "vm-availability-messages", false, 0, 3,
				       "it has bits 0 (created) and 1 (destroyed)" },
	[XLAT_GRANULE] = { "xlat-granule", false, 0, 2, "it is 0 (4K), 1 (16K) or 2 (64K)" },
	[BOOT_ORDER] = { "boot-order", false, 0, UINT16_MAX, "it is at most 0xffff" },
	[GP_REGISTER_NUM] = { "gp-register-num", false, 0, 7, "it is a register, 0 to 7" },
	[NS_INTERRUPTS_ACTION] = { "ns-interrupts-action", false, 0, 2,
				   "it is 0 (queued), 1 (managed exit) or 2 (signaled)" },
	[OTHER_S_INTERRUPTS_ACTION] = { "other-s-interrupts-action", false, 0, 1,
					"it is 0 (queued) or 1 (signaled)" },
	[RUN_TIME_MODEL] = { "run-time-model", false, 0, 1,
			     "it is 0 (run to completion) or 1 (preemptible)" },
	[SRI_INTERRUPTS_POLICY] = { "sri-interrupts-policy", false, 0, 3, "it has bits 0 and 1" },
	[ABORT_ACTION] = { "abort-action", false, 0, 3,
			   "it is 0 (stop), 1 (destroy), 2 (restart) or 3 (propagate)" },
};

/* What is true when it is there. */
enum flag { HAS_PRIMARY_SCHEDULER, NOTIFICATION_SUPPORT, FLAG_COUNT = NOTIFICATION_SUPPORT + 5 };

static const char *const flags[FLAG_COUNT] = {
	[HAS_PRIMARY_SCHEDULER] = "has-primary-scheduler",
	[NOTIFICATION_SUPPORT] = "notification-support",
	"managed-exit",
	"managed-exit-virq",
	"time-slice-mem",
	"lifecycle-support",
};

int manifest_fail(const struct manifest_reader *reader, int node, const char *property,
		  const char *format, ...)
{
	char path[128];
	char text[256];
	va_list arguments;

	if (fdt_get_path(reader->tree, node, path, sizeof(path)) != 0) {
		snprintf(path, sizeof(path), "a node");
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(reader->why, reader->why_size, "%s: %s:%s%s %s", reader->manifest->file, path,
		 property ? " " : "", property ? property : "", text);
	return -1;
}

/* A number of one or two cells; -1 when it is wrong, 0 when it is not there, 1. */
static int read_number(const struct manifest_reader *reader, const char *name, uint64_t *value)
{
	int size;
	const uint8_t *bytes = fdt_getprop(reader->tree, ROOT, name, &size);

	*value = 0;
	if (!bytes) {
		return 0;
	}
	if (size != 4 && size != 8) {
		return manifest_fail(reader, ROOT, name, "has %d bytes, a number has 4 or 8", size);
	}
	for (int i = 0; i < size; i++) {
		*value = *value << 8 | bytes[i];
	}
	return 1;
}

static int read_numbers(const struct manifest_reader *reader, uint32_t values[NUMBER_COUNT])
{
	for (size_t i = 0; i < NUMBER_COUNT; i++) {
		uint64_t value;
		const int found = read_number(reader, numbers[i].name, &value);
		if (found < 0) {
			return -1;
		}
		if (!found && numbers[i].is_mandatory) {
			return manifest_fail(reader, ROOT, numbers[i].name, "is missing: %s",
					     numbers[i].rule);
		}
		if (found && (value < numbers[i].least || value > numbers[i].most)) {
			return manifest_fail(reader, ROOT, numbers[i].name, "is %" PRIu64 ": %s",
					     value, numbers[i].rule);
		}
		values[i] = (uint32_t)value;
	}
	return 0;
}

static int read_flags(const struct manifest_reader *reader, bool values[FLAG_COUNT])
{
	for (size_t i = 0; i < FLAG_COUNT; i++) {
		int size;
		values[i] = fdt_getprop(reader->tree, ROOT, flags[i], &size) != NULL;
		if (values[i] && size != 0) {
			return manifest_fail(reader, ROOT, flags[i],
					     "has a value: it is true when it is there, whatever "
					     "its value");
		}
	}
	return 0;
}

/* The minor version of the binding in one of the strings of `compatible`. */
static int read_compatible(const struct manifest_reader *reader, uint32_t *minor)
{
	int size = 0;
	const char *text = fdt_getprop(reader->tree, ROOT, "compatible", &size);

	if (!text) {
		return manifest_fail(reader, ROOT, "compatible",
				     "is missing: it is \"" COMPATIBLE "0\" or \"" COMPATIBLE
				     "1\"");
	}
	for (const char *at = text; at < text + size;) {
		const size_t rest = (size_t)(text + size - at);
		const size_t length = strnlen(at, rest);
		const size_t prefix = strlen(COMPATIBLE);
		if (length == prefix + 1 && length < rest && memcmp(at, COMPATIBLE, prefix) == 0 &&
		    at[prefix] >= '0' && at[prefix] <= '9') {
			*minor = (uint32_t)(at[prefix] - '0');
			return 0;
		}
		at += length + 1;
	}
	return manifest_fail(reader, ROOT, "compatible",
			     "is '%.*s': a partition's manifest has \"" COMPATIBLE
			     "0\" or \"" COMPATIBLE "1\" there",
			     (int)strnlen(text, size < 64 ? (size_t)size : 64), text);
}

/* Hafnium and TF-A name partitions by different properties; both are only for people, so nothing is
 * refused. */
static void read_name(const struct manifest_reader *reader)
{
	static const char *const properties[] = { "debug_name", "description" };
	char *name = reader->manifest->config.name;
	const char *text = strrchr(reader->manifest->file, '/');
	int size;

	text = text ? text + 1 : reader->manifest->file;
	const char *dot = strrchr(text, '.');
	size = dot && dot != text ? (int)(dot - text) : (int)strlen(text);
	for (size_t i = 0; i < 2; i++) {
		int found_size;
		const char *found = fdt_getprop(reader->tree, ROOT, properties[i], &found_size);
		if (found && found_size > 1) {
			text = found;
			size = found_size;
			break;
		}
	}
	const size_t room = sizeof(reader->manifest->config.name) - 1;
	const size_t length = strnlen(text, (size_t)size < room ? (size_t)size : room);
	for (size_t i = 0; i < length; i++) {
		name[i] = text[i];
		if (text[i] < ' ' || text[i] > '~') {
			name[i] = '?';
		}
	}
	name[length] = '\0';
}

static int check_id(const struct manifest_reader *reader, uint32_t id)
{
	struct manifest *manifest = reader->manifest;

	/* Arm's suite and OP-TEE count secure partitions from 1, as Hafnium's own manifest does. */
	const uint32_t full = id && manifest->is_secure ? id | 0x8000u : id;
	const bool is_ok =
		manifest->is_secure ? full <= 0xFFBF && full != VMSG_FFA_SPMC_ID : full <= 0x7FFE;
	if (id && !is_ok) {
		return manifest_fail(reader, ROOT, numbers[ID].name, "is 0x%" PRIx32 ": %s", id,
				     numbers[ID].rule);
	}
	manifest->config.id = (uint16_t)full;
	return 0;
}

static int read_partition(const struct manifest_reader *reader, uint32_t minor)
{
	struct manifest *manifest = reader->manifest;
	struct spmc_partition_config *config = &manifest->config;
	uint32_t values[NUMBER_COUNT] = { 0 };
	bool is_set[FLAG_COUNT] = { false };

	if (read_numbers(reader, values) != 0 || read_flags(reader, is_set) != 0) {
		return -1;
	}
	const uint32_t level = values[EXCEPTION_LEVEL];
	if (level > LEVEL_S_EL1 && level != LEVEL_EL0) {
		return manifest_fail(reader, ROOT, numbers[EXCEPTION_LEVEL].name,
				     "is %" PRIu32 ": %s", level, numbers[EXCEPTION_LEVEL].rule);
	}
	manifest->is_secure = level == LEVEL_S_EL0 || level == LEVEL_S_EL1;
	manifest->has_scheduler = is_set[HAS_PRIMARY_SCHEDULER];
	if (manifest->has_scheduler && level != LEVEL_EL1) {
		return manifest_fail(
			reader, ROOT, flags[HAS_PRIMARY_SCHEDULER],
			"with exception-level %" PRIu32 ": only a VM at EL1 (0) schedules", level);
	}
	config->vcpu_count = (uint16_t)values[EXECUTION_CTX_COUNT];
	/* OP-TEE's manifests still say 1.0, and it negotiates what it finds. */
	config->ffa_version = values[FFA_VERSION] > VMSG_FFA_VERSION_1_1 ? values[FFA_VERSION]
									 : VMSG_FFA_VERSION_1_1;
	if (check_id(reader, values[ID]) != 0 || manifest_read_services(reader, minor) != 0) {
		return -1;
	}
	const uint32_t told = values[VM_AVAILABILITY_MESSAGES];
	if (told && !(config->properties & VMSG_FFA_PROPERTY_DIRECT_RECEIVE)) {
		return manifest_fail(reader, ROOT, numbers[VM_AVAILABILITY_MESSAGES].name,
				     "is %" PRIu32 " without bit 0 of messaging-method: such a "
				     "message is a direct request",
				     told);
	}
	config->properties |= (told & 1 ? VMSG_FFA_PROPERTY_VM_CREATED : 0) |
			      (told & 2 ? VMSG_FFA_PROPERTY_VM_DESTROYED : 0) |
			      (is_set[NOTIFICATION_SUPPORT] ? VMSG_FFA_PROPERTY_NOTIFICATIONS : 0) |
			      (values[EXECUTION_STATE] == 0 ? VMSG_FFA_PROPERTY_AARCH64 : 0);
	return 0;
}

int manifest_parse(struct manifest *manifest, const char *file, const void *tree, size_t size,
		   char *why, size_t why_size)
{
	const struct manifest_reader reader = { manifest, tree, why, why_size };
	uint32_t minor = 0;

	memset(manifest, 0, sizeof(*manifest));
	manifest->file = file;
	if (size > MANIFEST_SIZE_MAX) {
		snprintf(why, why_size, "%s: has %zu bytes, a manifest has at most %u", file, size,
			 MANIFEST_SIZE_MAX);
		return -1;
	}
	/* It reads the header before it looks at the size. */
	int checked =
		size < sizeof(struct fdt_header) ? -FDT_ERR_TRUNCATED : fdt_check_full(tree, size);
	if (checked == 0 && fdt_next_node(tree, -1, NULL) != ROOT) {
		checked = -FDT_ERR_BADSTRUCTURE; /* it has no root */
	}
	if (checked != 0) {
		snprintf(why, why_size, "%s: is no device tree: %s", file, fdt_strerror(checked));
		return -1;
	}
	read_name(&reader);
	if (read_compatible(&reader, &minor) != 0) {
		return -1;
	}
	return read_partition(&reader, minor);
}
