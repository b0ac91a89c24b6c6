/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and texts of the error codes, from the one list in error.h. */
#include "virtio_msg_ffa/error.h"

const char *vmsg_error_name(int error)
{
	if (error >= 0) {
		return "OK";
	}
#define VMSG_ERROR_NAME(name, value, text)                                                         \
	if (error == (value)) {                                                                    \
		return #name;                                                                      \
	}
	VMSG_ERRORS(VMSG_ERROR_NAME)
#undef VMSG_ERROR_NAME
	return "UNKNOWN";
}

const char *vmsg_error_text(int error)
{
	if (error >= 0) {
		return "success";
	}
#define VMSG_ERROR_TEXT(name, value, text)                                                         \
	if (error == (value)) {                                                                    \
		return text;                                                                       \
	}
	VMSG_ERRORS(VMSG_ERROR_TEXT)
#undef VMSG_ERROR_TEXT
	return "unknown error";
}
