// The search box: asks while typing, moves with arrow keys, opens with Enter.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  emits: ["ask"],
  data: () => ({ text: "", open: false, at: 0, turn: 0, busy: false, narrow: matchMedia("(max-width: 767px)").matches }),
  template: `
    <div class="ls-search" role="search" @focusout="leave">
      <i class="ls-icon" aria-hidden="true">search</i>
      <input v-model="text" type="search" role="combobox" aria-autocomplete="list" aria-controls="ls-hits" :aria-expanded="open"
             :aria-label="s.words.label" :placeholder="narrow ? s.words.label : s.words.placeholder" autocomplete="off" spellcheck="false"
             :aria-activedescendant="open && s.hits.length ? 'ls-hit-' + at : undefined"
             @focus="open = text.trim() !== ''" @keydown="key" />
      <kbd aria-hidden="true">Ctrl K</kbd>
      <div v-if="open" id="ls-hits" class="ls-hits" role="listbox" :aria-label="s.words.label">
        <a v-for="(hit, i) in s.hits" :id="'ls-hit-' + i" :key="hit.address" role="option" :aria-selected="i === at" tabindex="-1"
           :href="hit.address" :class="{ 'ls-hit-now': i === at }" @pointermove="at = i" @click="close">
          <i class="ls-icon" aria-hidden="true">{{ hit.symbol }}</i>
          <span class="ls-hit-title">{{ hit.title }}</span><span class="ls-hit-sub">{{ hit.subtitle }}</span></a>
        <p v-if="!s.hits.length" class="ls-muted">{{ busy ? s.words.searching : s.words.none }}</p>
      </div>
    </div>`,
  watch: {
    text(now) {
      clearTimeout(this.timer);
      this.open = now.trim() !== "";
      if (!this.open) return (this.s.hits = []);
      this.busy = true;
      this.timer = setTimeout(() => this.$emit("ask", { text: now, turn: ++this.turn }), 120);
    },
  },
  methods: {
    show(turn, hits) {
      if (turn !== this.turn) return;
      this.busy = false;
      this.s.hits = hits;
      this.at = 0;
    },
    key(event) {
      const count = this.s.hits.length;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (count) this.at = (this.at + (event.key === "ArrowDown" ? 1 : count - 1)) % count;
        this.$nextTick(() => document.getElementById("ls-hit-" + this.at)?.scrollIntoView({ block: "nearest" }));
      } else if (event.key === "Enter" && this.open && count) {
        event.preventDefault();
        window.lineshaft.go(this.s.hits[this.at].address);
        this.close();
      } else if (event.key === "Escape") {
        this.close();
      }
    },
    close() {
      this.open = false;
      this.text = "";
      document.activeElement?.blur();
    },
    leave(event) {
      if (!event.currentTarget.contains(event.relatedTarget)) this.open = false;
    },
  },
};
