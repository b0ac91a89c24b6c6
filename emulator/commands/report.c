/* SPDX-License-Identifier: BSD-3-Clause */
/* Problems and progress on standard error. The bar stands on the last line of the terminal, so
 * whoever prints a line wipes it first; it is drawn again with the next update. */
#include "commands/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "commands/commands.h"

#define BAR_WIDTH 30
#define REDRAW_NS UINT64_C(50000000)
#define NS_PER_S  UINT64_C(1000000000)
#define WIPE_LINE "\r\033[K"

static const char *command_name = "";
static bool are_problems_muted;

static struct {
	const char *what; /* NULL: no bar */
	uint64_t total;
	uint64_t begun_ns;
	uint64_t drawn_ns;
	bool is_shown;
} bar;

void report_init(const char *command)
{
	command_name = command;
}

uint64_t report_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void wipe(void)
{
	if (bar.is_shown) {
		fputs(WIPE_LINE, stderr);
		bar.is_shown = false;
	}
}

void report_mute(bool is_muted)
{
	are_problems_muted = is_muted;
}

static void VMSG_PRINTF(1, 0) problem(const char *format, va_list arguments)
{
	fflush(stdout);
	wipe();
	fprintf(stderr, "vmsg-ffa-emu %s: ", command_name);
	vfprintf(stderr, format, arguments);
}

void report_problem(const char *format, ...)
{
	va_list arguments;

	if (are_problems_muted) {
		return;
	}
	va_start(arguments, format);
	problem(format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

int report_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	problem(format, arguments);
	va_end(arguments);
	fputs("; try --help\n", stderr);
	return VMSG_EXIT_USAGE;
}

void progress_begin(const char *what, uint64_t total)
{
	bar.what = isatty(STDERR_FILENO) && total > 0 ? what : NULL;
	bar.total = total;
	bar.begun_ns = report_now();
	bar.drawn_ns = 0;
}

void progress_update(uint64_t done)
{
	char line[BAR_WIDTH + 1];
	char size[REPORT_SIZE_TEXT];

	if (!bar.what) {
		return;
	}
	const uint64_t now_ns = report_now();
	if (now_ns - bar.drawn_ns < REDRAW_NS && done < bar.total) {
		return;
	}
	bar.drawn_ns = now_ns;
	bar.is_shown = true;
	const double part = (double)done / (double)bar.total;
	for (int i = 0; i < BAR_WIDTH; i++) {
		line[i] = (double)i < part * BAR_WIDTH ? '#' : '.';
	}
	line[BAR_WIDTH] = '\0';
	fflush(stdout);
	fprintf(stderr, WIPE_LINE "  %s [%s] %3.0f %%  %s  %.0f MB/s", bar.what, line, part * 100,
		report_size(done, size), report_rate(done, now_ns - bar.begun_ns));
	fflush(stderr);
}

void progress_end(void)
{
	wipe();
	bar.what = NULL;
}

const char *report_size(uint64_t size, char text[REPORT_SIZE_TEXT])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)size / 1024;
	size_t unit = 0;

	if (size < 1024) {
		snprintf(text, REPORT_SIZE_TEXT, "%" PRIu64 " bytes", size);
		return text;
	}
	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(text, REPORT_SIZE_TEXT, "%.1f %s", value, units[unit]);
	return text;
}

double report_rate(uint64_t bytes, uint64_t ns)
{
	return ns == 0 ? 0 : (double)bytes * 1000 / (double)ns;
}
