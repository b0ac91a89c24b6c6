/* SPDX-License-Identifier: BSD-3-Clause */
/* Values on the command line: whole texts or nothing, so that a typing error never becomes a
 * number. */
#include "commands/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "commands/report.h"

#define NS_PER_S    1e9
#define SECONDS_MIN 0.001
#define SECONDS_MAX 3600.0

/* A number at the start of `text`; NULL if there is none, or what follows it. */
static const char *number(const char *text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)text[0])) {
		return NULL; /* strtoull() would take signs and spaces */
	}
	const int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	errno = 0;
	*value = strtoull(text, &end, base);
	return errno == 0 ? end : NULL;
}

int option_size(const char *name, const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	uint64_t value;
	const char *rest = number(text, &value);
	unsigned int shift = 0;

	if (rest && *rest) {
		const char *unit = strchr(units, toupper((unsigned char)*rest));
		shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;
		rest = unit && !rest[1] ? "" : NULL;
	}
	if (!rest || value > UINT64_MAX >> shift) {
		return report_usage(
			"%s is '%s', which is no number of bytes (such as 4096, 4K, 1M)", name,
			text);
	}
	*size = value << shift;
	return 0;
}

int option_id(const char *name, const char *text, uint16_t *id)
{
	uint64_t value;
	const char *rest = number(text, &value);

	if (!rest || *rest || value == 0 || value > UINT16_MAX) {
		return report_usage("%s is '%s', which is no partition id (1 to 0xffff)", name,
				    text);
	}
	*id = (uint16_t)value;
	return 0;
}

int option_number(const char *name, const char *text, uint32_t most, uint32_t *value)
{
	uint64_t wide;
	const char *rest = number(text, &wide);

	if (!rest || *rest || wide > most) {
		return report_usage("%s is '%s', which is no number from 0 to %u", name, text,
				    most);
	}
	*value = (uint32_t)wide;
	return 0;
}

int option_seconds(const char *name, const char *text, uint64_t *ns)
{
	char *end;

	errno = 0;
	const double value = strtod(text, &end);
	if (!isdigit((unsigned char)text[0]) || *end || errno != 0 ||
	    !(value >= SECONDS_MIN && value <= SECONDS_MAX)) {
		return report_usage("%s is '%s', which is no time (0.001 to 3600 seconds)", name,
				    text);
	}
	*ns = (uint64_t)(value * NS_PER_S);
	return 0;
}

int option_profile(const char *name, const char *text, const struct vmsg_profile **profile)
{
	*profile = vmsg_profile_find(text);
	if (!*profile || !(*profile)->has_size) {
		return report_usage(
			"%s is '%s', which is no profile (r0, r1, r1-a16, r2a, r2b or r3)", name,
			text);
	}
	return 0;
}

int option_unknown(int option, char **argv)
{
	const char *argument = argv[optind - 1];

	if (option == ':') {
		return report_usage("%s needs a value", argument);
	}
	/* getopt_long() names the option that was given a value it does not take */
	return optopt && strncmp(argument, "--", 2) == 0 && strchr(argument, '=')
		       ? report_usage("%.*s takes no value", (int)strcspn(argument, "="), argument)
		       : report_usage("unknown option '%s'", argument);
}
