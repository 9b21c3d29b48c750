// Puts the editor together: tools above the canvas, palette and properties beside it, saving and what is not saved yet.
"use strict";
import { h, icon, tool } from "./synoptic_dom.js";
import { Inspector } from "./synoptic_inspector.js";
import { Palette } from "./synoptic_palette.js";

const DRAFT = "lineshaft-synoptic-draft:";
const USUAL = { turn: 0, label: "", link: "", group: "", drawing: "", locked: false, start: null, end: null };

export class Panels {
  constructor(root, editor, state, emit) {
    Object.assign(this, { root, editor, words: state.words, emit });
    this.palette = new Palette(editor, { symbols: editor.canvas.symbols, groups: state.groups, words: state.words }, emit);
    this.inspector = new Inspector(editor, state.words, state.links);
    this.status = h("span.ls-syn-status", { role: "status" });
    this.notice = h("div.ls-syn-notice");
    root.prepend(this.palette.element);
    root.append(this.inspector.element);
    root.querySelector(".ls-syn-stage").prepend(this.tools(), this.notice);
    editor.onChange(() => this.changed());
    editor.onSave = () => this.save();
    editor.onProperty = (property, id, at) => this.property(property, id, at);
    this.leave = (event) => editor.dirty && event.preventDefault();
    addEventListener("beforeunload", this.leave);
    this.pressed = (event) => this.key(event);
    document.addEventListener("keydown", this.pressed);
    this.offerDraft();
    this.changed();
  }

  end() {
    removeEventListener("beforeunload", this.leave);
    document.removeEventListener("keydown", this.pressed);
  }

  /** Keys work wherever the focus is in the editor; in fields only saving does. */
  key(event) {
    const own = event.target === document.body || this.root.contains(event.target);
    if (!own || event.key === "Tab" || event.defaultPrevented) return;
    const typing = event.target.closest("input, textarea, select");
    const saving = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
    if (typing && !saving) return;
    if (typing) typing.blur();
    this.editor.key(event);
  }

  // -- tools ---------------------------------------------------------------------------------------------
  tools() {
    const { editor, words } = this;
    const arranged = (how, symbol) => tool(symbol, words[how], () => editor.arrange(how));
    this.buttons = {
      undo: tool("undo", words.undo, () => editor.undo()),
      redo: tool("redo", words.redo, () => editor.redo()),
      save: h("button.ls-button.ls-primary", { type: "button", title: "Ctrl+S", onclick: () => this.save() }, icon("save"), h("span", {}, words.save)),
    };
    this.single = [
      tool("content_copy", words.copy, () => (editor.copy(), editor.paste())),
      tool("delete", words.remove, () => editor.remove()),
      tool("flip_to_front", words.front, () => editor.order(true)),
      tool("flip_to_back", words.back, () => editor.order(false)),
    ];
    this.several = [
      arranged("left", "align_horizontal_left"), arranged("center", "align_horizontal_center"), arranged("right", "align_horizontal_right"),
      arranged("top", "align_vertical_top"), arranged("middle", "align_vertical_center"), arranged("bottom", "align_vertical_bottom"),
      arranged("across", "horizontal_distribute"), arranged("down", "vertical_distribute"),
      tool("join_inner", words.group, () => editor.group(true)),
      tool("join_full", words.ungroup, () => editor.group(false)),
    ];
    const gap = () => h("i.ls-syn-gap");
    return h("div.ls-syn-tools", { role: "toolbar", "aria-label": words.tools }, this.buttons.undo, this.buttons.redo, gap(), ...this.single, gap(), ...this.several, h("span.ls-syn-spring"), this.status, this.buttons.save);
  }

  changed() {
    const { editor, words } = this;
    const [n, dirty] = [editor.chosen.size, editor.dirty];
    this.buttons.undo.disabled = !editor.past.length;
    this.buttons.redo.disabled = !editor.future.length;
    this.buttons.save.disabled = !dirty || this.saving;
    for (const one of this.single) one.disabled = n < 1;
    for (const one of this.several) one.disabled = n < 2;
    this.status.textContent = this.saving ? words.saving : "";
    this.buttons.save.title = dirty ? `${words.unsaved} (Ctrl+S)` : "Ctrl+S";
    if (dirty) this.keepDraft();
    else if (!this.offering) localStorage.removeItem(this.draftKey);
  }

  // -- saving --------------------------------------------------------------------------------------------
  save() {
    if (!this.editor.dirty || this.saving) return;
    this.saving = this.editor.snapshot();
    this.changed();
    this.emit("save", this.parcel());
  }

  /** The picture without what is usual, to keep the message small. */
  parcel() {
    const { titles, title, ...picture } = this.editor.whole();
    const items = picture.items.map((item) => {
      const kept = Object.entries(item).filter(([name, value]) => !(name in USUAL && value === USUAL[name]) && !(name === "bends" && !value.length));
      return Object.fromEntries(kept);
    });
    return { ...picture, title: titles, items };
  }

  /** What the server says while somebody edits. */
  told(what, ...about) {
    const answers = {
      saved: (version) => this.kept(version),
      refused: () => ((this.saving = null), this.changed()),
      merged: (picture, drawings) => this.editor.take(picture, drawings),
      branch: (path, nodes) => this.palette.grown(path, nodes),
      drawing: (name, digest, drawing) => this.drawing(name, digest, drawing),
      known: (known) => this.known(known),
    };
    answers[what]?.(...about);
  }

  kept(version) {
    this.editor.picture.version = version;
    this.editor.saved = this.saving ?? this.editor.snapshot();
    this.saving = null;
    this.changed();
  }

  known(known) {
    for (const [id, slots] of Object.entries(known)) {
      this.editor.canvas.known[id] = { ...this.editor.canvas.known[id], ...slots };
      const item = this.editor.canvas.items.get(id);
      if (item) this.editor.canvas.draw(item);
    }
  }

  drawing(name, digest, drawing) {
    const { editor } = this;
    editor.canvas.drawings[name] = drawing;
    editor.picture.drawings = { ...editor.picture.drawings, [name]: digest };
    const most = Math.min(1, (editor.picture.width * 0.8) / drawing.size[0], (editor.picture.height * 0.8) / drawing.size[1]);
    this.palette.put("drawing", { drawing: name, w: Math.round(drawing.size[0] * most), h: Math.round(drawing.size[1] * most) });
  }

  // -- binding -------------------------------------------------------------------------------------------
  /** A property or machine was dropped on an item or on the canvas, or pressed for what is chosen. */
  property(property, id, at) {
    const { editor } = this;
    const target = id ? editor.canvas.items.get(id) : at ? null : editor.selection.length === 1 ? editor.selection[0] : null;
    const slot = target && this.inspector.slotFor(target, property);
    if (target && slot) {
      editor.bind(target.id, slot, { path: property.path });
      editor.choose([target.id]);
    } else this.fresh(property, at);
    this.inspector.slot = "";
    this.emit("dirty", this.parcel());
  }

  fresh(property, at) {
    const symbol = property.property ? "value" : property.shape ?? "badge";
    const slot = property.property ? "value" : "state";
    const more = { label: property.property || property.shape ? property.label : "", bindings: { [slot]: { path: property.path } } };
    if (property.property) more.w = 190;
    if (!property.property) more.link = `/assets/${property.path}`;
    at ? this.editor.place(symbol, at, more) : this.palette.put(symbol, more);
  }

  // -- what is not saved yet survives a closed tab ---------------------------------------------------------
  get draftKey() {
    return DRAFT + this.editor.picture.id;
  }

  keepDraft() {
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => {
      const draft = { at: Date.now(), version: this.editor.picture.version, snapshot: this.editor.snapshot() };
      if (this.editor.dirty) localStorage.setItem(this.draftKey, JSON.stringify(draft));
    }, 400);
  }

  offerDraft() {
    const found = JSON.parse(localStorage.getItem(this.draftKey) ?? "null");
    if (!found) return;
    this.offering = true;
    const done = () => {
      this.offering = false;
      this.notice.replaceChildren();
      this.changed();
    };
    const take = () => {
      const back = this.editor.snapshot();
      this.editor.restore(found.snapshot);
      this.editor.past.push(back);
      this.editor.picture.version = found.version;
      done();
    };
    this.notice.append(h("span", {}, this.words.draft.replace("{when}", window.lineshaft.ago(found.at))),
      h("button.ls-button.ls-small", { type: "button", onclick: take }, this.words.take),
      h("button.ls-button.ls-quiet.ls-small", { type: "button", onclick: done }, this.words.discard));
  }
}
