/* SPDX-License-Identifier: BSD-3-Clause */
/* What the library may call of libc: these three, and nothing else is there to link with. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	volatile uint8_t *at = to;
	const uint8_t *source = from;
	while (size--) {
		*at++ = *source++;
	}
	return to;
}

void *memset(void *to, int value, size_t size)
{
	volatile uint8_t *at = to;
	while (size--) {
		*at++ = (uint8_t)value;
	}
	return to;
}

int memcmp(const void *left, const void *right, size_t size)
{
	const uint8_t *a = left;
	const uint8_t *b = right;
	for (; size--; a++, b++) {
		if (*a != *b) {
			return *a < *b ? -1 : 1;
		}
	}
	return 0;
}

#if defined(__clang__) && defined(__ARM_EABI__)
/* The same under the names that the ARM run-time ABI gives them, by which clang calls them. */
#define EABI(alignment)                                                                            \
	void __aeabi_memcpy##alignment(void *to, const void *from, size_t size);                   \
	void __aeabi_memset##alignment(void *to, size_t size, int value);                          \
	void __aeabi_memclr##alignment(void *to, size_t size);                                     \
	void __aeabi_memcpy##alignment(void *to, const void *from, size_t size)                    \
	{                                                                                          \
		memcpy(to, from, size);                                                            \
	}                                                                                          \
	void __aeabi_memset##alignment(void *to, size_t size, int value)                           \
	{                                                                                          \
		memset(to, value, size);                                                           \
	}                                                                                          \
	void __aeabi_memclr##alignment(void *to, size_t size)                                      \
	{                                                                                          \
		memset(to, 0, size);                                                               \
	}
EABI()
EABI(4)
EABI(8)
#endif
