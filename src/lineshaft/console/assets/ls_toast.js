// A message that goes away by itself, not while somebody points at it.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  emits: ["gone", "act"],
  mounted() {
    this.start();
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
    start() {
      this.timer = setTimeout(() => this.$emit("gone"), this.s.seconds * 1000);
    },
    stop() {
      clearTimeout(this.timer);
    },
    act() {
      this.$emit("act");
      this.$emit("gone");
    },
  },
  template: `
    <div class="ls-toast" :class="'ls-notice-' + s.kind" @pointerenter="stop" @pointerleave="start" @focusin="stop" @focusout="start">
      <div><p class="ls-notice-message">{{ s.message }}</p><p v-if="s.hint">{{ s.hint }}</p></div>
      <button v-if="s.action" type="button" class="ls-button ls-quiet ls-small" @click="act">{{ s.action }}</button>
      <button type="button" class="ls-icon-button ls-small" :aria-label="s.close" @click="$emit('gone')">
        <i class="ls-icon" aria-hidden="true">close</i></button>
    </div>`,
};
