/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table follows the FF-A specification's interfaces, 1.1 to 1.3, and SMC32 and SMC64 alike: of
 * a 64-bit register the parts below are what a call may use. Reserved bits are left out.
 */
#include "tap/registers.h"

#define PART(call, form, first, bit, bits, name)                                                   \
	{                                                                                          \
		VMSG_FFA_CALL_##call, false, form, first, bit, bits, name                          \
	}
#define ANSWER(call, form, first, bit, bits, name)                                                 \
	{                                                                                          \
		VMSG_FFA_CALL_##call, true, form, first, bit, bits, name                           \
	}
/* a whole register of 64 bits, of 32 */
#define LONG(call, first, name) PART(call, TAP_NUMBER, first, 0, 64, name)
#define WORD(call, first, name) PART(call, TAP_NUMBER, first, 0, 32, name)
/* a partition in the upper or lower half of a word */
#define UPPER(call, first, name)         PART(call, TAP_NUMBER, first, 16, 16, name)
#define LOWER(call, first, name)         PART(call, TAP_NUMBER, first, 0, 16, name)
#define HALVES(call, first, name)        PART(call, TAP_HALVES, first, 0, 64, name)
#define ANSWER_WORD(call, first, name)   ANSWER(call, TAP_NUMBER, first, 0, 32, name)
#define ANSWER_HALVES(call, first, name) ANSWER(call, TAP_HALVES, first, 0, 64, name)

#define MESSAGE(call) UPPER(call, 1, "source"), LOWER(call, 1, "destination")
#define MEMORY(call)                                                                               \
	WORD(call, 1, "total_length"), WORD(call, 2, "fragment_length"),                           \
		LONG(call, 3, "buffer_address"), WORD(call, 4, "buffer_pages")
#define OWNED(call) MEMORY(call), ANSWER_HALVES(call, 2, "handle")

static const struct tap_register parts[] = {
	UPPER(ERROR, 1, "partition"),
	LOWER(ERROR, 1, "vcpu"),
	PART(ERROR, TAP_STATUS, 2, 0, 32, "status"),
	UPPER(INTERRUPT, 1, "partition"),
	LOWER(INTERRUPT, 1, "vcpu"),
	WORD(INTERRUPT, 2, "interrupt"),
	PART(VERSION, TAP_NUMBER, 1, 16, 15, "major"),
	LOWER(VERSION, 1, "minor"),
	WORD(VERSION, 2, "query"),
	PART(FEATURES, TAP_CALL_ID, 1, 0, 32, "id"),
	WORD(FEATURES, 2, "input"),
	ANSWER_WORD(FEATURES, 2, "properties"),
	ANSWER_WORD(FEATURES, 3, "more_properties"),
	LOWER(RX_RELEASE, 1, "partition"),
	LONG(RXTX_MAP, 1, "tx_address"),
	LONG(RXTX_MAP, 2, "rx_address"),
	PART(RXTX_MAP, TAP_NUMBER, 3, 0, 6, "pages"),
	UPPER(RXTX_UNMAP, 1, "partition"),
	PART(PARTITION_INFO_GET, TAP_UUID_WORDS, 1, 0, 0, "uuid"),
	WORD(PARTITION_INFO_GET, 5, "flags"),
	ANSWER_WORD(PARTITION_INFO_GET, 2, "count"),
	ANSWER_WORD(PARTITION_INFO_GET, 3, "size"),
	ANSWER(ID_GET, TAP_NUMBER, 2, 0, 16, "id"),
	WORD(MSG_WAIT, 2, "flags"),
	UPPER(YIELD, 1, "partition"),
	LOWER(YIELD, 1, "vcpu"),
	HALVES(YIELD, 2, "timeout_ns"),
	UPPER(RUN, 1, "partition"),
	LOWER(RUN, 1, "vcpu"),
	MESSAGE(MSG_SEND_DIRECT_REQ),
	WORD(MSG_SEND_DIRECT_REQ, 2, "flags"),
	PART(MSG_SEND_DIRECT_REQ, TAP_BYTES, 3, 0, 0, "payload"),
	MESSAGE(MSG_SEND_DIRECT_RESP),
	WORD(MSG_SEND_DIRECT_RESP, 2, "flags"),
	PART(MSG_SEND_DIRECT_RESP, TAP_BYTES, 3, 0, 0, "payload"),
	OWNED(MEM_DONATE),
	OWNED(MEM_LEND),
	OWNED(MEM_SHARE),
	MEMORY(MEM_RETRIEVE_REQ),
	WORD(MEM_RETRIEVE_RESP, 1, "total_length"),
	WORD(MEM_RETRIEVE_RESP, 2, "fragment_length"),
	HALVES(MEM_RECLAIM, 1, "handle"),
	WORD(MEM_RECLAIM, 3, "flags"),
	HALVES(MEM_OP_PAUSE, 1, "handle"),
	HALVES(MEM_OP_RESUME, 1, "handle"),
	HALVES(MEM_FRAG_RX, 1, "handle"),
	WORD(MEM_FRAG_RX, 3, "offset"),
	UPPER(MEM_FRAG_RX, 4, "partition"),
	HALVES(MEM_FRAG_TX, 1, "handle"),
	WORD(MEM_FRAG_TX, 3, "fragment_length"),
	UPPER(MEM_FRAG_TX, 4, "partition"),
	ANSWER_HALVES(MEM_FRAG_TX, 2, "handle"),
	LOWER(NOTIFICATION_BITMAP_CREATE, 1, "partition"),
	WORD(NOTIFICATION_BITMAP_CREATE, 2, "vcpus"),
	LOWER(NOTIFICATION_BITMAP_DESTROY, 1, "partition"),
	UPPER(NOTIFICATION_BIND, 1, "sender"),
	LOWER(NOTIFICATION_BIND, 1, "receiver"),
	WORD(NOTIFICATION_BIND, 2, "flags"),
	HALVES(NOTIFICATION_BIND, 3, "bitmap"),
	UPPER(NOTIFICATION_UNBIND, 1, "sender"),
	LOWER(NOTIFICATION_UNBIND, 1, "receiver"),
	HALVES(NOTIFICATION_UNBIND, 3, "bitmap"),
	UPPER(NOTIFICATION_SET, 1, "sender"),
	LOWER(NOTIFICATION_SET, 1, "receiver"),
	WORD(NOTIFICATION_SET, 2, "flags"),
	HALVES(NOTIFICATION_SET, 3, "bitmap"),
	UPPER(NOTIFICATION_GET, 1, "vcpu"),
	LOWER(NOTIFICATION_GET, 1, "receiver"),
	WORD(NOTIFICATION_GET, 2, "flags"),
	ANSWER_HALVES(NOTIFICATION_GET, 2, "from_sps"),
	ANSWER_HALVES(NOTIFICATION_GET, 4, "from_vms"),
	ANSWER_HALVES(NOTIFICATION_GET, 6, "from_framework"),
	ANSWER(NOTIFICATION_INFO_GET, TAP_NUMBER, 2, 0, 1, "more"),
	ANSWER(NOTIFICATION_INFO_GET, TAP_NUMBER, 2, 7, 5, "lists"),
	ANSWER(NOTIFICATION_INFO_GET, TAP_BYTES, 3, 0, 0, "ids"),
	LOWER(RX_ACQUIRE, 1, "partition"),
	ANSWER(SPM_ID_GET, TAP_NUMBER, 2, 0, 16, "id"),
	UPPER(MSG_SEND2, 1, "sender"),
	WORD(MSG_SEND2, 2, "flags"),
	LONG(SECONDARY_EP_REGISTER, 1, "entry"),
	LONG(MEM_PERM_GET, 1, "address"),
	ANSWER_WORD(MEM_PERM_GET, 2, "permissions"),
	LONG(MEM_PERM_SET, 1, "address"),
	WORD(MEM_PERM_SET, 2, "pages"),
	WORD(MEM_PERM_SET, 3, "permissions"),
	WORD(CONSOLE_LOG, 1, "count"),
	PART(CONSOLE_LOG, TAP_BYTES, 2, 0, 0, "characters"),
	PART(PARTITION_INFO_GET_REGS, TAP_UUID, 1, 0, 0, "uuid"),
	LOWER(PARTITION_INFO_GET_REGS, 3, "start"),
	UPPER(PARTITION_INFO_GET_REGS, 3, "tag"),
	ANSWER(PARTITION_INFO_GET_REGS, TAP_NUMBER, 2, 0, 16, "last"),
	ANSWER(PARTITION_INFO_GET_REGS, TAP_NUMBER, 2, 16, 16, "current"),
	ANSWER(PARTITION_INFO_GET_REGS, TAP_NUMBER, 2, 32, 16, "tag"),
	ANSWER(PARTITION_INFO_GET_REGS, TAP_NUMBER, 2, 48, 16, "size"),
	ANSWER(PARTITION_INFO_GET_REGS, TAP_BYTES, 3, 0, 0, "descriptors"),
	MESSAGE(MSG_SEND_DIRECT_REQ2),
	PART(MSG_SEND_DIRECT_REQ2, TAP_UUID, 2, 0, 0, "uuid"),
	PART(MSG_SEND_DIRECT_REQ2, TAP_BYTES, 4, 0, 0, "payload"),
	MESSAGE(MSG_SEND_DIRECT_RESP2),
	PART(MSG_SEND_DIRECT_RESP2, TAP_BYTES, 4, 0, 0, "payload"),
};

#define NUMBER_MASK 0xffu
#define SMC64_BIT   0x40000000u
#define COUNT       (sizeof(parts) / sizeof(parts[0]))

const struct tap_register *tap_register(size_t index)
{
	return index < COUNT ? &parts[index] : NULL;
}

const struct tap_register *tap_register_of(uint32_t function_id, bool is_answer, size_t index)
{
	if ((function_id & ~(SMC64_BIT | NUMBER_MASK)) !=
	    VMSG_FFA_ID32(ERROR) - VMSG_FFA_CALL_ERROR) {
		return NULL;
	}
	for (size_t i = 0; i < COUNT; i++) {
		if (parts[i].call == (function_id & NUMBER_MASK) &&
		    parts[i].is_answer == is_answer && index-- == 0) {
			return &parts[i];
		}
	}
	return NULL;
}

uint64_t tap_register_number(const struct tap_register *part, const struct vmsg_ffa_regs *regs)
{
	switch ((enum tap_register_form)part->form) {
	case TAP_NUMBER:
	case TAP_STATUS:
	case TAP_CALL_ID:
		return regs->x[part->first] >> part->bit & UINT64_MAX >> (64 - part->bits);
	case TAP_HALVES:
		return (uint32_t)regs->x[part->first] | regs->x[part->first + 1] << 32;
	case TAP_UUID:
	case TAP_UUID_WORDS:
	case TAP_BYTES:
		break;
	}
	return 0;
}
