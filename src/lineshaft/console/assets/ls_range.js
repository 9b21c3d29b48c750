// Which span of time is looked at: the usual ones as buttons, any other with two fields in the plant's zone.
const { part, moment } = window.lineshaft;
/** Milliseconds of a wall-clock time in a zone: guess, look how far off the guess is, correct twice. */
function fromWall(text, zone) {
  const wanted = Date.parse(text + "Z");
  let guess = wanted;
  for (let i = 0; i < 2; i++) guess += wanted - Date.parse(moment(guess, zone).replace(" ", "T") + "Z");
  return guess;
}
export default {
  mixins: [part],
  emits: ["choose"],
  data: () => ({ open: false, from: "", to: "", problem: "" }),
  computed: {
    shown() {
      if (this.s.last !== null) return "";
      const short = (t) => moment(t, this.s.zone).slice(0, 16);
      return `${short(this.s.start)} – ${short(this.s.end)}`;
    },
  },
  template: `
    <div class="ls-range" role="group" :aria-label="s.words.label">
      <div class="ls-segments" role="radiogroup">
        <button v-for="span in s.spans" :key="span.seconds" type="button" role="radio" :aria-checked="s.last === span.seconds"
                @click="pick({ last: span.seconds, start: null, end: null })">{{ span.label }}</button>
        <button type="button" role="radio" :aria-checked="s.last === null" :aria-expanded="open" @click="toggle">
          {{ shown || s.words.custom }}</button>
      </div>
      <form v-if="open" class="ls-range-custom" @submit.prevent="apply" @keydown.esc="open = false">
        <label>{{ s.words.from }}<input ref="from" v-model="from" class="ls-native" type="datetime-local" step="1" required /></label>
        <label>{{ s.words.to }}<input v-model="to" class="ls-native" type="datetime-local" step="1" required /></label>
        <p class="ls-muted">{{ s.zone }}</p>
        <p v-if="problem" class="ls-problem" role="alert">{{ problem }}</p>
        <button class="ls-button ls-primary" type="submit">{{ s.words.apply }}</button>
      </form>
    </div>`,
  methods: {
    pick(span) {
      this.open = false;
      Object.assign(this.s, span);
      this.$emit("choose", span);
    },
    toggle() {
      this.open = !this.open;
      if (!this.open) return;
      const end = this.s.end ?? Date.now();
      const start = this.s.start ?? end - this.s.last * 1000;
      this.from = moment(start, this.s.zone).replace(" ", "T");
      this.to = moment(end, this.s.zone).replace(" ", "T");
      this.$nextTick(() => this.$refs.from.focus());
    },
    apply() {
      const [start, end] = [fromWall(this.from, this.s.zone), fromWall(this.to, this.s.zone)];
      this.problem = end > start ? "" : this.s.words.order;
      if (!this.problem) this.pick({ last: null, start, end });
    },
  },
};
