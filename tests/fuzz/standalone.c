/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target without libFuzzer: every file named on the command line, then pseudo-random
 * inputs from a fixed seed (0 of them when files are given). So each target is also a plain test.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define INPUT_MAX 4096
#define RUNS      20000

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

int main(int argc, char **argv)
{
	uint64_t state = 0x9e3779b97f4a7c15u;

	for (int i = 1; i < argc; i++) {
		if (run_file(argv[i])) {
			return 1;
		}
	}
	for (int run = 0; argc == 1 && run < RUNS; run++) {
		/* small values are frequent in messages: bias towards them */
		const size_t size = next(&state) % 200;
		uint8_t *input = malloc(size ? size : 1);
		if (!input) {
			return 1;
		}
		for (size_t i = 0; i < size; i++) {
			const uint64_t word = next(&state);
			input[i] = (uint8_t)(word & 0x300 ? word % 16 : word);
		}
		const int result = LLVMFuzzerTestOneInput(input, size);
		free(input);
		if (result) {
			return 1;
		}
	}
	(void)printf("%d inputs\n", argc == 1 ? RUNS : argc - 1);
	return 0;
}
