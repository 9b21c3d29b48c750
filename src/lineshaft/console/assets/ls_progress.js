// How far long work has come.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  template: `
    <div class="ls-progress">
      <div class="ls-progress-track" role="progressbar" aria-valuemin="0" aria-valuemax="100" :aria-label="s.label || undefined"
           :aria-valuenow="s.fraction === null ? undefined : Math.round(s.fraction * 100)">
        <div :class="{ 'ls-endless': s.fraction === null }" :style="s.fraction === null ? {} : { width: s.fraction * 100 + '%' }"></div>
      </div>
      <div class="ls-progress-line"><span>{{ s.label }}</span><span v-if="s.fraction !== null">{{ Math.floor(s.fraction * 100) }} %</span></div>
    </div>`,
};
