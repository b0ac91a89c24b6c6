/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiler attributes that the public headers use. The only place that asks which compiler this is.
 */
#ifndef VIRTIO_MSG_FFA_COMPILER_H
#define VIRTIO_MSG_FFA_COMPILER_H

#ifdef __cplusplus
#define VMSG_BEGIN_DECLS extern "C" {
#define VMSG_END_DECLS   }
#else
#define VMSG_BEGIN_DECLS
#define VMSG_END_DECLS
#endif

#if defined(__GNUC__) || defined(__clang__)
#define VMSG_EXPORT     __attribute__((visibility("default")))
#define VMSG_MUST_CHECK __attribute__((warn_unused_result))
#define VMSG_PRINTF(format_index, first_index)                                                     \
	__attribute__((format(printf, format_index, first_index)))
#else
#define VMSG_EXPORT
#define VMSG_MUST_CHECK
#define VMSG_PRINTF(format_index, first_index)
#endif

#endif
