/* SPDX-License-Identifier: BSD-3-Clause */
/* Bits of the bus by name. */
#ifndef VMSG_EMULATOR_COMMANDS_NAMES_H
#define VMSG_EMULATOR_COMMANDS_NAMES_H

#include <stdint.h>

#define NAMES_TEXT_SIZE 160

/* "DIRECT_RX DIRECT_TX", "none", bits without a name in hex. */
const char *names_bus_features(uint32_t features, char text[NAMES_TEXT_SIZE]);
const char *names_transport_features(uint32_t features, char text[NAMES_TEXT_SIZE]);

#endif
