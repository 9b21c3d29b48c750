// Lines over time: asks for what is looked at, marks quality, compares two moments.
import { echarts } from "nicegui-echart";
const { part, number, moment } = window.lineshaft;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const safe = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const last = (list) => list[list.length - 1];

/** Diagonal stripes for stretches nobody should believe. */
function hatch(colour) {
  const tile = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.5;
  pen.lineWidth = 1.2;
  for (const x of [-8, 0, 8]) {
    pen.beginPath();
    pen.moveTo(x, 8);
    pen.lineTo(x + 8, 0);
    pen.stroke();
  }
  return { image: tile, repeat: "repeat" };
}

/** Index of the point nearest to a time in ascending times. */
function nearest(times, t) {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < t) low = middle + 1;
    else high = middle;
  }
  return low > 0 && t - times[low - 1] < times[low] - t ? low - 1 : low;
}

export default {
  mixins: [part],
  emits: ["zoom", "live"],
  data: () => ({ off: {}, comparing: false, pins: [], readout: {}, hover: null, none: false, height: 0 }),
  template: `
    <div class="ls-trend" :class="'ls-trend-' + s.height">
      <div class="ls-trend-bar">
        <div class="ls-legend" role="group" :aria-label="s.words.legend">
          <button v-for="(line, i) in s.lines" :key="line.id" type="button" role="switch" :aria-checked="!off[line.id]"
                  :title="line.id" @click="toggle(line)">
            <i :style="{ background: 'var(--ls-line-' + ((i % 8) + 1) + ')' }"></i><span>{{ line.name }}</span>
            <b v-if="readout[line.id]">{{ readout[line.id] }}</b></button>
        </div>
        <div class="ls-trend-tools">
          <span class="ls-trend-loading" :class="{ 'ls-on': s.loading }">{{ s.words.loading }}</span>
          <button v-if="s.follow" type="button" class="ls-button ls-quiet ls-small ls-live" :aria-pressed="s.live" @click="follow(!s.live)">
            <i class="ls-shape" aria-hidden="true"></i>{{ s.live ? s.words.live : s.words.paused }}</button>
          <button v-for="tool in tools" :key="tool.name" type="button" class="ls-icon-button ls-small" :class="{ 'ls-wide-only': tool.wide }" :title="tool.name"
                  :aria-label="tool.name" :aria-pressed="tool.on" @click="tool.do"><i class="ls-icon" aria-hidden="true">{{ tool.symbol }}</i></button>
        </div>
      </div>
      <div class="ls-trend-plot"><div ref="plot" class="ls-trend-canvas" tabindex="0" role="img" :aria-label="label" @keydown="key"></div>
        <p v-if="none && !s.loading" class="ls-trend-none">{{ s.words.empty }}</p></div>
      <div v-if="comparing" class="ls-compare">
        <p v-if="pins.length < 2" class="ls-muted">{{ s.words.hint }}</p>
        <table v-if="pins.length" class="ls-table ls-table-plain"><thead><tr><th></th><th v-for="(p, i) in pins" :key="i" class="ls-right">
          {{ 'AB'[i] }} · <span class="ls-wide-only">{{ stamp(p).slice(0, 11) }}</span>{{ stamp(p).slice(11) }}</th><th v-if="pins.length > 1" class="ls-right">Δ {{ span(pins[1] - pins[0]) }}</th></tr></thead>
          <tbody><tr v-for="row in compared" :key="row.name"><td class="ls-compared">{{ row.name }}</td><td v-for="(v, i) in row.values" :key="i" class="ls-right">
            {{ v }}</td><td v-if="pins.length > 1" class="ls-right"><b>{{ row.delta }}</b></td></tr></tbody></table>
      </div>
    </div>`,
  computed: {
    range() {
      return [this.s.start, this.s.end];
    },
    label() {
      return this.s.lines.map((l) => l.name).join(", ") || this.s.words.empty;
    },
    tools() {
      const w = this.s.words;
      return [
        { symbol: "chevron_left", name: w.earlier, wide: true, do: () => this.move(-0.5) },
        { symbol: "chevron_right", name: w.later, wide: true, do: () => this.move(0.5) },
        { symbol: "zoom_in", name: w.in, do: () => this.scale(0.5) },
        { symbol: "zoom_out", name: w.out, do: () => this.scale(2) },
        { symbol: "straighten", name: w.cursors, on: this.comparing, do: this.compare },
        { symbol: "image", name: w.png, do: this.picture },
        { symbol: "download", name: w.csv, do: this.csv },
      ].filter((tool) => tool.do !== this.csv || this.s.csv);
    },
    compared() {
      return this.s.lines.filter((l) => !this.off[l.id]).map((line) => {
        const values = this.pins.map((p) => this.valueAt(line.id, p));
        const both = values.length > 1 && values.every((v) => v !== null);
        const show = (v) => (v === null ? "–" : `${number(v, line.digits)} ${line.unit}`);
        return { name: line.name, values: values.map(show), delta: both ? show(values[1] - values[0]) : "–" };
      });
    },
  },
  watch: {
    "s.lines"() {
      this.points = {};
      this.draw();
    },
    range([start, end]) {
      if (start === this.window[0] && end === this.window[1]) return;
      this.window = [start, end];
      this.draw();
    },
  },
  created() {
    this.points = {};
    this.window = [this.s.start, this.s.end];
  },
  mounted() {
    this.chart = echarts.init(this.$refs.plot, null, { renderer: "canvas" });
    this.sizer = new ResizeObserver(() => (this.chart.resize(), this.draw()));
    this.sizer.observe(this.$refs.plot);
    this.redraw = () => this.draw();
    addEventListener("lineshaft-theme", this.redraw);
    this.listen();
    this.draw();
  },
  beforeUnmount() {
    removeEventListener("lineshaft-theme", this.redraw);
    this.sizer.disconnect();
    clearTimeout(this.asking);
    this.chart.dispose();
  },
  methods: {
    // -- data ---------------------------------------------------------------------------------
    put(curves, range) {
      if (range) {
        if (this.dragging || !this.s.live) return;
        this.window = [range.start, range.end];
        Object.assign(this.s, range);
      }
      this.points = curves;
      this.draw();
    },
    append(curves) {
      if (!this.s.live) return;
      const width = this.window[1] - this.window[0];
      for (const [id, fresh] of Object.entries(curves)) {
        const have = (this.points[id] ??= { t: [], v: [] });
        const from = have.t.length ? fresh.t.findIndex((t) => t > last(have.t)) : 0;
        if (from < 0) continue;
        for (const column of ["t", "v", "lo", "hi", "q"])
          if (fresh[column] || have[column]) {
            const blank = column === "q" ? 0 : null;
            have[column] = [...(have[column] ?? have.t.map(() => blank)), ...(fresh[column] ?? fresh.t.map(() => blank)).slice(from)];
          }
        if (have.t.length) this.window = [Math.max(last(have.t), this.window[1]) - width, Math.max(last(have.t), this.window[1])];
      }
      for (const have of Object.values(this.points)) {
        const gone = have.t.findIndex((t) => t >= this.window[0] - width * 0.02);
        if (gone > 0) for (const column of Object.keys(have)) have[column] = have[column].slice(gone);
      }
      [this.s.start, this.s.end] = this.window;
      this.draw();
    },
    valueAt(id, t) {
      const have = this.points[id];
      if (!have?.t.length) return null;
      const i = nearest(have.t, t);
      if (Math.abs(have.t[i] - t) <= Math.max((this.window[1] - this.window[0]) / 50, 1000)) return have.v[i];
      // Far from any sample the one before still stands, as long as another one follows.
      const before = have.t[i] <= t ? i : i - 1;
      return before < 0 || before + 1 >= have.t.length || have.v[before + 1] === null ? null : have.v[before];
    },
    // -- drawing -------------------------------------------------------------------------------
    draw() {
      if (!this.chart || this.chart.isDisposed() || !this.$refs.plot) return;
      const shown = this.s.lines.map((line, i) => ({ line, i })).filter(({ line }) => !this.off[line.id]);
      const units = [...new Set(shown.map(({ line }) => line.unit))];
      this.none = !shown.some(({ line }) => this.points[line.id]?.v.some((v) => v !== null));
      // Ticks fall on round wall-clock times of the plant when times are shifted by its offset.
      this.shift = Date.parse(moment(this.window[1], this.s.zone).replace(" ", "T") + "Z") - Math.floor(this.window[1] / 1000) * 1000;
      const phone = this.$refs.plot.offsetWidth < 520;
      const series = shown.flatMap(({ line, i }) => this.series(line, i, units.indexOf(line.unit)));
      if (series.length) series[0].markLine = this.marks();
      this.chart.setOption({
        animation: false,
        useUTC: true,
        backgroundColor: "transparent",
        textStyle: { fontFamily: css("--ls-font"), color: css("--ls-muted") },
        grid: { left: units.length ? 8 : 24, right: 12 + (phone ? 0 : Math.max(units.length - 2, 0) * 56), top: units.some(Boolean) ? 28 : 12, bottom: 4, containLabel: true },
        tooltip: {
          trigger: "axis", confine: true, transitionDuration: 0, appendTo: "body", className: "ls-chart-tip",
          axisPointer: { type: "line", lineStyle: { color: css("--ls-muted"), type: "solid" }, label: { show: false } },
          formatter: (hits) => this.tip(hits),
        },
        xAxis: {
          type: "time", min: this.window[0] + this.shift, max: this.window[1] + this.shift, splitNumber: phone ? 3 : 8,
          axisLine: { lineStyle: { color: css("--ls-line") } }, axisTick: { show: false },
          axisLabel: { color: css("--ls-muted"), hideOverlap: true, formatter: (t) => this.tick(t - this.shift) },
          splitLine: { show: true, lineStyle: { color: css("--ls-grid") } },
        },
        yAxis: units.length ? units.map((unit, i) => this.axis(unit, i, units.length, phone)) : [this.axis("", 0, 1, phone)],
        series,
      }, { notMerge: true });
      this.latest();
    },
    axis(unit, i, many, phone) {
      return {
        type: "value", scale: true, name: phone && i > 1 ? "" : unit, position: i === 0 ? "left" : "right", offset: i > 1 ? (i - 1) * 56 : 0,
        nameTextStyle: { color: css("--ls-muted"), align: i === 0 ? "left" : "right", padding: [0, 0, 0, 0] }, nameGap: 12,
        axisLine: { show: many > 1 && !(phone && i > 1), lineStyle: { color: css("--ls-line") } }, axisTick: { show: false },
        axisLabel: { show: !(phone && i > 1), color: css("--ls-muted"), formatter: (v) => this.short(v) }, splitNumber: 4,
        splitLine: { show: i === 0, lineStyle: { color: css("--ls-grid") } },
      };
    },
    series(line, i, axis) {
      const have = this.points[line.id] ?? { t: [], v: [] };
      const colour = css(`--ls-line-${(i % 8) + 1}`);
      const x = have.t.map((t) => t + this.shift);
      const plain = { type: "line", yAxisIndex: axis, symbol: "none", silent: true, step: line.steps ? "end" : false };
      const q = have.q;
      const lone = (k, v) => v[k] !== null && (v[k - 1] ?? null) === null && (v[k + 1] ?? null) === null;
      const sure = q ? have.v.map((v, k) => (q[k] && !(q[k + 1] === 0 && k === 0) ? null : v)) : have.v;
      const out = [{
        ...plain, name: line.id, lineStyle: { width: 1.75, color: colour }, itemStyle: { color: colour },
        data: sure.map((v, k) => (lone(k, sure) ? { value: [x[k], v], symbol: "circle", symbolSize: 4 } : [x[k], v])),
        markArea: this.areas(line, have),
      }];
      if (q?.includes(1)) {
        const near = (k) => q[k] === 1 || q[k - 1] === 1 || q[k + 1] === 1;
        out.push({ ...plain, name: line.id + "#q", lineStyle: { width: 1.75, color: colour, type: [4, 4] },
          data: have.v.map((v, k) => [x[k], near(k) && q[k] !== 2 ? v : null]) });
      }
      if (have.lo) {
        const band = { ...plain, stack: line.id, stackStrategy: "all", lineStyle: { opacity: 0 } };
        out.push({ ...band, name: line.id + "#lo", data: have.lo.map((v, k) => [x[k], v]) });
        out.push({ ...band, name: line.id + "#hi", areaStyle: { color: colour, opacity: 0.18 },
          data: have.hi.map((v, k) => [x[k], v === null || have.lo[k] === null ? null : v - have.lo[k]]) });
      }
      return out;
    },
    /** Hatched stretches of bad quality, and the normal band of a single line. */
    areas(line, have) {
      const areas = [];
      let from = -1;
      const t = have.t;
      (have.q ?? []).forEach((grade, k) => {
        if (grade === 2 && from < 0) from = k;
        if (from >= 0 && (grade !== 2 || k === t.length - 1)) {
          const style = { itemStyle: { color: hatch(css("--ls-alarm")) } };
          areas.push([{ xAxis: t[from] + this.shift, ...style }, { xAxis: t[k] + this.shift }]);
          from = -1;
        }
      });
      if (this.s.lines.length === 1 && (line.low !== null || line.high !== null)) {
        const style = { itemStyle: { color: css("--ls-band") } };
        areas.push([{ yAxis: line.low ?? "min", ...style }, { yAxis: line.high ?? "max" }]);
      }
      return { silent: true, data: areas };
    },
    marks() {
      const label = { show: true, formatter: (p) => p.name, color: css("--ls-on-accent"), backgroundColor: css("--ls-accent"), padding: [2, 5], borderRadius: 3 };
      return {
        silent: true, symbol: "none", animation: false, lineStyle: { color: css("--ls-accent"), type: "solid", width: 1.5 }, label,
        data: this.pins.map((t, i) => ({ name: "AB"[i], xAxis: t + this.shift })),
      };
    },
    // -- words ---------------------------------------------------------------------------------
    tick(t) {
      const width = this.window[1] - this.window[0];
      const clock = moment(t, this.s.zone, "second");
      if (clock === "00:00:00" || width > 3 * 86400e3) return width > 3 * 86400e3 && clock !== "00:00:00" ? clock.slice(0, 5) : moment(t, this.s.zone).slice(5, 10);
      return width < 600e3 ? clock : clock.slice(0, 5);
    },
    short(v) {
      const size = Math.abs(v);
      if (size >= 1e6) return `${+(v / 1e6).toPrecision(4)} M`;
      if (size >= 1e5) return `${+(v / 1e3).toPrecision(4)} k`;
      return String(+v.toPrecision(6)).replace("-", "−");
    },
    stamp(t) {
      return moment(t, this.s.zone);
    },
    span(millis) {
      const s = Math.abs(millis) / 1000;
      const words = window.lineshaft.words;
      const pad = (n) => String(Math.floor(n)).padStart(2, "0");
      return s < 60 ? `${s.toFixed(1)} ${words.s}` : s < 86400 ? `${pad(s / 3600)}:${pad((s / 60) % 60)}:${pad(s % 60)}` : `${(s / 86400).toFixed(2)} ${words.d}`;
    },
    tip(hits) {
      const t = hits[0].axisValue - this.shift;
      const rows = this.s.lines.map((line, i) => ({ line, i })).filter(({ line }) => !this.off[line.id]).map(({ line, i }) => {
        const have = this.points[line.id];
        const k = have?.t.length ? nearest(have.t, t) : -1;
        const v = k >= 0 ? this.valueAt(line.id, t) : null;
        const band = v !== null && have.lo && have.hi[k] !== have.lo[k] ? ` <small>${number(have.lo[k], line.digits)} … ${number(have.hi[k], line.digits)}</small>` : "";
        const grade = have?.q?.[k] ? ` <em>${safe([0, this.s.words.uncertain, this.s.words.bad][have.q[k]])}</em>` : "";
        return `<tr><td><i style="background:var(--ls-line-${(i % 8) + 1})"></i>${safe(line.name)}</td><td>${number(v, line.digits)} ${safe(line.unit)}${band}${grade}</td></tr>`;
      });
      return `<b>${moment(t, this.s.zone)}</b><table>${rows.join("")}</table>`;
    },
    latest() {
      const fresh = {};
      for (const line of this.s.lines) {
        const v = this.points[line.id]?.v.findLast((x) => x !== null);
        if (v !== undefined) fresh[line.id] = `${number(v, line.digits)} ${line.unit}`.trim();
      }
      this.readout = fresh;
    },
    // -- acting --------------------------------------------------------------------------------
    listen() {
      const zr = this.chart.getZr();
      const time = (x) => this.chart.convertFromPixel({ xAxisIndex: 0 }, x) - this.shift;
      let from = null;
      let box = null;
      zr.on("mousedown", (e) => {
        if (!this.chart.containPixel("grid", [e.offsetX, e.offsetY])) return;
        from = { x: e.offsetX, window: [...this.window], pan: e.event.shiftKey || e.event.zrByTouch };
        this.dragging = true;
      });
      zr.on("mousemove", (e) => {
        if (!from) return;
        const moved = e.offsetX - from.x;
        if (from.pan) {
          const perPixel = (from.window[1] - from.window[0]) / this.plotWidth();
          return this.look(from.window[0] - moved * perPixel, from.window[1] - moved * perPixel);
        }
        if (Math.abs(moved) < 4) return;
        box ??= new echarts.graphic.Rect({ silent: true, z: 100, style: { fill: css("--ls-accent"), opacity: 0.16 } });
        const area = this.chart.getModel().getComponent("grid").coordinateSystem.getRect();
        const [left, right] = [Math.min(from.x, e.offsetX), Math.max(from.x, e.offsetX)];
        const edge = Math.max(left, area.x);
        box.setShape({ x: edge, y: area.y, width: Math.min(right, area.x + area.width) - edge, height: area.height });
        zr.add(box);
      });
      const release = (e) => {
        if (!from) return;
        const { x, pan } = from;
        from = null;
        this.dragging = false;
        if (box) zr.remove(box);
        box = null;
        const moved = e.offsetX - x;
        if (pan || Math.abs(moved) < 4) {
          if (!pan && this.comparing) this.pin(time(e.offsetX));
          return;
        }
        const [start, end] = [time(Math.min(x, e.offsetX)), time(Math.max(x, e.offsetX))];
        if (end - start > 50) this.look(Math.max(start, this.window[0]), Math.min(end, this.window[1]));
      };
      zr.on("mouseup", release);
      zr.on("globalout", () => from && !from.pan && box === null && (from = null, this.dragging = false));
      zr.on("dblclick", () => this.scale(2));
      zr.on("mousewheel", (e) => {
        const wheel = e.event;
        if (!wheel.ctrlKey && !wheel.metaKey && Math.abs(wheel.deltaX ?? 0) <= Math.abs(wheel.deltaY ?? 0)) return;
        wheel.preventDefault();
        if (wheel.ctrlKey || wheel.metaKey) this.scale(wheel.deltaY > 0 ? 1.25 : 0.8, time(e.offsetX));
        else this.move(wheel.deltaX / 600);
      });
    },
    plotWidth() {
      return this.chart.getModel().getComponent("grid").coordinateSystem.getRect().width;
    },
    look(start, end) {
      const now = Date.now();
      if (end > now && end - start < 366 * 86400e3) [start, end] = [start - Math.max(end - now - (end - start) * 0.05, 0), Math.min(end, now + (end - start) * 0.05)];
      this.window = [start, end];
      Object.assign(this.s, { start, end, live: false });
      this.draw();
      clearTimeout(this.asking);
      this.asking = setTimeout(() => this.$emit("zoom", { start, end, live: false }), 180);
    },
    move(share) {
      const width = this.window[1] - this.window[0];
      this.look(this.window[0] + width * share, this.window[1] + width * share);
    },
    scale(factor, around = (this.window[0] + this.window[1]) / 2) {
      this.look(around - (around - this.window[0]) * factor, around + (this.window[1] - around) * factor);
    },
    follow(yes) {
      this.s.live = yes;
      this.$emit("live", yes);
    },
    toggle(line) {
      this.off = { ...this.off, [line.id]: !this.off[line.id] };
      this.draw();
    },
    compare() {
      this.comparing = !this.comparing;
      this.pins = [];
      this.draw();
    },
    pin(t) {
      this.pins = this.pins.length > 1 ? [t] : [...this.pins, t].sort((a, b) => a - b);
      this.draw();
    },
    key(event) {
      const keys = { ArrowLeft: () => this.move(-0.2), ArrowRight: () => this.move(0.2), "+": () => this.scale(0.5), "-": () => this.scale(2), Home: () => this.s.follow && this.follow(true) };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    },
    picture() {
      const url = this.chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: css("--ls-surface") });
      this.save(url, "png");
    },
    csv() {
      const quote = (text) => `"${String(text).replace(/"/g, '""')}"`;
      const rows = [["time", "series", "unit", "mean", "min", "max", "quality"].join(",")];
      for (const line of this.s.lines) {
        const have = this.points[line.id] ?? { t: [] };
        have.t.forEach((t, k) => rows.push([new Date(t).toISOString(), quote(line.id), quote(line.unit), have.v[k] ?? "", have.lo?.[k] ?? "",
          have.hi?.[k] ?? "", ["good", "uncertain", "bad"][have.q?.[k] ?? 0]].join(",")));
      }
      this.save(URL.createObjectURL(new Blob(["\ufeff" + rows.join("\r\n")], { type: "text/csv" })), "csv");
    },
    save(url, ending) {
      const name = `${this.s.lines.map((l) => l.name).join("-").replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 60) || "trend"}.${ending}`;
      Object.assign(document.createElement("a"), { href: url, download: name }).click();
    },
  },
};
