// A place or a machine in three dimensions, in greys: colour is only for what is the matter. Drawn when something changed.
import { CSS2DObject, CSS2DRenderer, GLTFLoader, OrbitControls, THREE } from "nicegui-scene";
const { part } = window.lineshaft;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const QUIET = new Set(["", "good", "run"]);

export default {
  mixins: [part],
  emits: ["pick"],
  data: () => ({ missing: false, failed: "", loading: false }),
  template: `
    <div class="ls-scene" :class="'ls-scene-' + s.height">
      <div ref="stage" class="ls-scene-stage" tabindex="0" role="img" :aria-label="s.label" @keydown="key"
           @pointerdown="down = [$event.clientX, $event.clientY]" @pointerup="up"></div>
      <p v-if="missing || failed || loading" class="ls-scene-word" role="status">{{ missing ? s.words.missing : failed || s.words.loading }}</p>
      <div v-if="!missing" class="ls-scene-tools">
        <button v-for="tool in tools" :key="tool.symbol" type="button" class="ls-icon-button ls-small" :title="tool.name" :aria-label="tool.name"
                @click="tool.do"><i class="ls-icon" aria-hidden="true">{{ tool.symbol }}</i></button></div>
    </div>`,
  computed: {
    tools() {
      const w = this.s.words;
      return [
        { symbol: "rotate_left", name: w.left, do: () => this.turn(-0.4) },
        { symbol: "rotate_right", name: w.right, do: () => this.turn(0.4) },
        { symbol: "zoom_in", name: w.in, do: () => this.zoom(0.8) },
        { symbol: "zoom_out", name: w.out, do: () => this.zoom(1.25) },
        { symbol: "fit_screen", name: w.fit, do: () => this.fit() },
      ];
    },
  },
  mounted() {
    this.parts = new Map();
    try {
      this.gl = new THREE.WebGLRenderer({ antialias: true, alpha: true });
    } catch {
      this.missing = true;
      return;
    }
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(38, 1, 0.1, 5000);
    this.scene.add(new THREE.HemisphereLight(0xffffff, 0x8a949b, 2.2));
    const sun = new THREE.DirectionalLight(0xffffff, 1.6);
    sun.position.set(4, 10, 6);
    this.scene.add(sun);
    this.labels = new CSS2DRenderer();
    this.labels.domElement.className = "ls-scene-labels";
    this.$refs.stage.append(this.gl.domElement, this.labels.domElement);
    this.controls = new OrbitControls(this.camera, this.gl.domElement);
    this.controls.maxPolarAngle = Math.PI * 0.49;
    this.controls.addEventListener("change", this.draw);
    this.gl.domElement.addEventListener("webglcontextrestored", this.draw);
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.$refs.stage);
    window.addEventListener("lineshaft-theme", this.paint);
    import(`${this.s.base}/scene_solids.js`).then((bodies) => {
      this.bodies = bodies;
      this.build();
    });
  },
  beforeUnmount() {
    this.watch?.disconnect();
    window.removeEventListener("lineshaft-theme", this.paint);
    this.controls?.dispose();
    this.gl?.dispose();
    this.gl?.forceContextLoss();
  },
  methods: {
    patch(changes) {
      Object.assign(this.s, changes);
      if (!this.bodies) return;
      if ("solids" in changes || "model" in changes) this.build(true);
      else this.paint();
    },
    async build(keep = false) {
      for (const one of this.parts.values()) one.label?.removeFromParent();
      this.parts.clear();
      this.world?.removeFromParent();
      this.world = new THREE.Group();
      this.scene.add(this.world);
      this.rest = this.material();
      if (this.s.model) await this.load(this.s.model);
      else this.stand();
      this.world.updateMatrixWorld(true);
      this.resize();
      if (!keep) this.fit();
      this.paint();
    },
    material() {
      return new THREE.MeshStandardMaterial({ roughness: 0.85, metalness: 0, side: THREE.DoubleSide });
    },
    stand() {
      const byId = new Map(this.s.solids.map((one) => [one.id, one]));
      for (const one of this.s.solids) {
        const material = this.material();
        const group = this.bodies.solid(one, material);
        this.adopt(one.id, group, material, one.label, new THREE.Vector3(0, one.height + 0.25, 0));
        this.world.add(group);
      }
      this.line = new THREE.LineBasicMaterial();
      const pairs = this.s.flows.map(([a, b]) => [byId.get(a), byId.get(b)]).filter(([a, b]) => a && b);
      for (const line of this.bodies.flows(pairs, this.line)) this.world.add(line);
      this.grid();
    },
    grid() {
      const size = new THREE.Box3().setFromObject(this.world).getSize(new THREE.Vector3());
      const wide = Math.ceil(Math.max(size.x, size.z, 4) / 2 + 3) * 2;
      const middle = new THREE.Box3().setFromObject(this.world).getCenter(new THREE.Vector3());
      this.floor = new THREE.GridHelper(wide, wide / 2);
      this.floor.position.set(middle.x, 0, middle.z);
      this.world.add(this.floor);
    },
    async load(address) {
      this.loading = true;
      this.failed = "";
      try {
        const answer = await fetch(address, { credentials: "same-origin" });
        if (!answer.ok) throw new Error((await answer.json()).title);
        const loader = new GLTFLoader();
        loader.register(() => ({ name: "lineshaft_greys", loadMaterial: async () => this.material() }));
        const model = await loader.parseAsync(await answer.arrayBuffer(), "");
        this.world.add(model.scene);
        this.world.updateMatrixWorld(true);
        this.sort(model.scene);
      } catch (error) {
        this.failed = `${this.s.words.failed} ${error.message}`;
      } finally {
        this.loading = false;
      }
    },
    /** Every mesh belongs to the nearest node above it that has a name. */
    sort(model) {
      const owner = (node) => (!node || node === model ? "" : node.userData.name || owner(node.parent));
      const made = new Map();
      model.traverse((node) => {
        if (!node.isMesh) return;
        const id = owner(node);
        if (!made.has(id)) made.set(id, { material: this.material(), meshes: [] });
        if (!node.geometry.attributes.normal) {
          node.geometry = node.geometry.toNonIndexed();
          node.geometry.computeVertexNormals();
        }
        node.material = made.get(id).material;
        made.get(id).meshes.push(node);
      });
      for (const [id, { material, meshes }] of made) {
        if (!id) continue;
        const top = new THREE.Box3();
        for (const mesh of meshes) top.expandByObject(mesh);
        const anchor = new THREE.Group();
        const middle = top.getCenter(new THREE.Vector3());
        this.world.add(anchor);
        this.adopt(id, anchor, material, id, new THREE.Vector3(middle.x, top.max.y, middle.z), meshes);
      }
    },
    adopt(id, group, material, name, at, meshes = group.children.slice()) {
      for (const mesh of meshes) mesh.userData.part = id;
      const word = document.createElement("div");
      const label = new CSS2DObject(word);
      label.position.copy(at);
      group.add(label);
      this.parts.set(id, { material, word, label, name });
    },
    /** Greys for what is well, a colour and a word for what is not. */
    paint() {
      if (!this.world) return;
      const tints = { warn: "--ls-warn-fill", alarm: "--ls-alarm-fill", lost: "--ls-lost", stale: "--ls-scene-stale", stop: "--ls-scene-stop", unknown: "--ls-scene-unknown" };
      for (const [id, one] of this.parts) {
        const { look = "", label = "" } = this.s.states[id] ?? {};
        const chosen = id === this.s.selected;
        one.material.color.set(css(tints[look] ?? "--ls-scene-solid"));
        const loud = !QUIET.has(look) && look !== "stop" && look !== "unknown";
        one.word.className = `ls-scene-label ls-look-${look || "good"}` + (chosen ? " ls-on" : "");
        one.word.textContent = loud ? `${one.name} · ${label}` : one.name;
        one.label.visible = loud || chosen || (!this.s.model && this.parts.size <= 40);
      }
      this.frame?.removeFromParent();
      if (this.parts.has(this.s.selected)) {
        const around = this.around(this.s.selected).expandByScalar(0.06);
        this.scene.add((this.frame = new THREE.Box3Helper(around, css("--ls-accent"))));
      }
      this.line?.color.set(css("--ls-muted"));
      if (this.floor) [].concat(this.floor.material).forEach((m) => ((m.color = new THREE.Color(css("--ls-line"))), (m.vertexColors = false), (m.needsUpdate = true)));
      this.draw();
    },
    draw() {
      if (this.queued) return;
      this.queued = requestAnimationFrame(() => {
        this.queued = 0;
        this.gl.render(this.scene, this.camera);
        this.labels.render(this.scene, this.camera);
      });
    },
    resize() {
      const { clientWidth: width, clientHeight: height } = this.$refs.stage ?? {};
      if (!width || !height || !this.world) return;
      this.gl.setPixelRatio(Math.min(devicePixelRatio, 2));
      this.gl.setSize(width, height);
      this.labels.setSize(width, height);
      this.camera.aspect = width / height;
      this.camera.updateProjectionMatrix();
      if (this.wide !== width > height) this.fit();
      this.wide = width > height;
      this.draw();
    },
    fit() {
      const box = new THREE.Box3();
      this.world.traverse((node) => node.isMesh && box.expandByObject(node));
      if (box.isEmpty()) return;
      const center = box.getCenter(new THREE.Vector3());
      const back = new THREE.Vector3(0.35, 0.55, 0.85).normalize();
      const right = new THREE.Vector3(0, 1, 0).cross(back).normalize();
      const up = back.clone().cross(right);
      const high = Math.tan((this.camera.fov * Math.PI) / 360);
      let far = 0;
      for (let n = 0; n < 8; n++) {
        const corner = new THREE.Vector3(...["x", "y", "z"].map((axis, bit) => (n & (1 << bit) ? box.max : box.min)[axis])).sub(center);
        const aside = Math.max(Math.abs(corner.dot(right)) / (high * this.camera.aspect), Math.abs(corner.dot(up)) / high);
        far = Math.max(far, 1.15 * (corner.dot(back) + aside));
      }
      this.camera.position.copy(center).addScaledVector(back, far);
      this.camera.near = far / 100;
      this.camera.far = far * 20;
      this.camera.updateProjectionMatrix();
      this.controls.target.copy(center);
      this.controls.update();
      this.draw();
    },
    zoom(factor) {
      this.camera.position.sub(this.controls.target).multiplyScalar(factor).add(this.controls.target);
      this.controls.update();
      this.draw();
    },
    turn(angle) {
      const arm = this.camera.position.clone().sub(this.controls.target);
      this.camera.position.copy(arm.applyAxisAngle(new THREE.Vector3(0, 1, 0), angle).add(this.controls.target));
      this.controls.update();
      this.draw();
    },
    key(event) {
      const does = { ArrowLeft: () => this.turn(-0.2), ArrowRight: () => this.turn(0.2), "+": () => this.zoom(0.8), "-": () => this.zoom(1.25), Home: () => this.fit() }[event.key];
      if (!does || this.missing) return;
      event.preventDefault();
      does();
    },
    up(event) {
      if (this.missing || !this.down || Math.hypot(event.clientX - this.down[0], event.clientY - this.down[1]) > 5) return;
      const { left, top, width, height } = this.gl.domElement.getBoundingClientRect();
      const at = new THREE.Vector2(((event.clientX - left) / width) * 2 - 1, 1 - ((event.clientY - top) / height) * 2);
      const ray = new THREE.Raycaster();
      ray.setFromCamera(at, this.camera);
      const hit = ray.intersectObject(this.world, true).find((h) => h.object.userData.part);
      if (hit) this.$emit("pick", hit.object.userData.part);
    },
    around(id) {
      const box = new THREE.Box3();
      this.world.traverse((node) => node.userData.part === id && node.isMesh && box.expandByObject(node));
      return box;
    },
    /** Where a part is on the page, for whoever wants to point at it. */
    where(id) {
      const { left, top, width, height } = this.gl.domElement.getBoundingClientRect();
      const at = this.around(id).getCenter(new THREE.Vector3()).project(this.camera);
      return [left + ((at.x + 1) / 2) * width, top + ((1 - at.y) / 2) * height];
    },
  },
};
