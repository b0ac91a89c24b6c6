/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What partition managers do differently, as data. Every member is one row of docs/policies.md; a
 * policy whose members are all zero is the emulator's own choice. Code asks for the member, never
 * for a policy's name.
 */
#ifndef VMSG_EMULATOR_SPMC_POLICY_H
#define VMSG_EMULATOR_SPMC_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/ffa.h"

/* What FFA_VERSION answers to a request that it does not follow. */
enum policy_version_answer {
	POLICY_VERSION_REFUSED, /* NOT_SUPPORTED */
	POLICY_VERSION_OWN,     /* the manager's own version */
	POLICY_VERSION_AGREED,  /* the one that was agreed */
};

/* Calls before FFA_VERSION. */
enum policy_early_call {
	POLICY_EARLY_REFUSED,  /* NOT_SUPPORTED */
	POLICY_EARLY_MANIFEST, /* served at the version that the partition was declared with */
	POLICY_EARLY_CLOSES,   /* NOT_SUPPORTED, and so is everything from then on */
};

/* Header of a message that MSG_SEND2 delivers. */
enum policy_message_header {
	POLICY_HEADER_OF_RECEIVER, /* in the size of the receiver's version */
	POLICY_HEADER_AS_SENT,     /* header and payload stay where the sender put them */
	POLICY_HEADER_LONG,        /* always the 40 bytes of 1.2 */
};

/* w1 of MSG_SEND2, where a hypervisor names the sender. */
enum policy_sender_word {
	POLICY_SENDER_ZERO_OR_SELF,
	POLICY_SENDER_ZERO,
	POLICY_SENDER_IGNORED,
};

/* Endpoint memory access descriptor of a retrieve response. */
enum policy_access_size {
	POLICY_ACCESS_OF_VERSION, /* 16 bytes up to 1.1, 32 from 1.2 on */
	POLICY_ACCESS_LONG,       /* always 32 bytes */
	POLICY_ACCESS_AS_SENT,    /* as the owner's */
};

/* Handles of regions. */
enum policy_handles {
	POLICY_HANDLES_NEW,    /* never given twice; bit 63 where the owner is a VM */
	POLICY_HANDLES_REUSED, /* the lowest that is free, from 0 on */
	POLICY_HANDLES_HIGH,   /* never given twice, from 0xffffffc0 on */
};

#define POLICY_VMS  0x1u
#define POLICY_SPS  0x2u
#define POLICY_ALL  0x3u
#define POLICY_32   0x1u
#define POLICY_64   0x2u
#define POLICY_BOTH 0x3u

/* A call that is not there, or not for these partitions. */
struct policy_missing {
	uint8_t number;
	uint8_t forms;
	uint8_t callers;
	enum vmsg_ffa_status status;
};

/* Registers from `first` on that SUCCESS of a call leaves as the caller had them. */
struct policy_kept {
	uint8_t number;
	uint8_t first;
};

struct spmc_policy {
	const char *name;
	const char *summary;
	const struct policy_missing *missing;
	size_t missing_count;

	uint32_t version; /* own one where nobody chooses another, 0 = 1.2 */
	bool physical;    /* the normal world is one physical instance, with id 0 */

	/* Calls and answers */
	uint8_t call_last; /* what comes behind is no call of FF-A; 0 = 0xFF */
	bool error_wide;   /* status in all 64 bits of x2 */
	const struct policy_kept *kept;
	size_t kept_count;
	bool info_regs_long; /* 48 bytes a partition in registers, whatever the caller's version */
	bool info_sends_hidden; /* a VM is not told which secure partitions send direct requests */

	/* FFA_VERSION */
	enum policy_version_answer version_foreign; /* another major version, 1.0, bit 31 */
	enum policy_version_answer version_late;    /* another one than has been agreed */
	bool version_newer_refused; /* a newer minor: NOT_SUPPORTED instead of ours */
	bool version_newer_open;    /* a newer minor: answered with ours, but nothing is agreed */
	bool version_once;          /* the first one agreed is final, even before other calls */
	enum policy_early_call early_call;
	bool retrieve_feature_open_to_vms; /* FEATURES of RETRIEVE_REQ: only SPs must set the NS bit
					    */

	/* Messages */
	bool direct_vm_to_vm_missing; /* NOT_SUPPORTED */
	bool direct2_uuid_ignored;
	enum policy_sender_word send2_sender;
	enum policy_message_header send2_header;
	bool send2_flags_ignored;
	bool send2_empty_allowed;
	bool send2_too_big_no_memory; /* for the receiver's RX: NO_MEMORY, else INVALID */
	bool send2_uuid_checked;      /* not one of the receiver's: INVALID */
	bool rx_release_after_get;    /* DENIED while "RX is full" has not been fetched */

	/* Notifications */
	bool per_vcpu;     /* a notification may be bound per vCPU, else INVALID */
	bool bitmap_calls; /* BITMAP_CREATE and _DESTROY exist for VMs; their bitmaps exist anyway
			    */
	bool bind_flags_denied; /* flags of BIND: DENIED, else INVALID */
	bool bind_vm_to_vm_missing;
	bool info_get_self; /* a VM is told of itself only, and has no scheduler */

	/* Memory */
	enum policy_handles handles;
	uint32_t regions_max;         /* live ones in the system, 0 = no limit */
	uint32_t regions_own_max;     /* of one owner, 0 = SPMC_REGIONS_MAX */
	uint32_t share_pages_max;     /* of one region; 0 = no limit */
	bool share_whole;             /* a send in fragments: NOT_SUPPORTED */
	bool share_only_vm_to_sp;     /* and to one borrower; else NOT_SUPPORTED */
	bool send_type_flag_allowed;  /* the type of a send may stand in its flags, too */
	bool overlap_invalid;         /* with another region: INVALID, else DENIED */
	bool borrower_unknown_denied; /* DENIED, else INVALID */
	bool attributes_unchecked;
	bool permissions_unchecked;    /* and granted as the owner wrote them */
	bool retrieve_rx_full_denied;  /* DENIED, else BUSY */
	bool retrieve_hint_refused;    /* INVALID, else honoured or DENIED */
	bool retrieve_flags_type_only; /* any other flag: INVALID */
	bool response_tag_zero;
	enum policy_access_size response_access;
};

extern const struct spmc_policy spmc_policies[];
extern const size_t spmc_policy_count;

#endif
