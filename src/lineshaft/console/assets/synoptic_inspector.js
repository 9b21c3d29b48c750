// The right panel of the editor: what is chosen, what it is bound to, or the picture when nothing is.
"use strict";
import { field, h, icon, tool } from "./synoptic_dom.js";

const RANGED = ["bar", "gauge"];

export class Inspector {
  constructor(editor, words, pictures) {
    Object.assign(this, { editor, words });
    this.element = h("aside.ls-syn-right", { "aria-label": words.properties });
    this.list = h("datalist", { id: "ls-syn-links" }, ...pictures.map(([address, title]) => h("option", { value: address }, title)));
    this.slot = "";
    editor.onChange(() => this.draw());
    this.draw();
  }

  draw() {
    if (this.element.contains(document.activeElement) && document.activeElement.matches("input, textarea") && this.shownFor === this.key) return;
    this.shownFor = this.key;
    const chosen = this.editor.selection;
    this.element.replaceChildren(this.list, ...(chosen.length === 1 ? this.one(chosen[0]) : chosen.length ? this.many(chosen) : this.whole()));
  }

  get key() {
    return [...this.editor.chosen].join(" ");
  }

  whole() {
    const { editor, words } = this;
    const { picture } = editor;
    const set = (changes) => editor.change(() => (Object.assign(picture, changes), editor.grid(), editor.canvas.load(editor.items)));
    const number = (name) => (v) => Number(v) > 0 && set({ [name]: Number(v) });
    const language = document.documentElement.lang.slice(0, 2) || "en";
    return [
      h("h2", {}, words.picture),
      field(words.title, picture.titles[language] ?? Object.values(picture.titles)[0], (v) => v.trim() && set({ titles: { ...picture.titles, [language]: v.trim() } })),
      h("div.ls-syn-pair", {}, field(words.width, picture.width, number("width"), { type: "number" }), field(words.height, picture.height, number("height"), { type: "number" })),
      field(words.grid, picture.grid, number("grid"), { type: "number" }),
      h("p.ls-muted.ls-syn-hint", {}, words.hint),
    ];
  }

  many(chosen) {
    return [h("h2", {}, this.words.chosen.replace("{n}", chosen.length)), h("p.ls-muted.ls-syn-hint", {}, this.words.many_hint)];
  }

  one(item) {
    const { editor, words } = this;
    const symbol = editor.canvas.symbolOf(item);
    const set = (changes) => editor.update([item.id], changes);
    const number = (name) => (v) => Number.isFinite(Number(v)) && v !== "" && set({ [name]: Number(v) });
    const box = editor.isPipe(item)
      ? [field(words.thickness, item.h || symbol.weight, number("h"), { type: "number" })]
      : ["x", "y", "w", "h"].map((name) => field(words[name], round(item[name]), number(name), { type: "number" })).concat(field(words.turn, item.turn, number("turn"), { type: "number" }));
    return [
      h("h2", {}, symbol.title ?? item.symbol),
      field(words.label, item.label, (v) => set({ label: v }), { long: symbol.kind === "text" }),
      h("div.ls-syn-pair", {}, ...box),
      ...(symbol.kind === "drawing" ? this.parts(item) : (symbol.slots ?? []).map((slot) => this.slotRow(item, symbol, slot))),
      field(words.link, item.link, (v) => set({ link: v.trim() }), { list: "ls-syn-links" }),
      h("label.ls-syn-check", {}, h("input", { type: "checkbox", checked: item.locked, onchange: (e) => set({ locked: e.target.checked }) }), words.locked),
    ];
  }

  slotRow(item, symbol, slot) {
    const { editor, words } = this;
    const bound = item.bindings?.[slot];
    const drop = (event) => {
      const told = event.dataTransfer.getData("application/x-lineshaft-property");
      if (told) (event.preventDefault(), editor.bind(item.id, slot, { path: JSON.parse(told).path }));
    };
    const row = h("div.ls-syn-slot", { ondragover: (e) => e.preventDefault(), ondrop: drop, dataset: { slot } },
      h("div.ls-syn-slothead", {}, h("button.ls-syn-pick", { type: "button", "aria-pressed": String(this.slot === slot), onclick: () => this.aim(slot) }, words[`slot_${slot}`] ?? slot),
        bound && tool("link_off", words.unbind, () => editor.bind(item.id, slot, null))),
      bound ? h("code", { title: bound.path }, short(bound.path)) : h("span.ls-muted", {}, this.slot === slot ? words.pick_now : words.drop_here));
    const ranged = slot === "level" || (slot === "value" && RANGED.includes(symbol.kind));
    if (bound && ranged) row.append(this.range(item, slot, bound));
    return row;
  }

  range(item, slot, bound) {
    const part = (name) => (v) => this.editor.bind(item.id, slot, { ...bound, [name]: v === "" ? null : Number(v) });
    return h("div.ls-syn-pair", {}, field(this.words.least, bound.least, part("least"), { type: "number" }), field(this.words.most, bound.most, part("most"), { type: "number" }));
  }

  /** The slot that the next property picked goes to. */
  aim(slot) {
    this.slot = this.slot === slot ? "" : slot;
    this.draw();
  }

  /** Elements of a user's drawing, and what may follow a value in each. */
  parts(item) {
    const { editor, words } = this;
    const kept = editor.canvas.drawings[item.drawing];
    const names = h("select.ls-syn-input", { "aria-label": words.part }, ...(kept?.parts ?? []).map((p) => h("option", { value: p }, p)));
    const ways = h("select.ls-syn-input", { "aria-label": words.way }, ...["fill", "text", "show", "turn"].map((w) => h("option", { value: w }, words[`part_${w}`])));
    const add = h("button.ls-button.ls-quiet", { type: "button", onclick: () => names.value && this.aim(`${names.value}:${ways.value}`) }, icon("add_link"), h("span", {}, words.bind_part));
    const slots = new Set([...Object.keys(item.bindings ?? {}), ...(this.slot.includes(":") ? [this.slot] : [])]);
    return [h("div.ls-syn-slot", {}, h("span", {}, words.parts), names, ways, add), ...[...slots].map((slot) => this.slotRow(item, { kind: "drawing" }, slot))];
  }

  /** A property was picked or dropped: which slot of which item it goes to. */
  slotFor(item, property) {
    const { slots = [], kind } = this.editor.canvas.symbolOf(item);
    if (this.slot && (slots.includes(this.slot) || kind === "drawing")) return this.slot;
    if (!property.property) return ["state", "alarm"].find((s) => slots.includes(s));
    if (property.kind === "boolean" || property.kind === "enum") return ["open", "state", "alarm", "value"].find((s) => slots.includes(s));
    const wanted = property.unit === "%" ? ["level", "value"] : ["value", "level"];
    return [...wanted, "open", "state", "alarm"].find((s) => slots.includes(s));
  }
}

const round = (n) => Math.round(n * 10) / 10;
const short = (path) => path.split("/").slice(-2).join("/");
