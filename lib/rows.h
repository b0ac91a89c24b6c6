/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * THE TABLE: every message's numbers, which bodies there are, and, in bodies.h, the fields of each
 * in wire order. A field that moved between revisions stands once at each place. Place, size and
 * kind of a field come from the struct, so that a row cannot disagree with it. (wire-revisions
 * sections 3.1 to 3.6)
 *
 * Read twice: as layouts by the codec, and, with VMSG_ROWS_AS_NAMES, as the names of the same
 * fields by the tools, so that firmware carries no names.
 */
#ifndef VMSG_LIB_ROWS_H
#define VMSG_LIB_ROWS_H

#include "engine.h"

/* Layouts */
#define A1  (1u << VMSG_LAYOUT_A1)
#define A2  (1u << VMSG_LAYOUT_A2)
#define R0  (1u << VMSG_LAYOUT_R0)
#define R1  (1u << VMSG_LAYOUT_R1)
#define R2A (1u << VMSG_LAYOUT_R2A)
#define R2B (1u << VMSG_LAYOUT_R2B)
#define R3  (1u << VMSG_LAYOUT_R3)
#define R2  (R2A | R2B)
#define A   (A1 | A2)
#define R01 (R0 | R1)
#define R02 (R0 | R1 | R2)
#define R23 (R2 | R3)
#define R12 (R1 | R2)
#define R13 (R1 | R2 | R3)
#define R03 (R0 | R1 | R2 | R3)
#define ALL (A | R03)

#define NO 0xff

/* X(type, its number in a1, a2, r0, and r1 to r3 where they have it, who sends it (the request),
 * what it does); transport first, then bus */
#define VMSG_TYPES(X)                                                                              \
	X(CONNECT, 0x01, NO, NO, NO, DRIVER, "connects to a device")                               \
	X(DISCONNECT, 0x02, NO, NO, NO, DRIVER, "ends what CONNECT began")                         \
	X(TRANSPORT_ERROR, NO, 0x01, NO, NO, ANY, "reports an error about a message")              \
	X(GET_DEVICE_INFO, 0x03, 0x02, 0x02, 0x02, DRIVER,                                         \
	  "asks what the device is, and for its sizes and counts")                                 \
	X(GET_DEVICE_FEATURES, 0x04, 0x03, 0x03, 0x03, DRIVER,                                     \
	  "asks for blocks of 32 offered feature bits")                                            \
	X(SET_DRIVER_FEATURES, 0x05, 0x04, 0x04, 0x04, DRIVER,                                     \
	  "accepts features, in blocks of 32 bits")                                                \
	X(GET_CONFIG, 0x06, 0x05, 0x05, 0x05, DRIVER, "reads from the configuration space")        \
	X(SET_CONFIG, 0x07, 0x06, 0x06, 0x06, DRIVER, "writes to the configuration space")         \
	X(GET_CONFIG_GEN, 0x08, 0x07, NO, NO, DRIVER,                                              \
	  "asks for the generation of the configuration")                                          \
	X(GET_DEVICE_STATUS, 0x09, 0x08, 0x07, 0x07, DRIVER, "asks for the device status")         \
	X(SET_DEVICE_STATUS, 0x0a, 0x09, 0x08, 0x08, DRIVER, "writes the device status; 0 resets") \
	X(GET_VQUEUE, 0x0b, 0x0a, 0x09, 0x09, DRIVER, "asks for limits and state of a queue")      \
	X(SET_VQUEUE, 0x0c, 0x0b, 0x0a, 0x0a, DRIVER, "sets size and addresses of a queue")        \
	X(RESET_VQUEUE, 0x0d, 0x0c, 0x0b, 0x0b, DRIVER,                                            \
	  "stops a queue; answered when it is quiet")                                              \
	X(GET_SHM, NO, NO, NO, 0x0c, DRIVER, "asks for a region of shared memory")                 \
	X(EVENT_CONFIG_EMPTY, NO, NO, 0x40, NO, DEVICE, "the configuration changed")               \
	X(EVENT_CONFIG, 0x10, 0x20, 0x41, 0x40, DEVICE, "status or configuration changed")         \
	X(EVENT_AVAIL, 0x11, 0x21, 0x42, 0x41, DRIVER, "a queue has new buffers")                  \
	X(EVENT_USED, 0x12, 0x22, 0x43, 0x42, DEVICE, "a queue has used buffers")                  \
	X(BUS_ERROR, 0x00, 0x01, NO, NO, ANY, "reports an error about a message")                  \
	X(GET_DEVICES, NO, 0x02, 0x02, 0x02, DRIVER,                                               \
	  "asks which device numbers of a window exist")                                           \
	X(DEVICE_ADDED, NO, 0x03, 0x41, NO, DEVICE, "a device came")                               \
	X(DEVICE_REMOVED, NO, 0x04, 0x42, NO, DEVICE, "a device went")                             \
	X(PING, NO, 0x05, 0x03, 0x03, ANY, "asks whether the other side lives")                    \
	X(BUS_STATUS, NO, 0x06, NO, NO, ANY, "the state of the bus changed")                       \
	X(EVENT_DEVICE, NO, NO, NO, 0x40, DEVICE, "a device came or went")                         \
	X(ACTIVATE, 0x01, NO, NO, NO, DRIVER,                                                      \
	  "opens the bus; versions and features of both sides")                                    \
	X(DEACTIVATE, 0x02, NO, NO, NO, DRIVER, "closes the bus")                                  \
	X(CONFIGURE, 0x03, NO, NO, NO, DRIVER, "chooses features of the bus")                      \
	X(VERSION, NO, NO, 0x80, 0x80, DRIVER, "agrees on the versions and features of the bus")   \
	X(AREA_SHARE, 0x04, NO, 0x81, 0x81, DRIVER,                                                \
	  "gives memory that the driver shared by FF-A an area id")                                \
	X(AREA_UNSHARE, 0x05, NO, 0x82, 0x82, DRIVER, "asks for an area back")                     \
	X(RESET, NO, NO, NO, 0x83, DRIVER, "ends the session on the bus")                          \
	X(EVENT_POLL, NO, NO, 0x84, 0x84, DRIVER,                                                  \
	  "fetches one event; the answer is the event or, for none, empty")                        \
	X(EVENT_CONFIGURE, NO, NO, NO, 0x85, DRIVER, "chooses how events reach the driver")        \
	X(FIFO_CONFIGURE, NO, NO, NO, 0x86, DRIVER, "shares memory for two rings of messages")     \
	X(ERROR, NO, NO, NO, 0x87, DEVICE, "answers a request that cannot be served")              \
	X(AREA_RELEASE, NO, NO, 0x83, 0xc0, DEVICE, "the device no longer uses an area")

#ifndef VMSG_ROWS_AS_NAMES

#define PLACE(member)   ((uint8_t)(offsetof(struct vmsg_message, body.member) - VMSG_BODY_PLACE))
#define MEMBER(member)  (((const struct vmsg_message *)0)->body.member)
#define VMSG_BODY_PLACE offsetof(struct vmsg_message, body)

/* A number's kind is its member's type; any other type is an error here. */
#define NUMBER_KIND(member)                                                                        \
	_Generic(MEMBER(member), uint8_t                                                           \
		 : VMSG_FIELD_U8, uint16_t                                                         \
		 : VMSG_FIELD_U16, uint32_t                                                        \
		 : VMSG_FIELD_U32, uint64_t                                                        \
		 : VMSG_FIELD_U64)
#define BITS_OF(member, width)                                                                     \
	{                                                                                          \
		8 * ((width) < sizeof(MEMBER(member)) ? (width) : sizeof(MEMBER(member)))          \
	}
/* Place of a member of one type only; another type is an error here. */
#define PLACE_OF(type, member)                                                                     \
	(PLACE(member) + _Generic(&MEMBER(member), const type * : (uint8_t)0))

#define ROWS static const struct vmsg_row rows[]
#define ROW(type, kind, body, layouts)                                                             \
	{                                                                                          \
		FIRST_FIELD(body), layouts, VMSG_##type, VMSG_##kind, FIELD_COUNT(body)            \
	}
#define EMPTY(type, kind, layouts)                                                                 \
	{                                                                                          \
		0, layouts, VMSG_##type, VMSG_##kind, 0                                            \
	}

/* One for each kind of field; `member` is relative to the body. */
#define UINT(member, name, width, layouts)                                                         \
	{                                                                                          \
		PLACE(member), layouts, NUMBER_KIND(member), width, BITS_OF(member, width)         \
	}
#define NAMED(member, name, values, width, layouts) UINT(member, name, width, layouts)
#define LOW8(member, name, layouts)                                                                \
	{                                                                                          \
		PLACE_OF(uint16_t, member), layouts, VMSG_FIELD_LOW8, 2,                           \
		{                                                                                  \
			8                                                                          \
		}                                                                                  \
	}
#define BLOCKS(member, name, layouts)                                                              \
	{                                                                                          \
		PLACE_OF(uint32_t, member), layouts, VMSG_FIELD_BLOCKS, 4,                         \
		{                                                                                  \
			27                                                                         \
		}                                                                                  \
	}
#define LOW31(member, name, layouts)                                                               \
	{                                                                                          \
		PLACE_OF(uint32_t, member), layouts, VMSG_FIELD_LOW31, 4,                          \
		{                                                                                  \
			31                                                                         \
		}                                                                                  \
	}
#define BIT31(member, name, layouts)                                                               \
	{                                                                                          \
		PLACE_OF(uint32_t, member), layouts, VMSG_FIELD_BIT31, 0,                          \
		{                                                                                  \
			1                                                                          \
		}                                                                                  \
	}
#define TOLD(member, name, layouts)                                                                \
	{                                                                                          \
		PLACE_OF(uint32_t, member), layouts, VMSG_FIELD_TOLD, 4,                           \
		{                                                                                  \
			32                                                                         \
		}                                                                                  \
	}
#define RESERVED(width, layouts)                                                                   \
	{                                                                                          \
		0, layouts, VMSG_FIELD_RESERVED, width,                                            \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define UUID(member, name, layouts)                                                                \
	{                                                                                          \
		PLACE(member[0]), layouts, VMSG_FIELD_UUID, sizeof(MEMBER(member)),                \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define END(layouts)                                                                               \
	{                                                                                          \
		0, layouts, VMSG_FIELD_END, 0,                                                     \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define TAIL(member, name, kind, count, layouts)                                                   \
	{                                                                                          \
		PLACE_OF(struct vmsg_bytes, member), layouts, VMSG_FIELD_##kind, 0,                \
		{                                                                                  \
			PLACE_OF(uint32_t, count)                                                  \
		}                                                                                  \
	}
#define BITS(member, name, kind, count, layouts)                                                   \
	{                                                                                          \
		PLACE_OF(struct vmsg_bytes, member), layouts, VMSG_FIELD_##kind, 0,                \
		{                                                                                  \
			PLACE_OF(uint16_t, count)                                                  \
		}                                                                                  \
	}
#define FIXED(member, name, count, width, layouts)                                                 \
	{                                                                                          \
		PLACE_OF(struct vmsg_bytes, member), layouts, VMSG_FIELD_FIXED, width,             \
		{                                                                                  \
			PLACE_OF(uint32_t, count)                                                  \
		}                                                                                  \
	}
#define FILLED(member, name, width, layouts)                                                       \
	{                                                                                          \
		PLACE_OF(struct vmsg_bytes, member), layouts, VMSG_FIELD_FIXED, width,             \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

/* The fields of all bodies are one array, so that a byte of a row says where its own begin. In this
 * struct, which nobody has, a field is a byte. */
struct vmsg_body_places {
#define BODY(name, ...)                                                                            \
	uint8_t name[sizeof((struct vmsg_field[]){ __VA_ARGS__ }) / sizeof(struct vmsg_field)];
#include "bodies.h"
#undef BODY
};
_Static_assert(sizeof(struct vmsg_body_places) <= UINT8_MAX, "a row's first field is a byte");
#define FIRST_FIELD(body) offsetof(struct vmsg_body_places, body)
#define FIELD_COUNT(body) sizeof(((const struct vmsg_body_places *)0)->body)

#define BODY(name, ...) __VA_ARGS__,
static const struct vmsg_field body_fields[] = {
#include "bodies.h"
};
#undef BODY

#else

#include "values.h"

/* What a field is called, and the names that its values have (NULL: none). */
struct vmsg_field_words {
	const char *name;
	const struct vmsg_value *values;
};

#define ROWS                           static const struct vmsg_field_words *const rows[]
#define ROW(type, kind, body, layouts) body
#define EMPTY(type, kind, layouts)     NULL

#define WORDS_OF(name, values)                                                                     \
	{                                                                                          \
		name, values                                                                       \
	}
#define UINT(member, name, width, layouts)          WORDS_OF(name, NULL)
#define NAMED(member, name, values, width, layouts) WORDS_OF(name, values)
#define LOW8(member, name, layouts)                 WORDS_OF(name, NULL)
#define BLOCKS(member, name, layouts)               WORDS_OF(name, NULL)
#define LOW31(member, name, layouts)                WORDS_OF(name, NULL)
#define BIT31(member, name, layouts)                WORDS_OF(name, NULL)
#define TOLD(member, name, layouts)                 WORDS_OF(name, NULL)
#define RESERVED(width, layouts)                    WORDS_OF("reserved", NULL)
#define UUID(member, name, layouts)                 WORDS_OF(name, NULL)
#define END(layouts)                                WORDS_OF("msg_size", NULL)
#define TAIL(member, name, kind, count, layouts)    WORDS_OF(name, VALUES_OF_##kind)
#define BITS(member, name, kind, count, layouts)    WORDS_OF(name, NULL)
#define FIXED(member, name, count, width, layouts)  WORDS_OF(name, NULL)
#define FILLED(member, name, width, layouts)        WORDS_OF(name, NULL)

/* The only words that are counted are those of feature bits. */
#define VALUES_OF_WORDS                             feature_bits
#define VALUES_OF_BYTES                             NULL
#define VALUES_OF_MAYBE                             NULL

#define BODY(name, ...) static const struct vmsg_field_words name[] = { __VA_ARGS__ };
#include "bodies.h"
#undef BODY

#endif

/* ---- which bodies there are ---- */

ROWS = {
	EMPTY(CONNECT, REQUEST, A1),
	EMPTY(CONNECT, RESPONSE, A1),
	EMPTY(DISCONNECT, REQUEST, A1),
	EMPTY(DISCONNECT, RESPONSE, A1),
	ROW(TRANSPORT_ERROR, REQUEST, early_error, A2),
	ROW(TRANSPORT_ERROR, RESPONSE, early_error, A2),
	EMPTY(GET_DEVICE_INFO, REQUEST, ALL),
	ROW(GET_DEVICE_INFO, RESPONSE, early_device_info_response, A),
	ROW(GET_DEVICE_INFO, RESPONSE, get_device_info_response, R03),
	ROW(GET_DEVICE_FEATURES, REQUEST, get_features_request, ALL),
	ROW(GET_DEVICE_FEATURES, RESPONSE, features, ALL),
	ROW(SET_DRIVER_FEATURES, REQUEST, features, ALL),
	ROW(SET_DRIVER_FEATURES, RESPONSE, features, A),
	EMPTY(SET_DRIVER_FEATURES, RESPONSE, R03),
	ROW(GET_CONFIG, REQUEST, get_config_request, ALL),
	ROW(GET_CONFIG, RESPONSE, config, ALL),
	ROW(SET_CONFIG, REQUEST, config, ALL),
	ROW(SET_CONFIG, RESPONSE, set_config_response, ALL),
	EMPTY(GET_CONFIG_GEN, REQUEST, A),
	ROW(GET_CONFIG_GEN, RESPONSE, config_generation, A),
	EMPTY(GET_DEVICE_STATUS, REQUEST, ALL),
	ROW(GET_DEVICE_STATUS, RESPONSE, device_status, ALL),
	ROW(SET_DEVICE_STATUS, REQUEST, device_status, ALL),
	EMPTY(SET_DEVICE_STATUS, RESPONSE, A),
	ROW(SET_DEVICE_STATUS, RESPONSE, device_status, R03),
	ROW(GET_VQUEUE, REQUEST, vqueue_index, ALL),
	ROW(GET_VQUEUE, RESPONSE, get_vqueue_response, ALL),
	ROW(SET_VQUEUE, REQUEST, set_vqueue, ALL),
	ROW(SET_VQUEUE, RESPONSE, set_vqueue, A),
	EMPTY(SET_VQUEUE, RESPONSE, R03),
	ROW(RESET_VQUEUE, REQUEST, vqueue_index, ALL),
	EMPTY(RESET_VQUEUE, RESPONSE, ALL),
	ROW(GET_SHM, REQUEST, get_shm_request, R13),
	ROW(GET_SHM, RESPONSE, get_shm_response, R13),
	EMPTY(EVENT_CONFIG_EMPTY, EVENT, R0),
	ROW(EVENT_CONFIG, EVENT, event_config, ALL),
	ROW(EVENT_AVAIL, EVENT, event_avail, ALL),
	ROW(EVENT_USED, EVENT, event_used, ALL),
	EMPTY(BUS_ERROR, REQUEST, A1),
	EMPTY(BUS_ERROR, RESPONSE, A1),
	ROW(BUS_ERROR, REQUEST, early_error, A2),
	ROW(BUS_ERROR, RESPONSE, early_error, A2),
	ROW(GET_DEVICES, REQUEST, get_devices_request, A2 | R03),
	ROW(GET_DEVICES, RESPONSE, get_devices_response, A2 | R03),
	ROW(DEVICE_ADDED, EVENT, device_number, A2 | R0),
	ROW(DEVICE_REMOVED, EVENT, device_number, A2 | R0),
	ROW(PING, REQUEST, ping, A2 | R03),
	ROW(PING, RESPONSE, ping, A2 | R03),
	ROW(BUS_STATUS, EVENT, bus_status, A2),
	ROW(EVENT_DEVICE, EVENT, event_device, R13),
	ROW(ACTIVATE, REQUEST, activate_request, A1),
	ROW(ACTIVATE, RESPONSE, activate_response, A1),
	EMPTY(DEACTIVATE, REQUEST, A1),
	EMPTY(DEACTIVATE, RESPONSE, A1),
	ROW(CONFIGURE, REQUEST, configure, A1),
	ROW(CONFIGURE, RESPONSE, configure, A1),
	ROW(VERSION, REQUEST, version_request, R03),
	ROW(VERSION, RESPONSE, version_response, R03),
	ROW(AREA_SHARE, REQUEST, area_share_request, A1 | R03),
	ROW(AREA_SHARE, RESPONSE, area_result, A1 | R03),
	ROW(AREA_UNSHARE, REQUEST, early_unshare_request, A1),
	ROW(AREA_UNSHARE, REQUEST, area, R03),
	EMPTY(AREA_UNSHARE, RESPONSE, A1 | R0),
	ROW(AREA_UNSHARE, RESPONSE, area_result, R13),
	/* r1 declares no bodies of RESET and EVENT_POLL: those of r2 (O14) */
	EMPTY(RESET, REQUEST, R13),
	ROW(RESET, RESPONSE, result, R13),
	EMPTY(EVENT_POLL, REQUEST, R03),
	EMPTY(EVENT_POLL, RESPONSE, R03),
	ROW(EVENT_CONFIGURE, REQUEST, event_configure_request, R23),
	ROW(EVENT_CONFIGURE, RESPONSE, result, R23),
	ROW(FIFO_CONFIGURE, REQUEST, fifo_configure_request, R2B | R3),
	ROW(FIFO_CONFIGURE, RESPONSE, fifo_configure_response, R2B | R3),
	ROW(ERROR, RESPONSE, error_response, R2B | R3),
	ROW(AREA_RELEASE, EVENT, area, R03),
};

#endif
