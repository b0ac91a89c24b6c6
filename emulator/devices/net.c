/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio-net on a TAP interface or a stream socket, without offloads: the header in front of a
 * frame says nothing. A frame that the driver has no buffer for waits; a frame that the link cannot
 * take yet stays in its buffer. When the other side goes, the link is down: the driver is told, and
 * what it sends is dropped, as on a cable that was pulled. (virtio: Network Device)
 */
#include "devices/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "devices/chain.h"
#include "devices/link.h"
#include "devices/settings.h"
#include "devices/watch.h"

#define PAIRS_MAX      7u /* of queues, and one for control, of the 16 that a device has */
#define QUEUE_SIZE_MAX 256u
#define PIECES_MAX     LINK_PIECES_MAX
#define FRAMES_MAX     128 /* served in one go */
#define MTU_MIN        68u

/* Receive queue 2 n and transmit queue 2 n + 1. */
struct pair {
	struct link link;
	const uint8_t *input; /* a frame that has been received and not delivered; in the link */
	size_t input_size;
	bool has_output; /* `output` is being sent */
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain output;
};

struct net {
	struct emu_device base;
	uint8_t mac[6];
	uint16_t mtu; /* 0: not offered */
	uint32_t pair_count;
	uint32_t active; /* pairs that the driver uses */
	bool is_down;
	struct pair pairs[PAIRS_MAX];
};

static void link_is_down(struct net *net)
{
	if (!net->is_down) {
		net->is_down = true;
		vmsg_device_config_changed(&net->base.machine, NET_CONFIG_STATUS, 2);
	}
}

/* ---- to the driver ---- */

static bool receive_frame(struct net *net, struct pair *pair, uint32_t index)
{
	if (pair->input) {
		return true;
	}
	const int result = link_receive(&pair->link, &pair->input, &pair->input_size);
	if (result == 0) {
		watch_arm(&net->base, pair->link.fd, false, index);
	} else if (result < 0) {
		link_is_down(net);
	}
	return result == 1;
}

/* Bytes written; 0 for a frame that the driver's buffer is too small for. */
static uint32_t deliver(struct net *net, const struct pair *pair, const struct vmsg_vq_chain *chain)
{
	static const uint8_t header[NET_HEADER_SIZE] = { [NET_HEADER_NUM_BUFFERS] = 1 };

	net->base.requests++;
	if (chain->writable_size < NET_HEADER_SIZE + pair->input_size) {
		net->base.errors++;
		return 0;
	}
	(void)chain_write(chain, 0, header, sizeof(header));
	(void)chain_write(chain, NET_HEADER_SIZE, pair->input, pair->input_size);
	return (uint32_t)(NET_HEADER_SIZE + pair->input_size);
}

static void serve_receive(struct net *net, struct pair *pair, uint32_t index,
			  struct vmsg_vq_device *queue)
{
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces };

	for (int served = 0; served < FRAMES_MAX; served++) {
		if (!receive_frame(net, pair, index)) {
			return;
		}
		chain.capacity = PIECES_MAX;
		if (vmsg_vq_device_pop(queue, &chain) != 1) {
			return; /* the driver kicks when it has buffers again */
		}
		const uint32_t written = deliver(net, pair, &chain);
		pair->input = NULL;
		if (vmsg_vq_device_push(queue, chain.head, written) < 0) {
			return;
		}
	}
	vmsg_device_kick_later(&net->base.machine, index);
}

/* ---- from the driver ---- */

/* True when the chain is done with. */
static bool send_frame(struct net *net, struct pair *pair, uint32_t index)
{
	struct iovec vectors[PIECES_MAX];
	const struct vmsg_vq_chain *chain = &pair->output;

	if (chain->readable_size < NET_HEADER_SIZE + NET_FRAME_MIN ||
	    chain->readable_size > NET_HEADER_SIZE + LINK_FRAME_MAX) {
		net->base.errors++;
		return true;
	}
	const int count =
		chain_vectors(chain, false, NET_HEADER_SIZE, chain->readable_size, vectors);
	const int result = link_send(&pair->link, vectors, count);
	if (result == 0) {
		watch_arm(&net->base, pair->link.out_fd, true, index);
		return false;
	}
	if (result < 0) {
		net->base.errors++;
		link_is_down(net);
	}
	return true;
}

static void serve_transmit(struct net *net, struct pair *pair, uint32_t index,
			   struct vmsg_vq_device *queue)
{
	for (int served = 0; served < FRAMES_MAX; served++) {
		if (!pair->has_output) {
			pair->output.pieces = pair->pieces;
			pair->output.capacity = PIECES_MAX;
			if (vmsg_vq_device_pop(queue, &pair->output) != 1) {
				return;
			}
			net->base.requests++;
			pair->has_output = true;
		}
		if (!send_frame(net, pair, index)) {
			return;
		}
		pair->has_output = false;
		if (vmsg_vq_device_push(queue, pair->output.head, 0) < 0) {
			return;
		}
	}
	vmsg_device_kick_later(&net->base.machine, index);
}

/* ---- control ---- */

/* The driver uses so many pairs: frames go to their links only. Buffers that wait in a queue were
 * announced while nobody looked. False when the interface refuses. */
static bool set_active(struct net *net, uint32_t pairs)
{
	while (net->active > pairs) {
		net->active--;
		net->pairs[net->active].input =
			NULL; /* as what is still in the interface's queue */
		if (link_set_attached(&net->pairs[net->active].link, false) < 0) {
			return false;
		}
	}
	while (net->active < pairs) {
		if (link_set_attached(&net->pairs[net->active].link, true) < 0) {
			return false;
		}
		vmsg_device_kick_later(&net->base.machine, 2 * net->active);
		vmsg_device_kick_later(&net->base.machine, 2 * net->active + 1);
		net->active++;
	}
	return true;
}

static uint8_t take_control(struct net *net, const struct vmsg_vq_chain *chain)
{
	uint8_t message[NET_CTRL_HEADER_SIZE + 2];

	if (chain_read(chain, 0, message, sizeof(message)) != sizeof(message) ||
	    chain->readable_size != sizeof(message) || message[0] != NET_CTRL_MQ ||
	    message[1] != NET_CTRL_MQ_VQ_PAIRS_SET ||
	    !vmsg_device_has_feature(&net->base.machine, NET_F_MQ)) {
		return NET_CTRL_ERR;
	}
	const uint32_t pairs = (uint32_t)load_le(message + NET_CTRL_HEADER_SIZE, 2);
	if (pairs == 0 || pairs > net->pair_count || !set_active(net, pairs)) {
		return NET_CTRL_ERR;
	}
	return NET_CTRL_OK;
}

static void serve_control(struct net *net, uint32_t index, struct vmsg_vq_device *queue)
{
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces };

	for (int served = 0; served < FRAMES_MAX; served++) {
		chain.capacity = PIECES_MAX;
		if (vmsg_vq_device_pop(queue, &chain) != 1) {
			return;
		}
		const uint8_t answer = take_control(net, &chain);
		net->base.requests++;
		net->base.errors += answer != NET_CTRL_OK;
		if (vmsg_vq_device_push(queue, chain.head,
					(uint32_t)chain_write(&chain, 0, &answer, 1)) < 0) {
			return;
		}
	}
	vmsg_device_kick_later(&net->base.machine, index);
}

/* ---- the device ---- */

/* The control queue follows the last pair: of all of them with MQ, else of the first. */
static bool is_control(const struct net *net, uint32_t index)
{
	return vmsg_device_has_feature(&net->base.machine, NET_F_CTRL_VQ) &&
	       index == 2 * (vmsg_device_has_feature(&net->base.machine, NET_F_MQ) ? net->pair_count
										   : 1);
}

static void serve(struct net *net, uint32_t index, struct vmsg_vq_device *queue)
{
	if (is_control(net, index)) {
		serve_control(net, index, queue);
	} else if (index / 2 >= net->active) {
		return;
	} else if (index % 2 == 0) {
		serve_receive(net, &net->pairs[index / 2], index, queue);
	} else {
		serve_transmit(net, &net->pairs[index / 2], index, queue);
	}
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct net *net = context;

	vmsg_vq_device_disable_notify(queue);
	serve(net, index, queue);
	if (vmsg_vq_device_enable_notify(queue)) {
		serve(net, index, queue);
	}
	vmsg_device_notify(&net->base.machine, index);
}

/* A frame half sent must come out whole all the same: the rest of it would be taken for the next
 * one's length. */
static void queue_stop(void *context, uint32_t index)
{
	struct net *net = context;
	struct pair *pair = &net->pairs[index / 2];
	struct iovec vectors[PIECES_MAX];

	if (index / 2 < net->pair_count && index % 2 == 1 && pair->has_output) {
		const int count = chain_vectors(&pair->output, false, NET_HEADER_SIZE,
						pair->output.readable_size, vectors);
		link_keep_rest(&pair->link, vectors, count);
		pair->has_output = false;
	}
}

static int reset(void *context)
{
	struct net *net = context;

	(void)set_active(net, 1);
	return 1;
}

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	const struct net *net = context;
	uint8_t config[NET_CONFIG_SIZE];

	memcpy(config + NET_CONFIG_MAC, net->mac, sizeof(net->mac));
	store_le(config + NET_CONFIG_STATUS, net->is_down ? 0 : NET_S_LINK_UP, 2);
	store_le(config + NET_CONFIG_MAX_PAIRS, net->pair_count, 2);
	store_le(config + NET_CONFIG_MTU, net->mtu, 2);
	memcpy(out.data, config + offset, out.size);
}

static void net_close(struct emu_device *device)
{
	struct net *net = (struct net *)device; /* its first member */

	for (uint32_t i = 0; i < net->pair_count; i++) {
		link_close(&net->pairs[i].link);
	}
	watch_close(device);
	free(net);
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.kick = kick,
	.queue_stop = queue_stop,
	.reset = reset,
};

/* ---- opening ---- */

struct settings {
	char tap[DEVICE_VALUE_SIZE];
	char socket[DEVICE_VALUE_SIZE];
	char mac[DEVICE_VALUE_SIZE];
	uint64_t mtu;
	uint64_t queues;
};

/* Six pairs of hex digits with colons between them, and no multicast address. */
static bool parse_mac(const char *text, uint8_t mac[6])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 6; i++, text += 3) {
		const char *high = text[0] ? strchr(digits, text[0] | 0x20) : NULL;
		const char *low = high && text[1] ? strchr(digits, text[1] | 0x20) : NULL;
		if (!low || text[2] != (i < 5 ? ':' : 0)) {
			return false;
		}
		mac[i] = (uint8_t)((high - digits) << 4 | (low - digits));
	}
	return !(mac[0] & 1);
}

/* The one given; or one of our own, locally administered, another for each run. */
static int take_mac(struct net *net, const char *text, char *why, size_t why_size)
{
	if (!text[0]) {
		if (getrandom(net->mac, sizeof(net->mac), 0) != sizeof(net->mac)) {
			(void)snprintf(why, why_size, "--device net: no random address");
			return -1;
		}
		net->mac[0] = (uint8_t)((net->mac[0] & 0xfcu) | 2u);
		return 0;
	}
	if (!parse_mac(text, net->mac)) {
		(void)snprintf(why, why_size,
			       "--device net: mac '%s' is no unicast address such as "
			       "52:54:00:12:34:56",
			       text);
		return -1;
	}
	return 0;
}

static int parse(const char *options, struct settings *settings, char *why, size_t why_size)
{
	const struct device_setting table[] = {
		{ .key = "tap", .text = settings->tap },
		{ .key = "socket", .text = settings->socket },
		{ .key = "mac", .text = settings->mac },
		{ .key = "mtu", .number = &settings->mtu, .least = MTU_MIN, .most = UINT16_MAX },
		{ .key = "queues", .number = &settings->queues, .least = 1, .most = PAIRS_MAX },
	};

	*settings = (struct settings){ .queues = 1 };
	if (device_settings("net", options, table, sizeof(table) / sizeof(table[0]), why,
			    why_size) < 0) {
		return -1;
	}
	if (!settings->tap[0] == !settings->socket[0]) {
		(void)snprintf(why, why_size,
			       "--device net: needs one of tap=NAME and socket=PATH");
		return -1;
	}
	if (settings->socket[0] && settings->queues > 1) {
		(void)snprintf(why, why_size,
			       "--device net: queues %u needs a tap: a socket has one",
			       (unsigned int)settings->queues);
		return -1;
	}
	return 0;
}

static int open_links(struct net *net, const struct settings *settings, char *why, size_t why_size)
{
	char reason[256];

	while (net->pair_count < settings->queues) {
		struct link *link = &net->pairs[net->pair_count].link;
		const int result =
			settings->tap[0]
				? link_open_tap(link, settings->tap, settings->queues > 1, reason,
						sizeof(reason))
				: link_open_socket(link, settings->socket, reason, sizeof(reason));
		if (result < 0) {
			(void)snprintf(why, why_size, "--device net: %s", reason);
			return -1;
		}
		net->pair_count++;
	}
	return 0;
}

static int set_up(struct net *net, const char *options, uint16_t dev_num, char *why,
		  size_t why_size)
{
	struct settings settings;

	if (parse(options, &settings, why, why_size) < 0 ||
	    take_mac(net, settings.mac, why, why_size) < 0 ||
	    open_links(net, &settings, why, why_size) < 0) {
		return -1;
	}
	const bool is_multi = net->pair_count > 1;
	net->mtu = (uint16_t)settings.mtu;
	net->active = net->pair_count;
	if (!set_active(net, 1)) {
		(void)snprintf(why, why_size, "--device net: tap '%s': %s", settings.tap,
			       strerror(errno));
		return -1;
	}
	net->base.info = (struct vmsg_device_info){
		.device_id = DEVICE_TYPE_NET,
		.vendor_id = DEVICE_VENDOR_ID,
		.features = { 1u << NET_F_MAC | 1u << NET_F_STATUS |
			      (net->mtu ? 1u << NET_F_MTU : 0) |
			      (is_multi ? 1u << NET_F_MQ | 1u << NET_F_CTRL_VQ : 0) },
		.config_size = NET_CONFIG_SIZE,
		.queue_count = 2 * net->pair_count + is_multi,
		.queue_size_max = QUEUE_SIZE_MAX,
	};
	if (vmsg_device_init(&net->base.machine, dev_num, &net->base.info, &ops, net) < 0) {
		(void)snprintf(why, why_size, "--device net: cannot be set up");
		return -1;
	}
	return 0;
}

struct emu_device *net_open(const char *options, uint16_t dev_num, char *why, size_t why_size)
{
	struct net *net = calloc(1, sizeof(*net));

	if (!net) {
		(void)snprintf(why, why_size, "--device net: out of memory");
		return NULL;
	}
	net->base.kind = "net";
	net->base.close = net_close;
	if (watch_open(&net->base) < 0) {
		(void)snprintf(why, why_size, "--device net: %s", strerror(errno));
	} else if (set_up(net, options, dev_num, why, why_size) == 0) {
		return &net->base;
	}
	net_close(&net->base);
	return NULL;
}
