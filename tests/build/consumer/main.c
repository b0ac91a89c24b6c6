/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of somebody else's, built against the installed packages. */
#include <stdio.h>

#include <virtio_msg_ffa/virtio_msg_ffa.h>
#ifdef PARTITION
#include <virtio_msg_ffa/emulator.h>
#endif

int main(void)
{
	static const uint8_t frame[] = { 0x00, 0x05, 0x03, 0x01, 0x0e, 0x00, 0x14,
					 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00 };
	struct vmsg_message message;

#ifdef PARTITION
	struct vmsg_emu_local *local = vmsg_emu_local_create();
	if (!local) {
		return 1;
	}
	vmsg_emu_local_destroy(local);
#endif
	if (vmsg_decode(vmsg_profile_find("r1"), (struct vmsg_bytes){ frame, sizeof(frame) },
			&message, NULL) < 0) {
		return 1;
	}
	return puts(vmsg_type_name(message.header.type)) < 0;
}
