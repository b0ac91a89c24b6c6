/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FF-A memory transaction descriptors: build and parse, with endpoint memory access descriptors of
 * 16 bytes (FF-A 1.1) or 32 bytes (1.2). Offsets and nested arrays are checked against the given
 * length; values that a relayer judges (permissions, overlaps, states) are left to it.
 */
#ifndef VIRTIO_MSG_FFA_FFA_MEMORY_H
#define VIRTIO_MSG_FFA_FFA_MEMORY_H

#include "virtio_msg_ffa/ffa.h"

VMSG_BEGIN_DECLS

#define VMSG_FFA_MEMORY_HEADER_SIZE 48
#define VMSG_FFA_ACCESS_SIZE_1_1    16
#define VMSG_FFA_ACCESS_SIZE_1_2    32
#define VMSG_FFA_COMPOSITE_SIZE     16
#define VMSG_FFA_CONSTITUENT_SIZE   16

/* Memory region attributes */
#define VMSG_FFA_ATTR_NORMAL_WB_INNER 0x2Fu
#define VMSG_FFA_ATTR_NS              0x40u

/* Permissions byte */
#define VMSG_FFA_DATA_RO          0x1u
#define VMSG_FFA_DATA_RW          0x2u
#define VMSG_FFA_DATA_MASK        0x3u
#define VMSG_FFA_INSTRUCTION_NX   0x4u
#define VMSG_FFA_INSTRUCTION_X    0x8u
#define VMSG_FFA_INSTRUCTION_MASK 0xCu

/* Flags */
#define VMSG_FFA_MEMORY_ZERO        0x1u
#define VMSG_FFA_MEMORY_TIME_SLICE  0x2u
#define VMSG_FFA_MEMORY_ZERO_AFTER  0x4u
#define VMSG_FFA_MEMORY_TYPE_MASK   0x18u
#define VMSG_FFA_MEMORY_TYPE_SHARE  0x08u
#define VMSG_FFA_MEMORY_TYPE_LEND   0x10u
#define VMSG_FFA_MEMORY_TYPE_DONATE 0x18u
#define VMSG_FFA_MEMORY_HINT_MASK   0x1E0u
#define VMSG_FFA_MEMORY_HINT_VALID  0x200u
#define VMSG_FFA_MEMORY_BYPASS      0x400u

/* The fixed part of a memory transaction descriptor. */
struct vmsg_ffa_memory_header {
	uint16_t sender;
	uint16_t attributes;
	uint32_t flags;
	uint64_t handle;
	uint64_t tag;
	uint32_t access_size;
	uint32_t access_count;
	uint32_t access_offset;
};

/* One endpoint memory access descriptor. */
struct vmsg_ffa_memory_access {
	uint16_t endpoint;
	uint8_t permissions;
	uint8_t flags;
	uint32_t composite_offset;
	uint8_t implementation[16]; /* 1.2; zero before */
};

struct vmsg_ffa_composite {
	uint32_t page_count;
	uint32_t range_count;
};

/* One constituent: `pages` 4 KiB pages from `address`. */
struct vmsg_ffa_range {
	uint64_t address;
	uint32_t pages;
};

/*
 * Reads the fixed part and checks that the access array lies inside `descriptor`: TRUNCATED,
 * BAD_FIELD (access size, offset below 48 or unaligned, count 0 or array beyond the end).
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_ffa_memory_parse(struct vmsg_bytes descriptor,
						      struct vmsg_ffa_memory_header *header);

/* Access descriptor `index` of a parsed descriptor. RANGE beyond access_count. */
VMSG_EXPORT VMSG_MUST_CHECK int
vmsg_ffa_memory_access_at(struct vmsg_bytes descriptor, const struct vmsg_ffa_memory_header *header,
			  uint32_t index, struct vmsg_ffa_memory_access *access);

/*
 * Composite at `offset`. `descriptor` may be a first fragment: the composite header must lie inside
 * it, its ranges need not. BAD_FIELD when the offset is unaligned or inside the access array,
 * TRUNCATED beyond the end.
 */
VMSG_EXPORT VMSG_MUST_CHECK int
vmsg_ffa_memory_composite_at(struct vmsg_bytes descriptor,
			     const struct vmsg_ffa_memory_header *header, uint32_t offset,
			     struct vmsg_ffa_composite *composite);

/* Range from 16 bytes, and back. */
VMSG_EXPORT void vmsg_ffa_range_load(struct vmsg_ffa_range *range,
				     const uint8_t bytes[VMSG_FFA_CONSTITUENT_SIZE]);
VMSG_EXPORT void vmsg_ffa_range_store(const struct vmsg_ffa_range *range,
				      uint8_t bytes[VMSG_FFA_CONSTITUENT_SIZE]);

/*
 * Writes a whole transaction descriptor: header, `access_count` access descriptors (all pointing at
 * one composite; header->access_size chooses the layout; header->access_offset is written as 48),
 * then, if range_count > 0, the composite and its ranges. With range_count 0 (retrieve request) no
 * composite is written and composite offsets are 0. Returns the length or NO_SPACE, INVALID.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_ffa_memory_build(const struct vmsg_ffa_memory_header *header,
						      const struct vmsg_ffa_memory_access *access,
						      uint32_t access_count,
						      const struct vmsg_ffa_range *ranges,
						      uint32_t range_count, struct vmsg_span room);

/* Length of a whole descriptor as vmsg_ffa_memory_build() writes it. */
VMSG_EXPORT uint64_t vmsg_ffa_memory_size(uint32_t access_size, uint32_t access_count,
					  uint32_t range_count);

/*
 * Writes what fits into `room` of the descriptor that vmsg_ffa_memory_build() would write, from
 * `offset` on: 0, or where the fragment before it ended. The first fragment holds at least
 * everything before the ranges, and fragments end with a whole range. Returns the bytes written;
 * NO_SPACE when not even that fits; INVALID for an offset that is no start of a fragment, a wrong
 * access size, no access descriptor, or (checked with the first fragment) more than 2^32 - 1 pages.
 */
VMSG_EXPORT VMSG_MUST_CHECK int
vmsg_ffa_memory_fragment(const struct vmsg_ffa_memory_header *header,
			 const struct vmsg_ffa_memory_access *access, uint32_t access_count,
			 const struct vmsg_ffa_range *ranges, uint32_t range_count, uint64_t offset,
			 struct vmsg_span room);

/* FFA_MEM_RELINQUISH descriptor for one endpoint: 18 bytes. */
struct vmsg_ffa_relinquish {
	uint64_t handle;
	uint32_t flags;
	uint32_t count;
	uint16_t endpoint; /* the first */
};

#define VMSG_FFA_RELINQUISH_SIZE 18

/* TRUNCATED when the list of endpoints goes beyond `bytes`. A count of 0 is left to the relayer. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_ffa_relinquish_parse(struct vmsg_bytes bytes,
							  struct vmsg_ffa_relinquish *out);
/* Returns VMSG_FFA_RELINQUISH_SIZE; INVALID unless count is 1, NO_SPACE. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_ffa_relinquish_build(const struct vmsg_ffa_relinquish *in,
							  struct vmsg_span room);

VMSG_END_DECLS

#endif
