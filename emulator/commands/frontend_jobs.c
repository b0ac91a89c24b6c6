/* SPDX-License-Identifier: BSD-3-Clause */
/* The jobs of `vmsg-ffa-emu frontend` that move data: blk read, write and verify, rng. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/blk_driver.h"
#include "commands/commands.h"
#include "commands/frontend.h"
#include "commands/json.h"
#include "commands/report.h"
#include "commands/rng_driver.h"

#define RNG_DEFAULT_LENGTH 32
#define HEX_LINE           32

/* A file that a job reads or writes, and where the disk and it first differ. */
struct file {
	const char *name;
	int fd;
	bool differs;
	uint64_t difference;
	uint8_t ours;
	uint8_t theirs;
};

/* ---- files ---- */

static int open_output(struct file *file, const char *name)
{
	if (!name || strcmp(name, "-") == 0) {
		*file = (struct file){ .name = "standard output", .fd = STDOUT_FILENO };
		return 0;
	}
	*file = (struct file){
		.name = name,
		.fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666),
	};
	if (file->fd < 0) {
		report_problem("--output %s: %s", name, strerror(errno));
		return -1;
	}
	return 0;
}

static int open_input(struct file *file, const char *name, uint64_t *size)
{
	struct stat status;

	*file = (struct file){ .name = name, .fd = open(name, O_RDONLY | O_CLOEXEC) };
	if (file->fd < 0 || fstat(file->fd, &status) != 0) {
		report_problem("%s: %s", name, strerror(errno));
		return -1;
	}
	const off_t end = lseek(file->fd, 0, SEEK_END); /* of block devices too */
	if (S_ISDIR(status.st_mode) || end < 0) {
		report_problem("%s: not a file with a size", name);
		return -1;
	}
	*size = (uint64_t)end;
	return 0;
}

/* The data is there when this returns 0. */
static int close_file(struct file *file)
{
	int result = 0;

	if (file->fd >= 0 && file->fd != STDOUT_FILENO && close(file->fd) != 0) {
		report_problem("%s: %s", file->name, strerror(errno));
		result = -1;
	}
	file->fd = -1;
	return result;
}

static int write_all(struct file *file, const uint8_t *data, size_t size)
{
	while (size > 0) {
		const ssize_t done = write(file->fd, data, size);
		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done < 0) {
			report_problem("%s: %s", file->name, strerror(errno));
			return -1;
		}
		data += done;
		size -= (size_t)done;
	}
	return 0;
}

static int read_at(struct file *file, uint64_t offset, uint8_t *data, size_t size)
{
	while (size > 0) {
		const ssize_t done = pread(file->fd, data, size, (off_t)offset);
		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			report_problem("%s: %s", file->name,
				       done < 0 ? strerror(errno) : "became shorter");
			return -1;
		}
		data += done;
		offset += (uint64_t)done;
		size -= (size_t)done;
	}
	return 0;
}

/* ---- what to do with the data of a transfer ---- */

static int save(void *context, uint64_t offset, uint8_t *data, size_t size)
{
	(void)offset;
	return write_all(context, data, size);
}

static int load(void *context, uint64_t offset, uint8_t *data, size_t size)
{
	return read_at(context, offset, data, size);
}

static int compare(void *context, uint64_t offset, uint8_t *data, size_t size)
{
	struct file *file = context;
	uint8_t wanted[BLK_REQUEST_SIZE];

	if (file->differs) {
		return 0;
	}
	if (read_at(file, offset, wanted, size) < 0) {
		return -1;
	}
	for (size_t i = 0; i < size && memcmp(data, wanted, size) != 0; i++) {
		if (data[i] != wanted[i]) {
			file->differs = true;
			file->difference = offset + i;
			file->ours = data[i];
			file->theirs = wanted[i];
			return 0;
		}
	}
	return 0;
}

/* ---- blk ---- */

/* The whole of a transfer is on the disk and in sectors. */
static int check_range(const struct blk_driver *blk, uint64_t offset, uint64_t size,
		       const char *what)
{
	if (offset % BLK_SECTOR_SIZE != 0) {
		report_problem("--offset is %" PRIu64 ", which is no multiple of %u", offset,
			       BLK_SECTOR_SIZE);
		return -1;
	}
	if (size % BLK_SECTOR_SIZE != 0) {
		report_problem("%s is %" PRIu64 " bytes, which is no multiple of %u", what, size,
			       BLK_SECTOR_SIZE);
		return -1;
	}
	if (offset > blk->size || size > blk->size - offset) {
		report_problem("%s: %" PRIu64 " bytes at offset %" PRIu64
			       " go beyond the disk's end at %" PRIu64,
			       what, size, offset, blk->size);
		return -1;
	}
	return 0;
}

static void tell_result(const struct frontend_settings *settings, const char *done, uint64_t size,
			uint64_t ns, FILE *out)
{
	char text[REPORT_SIZE_TEXT];

	if (settings->json) {
		struct json json = { .comma = false };
		json_open(&json, NULL, '{');
		json_text(&json, "job", done);
		json_number(&json, "bytes", size);
		json_real(&json, "seconds", (double)ns / 1e9);
		json_close(&json, '}');
		json_end(&json);
		return;
	}
	fprintf(out, "%s %s in %.3f s (%.0f MB/s)\n", report_size(size, text), done,
		(double)ns / 1e9, report_rate(size, ns));
}

/* A transfer, with its time. */
static int timed(struct blk_driver *blk, const struct blk_transfer *transfer, uint64_t *ns)
{
	const uint64_t begin_ns = report_now();
	int result = blk_driver_transfer(blk, transfer);

	if (result == 0 && transfer->write) {
		result = blk_driver_flush(blk);
	}
	*ns = report_now() - begin_ns;
	return result;
}

static int read_disk(const struct frontend_settings *settings, struct blk_driver *blk)
{
	struct file file;
	uint64_t ns;
	uint64_t size = settings->length;

	if (!settings->has_length) {
		size = settings->offset < blk->size ? blk->size - settings->offset : 0;
	}
	if (check_range(blk, settings->offset, size, "--length") < 0 ||
	    open_output(&file, settings->output) < 0) {
		return -1;
	}
	const struct blk_transfer transfer = {
		.offset = settings->offset,
		.size = size,
		.move = save,
		.context = &file,
		.what = "read",
	};
	int result = timed(blk, &transfer, &ns);
	const bool is_stdout = file.fd == STDOUT_FILENO;
	if (close_file(&file) < 0) {
		result = -1;
	}
	if (result == 0 && !(settings->json && is_stdout)) {
		tell_result(settings, "read", size, ns, is_stdout ? stderr : stdout);
	}
	return result;
}

static int write_disk(const struct frontend_settings *settings, struct blk_driver *blk)
{
	struct file file;
	uint64_t size;
	uint64_t ns = 0;
	int result = -1;

	if (blk->is_readonly) {
		report_problem("the disk is read-only");
		return -1;
	}
	if (open_input(&file, settings->input, &size) == 0 &&
	    check_range(blk, settings->offset, size, settings->input) == 0) {
		const struct blk_transfer transfer = {
			.write = true,
			.offset = settings->offset,
			.size = size,
			.move = load,
			.context = &file,
			.what = "write",
		};
		result = timed(blk, &transfer, &ns);
	}
	(void)close_file(&file); /* only read */
	if (result == 0) {
		tell_result(settings, "written", size, ns, stdout);
	}
	return result;
}

static int verify_disk(const struct frontend_settings *settings, struct blk_driver *blk)
{
	struct file file;
	uint64_t size;
	uint64_t ns = 0;
	int result = -1;

	if (open_input(&file, settings->file, &size) == 0 &&
	    check_range(blk, settings->offset, size, settings->file) == 0) {
		const struct blk_transfer transfer = {
			.offset = settings->offset,
			.size = size,
			.move = compare,
			.context = &file,
			.what = "verify",
		};
		result = timed(blk, &transfer, &ns);
	}
	(void)close_file(&file); /* only read */
	if (result == 0 && file.differs) {
		report_problem("the disk differs from %s: byte %" PRIu64
			       " of the disk is 0x%02x, byte %" PRIu64 " of the file is 0x%02x",
			       settings->file, settings->offset + file.difference, file.ours,
			       file.difference, file.theirs);
		return -1;
	}
	if (result == 0) {
		tell_result(settings, "verified", size, ns, stdout);
	}
	return result;
}

static int with_disk(const struct frontend_settings *settings,
		     int (*job)(const struct frontend_settings *settings, struct blk_driver *blk))
{
	struct session *session = session_open(&settings->session);
	struct blk_driver blk;
	int result = -1;

	if (session) {
		if (blk_driver_open(&blk, session) == 0) {
			result = job(settings, &blk);
		}
		blk_driver_close(&blk);
		session_close(session);
	}
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}

int frontend_blk_read(const struct frontend_settings *settings)
{
	if (!settings->output && isatty(STDOUT_FILENO)) {
		return report_usage("a disk is not for a terminal: give --output FILE");
	}
	return with_disk(settings, read_disk);
}

int frontend_blk_write(const struct frontend_settings *settings)
{
	return with_disk(settings, write_disk);
}

int frontend_blk_verify(const struct frontend_settings *settings)
{
	return with_disk(settings, verify_disk);
}

/* ---- rng ---- */

static int take_raw(void *context, const uint8_t *data, size_t size)
{
	return write_all(context, data, size);
}

/* Hex; `context` counts the bytes, for line ends (NULL: none). */
static int take_hex(void *context, const uint8_t *data, size_t size)
{
	uint64_t *count = context;

	for (size_t i = 0; i < size; i++) {
		printf("%02x", data[i]);
		if (count && ++*count % HEX_LINE == 0) {
			putchar('\n');
		}
	}
	return 0;
}

int frontend_rng(const struct frontend_settings *settings)
{
	struct session *session = session_open(&settings->session);
	const uint64_t length = settings->has_length ? settings->length : RNG_DEFAULT_LENGTH;
	struct file file = { .fd = -1 };
	uint64_t count = 0;
	int result = -1;

	if (!session) {
		return VMSG_EXIT_FAILED;
	}
	if (settings->output) {
		if (open_output(&file, settings->output) == 0) {
			result = rng_driver_read(session, length, take_raw, &file);
			result = close_file(&file) < 0 ? -1 : result;
		}
	} else if (settings->json) {
		printf("{\"bytes\":%" PRIu64 ",\"data\":\"", length);
		result = rng_driver_read(session, length, take_hex, NULL);
		puts("\"}");
	} else {
		result = rng_driver_read(session, length, take_hex, &count);
		if (count % HEX_LINE != 0) {
			putchar('\n');
		}
	}
	session_close(session);
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}
