// The left panel of the editor: symbols to drag onto the canvas, and the plant to bind them to.
"use strict";
import { h, icon } from "./synoptic_dom.js";

const NS = "http://www.w3.org/2000/svg";

/** A small picture of a symbol. */
function preview(symbol) {
  const [w, hgt] = symbol.size[0] ? symbol.size : [60, 40];
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", `-4 -4 ${w + 8} ${hgt + 8}`);
  svg.setAttribute("class", "ls-syn-preview");
  const inside = symbol.draw ?? stand(symbol, w, hgt);
  const read = new DOMParser().parseFromString(`<svg xmlns="${NS}"><g class="sy"><g class="sy-s">${inside}</g></g></svg>`, "image/svg+xml");
  svg.append(...document.importNode(read.documentElement, true).childNodes);
  return svg;
}

/** What stands for symbols that are drawn from values. */
function stand(symbol, w, h2) {
  const middle = h2 / 2;
  const kinds = {
    pipe: `<path class="n" stroke-dasharray="${symbol.dash ? "6 4" : ""}" d="M2 30 H30 V10 H58"/><path class="m" d="M46 4 L58 10 L46 16 Z"/>`,
    value: `<rect class="w" width="${w}" height="${h2}"/><text class="g" x="${w / 2}" y="${middle + 6}" font-size="17">12.3</text>`,
    counter: `<rect class="w" width="${w}" height="${h2}"/><text class="g" x="${w / 2}" y="${middle + 6}" font-size="18">0815</text>`,
    text: `<text class="g" x="${w / 2}" y="${middle + 8}" font-size="24">Abc</text>`,
    bar: `<rect class="w" width="${w}" height="${h2}"/><rect class="f" x="0" y="${w > h2 ? 0 : h2 * 0.4}" width="${w > h2 ? w * 0.6 : w}" height="${w > h2 ? h2 : h2 * 0.6}"/>`,
    gauge: `<path class="n" stroke-width="6" d="M12 62 A44 44 0 1 1 98 62"/><path class="n" d="M55 58 L78 32"/>`,
    trend: `<rect class="w" width="${w}" height="${h2}"/><path class="n" d="M4 40 L40 20 L70 34 L110 12 L140 30 L176 22"/>`,
    lamp: `<circle class="b" cx="12" cy="12" r="9"/>`,
    badge: `<circle class="b" cx="12" cy="14" r="6"/><path class="n" d="M28 14 H112"/>`,
    panel: `<rect class="b" width="${w}" height="${h2}" rx="8"/>`,
    rule: `<rect class="m" width="${w}" height="${h2}"/>`,
    alarm: `<path class="m" d="M20 4 L36 20 L20 36 L4 20 Z"/>`,
    link: `<rect class="w" width="${w}" height="${h2}" rx="6"/><path class="n" d="M110 10 l8 8 l-8 8"/>`,
  };
  return kinds[symbol.kind] ?? `<rect class="n" width="${w}" height="${h2}"/>`;
}

export class Palette {
  constructor(editor, { symbols, groups, words }, emit) {
    Object.assign(this, { editor, symbols, groups, words, emit });
    this.branches = new Map();
    this.tabs = {};
    this.body = h("div.ls-syn-scroll");
    const head = h("div.ls-tabs", { role: "tablist" });
    for (const [name, label] of [["symbols", words.symbols], ["plant", words.plant]]) {
      this.tabs[name] = h("button.ls-tab", { type: "button", role: "tab", onclick: () => this.open(name) }, label);
      head.append(this.tabs[name]);
    }
    this.element = h("aside.ls-syn-left", { "aria-label": words.symbols }, head, this.body);
    this.shelf = this.drawShelf();
    this.plant = h("div.ls-syn-plant", {}, h("p.ls-muted.ls-syn-hint", {}, words.plant_hint));
    this.open("symbols");
    editor.onChange(() => this.press());
  }

  open(name) {
    for (const [other, tab] of Object.entries(this.tabs)) tab.setAttribute("aria-selected", String(other === name));
    this.body.replaceChildren(name === "symbols" ? this.shelf : this.plant);
    if (name === "plant" && !this.branches.size) this.grow("", this.plant);
  }

  // -- symbols ------------------------------------------------------------------------------------------
  drawShelf() {
    const search = h("input.ls-syn-input", { type: "search", placeholder: this.words.search, "aria-label": this.words.search, oninput: () => this.filter(search.value.toLowerCase()) });
    this.places = [];
    const groups = Object.entries(this.groups).map(([group, label], i) => {
      const members = Object.entries(this.symbols).filter(([, s]) => s.group === group && s.kind !== "drawing");
      const cells = members.map(([name, symbol]) => this.cell(name, symbol));
      return members.length ? h("details.ls-syn-group", { open: i < 2 }, h("summary", {}, label), h("div.ls-syn-cells", {}, ...cells)) : null;
    });
    const own = h("button.ls-button.ls-quiet", { type: "button", onclick: () => this.emit("pick") }, icon("upload_file"), h("span", {}, this.words.drawing));
    return h("div", {}, search, ...groups, own);
  }

  cell(name, symbol) {
    const pipe = symbol.kind === "pipe";
    const made = h("button.ls-syn-cell", {
      type: "button", title: symbol.title, draggable: !pipe, dataset: { symbol: name },
      onclick: () => (pipe ? this.editor.pointing.layPipes(this.editor.pointing.pipe === name ? "" : name) : this.put(name)),
      ondragstart: (event) => event.dataTransfer.setData("application/x-lineshaft-symbol", name),
    }, preview(symbol), h("span", {}, symbol.title));
    this.places.push([made, `${name} ${symbol.title}`.toLowerCase()]);
    return made;
  }

  /** In the middle of what is seen, for those who press instead of dragging. */
  put(name, more = {}) {
    const v = this.editor.viewport;
    const n = (this.puts = ((this.puts ?? -1) + 1) % 6) * this.editor.picture.grid * 2;
    return this.editor.place(name, { x: v.x + v.w / 2 + n, y: v.y + v.h / 2 + n }, more);
  }

  filter(words) {
    for (const [cell, text] of this.places) cell.hidden = !text.includes(words);
    for (const group of this.shelf.querySelectorAll("details")) {
      const some = [...group.querySelectorAll(".ls-syn-cell")].some((c) => !c.hidden);
      group.hidden = !some;
      if (words) group.open = true;
    }
  }

  press() {
    for (const [cell] of this.places) cell.setAttribute("aria-pressed", String(cell.dataset.symbol === this.editor.pointing.pipe));
  }

  // -- plant --------------------------------------------------------------------------------------------
  grow(path, place) {
    this.branches.set(path, place);
    this.emit("browse", path);
  }

  /** The answer of the server: what lies below a path. */
  grown(path, nodes) {
    const place = this.branches.get(path);
    if (!place) return;
    for (const old of place.querySelectorAll(":scope > .ls-syn-node")) old.remove();
    place.append(...nodes.map((node) => this.node(node)));
  }

  node(node) {
    const give = (event) => (event.stopPropagation(), event.dataTransfer.setData("application/x-lineshaft-property", JSON.stringify(node)));
    const row = h("span.ls-syn-row", { draggable: true, ondragstart: give, title: node.path }, icon(node.symbol), h("span", {}, node.label), h("span.ls-muted", {}, node.unit ?? ""));
    if (node.property) {
      const bind = h("button.ls-syn-bind", { type: "button", title: this.words.bind, onclick: () => this.editor.onProperty?.(node, null, null) }, row);
      return h("div.ls-syn-node", {}, bind);
    }
    const inside = h("div.ls-syn-below");
    return h("details.ls-syn-node", { ontoggle: (event) => event.target.open && !this.branches.has(node.path) && this.grow(node.path, inside) }, h("summary", {}, row), inside);
  }
}
