// A state by shape, colour and word. The shape alone tells the state to who cannot see the colour.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  template: `<span class="ls-badge" :class="'ls-look-' + s.look"><i class="ls-shape" aria-hidden="true"></i>{{ s.label }}</span>`,
};
