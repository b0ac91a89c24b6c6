/* SPDX-License-Identifier: BSD-3-Clause */
/* --quirk on the command line, and what is told of the quirks that peers show. */
#ifndef VMSG_EMULATOR_QUIRKS_H
#define VMSG_EMULATOR_QUIRKS_H

#include "virtio_msg_ffa/bus.h"

/* The switches that are on, and the file behind the window (Q1). */
struct quirk_settings {
	uint32_t bits;
	uint64_t window_address;
	struct vmsg_segment window;
};

/* Room for one quirk as text. */
#define QUIRK_TEXT_SIZE 256

/*
 * --quirk NAME, or NAME,address=N,path=FILE: adds to `settings`. 0, or VMSG_EXIT_USAGE or _FAILED
 * after saying why. `roles` is what the command is; a switch of the other side is a mistake.
 */
int option_quirk(const char *text, enum vmsg_quirk_roles roles, struct quirk_settings *settings);

/* Lists the switches that a side has. */
void quirks_list(enum vmsg_quirk_roles roles);

/* The same for a session's options. */
void quirks_apply(const struct quirk_settings *settings, struct vmsg_bus_options *options);

/* "peer sent SET_DRIVER_FEATURES with size 14, as Linux RFC v1 does; quirk linux-rfc1-short-set is
 * off" */
const char *quirk_text(const struct vmsg_bus_event *event, char text[QUIRK_TEXT_SIZE]);

#endif
