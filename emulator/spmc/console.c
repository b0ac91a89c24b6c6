/* SPDX-License-Identifier: BSD-3-Clause */
/* FFA_CONSOLE_LOG: characters in registers, for whoever keeps the log. */
#include "spmc/internal.h"

/* w2..w7 with four characters each, or x2..x17 with eight. */
#define FIRST  2
#define MAX_32 24u
#define MAX_64 128u

static bool is_smc64(const struct vmsg_ffa_regs *regs)
{
	return (uint32_t)regs->x[0] == VMSG_FFA_ID64(CONSOLE_LOG);
}

enum spmc_result spmc_call_console_log(struct spmc *spmc, struct vcpu *vcpu,
				       struct vmsg_ffa_regs *regs)
{
	const uint32_t count = (uint32_t)regs->x[1];

	if (count == 0 || count > (is_smc64(regs) ? MAX_64 : MAX_32)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	spmc_deliver(spmc, &(struct spmc_delivery){
				   .kind = SPMC_CONSOLE,
				   .partition = vcpu->partition->config.id,
				   .vcpu = vcpu->index,
				   .regs = *regs,
			   });
	return spmc_success(regs);
}

size_t spmc_console_text(const struct spmc_delivery *delivery, uint8_t text[SPMC_CONSOLE_TEXT_MAX])
{
	const size_t per_register = is_smc64(&delivery->regs) ? 8 : 4;
	const size_t count = (uint32_t)delivery->regs.x[1];

	for (size_t i = 0; i < count && i < SPMC_CONSOLE_TEXT_MAX; i++) {
		const uint64_t word = delivery->regs.x[FIRST + i / per_register];
		text[i] = (uint8_t)(word >> (8 * (i % per_register)));
	}
	return count;
}
