/* SPDX-License-Identifier: BSD-3-Clause */
/* A scanner that knows what may come next, with one bit per open bracket instead of a stack of
 * calls. */
#include "json_read.h"

#include <string.h>

struct scanner {
	const char *at;
	const char *end;
};

static void skip_space(struct scanner *s)
{
	while (s->at < s->end &&
	       (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
		s->at++;
	}
}

static bool take(struct scanner *s, char c)
{
	if (s->at < s->end && *s->at == c) {
		s->at++;
		return true;
	}
	return false;
}

static bool is_digit(const struct scanner *s)
{
	return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	const int lower = c | 0x20;
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Behind "\u". */
static bool scan_hex(struct scanner *s, uint32_t *code)
{
	*code = 0;
	if (s->end - s->at < 4) {
		return false;
	}
	for (int i = 0; i < 4; i++) {
		const int digit = hex_digit(*s->at++);
		if (digit < 0) {
			return false;
		}
		*code = *code << 4 | (uint32_t)digit;
	}
	return true;
}

static bool scan_string(struct scanner *s)
{
	uint32_t code;

	if (!take(s, '"')) {
		return false;
	}
	while (s->at < s->end) {
		const unsigned char c = (unsigned char)*s->at++;
		if (c == '"') {
			return true;
		}
		if (c < 0x20) {
			return false;
		}
		if (c != '\\') {
			continue;
		}
		if (take(s, 'u')) {
			if (!scan_hex(s, &code)) {
				return false;
			}
		} else if (s->at == s->end || *s->at == '\0' || !strchr("\"\\/bfnrt", *s->at++)) {
			return false;
		}
	}
	return false;
}

static bool scan_digits(struct scanner *s)
{
	const bool is_one = is_digit(s);

	while (is_digit(s)) {
		s->at++;
	}
	return is_one;
}

static bool scan_number(struct scanner *s)
{
	take(s, '-');
	if (!take(s, '0') && !scan_digits(s)) {
		return false;
	}
	if (take(s, '.') && !scan_digits(s)) {
		return false;
	}
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+')) {
			take(s, '-');
		}
		return scan_digits(s);
	}
	return true;
}

static bool scan_word(struct scanner *s, const char *word)
{
	const size_t length = strlen(word);

	if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0) {
		return false;
	}
	s->at += length;
	return true;
}

static bool scan_scalar(struct scanner *s)
{
	if (s->at == s->end) {
		return false;
	}
	switch (*s->at) {
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		return scan_number(s);
	}
}

/* `"key":` and the space around it. */
static bool scan_key(struct scanner *s)
{
	skip_space(s);
	if (!scan_string(s)) {
		return false;
	}
	skip_space(s);
	return take(s, ':');
}

/* Closes brackets as long as that is what comes, and finds what must follow: true when another
 * value does. `depth` is 0 when all is done. */
static bool scan_after(struct scanner *s, uint32_t objects, unsigned *depth, bool *is_bad)
{
	while (*depth > 0) {
		const bool is_object = objects >> (*depth - 1) & 1;
		skip_space(s);
		if (take(s, ',')) {
			*is_bad = is_object && !scan_key(s);
			return !*is_bad;
		}
		if (!take(s, is_object ? '}' : ']')) {
			*is_bad = true;
			return false;
		}
		--*depth;
	}
	return false;
}

static bool scan_value(struct scanner *s)
{
	uint32_t objects = 0; /* bit per open bracket: '{' */
	unsigned depth = 0;
	bool is_bad = false;
	bool follows = true; /* a value must */

	while (follows) {
		skip_space(s);
		const bool is_object = take(s, '{');
		if (!is_object && !take(s, '[')) {
			if (!scan_scalar(s)) {
				return false;
			}
		} else {
			skip_space(s);
			if (!take(s, is_object ? '}' : ']')) {
				if (depth == JSON_READ_DEPTH || (is_object && !scan_key(s))) {
					return false;
				}
				objects &= ~(UINT32_C(1) << depth);
				objects |= (uint32_t)is_object << depth++;
				continue;
			}
		}
		follows = scan_after(s, objects, &depth, &is_bad);
	}
	return !is_bad;
}

bool json_read(const char *text, size_t size, struct json_value *value)
{
	struct scanner s = { text, text + size };

	*value = (struct json_value){ NULL, 0 };
	skip_space(&s);
	const char *begin = s.at;
	if (!scan_value(&s)) {
		return false;
	}
	*value = (struct json_value){ begin, (size_t)(s.at - begin) };
	skip_space(&s);
	if (s.at != s.end) {
		*value = (struct json_value){ NULL, 0 };
	}
	return value->text != NULL;
}

static bool is_object(struct json_value value)
{
	return value.text && value.text[0] == '{';
}

bool json_read_next(struct json_value container, size_t *at, struct json_value *key,
		    struct json_value *value)
{
	const char *begin;

	if (!container.text || (container.text[0] != '{' && container.text[0] != '[')) {
		return false;
	}
	struct scanner s = { container.text + *at, container.text + container.size };
	if (*at == 0) {
		s.at++; /* the bracket */
	}
	skip_space(&s);
	if (take(&s, ',')) {
		skip_space(&s);
	}
	if (s.at == s.end || *s.at == '}' || *s.at == ']') {
		return false;
	}
	if (is_object(container)) {
		begin = s.at;
		(void)scan_string(&s);
		if (key) {
			*key = (struct json_value){ begin, (size_t)(s.at - begin) };
		}
		skip_space(&s);
		take(&s, ':');
		skip_space(&s);
	}
	begin = s.at;
	(void)scan_value(&s);
	*value = (struct json_value){ begin, (size_t)(s.at - begin) };
	*at = (size_t)(s.at - container.text);
	return true;
}

struct json_value json_read_member(struct json_value object, const char *key)
{
	struct json_value found, value;
	size_t at = 0;

	while (is_object(object) && json_read_next(object, &at, &found, &value)) {
		if (json_read_is(found, key)) {
			return value;
		}
	}
	return (struct json_value){ NULL, 0 };
}

bool json_read_is(struct json_value value, const char *string)
{
	const size_t length = strlen(string);

	return value.text && value.size == length + 2 && value.text[0] == '"' &&
	       memcmp(value.text + 1, string, length) == 0;
}

bool json_read_number(struct json_value value, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < value.size; i++) {
		const char c = value.text[i];
		if (c < '0' || c > '9') {
			return false;
		}
		const uint64_t digit = (uint64_t)(c - '0');
		if (*number > (UINT64_MAX - digit) / 10) {
			return false;
		}
		*number = *number * 10 + digit;
	}
	return value.text != NULL;
}

bool json_read_bool(struct json_value value, bool *is_true)
{
	*is_true = value.text && value.text[0] == 't';
	return *is_true || (value.text && value.text[0] == 'f');
}

/* Surrogates by halves are no characters. */
static bool scan_code_point(struct scanner *s, uint32_t *code)
{
	uint32_t low;

	if (!scan_hex(s, code)) {
		return false;
	}
	if (*code < 0xD800 || *code > 0xDFFF) {
		return true;
	}
	if (*code > 0xDBFF || !take(s, '\\') || !take(s, 'u') || !scan_hex(s, &low) ||
	    low < 0xDC00 || low > 0xDFFF) {
		return false;
	}
	*code = 0x10000 + ((*code & 0x3FF) << 10 | (low & 0x3FF));
	return true;
}

static size_t store_utf8(uint32_t code, char bytes[4])
{
	if (code < 0x80) {
		bytes[0] = (char)code;
		return 1;
	}
	const size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = size - 1; i > 0; i--) {
		bytes[i] = (char)(0x80 | (code & 0x3F));
		code >>= 6;
	}
	bytes[0] = (char)((0xF00 >> size & 0xFF) | code);
	return size;
}

bool json_read_string(struct json_value value, char *text, size_t size)
{
	static const char from[] = "bfnrt";
	static const char to[] = "\b\f\n\r\t";
	size_t used = 0;

	if (!value.text || value.text[0] != '"') {
		return false;
	}
	struct scanner s = { value.text + 1, value.text + value.size - 1 };
	while (s.at < s.end) {
		char bytes[4] = { *s.at++ };
		size_t count = 1;
		if (bytes[0] == '\\') {
			uint32_t code;
			const char *known = strchr(from, *s.at);
			bytes[0] = known ? to[known - from] : *s.at;
			if (*s.at++ == 'u') {
				if (!scan_code_point(&s, &code) || code == 0) {
					return false;
				}
				count = store_utf8(code, bytes);
			}
		}
		if (used + count >= size) {
			return false;
		}
		memcpy(text + used, bytes, count);
		used += count;
	}
	if (used >= size) {
		return false;
	}
	text[used] = '\0';
	return true;
}
