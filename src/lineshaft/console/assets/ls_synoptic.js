// A process picture: symbols that show how the plant is now. The editor is loaded when somebody edits.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  emits: ["save", "browse", "drawing", "pick", "dirty"],
  data: () => ({ failed: "" }),
  async mounted() {
    const load = (name) => import(`${this.state.base}/${name}.js`);
    const [{ Canvas, el }, { Viewport }] = await Promise.all([load("synoptic_draw"), load("synoptic_view")]);
    const picture = JSON.parse(JSON.stringify(this.s.picture));
    const { symbols, known, drawings, words } = JSON.parse(JSON.stringify(this.s));
    const svg = this.$refs.svg;
    el("rect", { class: "sy-paper", width: picture.width, height: picture.height }, svg);
    this.canvas = new Canvas(svg, { symbols, known, drawings, words });
    this.canvas.now = JSON.parse(JSON.stringify(this.s.now));
    this.canvas.load(picture.items);
    this.viewport = new Viewport(svg, { width: picture.width, height: picture.height, editing: this.s.editing });
    if (this.s.editing) {
      const { Editor } = await load("synoptic_edit");
      const { Panels } = await load("synoptic_panels");
      this.editor = new Editor(this.canvas, this.viewport, picture, this.s.words);
      this.panels = new Panels(this.$el, this.editor, this.s, (name, ...what) => this.$emit(name, ...what));
    } else svg.addEventListener("click", this.follow);
    this.ready = true;
    this.$el.classList.add("is-ready");
  },
  unmounted() {
    this.viewport?.end();
    this.panels?.end();
  },
  methods: {
    patch({ put, ...rest }) {
      Object.assign(this.s, rest);
      if (!put) return;
      for (const [id, slots] of Object.entries(put)) this.s.now[id] = { ...this.s.now[id], ...slots };
      if (this.ready) this.canvas.show(put);
    },
    follow(event) {
      const item = this.canvas.items.get(event.target.closest?.("[data-id]")?.dataset.id);
      if (item?.link && !this.viewport.moved) window.lineshaft.go(item.link);
    },
    zoom(factor) {
      this.viewport?.zoom(factor);
    },
    fit() {
      this.viewport?.fit();
    },
    /** What the server answers while somebody edits. */
    told(what, ...about) {
      this.panels?.told(what, ...about);
    },
  },
  template: `
    <div class="ls-syn" :class="{ 'ls-syn-edit': s.editing }">
      <div class="ls-syn-stage" :style="s.editing ? {} : { '--ls-ratio': s.picture.width + '/' + s.picture.height }">
        <svg ref="svg" class="ls-syn-svg" tabindex="0" role="img" :aria-label="s.picture.title" xmlns="http://www.w3.org/2000/svg"></svg>
        <div class="ls-syn-zoom">
          <button type="button" class="ls-icon-button" :title="s.words.closer" :aria-label="s.words.closer" @click="zoom(1.3)"><i class="ls-icon" aria-hidden="true">add</i></button>
          <button type="button" class="ls-icon-button" :title="s.words.farther" :aria-label="s.words.farther" @click="zoom(1 / 1.3)"><i class="ls-icon" aria-hidden="true">remove</i></button>
          <button type="button" class="ls-icon-button" :title="s.words.fit" :aria-label="s.words.fit" @click="fit"><i class="ls-icon" aria-hidden="true">fit_screen</i></button>
        </div>
      </div>
    </div>`,
};
