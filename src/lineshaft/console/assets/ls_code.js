// Text to copy exactly.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  data: () => ({ done: false }),
  template: `
    <div class="ls-code">
      <div class="ls-code-head"><span>{{ s.title }}</span>
        <button type="button" class="ls-button ls-quiet ls-small" @click="take">{{ done ? s.copied : s.copy }}</button></div>
      <pre tabindex="0"><code ref="text">{{ s.content }}</code></pre>
    </div>`,
  methods: {
    async take() {
      try {
        await navigator.clipboard.writeText(this.s.content);
      } catch {
        // Plain HTTP has no clipboard: select the text and use the old command.
        getSelection().selectAllChildren(this.$refs.text);
        document.execCommand("copy");
      }
      this.done = true;
      setTimeout(() => (this.done = false), 1500);
    },
  },
};
