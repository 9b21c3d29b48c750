// Where items go when they are lined up or spread evenly: [[id, {x, y}], …].
"use strict";

export function arrange(how, items) {
  if (items.length < 2) return [];
  const [left, top] = [Math.min(...items.map((i) => i.x)), Math.min(...items.map((i) => i.y))];
  const [right, bottom] = [Math.max(...items.map((i) => i.x + i.w)), Math.max(...items.map((i) => i.y + i.h))];
  const ways = {
    left: () => ({ x: left }),
    center: (i) => ({ x: (left + right - i.w) / 2 }),
    right: (i) => ({ x: right - i.w }),
    top: () => ({ y: top }),
    middle: (i) => ({ y: (top + bottom - i.h) / 2 }),
    bottom: (i) => ({ y: bottom - i.h }),
  };
  if (ways[how]) return items.map((i) => [i.id, ways[how](i)]);
  return how === "across" ? spread(items, "x", "w", left, right) : spread(items, "y", "h", top, bottom);
}

/** The same gap between neighbours; the outermost stay. */
function spread(items, axis, size, from, to) {
  const sorted = [...items].sort((a, b) => a[axis] - b[axis]);
  const gap = (to - from - sorted.reduce((sum, i) => sum + i[size], 0)) / (sorted.length - 1);
  let at = from;
  return sorted.map((item) => {
    const placed = [item.id, { [axis]: Math.round(at * 10) / 10 }];
    at += item[size] + gap;
    return placed;
  });
}
