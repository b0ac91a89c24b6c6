/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target without libFuzzer: the inputs named on the command line (a file NAME.hex has
 * one a line, in hex; any other file is one), then, unless single files were given, -runs=N
 * pseudo-random inputs from a fixed seed. So each target is also a plain test.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX 4096

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int run_file(const char *path)
{
	static uint8_t input[INPUT_MAX];
	FILE *file = fopen(path, "rb");

	if (!file) {
		perror(path);
		return 1;
	}
	const size_t size = fread(input, 1, sizeof(input), file);
	(void)fclose(file);
	return LLVMFuzzerTestOneInput(input, size);
}

/* An input in memory of its own, so that a sanitizer sees its end. */
static int run_copy(const uint8_t *bytes, size_t size)
{
	uint8_t *input = malloc(size ? size : 1);

	if (!input) {
		return 1;
	}
	memcpy(input, bytes, size);
	const int result = LLVMFuzzerTestOneInput(input, size);
	free(input);
	return result;
}

static int value_of(char digit)
{
	return isdigit((unsigned char)digit) ? digit - '0' : digit - 'a' + 10;
}

/* The number of inputs, or -1. */
static int run_list(const char *path)
{
	static char line[2 * INPUT_MAX + 2];
	static uint8_t input[INPUT_MAX];
	FILE *file = fopen(path, "r");
	int count = 0;

	if (!file) {
		perror(path);
		return -1;
	}
	while (fgets(line, sizeof(line), file)) {
		size_t size = 0;
		if (line[0] == '#') {
			continue;
		}
		while (isxdigit((unsigned char)line[2 * size]) &&
		       isxdigit((unsigned char)line[2 * size + 1])) {
			input[size] = (uint8_t)(value_of(line[2 * size]) << 4 |
						value_of(line[2 * size + 1]));
			size++;
		}
		count++;
		if (line[2 * size] != '\n' || run_copy(input, size)) {
			(void)fprintf(stderr, "%s: input %d\n", path, count);
			count = -1;
			break;
		}
	}
	(void)fclose(file);
	return count;
}

int main(int argc, char **argv)
{
	uint64_t state = 0x9e3779b97f4a7c15u;
	bool only_files = false;
	long runs = 0;
	int given = 0;

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "-runs=", 6) == 0) {
			runs = strtol(argv[i] + 6, NULL, 10);
			continue;
		}
		const char *suffix = strrchr(argv[i], '.');
		const bool is_list = suffix && strcmp(suffix, ".hex") == 0;
		const int count = is_list ? run_list(argv[i]) : run_file(argv[i]) ? -1 : 1;
		only_files |= !is_list;
		if (count < 0) {
			return 1;
		}
		given += count;
	}
	for (long run = 0; !only_files && run < runs; run++) {
		/* small values are frequent in messages: bias towards them */
		const size_t size = next(&state) % 200;
		uint8_t input[200];
		for (size_t i = 0; i < size; i++) {
			const uint64_t word = next(&state);
			input[i] = (uint8_t)(word & 0x300 ? word % 16 : word);
		}
		if (run_copy(input, size)) {
			return 1;
		}
	}
	(void)printf("%d inputs given, %ld random ones\n", given, only_files ? 0 : runs);
	return 0;
}
