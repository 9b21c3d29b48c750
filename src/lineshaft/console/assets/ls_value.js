// One live value in a line of text.
const { part, ageing } = window.lineshaft;
export default {
  mixins: [part, ageing],
  template: `
    <span class="ls-value" :class="'ls-look-' + s.look">
      <i v-if="s.look !== 'good'" class="ls-shape" :title="s.label" role="img" :aria-label="s.label"></i>
      <b>{{ s.value }}</b><span v-if="s.unit" class="ls-unit">{{ s.unit }}</span>
      <span v-if="age" class="ls-age">{{ age }}</span>
    </span>`,
};
