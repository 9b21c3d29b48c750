// A small line without axes.
const { part, course } = window.lineshaft;
export default {
  mixins: [part],
  computed: {
    drawn() {
      return course(this.s.points, 160, 36, this.s.low, this.s.high);
    },
  },
  template: `
    <svg class="ls-spark" viewBox="0 0 160 36" preserveAspectRatio="none" role="img" :aria-label="s.label || undefined">
      <rect v-if="drawn.band" class="ls-spark-band" x="0" width="160" :y="drawn.band.top" :height="drawn.band.height" />
      <path :d="drawn.line" vector-effect="non-scaling-stroke" />
    </svg>`,
};
