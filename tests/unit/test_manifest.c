/* SPDX-License-Identifier: BSD-3-Clause */
/* FF-A manifests: what they mean, what is refused and how it is said, trees that lie. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/internal.h"
#include "support/cmocka.h"

#define WHY_SIZE 512
#define TEXT_MAX 4096

/* A manifest by its lines: those of the root, and nodes. */
static const char *const lists[] = {
	"compatible = \"arm,ffa-manifest-1.0\";",
	"description = \"Base-1\";",
	"ffa-version = <0x00010002>;",
	"uuid = <0x1e67b5b4 0xe14f904a 0x13fb1fb8 0xcbdae1da>;",
	"id = <1>;",
	"execution-ctx-count = <8>;",
	"exception-level = <2>;",
	"execution-state = <0>;",
	"load-address = <0x0 0x7000000>;",
	"messaging-method = <0x607>;",
	"notification-support;",
	NULL,
};

static const char *const services[] = {
	"compatible = \"arm,ffa-manifest-1.1\";",
	"debug_name = \"sp1\";",
	"ffa-version = <0x00010002>;",
	"execution-ctx-count = <1>;",
	"exception-level = <2>;",
	"execution-state = <0>;",
	"ns-interrupts-action = <2>;",
	"services { compatible = \"arm,ffa-manifest-services\";",
	"service0 { uuid = \"11223344-5566-7788-99aa-bbccddeeff00\";",
	"messaging-method = <0x3>; };",
	"service1 { uuid = \"A1223344-5566-7788-99AA-BBCCDDEEFF00\";",
	"messaging-method = <0x601>; };",
	"};",
	NULL,
};

/* Compiles `lines` with the one that begins like `replaced` (up to its '=' or ';') replaced by
 * `line`; `replaced` NULL: `line` comes first. */
static int read_lines(struct manifest *manifest, const char *const *lines, const char *replaced,
		      const char *line, char why[WHY_SIZE])
{
	char text[TEXT_MAX];
	void *tree;
	size_t size;
	bool is_found = replaced == NULL;
	size_t at =
		(size_t)snprintf(text, sizeof(text), "/dts-v1/; / {\n%s\n", replaced ? "" : line);

	for (; *lines; lines++) {
		const bool is_it = replaced && strncmp(*lines, replaced, strlen(replaced)) == 0;
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\n", is_it ? line : *lines);
		is_found = is_found || is_it;
	}
	at += (size_t)snprintf(text + at, sizeof(text) - at, "};\n");
	assert_true(is_found && at < sizeof(text));
	why[0] = '\0';
	if (manifest_compile("m.dts", text, at, &tree, &size, why, WHY_SIZE) != 0) {
		fail_msg("%s", why);
	}
	const int result = manifest_parse(manifest, "dir/m.dts", tree, size, why, WHY_SIZE);
	free(tree);
	return result;
}

static void read_good(struct manifest *manifest, const char *const *lines, const char *replaced,
		      const char *line)
{
	char why[WHY_SIZE];

	if (read_lines(manifest, lines, replaced, line, why) != 0) {
		fail_msg("%s", why);
	}
}

static void assert_refused(const char *const *lines, const char *replaced, const char *line,
			   const char *expected)
{
	struct manifest manifest;
	char why[WHY_SIZE];

	assert_int_equal(read_lines(&manifest, lines, replaced, line, why), -1);
	if (!strstr(why, expected) || strncmp(why, "dir/m.dts: ", strlen("dir/m.dts: ")) != 0) {
		fail_msg("'%s' where '%s' was expected", why, expected);
	}
}

/* ---- what they mean ---- */

static void lists_of_cells_as_tf_a_and_arms_suite_write_them(void **state)
{
	/* the words are those of w1 to w4, so each is little-endian in memory */
	static const uint8_t uuid[16] = { 0xb4, 0xb5, 0x67, 0x1e, 0x4a, 0x90, 0x4f, 0xe1,
					  0xb8, 0x1f, 0xfb, 0x13, 0xda, 0xe1, 0xda, 0xcb };
	struct manifest m;

	(void)state;
	read_good(&m, lists, NULL, "");
	assert_string_equal(m.config.name, "Base-1");
	assert_int_equal(m.config.id, 0x8001);
	assert_int_equal(m.config.vcpu_count, 8);
	assert_int_equal(m.config.properties, 0x70F);
	assert_int_equal(m.config.ffa_version, 0x10002);
	assert_int_equal(m.config.uuid_count, 1);
	assert_memory_equal(m.config.uuids[0].bytes, uuid, 16);
	assert_true(m.is_secure);
	assert_false(m.has_scheduler);
	assert_string_equal(m.note, "");
}

static void nodes_of_services_as_hafnium_writes_them(void **state)
{
	/* measured on Hafnium: x1 = 5566778811223344, x2 = ddeeff0099aabbcc */
	static const uint64_t pair[2] = { 0x5566778811223344, 0xddeeff0099aabbcc };
	struct vmsg_ffa_uuid uuid;
	struct manifest m;

	(void)state;
	read_good(&m, services, NULL, "");
	assert_string_equal(m.config.name, "sp1");
	assert_int_equal(m.config.id, 0);
	assert_int_equal(m.config.properties, 0x703);
	assert_int_equal(m.config.uuid_count, 2);
	vmsg_ffa_uuid_from_pair(&uuid, pair);
	assert_memory_equal(m.config.uuids[0].bytes, uuid.bytes, 16);
	assert_int_equal(m.config.uuids[1].bytes[3], 0xA1);
	assert_int_equal(m.config.messaging[0], 0x3);
	assert_int_equal(m.config.messaging[1], 0x601);
}

static void several_uuids_with_one_messaging_method_or_one_each(void **state)
{
	struct manifest m;

	(void)state;
	read_good(&m, lists, "uuid", "uuid = <1 2 3 4>, <5 6 7 8>;");
	assert_int_equal(m.config.uuid_count, 2);
	assert_int_equal(m.config.uuids[1].bytes[12], 8);
	assert_int_equal(m.config.messaging[1], 0x607);
	read_good(&m, lists, "uuid",
		  "uuid = <1 2 3 4 5 6 7 8>; /delete-property/ messaging-method;");
}

static void one_messaging_method_each(void **state)
{
	static const char *const each[] = {
		"compatible = \"arm,ffa-manifest-1.0\";",
		"ffa-version = <0x10001>; execution-ctx-count = <1>; exception-level = <1>;",
		"uuid = <1 2 3 4>, <5 6 7 8>;",
		"execution-state = <1>;",
		"messaging-method = <0x1 0x4>;",
		NULL,
	};
	struct manifest m;

	(void)state;
	read_good(&m, each, NULL, "");
	assert_int_equal(m.config.messaging[0], 0x1);
	assert_int_equal(m.config.messaging[1], 0x4);
	/* neither AArch64 nor notifications */
	assert_int_equal(m.config.properties, 0x5);
	assert_int_equal(m.config.ffa_version, 0x10001);
	assert_string_equal(m.config.name, "m");
	assert_true(m.is_secure);
	assert_refused(each, "messaging-method", "messaging-method = <1 1 1>;",
		       "/: messaging-method has 3 values for 2 UUIDs");
}

static void normal_world_partitions(void **state)
{
	struct manifest m;

	(void)state;
	read_good(&m, lists, "exception-level", "exception-level = <0>; has-primary-scheduler;");
	assert_int_equal(m.config.id, 1);
	assert_false(m.is_secure);
	assert_true(m.has_scheduler);
	read_good(&m, lists, "exception-level", "exception-level = <6>;");
	assert_false(m.is_secure);
	/* its UUID may be nobody's business */
	read_good(&m, lists, "exception-level", "exception-level = <0>; /delete-property/ uuid;");
}

static void ids_versions_and_names(void **state)
{
	struct manifest m;

	(void)state;
	read_good(&m, lists, "id", "id = <0x8003>;");
	assert_int_equal(m.config.id, 0x8003);
	read_good(&m, lists, "id", "");
	assert_int_equal(m.config.id, 0);
	/* OP-TEE's */
	read_good(&m, lists, "ffa-version", "ffa-version = <0x10000>;");
	assert_int_equal(m.config.ffa_version, 0x10001);
	read_good(&m, lists, "description",
		  "description = \"FVP Base \\\"StandaloneMm\\\" \\xc3\\xbc for rust-spmc\";");
	assert_string_equal(m.config.name, "FVP Base \"StandaloneMm\" ?? for ");
	read_good(&m, lists, NULL, "vm-availability-messages = <3>;");
	assert_int_equal(m.config.properties, 0x7CF);
	/* one of several strings; a binding of the future that is still 1.x */
	read_good(&m, lists, "compatible", "compatible = \"x\", \"arm,ffa-manifest-1.0\";");
	read_good(&m, lists, "compatible", "compatible = \"arm,ffa-manifest-1.2\";");
	read_good(&m, lists, "notification-support",
		  "memory-regions { compatible = \"arm,ffa-manifest-memory-regions\"; r {"
		  " pages-count = <1>; attributes = <3>; }; };");
}

static void roles_of_virtio_msg_as_text_are_noted(void **state)
{
	struct manifest m;

	(void)state;
	read_good(&m, services, "service0",
		  "service0 { uuid = \"c66028b5-2498-4aa1-9de7-77da6122abf0\";");
	assert_non_null(strstr(m.note, "write b52860c6-a14a-9824-da77-e79df0ab2261"));
	read_good(&m, services, "service0",
		  "service0 { uuid = \"b52860c6-a14a-9824-da77-e79df0ab2261\";");
	assert_string_equal(m.note, "");
	assert_int_equal(m.config.uuids[0].bytes[0], 0xc6);
}

/* ---- what is refused ---- */

static void each_rule_is_told(void **state)
{
	static const struct {
		const char *const *lines;
		const char *replaced;
		const char *line;
		const char *expected;
	} cases[] = {
		{ lists, "compatible", "", "/: compatible is missing" },
		{ lists, "compatible", "compatible = \"arm,ffa-manifest-2.0\";",
		  "/: compatible is 'arm,ffa-manifest-2.0'" },
		{ lists, "compatible", "compatible = <1>;", "/: compatible is ''" },
		{ lists, "ffa-version", "", "/: ffa-version is missing" },
		{ lists, "ffa-version", "ffa-version = <0x20000>;", "/: ffa-version is 131072" },
		{ lists, "ffa-version", "ffa-version = <0x10004>;", "/: ffa-version is 65540" },
		{ lists, "ffa-version", "ffa-version = <1 2 3>;",
		  "/: ffa-version has 12 bytes, a number has 4 or 8" },
		{ lists, "ffa-version", "ffa-version = <1 0x10002>;", "/: ffa-version is 42950" },
		{ lists, "uuid", "", "/: uuid is missing" },
		{ lists, "uuid", "uuid = <1 2 3>;", "/: uuid has 12 bytes" },
		{ lists, "uuid", "uuid = <0 0 0 0>;", "/: uuid is nil" },
		{ lists, "uuid", "uuid = <1 2 3 4>, <1 2 3 4>;", "/: uuid is there twice" },
		{ lists, "uuid",
		  "uuid = <1 0 0 0 2 0 0 0 3 0 0 0 4 0 0 0 5 0 0 0 6 0 0 0 7 0 0 0 8 0 0 0 9 0 0 "
		  "0>;",
		  "/: uuid is one too many" },
		{ lists, "id", "id = <0>;", "/: id is 0" },
		{ lists, "id", "id = <0x8000>;", "/: id is 0x8000" },
		{ lists, "id", "id = <0xffc0>;", "/: id is 0xffc0" },
		{ lists, "id", "id = <0x10000>;", "/: id is 65536" },
		{ lists, "id", "id = <0x7fff>;", "/: id is 0x7fff" },
		{ lists, "execution-ctx-count", "", "/: execution-ctx-count is missing" },
		{ lists, "execution-ctx-count", "execution-ctx-count = <0>;",
		  "/: execution-ctx-count is 0" },
		{ lists, "execution-ctx-count", "execution-ctx-count = <65>;",
		  "/: execution-ctx-count is 65: a partition has 1 to 64" },
		{ lists, "exception-level", "", "/: exception-level is missing" },
		{ lists, "exception-level", "exception-level = <3>;", "/: exception-level is 3" },
		{ lists, "exception-level", "exception-level = \"EL1\";",
		  "/: exception-level is 11" },
		{ lists, "execution-state", "", "/: execution-state is missing" },
		{ lists, "execution-state", "execution-state = <2>;", "/: execution-state is 2" },
		{ lists, "messaging-method", "", "/: messaging-method is missing" },
		{ lists, "messaging-method", "messaging-method = <0x8>;",
		  "/: messaging-method is 0x8" },
		{ lists, "messaging-method", "messaging-method = [03];",
		  "/: messaging-method has 1 bytes" },
		{ lists, "messaging-method", "messaging-method;",
		  "/: messaging-method has 0 bytes" },
		{ lists, "messaging-method",
		  "messaging-method = <0x4>; vm-availability-messages = <2>;",
		  "/: vm-availability-messages is 2 without bit 0" },
		{ lists, NULL, "vm-availability-messages = <4>;",
		  "/: vm-availability-messages is 4" },
		{ lists, NULL, "has-primary-scheduler;", "/: has-primary-scheduler with" },
		{ lists, "notification-support", "notification-support = <0>;",
		  "/: notification-support has a value" },
		{ lists, NULL, "xlat-granule = <3>;", "/: xlat-granule is 3" },
		{ lists, NULL, "boot-order = <0x10000>;", "/: boot-order is 65536" },
		{ services, "ns-interrupts-action", "ns-interrupts-action = <3>;",
		  "/: ns-interrupts-action is 3" },
		{ services, "services", "x {", "/: the node services is missing" },
		{ services, "services", "services {", "/services: compatible is not" },
		{ services, "service0", "service0 {", "/services/service0: uuid is missing" },
		{ services, "service0", "service0 { uuid = <1 2 3 4>;",
		  "/services/service0: uuid has 16 bytes and is no UUID" },
		{ services, "service0",
		  "service0 { uuid = \"11223344-5566-7788-99aa-bbccddeeff0\";",
		  "/services/service0: uuid has 36 bytes" },
		{ services, "service0",
		  "service0 { uuid = \"11223344-5566-7788-99aa-bbccddeeff0g\";",
		  "/services/service0: uuid has 37 bytes and is no UUID" },
		{ services, "service0",
		  "service0 { uuid = \"11223344-5566-7788-99aabbccddeeff001-\";",
		  "/services/service0: uuid" },
		{ services, "service0",
		  "service0 { uuid = \"00000000-0000-0000-0000-000000000000\";",
		  "/services/service0: uuid is nil" },
		{ services, "service1",
		  "service1 { uuid = \"11223344-5566-7788-99aa-bbccddeeff00\";",
		  "/services/service1: uuid is there twice" },
		{ services, "messaging-method = <0x601>", "};",
		  "/services/service1: messaging-method is missing" },
		{ services, "messaging-method = <0x601>", "messaging-method = <1 1>; };",
		  "/services/service1: messaging-method has 2 values" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_refused(cases[i].lines, cases[i].replaced, cases[i].line, cases[i].expected);
	}
}

static void services_without_a_service(void **state)
{
	static const char *const none[] = {
		"compatible = \"arm,ffa-manifest-1.1\";",
		"ffa-version = <0x10001>; execution-ctx-count = <1>; exception-level = <1>;",
		"execution-state = <0>;",
		"services { compatible = \"arm,ffa-manifest-services\"; };",
		NULL,
	};

	(void)state;
	assert_refused(none, NULL, "", "/services: has no node for a service");
}

/* ---- systems ---- */

static struct manifest numbered(const char *file, uint16_t id, bool is_secure)
{
	return (struct manifest){
		.file = file,
		.is_secure = is_secure,
		.config = { .id = id, .vcpu_count = 1, .ffa_version = 0x10002 },
	};
}

static void systems_have_unique_ids(void **state)
{
	static struct manifest_system system;
	struct manifest all[] = { numbered("a", 0, true), numbered("b", 0, false),
				  numbered("c", 1, false), numbered("d", 0, true),
				  numbered("e", 0x8001, true) };
	char why[WHY_SIZE];

	(void)state;
	all[1].has_scheduler = true;
	assert_int_equal(manifest_join(&system, all, 5, 0x10002, why, sizeof(why)), 0);
	assert_int_equal(system.partition_count, 5);
	assert_int_equal(system.partitions[0].id, 0x8002);
	assert_int_equal(system.partitions[1].id, 2);
	assert_int_equal(system.partitions[2].id, 1);
	assert_int_equal(system.partitions[3].id, 0x8003);
	assert_int_equal(system.scheduler, 2);

	all[3].config.id = 0x8001;
	assert_int_equal(manifest_join(&system, all, 5, 0x10002, why, sizeof(why)), -1);
	assert_string_equal(why, "e: /: id is 0x8001, as in d");
	all[3].config.id = 0;
	all[2].has_scheduler = true;
	assert_int_equal(manifest_join(&system, all, 5, 0x10002, why, sizeof(why)), -1);
	assert_string_equal(why, "c: /: has-primary-scheduler, as in b: a system has one");
	all[2].has_scheduler = false;
	assert_int_equal(manifest_join(&system, all, 5, 0x10001, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "a: /: ffa-version is 1.2, and the manager's 1.1"));
}

static void systems_have_at_most_250_partitions(void **state)
{
	static struct manifest_system system;
	static struct manifest all[SPMC_PARTITIONS_MAX + 1];
	char why[WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < SPMC_PARTITIONS_MAX + 1; i++) {
		all[i] = numbered("x", 0, i & 1);
	}
	assert_int_equal(manifest_join(&system, all, SPMC_PARTITIONS_MAX, 0x10002, why, WHY_SIZE),
			 0);
	assert_int_equal(system.partitions[SPMC_PARTITIONS_MAX - 1].id, 0x807D);
	assert_int_equal(
		manifest_join(&system, all, SPMC_PARTITIONS_MAX + 1, 0x10002, why, WHY_SIZE), -1);
	assert_non_null(strstr(why, "manifest 251"));
}

/* ---- bytes that are no manifest ---- */

static void compile_services(void **tree, size_t *size)
{
	char text[TEXT_MAX] = "/dts-v1/; / {";
	char why[WHY_SIZE];

	for (const char *const *line = services; *line; line++) {
		strncat(text, *line, sizeof(text) - strlen(text) - 1);
	}
	strncat(text, "};", sizeof(text) - strlen(text) - 1);
	assert_int_equal(manifest_compile("m", text, strlen(text), tree, size, why, sizeof(why)),
			 0);
}

/* At an address of its own, so that a byte too far is seen. */
static int parse_copy(const void *tree, size_t size)
{
	struct manifest manifest;
	char why[WHY_SIZE] = "";
	void *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, tree, size);
	const int result = manifest_parse(&manifest, "m.dtb", copy, size, why, sizeof(why));
	assert_true(result == 0 || strncmp(why, "m.dtb: ", 7) == 0);
	free(copy);
	return result;
}

static void trees_that_are_cut_short(void **state)
{
	void *tree;
	size_t size;

	(void)state;
	compile_services(&tree, &size);
	assert_int_equal(parse_copy(tree, size), 0);
	for (size_t cut = 0; cut < size; cut++) {
		assert_int_equal(parse_copy(tree, cut), -1);
	}
	free(tree);
}

static void trees_with_any_byte_wrong(void **state)
{
	static const uint8_t wrong[] = { 0x00, 0x01, 0x7F, 0x80, 0xFF };
	void *tree;
	size_t size;

	(void)state;
	compile_services(&tree, &size);
	uint8_t *bytes = tree;
	for (size_t i = 0; i < size; i++) {
		const uint8_t right = bytes[i];
		for (size_t j = 0; j < sizeof(wrong); j++) {
			bytes[i] = wrong[j];
			(void)parse_copy(tree, size);
		}
		bytes[i] = right;
	}
	free(tree);
}

/* Well-formed for libfdt, but there is nothing in it. */
static void a_tree_without_a_root(void **state)
{
	static const uint32_t words[] = {
		0xd00dfeed, 60, 56, 60, 40, 17, 16, 0, 0, 4, 0, 0, 0, 0, 9
	};
	uint8_t bytes[sizeof(words)] __attribute__((aligned(8)));
	struct manifest manifest;
	char why[WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(words); i++) {
		bytes[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
	}
	assert_int_equal(manifest_parse(&manifest, "m", bytes, sizeof(bytes), why, sizeof(why)),
			 -1);
	assert_non_null(strstr(why, "m: is no device tree: FDT_ERR_BADSTRUCTURE"));
}

static void trees_that_are_too_long(void **state)
{
	struct manifest manifest;
	char why[WHY_SIZE];
	void *zeroes = calloc(1, MANIFEST_SIZE_MAX + 8);

	(void)state;
	assert_int_equal(
		manifest_parse(&manifest, "m", zeroes, MANIFEST_SIZE_MAX + 8, why, sizeof(why)),
		-1);
	assert_non_null(strstr(why, "m: has 65544 bytes"));
	free(zeroes);
}

/* ---- files ---- */

static void put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void assert_load_fails(const char *path, const char *expected)
{
	struct manifest manifest;
	char why[WHY_SIZE];

	assert_int_equal(manifest_load(&manifest, path, why, sizeof(why)), -1);
	if (!strstr(why, expected)) {
		fail_msg("'%s' where '%s' was expected", why, expected);
	}
}

static void files_of_source_with_and_without_directives(void **state)
{
	static const char plain[] =
		"/dts-v1/; / { #address-cells = <2>; compatible = \"arm,ffa-manifest-1.0\";\n"
		"ffa-version = <0x10002>; execution-ctx-count = <2>; execution-state = <0>;\n"
		"uuid = <1 2 3 4>; messaging-method = <1>; exception-level = <1>; };\n";
	static const char directives[] = "/dts-v1/;\n#define S_EL0 (0x1)\n#include "
					 "\"rest.dtsi\"\n/ {\n#address-cells = <2>;\n"
					 "exception-level = <S_EL0>; };\n";
	static const char rest[] =
		"/ { compatible = \"arm,ffa-manifest-1.0\";\n"
		"ffa-version = <0x10002>; execution-ctx-count = <2>; execution-state = <0>;\n"
		"uuid = <1 2 3 4>; messaging-method = <1>; };\n";
	char directory[] = "/tmp/vmsg-manifest-XXXXXX";
	char path[64], other[64];
	struct manifest m;
	char why[WHY_SIZE];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/sp.dts", directory);
	snprintf(other, sizeof(other), "%s/rest.dtsi", directory);
	put_file(path, plain);
	assert_int_equal(manifest_load(&m, path, why, sizeof(why)), 0);
	assert_string_equal(m.config.name, "sp");
	put_file(other, rest);
	put_file(path, directives);
	if (manifest_load(&m, path, why, sizeof(why)) != 0) {
		fail_msg("%s", why);
	}
	assert_int_equal(m.config.vcpu_count, 2);
	put_file(path, "/dts-v1/;\n/ {\nuuid = <;\n};\n");
	assert_load_fails(path, "sp.dts: dtc: Error: <stdin>:3");
	put_file(path, "#include \"nowhere.h\"\n");
	assert_load_fails(path, "nowhere.h: No such file");
	put_file(path, "");
	assert_load_fails(path, "sp.dts: ");
	remove(other);
	remove(path);
	assert_load_fails(path, "No such file or directory");
	assert_load_fails(directory, "Is a directory");
	remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_cells_as_tf_a_and_arms_suite_write_them),
		cmocka_unit_test(nodes_of_services_as_hafnium_writes_them),
		cmocka_unit_test(several_uuids_with_one_messaging_method_or_one_each),
		cmocka_unit_test(one_messaging_method_each),
		cmocka_unit_test(normal_world_partitions),
		cmocka_unit_test(ids_versions_and_names),
		cmocka_unit_test(roles_of_virtio_msg_as_text_are_noted),
		cmocka_unit_test(each_rule_is_told),
		cmocka_unit_test(services_without_a_service),
		cmocka_unit_test(systems_have_unique_ids),
		cmocka_unit_test(systems_have_at_most_250_partitions),
		cmocka_unit_test(trees_that_are_cut_short),
		cmocka_unit_test(trees_with_any_byte_wrong),
		cmocka_unit_test(a_tree_without_a_root),
		cmocka_unit_test(trees_that_are_too_long),
		cmocka_unit_test(files_of_source_with_and_without_directives),
	};

	return cmocka_run_group_tests_name("manifests", tests, NULL, NULL);
}
