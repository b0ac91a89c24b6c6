/* SPDX-License-Identifier: BSD-3-Clause */
/* An application on the module: sees its headers and its limits, links its functions. */
#include "virtio_msg_ffa/virtio_msg_ffa.h"

#ifndef EXPECTED_RANGES
#error "which limit does Kconfig set?"
#endif
_Static_assert(VMSG_REGION_RANGES_MAX == EXPECTED_RANGES, "Kconfig's limit reaches applications");

int main(void)
{
	struct vmsg_ffa_regs regs;

	vmsg_ffa_pack_success(&regs);
	return vmsg_profile_find("r3") && vmsg_ffa_reply_status(&regs) == 0 ? 0 : 1;
}
