// What machines look like from afar: a few plain bodies per form. Sizes in metres, the floor is y = 0, x along the flow.
import { THREE } from "nicegui-scene";

const box = (w, h, d, x = 0, y = h / 2, z = 0) => place(new THREE.BoxGeometry(w, h, d), x, y, z);
const tube = (r, h, x = 0, y = h / 2, z = 0) => place(new THREE.CylinderGeometry(r, r, h, 32), x, y, z);
const ball = (r, x, y, z = 0) => place(new THREE.SphereGeometry(r, 24, 16), x, y, z);
function place(geometry, x, y, z) {
  geometry.translate(x, y, z);
  return geometry;
}
function lying(r, length, x, y, z = 0) {
  const geometry = new THREE.CylinderGeometry(r, r, length, 28);
  geometry.rotateZ(Math.PI / 2);
  return place(geometry, x, y, z);
}
function leaning(r, length, angle, x, y) {
  const geometry = new THREE.CylinderGeometry(r, r, length, 16);
  geometry.rotateZ(angle);
  return place(geometry, x, y, 0);
}

const FORMS = {
  box: (w, d, h) => [box(w, h, d), box(w * 0.9, h * 0.04, d * 0.9, 0, h * 1.02)],
  tank: (w, d, h) => [tube(w / 2, h * 0.8, 0, h * 0.5), ball(w * 0.46, 0, h * 0.86), ...legs(w * 0.6, d * 0.6, h * 0.12)],
  drum: (w, d, h) => [lying(h * 0.32, w * 0.8, 0, h * 0.55), box(w, h * 0.14, d), tube(h * 0.12, h * 0.5, w * 0.2, h * 0.75)],
  belt: (w, d, h) => [box(w, h * 0.16, d, 0, h * 0.9), ...legs(w * 0.9, d * 0.8, h * 0.82)],
  gate: (w, d, h) => [box(w, h * 0.12, d, 0, h * 0.94), box(w * 0.16, h, d * 0.16, -w * 0.42, h / 2, -d * 0.42),
    box(w * 0.16, h, d * 0.16, w * 0.42, h / 2, -d * 0.42), box(w * 0.16, h, d * 0.16, -w * 0.42, h / 2, d * 0.42),
    box(w * 0.16, h, d * 0.16, w * 0.42, h / 2, d * 0.42), box(w * 0.8, h * 0.16, d * 0.8)],
  carousel: (w, d, h) => [box(w, h * 0.3, d), tube(Math.min(w, d) * 0.42, h * 0.34, 0, h * 0.5), tube(Math.min(w, d) * 0.1, h * 0.2, 0, h * 0.75),
    tube(Math.min(w, d) * 0.46, h * 0.12, 0, h * 0.92)],
  robot: (w, d, h) => [tube(w * 0.3, h * 0.2), tube(w * 0.16, h * 0.3, 0, h * 0.34), leaning(w * 0.1, h * 0.5, -0.5, w * 0.14, h * 0.66),
    leaning(w * 0.08, h * 0.45, -1.9, w * 0.42, h * 0.8), ball(w * 0.12, w * 0.27, h * 0.87)],
  post: (w, d, h) => [tube(w * 0.12, h * 0.8), box(w, h * 0.22, d, 0, h * 0.89)],
};

function legs(w, d, h) {
  const thick = 0.12;
  return [[-1, -1], [1, -1], [-1, 1], [1, 1]].map(([x, z]) => box(thick, h, thick, (x * (w - thick)) / 2, h / 2, (z * (d - thick)) / 2));
}

/** One machine as a group of bodies that share a material. */
export function solid(one, material) {
  const group = new THREE.Group();
  for (const geometry of (FORMS[one.form] ?? FORMS.box)(one.width, one.depth, one.height)) {
    group.add(new THREE.Mesh(geometry, material));
  }
  group.position.set(one.x, 0, one.z);
  group.rotation.y = (-one.turn * Math.PI) / 180;
  return group;
}

/** Lines on the floor from one machine to the next. */
export function flows(pairs, material) {
  return pairs.map(([from, to]) => {
    const points = [new THREE.Vector3(from.x, 0.03, from.z), new THREE.Vector3(to.x, 0.03, to.z)];
    return new THREE.Line(new THREE.BufferGeometry().setFromPoints(points), material);
  });
}
