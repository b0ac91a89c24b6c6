/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library's own error codes. A function returns >= 0 for success or one of these. What a *peer*
 * said (an FF-A status, a virtio status, a result code) is never one of them: it is data in a
 * decoded struct.
 */
#ifndef VIRTIO_MSG_FFA_ERROR_H
#define VIRTIO_MSG_FFA_ERROR_H

#include "virtio_msg_ffa/compiler.h"

VMSG_BEGIN_DECLS

/* X(NAME, value, text): the one list; enum, names and texts follow from it. */
#define VMSG_ERRORS(X)                                                                             \
	X(INVALID, -1, "invalid argument")                                                         \
	X(TRUNCATED, -2, "shorter than its layout")                                                \
	X(TRAILING, -3, "longer than its layout")                                                  \
	X(UNKNOWN_ID, -4, "unknown message id")                                                    \
	X(BAD_HEADER, -5, "malformed header")                                                      \
	X(BAD_FIELD, -6, "field holds a value that its rules forbid")                              \
	X(RANGE, -7, "value out of range")                                                         \
	X(STATE, -8, "not allowed in this state")                                                  \
	X(NO_SPACE, -9, "no room")                                                                 \
	X(AGAIN, -10, "busy, try again")                                                           \
	X(REVISION, -11, "not part of this revision")                                              \
	X(PEER, -12, "the peer refused or failed")                                                 \
	X(TIMEOUT, -13, "no answer in time")                                                       \
	X(NOT_FOUND, -14, "no such object")

enum vmsg_error {
	VMSG_OK = 0,
#define VMSG_ERROR_ENUM(name, value, text) VMSG_ERROR_##name = (value),
	VMSG_ERRORS(VMSG_ERROR_ENUM)
#undef VMSG_ERROR_ENUM
};

/* Name of an error without its prefix ("TRUNCATED"), "OK" for any value >= 0, "UNKNOWN" for a code
 * that is not in the list. The string is constant. */
VMSG_EXPORT const char *vmsg_error_name(int error);

/* One-line text of an error, same rules as vmsg_error_name(). */
VMSG_EXPORT const char *vmsg_error_text(int error);

VMSG_END_DECLS

#endif
