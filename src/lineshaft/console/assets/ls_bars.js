// Amounts compared by length.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  computed: {
    most() {
      return Math.max(...this.s.rows.map((r) => Math.abs(r.raw)), 1e-12);
    },
  },
  template: `
    <div class="ls-bars" role="list">
      <div v-for="r in s.rows" :key="r.name" class="ls-bars-row" role="listitem">
        <span class="ls-bars-name">{{ r.name }}</span>
        <span class="ls-bars-track"><i :style="{ width: (Math.abs(r.raw) / most) * 100 + '%' }"></i></span>
        <span class="ls-bars-value">{{ r.value }}<span class="ls-unit">{{ s.unit }}</span></span>
      </div>
    </div>`,
};
