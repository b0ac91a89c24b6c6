/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything the library needs from its surroundings beyond the compiler: three functions of libc,
 * barriers for memory that another CPU or world sees, and the assertion. The only file a port
 * edits.
 */
#ifndef VMSG_LIB_PORT_H
#define VMSG_LIB_PORT_H

#include <stddef.h>
#include <stdint.h>

#ifndef __cplusplus
/* Freestanding C has no <string.h>; these three are what the compiler itself may call anyway. As
 * plain names they are always calls in such a build: where a few bytes are copied on a hot path,
 * use the __builtin_ names. */
void *memcpy(void *restrict destination, const void *restrict source, size_t size);
void *memset(void *destination, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);
#endif

/* Assertions are for our own bugs and the caller's contract, never reachable from a peer's bytes.
 * VMSG_NO_ASSERT compiles them out. */
#ifdef VMSG_NO_ASSERT
#define VMSG_ASSERT(condition) ((void)sizeof(condition))
#else
#define VMSG_ASSERT(condition)                                                                     \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			__builtin_trap();                                                          \
		}                                                                                  \
	} while (0)
#endif

#define VMSG_ALWAYS_INLINE static inline __attribute__((always_inline))
/* For hot paths: inline where speed counts, at the compiler's discretion where size does. */
#ifdef __OPTIMIZE_SIZE__
#define VMSG_FOR_SIZE   1
#define VMSG_HOT_INLINE static inline
#else
#define VMSG_FOR_SIZE   0
#define VMSG_HOT_INLINE VMSG_ALWAYS_INLINE
#endif

/* The same for what is called from several places: there only once where size counts. */
#if VMSG_FOR_SIZE
#define VMSG_ONCE static __attribute__((noinline))
#else
#define VMSG_ONCE VMSG_ALWAYS_INLINE
#endif

/* The same for what other files call too. */
#if VMSG_FOR_SIZE
#define VMSG_CALLED __attribute__((noinline))
#else
#define VMSG_CALLED
#endif

/* Keeps a rarer path out of the registers and stack frame of a hot one. */
#define VMSG_NOINLINE static __attribute__((noinline))
/* Likewise, at the compiler's discretion where size counts. */
#if VMSG_FOR_SIZE
#define VMSG_APART static inline
#else
#define VMSG_APART VMSG_NOINLINE
#endif

#define VMSG_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define VMSG_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

VMSG_ALWAYS_INLINE uint16_t vmsg_port_le16(uint16_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return __builtin_bswap16(value);
#else
	return value;
#endif
}

VMSG_ALWAYS_INLINE uint32_t vmsg_port_le32(uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return __builtin_bswap32(value);
#else
	return value;
#endif
}

VMSG_ALWAYS_INLINE uint64_t vmsg_port_le64(uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return __builtin_bswap64(value);
#else
	return value;
#endif
}

/*
 * Words of shared memory that both sides look at while they run: ring indices, flags, event fields.
 * Little-endian there; `at` must be aligned (the virtqueue checks its addresses). Each use says
 * what it publishes or consumes.
 */
#if defined(__clang__) && defined(__ARM_ARCH_6M__)
/* Here aligned words are loaded and stored whole, yet clang would call a library. */
#define VMSG_PORT_LOAD(type, at, order)         (*(const volatile type *)(at))
#define VMSG_PORT_STORE(type, at, value, order) (*(volatile type *)(at) = (value))
#define VMSG_PORT_ORDER(order)                  __atomic_thread_fence(order)
#else
#define VMSG_PORT_LOAD(type, at, order)         __atomic_load_n((const type *)(at), order)
#define VMSG_PORT_STORE(type, at, value, order) __atomic_store_n((type *)(at), value, order)
#define VMSG_PORT_ORDER(order)                  ((void)0) /* the access itself is ordered */
#endif

VMSG_ALWAYS_INLINE uint16_t vmsg_port_load_acquire_le16(const void *at)
{
	const uint16_t value = VMSG_PORT_LOAD(uint16_t, at, __ATOMIC_ACQUIRE);

	VMSG_PORT_ORDER(__ATOMIC_ACQUIRE);
	return vmsg_port_le16(value);
}

VMSG_ALWAYS_INLINE uint16_t vmsg_port_load_relaxed_le16(const void *at)
{
	return vmsg_port_le16(VMSG_PORT_LOAD(uint16_t, at, __ATOMIC_RELAXED));
}

VMSG_ALWAYS_INLINE uint32_t vmsg_port_load_relaxed_le32(const void *at)
{
	return vmsg_port_le32(VMSG_PORT_LOAD(uint32_t, at, __ATOMIC_RELAXED));
}

VMSG_ALWAYS_INLINE void vmsg_port_store_release_le16(void *at, uint16_t value)
{
	VMSG_PORT_ORDER(__ATOMIC_RELEASE);
	VMSG_PORT_STORE(uint16_t, at, vmsg_port_le16(value), __ATOMIC_RELEASE);
}

VMSG_ALWAYS_INLINE void vmsg_port_store_relaxed_le16(void *at, uint16_t value)
{
	VMSG_PORT_STORE(uint16_t, at, vmsg_port_le16(value), __ATOMIC_RELAXED);
}

VMSG_ALWAYS_INLINE void vmsg_port_store_relaxed_le32(void *at, uint32_t value)
{
	VMSG_PORT_STORE(uint32_t, at, vmsg_port_le32(value), __ATOMIC_RELAXED);
}

/* Words of shared memory that one side owns until an index or flag is published, at any alignment.
 * A load reads its bytes once: what is checked afterwards is what is used, however the other side
 * changes the original. */
VMSG_ALWAYS_INLINE uint64_t vmsg_port_load_le64(const void *shared)
{
	uint64_t value;

	__builtin_memcpy(&value, shared, sizeof(value));
	__asm__ volatile("" : "+r"(value)); /* the compiler may not read the original again */
	return vmsg_port_le64(value);
}

VMSG_ALWAYS_INLINE void vmsg_port_store_le64(void *shared, uint64_t value)
{
	value = vmsg_port_le64(value);
	__builtin_memcpy(shared, &value, sizeof(value));
}

VMSG_ALWAYS_INLINE void vmsg_port_clear(void *shared, size_t size)
{
	__builtin_memset(shared, 0, size);
}

/* Copies any number of bytes into a local, once, to the same end. */
VMSG_ALWAYS_INLINE void vmsg_port_fetch(void *restrict local, const void *restrict shared,
					size_t size)
{
	__builtin_memcpy(local, shared, size);
	__asm__ volatile("" ::: "memory"); /* the compiler may not read the original again */
}

/*
 * Words <-> little-endian bytes. With a constant count on a little-endian machine this is a plain
 * copy, which compilers turn into vector moves; shifts would be merged into one move per word.
 */
VMSG_ALWAYS_INLINE void vmsg_port_store_le64s(uint8_t *to, const uint64_t *from, size_t count)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	for (size_t i = 0; i < 8 * count; i++) {
		to[i] = (uint8_t)(from[i / 8] >> (8 * (i % 8)));
	}
#else
	__builtin_memcpy(to, from, 8 * count);
#endif
}

VMSG_ALWAYS_INLINE void vmsg_port_load_le64s(uint64_t *to, const uint8_t *from, size_t count)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	for (size_t i = 0; i < 8 * count; i++) {
		to[i / 8] = (i % 8 ? to[i / 8] : 0) | (uint64_t)from[i] << (8 * (i % 8));
	}
#else
	__builtin_memcpy(to, from, 8 * count);
#endif
}

/* The same for any number of bytes, into words that are zero: they become the first of them. */
VMSG_ALWAYS_INLINE void vmsg_port_load_le_bytes(uint64_t *to, const uint8_t *from, size_t size)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	for (size_t i = 0; i < size; i++) {
		to[i / 8] |= (uint64_t)from[i] << (8 * (i % 8));
	}
#else
	memcpy(to, from, size);
#endif
}

/* Full fence: orders our earlier stores before our later loads (the EVENT_IDX handshake). */
VMSG_ALWAYS_INLINE void vmsg_port_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
