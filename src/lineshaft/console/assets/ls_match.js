// Two lists side by side: drag from the left onto the right, or press one, then the other.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  emits: ["match", "free"],
  data: () => ({ filter: "", held: "", over: "" }),
  computed: {
    shown() {
      const words = this.filter.toLowerCase().trim();
      return this.s.sources.filter((one) => !words || one.label.toLowerCase().includes(words)).slice(0, 300);
    },
  },
  template: `
    <div class="ls-match">
      <div class="ls-match-side" role="group" :aria-label="s.words.sources">
        <div class="ls-filter"><i class="ls-icon" aria-hidden="true">filter_list</i>
          <input v-model="filter" type="search" :placeholder="s.words.filter" :aria-label="s.words.filter" /></div>
        <button v-for="one in shown" :key="one.id" type="button" class="ls-match-source" draggable="true" :data-id="one.id"
                :aria-pressed="held === one.id" @click="held = held === one.id ? '' : one.id"
                @dragstart="lift($event, one)" @dragend="over = ''">
          <span>{{ one.label }}</span><b>{{ one.note }}</b></button>
        <p v-if="!shown.length" class="ls-muted">{{ s.words.none }}</p>
      </div>
      <div class="ls-match-side" role="group" :aria-label="s.words.targets">
        <p class="ls-muted" role="status">{{ held ? s.words.drop : s.words.hint }}</p>
        <div v-for="one in s.targets" :key="one.id" class="ls-match-target" :data-id="one.id"
             :class="{ 'ls-match-over': over === one.id, 'ls-match-new': one.changed }"
             @dragover.prevent="over = one.id" @dragleave="over = over === one.id ? '' : over" @drop.prevent="drop($event, one)">
          <button type="button" class="ls-match-name" :disabled="!held" :title="one.label" @click="put(held, one)">
            <span>{{ one.label }}</span><span class="ls-muted">{{ one.bound || s.words.free }}</span></button>
          <b>{{ one.note }}</b>
          <button v-if="one.bound" type="button" class="ls-icon-button" :title="s.words.take" :aria-label="s.words.take + ': ' + one.label"
                  @click="$emit('free', one.id)"><i class="ls-icon" aria-hidden="true">link_off</i></button>
        </div>
        <p v-if="!s.targets.length" class="ls-muted">{{ s.words.empty }}</p>
      </div>
    </div>`,
  methods: {
    lift(event, one) {
      this.held = one.id;
      event.dataTransfer.setData("text/plain", one.id);
      event.dataTransfer.effectAllowed = "link";
    },
    drop(event, one) {
      this.over = "";
      this.put(event.dataTransfer.getData("text/plain"), one);
    },
    put(source, target) {
      if (!source) return;
      this.held = "";
      this.$emit("match", { source, target: target.id });
    },
  },
};
