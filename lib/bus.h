/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the bus session share. Who owns what: bus.c frames, events and time;
 * bus_requests.c requests in flight; bus_driver.c and bus_device.c the two roles; bus_check.c
 * whether the device still knows the session; bus_choice.c carriers and event delivery;
 * bus_areas*.c areas; bus_numbers.c device numbers; bus_quirks.c what peers do against the rules.
 */
#ifndef VMSG_LIB_BUS_H
#define VMSG_LIB_BUS_H

#include "virtio_msg_ffa/bus.h"

#define VMSG_BUS_NONE        UINT8_MAX       /* no request, no area */
#define VMSG_BUS_ITSELF      (UINT8_MAX - 1) /* the action that is out is about no area */
#define VMSG_BUS_NEVER       UINT64_MAX
#define VMSG_BUS_FIRST_TOKEN 2u       /* tokens go round: 0 means none, 1 is what some peers fix */
#define VMSG_BUS_RETRY_NS    1000000u /* between tries of what is busy: 1 ms */
#define VMSG_BUS_REPEAT_NS   1000000000u /* between AREA_UNSHAREs of an area in use: 1 s */

/* Later time, which may be "never". */
static inline uint64_t vmsg_bus_after(uint64_t now_ns, uint64_t ns)
{
	return ns < VMSG_BUS_NEVER - now_ns ? now_ns + ns : VMSG_BUS_NEVER;
}

static inline bool vmsg_bus_is_driver(const struct vmsg_bus *bus)
{
	return bus->options.role == VMSG_BUS_DRIVER;
}

/* Agreed on a version, and neither reset nor failed since. */
static inline bool vmsg_bus_is_up(const struct vmsg_bus *bus)
{
	return bus->state == VMSG_BUS_NEGOTIATED || bus->state == VMSG_BUS_RUNNING;
}

/* ---- bus.c ---- */

/* Encodes into `out`, which is then due: 0, or as vmsg_encode() (RANGE when it is too long). */
int vmsg_bus_put_frame(struct vmsg_bus *bus, const struct vmsg_message *message,
		       uint64_t deadline_ns);

/* A request that began then has been answered. */
void vmsg_bus_count_latency(struct vmsg_bus *bus, uint64_t start_ns);

/* Device: puts out a response or an event of the session's own. */
void vmsg_bus_put(struct vmsg_bus *bus, const struct vmsg_message *message);

/* ERROR to a request; nothing where the dialect has none, or to an event. */
void vmsg_bus_put_error(struct vmsg_bus *bus, const struct vmsg_raw_header *raw);

/* The session is over: FAILED, event FAILED, every request in flight fails. */
void vmsg_bus_fail(struct vmsg_bus *bus, int error);

/* Device: by what events go that nobody has asked for. */
enum vmsg_carrier vmsg_bus_event_carrier(const struct vmsg_bus *bus);

/* What has been agreed: the session is up. */
void vmsg_bus_agree(struct vmsg_bus *bus, const struct vmsg_version *peer);

/* Feature bits as r0's VERSION has them, and back. */
uint32_t vmsg_bus_features_to_b0(uint32_t features, uint16_t max_areas);
uint32_t vmsg_bus_features_from_b0(uint32_t features);

/* ---- bus_requests.c ---- */

/* Sends a request and remembers it: its index in the table, AGAIN without room, or as
 * vmsg_bus_put_frame(). */
int vmsg_bus_put_request(struct vmsg_bus *bus, const struct vmsg_message *message,
			 uint64_t deadline_ns, bool own);
/* The same for a request of the session's own. The request, or NULL when it cannot be sent. */
struct vmsg_bus_request *vmsg_bus_ask(struct vmsg_bus *bus, const struct vmsg_message *message,
				      uint64_t deadline_ns);
/* Is it sent and without an end so far? */
bool vmsg_bus_is_in_flight(const struct vmsg_bus_request *request);
/* The request of the frame last output, while it is in flight; else NULL. */
struct vmsg_bus_request *vmsg_bus_last_request(struct vmsg_bus *bus);
/* A request in flight gets no response. */
void vmsg_bus_fail_request(struct vmsg_bus *bus, struct vmsg_bus_request *request, int error);
/* Every request in flight is over: a driver's fails, our own are forgotten. */
void vmsg_bus_end_requests(struct vmsg_bus *bus, int error);
/* Requests to a device that is gone. */
void vmsg_bus_fail_requests_to(struct vmsg_bus *bus, uint16_t dev_num, int error);
/* One frame of the device; returns as vmsg_bus_input(). */
int vmsg_bus_driver_input(struct vmsg_bus *bus, struct vmsg_bytes frame);
/* An answer to nothing that is still waited for: its event, if it is one; returns as
 * vmsg_bus_late().
 */
int vmsg_bus_driver_late(struct vmsg_bus *bus, struct vmsg_bytes frame);

/* ---- bus_choice.c ---- */

/* Driver: the first choice from row `from` on that options, dialect and both sides allow; false
 * when there is none. */
bool vmsg_bus_choose(struct vmsg_bus *bus, uint8_t from);
/* Could frames be carried at all, with what the peer offers? */
bool vmsg_bus_can_carry(const struct vmsg_bus *bus, uint32_t theirs);
/* What of our features is worth offering, given what may be chosen. */
uint32_t vmsg_bus_offer(const struct vmsg_bus_options *options);
/* Driver: by what the messages about the session itself go. */
enum vmsg_carrier vmsg_bus_bootstrap(const struct vmsg_bus *bus);
/* Device: may the driver choose this method? And the one that holds before it has chosen. */
bool vmsg_bus_accepts_events(const struct vmsg_bus *bus, uint8_t method);
uint8_t vmsg_bus_default_events(const struct vmsg_bus *bus);

/* Device: may the driver set up a FIFO? */
bool vmsg_bus_accepts_fifo(const struct vmsg_bus *bus);

/* ---- bus_fifo.c ---- */

#define VMSG_BUS_NOTIFICATION_LAST 63u

/* Driver: a FIFO is wanted. One that is on its way out goes first. */
void vmsg_bus_fifo_begin(struct vmsg_bus *bus);
/* The session that knew it is over. */
void vmsg_bus_fifo_drop(struct vmsg_bus *bus);
/* Is it still to be reclaimed or relinquished? */
bool vmsg_bus_fifo_remains(const struct vmsg_bus *bus);
/* Device: serves FIFO_CONFIGURE. */
void vmsg_bus_fifo_serve(struct vmsg_bus *bus, const struct vmsg_message *message);
/* The action that is due: 1 with `output`, or 0; and its end. */
int vmsg_bus_fifo_action(struct vmsg_bus *bus, struct vmsg_bus_output *output);
void vmsg_bus_fifo_complete(struct vmsg_bus *bus, int result);
uint64_t vmsg_bus_fifo_deadline(const struct vmsg_bus *bus);

/* ---- bus_driver.c ---- */

/* The session does not go on after a suspend: if it was to, it begins anew. */
bool vmsg_bus_driver_is_forgotten(struct vmsg_bus *bus);
/* Asks for all devices, from the first. */
void vmsg_bus_list_devices(struct vmsg_bus *bus);

/* The action of the session itself that is due: 1 with `output`, or 0; and its end. */
int vmsg_bus_driver_action(struct vmsg_bus *bus, struct vmsg_bus_output *output);
void vmsg_bus_driver_complete(struct vmsg_bus *bus, int result);
/* Sends what is due, if anything. */
void vmsg_bus_driver_output(struct vmsg_bus *bus);
/* Ends a reset that waits for memory, once it has it or time is up. */
void vmsg_bus_driver_settle(struct vmsg_bus *bus);
/* The response to a request of the session's own, or its failure. The request is done. */
void vmsg_bus_driver_response(struct vmsg_bus *bus, const struct vmsg_bus_request *request,
			      const struct vmsg_message *message);
void vmsg_bus_driver_failure(struct vmsg_bus *bus, const struct vmsg_bus_request *request,
			     int error);
/* An event of the bus class; any event also answers EVENT_POLL. */
void vmsg_bus_driver_event(struct vmsg_bus *bus, const struct vmsg_message *message);
void vmsg_bus_driver_polled(struct vmsg_bus *bus, bool more);
uint64_t vmsg_bus_driver_deadline(const struct vmsg_bus *bus);

/* ---- bus_check.c ---- */

/* A request failed with `error`, as it would if the device did not know us: a check is due. */
void vmsg_bus_doubt(struct vmsg_bus *bus, int error);
/* The next one by itself, if there is to be any. */
void vmsg_bus_check_later(struct vmsg_bus *bus);
/* Begins one that is due: true when it did. */
bool vmsg_bus_check_begin(struct vmsg_bus *bus);
/* The whole list has come. */
void vmsg_bus_check_end(struct vmsg_bus *bus);
/* The list has not come; true when it is asked for once more. */
bool vmsg_bus_check_failed(struct vmsg_bus *bus, int error);
/* The session that it was about is over, or asleep. */
void vmsg_bus_check_forget(struct vmsg_bus *bus);
uint64_t vmsg_bus_check_deadline(const struct vmsg_bus *bus);

/* ---- bus_device.c ---- */

/* One frame; returns as vmsg_bus_input(). */
int vmsg_bus_device_input(struct vmsg_bus *bus, enum vmsg_carrier carrier, struct vmsg_bytes frame);
/* As the driver's. */
int vmsg_bus_device_action(struct vmsg_bus *bus, struct vmsg_bus_output *output);
void vmsg_bus_device_complete(struct vmsg_bus *bus, int result);
/* An event could not be delivered: the driver must ask. */
void vmsg_bus_device_event_lost(struct vmsg_bus *bus);
/* Puts out what is due, if anything. `stuck`: no action is left that could help a reset on. */
void vmsg_bus_device_output(struct vmsg_bus *bus, bool stuck);
/* Everything goes; a RESET event, then areas, then DOWN. */
void vmsg_bus_device_reset(struct vmsg_bus *bus);
/* The result that the request being served waits for. */
void vmsg_bus_device_area_result(struct vmsg_bus *bus, uint16_t area_id, unsigned int result);

/* ---- bus_areas.c ---- */

/* The next action: 1 with `output`, or 0. */
int vmsg_bus_area_action(struct vmsg_bus *bus, struct vmsg_bus_output *output);
void vmsg_bus_area_complete(struct vmsg_bus *bus, int result, const struct vmsg_segment *segments,
			    size_t segment_count);
/* Driver: sends AREA_SHARE or AREA_UNSHARE if one is due: true when it did. */
bool vmsg_bus_area_ask(struct vmsg_bus *bus);
void vmsg_bus_area_response(struct vmsg_bus *bus, const struct vmsg_bus_request *request,
			    const struct vmsg_message *message);
void vmsg_bus_area_failure(struct vmsg_bus *bus, const struct vmsg_bus_request *request, int error);
void vmsg_bus_area_released(struct vmsg_bus *bus, uint16_t id);
/* Driver: the next event of an area: 1 or 0. */
int vmsg_bus_area_event(struct vmsg_bus *bus, struct vmsg_bus_event *event);
/* Device: serves AREA_SHARE and AREA_UNSHARE. */
void vmsg_bus_area_serve_share(struct vmsg_bus *bus, const struct vmsg_message *message);
void vmsg_bus_area_serve_unshare(struct vmsg_bus *bus, const struct vmsg_message *message);
/* Device: is an AREA_RELEASE due? */
bool vmsg_bus_area_owes_release(const struct vmsg_bus *bus);
/* Device: an AREA_RELEASE that is due, taken: 1 with the id, or 0. */
int vmsg_bus_area_release(struct vmsg_bus *bus, uint16_t *id);
/* The session that knew the areas is over: driver reclaims, device relinquishes what was on its
 * way; and_idle: also those that were not. */
void vmsg_bus_areas_drop(struct vmsg_bus *bus, bool and_idle);
/* Is there something to be done, asked or told of any of them? */
bool vmsg_bus_areas_busy(const struct vmsg_bus *bus);
/* Is any of them still to be reclaimed or relinquished? */
bool vmsg_bus_areas_remain(const struct vmsg_bus *bus);
uint64_t vmsg_bus_area_deadline(const struct vmsg_bus *bus);

/* ---- bus_quirks.c ---- */

/* Is its switch on? */
bool vmsg_bus_allows(const struct vmsg_bus *bus, enum vmsg_quirk quirk);
/* The peer shows it: told once. */
void vmsg_bus_meet(struct vmsg_bus *bus, enum vmsg_quirk quirk, enum vmsg_type type,
		   uint64_t value);
/* Looks at the frame in `in`, and repairs it if it may. */
void vmsg_bus_mend(struct vmsg_bus *bus, const struct vmsg_profile *dialect, size_t size);
/* Device: looks at a transport message that is passed on; may put out an answer to an event. */
void vmsg_bus_watch(struct vmsg_bus *bus, const struct vmsg_message *message,
		    const struct vmsg_raw_header *raw);
/* Device: the window, while a session is up that may use it. */
void vmsg_bus_open_window(struct vmsg_bus *bus);
void vmsg_bus_close_window(struct vmsg_bus *bus);
int vmsg_bus_quirk_event(struct vmsg_bus *bus, struct vmsg_bus_event *event);

/* ---- bus_numbers.c ---- */

/* The number exists: VMSG_OK, STATE when it did, NO_SPACE. Listeners will be told. */
int vmsg_bus_number_add(struct vmsg_bus *bus, uint16_t number);
/* It is gone: VMSG_OK or NOT_FOUND. */
int vmsg_bus_number_remove(struct vmsg_bus *bus, uint16_t number);
/* Do listeners believe in a device of that number that has gone, whatever may be in its place now?
 * And, device: the driver begins anew with what is there. */
bool vmsg_bus_number_is_stale(const struct vmsg_bus *bus, uint16_t number);
void vmsg_bus_number_renew(struct vmsg_bus *bus, uint16_t number);
/* First present number >= `from`, or -1. */
int32_t vmsg_bus_number_next(const struct vmsg_bus *bus, uint32_t from);
/* The next change to tell, taken: 1 with the number and whether it appeared, or 0. */
int vmsg_bus_number_change(struct vmsg_bus *bus, uint16_t *number, bool *added);
/* All present numbers are about to be asked for again: those not confirmed are gone. */
void vmsg_bus_numbers_doubt(struct vmsg_bus *bus);
void vmsg_bus_number_confirm(struct vmsg_bus *bus, uint16_t number);
/* All present numbers are asked for again, and count meanwhile; and, once the list has ended, the
 * first that it left out, >= `from`, or -1. */
void vmsg_bus_numbers_recount(struct vmsg_bus *bus);
int32_t vmsg_bus_number_missing(const struct vmsg_bus *bus, uint32_t from);
/* Listeners learn of all present numbers in another way. */
void vmsg_bus_numbers_told(struct vmsg_bus *bus);

#endif
