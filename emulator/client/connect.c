/* SPDX-License-Identifier: BSD-3-Clause */
/* The way into the system: path, socket, hello, welcome. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/internal.h"

int vmsg_emu_default_path(char *path, size_t size)
{
	const char *chosen = getenv("VMSG_FFA_EMU_SOCKET");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int length;

	if (chosen && *chosen) {
		length = snprintf(path, size, "%s", chosen);
	} else if (runtime && *runtime) {
		length = snprintf(path, size, "%s/vmsg-ffa-emu.sock", runtime);
	} else {
		length = snprintf(path, size, "/tmp/vmsg-ffa-emu-%lu/sock",
				  (unsigned long)geteuid());
	}
	if (length < 0 || (size_t)length >= size) {
		if (size > 0) {
			path[0] = '\0';
		}
		return VMSG_ERROR_NO_SPACE;
	}
	return VMSG_OK;
}

/* A manager of another user would see all our RAM. */
static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

int emu_dial(const char *path, int *fd, char *why, size_t why_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char standard[sizeof(address.sun_path)];

	*fd = -1;
	if (!path && vmsg_emu_default_path(standard, sizeof(standard)) < 0) {
		snprintf(why, why_size, "the default socket path is too long");
		return VMSG_ERROR_INVALID;
	}
	path = path ? path : standard;
	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(why, why_size, "%s: a socket's path has at most %zu bytes", path,
			 sizeof(address.sun_path) - 1);
		return VMSG_ERROR_INVALID;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (*fd < 0) {
		snprintf(why, why_size, "no socket: %s", strerror(errno));
		return VMSG_ERROR_NO_SPACE;
	}
	if (connect(*fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		snprintf(why, why_size, "no manager listens on %s: %s", path, strerror(errno));
		return VMSG_ERROR_NOT_FOUND;
	}
	if (!is_ours(*fd)) {
		snprintf(why, why_size, "the manager on %s belongs to another user", path);
		return VMSG_ERROR_PEER;
	}
	return VMSG_OK;
}

static int send_hello(struct vmsg_emu *emu, const struct vmsg_emu_options *options,
		      const int *descriptors)
{
	struct vmsg_wire_hello hello = {
		.magic = VMSG_WIRE_MAGIC,
		.version = VMSG_WIRE_VERSION,
		.role = VMSG_WIRE_PARTITION,
		.class = options->secure ? VMSG_WIRE_SECURE : VMSG_WIRE_VM,
		.id = options->id,
		.bank_count = (uint16_t)options->bank_count,
		.packed = true,
		.control = options->control,
		.banks_later = options->banks_later,
		.join = options->join,
		.vcpu = options->join ? options->vcpu : 0,
	};
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	for (size_t i = 0; i < options->bank_count; i++) {
		hello.banks[i].address = options->banks[i].address;
		hello.banks[i].size = options->banks[i].size;
	}
	const size_t size = vmsg_wire_encode_hello(frame, &hello);
	return io_send(emu->fd, frame, size, descriptors, options->bank_count, true) == 0
		       ? VMSG_OK
		       : VMSG_ERROR_PEER;
}

static int receive_welcome(struct vmsg_emu *emu, struct vmsg_emu_options *options, char *why,
			   size_t why_size)
{
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	struct vmsg_wire_header header;
	struct vmsg_wire_welcome welcome;
	struct vmsg_wire_refuse refuse;
	ssize_t size;

	do {
		/* Descriptors that do not belong to a welcome are dropped by the kernel. */
		size = recv(emu->fd, frame, sizeof(frame), 0);
	} while (size < 0 && errno == EINTR);
	if (size <= 0) {
		snprintf(why, why_size, "the manager hung up");
		return VMSG_ERROR_PEER;
	}
	if (vmsg_wire_check(frame, (size_t)size, 0, false, &header, why, why_size) != 0) {
		return VMSG_ERROR_PEER;
	}
	if (header.kind == VMSG_WIRE_REFUSE) {
		vmsg_wire_decode_refuse(frame, (size_t)size, &refuse);
		snprintf(why, why_size, "the manager refused: %s", refuse.text);
		return VMSG_ERROR_PEER;
	}
	if (header.kind != VMSG_WIRE_WELCOME ||
	    vmsg_wire_decode_welcome(frame, (size_t)size, &welcome) != 0 ||
	    welcome.version != VMSG_WIRE_VERSION || welcome.bank_count != options->bank_count ||
	    welcome.vcpu_count == 0 || welcome.vcpu_count > VMSG_WIRE_VCPUS_MAX) {
		snprintf(why, why_size, "the manager does not answer a HELLO as it should");
		return VMSG_ERROR_PEER;
	}
	if (emu->vcpu >= welcome.vcpu_count) {
		snprintf(why, why_size, "partition 0x%04x has %u vCPUs, not one number %u",
			 welcome.id, welcome.vcpu_count, emu->vcpu);
		return VMSG_ERROR_RANGE;
	}
	emu->vcpu_count = welcome.vcpu_count;
	emu->vcpus = calloc(welcome.vcpu_count, sizeof(*emu->vcpus));
	if (!emu->vcpus) {
		snprintf(why, why_size, "out of memory");
		return VMSG_ERROR_NO_SPACE;
	}
	emu->id = welcome.id;
	for (size_t i = 0; i < options->bank_count; i++) {
		options->banks[i].address = welcome.addresses[i];
	}
	int result = VMSG_OK;
	if (options->flat) {
		result = emu_banks_place(options->banks, options->bank_count);
		if (result < 0) {
			snprintf(why, why_size, "RAM cannot be mapped at its physical address");
		}
	}
	for (size_t i = 0; i < options->bank_count; i++) {
		emu->own[i] = options->banks[i]; /* whose addresses are known by now */
	}
	return result;
}

/* Everything that can fail; what was made is in `emu` or `descriptors`. */
static int enter(struct vmsg_emu *emu, struct vmsg_emu_options *options, int *descriptors,
		 char *why, size_t why_size)
{
	int result = emu_dial(options->socket_path, &emu->fd, why, why_size);
	if (result < 0) {
		return result;
	}
	result = emu_banks_create(options->banks, options->bank_count, descriptors);
	for (size_t i = 0; i < options->bank_count; i++) {
		emu->own[emu->own_count++] = options->banks[i];
	}
	if (result < 0) {
		snprintf(why, why_size, "cannot make the RAM banks: %s", vmsg_error_text(result));
		return result;
	}
	result = send_hello(emu, options, descriptors);
	if (result < 0) {
		/* It may have refused before it looked. */
		const int refused = receive_welcome(emu, options, why, why_size);
		return refused < 0 ? refused : result;
	}
	result = receive_welcome(emu, options, why, why_size);
	if (result == VMSG_OK &&
	    emu_banks_seal(options->banks, options->bank_count, descriptors) < 0) {
		snprintf(why, why_size, "cannot seal the RAM banks");
		return VMSG_ERROR_NO_SPACE;
	}
	return result;
}

int vmsg_emu_connect(struct vmsg_emu **out, struct vmsg_emu_options *options, char *why,
		     size_t why_size)
{
	int descriptors[VMSG_EMU_BANKS_MAX];
	struct vmsg_emu *emu = calloc(1, sizeof(*emu));

	*out = NULL;
	if (why_size > 0) {
		why[0] = '\0';
	}
	if (options->bank_count > VMSG_EMU_BANKS_MAX) {
		snprintf(why, why_size, "a partition has at most %d banks", VMSG_EMU_BANKS_MAX);
		free(emu);
		return VMSG_ERROR_RANGE;
	}
	if (emu) {
		emu->own_capacity =
			options->banks_later ? VMSG_EMU_BANKS_MAX : options->bank_count + 1;
		emu->own = calloc(emu->own_capacity, sizeof(*emu->own));
	}
	if (!emu || !emu->own) {
		snprintf(why, why_size, "out of memory");
		free(emu);
		return VMSG_ERROR_NO_SPACE;
	}
	emu->fd = -1;
	emu->alarm_ns = UINT64_MAX;
	emu->vcpu = options->vcpu;
	emu->flat = options->flat;
	for (size_t i = 0; i < options->bank_count; i++) {
		descriptors[i] = -1;
	}
	const int result = enter(emu, options, descriptors, why, why_size);
	/* The manager has its own by now, and the mappings do not need them. */
	for (size_t i = 0; i < options->bank_count; i++) {
		if (descriptors[i] >= 0) {
			close(descriptors[i]);
		}
	}
	if (result < 0) {
		vmsg_emu_close(emu);
		for (size_t i = 0; i < options->bank_count; i++) {
			options->banks[i].data = NULL;
		}
		return result;
	}
	*out = emu;
	return VMSG_OK;
}
