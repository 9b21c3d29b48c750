// Things and what relates them: nodes arrange themselves around the one in the middle.
import { echarts } from "nicegui-echart";
const { part, go } = window.lineshaft;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const safe = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const CROWD = 40; // from so many nodes on, only names that have room are written

export default {
  mixins: [part],
  data: () => ({ off: {}, at: -1 }),
  template: `
    <div class="ls-trend ls-trend-large">
      <div class="ls-trend-bar">
        <div class="ls-legend" role="group" :aria-label="s.words.legend">
          <button v-for="(kind, i) in s.kinds" :key="kind" type="button" role="switch" :aria-checked="!off[kind]" @click="toggle(kind)">
            <i :style="{ background: colour(i, true) }"></i><span>{{ kind }}</span></button>
        </div>
        <div class="ls-trend-tools">
          <button v-for="tool in tools" :key="tool.name" type="button" class="ls-icon-button ls-small" :title="tool.name"
                  :aria-label="tool.name" @click="tool.do"><i class="ls-icon" aria-hidden="true">{{ tool.symbol }}</i></button>
        </div>
      </div>
      <div class="ls-trend-plot"><div ref="plot" class="ls-trend-canvas" tabindex="0" role="application" :aria-label="s.label + '. ' + s.words.keys"
           @keydown="key" @blur="leave"></div></div>
      <p class="ls-network-told ls-muted" role="status">{{ told }}</p>
    </div>`,
  computed: {
    tools() {
      const w = this.s.words;
      return [
        { symbol: "zoom_in", name: w.in, do: () => this.scale(1.4) },
        { symbol: "zoom_out", name: w.out, do: () => this.scale(1 / 1.4) },
        { symbol: "fit_screen", name: w.whole, do: () => this.draw() },
        { symbol: "image", name: w.png, do: this.picture },
      ];
    },
    shown() {
      return this.s.arrows.filter((arrow) => !this.off[arrow.kind]);
    },
    told() {
      const node = this.s.nodes[this.at];
      if (!node) return this.s.words.keys;
      const said = this.shown.filter((a) => a.source === node.id || a.target === node.id).map((a) => this.sentence(a));
      return [node.label, node.note, ...said.slice(0, 6)].filter(Boolean).join(" · ");
    },
  },
  watch: {
    "s.nodes"() {
      this.at = -1;
      this.off = {};
      this.draw();
    },
    "s.arrows"() {
      this.draw();
    },
  },
  mounted() {
    this.chart = echarts.init(this.$refs.plot, null, { renderer: "canvas" });
    this.chart.on("click", (hit) => hit.dataType === "node" && hit.data.href && go(hit.data.href));
    this.sizer = new ResizeObserver(() => (this.chart.resize(), this.draw()));
    this.sizer.observe(this.$refs.plot);
    this.redraw = () => this.draw();
    addEventListener("lineshaft-theme", this.redraw);
  },
  beforeUnmount() {
    removeEventListener("lineshaft-theme", this.redraw);
    this.sizer.disconnect();
    this.chart.dispose();
  },
  methods: {
    colour(i, live) {
      const name = `--ls-line-${(i % 8) + 1}`;
      return live ? `var(${name})` : css(name);
    },
    label(id) {
      return this.s.nodes.find((node) => node.id === id)?.label ?? id;
    },
    sentence(arrow) {
      return `${this.label(arrow.source)} ${arrow.kind} ${this.label(arrow.target)}`;
    },
    draw() {
      if (!this.chart || this.chart.isDisposed() || !this.$refs.plot?.offsetWidth) return;
      const box = this.$refs.plot;
      const phone = box.offsetWidth < 520;
      this.zoom = 1;
      this.chart.setOption({
        animation: false,
        backgroundColor: "transparent",
        textStyle: { fontFamily: css("--ls-font"), color: css("--ls-ink") },
        tooltip: { confine: true, transitionDuration: 0, className: "ls-chart-tip", formatter: (hit) => this.tip(hit) },
        series: [{
          type: "graph", layout: "force", roam: !phone, zoom: 1, cursor: "pointer", autoCurveness: true,
          top: 24, bottom: 24, left: phone ? 32 : 64, right: phone ? 32 : 64,
          force: { initLayout: "circular", layoutAnimation: false, gravity: 0.08, ...this.spread(phone) },
          edgeSymbol: ["none", "arrow"], edgeSymbolSize: 7,
          label: { show: true, position: "bottom", distance: 4, color: css("--ls-ink"), fontSize: 12, backgroundColor: css("--ls-surface"), padding: [1, 2], borderRadius: 2, width: phone ? 84 : 132, overflow: "truncate" },
          labelLayout: { hideOverlap: true },
          emphasis: { focus: "adjacency", label: { show: true, fontWeight: 600 }, lineStyle: { width: 3 } },
          blur: { itemStyle: { opacity: 0.25 }, lineStyle: { opacity: 0.15 }, label: { opacity: 0.3 } },
          data: this.s.nodes.map((node) => this.node(node)),
          links: this.shown.map((arrow) => ({
            source: arrow.source, target: arrow.target, said: this.sentence(arrow),
            lineStyle: { color: this.colour(this.s.kinds.indexOf(arrow.kind)), width: 1.75, opacity: 0.9 },
          })),
        }],
      }, { notMerge: true });
    },
    /** How far apart things stand: few have much room. */
    spread(phone) {
      const many = this.s.nodes.length;
      const room = phone ? 0.7 : 1;
      return { repulsion: (many > CROWD ? 90 : 420) * room, edgeLength: many > CROWD ? [24, 60] : [90 * room, 150 * room] };
    },
    node(node) {
      const middle = node.id === this.s.centre;
      const size = middle ? 26 : this.s.nodes.length > CROWD ? 11 : 16;
      const fill = middle ? css("--ls-accent") : node.href ? css("--ls-muted") : css("--ls-surface");
      const border = { borderColor: middle ? css("--ls-accent") : css("--ls-muted"), borderWidth: 1.5, borderType: node.href || middle ? "solid" : "dashed" };
      return {
        id: node.id, name: node.id, href: node.href, symbolSize: size, itemStyle: { color: fill, ...border },
        label: { formatter: node.label, ...(middle ? { fontWeight: 600, fontSize: 13 } : {}) },
      };
    },
    tip(hit) {
      if (hit.dataType === "edge") return safe(hit.data.said);
      const node = this.s.nodes[hit.dataIndex];
      return node ? `<b>${safe(node.label)}</b>${node.note ? `<br><small>${safe(node.note)}</small>` : ""}` : "";
    },
    scale(by) {
      this.zoom = Math.min(Math.max(this.zoom * by, 0.4), 6);
      this.chart.setOption({ series: [{ zoom: this.zoom }] });
    },
    toggle(kind) {
      this.off = { ...this.off, [kind]: !this.off[kind] };
      this.draw();
    },
    key(event) {
      const many = this.s.nodes.length;
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Enter" && this.s.nodes[this.at]?.href) return go(this.s.nodes[this.at].href);
      if (!step || !many) return;
      event.preventDefault();
      this.chart.dispatchAction({ type: "downplay", seriesIndex: 0 });
      this.at = (this.at + step + many) % many;
      if (this.at < 0) this.at = 0;
      this.chart.dispatchAction({ type: "highlight", seriesIndex: 0, dataIndex: this.at });
    },
    leave() {
      this.chart.dispatchAction({ type: "downplay", seriesIndex: 0 });
      this.at = -1;
    },
    picture() {
      const url = this.chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: css("--ls-surface") });
      Object.assign(document.createElement("a"), { href: url, download: "graph.png" }).click();
    },
  },
};
