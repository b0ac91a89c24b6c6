/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nbdkit-vmsg-plugin: a virtio-blk across FF-A as an NBD disk, for everything that reads and writes
 * NBD: nbdcopy, qemu-img, fio, nbd-client. This process is the frontend's partition.
 *
 *   nbdkit ./nbdkit-vmsg-plugin.so socket=/tmp/emu.sock
 *
 * One session for all clients, begun with the first of them and, after it has failed, anew with the
 * next; requests come one at a time, and a large one keeps the queue full by itself.
 */
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/blk_driver.h"
#include "commands/quirks.h"
#include "commands/report.h"
#include "virtio_msg_ffa/codec.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS
#define TIMEOUT_NS   UINT64_C(5000000000)
#define PREFERRED    4096u
#define REQUEST_MAX  (32u * 1024 * 1024)

static struct session_options options = { .timeout_ns = TIMEOUT_NS };
static struct areas areas;
static char *socket_path;
static int device = -1; /* the first disk */
static struct session *session;
static struct blk_driver blk;

/* ---- configuration ---- */

static int set_number(const char *key, const char *value, unsigned int least, uint16_t *number)
{
	unsigned int wide;

	if (nbdkit_parse_unsigned(key, value, &wide) < 0) {
		return -1;
	}
	if (wide < least || wide > UINT16_MAX) {
		nbdkit_error("%s is %s, which is not from %u to 65535", key, value, least);
		return -1;
	}
	*number = (uint16_t)wide;
	return 0;
}

static int configure(const char *key, const char *value)
{
	uint16_t number;

	if (strcmp(key, "socket") == 0) {
		free(socket_path);
		socket_path = nbdkit_absolute_path(value); /* nbdkit leaves the folder */
		options.socket_path = socket_path;
		return socket_path ? 0 : -1;
	}
	if (strcmp(key, "id") == 0) {
		return set_number(key, value, 1, &options.id);
	}
	if (strcmp(key, "peer") == 0) {
		return set_number(key, value, 1, &options.peer);
	}
	if (strcmp(key, "device") == 0) {
		if (set_number(key, value, 0, &number) < 0) {
			return -1;
		}
		device = number;
		return 0;
	}
	if (strcmp(key, "profile") == 0) {
		options.profile = vmsg_profile_find(value);
		if (!options.profile || !options.profile->has_size) {
			nbdkit_error("profile is %s, which is none of r0 r1 r1-a16 r2a r2b r3",
				     value);
			return -1;
		}
		return 0;
	}
	if (strcmp(key, "areas") == 0) {
		report_init("nbdkit");
		if (option_areas(value, &areas) != 0) {
			nbdkit_error("areas is %s: see above", value);
			return -1;
		}
		return 0;
	}
	nbdkit_error("no parameter '%s'; there are socket, id, peer, device, profile and areas",
		     key);
	return -1;
}

/* ---- the session ---- */

static void end_session(void)
{
	if (session) {
		blk_driver_close(&blk);
		session_close(session);
		session = NULL;
	}
}

/* The disk, or NULL with the problem on nbdkit's standard error. */
static int begin_session(void)
{
	if (session && !session->over) {
		return 0;
	}
	end_session();
	report_init("nbdkit");
	if (areas_plan(&areas, &blk_driver_need, &options) != 0) {
		nbdkit_error("the memory cannot be had in that way: see above");
		return -1;
	}
	session = session_open(&options);
	if (!session) {
		nbdkit_error("no disk across FF-A: see above");
		return -1;
	}
	const int result = device < 0 ? blk_driver_open(&blk, session)
				      : blk_driver_open_number(&blk, session, (uint16_t)device);
	if (result < 0) {
		nbdkit_error("the disk cannot be driven: see above");
		end_session();
	}
	return result;
}

static void *open_disk(int readonly)
{
	(void)readonly;
	return begin_session() < 0 ? NULL : &blk;
}

static int64_t get_size(void *handle)
{
	(void)handle;
	return (int64_t)blk.size;
}

static int block_size(void *handle, uint32_t *least, uint32_t *preferred, uint32_t *most)
{
	(void)handle;
	*least = BLK_SECTOR_SIZE;
	*preferred = PREFERRED;
	*most = REQUEST_MAX;
	return 0;
}

static int can_write(void *handle)
{
	(void)handle;
	return !blk.is_readonly;
}

static int can_flush(void *handle)
{
	(void)handle;
	return blk.has_flush;
}

static int can_fua(void *handle)
{
	(void)handle;
	return blk.has_flush ? NBDKIT_FUA_EMULATE : NBDKIT_FUA_NONE;
}

/* One queue for all: a flush is everybody's. */
static int can_multi_conn(void *handle)
{
	(void)handle;
	return 1;
}

static int can_trim(void *handle)
{
	(void)handle;
	return blk.discard_max > 0;
}

static int can_zero(void *handle)
{
	(void)handle;
	return blk.zeroes_max > 0 ? 1 : 0;
}

/* ---- requests ---- */

/* Where the data of a request is in nbdkit's memory. */
static int take(void *context, uint64_t offset, uint8_t *data, size_t size)
{
	memcpy((uint8_t *)context + offset, data, size);
	return 0;
}

static int give(void *context, uint64_t offset, uint8_t *data, size_t size)
{
	memcpy(data, (const uint8_t *)context + offset, size);
	return 0;
}

static int check(uint32_t count, uint64_t offset)
{
	if (count % BLK_SECTOR_SIZE || offset % BLK_SECTOR_SIZE) {
		nbdkit_error("%" PRIu32 " bytes at %" PRIu64 " are not whole sectors of %u", count,
			     offset, BLK_SECTOR_SIZE);
		nbdkit_set_error(EINVAL);
		return -1;
	}
	return 0;
}

static int answer(int result)
{
	if (result < 0) {
		nbdkit_error("the device failed: see above");
		nbdkit_set_error(EIO);
	}
	return result;
}

static int move(void *data, uint32_t count, uint64_t offset, bool write)
{
	const struct blk_transfer transfer = {
		.write = write,
		.offset = offset,
		.size = count,
		.move = write ? give : take,
		.context = data,
		.what = write ? "write" : "read",
	};

	if (check(count, offset) < 0) {
		return -1;
	}
	return answer(session->over ? -1 : blk_driver_transfer(&blk, &transfer));
}

static int read_disk(void *handle, void *data, uint32_t count, uint64_t offset, uint32_t flags)
{
	(void)handle;
	(void)flags;
	return move(data, count, offset, false);
}

static int write_disk(void *handle, const void *data, uint32_t count, uint64_t offset,
		      uint32_t flags)
{
	(void)handle;
	(void)flags;
	return move((void *)(uintptr_t)data, count, offset, true);
}

static int flush_disk(void *handle, uint32_t flags)
{
	(void)handle;
	(void)flags;
	return answer(session->over ? -1 : blk_driver_flush(&blk));
}

static int trim_disk(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
	(void)handle;
	(void)flags;
	if (check(count, offset) < 0) {
		return -1;
	}
	return answer(session->over ? -1 : blk_driver_discard(&blk, offset, count));
}

static int zero_disk(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
	(void)handle;
	if (check(count, offset) < 0) {
		return -1;
	}
	return answer(session->over
			      ? -1
			      : blk_driver_zero(&blk, offset, count, flags & NBDKIT_FLAG_MAY_TRIM));
}

static void unload(void)
{
	end_session();
	free(socket_path);
}

static struct nbdkit_plugin plugin = {
	.name = "vmsg",
	.longname = "virtio-blk over virtio-msg over FF-A",
	.description = "drives a virtio-blk device of a partition of vmsg-ffa-emu",
	.version = "0.1",
	.config = configure,
	.config_help =
		"socket=PATH   the manager's socket (default: as for vmsg-ffa-emu)\n"
		"id=ID         be partition ID (default: the first free VM)\n"
		"peer=ID       drive the disk of partition ID (default: the first that has one)\n"
		"device=N      device N of it (default: its first disk)\n"
		"profile=P     speak revision P: r0, r1, r1-a16, r2a, r2b or r3\n"
		"areas=A       share memory as pool, demand or static,address=N,path=FILE "
		"(default: "
		"pool)",
	.magic_config_key = "socket",
	.open = open_disk,
	.get_size = get_size,
	.block_size = block_size,
	.can_write = can_write,
	.can_flush = can_flush,
	.can_fua = can_fua,
	.can_multi_conn = can_multi_conn,
	.can_trim = can_trim,
	.can_zero = can_zero,
	.pread = read_disk,
	.pwrite = write_disk,
	.flush = flush_disk,
	.trim = trim_disk,
	.zero = zero_disk,
	.unload = unload,
};

struct nbdkit_plugin *plugin_init(void); /* what the macro defines */
NBDKIT_REGISTER_PLUGIN(plugin)
