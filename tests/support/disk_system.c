/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/disk_system.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"

#define ARGUMENTS_MAX 16

/* Every 8 bytes say where they are, so nothing can be in the wrong place unnoticed. */
static void fill(uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i += 8) {
		const uint64_t value = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
		memcpy(data + i, &value, 8);
	}
}

void file_write(const char *path, const uint8_t *data, size_t size)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

void assert_file_equals(const char *path, const uint8_t *data, size_t size)
{
	uint8_t *read = malloc(size + 1);
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	assert_int_equal(fread(read, 1, size + 1, file), size);
	fclose(file);
	assert_memory_equal(read, data, size);
	free(read);
}

void disk_system_open(struct disk_system *system)
{
	memset(system, 0, sizeof(*system));
	daemon_start(&system->daemon, NULL, NULL);
	snprintf(system->directory, sizeof(system->directory), "/tmp/vmsg-disk-XXXXXX");
	assert_non_null(mkdtemp(system->directory));
	disk_system_path(system, "image", system->image);
	system->data = malloc(DISK_SIZE);
	assert_non_null(system->data);
	fill(system->data, DISK_SIZE);
	file_write(system->image, system->data, DISK_SIZE);
}

void disk_system_serve(struct disk_system *system, const char *options, const char *profile,
		       bool rng)
{
	const char *arguments[12] = { "backend", "-s", system->daemon.socket_path, "--device",
				      system->device };
	size_t count = 5;

	snprintf(system->device, sizeof(system->device), "blk,path=%s%s", system->image, options);
	if (profile) {
		arguments[count++] = "--profile";
		arguments[count++] = profile;
	}
	if (rng) {
		arguments[count++] = "--device";
		arguments[count++] = "rng";
	}
	process_start(&system->backend, NULL, arguments);
	process_await(&system->backend, &system->backend.output, "ready: ");
}

static void remove_files(struct disk_system *system)
{
	char path[sizeof(system->directory) + NAME_MAX + 2];
	const struct dirent *entry;

	DIR *directory = opendir(system->directory);
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		snprintf(path, sizeof(path), "%s/%s", system->directory, entry->d_name);
		unlink(path); /* fails for . and .. */
	}
	closedir(directory);
	rmdir(system->directory);
	free(system->data);
	system->data = NULL;
}

void disk_system_close(struct disk_system *system)
{
	if (system->backend.pid > 0) {
		assert_int_equal(process_stop(&system->backend), 0);
	}
	process_kill(&system->backend);
	process_kill(&system->frontend);
	daemon_stop(&system->daemon);
	remove_files(system);
}

void disk_system_abandon(struct disk_system *system)
{
	process_kill(&system->frontend);
	process_kill(&system->backend);
	daemon_kill(&system->daemon);
	remove_files(system);
}

void frontend_start(struct disk_system *system, const char *const *arguments)
{
	const char *all[ARGUMENTS_MAX + 4] = { "frontend", "-s", system->daemon.socket_path };

	for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i]; i++) {
		all[i + 3] = arguments[i];
	}
	process_start(&system->frontend, NULL, all);
}

int frontend_run(struct disk_system *system, const char *const *arguments)
{
	frontend_start(system, arguments);
	return process_finish(&system->frontend);
}

const char *disk_system_path(const struct disk_system *system, const char *name, char path[64])
{
	snprintf(path, 64, "%s/%s", system->directory, name);
	return path;
}

void assert_areas_came_back(const struct disk_system *system)
{
	static const char begin[] = "areas on demand: ";
	const char *at = strstr(system->frontend.errors.text, begin);
	char *end = NULL;

	assert_non_null(at);
	const unsigned long shared = strtoul(at + strlen(begin), &end, 10);
	assert_true(shared > 0);
	assert_int_equal(strncmp(end, " shared, ", 9), 0);
	assert_int_equal(strtoul(end + 9, &end, 10), shared);
	assert_int_equal(strncmp(end, " given back; ids 2-", 19), 0);
}
