// One quantity at a glance. Good is quiet; anything else shows by shape, word and colour.
const { part, ageing, course } = window.lineshaft;
export default {
  mixins: [part, ageing],
  computed: {
    drawn() {
      return this.s.spark ? course(this.s.spark, 160, 36, this.s.low, this.s.high) : null;
    },
    look() {
      return this.s.status ?? this.s.look;
    },
    word() {
      return this.s.status ? this.s.statusLabel : this.s.label;
    },
  },
  methods: {
    patch(changes) {
      const { points, ...rest } = changes;
      Object.assign(this.s, rest);
      const fresh = (points ?? []).filter(([turn]) => turn >= this.s.count);
      if (!fresh.length) return;
      this.s.spark = [...this.s.spark, ...fresh.map(([, value]) => value)].slice(-60);
      this.s.count = fresh[fresh.length - 1][0] + 1;
    },
  },
  template: `
    <component :is="s.href ? 'a' : 'div'" class="ls-tile" :class="'ls-look-' + look" :href="s.href || undefined">
      <span class="ls-tile-head"><span class="ls-tile-name" :title="s.name">{{ s.name }}</span>
        <span v-if="look !== 'good'" class="ls-tile-state"><i class="ls-shape" aria-hidden="true"></i><span class="ls-tile-word">{{ word }}</span></span></span>
      <span class="ls-tile-value"><b>{{ s.value }}</b><span class="ls-unit">{{ s.unit }}</span></span>
      <svg v-if="drawn" class="ls-spark" viewBox="0 0 160 36" preserveAspectRatio="none" aria-hidden="true">
        <rect v-if="drawn.band" class="ls-spark-band" x="0" width="160" :y="drawn.band.top" :height="drawn.band.height" />
        <path :d="drawn.line" vector-effect="non-scaling-stroke" /></svg>
      <span v-if="age || s.note" class="ls-tile-foot"><span>{{ s.note }}</span><span class="ls-age">{{ age }}</span></span>
    </component>`,
};
