/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page of `trace --html` in a browser: its script runs, keys and pointer do what they should,
 * and nothing from a capture becomes markup. What a test does in the page stands in a script behind
 * the page's own, which leaves its findings as attributes of the root. Skipped without chromium.
 */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/process.h"

#include "tap/pcapng.h"

#define BROWSER     "/usr/bin/chromium"
#define PATIENCE_MS 100000

static char directory[] = "/tmp/vmsg-page-XXXXXX";
static char capture_path[64], page_path[64], address[80], profile_option[96];
static struct process program;

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/vmsg-page-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(capture_path, sizeof(capture_path), "%s/a<b>&capture", directory);
	snprintf(page_path, sizeof(page_path), "%s/page.html", directory);
	snprintf(address, sizeof(address), "file://%s", page_path);
	snprintf(profile_option, sizeof(profile_option), "--user-data-dir=%s/browser", directory);
	return 0;
}

static int remove_directory(void **state)
{
	char command[128];

	(void)state;
	process_kill(&program);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	assert_int_equal(system(command), 0);
	return 0;
}

#define RUN(...) process_run(&program, NULL, (const char *const[]){ __VA_ARGS__, NULL })

static void need_browser(void)
{
	if (access(BROWSER, X_OK) != 0) {
		print_message("note: skipped, as there is no " BROWSER "\n");
		skip();
	}
}

/* Makes the page of the capture, adds a script to it, and leaves what the browser made of it in the
 * program's output. */
static void browse(const char *script)
{
	assert_int_equal(RUN("trace", "-r", capture_path, "--html", page_path), 0);
	FILE *file = fopen(page_path, "ae");
	assert_non_null(file);
	fprintf(file,
		"<script>\n"
		"const found = (name, value) => { document.documentElement.dataset[name] = value; "
		"};\n"
		"const press = (key) => byId('scroller').dispatchEvent("
		"new KeyboardEvent('keydown', { key, bubbles: true }));\n"
		"const details = () => byId('details').textContent;\n"
		"%s\n"
		"found('external', performance.getEntriesByType('resource').length);\n"
		"</script>\n",
		script);
	assert_int_equal(fclose(file), 0);
	const char *const arguments[] = { "--headless",
					  "--no-sandbox",
					  "--disable-gpu",
					  "--disable-quic",
					  "--no-first-run",
					  "--disable-background-networking",
					  "--disable-component-update",
					  "--disable-sync",
					  profile_option,
					  "--dump-dom",
					  address,
					  NULL };
	process_start(&program, BROWSER, arguments);
	assert_int_equal(process_finish_within(&program, PATIENCE_MS), 0);
}

/* An attribute of the root element. */
static void assert_found(const char *name, const char *value)
{
	char expected[256];
	const char *end = strstr(program.output.text, "<head>");

	snprintf(expected, sizeof(expected), " data-%s=\"%s\"", name, value);
	const char *at = strstr(program.output.text, expected);
	if (!at || !end || at > end) {
		fail_msg("no%s in %.1500s", expected, program.output.text);
	}
}

static void a_loopback_can_be_walked_through(void **state)
{
	(void)state;
	need_browser();
	assert_int_equal(
		RUN("loopback", "--device", "rng", "--profile", "r1", "--pcap", capture_path), 0);
	/* a driver that comes before its device waits is refused, and asks again */
	browse("for (let i = 0; i < 1000 && !details().includes('answered'); i++) {\n"
	       "press('ArrowDown');\n"
	       "}\n"
	       "found('first', byId('details').querySelector('h2').textContent);\n"
	       "press('a');\n"
	       "found('answer', details().includes('bus response'));\n"
	       "byId('search').value = 'set_vqueue size=8';\n"
	       "byId('search').dispatchEvent(new Event('input'));\n"
	       "found('matches', document.querySelectorAll('.row').length);\n"
	       "document.querySelector('.row').dispatchEvent("
	       "new MouseEvent('mouseover', { bubbles: true }));\n"
	       "found('hover', details().includes('desc_addr'));\n"
	       "found('alive', details().includes('queue 0 of #0'));\n"
	       "press('Escape');\n"
	       "found('all', document.documentElement.dataset.shown === "
	       "document.documentElement.dataset.messages);\n"
	       "press('c');\n"
	       "found('lanes', lanes.length);\n"
	       "found('every', document.documentElement.dataset.shown === "
	       "document.documentElement.dataset.rows);\n"
	       "byId('theme').click();\n"
	       "found('look', document.documentElement.dataset.theme);\n"
	       "found('unanswered', rows.filter((row) => row.direct && !row.bad && "
	       "!row.answer && !row.request).length);\n"
	       "found('unseen', rows.filter((row) => row.direct && !row.bad && "
	       "!row.arrival).length);\n"
	       "found('name', byId('title').textContent.endsWith('a<b>&capture'));\n");
	assert_found("ready", "1");
	assert_found("areas", "1");
	assert_found("queues", "1");
	assert_found("first", "VERSION");
	assert_found("answer", "true");
	assert_found("matches", "1");
	assert_found("hover", "true");
	assert_found("alive", "true");
	assert_found("all", "true");
	assert_found("lanes", "3");
	assert_found("every", "true");
	assert_found("look", "dark");
	assert_found("unanswered", "0");
	assert_found("unseen", "0");
	assert_found("name", "true");
	assert_found("external", "0");
}

/* FFA_CONSOLE_LOG of a text, in x2 and on. */
static void write_log(FILE *file, const char *text)
{
	struct tap_record record = { .partition = 0x8001 };
	uint8_t packet[TAP_PACKET_MAX];
	const size_t size = strlen(text);

	record.regs.x[0] = VMSG_FFA_ID64(CONSOLE_LOG);
	record.regs.x[1] = size;
	for (size_t i = 0; i < size; i++) {
		record.regs.x[2 + i / 8] |= (uint64_t)(unsigned char)text[i] << i % 8 * 8;
	}
	const size_t packet_size = tap_record_store(&record, packet);
	assert_int_equal(tap_pcapng_write(file, 1, (struct vmsg_bytes){ packet, packet_size }), 0);
}

static void what_partitions_say_stays_text(void **state)
{
	static const char *const texts[] = {
		"</script><script>document.documentElement.dataset.evil = 1</script>",
		"<img src=x onerror='document.documentElement.dataset.evil = 1'>",
		"\",alert(1),\"\\u003c\\",
		"<!--<script>",
		"\x01\xff\xe2\x80\xa8 \x7f\r\n",
	};

	(void)state;
	need_browser();
	FILE *file = fopen(capture_path, "we");
	assert_non_null(file);
	assert_int_equal(tap_pcapng_begin(file), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_log(file, texts[i]);
	}
	assert_int_equal(fclose(file), 0);
	browse("press('c');\n"
	       "press('End');\n"
	       "press('Home');\n"
	       "found('kept', details().includes('<' + '/script><script>document.'));\n"
	       "found('images', document.images.length);\n"
	       "found('scripts', document.scripts.length);\n"
	       "found('logs', rows.map((row) => row.record.note).join('').length);\n");
	assert_found("ready", "1");
	assert_found("rows", "5");
	assert_found("kept", "true");
	assert_found("images", "0");
	assert_found("scripts", "3");
	/* every byte a character */
	size_t length = 0;
	char expected[16];
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		length += strlen(texts[i]);
	}
	snprintf(expected, sizeof(expected), "%zu", length);
	assert_found("logs", expected);
	assert_null(strstr(program.output.text, "data-evil"));
}

/* Without a browser, too: the page refers to nothing outside itself. */
static void the_page_is_whole(void **state)
{
	(void)state;
	assert_int_equal(RUN("loopback", "--device", "rng", "--pcap", capture_path), 0);
	assert_int_equal(RUN("trace", "-r", capture_path, "--html", "-"), 0);
	const char *page = program.output.text;
	assert_non_null(strstr(page, "\"http://www.w3.org/2000/svg\""));
	size_t addresses = 0;
	for (const char *at = page; (at = strstr(at, "://")) != NULL; at += 3) {
		addresses++;
	}
	assert_int_equal(addresses, 1); /* which names a namespace and is never fetched */
	assert_null(strstr(page, " src="));
	assert_null(strstr(page, "url("));
	assert_null(strstr(page, "@import"));
	assert_null(strstr(page, "innerHTML"));
	assert_non_null(strstr(page, "default-src 'none'"));
	assert_null(strstr(page, "/* CAPTURE */"));
	assert_int_equal(strcmp(page + strlen(page) - 8, "</html>\n"), 0);
	assert_int_equal(RUN("trace", "-r", capture_path, "--html", "/dev/full"), 1);
	assert_non_null(strstr(program.errors.text, "/dev/full: No space left on device"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
		TEST(a_loopback_can_be_walked_through),
		TEST(what_partitions_say_stays_text),
		TEST(the_page_is_whole),
	};

	return cmocka_run_group_tests_name("trace page", tests, NULL, NULL);
}
