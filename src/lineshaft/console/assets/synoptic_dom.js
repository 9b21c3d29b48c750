// Makes elements of the panels beside the canvas.
"use strict";

/** h("button.ls-button", { onclick: …, title: "…" }, "text", child, …) */
export function h(what, properties = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const made = document.createElement(tag);
  made.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(made.dataset, value);
    else if (name.startsWith("aria-") || name === "list" || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return made;
}

export const icon = (name) => h("i.ls-icon", { "aria-hidden": "true" }, name);

export const tool = (symbol, label, onclick, more = {}) => h("button.ls-icon-button", { type: "button", title: label, "aria-label": label, onclick, ...more }, icon(symbol));

/** A field with its name above; `onvalue` is told when it is left or Enter is pressed. */
export function field(label, value, onvalue, { type = "text", step = "any", list = "", long = false } = {}) {
  const input = h(long ? "textarea.ls-syn-input" : "input.ls-syn-input", { value: value ?? "", onchange: () => onvalue(input.value) });
  if (!long) Object.assign(input, { type, step });
  if (long) input.rows = 2;
  if (list) input.setAttribute("list", list);
  return h("label.ls-syn-field", {}, h("span", {}, label), input);
}
