// SPDX-License-Identifier: BSD-3-Clause
// The sequence diagram. Records become rows: a message with its arrival, a call with its return.
// Only the rows in sight exist as elements. Text from the capture is only ever text: nothing here
// makes markup of a string. What a record looks like is said in trace_page.c.
"use strict";

const capture = JSON.parse(document.getElementById("capture").textContent);
const CALL = 0, RETURN = 1, INTERRUPT = 2, FIFO = 3;
const MANAGER = -1;
const ROW = 26, OVERSCAN = 8, TIME_WIDTH = 118, LANE_LEAST = 190, LIFE_WIDTH = 14, LIFE_LABEL = 150;
const byId = (id) => document.getElementById(id);
const word = (value) => (typeof value === "number" ? capture.strings[value] : value);

// ---- records ----

const record_of = ([packet, time, kind, partition, vcpu, lost, call, note, registers, parts, message]) => ({
	packet, time, kind, partition, vcpu, lost, call: word(call), note: word(note), registers, parts, message,
});

function pairs(list, width) {
	const out = [];
	for (let i = 0; i < list.length; i += width) {
		out.push(list.slice(i, i + width).map(word));
	}
	return out;
}

function message_of([source, destination, profile, guess, cls, kind, name, device, token, error, bytes, fields]) {
	return {
		source, destination, profile: word(profile), guess, cls: word(cls), kind: word(kind),
		name: word(name), device, token, error, bytes, fields: pairs(fields, 3),
	};
}

const field = (message, name) => message.fields.find((one) => one[0] === name)?.[1];
const id_text = (id) => (id === MANAGER ? "manager" : "0x" + id.toString(16).padStart(4, "0"));

// ---- rows ----

// Row types: "message", "call" (with or without its return), "interrupt".
function build_rows(records) {
	const rows = [];
	const row_of_record = new Map();
	const outstanding = new Map(); // row of the call that each vCPU has made last
	const open = new Map(); // indirect requests without an answer, by their ends
	const asking = new Map(); // direct message that each vCPU has sent last
	const serving = new Map(); // direct message that each vCPU has been given

	const add = (row) => {
		row.index = rows.length;
		rows.push(row);
		return row;
	};
	const link = (request, row) => {
		if (request) {
			request.answer = row;
			row.request = request;
		}
	};
	// Indirect messages are answered by their token, or by their name where there is none.
	const pair_up = (row) => {
		const m = row.message;
		if (m.kind === "response") {
			const asked = open.get(m.destination + ">" + m.source) || [];
			const at = asked.findIndex(({ message }) => (m.token === "" ? message.name === m.name : message.token === m.token));
			link(at < 0 ? undefined : asked.splice(at, 1)[0], row);
		} else if (m.kind === "request") {
			const key = m.source + ">" + m.destination;
			const list = open.get(key) || open.set(key, []).get(key);
			list.push(row);
			if (list.length > 256) {
				list.shift();
			}
		}
	};
	const add_message = (record) => {
		const row = add({ type: "message", record, message: message_of(record.message),
			direct: record.call.startsWith("FFA_MSG_SEND_DIRECT"), sent: record.kind === RETURN ? null : record,
			arrival: record.kind === RETURN ? record : null });
		if (!row.direct) {
			pair_up(row);
		}
		return row;
	};
	// Direct messages are answered by whoever serves them: the vCPU whose call returned with one.
	const on_call = (record, vcpu) => {
		const row = Array.isArray(record.message) ? add_message(record) : add({ type: "call", record });
		if (record.call === "FFA_MSG_SEND_DIRECT_REQ2") {
			asking.set(vcpu, row);
		} else if (record.call === "FFA_MSG_SEND_DIRECT_RESP2" && row.message) {
			link(serving.get(vcpu), row);
			serving.delete(vcpu);
		}
		return row;
	};
	const on_return = (record, vcpu) => {
		let row = record.message > 0 ? row_of_record.get(record.message - 1) : undefined;
		if (row) {
			row.arrival = record;
		} else if (Array.isArray(record.message)) {
			row = add_message(record);
			if (record.call === "FFA_MSG_SEND_DIRECT_RESP2") {
				link(asking.get(vcpu), row);
			}
		}
		if (row && record.call === "FFA_MSG_SEND_DIRECT_REQ2") {
			serving.set(vcpu, row);
		}
		return row;
	};

	records.forEach((raw, index) => {
		const record = record_of(raw);
		const vcpu = record.partition + "." + record.vcpu;
		if (record.kind === INTERRUPT) {
			add({ type: "interrupt", record });
		} else if (record.kind === FIFO) {
			if (Array.isArray(record.message)) {
				add_message(record);
			}
		} else if (record.kind === CALL) {
			const row = on_call(record, vcpu);
			row_of_record.set(index, row);
			outstanding.set(vcpu, row);
		} else {
			const caller = outstanding.get(vcpu);
			outstanding.delete(vcpu);
			if (caller) {
				caller.reply = record;
			}
			const row = on_return(record, vcpu);
			if (row) {
				row_of_record.set(index, row);
			} else if (!caller) {
				add({ type: "call", record: { ...record, call: "(call not captured)" }, reply: record });
			}
		}
	});
	for (const row of rows) {
		row.bad = is_bad(row);
	}
	return rows;
}

const is_error = (reply) => Boolean(reply) && reply.call === "FFA_ERROR";

function is_bad(row) {
	if (row.type === "message") {
		return row.message.error !== "" || (is_error(row.reply) && !row.answer);
	}
	return is_error(row.reply);
}

// ---- areas and queues, from the messages that make and end them ----

function build_lives(rows) {
	const lives = [];
	const open = new Map();

	const begin = (key, kind, name, more, row) => {
		if (!open.has(key)) {
			open.set(key, lives[lives.push({ kind, name, more, start: row.index, end: null }) - 1]);
		}
	};
	const end = (matches, row) => {
		for (const [key, life] of open) {
			if (matches(key)) {
				life.end = row.index;
				open.delete(key);
			}
		}
	};
	const worked = (m) => ["0", undefined].includes(field(m, "result"));

	for (const row of rows) {
		const m = row.message;
		if (!m || m.error !== "" || row.bad) {
			continue;
		}
		const back = m.kind === "response" || m.name === "AREA_RELEASE";
		const pair = back ? m.destination + ">" + m.source : m.source + ">" + m.destination;
		const ends = `${id_text(back ? m.destination : m.source)} to ${id_text(back ? m.source : m.destination)}`;
		const asked = row.request?.message;
		switch (m.name + " " + m.kind) {
		case "AREA_SHARE response":
			if (worked(m)) {
				const pages = asked ? `, ${field(asked, "count")} pages, handle ${field(asked, "mem_handle")}` : "";
				begin(`${pair} area ${field(m, "area_id")}`, "area", `area ${field(m, "area_id")}`,
					`${ends}${pages}`, row.request || row);
			}
			break;
		case "AREA_UNSHARE response": {
			const id = field(m, "area_id") ?? (asked && field(asked, "area_id"));
			if (worked(m)) {
				end((key) => key === `${pair} area ${id}`, row);
			}
			break;
		}
		case "AREA_RELEASE event":
			end((key) => key === `${pair} area ${field(m, "area_id")}`, row);
			break;
		case "SET_VQUEUE request":
			begin(`${pair} queue ${m.device}.${field(m, "index")}`, "queue",
				`queue ${field(m, "index")} of #${m.device}`, `${ends}, ${field(m, "size")} entries`, row);
			break;
		case "RESET_VQUEUE response":
			if (asked) {
				end((key) => key === `${pair} queue ${m.device}.${field(asked, "index")}`, row);
			}
			break;
		case "SET_DEVICE_STATUS response":
			if (asked && field(asked, "status") === "0" && field(m, "status") === "0") {
				end((key) => key.startsWith(`${pair} queue ${m.device}.`), row);
			}
			break;
		case "RESET response":
			if (worked(m)) {
				end((key) => key.startsWith(pair + " "), row);
			}
			break;
		case "VERSION request": // before r3, a new driver
			if (m.profile !== "r3") {
				end((key) => key.startsWith(pair + " "), row);
			}
			break;
		}
	}
	// Each in a column that is free while it lives.
	const busy_until = [];
	for (const life of lives) {
		let column = busy_until.findIndex((until) => until < life.start);
		column = column < 0 ? busy_until.length : column;
		busy_until[column] = life.end ?? Infinity;
		life.column = column;
	}
	return { lives, columns: busy_until.length };
}

// ---- the model ----

const rows = build_rows(capture.records);
const { lives, columns: life_columns } = build_lives(rows);
const partitions = [...new Set(rows.flatMap((row) =>
	row.message ? [row.message.source, row.message.destination] : [row.record.partition]))].sort((a, b) => a - b);
const drivers = new Set(), devices = new Set();
for (const { message } of rows) {
	if (message?.name === "VERSION" && message.kind !== "") {
		drivers.add(message.kind === "response" ? message.destination : message.source);
		devices.add(message.kind === "response" ? message.source : message.destination);
	}
}

const state = { query: "", device: "", name: "", calls: false, hidden: new Set(), selected: -1, hovered: -1 };
let shown = []; // rows that the filters leave
let lanes = [];
let lane_width = LANE_LEAST;

function search_text(row) {
	if (row.search === undefined) {
		const m = row.message;
		row.search = [
			row.record.call, row.record.note, row.reply?.call, row.reply?.note, row.record.registers,
			id_text(row.record.partition),
			m && [m.profile, m.cls, m.kind, m.name, `device=${m.device}`, `token=${m.token}`, m.error, m.bytes,
				id_text(m.source), id_text(m.destination), ...m.fields.map(([n, v, meaning]) => `${n}=${v} ${meaning}`)],
			...pairs(row.record.parts, 2).map(([n, v]) => `${n}=${v}`),
		].flat().filter(Boolean).join(" ").toLowerCase();
	}
	return row.search;
}

function is_wanted(row, terms) {
	const m = row.message;
	if (!m && !state.calls) {
		return false;
	}
	const ends = m ? [m.source, m.destination] : [row.record.partition];
	if (ends.some((id) => state.hidden.has(id))) {
		return false;
	}
	if (state.device !== "" && !(m && m.cls === "transport" && String(m.device) === state.device)) {
		return false;
	}
	if (state.name !== "" && (m ? m.name : row.record.call) !== state.name) {
		return false;
	}
	return terms.every((term) => search_text(row).includes(term));
}

// ---- drawing ----

const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, text) {
	const node = document.createElement(name);
	return fill(node, attributes, text);
}

function svg(name, attributes, text) {
	return fill(document.createElementNS(SVG, name), attributes, text);
}

function fill(node, attributes = {}, text = undefined) {
	for (const [key, value] of Object.entries(attributes)) {
		node.setAttribute(key, value);
	}
	if (text !== undefined) {
		node.textContent = text;
	}
	return node;
}

const lane_x = (id) => TIME_WIDTH + lanes.indexOf(id) * lane_width + lane_width / 2;
const lives_x = () => TIME_WIDTH + lanes.length * lane_width + 10;
const life_x = (column) => lives_x() + column * LIFE_WIDTH + LIFE_WIDTH / 2;
const sheet_width = () => lives_x() + life_columns * LIFE_WIDTH + (lives.length ? LIFE_LABEL : 0);

function time_text(ns) {
	const whole = Math.floor(ns / 1e9);
	return `${whole}.${String(Math.floor(ns - whole * 1e9)).padStart(9, "0")}`;
}

function duration_text(ns) {
	return ns < 1e3 ? `${ns} ns` : ns < 1e6 ? `${(ns / 1e3).toFixed(1)} \u00b5s` : ns < 1e9 ? `${(ns / 1e6).toFixed(2)} ms`
		: `${(ns / 1e9).toFixed(3)} s`;
}

function label_text(row) {
	const { record, message: m } = row;
	if (m) {
		const device = m.cls === "transport" ? ` #${m.device}` : "";
		const fields = m.fields.map(([name, value, meaning]) => `${name}=${meaning || value}`).join(" ");
		const name = m.kind === "reply" ? `reply to ${m.name}` : m.name === "NONE" ? "null reply" : m.name;
		return m.error ? `${m.name}: ${m.error}` : `${name}${device} ${fields}`;
	}
	if (row.type === "interrupt") {
		return record.call;
	}
	const reply = row.reply ? ` \u2192 ${row.reply.note || row.reply.call}` : "";
	return record.call.startsWith("FFA_CONSOLE_LOG") ? `\u201c${record.note}\u201d` : record.call + reply;
}

function ends_of(row) {
	if (row.message) {
		return [row.message.source, row.message.destination];
	}
	return row.type === "interrupt" ? [MANAGER, row.record.partition] : [row.record.partition, MANAGER];
}

const look_of = (row) => (row.bad ? "bad" : !row.message ? "call" : row.message.kind === "reply" ? "response" : row.message.kind || "bad");

function clip(text, width) {
	const most = Math.max(4, Math.floor(width / 7));
	return text.length > most ? text.slice(0, most - 1) + "\u2026" : text;
}

function draw_arrow(root, row) {
	const [from, to] = ends_of(row);
	const start = lane_x(from), end = lane_x(to), way = end < start ? -1 : 1, y = 20;
	const look = look_of(row);
	const group = root.appendChild(svg("g", { class: look }));
	// what did not arrive ends in a cross
	const lost = row.type === "message" && row.bad && !row.arrival && is_error(row.reply);
	const tip = lost ? start + (end - start) * 0.7 : end;
	group.append(svg("line", { class: `arrow ${look}`, x1: start, y1: y, x2: tip - way * 7, y2: y }));
	if (lost) {
		group.append(svg("path", { class: "stroke", d: `M${tip - 5} ${y - 5}l10 10m0 -10l-10 10`, "stroke-width": 2 }));
	} else {
		group.append(svg("path", { class: "point", d: `M${tip} ${y}l${-way * 9} -4v8z` }));
	}
	const room = Math.abs(end - start) - 12;
	group.append(svg("text", { class: "label fill", x: (start + end) / 2, y: 12 }, clip(label_text(row), Math.max(room, 60))));
}

const is_alive = (life, row) => life.start <= row.index && (life.end === null || life.end >= row.index);

function draw_lives(root, row, position) {
	const next = shown[position + 1]?.index ?? Infinity;
	const told = [];
	for (const life of lives) {
		if (life.start >= next) {
			break; // they are in the order of their beginnings
		}
		if (life.end !== null && life.end < row.index) {
			continue;
		}
		const starts = life.start >= row.index, ends = life.end !== null && life.end < next;
		const top = starts ? 8 : 0, bottom = ends ? 20 : ROW;
		const bar = root.appendChild(svg("g", { class: life.kind }));
		bar.append(svg("title", {}, `${life.name}: ${life.more}`));
		bar.append(svg("rect", { class: "fill", x: life_x(life.column) - 3, y: top, width: 6, height: bottom - top }));
		if (starts || ends || position === 0) {
			told.push({ kind: life.kind, text: ends && !starts ? `${life.name} ends` : life.name });
		}
	}
	if (told.length) {
		root.append(svg("text", { class: `life left fill ${told[0].kind}`, x: lives_x() + life_columns * LIFE_WIDTH + 4, y: 17 },
			clip(told.map((one) => one.text).join(", "), LIFE_LABEL)));
	}
}

function draw_row(position) {
	const row = shown[position];
	const node = element("div", {
		class: "row", role: "option", id: `row-${row.index}`, "aria-selected": row.index === state.selected,
		"aria-setsize": shown.length, "aria-posinset": position + 1,
		"aria-label": `${time_text(row.record.time)} ${ends_of(row).map(id_text).join(" to ")}: ${label_text(row)}`,
		style: `top:${position * ROW}px;width:${sheet_width()}px`,
	});
	const selected = rows[state.selected];
	node.classList.toggle("partner", Boolean(selected) && (selected.answer === row || selected.request === row));
	node.dataset.index = row.index;
	const root = node.appendChild(svg("svg", { width: sheet_width(), height: ROW, "aria-hidden": "true" }));
	root.append(svg("text", { class: "time", x: TIME_WIDTH - 14, y: 17 }, time_text(row.record.time)));
	for (const id of lanes) {
		root.append(svg("line", { class: "lane", x1: lane_x(id), x2: lane_x(id), y1: 0, y2: ROW }));
	}
	draw_arrow(root, row);
	draw_lives(root, row, position);
	if (row.record.lost) {
		root.append(svg("text", { class: "bad fill left", x: 2, y: 8, "font-size": 9 }, `${row.record.lost} lost before`));
	}
	return node;
}

function draw() {
	const scroller = byId("scroller");
	const height = scroller.clientHeight;
	// the browser may still be where a longer list was
	const top = Math.min(scroller.scrollTop, Math.max(0, shown.length * ROW - height));
	const first = Math.max(0, Math.floor(top / ROW) - OVERSCAN);
	const last = Math.min(shown.length, Math.ceil((top + height) / ROW) + OVERSCAN);
	const nodes = [];
	for (let position = first; position < last; position++) {
		nodes.push(draw_row(position));
	}
	byId("sheet").replaceChildren(...nodes);
	byId("heads").scrollLeft = scroller.scrollLeft;
	scroller.toggleAttribute("aria-activedescendant", false);
	if (state.selected >= 0 && byId(`row-${state.selected}`)) {
		scroller.setAttribute("aria-activedescendant", `row-${state.selected}`);
	}
}

let drawing = false;
function draw_soon() {
	if (!drawing) {
		drawing = true;
		requestAnimationFrame(() => {
			drawing = false;
			draw();
		});
	}
}

function role_text(id) {
	if (id === MANAGER) {
		return "FF-A calls end here";
	}
	const kind = id & 0x8000 ? "secure partition" : "VM";
	const roles = [drivers.has(id) && "driver", devices.has(id) && "device"].filter(Boolean).join(", ");
	return roles ? `${kind}, ${roles}` : kind;
}

function draw_heads() {
	const root = svg("svg", { width: sheet_width() + 40, height: 40 });
	for (const id of lanes) {
		root.append(svg("text", { class: "head", x: lane_x(id), y: 16 }, id_text(id)));
		root.append(svg("text", { class: "role", x: lane_x(id), y: 33 }, role_text(id)));
	}
	root.append(svg("text", { class: "time", x: TIME_WIDTH - 14, y: 33 }, "seconds"));
	if (lives.length) {
		root.append(svg("text", { class: "role left", x: lives_x(), y: 33, style: "text-anchor:start" }, "areas and queues"));
	}
	byId("heads").replaceChildren(root);
}

function layout() {
	const visible = partitions.filter((id) => !state.hidden.has(id));
	const vms = visible.filter((id) => id < 0x8000), sps = visible.filter((id) => id >= 0x8000);
	lanes = [...vms, ...(state.calls ? [MANAGER] : []), ...sps];
	const spare = byId("scroller").clientWidth - TIME_WIDTH - life_columns * LIFE_WIDTH - (lives.length ? LIFE_LABEL : 0) - 10;
	lane_width = Math.max(LANE_LEAST, Math.floor(spare / Math.max(1, lanes.length)));
	byId("sheet").style.width = `${sheet_width()}px`;
	draw_heads();
}

// ---- details ----

function table(caption, lines) {
	const body = element("table");
	for (const [name, value, meaning] of lines) {
		const line = body.appendChild(element("tr"));
		line.append(element("th", { scope: "row" }, name));
		const cell = line.appendChild(element("td", {}, value));
		if (meaning) {
			cell.append(" ", element("small", {}, meaning));
		}
	}
	return lines.length ? [element("h2", {}, caption), body] : [];
}

function hex_text(hex) {
	const bytes = hex.match(/../g) || [];
	const lines = [];
	for (let at = 0; at < bytes.length; at += 8) {
		const part = bytes.slice(at, at + 8);
		const ascii = part.map((one) => parseInt(one, 16)).map((c) => (c >= 32 && c < 127 ? String.fromCharCode(c) : "."));
		lines.push(`${at.toString(16).padStart(4, "0")}  ${part.join(" ").padEnd(23)}  ${ascii.join("")}`);
	}
	return lines.join("\n");
}

function message_lines(row) {
	const m = row.message;
	const lines = [
		["from", `${id_text(m.source)} to ${id_text(m.destination)}`],
		["dialect", m.profile || "?", m.guess ? "a guess: no VERSION exchange has told it" : ""],
		["kind", `${m.cls} ${m.kind}`.trim() || "?"],
		["device", String(m.device)],
	];
	if (m.token !== "") {
		lines.push(["token", String(m.token)]);
	}
	if (m.error) {
		lines.push(["error", m.error]);
	}
	if (row.sent && row.arrival) {
		lines.push(["arrived", `after ${duration_text(row.arrival.time - row.sent.time)}`]);
	} else if (row.sent && row.direct) {
		lines.push(["arrived", "not seen"]);
	}
	if (row.answer) {
		lines.push(["answered", `after ${duration_text(row.answer.record.time - row.record.time)}`, row.answer.message.name]);
	}
	if (row.request) {
		lines.push(["answers", `packet ${row.request.record.packet}`, row.request.message.name]);
	}
	return lines;
}

function show_details(row) {
	const panel = byId("details");
	if (!row) {
		panel.replaceChildren(element("p", {}, "Point at a row, or choose one with the arrow keys, to see every field of it."));
		return;
	}
	const { record, message: m, reply } = row;
	const nodes = [element("h2", {}, m ? m.name : record.call)];
	nodes.push(...table("Record", [
		["packet", String(record.packet)],
		["time", time_text(record.time)],
		["partition", id_text(record.partition), `vCPU ${record.vcpu}`],
		["FF-A", record.call, record.note],
		...(reply ? [["returned", reply.call, `${reply.note} after ${duration_text(reply.time - record.time)}`]] : []),
	]));
	if (m) {
		nodes.push(...table("Message", message_lines(row)), ...table("Fields", m.fields));
	}
	nodes.push(...table("Call", pairs(record.parts, 2)));
	nodes.push(...table("There at this time", lives.filter((life) => is_alive(life, row)).map(({ name, more }) => [name, more])));
	if (reply && !m) {
		nodes.push(...table("Return", pairs(reply.parts, 2)));
	}
	if (m?.bytes) {
		nodes.push(element("h2", {}, `Bytes (${m.bytes.length / 2})`), element("pre", {}, hex_text(m.bytes)));
	}
	if (record.registers) {
		nodes.push(element("h2", {}, "Registers, x0 first"), element("pre", {}, record.registers.replaceAll(" ", "\n")));
	}
	panel.replaceChildren(...nodes);
}

// ---- moving and choosing ----

const position_of = (index) => shown.findIndex((row) => row.index === index);

function scroll_to(position) {
	const scroller = byId("scroller");
	const top = position * ROW;
	if (top < scroller.scrollTop || top + ROW > scroller.scrollTop + scroller.clientHeight) {
		scroller.scrollTop = top - scroller.clientHeight / 2;
	}
}

function select(index, scroll = true) {
	state.selected = index;
	const position = position_of(index);
	if (position >= 0 && scroll) {
		scroll_to(position);
	}
	show_details(rows[index]);
	draw();
	remember();
}

function move(by) {
	const here = position_of(state.selected);
	const target = here < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(shown.length - 1, Math.max(0, here + by));
	if (shown[target]) {
		select(shown[target].index);
	}
}

function apply() {
	const terms = state.query.toLowerCase().split(/\s+/).filter(Boolean);
	shown = rows.filter((row) => is_wanted(row, terms));
	layout();
	byId("sheet").style.height = `${shown.length * ROW}px`;
	scroll_to(Math.max(0, position_of(state.selected)));
	byId("count").textContent = `${shown.length} of ${rows.length} rows`;
	Object.assign(document.documentElement.dataset, { shown: shown.length });
	draw();
	remember();
}

// The state lives in the address, so that a view can be kept or sent.
function remember() {
	const hash = new URLSearchParams();
	const put = (key, value) => value && hash.set(key, value);
	put("q", state.query);
	put("device", state.device);
	put("message", state.name);
	put("calls", state.calls ? "1" : "");
	put("hide", [...state.hidden].map(id_text).join(","));
	put("packet", rows[state.selected]?.record.packet);
	put("theme", document.documentElement.dataset.theme);
	try {
		history.replaceState(null, "", "#" + hash);
	} catch {
		// a page without an address of its own
	}
}

function recall() {
	const hash = new URLSearchParams(location.hash.slice(1));
	state.query = hash.get("q") || "";
	state.device = hash.get("device") || "";
	state.name = hash.get("message") || "";
	state.calls = hash.get("calls") === "1";
	state.hidden = new Set((hash.get("hide") || "").split(",").filter(Boolean).map(Number));
	if (["light", "dark"].includes(hash.get("theme"))) {
		document.documentElement.dataset.theme = hash.get("theme");
	}
	return rows.findIndex((row) => String(row.record.packet) === hash.get("packet"));
}

// ---- controls ----

function offer(list, values) {
	for (const value of values) {
		list.append(element("option", { value }, value));
	}
}

function make_controls() {
	const messages = rows.filter((row) => row.message);
	offer(byId("device"), [...new Set(messages.filter(({ message }) => message.cls === "transport")
		.map(({ message }) => message.device))].sort((a, b) => a - b));
	offer(byId("name"), [...new Set(rows.map((row) => (row.message ? row.message.name : row.record.call)))].sort());
	for (const id of partitions) {
		const label = element("label");
		const box = label.appendChild(element("input", { type: "checkbox" }));
		box.checked = !state.hidden.has(id);
		label.append(" ", id_text(id));
		box.addEventListener("change", () => {
			state.hidden[box.checked ? "delete" : "add"](id);
			apply();
		});
		byId("lanes").append(label);
	}
	byId("search").value = state.query;
	byId("device").value = state.device;
	byId("name").value = state.name;
	byId("calls").checked = state.calls;
	byId("search").addEventListener("input", (event) => {
		state.query = event.target.value;
		apply();
	});
	byId("device").addEventListener("change", (event) => {
		state.device = event.target.value;
		apply();
	});
	byId("name").addEventListener("change", (event) => {
		state.name = event.target.value;
		apply();
	});
	byId("calls").addEventListener("change", (event) => {
		state.calls = event.target.checked;
		apply();
	});
	byId("controls").addEventListener("submit", (event) => event.preventDefault());
	byId("theme").addEventListener("click", () => {
		const root = document.documentElement;
		const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
		root.dataset.theme = dark ? "light" : "dark";
		remember();
	});
}

function on_key(event) {
	const page = Math.max(1, Math.floor(byId("scroller").clientHeight / ROW) - 1);
	const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -shown.length, End: shown.length };
	const typing = ["INPUT", "SELECT", "BUTTON"].includes(event.target.tagName);
	if (event.ctrlKey || event.metaKey || event.altKey) {
		return;
	}
	if (event.key === "Escape") {
		state.query = state.device = state.name = "";
		byId("search").value = byId("device").value = byId("name").value = "";
		byId("scroller").focus();
		apply();
	} else if (event.key === "/" && !typing) {
		byId("search").focus();
	} else if (event.key === "Enter" && event.target.id === "search") {
		byId("scroller").focus();
	} else if (event.key === "a" && !typing) {
		const row = rows[state.selected];
		const other = row?.answer || row?.request;
		if (other) {
			select(other.index);
		}
	} else if (event.key === "c" && !typing) {
		byId("calls").click();
	} else if (moves[event.key] && !typing && event.target.id !== "details") {
		move(moves[event.key]);
	} else {
		return;
	}
	event.preventDefault();
}

function row_under(event) {
	const node = event.target.closest?.(".row");
	return node ? rows[Number(node.dataset.index)] : undefined;
}

function listen() {
	const scroller = byId("scroller");
	scroller.addEventListener("scroll", draw_soon, { passive: true });
	scroller.addEventListener("click", (event) => {
		const row = row_under(event);
		if (row) {
			select(row.index, false);
		}
	});
	scroller.addEventListener("mouseover", (event) => {
		const row = row_under(event);
		if (row && row.index !== state.hovered) {
			state.hovered = row.index;
			show_details(row);
		}
	});
	scroller.addEventListener("mouseleave", () => {
		state.hovered = -1;
		show_details(rows[state.selected]);
	});
	document.addEventListener("keydown", on_key);
	new ResizeObserver(() => {
		layout();
		draw_soon();
	}).observe(scroller);
}

function tell() {
	const messages = rows.filter((row) => row.message).length;
	const count = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`;
	const lives_of = (kind) => lives.filter((life) => life.kind === kind).length;
	const lost = capture.records.reduce((sum, record) => sum + record[5], 0);
	const last = capture.records.at(-1);
	document.title = `${capture.capture} - vmsg-ffa-emu trace`;
	byId("title").textContent = capture.capture;
	byId("summary").textContent = [
		count(capture.records.length, "record"), count(messages, "message"), count(lives_of("area"), "area"),
		count(lives_of("queue"), "queue"), count(partitions.length, "partition"),
		...(last ? [duration_text(last[1] - capture.records[0][1])] : []),
		...(lost ? [count(lost, "lost record")] : []),
	].join(", ");
	if (capture.damage) {
		byId("summary").after(element("p", { class: "bad" }, `The capture is damaged: ${capture.damage}`));
	}
	return { messages, areas: lives_of("area"), queues: lives_of("queue") };
}

const counts = tell();
const chosen = recall();
make_controls();
apply();
listen();
show_details(undefined);
if (chosen >= 0) {
	select(chosen);
}
Object.assign(document.documentElement.dataset, {
	ready: "1", records: capture.records.length, rows: rows.length, ...counts,
});
