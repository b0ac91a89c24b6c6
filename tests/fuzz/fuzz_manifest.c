/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a manifest: as they are, or as changes {offset, offset, byte} of good ones. What is
 * accepted, the partition manager must be able to take. */
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "manifest/manifest.h"

#define TREE_SIZE 1024

static int put_text(void *tree, const char *name, const char *text)
{
	return fdt_property(tree, name, text, (int)strlen(text) + 1);
}

static void put_common(void *tree, const char *compatible)
{
	int result = fdt_create(tree, TREE_SIZE);

	result |= fdt_finish_reservemap(tree);
	result |= fdt_begin_node(tree, "");
	result |= put_text(tree, "compatible", compatible);
	result |= put_text(tree, "debug_name", "sp1");
	result |= fdt_property_u32(tree, "ffa-version", VMSG_FFA_VERSION_1_2);
	result |= fdt_property_u32(tree, "execution-ctx-count", 4);
	result |= fdt_property_u32(tree, "exception-level", 2);
	result |= fdt_property_u32(tree, "execution-state", 0);
	result |= fdt_property_u64(tree, "load-address", 0x7000000);
	result |= fdt_property(tree, "notification-support", NULL, 0);
	if (result != 0) {
		abort();
	}
}

static void make_lists(void *tree)
{
	static const uint8_t uuids[32] = { 1, [31] = 2 };

	put_common(tree, "arm,ffa-manifest-1.0");
	if (fdt_property(tree, "uuid", uuids, sizeof(uuids)) != 0 ||
	    fdt_property_u32(tree, "messaging-method", 0x607) != 0 ||
	    fdt_property_u32(tree, "id", 1) != 0 || fdt_end_node(tree) != 0 ||
	    fdt_finish(tree) != 0) {
		abort();
	}
}

static void make_services(void *tree)
{
	put_common(tree, "arm,ffa-manifest-1.1");
	if (fdt_begin_node(tree, "services") != 0 ||
	    put_text(tree, "compatible", "arm,ffa-manifest-services") != 0 ||
	    fdt_begin_node(tree, "service0") != 0 ||
	    put_text(tree, "uuid", "11223344-5566-7788-99aa-bbccddeeff00") != 0 ||
	    fdt_property_u32(tree, "messaging-method", 0x3) != 0 || fdt_end_node(tree) != 0 ||
	    fdt_end_node(tree) != 0 || fdt_end_node(tree) != 0 || fdt_finish(tree) != 0) {
		abort();
	}
}

static void parse(const void *tree, size_t size)
{
	static struct manifest_system system;
	struct manifest manifest;
	char why[256] = "";

	if (manifest_parse(&manifest, "fuzz.dtb", tree, size, why, sizeof(why)) != 0) {
		if (strncmp(why, "fuzz.dtb: ", strlen("fuzz.dtb: ")) != 0) {
			abort();
		}
		return;
	}
	const struct spmc_options options = { .ffa_version = VMSG_FFA_VERSION_1_3 };
	struct spmc *spmc = spmc_create(&options);
	const char *problem;
	if (!spmc ||
	    manifest_join(&system, &manifest, 1, VMSG_FFA_VERSION_1_3, why, sizeof(why)) != 0 ||
	    spmc_add_partition(spmc, &system.partitions[0], &problem) != 0) {
		abort();
	}
	spmc_destroy(spmc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1) {
		return 0;
	}
	/* of its own, so that a byte too far is seen */
	uint8_t *tree = malloc(data[0] & 1 ? TREE_SIZE : size);
	if (!tree) {
		return 0;
	}
	size_t tree_size = size - 1;
	if (data[0] & 1) {
		if (data[0] & 2) {
			make_services(tree);
		} else {
			make_lists(tree);
		}
		tree_size = fdt_totalsize(tree);
		for (size_t i = 1; i + 3 <= size; i += 3) {
			tree[(size_t)(data[i] | data[i + 1] << 8) % tree_size] = data[i + 2];
		}
	} else {
		memcpy(tree, data + 1, tree_size);
	}
	parse(tree, tree_size);
	free(tree);
	return 0;
}
