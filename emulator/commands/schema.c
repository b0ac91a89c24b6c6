/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu schema: everything that follows from the message table. */
#include "commands/schema.h"

#include "commands/commands.h"
#include "commands/options.h"
#include "commands/report.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"usage: vmsg-ffa-emu schema [OPTION...]\n"
	"       vmsg-ffa-emu schema --compare [-j] FROM TO\n"
	"\n"
	"Prints what this program knows of virtio-msg: every message of every profile, with the\n"
	"place and kind of every field and the names of values and bits. All of it comes from the\n"
	"table that encodes and decodes.\n"
	"\n"
	"  (no option)            the reference of messages, as Markdown\n"
	"  -j, --json             the same for scripts: one object a line, one line a profile\n"
	"  -p, --profile P        of both: only this profile\n"
	"  -m, --message NAME     of both: only this message\n"
	"  -c, --compare          what differs between two profiles, for people who port from one\n"
	"                         to the other; with --json one object\n"
	"  -d, --dissector        a dissector for Wireshark, for what 'serve --pcap' writes\n"
	"  -f, --dictionary WHAT  a dictionary for libFuzzer: messages, or calls (of FF-A)\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit status: 0 done, 1 the profile has no such message, 2 usage.\n"
	"\n"
	"Examples: vmsg-ffa-emu schema -m SET_VQUEUE\n"
	"          vmsg-ffa-emu schema --compare r1 r3\n"
	"          vmsg-ffa-emu schema -j -p r3 -m SET_VQUEUE\n"
	"          vmsg-ffa-emu schema -d >vmsg-ffa.lua; wireshark -X lua_script:vmsg-ffa.lua F\n";

struct settings {
	const struct vmsg_profile *profile;
	enum vmsg_type type;
	const char *dictionary;
	bool json;
	bool is_comparison;
	bool is_dissector;
};

static int find_profile(const char *name, const struct vmsg_profile **profile)
{
	*profile = vmsg_profile_find(name);
	return *profile ? VMSG_EXIT_DONE : report_usage("no profile is called '%s'", name);
}

static int compare(const struct settings *settings, char **names)
{
	const struct vmsg_profile *from;
	const struct vmsg_profile *to;
	int status = find_profile(names[0], &from);

	status = status == VMSG_EXIT_DONE ? find_profile(names[1], &to) : status;
	if (status == VMSG_EXIT_DONE) {
		(settings->json ? schema_compare_json : schema_compare)(from, to);
	}
	return status;
}

static int print(const struct settings *settings)
{
	if (settings->profile && settings->type != VMSG_NONE &&
	    vmsg_schema_id(settings->profile, settings->type) < 0) {
		report_problem("profile %s has no %s", settings->profile->name,
			       vmsg_type_name(settings->type));
		return VMSG_EXIT_FAILED;
	}
	if (settings->dictionary && strcmp(settings->dictionary, "messages") == 0) {
		schema_message_dictionary();
	} else if (settings->dictionary && strcmp(settings->dictionary, "calls") == 0) {
		schema_call_dictionary();
	} else if (settings->dictionary) {
		return report_usage("--dictionary is messages or calls, not '%s'",
				    settings->dictionary);
	} else if (settings->is_dissector) {
		schema_dissector();
	} else if (settings->json) {
		schema_json(settings->profile, settings->type);
	} else {
		schema_markdown(settings->profile, settings->type);
	}
	return VMSG_EXIT_DONE;
}

static int take_option(struct settings *settings, int option, char **argv)
{
	switch (option) {
	case 'p':
		return find_profile(optarg, &settings->profile);
	case 'm':
		settings->type = vmsg_schema_type(optarg);
		return settings->type != VMSG_NONE
			       ? VMSG_EXIT_DONE
			       : report_usage("no message is called '%s'", optarg);
	case 'j':
		settings->json = true;
		return VMSG_EXIT_DONE;
	case 'c':
		settings->is_comparison = true;
		return VMSG_EXIT_DONE;
	case 'd':
		settings->is_dissector = true;
		return VMSG_EXIT_DONE;
	case 'f':
		settings->dictionary = optarg;
		return VMSG_EXIT_DONE;
	default:
		return option_unknown(option, argv);
	}
}

int vmsg_command_schema(int argc, char **argv)
{
	static const struct option options[] = {
		{ "profile", required_argument, NULL, 'p' },
		{ "message", required_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },
		{ "compare", no_argument, NULL, 'c' },
		{ "dissector", no_argument, NULL, 'd' },
		{ "dictionary", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct settings settings = { .type = VMSG_NONE };
	int status = VMSG_EXIT_DONE;
	int option;

	report_init("schema");
	while (status == VMSG_EXIT_DONE &&
	       (option = getopt_long(argc, argv, ":p:m:jcdf:h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return VMSG_EXIT_DONE;
		}
		status = take_option(&settings, option, argv);
	}
	if (status != VMSG_EXIT_DONE) {
		return status;
	}
	if ((settings.is_comparison || settings.is_dissector || settings.dictionary) &&
	    (settings.profile || settings.type != VMSG_NONE)) {
		return report_usage("--profile and --message go with the reference and --json");
	}
	if (settings.is_comparison + settings.is_dissector + (settings.dictionary != NULL) > 1) {
		return report_usage("--compare, --dissector and --dictionary exclude each other");
	}
	if (settings.is_comparison) {
		return argc - optind == 2 ? compare(&settings, argv + optind)
					  : report_usage("--compare takes two profiles");
	}
	return optind == argc ? print(&settings) : report_usage("'%s' is no option", argv[optind]);
}
