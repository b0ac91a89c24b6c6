/* SPDX-License-Identifier: BSD-3-Clause */
/* The first lines of the README: what a frame asks for. No system, no memory but the stack. */
#include <stdio.h>
#include <virtio_msg_ffa/codec.h>
#include <virtio_msg_ffa/error.h>
#include <virtio_msg_ffa/format.h>

int main(void)
{
	/* GET_CONFIG of device 3: 8 bytes from offset 4 on, in the dialect of Linux RFC v1 */
	static const uint8_t frame[] = { 0x00, 0x05, 0x03, 0x00, 0x0e, 0x00, 0x04,
					 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00 };
	struct vmsg_message message;
	struct vmsg_diagnosis why;

	const int error = vmsg_decode(vmsg_profile_find("r1"),
				      (struct vmsg_bytes){ frame, sizeof(frame) }, &message, &why);
	if (error < 0) {
		char text[128];
		(void)vmsg_format_diagnosis(&why, text, sizeof(text));
		printf("%s: %s\n", vmsg_error_text(error), text);
		return 1;
	}
	if (message.header.type == VMSG_GET_CONFIG) {
		printf("device %u: config bytes %u to %u\n", message.header.dev_num,
		       message.body.get_config_request.offset,
		       message.body.get_config_request.offset +
			       message.body.get_config_request.length - 1);
	}
	return 0;
}
