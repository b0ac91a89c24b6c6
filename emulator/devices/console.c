/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio-console, one port or several, each on a pseudo-terminal or on standard input and output.
 * Nothing is lost on the way: what the driver sends stays in its buffer until the other side has
 * taken it, and is acknowledged then. What the device has to say on the control queue is a bit a
 * message and port, so it needs no queue. (virtio: Console Device)
 */
#include "devices/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "devices/chain.h"
#include "devices/settings.h"
#include "devices/watch.h"

#define PORTS_MAX      7u /* 2 queues each, and 2 for control, of the 16 that a device has */
#define QUEUE_SIZE_MAX 64u
#define PIECES_MAX     (QUEUE_SIZE_MAX * 2)
#define CHAINS_MAX     64    /* served in one go */
#define CHUNK          4096u /* what a pipe that can be written takes without blocking */

struct port {
	int in;
	int out;
	int terminal;                 /* our end of the pseudo-terminal's other side, -1: none */
	char link[DEVICE_VALUE_SIZE]; /* where its name is linked to, "": nowhere */
	uint8_t input[CHUNK];         /* read, and not yet in the driver's buffers */
	size_t input_size;
	size_t input_done;
	bool at_end;     /* of the input */
	bool has_output; /* `output` is being written, `output_done` bytes of it are */
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain output;
	uint64_t output_done;
	uint32_t owed; /* control messages, bit = event */
};

struct console {
	struct emu_device base;
	uint32_t port_count;
	bool has_size;
	uint16_t cols;
	uint16_t rows;
	char name[DEVICE_VALUE_SIZE];
	struct port ports[PORTS_MAX];
};

static bool is_multiport(const struct console *console)
{
	return vmsg_device_has_feature(&console->base.machine, CONSOLE_F_MULTIPORT);
}

/* ---- to the driver ---- */

/* More input, if there is any now; false when there is none to give. */
static bool read_input(struct console *console, struct port *port, uint32_t index)
{
	if (port->input_done < port->input_size) {
		return true;
	}
	port->input_done = 0;
	port->input_size = 0;
	if (port->at_end) {
		return false;
	}
	if (watch_is_ready(port->in, false)) {
		const ssize_t got = read(port->in, port->input, sizeof(port->input));
		if (got > 0) {
			port->input_size = (size_t)got;
			return true;
		}
		port->at_end = got == 0 || (errno != EAGAIN && errno != EINTR);
	}
	if (!port->at_end) {
		watch_arm(&console->base, port->in, false, index);
	}
	return false;
}

static void serve_receive(struct console *console, struct port *port, uint32_t index,
			  struct vmsg_vq_device *queue)
{
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces };
	int served = 0;

	while (served++ < CHAINS_MAX && read_input(console, port, index)) {
		chain.capacity = PIECES_MAX;
		if (vmsg_vq_device_pop(queue, &chain) != 1) {
			return; /* the driver kicks when it has buffers again */
		}
		const size_t done = chain_write(&chain, 0, port->input + port->input_done,
						port->input_size - port->input_done);
		port->input_done += done;
		console->base.requests++;
		if (vmsg_vq_device_push(queue, chain.head, (uint32_t)done) < 0) {
			return;
		}
	}
	if (served > CHAINS_MAX) {
		vmsg_device_kick_later(&console->base.machine, index);
	}
}

/* ---- from the driver ---- */

/* Writes what it can of the chain that is being written; true when all of it is out. */
static bool write_output(struct console *console, struct port *port, uint32_t index)
{
	struct iovec vectors[PIECES_MAX];

	while (port->output_done < port->output.readable_size) {
		if (!watch_is_ready(port->out, true)) {
			watch_arm(&console->base, port->out, true, index);
			return false;
		}
		const int count =
			chain_vectors(&port->output, false, port->output_done, CHUNK, vectors);
		const ssize_t done = writev(port->out, vectors, count);
		if (done < 0 && (errno == EAGAIN || errno == EINTR)) {
			watch_arm(&console->base, port->out, true, index);
			return false;
		}
		if (done < 0) { /* nobody will ever take it */
			console->base.errors++;
			return true;
		}
		port->output_done += (uint64_t)done;
	}
	return true;
}

static void serve_transmit(struct console *console, struct port *port, uint32_t index,
			   struct vmsg_vq_device *queue)
{
	for (int served = 0; served < CHAINS_MAX; served++) {
		if (!port->has_output) {
			port->output.pieces = port->pieces;
			port->output.capacity = PIECES_MAX;
			if (vmsg_vq_device_pop(queue, &port->output) != 1) {
				return;
			}
			console->base.requests++;
			port->has_output = true;
			port->output_done = 0;
		}
		if (!write_output(console, port, index)) {
			return;
		}
		port->has_output = false;
		if (vmsg_vq_device_push(queue, port->output.head, 0) < 0) {
			return;
		}
	}
	vmsg_device_kick_later(&console->base.machine, index);
}

/* ---- control messages ---- */

static void owe(struct console *console, uint32_t port, uint32_t event)
{
	console->ports[port].owed |= 1u << event;
	vmsg_device_kick_later(&console->base.machine, CONSOLE_QUEUE_CONTROL_RECEIVE);
}

static void take_control(struct console *console, const uint8_t message[CONSOLE_CONTROL_SIZE])
{
	const uint64_t id = load_le(message, 4);
	const uint64_t event = load_le(message + 4, 2);
	const uint64_t value = load_le(message + 6, 2);

	if (event == CONSOLE_DEVICE_READY) {
		for (uint32_t i = 0; i < console->port_count && value == 1; i++) {
			owe(console, i, CONSOLE_DEVICE_ADD);
		}
	} else if (id >= console->port_count) {
		console->base.errors++;
	} else if (event == CONSOLE_PORT_READY && value == 1) {
		const uint32_t port = (uint32_t)id;
		if (port == 0) {
			owe(console, port, CONSOLE_CONSOLE_PORT);
			if (console->has_size) {
				owe(console, port, CONSOLE_RESIZE);
			}
		}
		owe(console, port, CONSOLE_PORT_NAME);
		owe(console, port, CONSOLE_PORT_OPEN);
	} else if (event != CONSOLE_PORT_OPEN && event != CONSOLE_PORT_READY) {
		console->base.errors++;
	}
}

static void serve_control_transmit(struct console *console, struct vmsg_vq_device *queue)
{
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces };

	for (int served = 0; served < CHAINS_MAX; served++) {
		uint8_t message[CONSOLE_CONTROL_SIZE];
		chain.capacity = PIECES_MAX;
		if (vmsg_vq_device_pop(queue, &chain) != 1) {
			return;
		}
		console->base.requests++;
		if (chain_read(&chain, 0, message, sizeof(message)) == sizeof(message)) {
			take_control(console, message);
		} else {
			console->base.errors++;
		}
		if (vmsg_vq_device_push(queue, chain.head, 0) < 0) {
			return;
		}
	}
	vmsg_device_kick_later(&console->base.machine, CONSOLE_QUEUE_CONTROL_TRANSMIT);
}

/* The message of one bit; returns its size. */
static size_t compose(const struct console *console, uint32_t port, uint32_t event,
		      uint8_t message[CHUNK])
{
	store_le(message, port, 4);
	store_le(message + 4, event, 2);
	store_le(message + 6, 1, 2);
	if (event == CONSOLE_PORT_NAME) {
		return CONSOLE_CONTROL_SIZE +
		       (size_t)snprintf((char *)message + CONSOLE_CONTROL_SIZE,
					CHUNK - CONSOLE_CONTROL_SIZE, "%.64s.%u", console->name,
					port);
	}
	if (event == CONSOLE_RESIZE) {
		store_le(message + 8, console->rows, 2);
		store_le(message + 10, console->cols, 2);
		return CONSOLE_CONTROL_SIZE + 4;
	}
	return CONSOLE_CONTROL_SIZE;
}

static bool send_control(struct console *console, struct vmsg_vq_device *queue, uint32_t port,
			 uint32_t event)
{
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = PIECES_MAX };
	uint8_t message[CHUNK];
	const size_t size = compose(console, port, event, message);

	if (vmsg_vq_device_pop(queue, &chain) != 1) {
		return false;
	}
	console->base.errors += chain.writable_size < size;
	const size_t done = chain_write(&chain, 0, message, size);
	return vmsg_vq_device_push(queue, chain.head, (uint32_t)done) == 0;
}

static void serve_control_receive(struct console *console, struct vmsg_vq_device *queue)
{
	for (uint32_t i = 0; i < console->port_count; i++) {
		struct port *port = &console->ports[i];
		for (uint32_t event = 0; port->owed; event++) {
			if (!(port->owed & 1u << event)) {
				continue;
			}
			if (!send_control(console, queue, i, event)) {
				return;
			}
			port->owed &= ~(1u << event);
		}
	}
}

/* ---- the device ---- */

static void serve(struct console *console, uint32_t index, struct vmsg_vq_device *queue)
{
	const uint32_t number = index < 2 ? 0 : index / 2 - 1;

	if (index >= 2 && !is_multiport(console)) {
		return;
	}
	if (index == CONSOLE_QUEUE_CONTROL_RECEIVE) {
		serve_control_receive(console, queue);
	} else if (index == CONSOLE_QUEUE_CONTROL_TRANSMIT) {
		serve_control_transmit(console, queue);
	} else if (index % 2 == 0) {
		serve_receive(console, &console->ports[number], index, queue);
	} else {
		serve_transmit(console, &console->ports[number], index, queue);
	}
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct console *console = context;

	vmsg_vq_device_disable_notify(queue);
	serve(console, index, queue);
	if (vmsg_vq_device_enable_notify(queue)) {
		serve(console, index, queue);
	}
	vmsg_device_notify(&console->base.machine, index);
}

static void queue_stop(void *context, uint32_t index)
{
	struct console *console = context;

	for (uint32_t i = 0; i < console->port_count; i++) {
		if (index == CONSOLE_QUEUE_TRANSMIT(i)) {
			console->ports[i].has_output = false;
		}
	}
}

static int reset(void *context)
{
	struct console *console = context;

	for (uint32_t i = 0; i < console->port_count; i++) {
		console->ports[i].owed = 0;
	}
	return 1;
}

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	const struct console *console = context;
	uint8_t config[CONSOLE_CONFIG_SIZE] = { 0 };

	store_le(config + CONSOLE_CONFIG_COLS, console->cols, 2);
	store_le(config + CONSOLE_CONFIG_ROWS, console->rows, 2);
	store_le(config + CONSOLE_CONFIG_MAX_NR_PORTS, console->port_count, 4);
	memcpy(out.data, config + offset, out.size);
}

/* An emergency write: one character, without any queue. */
static int write_config(void *context, uint32_t offset, struct vmsg_bytes in)
{
	const struct console *console = context;

	if (offset != CONSOLE_CONFIG_EMERG_WR || in.size != 4) {
		return -1;
	}
	const int out = console->ports[0].out;
	return watch_is_ready(out, true) && write(out, in.data, 1) == 1 ? 0 : -1;
}

static void measure(struct console *console)
{
	struct winsize size;

	console->has_size = ioctl(console->ports[0].out, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
	if (console->has_size) {
		console->cols = size.ws_col;
		console->rows = size.ws_row;
	}
}

static void refresh(struct emu_device *device)
{
	struct console *console = (struct console *)device; /* its first member */
	const uint16_t cols = console->cols;
	const uint16_t rows = console->rows;

	measure(console);
	if (cols == console->cols && rows == console->rows) {
		return;
	}
	if (is_multiport(console)) {
		owe(console, 0, CONSOLE_RESIZE);
	} else {
		vmsg_device_config_changed(&device->machine, CONSOLE_CONFIG_COLS, 4);
	}
}

static void close_port(struct console *console, struct port *port)
{
	const int fds[] = { port->in, port->out, port->terminal };

	if (port->link[0]) {
		(void)unlink(port->link);
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] > STDERR_FILENO) {
			watch_forget(&console->base, fds[i]);
			(void)close(fds[i]);
		}
	}
}

static void console_close(struct emu_device *device)
{
	struct console *console = (struct console *)device;

	for (uint32_t i = 0; i < console->port_count; i++) {
		close_port(console, &console->ports[i]);
	}
	watch_close(device);
	free(console);
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.write_config = write_config,
	.kick = kick,
	.queue_stop = queue_stop,
	.reset = reset,
};

/* ---- opening ---- */

/* The other side stays open with us, so that no hang-up comes when a program leaves it. */
static int open_terminal(struct port *port, char *why, size_t why_size)
{
	char name[64];
	struct termios raw;

	port->in = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (port->in < 0 || grantpt(port->in) < 0 || unlockpt(port->in) < 0 ||
	    ptsname_r(port->in, name, sizeof(name)) != 0 ||
	    (port->out = fcntl(port->in, F_DUPFD_CLOEXEC, 0)) < 0 ||
	    (port->terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 ||
	    tcgetattr(port->terminal, &raw) < 0) {
		(void)snprintf(why, why_size, "--device console: no pseudo-terminal: %s",
			       strerror(errno));
		return -1;
	}
	cfmakeraw(&raw);
	(void)tcsetattr(port->terminal, TCSANOW, &raw);
	if (port->link[0]) {
		(void)unlink(port->link);
		if (symlink(name, port->link) < 0) {
			(void)snprintf(why, why_size, "--device console: link '%s': %s", port->link,
				       strerror(errno));
			port->link[0] = 0;
			return -1;
		}
	}
	fprintf(stderr, "console: %s%s%s\n", name, port->link[0] ? ", linked from " : "",
		port->link);
	return 0;
}

static int open_ports(struct console *console, const char *link, bool stdio, char *why,
		      size_t why_size)
{
	const uint32_t count = console->port_count;

	for (console->port_count = 0; console->port_count < count;) {
		const uint32_t i = console->port_count;
		struct port *port = &console->ports[console->port_count++];
		port->in = port->out = port->terminal = -1;
		if (stdio && i == 0) {
			port->in = STDIN_FILENO;
			port->out = STDOUT_FILENO;
			continue;
		}
		if (link[0]) {
			(void)snprintf(port->link, sizeof(port->link),
				       count > 1 ? "%.4000s%u" : "%.4000s", link, i);
		}
		if (open_terminal(port, why, why_size) < 0) {
			return -1;
		}
	}
	return 0;
}

static int parse(struct console *console, const char *options, char *why, size_t why_size)
{
	char link[DEVICE_VALUE_SIZE] = "";
	uint64_t ports = 1;
	bool stdio = false;
	const struct device_setting table[] = {
		{ .key = "link", .text = link },
		{ .key = "stdio", .flag = &stdio },
		{ .key = "name", .text = console->name },
		{ .key = "ports", .number = &ports, .least = 1, .most = PORTS_MAX },
	};

	if (device_settings("console", options, table, sizeof(table) / sizeof(table[0]), why,
			    why_size) < 0) {
		return -1;
	}
	console->port_count = (uint32_t)ports;
	return open_ports(console, link, stdio, why, why_size);
}

struct emu_device *console_open(const char *options, uint16_t dev_num, char *why, size_t why_size)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console) {
		(void)snprintf(why, why_size, "--device console: out of memory");
		return NULL;
	}
	(void)strcpy(console->name, "vmsg.console");
	console->base.kind = "console";
	console->base.refresh = refresh;
	console->base.close = console_close;
	if (watch_open(&console->base) < 0) {
		(void)snprintf(why, why_size, "--device console: %s", strerror(errno));
	} else if (parse(console, options, why, why_size) == 0) {
		const bool multiport = console->port_count > 1;
		measure(console);
		console->base.info = (struct vmsg_device_info){
			.device_id = DEVICE_TYPE_CONSOLE,
			.vendor_id = DEVICE_VENDOR_ID,
			.features = { 1u << CONSOLE_F_EMERG_WRITE |
				      (console->has_size ? 1u << CONSOLE_F_SIZE : 0) |
				      (multiport ? 1u << CONSOLE_F_MULTIPORT : 0) },
			.config_size = CONSOLE_CONFIG_SIZE,
			.queue_count = multiport ? 2 + 2 * console->port_count : 2,
			.queue_size_max = QUEUE_SIZE_MAX,
		};
		if (vmsg_device_init(&console->base.machine, dev_num, &console->base.info, &ops,
				     console) == 0) {
			return &console->base;
		}
		(void)snprintf(why, why_size, "--device console: cannot be set up");
	}
	console_close(&console->base);
	return NULL;
}
