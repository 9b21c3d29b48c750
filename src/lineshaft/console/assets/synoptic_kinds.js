// How each kind of symbol is drawn, and what a reading [look, text, fraction, number] changes of it.
"use strict";
import { el, mark } from "./synoptic_draw.js";

const POINTS = 120;
const clamp = (f) => Math.min(Math.max(f, 0), 1);

/** Markup of the shelf or of a cleaned drawing as nodes; text of strangers has been cleaned by the server. */
function parsed(markup) {
  const read = new DOMParser().parseFromString(`<svg xmlns="http://www.w3.org/2000/svg">${markup}</svg>`, "image/svg+xml");
  return [...document.importNode(read.documentElement, true).childNodes];
}

function label(entry, x, y, anchor = "middle") {
  if (entry.item.label) el("text", { class: "sy-label", x, y, "text-anchor": anchor }, entry.g, entry.item.label);
}

function info(entry, canvas, slot = "value") {
  return canvas.known[entry.item.id]?.[slot] ?? {};
}

function shape(entry, canvas) {
  const { item, symbol, turned } = entry;
  const [sw, sh] = symbol.size;
  const drawn = el("g", { class: "sy-s", transform: `scale(${item.w / (sw || 1)} ${item.h / (sh || 1)})` }, turned);
  drawn.append(...parsed(symbol.draw ?? ""));
  const fluid = symbol.well ? filled(drawn, symbol) : null;
  label(entry, item.w / 2, item.h + 15);
  const value = item.bindings?.value ? el("text", { class: "sy-read", x: item.w / 2, y: item.h + (item.label ? 31 : 15), "text-anchor": "middle" }, entry.g) : null;
  const gate = drawn.querySelector(".s");
  return (slot, [look, text, fraction]) => {
    if (slot === "level" && fluid) fluid(fraction, look);
    if (slot === "value" && value) value.textContent = `${text} ${info(entry, canvas).unit ?? ""}`.trim();
    if (slot === "open" && gate) gate.setAttribute("transform", look === "run" ? "translate(0 20) scale(1 0.12)" : "");
  };
}

/** The well of a vessel with what stands in it. */
function filled(drawn, symbol) {
  const [x, y, w, h] = symbol.well;
  const fluid = el("rect", { class: "f", x, y: y + h, width: w, height: 0 });
  drawn.querySelector(".w")?.after(fluid);
  return (fraction, look) => {
    const f = fraction === null ? 0 : clamp(fraction);
    const box = symbol.across ? { x, y, width: w * f, height: h } : { x, y: y + h * (1 - f), width: w, height: h * f };
    for (const [name, value] of Object.entries(box)) fluid.setAttribute(name, value.toFixed(2));
    fluid.setAttribute("class", `f f-${look}`);
  };
}

function value(entry, canvas) {
  const { item, g } = entry;
  const size = Math.min(item.h * 0.62, 28);
  const base = item.h / 2 + size * 0.36;
  el("rect", { class: "sy-field", width: item.w, height: item.h, rx: 2 }, g);
  const small = Math.min(size * 0.8, 13);
  const name = item.label ? el("text", { class: "sy-label", x: 6, y: base, "font-size": small }, g, item.label) : null;
  const unit = info(entry, canvas).unit ?? "";
  const told = el("text", { class: "sy-value", x: item.w - 6, y: base, "text-anchor": "end", "font-size": size }, g);
  const number = el("tspan", {}, told, item.bindings?.value ? "–" : "0.0");
  if (unit) el("tspan", { class: "sy-unit", dx: 4, "font-size": size * 0.72 }, told, unit);
  let longest = 0;
  return (slot, [, text]) => {
    if (slot !== "value") return;
    number.textContent = text || "–";
    if (!name || text.length <= longest) return;
    longest = text.length;
    const taken = longest * size * 0.58 + unit.length * size * 0.4 + 22;
    const fits = (px) => Math.max(Math.floor((item.w - taken) / (px * 0.5)), 0);
    const px = fits(small) >= item.label.length ? small : small * 0.8;
    const room = fits(px);
    name.style.fontSize = `${px}px`;
    name.textContent = item.label.length > room ? `${item.label.slice(0, Math.max(room - 1, 0))}…` : item.label;
    el("title", {}, name, item.label);
  };
}

function counter(entry, canvas) {
  return value(entry, canvas);
}

function words(entry) {
  const { item, g } = entry;
  const size = Math.max(item.h * 0.58, 8);
  const lines = String(item.label || (item.bindings?.value ? "" : "…")).split("\n");
  const shown = lines.map((line, i) => el("text", { class: "sy-text", x: 0, y: item.h / 2 + size * 0.36 + i * size * 1.25, "font-size": size }, g, line));
  return (slot, [, text]) => slot === "value" && (shown[0].textContent = item.label ? `${item.label} ${text}` : text);
}

function bar(entry, canvas) {
  const { item, g } = entry;
  const across = item.w > item.h;
  const { low = 0, high = 0 } = info(entry, canvas);
  const length = across ? item.w : item.h;
  const box = (a, b) => (across ? { x: a * length, y: 0, width: (b - a) * length, height: item.h } : { x: 0, y: (1 - b) * length, width: item.w, height: (b - a) * length });
  el("rect", { class: "sy-track", width: item.w, height: item.h }, g);
  if (high > low) el("rect", { class: "sy-band", ...box(clamp(low), clamp(high)) }, g);
  const pointer = el("path", { class: "sy-pointer", d: "" }, g);
  label(entry, across ? 0 : item.w / 2, across ? -6 : item.h + 15, across ? "start" : "middle");
  const told = el("text", { class: "sy-read", x: across ? item.w : item.w / 2, y: -6, "text-anchor": across ? "end" : "middle" }, g);
  return (slot, [, text, fraction]) => {
    if (slot !== "value") return;
    told.textContent = `${text} ${info(entry, canvas).unit ?? ""}`.trim();
    if (fraction === null) return pointer.setAttribute("d", "");
    const at = clamp(fraction) * length;
    const y = length - at;
    pointer.setAttribute("d", across ? `M${at} ${item.h * 0.35} l7 ${item.h * 0.65 + 4} h-14 Z M${at - 1.5} 0 h3 V${item.h} h-3 Z` : `M${item.w * 0.35} ${y} l${item.w * 0.65 + 4} -7 v14 Z M0 ${y - 1.5} v3 H${item.w} v-3 Z`);
  };
}

function gauge(entry, canvas) {
  const { item, g } = entry;
  const [cx, cy] = [item.w / 2, item.h * 0.78];
  const r = Math.min(item.w / 2, item.h * 0.74) - 4;
  const at = (f, radius) => {
    const angle = Math.PI * (1.1 - 1.2 * clamp(f));
    return `${(cx + radius * Math.cos(angle)).toFixed(1)} ${(cy - radius * Math.sin(angle)).toFixed(1)}`;
  };
  const arc = (a, b) => `M${at(a, r)} A${r} ${r} 0 ${b - a > 0.84 ? 1 : 0} 1 ${at(b, r)}`;
  el("path", { class: "sy-arc", d: arc(0, 1) }, g);
  const { low = 0, high = 0, unit = "" } = info(entry, canvas);
  if (high > low) el("path", { class: "sy-arc sy-arc-band", d: arc(clamp(low), clamp(high)) }, g);
  const needle = el("path", { class: "sy-needle", d: "" }, g);
  const told = el("text", { class: "sy-read", x: cx, y: item.h - 1, "text-anchor": "middle" }, g);
  label(entry, cx, item.h + 15);
  return (slot, [, text, fraction]) => {
    if (slot !== "value") return;
    told.textContent = `${text} ${unit}`.trim();
    needle.setAttribute("d", fraction === null ? "" : `M${cx} ${cy} L${at(fraction, r - 3)}`);
  };
}

function trend(entry, canvas) {
  const { item, g } = entry;
  const { low = null, high = null, unit = "", course = [] } = info(entry, canvas, "value").trend ?? {};
  const points = (entry.course ??= [...course]);
  el("rect", { class: "sy-track", width: item.w, height: item.h }, g);
  const band = el("rect", { class: "sy-band", x: 0, width: item.w, y: 0, height: 0 }, g);
  const line = el("path", { class: "sy-course", d: "" }, g);
  label(entry, 4, -6, "start");
  const told = el("text", { class: "sy-read", x: item.w, y: -6, "text-anchor": "end" }, g);
  const draw = () => {
    const drawn = window.lineshaft.course(points, item.w, item.h, low, high);
    line.setAttribute("d", drawn.line);
    if (drawn.band && low !== null && high !== null) {
      band.setAttribute("y", Math.max(drawn.band.top, 0));
      band.setAttribute("height", Math.min(drawn.band.height, item.h));
    }
  };
  draw();
  return (slot, [, text, , number]) => {
    if (slot !== "value") return;
    told.textContent = `${text} ${unit}`.trim();
    points.push(number);
    if (points.length > POINTS) points.shift();
    draw();
  };
}

function lamp(entry) {
  const { item, g } = entry;
  const r = Math.min(item.w, item.h) / 2 - 2;
  const dot = el("circle", { class: "sy-lamp", cx: item.w / 2, cy: item.h / 2, r }, g);
  const sign = el("path", { class: "sy-sign", transform: `translate(${item.w / 2} ${item.h / 2}) scale(${r / 8})` }, g);
  label(entry, item.w / 2, item.h + 15);
  entry.onLook = (trouble) => {
    const d = mark(trouble);
    sign.setAttribute("d", d);
    dot.classList.toggle("sy-none", Boolean(d));
  };
}

function alarm(entry) {
  const { item, g } = entry;
  const scale = Math.min(item.w, item.h) / 18;
  const sign = el("path", { class: "sy-sign", transform: `translate(${item.w / 2} ${item.h / 2}) scale(${scale})` }, g);
  label(entry, item.w / 2, item.h + 15);
  entry.onLook = (trouble) => {
    sign.setAttribute("d", mark(trouble) || mark("alarm"));
    sign.classList.toggle("sy-quiet", !mark(trouble));
  };
}

function badge(entry) {
  const { item, g } = entry;
  const size = Math.min(item.h * 0.5, 16);
  const sign = el("path", { class: "sy-sign", transform: `translate(9 ${item.h / 2}) scale(0.8)` }, g);
  const dot = el("circle", { class: "sy-lamp", cx: 9, cy: item.h / 2, r: 5 }, g);
  const told = el("text", { class: "sy-text", x: 22, y: item.h / 2 + size * 0.36, "font-size": size }, g, item.label || "–");
  entry.onLook = (trouble) => {
    sign.setAttribute("d", mark(trouble));
    dot.classList.toggle("sy-none", Boolean(mark(trouble)));
  };
  return (slot, [, text]) => slot === "state" && (told.textContent = text);
}

function panel(entry) {
  const { item, g } = entry;
  el("rect", { class: "sy-panel", width: item.w, height: item.h, rx: 4 }, g);
  if (item.label) el("text", { class: "sy-title", x: 12, y: 22 }, g, item.label);
}

function rule(entry) {
  const { item, turned } = entry;
  el("rect", { class: "sy-rule", width: item.w, height: item.h }, turned);
}

function link(entry) {
  const { item, g } = entry;
  el("rect", { class: "sy-button", width: item.w, height: item.h, rx: 4 }, g);
  el("text", { class: "sy-text", x: 10, y: item.h / 2 + 5, "font-size": 14 }, g, item.label || item.link || "…");
  el("path", { class: "sy-next", d: `M${item.w - 18} ${item.h / 2 - 5} l6 5 l-6 5` }, g);
}

function missing(entry) {
  const { item, g } = entry;
  el("rect", { class: "sy-missing", width: item.w, height: item.h }, g);
  el("text", { class: "sy-label", x: item.w / 2, y: item.h / 2 + 4, "text-anchor": "middle" }, g, `? ${item.symbol}`);
}

/** A user's own drawing; its elements are bound as `<element>:fill`, `:text`, `:show` or `:turn`. */
function drawing(entry, canvas) {
  const { item, turned } = entry;
  const kept = canvas.drawings[item.drawing];
  if (!kept) return missing(entry);
  const [w, h] = kept.size;
  const root = el("svg", { width: item.w, height: item.h, viewBox: `${kept.box ?? `0 0 ${w} ${h}`}`, preserveAspectRatio: "xMidYMid meet", class: "sy-drawing" }, turned);
  root.append(...parsed(kept.svg));
  label(entry, item.w / 2, item.h + 15);
  return (slot, reading) => {
    const cut = slot.lastIndexOf(":");
    const part = root.querySelector(`[data-el="${CSS.escape(slot.slice(0, cut))}"]`);
    if (part) parts[slot.slice(cut + 1)]?.(part, reading, canvas.known[item.id]?.[slot] ?? {});
  };
}

const parts = {
  fill(part, [look]) {
    for (const one of [part, ...part.querySelectorAll("*")]) one.classList.add("sy-painted");
    part.dataset.look = look;
  },
  text(part, [, text], { unit = "" }) {
    const target = part.matches("text, tspan") ? part : part.querySelector("text, tspan");
    if (target) target.textContent = `${text} ${unit}`.trim();
  },
  show(part, [look, , fraction, number]) {
    part.style.display = look === "run" || (look !== "stop" && (number ?? fraction)) ? "" : "none";
  },
  turn(part, [, , fraction, number]) {
    const box = part.getBBox();
    part.dataset.base ??= part.getAttribute("transform") ?? "";
    const angle = fraction === null ? (number ?? 0) : fraction * 360;
    part.setAttribute("transform", `${part.dataset.base} rotate(${angle} ${box.x + box.width / 2} ${box.y + box.height / 2})`.trim());
  },
};

export const kinds = { shape, value, counter, text: words, bar, gauge, trend, lamp, alarm, badge, panel, rule, link, missing, drawing };
