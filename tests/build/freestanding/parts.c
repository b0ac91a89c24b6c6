/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a firmware that uses parts of the library carries of it: the linker drops what is not
 * reached from here. PARTS_CODEC: every message of every dialect, decoded and encoded, and FF-A
 * registers wrapped and unwrapped. PARTS_RINGS: also rings of both kinds, of both roles, and the
 * memory they lie in. It is never run.
 */
#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/ffa.h"
#include "virtio_msg_ffa/virtqueue.h"

typedef void (*function)(void);

void _start(void);

#define USE(name) (function) name
static const function uses[] = {
	_start,
#if defined(PARTS_CODEC) || defined(PARTS_RINGS)
	USE(vmsg_profile),
	USE(vmsg_profile_detect),
	USE(vmsg_decode_header),
	USE(vmsg_decode),
	USE(vmsg_encode),
	USE(vmsg_encoded_size),
	USE(vmsg_address_make),
	USE(vmsg_address_split),
	USE(vmsg_ffa_regs_store),
	USE(vmsg_ffa_regs_load),
	USE(vmsg_ffa_uuid_to_pair),
	USE(vmsg_ffa_uuid_from_pair),
	USE(vmsg_ffa_uuid_is_nil),
	USE(vmsg_ffa_uuid_equal),
	USE(vmsg_ffa_pack_error),
	USE(vmsg_ffa_pack_success),
	USE(vmsg_ffa_reply_status),
	USE(vmsg_ffa_pack_direct_request2),
	USE(vmsg_ffa_pack_direct_response2),
	USE(vmsg_ffa_unpack_direct2_payload),
	USE(vmsg_ffa_partition_info_store),
	USE(vmsg_ffa_partition_info_load),
#endif
#if defined(PARTS_RINGS)
	USE(vmsg_memory_init),
	USE(vmsg_memory_add),
	USE(vmsg_memory_remove),
	USE(vmsg_vq_desc_size),
	USE(vmsg_vq_driver_size),
	USE(vmsg_vq_device_size),
	USE(vmsg_vq_device_start),
	USE(vmsg_vq_device_stop),
	USE(vmsg_vq_device_pop),
	USE(vmsg_vq_device_push),
	USE(vmsg_vq_device_should_notify),
	USE(vmsg_vq_device_enable_notify),
	USE(vmsg_vq_device_disable_notify),
	USE(vmsg_vq_driver_start),
	USE(vmsg_vq_driver_stop),
	USE(vmsg_vq_driver_add),
	USE(vmsg_vq_driver_add_indirect),
	USE(vmsg_vq_driver_should_kick),
	USE(vmsg_vq_driver_next),
	USE(vmsg_vq_driver_reap),
	USE(vmsg_vq_driver_enable_notify),
	USE(vmsg_vq_driver_disable_notify),
	USE(vmsg_vq_driver_detach),
#endif
};

void _start(void)
{
	for (const volatile function *use = uses;; use++) {
		if (*use == _start) {
			continue;
		}
	}
}
