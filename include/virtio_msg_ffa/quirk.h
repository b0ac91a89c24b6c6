/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What real implementations send that no specification says, as one table (wire-revisions section
 * 7): what is taken as it is, what is taken only when it is switched on, what is never taken. A
 * session's switches are VMSG_QUIRK_BIT()s in its options, off by default; whether on or off, it
 * tells when one of them matters.
 */
#ifndef VIRTIO_MSG_FFA_QUIRK_H
#define VIRTIO_MSG_FFA_QUIRK_H

#include "virtio_msg_ffa/codec.h"

VMSG_BEGIN_DECLS

/*
 * X(number, SYMBOL, policy, roles, "switch", "who", "what they do", "what is done about it",
 * "sign"). `roles`: which of our sides has the switch. "sign" says how a message shows it; the
 * value that shows it follows.
 */
#define VMSG_QUIRKS(X)                                                                             \
	X(1, LINUX_RFC1_WINDOW, SWITCH, DEVICE, "linux-rfc1-window", "Linux RFC v1",               \
	  "SET_VQUEUE and descriptors carry plain addresses in reserved memory; there is no "      \
	  "AREA_SHARE",                                                                            \
	  "the reserved memory is area 0: offset = address - base, both given with the switch",    \
	  "with desc_addr")                                                                        \
	X(2, LINUX_RFC1_SHORT_SET, SWITCH, DEVICE, "linux-rfc1-short-set", "Linux RFC v1",         \
	  "the size of SET_DRIVER_FEATURES leaves out the features, 14 instead of 22; over FF-A "  \
	  "they are not on the wire",                                                              \
	  "features are taken from behind the message as far as the frame goes; without it the "   \
	  "request is malformed and FEATURES_OK will be refused",                                  \
	  "with size")                                                                             \
	X(3, LINUX_RFC1_SHORT_CONFIG, SWITCH, DEVICE, "linux-rfc1-short-set", "Linux RFC v1",      \
	  "the size of SET_CONFIG leaves out the data, 18 whatever its length", "as Q2",           \
	  "with size")                                                                             \
	X(4, LINUX_EVENT_REPLY, SWITCH, DEVICE, "linux-event-reply", "Linux RFC v1 or RFC V2",     \
	  "over indirect messages they wait for a response even to EVENT_AVAIL",                   \
	  "EVENT_AVAIL is answered with its own header as a response", "by an indirect message")   \
	X(5, LINUX_WINDOW_255, ACCEPT, DEVICE, NULL, "Linux RFC v1 or RFC V2",                     \
	  "GET_DEVICES asks for 255 slots, which is no multiple of 8",                             \
	  "248 are answered at most, whole bytes of them", "with count")                           \
	X(6, LINUX_FEW_DEVICES, SWITCH, DEVICE, "linux-rfc-few-devices", "Linux RFC v1 or RFC V2", \
	  "as a reader of GET_DEVICES it wants next_offset 0 and finds devices 0 to 7 only",       \
	  "such a driver (Q5) is told of devices 0 to 7 alone, in one window", "with count")       \
	X(7, LINUX_64_FEATURES, ACCEPT, DEVICE, NULL, "Linux RFC v1",                              \
	  "num_feature_bits must be 64", "before r3 a device reports 64 bits", "")                 \
	X(8, LINUX_RFC1_NOTIFICATION_DATA, SWITCH, DEVICE, "linux-rfc1-notification-data",         \
	  "Linux RFC v1",                                                                          \
	  "with NOTIFICATION_DATA, vq_index of EVENT_AVAIL has 0xffff in its low half",            \
	  "such an EVENT_AVAIL kicks every queue; r1 drivers are not offered NOTIFICATION_DATA",   \
	  "with vq_index")                                                                         \
	X(9, LINUX_PADDING, ACCEPT, BOTH, NULL, "Linux RFC v1 or RFC V2",                          \
	  "bytes behind msg_size are not zero", "padding is ignored", "")                          \
	X(10, LINUX_LOST_EVENTS, ACCEPT, DEVICE, NULL, "Linux RFC v1 or RFC V2",                   \
	  "over indirect messages all events but EVENT_USED are lost",                             \
	  "nothing hangs on an event: areas are also given back when they are asked for again",    \
	  "")                                                                                      \
	X(11, LINUX_FRAMES_44, ACCEPT, DEVICE, NULL, "Linux of early 2025 (r0)",                   \
	  "frames of 44 bytes whatever the message's size", "padding is ignored", "")              \
	X(12, OPTEE_DEVICE_COUNT, SWITCH, DRIVER, "optee-poc-device-count", "OP-TEE PoC of 2025",  \
	  "count of a GET_DEVICES response is the number of devices, though 31 bytes of bitmap "   \
	  "follow",                                                                                \
	  "the bitmap's length is the count", "with count")                                        \
	X(13, OPTEE_REFUSAL, ACCEPT, DRIVER, NULL, "OP-TEE PoC of 2025",                           \
	  "VERSION is refused by a zero in the field that differs; an unknown message is "         \
	  "answered by a null reply",                                                              \
	  "both are refusals", "")                                                                 \
	X(14, OPTEE_NULL_RESPONSE, ACCEPT, DRIVER, NULL, "OP-TEE 2026, codec A",                   \
	  "what is malformed or unknown is answered by its own id as a response of device 0 "      \
	  "without a body",                                                                        \
	  "the request with that token has failed", "")                                            \
	X(15, OPTEE_NULL_REPLY, ACCEPT, DRIVER, NULL, "OP-TEE 2026, codec B",                      \
	  "the same by a null reply with token 0",                                                 \
	  "over direct messages, the request that it answers has failed", "")                      \
	X(16, OPTEE_AREA_ZERO, ACCEPT, DRIVER, NULL, "OP-TEE 2026",                                \
	  "AREA_SHARE and AREA_UNSHARE of a wrong length are answered with all zeros",             \
	  "success needs the area id as well", "")                                                 \
	X(17, OPTEE_NO_ECHO, ACCEPT, DRIVER, NULL, "OP-TEE 2026",                                  \
	  "a SET_CONFIG response has a length, but no data", "data may be absent there", "")       \
	X(18, OPTEE_UNFINISHED, ACCEPT, DRIVER, NULL, "OP-TEE 2026, codec A",                      \
	  "RESET always fails; GET_DEVICES beyond offset 0, SET_VQUEUE that fails and EVENT_POLL " \
	  "get a null response; config_size is 0",                                                 \
	  "errors of the device, as it says", "")                                                  \
	X(19, OPTEE_EVENTS, ACCEPT, DRIVER, NULL, "OP-TEE 2026, codec B",                          \
	  "EVENT_CONFIGURE always succeeds; VERSION has 8 bytes only", "profile r2b", "")          \
	X(20, OPTEE_B2A, ACCEPT, BOTH, NULL, "OP-TEE 2026, codec A",                               \
	  "VERSION of 18 bytes with bus version 1.0", "profile r2a", "")                           \
	X(21, TRUSTY_AREA_IDS, SWITCH, BOTH, "trusty-wide-area-ids", "Trusty dev2 (r1)",           \
	  "area ids have 16 bits, at 48 of an address, and attributes are filled in",              \
	  "profile r1-a16 stands in for r1, which has the same VERSION", "with area_id")           \
	X(22, TRUSTY_HALF_MIGRATED, REJECT, DEVICE, NULL, "Trusty, device side",                   \
	  "some messages are read with the header of 4 bytes; the bus ERROR has id 0",             \
	  "not imitated", "")                                                                      \
	X(23, QEMU_LIMITS, ACCEPT, DRIVER, NULL, "QEMU",                                           \
	  "no answer to features of 0 or more than 8 blocks, to config writes of more than 28 "    \
	  "bytes, to anything short",                                                              \
	  "a driver never sends what exceeds the bus maximum, 48 there", "")                       \
	X(24, AMP_WINDOW_32, ACCEPT, DEVICE, NULL, "Linux AMP bus",                                \
	  "GET_DEVICES asks for 32 slots and wants 32 back; the token is always 1",                \
	  "as many slots as asked for are answered; a token is only given back", "")               \
	X(25, KERNEL_R3_STRICT, ACCEPT, DEVICE, NULL, "newest kernel (r3)",                        \
	  "counts tokens in events; takes EVENT_CONFIG only with all its data, GET_VQUEUE only "   \
	  "with bit 0 of flags and with size and addresses together",                              \
	  "any token of an event is taken; the device sends just that", "")                        \
	X(26, KERNEL_R3_WINDOW, ACCEPT, DRIVER, NULL, "newest kernel (r3), as device",             \
	  "GET_DEVICES is cut to 720 slots; beyond the end the count is 0",                        \
	  "a window may be smaller than asked for, or empty", "")                                  \
	X(27, LINUX_NO_ATTRIBUTES, ACCEPT, DEVICE, NULL, "Linux RFC V2",                           \
	  "AREA_SHARE has attributes 0; EVENT_CONFIGURE asks for notifications in any case",       \
	  "before r3, 0 is \"not specified\", and polling goes on without notifications", "")      \
	X(28, LINUX_STEP_8, ACCEPT, BOTH, NULL, "Linux, interim of 2026",                          \
	  "bodies of r2 behind a header of r3", "profile r2b", "")

enum vmsg_quirk {
	VMSG_QUIRK_NONE = 0,
#define VMSG_QUIRK_ENUM(number, symbol, policy, roles, name, who, what, answer, sign)              \
	VMSG_QUIRK_##symbol = (number),
	VMSG_QUIRKS(VMSG_QUIRK_ENUM)
#undef VMSG_QUIRK_ENUM
};

#define VMSG_QUIRK_LAST       28u
#define VMSG_QUIRK_BIT(quirk) (1u << ((quirk)-1))

enum vmsg_quirk_policy {
	VMSG_QUIRK_ACCEPT, /* decoded and served as it is */
	VMSG_QUIRK_SWITCH, /* only where it is switched on */
	VMSG_QUIRK_REJECT,
};

enum vmsg_quirk_roles { VMSG_QUIRK_DRIVER = 1, VMSG_QUIRK_DEVICE = 2, VMSG_QUIRK_BOTH = 3 };

/* A row of the table. */
struct vmsg_quirk_info {
	const char *name; /* of the switch; NULL: it has none */
	const char *who;
	const char *what;
	const char *answer;
	const char *sign;
	enum vmsg_quirk_policy policy;
	enum vmsg_quirk_roles roles;
};

/* NULL unless `quirk` is 1 to VMSG_QUIRK_LAST. */
VMSG_EXPORT const struct vmsg_quirk_info *vmsg_quirk_info(unsigned int quirk);

/* Bits of the switch of that name, which may stand for several quirks; 0 when there is none. */
VMSG_EXPORT uint32_t vmsg_quirk_bits(const char *name);

/*
 * Looks for a quirk in the bytes of one frame, which may be padded, of a peer that speaks
 * `profile`. A frame that shows one of `allowed` is rewritten into what it should have been.
 * Returns the quirk it shows, allowed or not, or VMSG_QUIRK_NONE.
 */
VMSG_EXPORT enum vmsg_quirk vmsg_quirk_mend(const struct vmsg_profile *profile,
					    struct vmsg_span frame, uint32_t allowed);

VMSG_END_DECLS

#endif
