/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files: a device tree as it is, or source through dtc. The programs get and give everything by
 * memfds, one after the other, so that none waits for another; what they complain about is shown
 * only when they fail, because dtc has much to say about every manifest there is.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "manifest/internal.h"

extern char **environ;

#define SOURCE_SIZE_MAX (1u << 20)

/* The first bytes of a flattened device tree. */
static const uint8_t magic[4] = { 0xD0, 0x0D, 0xFE, 0xED };

/* All of it, malloc()ed and terminated; NULL with errno, EFBIG beyond `most` bytes. */
static char *read_all(int fd, size_t most, size_t *size)
{
	char *bytes = malloc(most + 1);

	*size = 0;
	while (bytes) {
		const ssize_t got = read(fd, bytes + *size, most + 1 - *size);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		*size += got > 0 ? (size_t)got : 0;
		if (got < 0 || *size > most) {
			errno = got < 0 ? errno : EFBIG;
			free(bytes);
			return NULL;
		}
		if (got == 0) {
			bytes[*size] = '\0';
			break;
		}
	}
	return bytes;
}

/* A program with these three streams: exit status, or -1 with errno. */
static int run(const char *const arguments[], int in, int out, int errors)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status;

	if (posix_spawn_file_actions_init(&actions) != 0) {
		errno = ENOMEM;
		return -1;
	}
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
	const int problem =
		posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (problem != 0) {
		errno = problem;
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			return -1;
		}
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* A line that begins with '#' is a property of the tree unless it is one of these. */
static bool has_directives(const char *source)
{
	static const char *const directives[] = { "include", "define", "undef", "if" };

	for (const char *line = source; line; line = strchr(line, '\n')) {
		line += strspn(line, " \t\r\n");
		if (*line != '#') {
			continue;
		}
		const char *word = line + 1 + strspn(line + 1, " \t");
		for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
			if (strncmp(word, directives[i], strlen(directives[i])) == 0) {
				return true;
			}
		}
	}
	return false;
}

/* The first line with an error in it, or the first line. */
static void first_error(int errors, const char *program, const char *path, char *why,
			size_t why_size)
{
	size_t size;

	(void)lseek(errors, 0, SEEK_SET);
	char *text = read_all(errors, SOURCE_SIZE_MAX, &size);
	const char *line = text ? text : "";
	const char *found = strcasestr(line, "error");
	while (found && found > line && found[-1] != '\n') {
		found--;
	}
	line = found ? found : line;
	snprintf(why, why_size, "%s: %s: %.*s", path, program, (int)strcspn(line, "\n"), line);
	free(text);
}

/* Directory of `path`, for what its source includes. */
static void directory_of(const char *path, char *directory, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(directory, size, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
}

/* -1 with a line in `why`. */
static int run_compiler(const char *const arguments[], const char *path, int in, int out,
			int errors, char *why, size_t why_size)
{
	(void)lseek(in, 0, SEEK_SET);
	const int status = run(arguments, in, out, errors);
	if (status < 0) {
		snprintf(why, why_size, "%s: cannot be compiled: %s: %s", path, arguments[0],
			 strerror(errno));
	} else if (status != 0) {
		first_error(errors, arguments[0], path, why, why_size);
	}
	return status == 0 ? 0 : -1;
}

/* The source is in `in`, the tree will be in `out`; the third is for what is in between. */
static int compile(const char *path, bool is_preprocessed, int in, int out, int between, int errors,
		   char *why, size_t why_size)
{
	char directory[4096];
	const char *const cpp[] = { "cpp",       "-nostdinc", "-undef",
				    "-D__DTS__", "-x",        "assembler-with-cpp",
				    "-I",        directory,   "-",
				    NULL };
	const char *const dtc[] = { "dtc", "-q", "-I",      "dts", "-O",
				    "dtb", "-i", directory, "-",   NULL };

	directory_of(path, directory, sizeof(directory));
	if (is_preprocessed && run_compiler(cpp, path, in, between, errors, why, why_size) != 0) {
		return -1;
	}
	return run_compiler(dtc, path, is_preprocessed ? between : in, out, errors, why, why_size);
}

int manifest_compile(const char *path, const char *source, size_t source_size, void **tree,
		     size_t *tree_size, char *why, size_t why_size)
{
	int fds[4];
	bool is_open = true;
	int result = -1;

	*tree = NULL;
	for (size_t i = 0; i < 4; i++) {
		fds[i] = memfd_create("manifest", MFD_CLOEXEC);
		is_open = is_open && fds[i] >= 0;
	}
	if (!is_open || write(fds[0], source, source_size) != (ssize_t)source_size) {
		snprintf(why, why_size, "%s: cannot be compiled: %s", path, strerror(errno));
	} else if (compile(path, has_directives(source), fds[0], fds[1], fds[2], fds[3], why,
			   why_size) == 0) {
		(void)lseek(fds[1], 0, SEEK_SET);
		*tree = read_all(fds[1], MANIFEST_SIZE_MAX, tree_size);
		result = *tree ? 0 : -1;
		if (!*tree) {
			snprintf(why, why_size, "%s: compiled: %s", path, strerror(errno));
		}
	}
	for (size_t i = 0; i < 4; i++) {
		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
	return result;
}

int manifest_load(struct manifest *manifest, const char *path, char *why, size_t why_size)
{
	size_t size = 0;
	void *tree = NULL;
	size_t tree_size;

	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes = fd < 0 ? NULL : read_all(fd, SOURCE_SIZE_MAX, &size);
	const int error = errno;
	if (fd >= 0) {
		close(fd);
	}
	if (!bytes) {
		snprintf(why, why_size, "%s: %s", path, strerror(error));
		return -1;
	}
	int result;
	if (size >= sizeof(magic) && memcmp(bytes, magic, sizeof(magic)) == 0) {
		result = manifest_parse(manifest, path, bytes, size, why, why_size);
	} else {
		result = manifest_compile(path, bytes, size, &tree, &tree_size, why, why_size);
		if (result == 0) {
			result = manifest_parse(manifest, path, tree, tree_size, why, why_size);
		}
	}
	free(tree);
	free(bytes);
	return result;
}
