/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files that read manifests share. */
#ifndef VMSG_EMULATOR_MANIFEST_INTERNAL_H
#define VMSG_EMULATOR_MANIFEST_INTERNAL_H

#include "manifest/manifest.h"
#include "virtio_msg_ffa/compiler.h"

/* A tree that libfdt has found to be well-formed, and where problems go. */
struct manifest_reader {
	struct manifest *manifest;
	const void *tree;
	char *why;
	size_t why_size;
};

/* -1 with "FILE: NODE: PROPERTY ..." in `why`; `property` NULL: about the node. */
int manifest_fail(const struct manifest_reader *reader, int node, const char *property,
		  const char *format, ...) VMSG_PRINTF(4, 5);

/* services.c: UUIDs, and what messages are for each. `minor` of the binding. */
int manifest_read_services(const struct manifest_reader *reader, uint32_t minor);

/* dts.c: `source` compiled, malloc()ed. */
int manifest_compile(const char *path, const char *source, size_t source_size, void **tree,
		     size_t *tree_size, char *why, size_t why_size);

#endif
