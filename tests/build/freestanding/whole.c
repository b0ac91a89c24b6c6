/* SPDX-License-Identifier: BSD-3-Clause */
/* Links with every object of the library and nothing else but libc.c. It is never run. */
void _start(void);

void _start(void)
{
	for (;;) {
	}
}
