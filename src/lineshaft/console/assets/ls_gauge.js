// A pointer beside a scale: normal band shaded, alarm limits marked.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  computed: {
    outside() {
      const { raw, alarmLow, alarmHigh, low, high } = this.s;
      if (raw === null) return "unknown";
      if ((alarmLow !== null && raw < alarmLow) || (alarmHigh !== null && raw > alarmHigh)) return "alarm";
      if ((low !== null && raw < low) || (high !== null && raw > high)) return "warn";
      return "good";
    },
  },
  methods: {
    at(v) {
      return Math.min(Math.max((v - this.s.least) / (this.s.most - this.s.least), 0), 1) * 100;
    },
  },
  template: `
    <div class="ls-gauge" :class="'ls-look-' + (s.look === 'good' ? outside : s.look)" role="meter" :aria-label="s.name"
         :aria-valuemin="s.least" :aria-valuemax="s.most" :aria-valuenow="s.raw">
      <div class="ls-gauge-head"><span>{{ s.name }}</span><span class="ls-value"><b>{{ s.value }}</b><span class="ls-unit">{{ s.unit }}</span></span></div>
      <div class="ls-gauge-scale">
        <i v-if="s.low !== null || s.high !== null" class="ls-gauge-band"
           :style="{ left: at(s.low ?? s.least) + '%', width: at(s.high ?? s.most) - at(s.low ?? s.least) + '%' }"></i>
        <i v-if="s.alarmLow !== null" class="ls-gauge-limit" :style="{ left: at(s.alarmLow) + '%' }"></i>
        <i v-if="s.alarmHigh !== null" class="ls-gauge-limit" :style="{ left: at(s.alarmHigh) + '%' }"></i>
        <i v-if="s.raw !== null" class="ls-gauge-pointer" :style="{ left: at(s.raw) + '%' }"></i>
      </div>
      <div class="ls-gauge-ends"><span>{{ s.least }}</span><span>{{ s.most }}</span></div>
    </div>`,
};
