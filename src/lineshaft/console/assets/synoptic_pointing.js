// What the pointer does on the canvas of the editor: choose, drag, size, turn, lay pipes, drop from the palette.
"use strict";
import { el, portOf } from "./synoptic_draw.js";
import { path, route } from "./synoptic_pipes.js";

const NEAR = 14;
const copy = (thing) => JSON.parse(JSON.stringify(thing));

export class Pointing {
  constructor(editor) {
    this.editor = editor;
    this.svg = editor.svg;
    this.pipe = "";
    this.doing = null;
    this.svg.addEventListener("pointerdown", (event) => this.down(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", (event) => this.up(event));
    this.svg.addEventListener("pointercancel", () => this.cancel());
    this.svg.addEventListener("dragover", (event) => this.over(event));
    this.svg.addEventListener("drop", (event) => this.drop(event));
  }

  get view() {
    return this.editor.viewport;
  }

  /** From now on the pointer lays pipes of this symbol; "" chooses again. */
  layPipes(symbol) {
    this.pipe = symbol;
    this.svg.classList.toggle("sy-laying", Boolean(symbol));
    this.editor.mark();
    this.editor.tell();
  }

  idAt(event) {
    return event.target.closest?.("[data-id]")?.dataset.id ?? null;
  }

  down(event) {
    if (event.button !== 0 || this.view.space || this.view.touches.size > 1) return;
    this.svg.focus({ preventScroll: true });
    this.svg.setPointerCapture(event.pointerId);
    const at = this.view.point(event);
    const handle = event.target.dataset?.handle;
    const id = this.idAt(event);
    const before = this.editor.snapshot();
    if (this.pipe) this.doing = { what: "piping", start: this.nearest(at) ?? this.free(at), to: at };
    else if (handle) this.doing = { what: this.handled(handle), handle, at, before, was: copy(this.editor.selection[0]) };
    else if (id) this.take(event, id, at, before);
    else this.doing = { what: "framing", at, to: at, more: event.shiftKey };
  }

  handled(handle) {
    if (handle === "turn") return "turning";
    return handle === "start" || handle === "end" || handle.startsWith("bend") ? "ending" : "sizing";
  }

  take(event, id, at, before) {
    const { editor } = this;
    if (event.shiftKey) editor.choose([id], { more: true });
    else if (!editor.chosen.has(id)) editor.choose([id]);
    const from = editor.selection.filter((i) => !i.locked).map((i) => [i.id, copy(i)]);
    this.doing = { what: "moving", at, from, before, far: false };
  }

  move(event) {
    const at = this.view.point(event);
    if (!this.doing) return this.pipe ? this.editor.mark() : undefined;
    this.editor.free = event.altKey;
    this.doing.to = at;
    this[this.doing.what](at, event);
  }

  // -- what is being done --------------------------------------------------------------------------
  moving(at) {
    const { doing, editor } = this;
    if (!doing.from.length) return;
    if (!doing.far && Math.hypot(at.x - doing.at.x, at.y - doing.at.y) * this.view.scale < 3) return;
    doing.far = true;
    const lead = doing.from.map(([, was]) => was).find((was) => was.w || was.h) ?? { x: 0, y: 0 };
    const dx = editor.snap(lead.x + at.x - doing.at.x) - lead.x;
    const dy = editor.snap(lead.y + at.y - doing.at.y) - lead.y;
    editor.shift(doing.from, dx, dy);
  }

  sizing(at, event) {
    const { doing, editor } = this;
    const { was, handle } = doing;
    const item = editor.canvas.items.get(was.id);
    const turn = (-(was.turn || 0) * Math.PI) / 180;
    const [rx, ry] = [at.x - doing.at.x, at.y - doing.at.y];
    const [dx, dy] = [rx * Math.cos(turn) - ry * Math.sin(turn), rx * Math.sin(turn) + ry * Math.cos(turn)];
    const east = handle.includes("e") ? 1 : handle.includes("w") ? -1 : 0;
    const south = handle.includes("s") ? 1 : handle.includes("n") ? -1 : 0;
    let [w, h] = [Math.max(editor.snap(was.w + dx * east), 4), Math.max(editor.snap(was.h + dy * south), 4)];
    if (!east) w = was.w;
    if (!south) h = was.h;
    const keep = (editor.canvas.symbolOf(item).keep !== false) !== event.shiftKey;
    if (keep && east && south) h = (w * was.h) / (was.w || 1);
    // The corner across stays where it is, also of a turned item.
    const [mx, my] = [((w - was.w) / 2) * east, ((h - was.h) / 2) * south];
    const [cx, cy] = [was.x + was.w / 2 + mx * Math.cos(-turn) - my * Math.sin(-turn), was.y + was.h / 2 + mx * Math.sin(-turn) + my * Math.cos(-turn)];
    editor.set(item, { w, h, x: cx - w / 2, y: cy - h / 2 });
    editor.mark();
  }

  turning(at, event) {
    const { was } = this.doing;
    const item = this.editor.canvas.items.get(was.id);
    const angle = (Math.atan2(at.y - was.y - was.h / 2, at.x - was.x - was.w / 2) * 180) / Math.PI + 90;
    const step = event.altKey ? 1 : 15;
    this.editor.set(item, { turn: (Math.round(angle / step) * step + 360) % 360 });
    this.editor.mark();
  }

  ending(at) {
    const { editor, doing } = this;
    const item = editor.canvas.items.get(doing.was.id);
    if (doing.handle.startsWith("bend")) {
      const bends = editor.canvas.points(doing.was).slice(1, -1);
      bends[Number(doing.handle.slice(5))] = [editor.snap(at.x), editor.snap(at.y)];
      editor.set(item, { bends });
    } else editor.set(item, { [doing.handle]: this.nearest(at, item.id) ?? this.free(at), bends: [] });
    editor.mark();
  }

  framing() {
    this.editor.mark();
  }

  piping() {
    this.editor.mark();
  }

  up(event) {
    const { doing, editor } = this;
    this.doing = null;
    editor.free = false;
    if (!doing) return;
    if (doing.what === "framing") this.framed(doing);
    else if (doing.what === "piping") this.laid(doing);
    else this.done(doing);
    editor.mark();
    if (event.pointerId !== undefined && this.svg.hasPointerCapture(event.pointerId)) this.svg.releasePointerCapture(event.pointerId);
  }

  /** What was dragged becomes one step that can be taken back. */
  done({ before }) {
    const { editor } = this;
    if (editor.snapshot() === before) return;
    editor.past.push(before);
    editor.future = [];
    editor.joined = "";
    editor.tell();
  }

  framed({ at, to, more }) {
    const [x1, x2] = [Math.min(at.x, to.x), Math.max(at.x, to.x)];
    const [y1, y2] = [Math.min(at.y, to.y), Math.max(at.y, to.y)];
    const inside = this.editor.items.filter((item) => {
      const b = this.editor.box([item]);
      return !item.locked && b.x >= x1 && b.y >= y1 && b.x + b.w <= x2 && b.y + b.h <= y2;
    });
    this.editor.choose(inside.map((i) => i.id), { more });
  }

  laid({ start, to }) {
    const end = this.nearest(to) ?? this.free(to);
    const [a, b] = [this.editor.canvas.end(start), this.editor.canvas.end(end)];
    if (Math.hypot(a.x - b.x, a.y - b.y) >= 4) this.editor.lay(this.pipe, start, end);
  }

  cancel() {
    const { doing } = this;
    if (doing?.before) this.editor.restore(doing.before);
    const had = Boolean(doing || this.pipe);
    this.doing = null;
    if (this.pipe) this.layPipes("");
    return had;
  }

  // -- ports ----------------------------------------------------------------------------------------
  free(at) {
    return { item: "", port: 0, ...this.editor.snapped(at) };
  }

  /** The port within reach of a point. */
  nearest(at, but = "") {
    let best = null;
    for (const { item, port, x, y } of this.ports()) {
      const far = Math.hypot(x - at.x, y - at.y) * this.view.scale;
      if (far <= NEAR && item !== but && (!best || far < best.far)) best = { far, item, port };
    }
    return best && { item: best.item, port: best.port, x: 0, y: 0 };
  }

  *ports() {
    for (const item of this.editor.items) {
      const symbol = this.editor.canvas.symbolOf(item);
      for (let port = 0; port < (symbol.ports?.length ?? 0); port++) yield { item: item.id, port, ...portOf(item, symbol, port) };
    }
  }

  /** Ports while pipes are laid or ends dragged, the frame, the pipe being laid. */
  marks(px) {
    const { over, canvas } = this.editor;
    if (this.pipe || this.doing?.what === "ending") for (const { x, y } of this.ports()) el("circle", { class: "sy-port", cx: x, cy: y, r: 4.5 * px }, over);
    const { what, at, to, start } = this.doing ?? {};
    if (what === "framing") el("rect", { class: "sy-lasso", x: Math.min(at.x, to.x), y: Math.min(at.y, to.y), width: Math.abs(to.x - at.x), height: Math.abs(to.y - at.y) }, over);
    if (what === "piping") el("path", { class: "sy-frame", d: path(route(canvas.end(start), canvas.end(this.nearest(to) ?? this.free(to)))) }, over);
  }

  // -- dropping ----------------------------------------------------------------------------------------
  over(event) {
    if (![...event.dataTransfer.types].some((t) => t.startsWith("application/x-lineshaft"))) return;
    event.preventDefault();
    const id = this.idAt(event);
    if (id && event.dataTransfer.types.includes("application/x-lineshaft-property")) this.editor.canvas.nodes.get(id)?.g.classList.add("sy-target");
    for (const g of this.svg.querySelectorAll(".sy-target")) if (g.dataset.id !== id) g.classList.remove("sy-target");
  }

  drop(event) {
    event.preventDefault();
    for (const g of this.svg.querySelectorAll(".sy-target")) g.classList.remove("sy-target");
    const [symbol, property] = ["symbol", "property"].map((kind) => event.dataTransfer.getData(`application/x-lineshaft-${kind}`));
    if (symbol) this.editor.place(symbol, this.view.point(event));
    else if (property) this.editor.onProperty?.(JSON.parse(property), this.idAt(event), this.view.point(event));
  }
}
