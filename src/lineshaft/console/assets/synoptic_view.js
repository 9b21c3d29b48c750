// Zoom and pan of a picture: wheel, pinch, keys and buttons; a finger scrolls the page while all is in view.
"use strict";

const LEAST = 0.05;
const MOST = 8;

export class Viewport {
  constructor(svg, { width, height, editing = false }) {
    Object.assign(this, { svg, width, height, editing });
    this.touches = new Map();
    this.fit();
    if (!editing && matchMedia("(max-width: 767px)").matches) this.begin();
    svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) svg.addEventListener(name, (event) => this.up(event));
    if (!editing) svg.addEventListener("dblclick", (event) => this.zoom(2, this.point(event)));
    this.watching = new ResizeObserver(() => this.resized());
    this.watching.observe(svg);
  }

  get box() {
    const { width, height } = this.svg.getBoundingClientRect();
    return { width: width || 1, height: height || 1 };
  }

  /** Pixels of the screen per unit of the picture. */
  get scale() {
    return this.box.width / this.w;
  }

  fit() {
    const { width, height } = this.box;
    const margin = this.editing ? 1.06 : 1.0;
    const scale = Math.min(width / (this.width * margin), height / (this.height * margin));
    [this.w, this.h] = [width / scale, height / scale];
    [this.x, this.y] = [(this.width - this.w) / 2, (this.height - this.h) / 2];
    this.fitted = true;
    this.apply();
  }

  /** On a phone a picture begins at its upper left, large enough to read; "show all" shows the whole. */
  begin() {
    const wanted = Math.min(this.box.height / this.height, 0.7);
    if (wanted <= this.scale * 1.05) return;
    this.zoom(wanted / this.scale);
    [this.x, this.y] = [0, 0];
    this.apply();
  }

  resized() {
    if (this.fitted) return this.fit();
    const { width, height } = this.box;
    this.h = (this.w * height) / width;
    this.apply();
  }

  apply() {
    this.svg.setAttribute("viewBox", `${this.x} ${this.y} ${this.w} ${this.h}`);
    this.svg.style.setProperty("--z", String(1 / this.scale));
    this.svg.style.setProperty("--px", String(Math.min(Math.max(this.scale, 0.45), 2)));
    this.svg.classList.toggle("sy-close", !this.fitted);
    this.onChange?.();
  }

  /** A point of the screen in the picture. */
  point(event) {
    const at = this.svg.getBoundingClientRect();
    return { x: this.x + ((event.clientX - at.left) / at.width) * this.w, y: this.y + ((event.clientY - at.top) / at.height) * this.h };
  }

  zoom(factor, at = { x: this.x + this.w / 2, y: this.y + this.h / 2 }) {
    const wanted = Math.min(Math.max(this.scale * factor, LEAST), MOST);
    const real = this.scale / wanted;
    this.x = at.x - (at.x - this.x) * real;
    this.y = at.y - (at.y - this.y) * real;
    this.w *= real;
    this.h *= real;
    this.fitted = false;
    this.apply();
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.fitted = false;
    this.apply();
  }

  wheel(event) {
    if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(-event.deltaY * 0.0022), this.point(event));
    else if (this.editing) this.pan(-event.deltaX, -event.deltaY);
    else return;
    event.preventDefault();
  }

  down(event) {
    if (event.pointerType === "touch") this.touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const drag = event.button === 1 || (!this.editing && event.button === 0) || this.space;
    this.dragging = drag ? { x: event.clientX, y: event.clientY, far: 0 } : null;
    if (event.button === 1) event.preventDefault();
  }

  move(event) {
    if (this.touches.has(event.pointerId) && this.touches.size === 2) return this.pinch(event);
    if (!this.dragging || (event.pointerType === "touch" && this.fitted)) return;
    const [dx, dy] = [event.clientX - this.dragging.x, event.clientY - this.dragging.y];
    this.dragging = { x: event.clientX, y: event.clientY, far: this.dragging.far + Math.abs(dx) + Math.abs(dy) };
    if (this.dragging.far > 4) this.pan(dx, dy);
  }

  pinch(event) {
    const [id] = [...this.touches.keys()].filter((k) => k !== event.pointerId);
    const [own, other] = [this.touches.get(event.pointerId), this.touches.get(id)];
    const before = Math.hypot(own.x - other.x, own.y - other.y);
    const after = Math.hypot(event.clientX - other.x, event.clientY - other.y);
    this.touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (before > 0) this.zoom(after / before, this.point({ clientX: (event.clientX + other.x) / 2, clientY: (event.clientY + other.y) / 2 }));
  }

  up(event) {
    this.touches.delete(event.pointerId);
    this.moved = (this.dragging?.far ?? 0) > 4;
    if (event.type !== "pointerleave" || event.pointerType !== "mouse") this.dragging = null;
  }

  end() {
    this.watching.disconnect();
  }
}
