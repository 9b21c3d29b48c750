// Draws the items of a process picture as SVG and changes only what a new value touches.
"use strict";
import { kinds } from "./synoptic_kinds.js";
import { path, route } from "./synoptic_pipes.js";

const NS = "http://www.w3.org/2000/svg";
const GRAVITY = { alarm: 6, lost: 5, warn: 4, stale: 3, busy: 2, unknown: 1 };
const MARKS = {
  alarm: "M0 -8 L8 0 L0 8 L-8 0 Z",
  warn: "M0 -8 L8 6 H-8 Z",
  lost: "M-7 -4 L-4 -7 L0 -3 L4 -7 L7 -4 L3 0 L7 4 L4 7 L0 3 L-4 7 L-7 4 L-3 0 Z",
};

export function el(tag, attributes = {}, parent = null, content = null) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (content !== null) made.textContent = content;
  parent?.append(made);
  return made;
}

/** The shape that says how grave something is: never by colour alone. */
export const mark = (look) => MARKS[look] ?? "";

/** The gravest of some looks; empty when nothing is the matter. */
export const gravest = (looks) => looks.reduce((a, b) => ((GRAVITY[b] ?? 0) > (GRAVITY[a] ?? 0) ? b : a), "");

/** A port of an item in the picture, and the direction a pipe leaves it. */
export function portOf(item, symbol, index) {
  const [px, py] = symbol?.ports?.[index] ?? [symbol?.size?.[0] / 2 || 0, symbol?.size?.[1] / 2 || 0];
  const [sw, sh] = symbol?.size ?? [1, 1];
  const [rx, ry] = [(px / (sw || 1)) * item.w - item.w / 2, (py / (sh || 1)) * item.h - item.h / 2];
  const turn = ((item.turn || 0) * Math.PI) / 180;
  const [dx, dy] = [rx * Math.cos(turn) - ry * Math.sin(turn), rx * Math.sin(turn) + ry * Math.cos(turn)];
  const across = Math.abs(rx) / (item.w || 1) >= Math.abs(ry) / (item.h || 1);
  const out = across ? [Math.sign(rx) || 1, 0] : [0, Math.sign(ry) || 1];
  const turned = [Math.round(out[0] * Math.cos(turn) - out[1] * Math.sin(turn)), Math.round(out[0] * Math.sin(turn) + out[1] * Math.cos(turn))];
  return { x: item.x + item.w / 2 + dx, y: item.y + item.h / 2 + dy, out: turned };
}

export class Canvas {
  constructor(svg, { symbols, known, drawings, words }) {
    Object.assign(this, { svg, symbols, known, drawings, words });
    this.items = new Map();
    this.nodes = new Map();
    this.now = {};
    this.layer = el("g", { class: "sy-items" }, svg);
  }

  /** Draw all of these items anew, the last on top. */
  load(items) {
    this.layer.replaceChildren();
    this.nodes.clear();
    this.items = new Map(items.map((item) => [item.id, item]));
    for (const item of items) this.draw(item);
  }

  symbolOf(item) {
    return this.symbols[item.symbol] ?? { kind: "missing", size: [60, 60], slots: [], ports: [] };
  }

  /** Draw one item, in the place of its former self; the pipes that hang on it follow. */
  draw(item, { pipes = false } = {}) {
    const symbol = this.symbolOf(item);
    const node = el("g", { class: "sy", "data-id": item.id });
    const former = this.nodes.get(item.id)?.g;
    former ? former.replaceWith(node) : this.layer.append(node);
    const entry = { g: node, item, symbol, looks: {}, parts: {} };
    this.nodes.set(item.id, entry);
    this.items.set(item.id, item);
    if (symbol.kind === "pipe") this.drawPipe(entry);
    else this.drawBox(entry);
    for (const [slot, reading] of Object.entries(this.now[item.id] ?? {})) this.apply(entry, slot, reading);
    this.look(entry);
    if (pipes) this.follow([item.id]);
  }

  drawBox(entry) {
    const { g, item, symbol } = entry;
    g.setAttribute("transform", `translate(${item.x} ${item.y})`);
    const turned = el("g", item.turn ? { transform: `rotate(${item.turn} ${item.w / 2} ${item.h / 2})` } : {}, g);
    entry.turned = turned;
    el("rect", { class: "sy-hit", width: item.w, height: item.h }, turned);
    const draw = kinds[symbol.kind] ?? kinds.shape;
    entry.apply = draw(entry, this) ?? null;
    if (item.link) g.classList.add("sy-linked");
    entry.flag = el("g", { class: "sy-flag", transform: `translate(${symbol.kind === "value" ? -8 : item.w - 2} ${symbol.kind === "value" ? item.h / 2 : 2})` }, g);
  }

  drawPipe(entry) {
    const { g, item, symbol } = entry;
    const points = this.points(item);
    entry.points = points;
    const d = path(points);
    g.classList.add("sy-pipe");
    if (symbol.dash) g.classList.add("sy-dash");
    el("path", { class: "sy-grip", d }, g);
    el("path", { class: "sy-line", d, "stroke-width": item.h || symbol.weight || 4 }, g);
    if (symbol.arrow) this.arrow(g, points, (item.h || symbol.weight || 4) + 5);
    entry.apply = null;
    entry.flag = el("g", { class: "sy-flag", transform: `translate(${points[0][0]} ${points[0][1]})` }, g);
  }

  /** Which way things flow: a head in the middle of the longest stretch. */
  arrow(g, points, size) {
    let best = null;
    for (let i = 1; i < points.length; i++) {
      const [a, b] = [points[i - 1], points[i]];
      const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
      if (!best || length > best.length) best = { a, b, length };
    }
    if (!best || best.length < size * 2) return;
    const { a, b } = best;
    const angle = (Math.atan2(b[1] - a[1], b[0] - a[0]) * 180) / Math.PI;
    const at = `translate(${(a[0] + b[0]) / 2} ${(a[1] + b[1]) / 2}) rotate(${angle})`;
    el("path", { class: "sy-head", d: `M${-size / 2} ${-size / 2} L${size / 2} 0 L${-size / 2} ${size / 2} Z`, transform: at }, g);
  }

  /** The corners of a pipe, from end to end. */
  points(item) {
    const [a, b] = [this.end(item.start), this.end(item.end)];
    return item.bends?.length ? [[a.x, a.y], ...item.bends, [b.x, b.y]] : route(a, b);
  }

  end(told) {
    const item = told?.item ? this.items.get(told.item) : null;
    return item ? portOf(item, this.symbolOf(item), told.port ?? 0) : { x: told?.x ?? 0, y: told?.y ?? 0, out: null };
  }

  /** Draw the pipes anew that hang on any of these items. */
  follow(ids) {
    const moved = new Set(ids);
    for (const item of this.items.values())
      if (this.symbolOf(item).kind === "pipe" && !moved.has(item.id) && (moved.has(item.start?.item) || moved.has(item.end?.item)))
        this.draw(item);
  }

  drop(id) {
    this.nodes.get(id)?.g.remove();
    this.nodes.delete(id);
    this.items.delete(id);
  }

  /** New readings: {item: {slot: [look, text, fraction, number]}}. */
  show(changes) {
    for (const [id, slots] of Object.entries(changes)) {
      const entry = this.nodes.get(id);
      const known = (this.now[id] ??= {});
      for (const [slot, reading] of Object.entries(slots)) {
        known[slot] = reading;
        if (entry) this.apply(entry, slot, reading);
      }
      if (entry) this.look(entry);
    }
  }

  apply(entry, slot, reading) {
    entry.looks[slot] = reading[0];
    entry.apply?.(slot, reading);
  }

  /** How an item looks: whether it runs by its fill, what is the matter by a mark beside it. */
  look(entry) {
    const { g, looks, symbol } = entry;
    const main = looks.state ?? looks.open ?? "";
    const trouble = gravest(Object.values(looks));
    const now = `${main} ${trouble}`;
    if (entry.shown === now) return;
    entry.shown = now;
    const kept = [...g.classList].filter((c) => !c.startsWith("is-"));
    g.setAttribute("class", [...kept, main && `is-${main}`, trouble && `is-${trouble}`].filter(Boolean).join(" "));
    const d = ["alarm", "badge", "lamp"].includes(symbol.kind) ? "" : mark(trouble);
    entry.flag.replaceChildren();
    if (d) el("path", { d }, entry.flag);
    entry.onLook?.(trouble, main);
  }
}
