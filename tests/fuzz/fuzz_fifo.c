/* SPDX-License-Identifier: BSD-3-Clause */
/* A FIFO whose other side writes anything at any time: the first byte is the mode, then come edits
 * of the region, each followed by what we do. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/fifo.h"

#define REGION 8192u
#define EDIT   5u

static void take_all(struct vmsg_fifo *fifo)
{
	static const struct vmsg_fifo_frame form = { 6, 8, 104 };
	uint8_t bytes[112];
	bool was_full;
	int size = 1;

	for (uint32_t i = 0; size > 0; i++) {
		size = vmsg_fifo_pop(fifo, &form, (struct vmsg_span){ bytes, sizeof(bytes) },
				     &was_full);
		if (size > 104 || i > fifo->in.depth) {
			abort(); /* nobody writes meanwhile: it ends */
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* two pages that do not follow each other, so that an access too far is one outside */
	uint8_t *pages[2] = { malloc(REGION / 2), malloc(REGION / 2) };
	const struct vmsg_segment segments[] = { { pages[0], REGION / 2 },
						 { pages[1], REGION / 2 } };
	static const uint8_t frame[104] = { [6] = 104 };
	struct vmsg_fifo driver, device;

	if (!pages[0] || !pages[1] ||
	    vmsg_fifo_create(&driver, segments, 2, VMSG_FIFO_MESSAGE_SIZE, VMSG_FIFO_DEPTH) < 0) {
		abort();
	}
	bool attached = size > 0 && data[0] & 1 && vmsg_fifo_attach(&device, segments, 2) == 0;
	for (size_t at = 1; at + EDIT <= size; at += EDIT) {
		const uint8_t *edit = data + at;
		const size_t offset = (size_t)(edit[1] | edit[2] << 8) % (REGION - 1);
		pages[offset / (REGION / 2)][offset % (REGION / 2)] = edit[3];
		pages[(offset + 1) / (REGION / 2)][(offset + 1) % (REGION / 2)] = edit[4];
		if (!attached) {
			attached = vmsg_fifo_attach(&device, segments, 2) == 0;
		} else if (edit[0] & 1) {
			take_all(&device);
		} else {
			(void)!vmsg_fifo_push(&device, (struct vmsg_bytes){ frame, sizeof(frame) });
		}
		if (edit[0] & 2) {
			take_all(&driver);
		} else if (edit[0] & 4) {
			(void)!vmsg_fifo_push(&driver, (struct vmsg_bytes){ frame, sizeof(frame) });
		}
	}
	free(pages[0]);
	free(pages[1]);
	return 0;
}
