/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of messages, made from frames typed as hex. */
#ifndef VMSG_TESTS_TAP_RECORDS_H
#define VMSG_TESTS_TAP_RECORDS_H

#include "tap/record.h"

/* A direct message with the device service's UUID, as `kind` of the partition that it concerns. */
struct tap_record tap_direct_request(enum tap_kind kind, uint16_t source, uint16_t destination,
				     const char *hex);
struct tap_record tap_direct_response(enum tap_kind kind, uint16_t source, uint16_t destination,
				      const char *hex);

/* FFA_MSG_SEND2 with a message of FF-A 1.2, `service` NULL for nil. Its payload is kept in `room`.
 */
struct tap_record tap_indirect(uint16_t source, uint16_t destination,
			       const struct vmsg_ffa_uuid *service, const char *hex,
			       uint8_t room[256]);

#endif
