// One or several of a few options, all visible.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  emits: ["choose"],
  template: `
    <div :class="'ls-' + s.look" :role="s.multiple ? 'group' : 'radiogroup'" :aria-label="s.label || undefined">
      <button v-for="o in s.options" :key="o.value" type="button" :role="s.multiple ? 'checkbox' : 'radio'"
              :aria-checked="on(o)" @click="pick(o)">{{ o.label }}</button>
    </div>`,
  methods: {
    on(option) {
      return this.s.chosen.includes(option.value);
    },
    pick(option) {
      const chosen = this.s.chosen;
      if (!this.s.multiple && this.on(option)) return;
      if (this.s.multiple) this.s.chosen = this.on(option) ? chosen.filter((v) => v !== option.value) : [...chosen, option.value];
      else this.s.chosen = [option.value];
      this.$emit("choose", this.s.chosen);
    },
  },
};
