// Lays pipes at right angles between two ends, leaving each port straight.
"use strict";
const LEAD = 16;

/** The corners from a to b; an end is {x, y, out} with `out` the direction it is left, or null when it is free. */
export function route(a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const free = Math.abs(dx) >= Math.abs(dy) ? [Math.sign(dx) || 1, 0] : [0, Math.sign(dy) || 1];
  const [from, to] = [a.out ?? free, b.out ?? [-free[0], -free[1]]];
  const start = a.out ? [a.x + from[0] * LEAD, a.y + from[1] * LEAD] : [a.x, a.y];
  const end = b.out ? [b.x + to[0] * LEAD, b.y + to[1] * LEAD] : [b.x, b.y];
  return plain([[a.x, a.y], start, ...between(start, from, end, to), end, [b.x, b.y]]);
}

function between(s, from, e, to) {
  const [mx, my] = [(s[0] + e[0]) / 2, (s[1] + e[1]) / 2];
  const [level, meets] = [from[0] !== 0, to[0] !== 0];
  const ahead = level ? (e[0] - s[0]) * from[0] >= 0 : (e[1] - s[1]) * from[1] >= 0;
  if (level && meets) return ahead ? [[mx, s[1]], [mx, e[1]]] : [[s[0], my], [e[0], my]];
  if (!level && !meets) return ahead ? [[s[0], my], [e[0], my]] : [[mx, s[1]], [mx, e[1]]];
  return level ? [[e[0], s[1]]] : [[s[0], e[1]]];
}

/** The same line without corners that are none. */
export function plain(points) {
  const rounded = points.map(([x, y]) => [Math.round(x * 10) / 10, Math.round(y * 10) / 10]);
  return rounded.filter((p, i) => {
    const [before, after] = [rounded[i - 1], rounded[i + 1]];
    if (!before) return true;
    if (p[0] === before[0] && p[1] === before[1]) return false;
    if (!after) return true;
    return !((before[0] === p[0] && p[0] === after[0]) || (before[1] === p[1] && p[1] === after[1]));
  });
}

export const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join(" ");
