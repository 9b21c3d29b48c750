// Edits a picture: choosing, moving, sizing, turning, laying pipes, and taking back. The panels beside it call these.
"use strict";
import { el, portOf } from "./synoptic_draw.js";
import { arrange } from "./synoptic_arrange.js";
import { Pointing } from "./synoptic_pointing.js";

const BACK = 200;
const CLIPBOARD = "lineshaft-synoptic";
const copy = (thing) => JSON.parse(JSON.stringify(thing));

export class Editor {
  constructor(canvas, viewport, picture, words) {
    Object.assign(this, { canvas, viewport, picture, words });
    this.svg = canvas.svg;
    this.chosen = new Set();
    this.past = [];
    this.future = [];
    this.saved = this.snapshot();
    this.listeners = new Set();
    this.grid();
    this.over = el("g", { class: "sy-over" }, this.svg);
    this.pointing = new Pointing(this);
    this.svg.addEventListener("keydown", (event) => this.key(event));
    viewport.onChange = () => this.mark();
    this.mark();
  }

  grid() {
    this.svg.querySelector("defs.sy-defs")?.remove();
    const g = this.picture.grid;
    const defs = el("defs", { class: "sy-defs" });
    const pattern = el("pattern", { id: "sy-grid", width: g * 5, height: g * 5, patternUnits: "userSpaceOnUse" }, defs);
    el("rect", { class: "sy-gridpaper", width: g * 5, height: g * 5 }, pattern);
    for (let i = 0; i < 5; i++) for (let j = 0; j < 5; j++) el("circle", { class: i || j ? "sy-dot" : "sy-dot sy-dot-main", cx: i * g, cy: j * g, r: 0.8 }, pattern);
    this.svg.prepend(defs);
    const paper = this.svg.querySelector(".sy-paper");
    paper.setAttribute("width", this.picture.width);
    paper.setAttribute("height", this.picture.height);
    Object.assign(this.viewport, { width: this.picture.width, height: this.picture.height });
  }

  // -- what there is ------------------------------------------------------------------------------
  get items() {
    return [...this.canvas.items.values()];
  }

  get selection() {
    return this.items.filter((item) => this.chosen.has(item.id));
  }

  isPipe(item) {
    return this.canvas.symbolOf(item).kind === "pipe";
  }

  /** The picture as it is now, for saving. */
  whole() {
    return copy({ ...this.picture, items: this.items });
  }

  snapshot() {
    const { titles, width, height, grid, drawings } = this.picture;
    return JSON.stringify({ items: this.canvas ? this.items : this.picture.items, about: { titles, width, height, grid, drawings } });
  }

  get dirty() {
    return this.snapshot() !== this.saved;
  }

  onChange(listener) {
    this.listeners.add(listener);
  }

  tell() {
    for (const listener of this.listeners) listener();
  }

  // -- changing: everything goes through here, so that everything can be taken back ---------------------
  change(work, { joined = "" } = {}) {
    const before = this.snapshot();
    work();
    if (this.snapshot() === before) return;
    if (!joined || this.joined !== joined) {
      this.past.push(before);
      if (this.past.length > BACK) this.past.shift();
    }
    this.joined = joined;
    this.future = [];
    this.mark();
    this.tell();
  }

  undo() {
    this.step(this.past, this.future);
  }

  redo() {
    this.step(this.future, this.past);
  }

  step(from, to) {
    if (!from.length) return;
    to.push(this.snapshot());
    this.restore(from.pop());
  }

  restore(snapshot) {
    const { items, about } = JSON.parse(snapshot);
    Object.assign(this.picture, about);
    this.joined = "";
    this.grid();
    this.canvas.load(items);
    this.chosen = new Set([...this.chosen].filter((id) => this.canvas.items.has(id)));
    this.mark();
    this.tell();
  }

  /** Take over what the server put together, as one step that can be taken back. */
  take(picture, drawings) {
    Object.assign(this.canvas.drawings, drawings);
    this.change(() => {
      const { items, ...about } = copy(picture);
      Object.assign(this.picture, about);
      this.grid();
      this.canvas.load(items);
    });
  }

  set(item, changes) {
    Object.assign(item, changes);
    this.canvas.draw(item, { pipes: true });
  }

  update(ids, changes, options) {
    this.change(() => {
      for (const id of ids) {
        const item = this.canvas.items.get(id);
        if (item) this.set(item, typeof changes === "function" ? changes(item) : changes);
      }
    }, options);
  }

  fresh() {
    const taken = this.canvas.items;
    let n = taken.size;
    while (taken.has(`n${n}`)) n++;
    return `n${n}`;
  }

  add(item) {
    this.canvas.items.set(item.id, item);
    this.canvas.draw(item);
  }

  /** A new item of a symbol with its middle at a point. */
  place(symbol, at, more = {}) {
    const { size = [60, 60] } = this.canvas.symbols[symbol] ?? {};
    const [w, h] = [more.w ?? size[0], more.h ?? size[1]];
    const item = { id: this.fresh(), symbol, ...this.snapped({ x: at.x - w / 2, y: at.y - h / 2 }), turn: 0, label: "", bindings: {}, link: "", group: "", drawing: "", locked: false, start: null, end: null, bends: [], ...more, w, h };
    this.change(() => this.add(item));
    this.choose([item.id]);
    this.svg.focus({ preventScroll: true });
    return item;
  }

  lay(symbol, start, end) {
    const item = { id: this.fresh(), symbol, x: 0, y: 0, w: 0, h: 0, turn: 0, label: "", bindings: {}, link: "", group: "", drawing: "", locked: false, start, end, bends: [] };
    this.change(() => this.add(item));
    this.choose([item.id]);
  }

  bind(id, slot, binding) {
    this.update([id], (item) => {
      const bindings = { ...item.bindings };
      if (binding) bindings[slot] = binding;
      else delete bindings[slot];
      return { bindings };
    });
  }

  remove() {
    const gone = new Set(this.selection.filter((i) => !i.locked).map((i) => i.id));
    this.change(() => {
      for (const item of this.items) if (this.isPipe(item) && (gone.has(item.start?.item) || gone.has(item.end?.item))) gone.add(item.id);
      for (const id of gone) this.canvas.drop(id);
      this.chosen.clear();
    });
  }

  // -- choosing -------------------------------------------------------------------------------------
  choose(ids, { more = false } = {}) {
    const wanted = new Set(more ? this.chosen : []);
    for (const id of ids) {
      const { group } = this.canvas.items.get(id) ?? {};
      const together = group ? this.items.filter((i) => i.group === group).map((i) => i.id) : [id];
      const had = more && wanted.has(id);
      for (const one of together) had ? wanted.delete(one) : wanted.add(one);
    }
    this.chosen = wanted;
    this.joined = "";
    this.mark();
    this.tell();
  }

  chooseAll() {
    this.choose(this.items.filter((i) => !i.locked).map((i) => i.id));
  }

  /** The box around items; pipes count by their corners. */
  box(items) {
    const corners = items.flatMap((i) => (this.isPipe(i) ? this.canvas.points(i) : turnedCorners(i)));
    const [xs, ys] = [corners.map((c) => c[0]), corners.map((c) => c[1])];
    const [x, y] = [Math.min(...xs), Math.min(...ys)];
    return { x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y };
  }

  // -- the marks over the canvas -----------------------------------------------------------------------
  mark() {
    this.over.replaceChildren();
    const px = 1 / this.viewport.scale;
    for (const item of this.selection) this.frame(item, px);
    const one = this.selection.length === 1 ? this.selection[0] : null;
    if (one && !one.locked) this.isPipe(one) ? this.pipeHandles(one, px) : this.handles(one, px);
    if (this.selection.length > 1) {
      const b = this.box(this.selection);
      el("rect", { class: "sy-frame", x: b.x - 4 * px, y: b.y - 4 * px, width: b.w + 8 * px, height: b.h + 8 * px }, this.over);
    }
    this.pointing?.marks(px);
  }

  frame(item, px) {
    if (this.isPipe(item)) return el("path", { class: "sy-frame", d: this.canvas.points(item).map((p, i) => `${i ? "L" : "M"}${p}`).join(" ") }, this.over);
    const at = item.turn ? { transform: `rotate(${item.turn} ${item.x + item.w / 2} ${item.y + item.h / 2})` } : {};
    return el("rect", { class: "sy-frame", x: item.x - 2 * px, y: item.y - 2 * px, width: item.w + 4 * px, height: item.h + 4 * px, ...at }, this.over);
  }

  handles(item, px) {
    const [cx, cy] = [item.x + item.w / 2, item.y + item.h / 2];
    const g = el("g", item.turn ? { transform: `rotate(${item.turn} ${cx} ${cy})` } : {}, this.over);
    const s = 9 * px;
    for (const [name, fx, fy] of [["nw", 0, 0], ["n", 0.5, 0], ["ne", 1, 0], ["e", 1, 0.5], ["se", 1, 1], ["s", 0.5, 1], ["sw", 0, 1], ["w", 0, 0.5]])
      el("rect", { class: `sy-handle sy-to-${name}`, "data-handle": name, x: item.x + item.w * fx - s / 2, y: item.y + item.h * fy - s / 2, width: s, height: s }, g);
    el("line", { class: "sy-frame", x1: cx, y1: item.y, x2: cx, y2: item.y - 22 * px }, g);
    el("circle", { class: "sy-handle sy-turn", "data-handle": "turn", cx, cy: item.y - 24 * px, r: 6 * px }, g);
  }

  pipeHandles(item, px) {
    const points = this.canvas.points(item);
    points.forEach(([cx, cy], i) => {
      const name = i === 0 ? "start" : i === points.length - 1 ? "end" : `bend:${i - 1}`;
      el("circle", { class: "sy-handle", "data-handle": name, cx, cy, r: 6 * px }, this.over);
    });
  }

  // -- placing ---------------------------------------------------------------------------------------
  snap(n) {
    return this.free ? n : Math.round(n / this.picture.grid) * this.picture.grid;
  }

  snapped({ x, y }) {
    return { x: this.snap(x), y: this.snap(y) };
  }

  /** Move items by so much from where they were. */
  shift(from, dx, dy) {
    for (const [id, was] of from) {
      const item = this.canvas.items.get(id);
      if (!item || item.locked) continue;
      if (this.isPipe(item)) {
        const move = (end) => (end && !end.item ? { ...end, x: end.x + dx, y: end.y + dy } : end);
        Object.assign(item, { start: move(was.start), end: move(was.end), bends: was.bends.map(([x, y]) => [x + dx, y + dy]) });
      } else Object.assign(item, { x: was.x + dx, y: was.y + dy });
    }
    for (const [id] of from) this.canvas.draw(this.canvas.items.get(id));
    this.canvas.follow(from.map(([id]) => id));
    this.mark();
  }

  nudge(dx, dy) {
    const from = this.selection.map((i) => [i.id, copy(i)]);
    this.change(() => this.shift(from, dx, dy), { joined: "nudge" });
  }

  arrange(how) {
    const able = this.selection.filter((i) => !i.locked && !this.isPipe(i));
    this.change(() => {
      for (const [id, at] of arrange(how, able)) this.set(this.canvas.items.get(id), at);
    });
  }

  order(front) {
    const ids = new Set(this.chosen);
    this.change(() => {
      const [chosen, rest] = [this.items.filter((i) => ids.has(i.id)), this.items.filter((i) => !ids.has(i.id))];
      this.canvas.load(front ? [...rest, ...chosen] : [...chosen, ...rest]);
    });
  }

  group(yes) {
    const name = yes ? `g${this.fresh()}` : "";
    this.update([...this.chosen], { group: name });
  }

  // -- clipboard: kept by the browser, so that it reaches other pictures too ---------------------------------
  copy() {
    const items = this.selection;
    if (items.length) localStorage.setItem(CLIPBOARD, JSON.stringify(items));
  }

  paste(by = this.picture.grid * 2) {
    const found = JSON.parse(localStorage.getItem(CLIPBOARD) ?? "[]").filter((i) => !i.drawing || this.picture.drawings[i.drawing]);
    if (!found.length) return;
    const names = new Map();
    const groups = new Map();
    this.change(() => {
      for (const item of found) names.set(item.id, this.reserve(item, by, groups));
      for (const id of names.values()) this.mend(this.canvas.items.get(id), names, by);
    });
    this.choose([...names.values()]);
    this.copy();
  }

  reserve(item, by, groups) {
    const made = { ...copy(item), id: this.fresh(), x: item.x + by, y: item.y + by };
    if (item.group) made.group = groups.get(item.group) ?? groups.set(item.group, `g${made.id}`).get(item.group);
    this.canvas.items.set(made.id, made);
    return made.id;
  }

  /** Ends of pasted pipes hang on what was pasted with them, else stand free. */
  mend(item, names, by) {
    const end = (told) => {
      if (!told?.item) return told && { ...told, x: told.x + by, y: told.y + by };
      if (names.has(told.item)) return { ...told, item: names.get(told.item) };
      const old = this.canvas.items.get(told.item);
      const at = old ? portOf(old, this.canvas.symbolOf(old), told.port ?? 0) : { x: 0, y: 0 };
      return { item: "", port: 0, x: at.x + by, y: at.y + by };
    };
    Object.assign(item, { start: end(item.start), end: end(item.end), bends: item.bends.map(([x, y]) => [x + by, y + by]) });
    this.canvas.draw(item);
  }

  // -- keys -------------------------------------------------------------------------------------------
  key(event) {
    const command = event.ctrlKey || event.metaKey;
    const far = event.shiftKey ? this.picture.grid * 5 : event.altKey ? 1 : this.picture.grid;
    const moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
    const letters = {
      z: () => (event.shiftKey ? this.redo() : this.undo()),
      y: () => this.redo(),
      c: () => this.copy(),
      x: () => (this.copy(), this.remove()),
      v: () => this.paste(),
      d: () => (this.copy(), this.paste()),
      a: () => this.chooseAll(),
      g: () => this.group(!event.shiftKey),
      s: () => this.onSave?.(),
    };
    const others = {
      Delete: () => this.remove(),
      Backspace: () => this.remove(),
      Escape: () => this.pointing.cancel() || this.choose([]),
      "+": () => this.viewport.zoom(1.2),
      "-": () => this.viewport.zoom(1 / 1.2),
      0: () => this.viewport.fit(),
      Tab: this.items.length ? () => this.next(event.shiftKey) : null,
    };
    const act = command ? letters[event.key.toLowerCase()] : moves[event.key] && this.chosen.size ? () => this.nudge(...moves[event.key]) : others[event.key];
    if (!act || (event.key === "Tab" && !this.chosen.size)) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  next(back) {
    const all = this.items;
    const at = all.findIndex((i) => this.chosen.has(i.id));
    this.choose([all[(at + (back ? -1 : 1) + all.length) % all.length].id]);
  }
}

function turnedCorners(item) {
  const turn = ((item.turn || 0) * Math.PI) / 180;
  const [cx, cy] = [item.x + item.w / 2, item.y + item.h / 2];
  return [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([sx, sy]) => {
    const [dx, dy] = [(sx * item.w) / 2, (sy * item.h) / 2];
    return [cx + dx * Math.cos(turn) - dy * Math.sin(turn), cy + dx * Math.sin(turn) + dy * Math.cos(turn)];
  });
}
