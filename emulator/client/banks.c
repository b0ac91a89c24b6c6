/* SPDX-License-Identifier: BSD-3-Clause */
/* RAM of a partition: memfds that can change neither size nor seals. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/internal.h"

static int create(struct vmsg_emu_bank *bank, int *descriptor)
{
	if (bank->size == 0 || bank->size % VMSG_WIRE_PAGE_SIZE != 0 ||
	    bank->size > VMSG_WIRE_RAM_MAX) {
		return VMSG_ERROR_INVALID;
	}
	const bool is_rom = bank->access == VMSG_EMU_BANK_ROM;
	int seals = F_SEAL_SHRINK | F_SEAL_GROW;
	if (is_rom) {
		seals |= F_SEAL_FUTURE_WRITE;
	}
	if (bank->access != VMSG_EMU_BANK_OWNED) {
		seals |= F_SEAL_SEAL;
	}
	*descriptor = memfd_create("vmsg-ffa-emu-bank", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*descriptor < 0 || ftruncate(*descriptor, (off_t)bank->size) != 0 ||
	    fcntl(*descriptor, F_ADD_SEALS, seals) != 0) {
		return VMSG_ERROR_NO_SPACE;
	}
	void *data = mmap(NULL, bank->size, is_rom ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED,
			  *descriptor, 0);
	if (data == MAP_FAILED) {
		return VMSG_ERROR_NO_SPACE;
	}
	bank->data = data;
	return VMSG_OK;
}

int emu_banks_create(struct vmsg_emu_bank *banks, size_t count, int *descriptors)
{
	for (size_t i = 0; i < count; i++) {
		banks[i].data = NULL;
		descriptors[i] = -1;
	}
	for (size_t i = 0; i < count; i++) {
		const int result = create(&banks[i], &descriptors[i]);
		if (result < 0) {
			return result;
		}
	}
	return VMSG_OK;
}

/* The manager has mapped them, so nobody else needs to write. */
int emu_banks_seal(const struct vmsg_emu_bank *banks, size_t count, const int *descriptors)
{
	for (size_t i = 0; i < count; i++) {
		if (banks[i].access == VMSG_EMU_BANK_OWNED &&
		    fcntl(descriptors[i], F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
			return VMSG_ERROR_NO_SPACE;
		}
	}
	return VMSG_OK;
}

int emu_banks_place(struct vmsg_emu_bank *banks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		void *wanted = (void *)(uintptr_t)banks[i].address;
		void *place = mmap(
			wanted, banks[i].size, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
		if (place != wanted) {
			if (place != MAP_FAILED) {
				munmap(place, banks[i].size);
			}
			return VMSG_ERROR_NO_SPACE;
		}
		if (mremap(banks[i].data, banks[i].size, banks[i].size,
			   MREMAP_MAYMOVE | MREMAP_FIXED, place) == MAP_FAILED) {
			munmap(place, banks[i].size);
			return VMSG_ERROR_NO_SPACE;
		}
		banks[i].data = place;
	}
	return VMSG_OK;
}

void emu_banks_free(struct vmsg_emu_bank *banks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (banks[i].data) {
			munmap(banks[i].data, banks[i].size);
			banks[i].data = NULL;
		}
	}
}
