/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks a device partition what a driver would ask, and a little that no driver would, and draws
 * conclusions from the answers: which dialect, and which known implementation they resemble. Knows
 * no carrier: frames go out and come back through a function.
 */
#ifndef VMSG_EMULATOR_PROBE_H
#define VMSG_EMULATOR_PROBE_H

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/config.h"

#define PROBE_TEXT_SIZE 192

/* What an answer looks like, whatever it should have been. */
enum probe_form {
	PROBE_FORM_NONE,      /* there is no answer */
	PROBE_FORM_ZEROS,     /* all zero: busy, or not understood */
	PROBE_FORM_NULL,      /* null reply, with the request's token or without tokens */
	PROBE_FORM_NULL_ZERO, /* null reply whose token is 0 although the request had one */
	PROBE_FORM_OWN,       /* the request's header as a response, without a body */
	PROBE_FORM_OWN_ZERO,  /* the same, but of device 0 or with token 0 */
	PROBE_FORM_ERROR,     /* bus ERROR 0x87 */
	PROBE_FORM_RESPONSE,  /* the response that was asked for */
	PROBE_FORM_EVENT,     /* an event */
	PROBE_FORM_OTHER,
};

/* How GET_DEVICES, asked for 64 slots, is answered. */
enum probe_shape {
	PROBE_SHAPE_NONE,     /* not at all */
	PROBE_SHAPE_WHOLE,    /* 64 slots in 8 bytes */
	PROBE_SHAPE_FEWER,    /* fewer slots, in as many bytes as they need */
	PROBE_SHAPE_ONE_BYTE, /* 8 slots in 1 byte */
	PROBE_SHAPE_DEVICES,  /* more bytes than the count needs: it counts devices (Q12) */
};

enum probe_fact_id {
	PROBE_VERSION_SIZE, /* bytes of the VERSION response */
	PROBE_TRANSPORT_FEATURES,
	PROBE_BUS_FEATURES,
	PROBE_MAX_AREAS,
	PROBE_TOKEN,   /* of the VERSION response: 1 the request's, 0 none, 2 another */
	PROBE_NEWER,   /* enum probe_form of the answer to a newer VERSION than it has */
	PROBE_UNKNOWN, /* enum probe_form of the answer to a bus request of no meaning */
	PROBE_EVENT,   /* enum probe_form of the reply to an event for no device */
	PROBE_DEVICES, /* enum probe_shape */
	PROBE_INFO,    /* bytes of the GET_DEVICE_INFO response of the first device, 0: none */
	PROBE_PING,    /* enum probe_form */
	PROBE_RESET,   /* result, or 0x100 + enum probe_form when it is none */
	PROBE_FACT_COUNT
};

struct probe_fact {
	bool known;
	uint32_t value;
	char text[PROBE_TEXT_SIZE];
};

/* Like the fact: not looked at, as the resembled implementation has it, otherwise. */
enum probe_mark { PROBE_MARK_NONE, PROBE_MARK_SAME, PROBE_MARK_OTHER };

struct probe {
	/* One frame there and its answer back, zero padded: 0, or < 0 when none came. */
	int (*exchange)(void *context, struct vmsg_bytes frame,
			uint8_t answer[VMSG_FRAME_SIZE_MAX]);
	void *context;
	uint32_t ffa_version; /* ours, for VERSION of r3 */
	bool all;             /* try every dialect, not only down to the first that is agreed on */

	/* filled by probe_run() */
	const struct vmsg_profile *profile; /* the newest agreed on, NULL: none */
	bool speaks[VMSG_PROFILE_COUNT];    /* of those tried */
	int error;                          /* why the peer was given up before the end, else 0 */
	uint32_t exchanges;
	uint32_t devices; /* listed, among the first 64 */
	struct probe_fact facts[PROBE_FACT_COUNT];
	enum probe_mark marks[PROBE_FACT_COUNT];
	const char *resembles; /* NULL: no known implementation */
	const char *nearest;   /* the best match, even when it is a poor one; NULL: none */
	unsigned int matched;  /* of `nearest`: so many of its facts */
	unsigned int of;

	/* private */
	uint16_t token;
	uint8_t answer[VMSG_FRAME_SIZE_MAX];
};

/* Asks. Leaves the peer reset where its dialect has RESET. */
void probe_run(struct probe *probe);

/* Name of a fact in JSON: "version_size". */
const char *probe_fact_name(enum probe_fact_id id);

/* Fills resembles, nearest, matched, of and marks from profile and facts. */
void probe_compare(struct probe *probe);

#endif
