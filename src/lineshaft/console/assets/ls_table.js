// A table that sorts and filters what it holds, or asks the server to, and patches single cells.
const { part, ticking, ago } = window.lineshaft;
export default {
  mixins: [part],
  emits: ["row", "act", "select", "want", "more"],
  data() {
    return { filter: "", by: this.state.sort, down: this.state.descending, now: Date.now() };
  },
  mounted() {
    this.tick = (now) => (this.now = now);
    if (this.s.columns.some((c) => c.kind === "ago")) ticking.add(this.tick);
  },
  unmounted() {
    ticking.delete(this.tick);
  },
  computed: {
    all() {
      return this.visible.length > 0 && this.visible.every((row) => this.s.selected.includes(row.key));
    },
    count() {
      const [shown, held] = [this.visible.length, this.s.rows.length];
      const words = this.s.words;
      return shown === held ? `${held}${this.s.more ? "+" : ""} ${words.rows}` : `${shown} ${words.of} ${held} ${words.rows}`;
    },
    visible() {
      if (this.s.remote) return this.s.rows;
      const words = this.filter.toLowerCase().split(/\s+/).filter(Boolean);
      const hits = words.length
        ? this.s.rows.filter((row) => {
            const all = Object.values(row.cells).map((c) => c.t).join(" ").toLowerCase();
            return words.every((w) => all.includes(w));
          })
        : this.s.rows;
      if (!this.by) return hits;
      const order = this.down ? -1 : 1;
      const value = (row) => row.cells[this.by]?.s ?? "";
      return [...hits].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (typeof x === "number" && typeof y === "number") return (x - y) * order;
        return String(x).localeCompare(String(y), undefined, { numeric: true }) * order;
      });
    },
  },
  template: `
    <div class="ls-table-box">
      <div v-if="s.filterable" class="ls-table-bar">
        <div class="ls-filter"><i class="ls-icon" aria-hidden="true">filter_list</i>
          <input v-model="filter" type="search" :placeholder="s.words.filter" :aria-label="s.words.filter" /></div>
        <span class="ls-muted ls-count">{{ count }}</span>
        <div v-if="$slots.default" class="ls-actions"><slot></slot></div>
      </div>
      <div class="ls-table-scroll">
      <table class="ls-table" :aria-label="s.label || undefined" :aria-busy="s.loading">
        <thead><tr>
          <th v-if="s.selectable" class="ls-tick"><input type="checkbox" :aria-label="s.words.select" :checked="all" @change="tickAll" /></th>
          <th v-for="c in s.columns" :key="c.name" :class="{ 'ls-right': c.right, 'ls-wide-only': !c.phone }"
              :aria-sort="by === c.name ? (down ? 'descending' : 'ascending') : undefined">
            <button v-if="c.sortable" type="button" @click="order(c.name)">{{ c.label }}<i class="ls-sort" aria-hidden="true"></i></button>
            <template v-else>{{ c.label }}</template></th>
          <th v-if="s.actions.length"></th>
        </tr></thead>
        <tbody>
          <tr v-for="row in visible" :key="row.key" :class="{ 'ls-clickable': s.clickable }" @click="clicked(row, $event)">
            <td v-if="s.selectable" class="ls-tick"><input type="checkbox" :aria-label="s.words.select"
                :checked="s.selected.includes(row.key)" @click.stop @change="tickOne(row.key)" /></td>
            <td v-for="(c, i) in s.columns" :key="c.name" :class="{ 'ls-right': c.right, 'ls-wide-only': !c.phone }">
              <component :is="i === 0 && s.clickable ? 'a' : 'span'" class="ls-cell" :href="i === 0 && s.clickable ? row.href || '#' : undefined"
                         @click="i === 0 && !row.href && $event.preventDefault()">
                <span v-if="row.cells[c.name]?.l" class="ls-badge" :class="'ls-look-' + row.cells[c.name].l">
                  <i class="ls-shape" aria-hidden="true"></i><span class="ls-badge-word">{{ row.cells[c.name].t }}</span></span>
                <code v-else-if="c.kind === 'code'">{{ row.cells[c.name]?.t }}</code>
                <span v-else-if="row.cells[c.name]?.a" class="ls-moment">{{ age(row.cells[c.name].a) }}</span>
                <template v-else-if="c.kind === 'time'"><template v-for="part in (row.cells[c.name]?.t ?? '').split(' ')" :key="part">
                  <span class="ls-moment">{{ part }}</span>{{ " " }}</template></template>
                <span v-else :class="{ 'ls-moment': row.cells[c.name]?.t?.length < 7 }">{{ row.cells[c.name]?.t }}</span>
              </component></td>
            <td v-if="s.actions.length" class="ls-row-actions">
              <button v-for="(a, i) in s.actions" :key="a.name" type="button" class="ls-icon-button" :title="a.name" :aria-label="a.name"
                      @click.stop="$emit('act', { key: row.key, action: i })"><i class="ls-icon" aria-hidden="true">{{ a.symbol }}</i></button></td>
          </tr>
        </tbody>
      </table>
      </div>
      <div v-if="!visible.length && !s.loading" class="ls-empty">
        <template v-if="filter"><p class="ls-empty-title">{{ s.words.none }}</p>
          <button type="button" class="ls-button ls-quiet" @click="filter = ''">{{ s.words.clear }}</button></template>
        <template v-else><p class="ls-empty-title">{{ s.words.empty }}</p><p v-if="s.words.hint" class="ls-muted">{{ s.words.hint }}</p></template>
      </div>
      <div v-if="s.loading && !visible.length" class="ls-skeleton" aria-hidden="true"><i></i><i></i><i></i></div>
      <div v-if="s.more" class="ls-table-more">
        <button type="button" class="ls-button" :disabled="s.loading" @click="$emit('more')">{{ s.words.more }}</button></div>
    </div>`,
  watch: {
    filter() {
      if (!this.s.remote) return;
      clearTimeout(this.timer);
      this.timer = setTimeout(this.want, 250);
    },
  },
  methods: {
    patch(changes) {
      const { cells, ...rest } = changes;
      Object.assign(this.s, rest);
      if (!cells) return;
      const rows = new Map(this.s.rows.map((row) => [row.key, row]));
      for (const [key, fresh] of Object.entries(cells)) {
        const row = rows.get(key);
        if (row) Object.assign(row.cells, fresh);
      }
    },
    want() {
      this.$emit("want", { filter: this.filter, sort: this.by, descending: this.down });
    },
    order(name) {
      [this.by, this.down] = this.by !== name ? [name, false] : this.down ? ["", false] : [name, true];
      if (this.s.remote) this.want();
    },
    age(millis) {
      return ago(millis, this.now);
    },
    clicked(row, event) {
      if (!this.s.clickable || event.target.closest("button, input, a[href^='/']")) return;
      if (getSelection().toString()) return;
      if (row.href) window.lineshaft.go(row.href);
      else this.$emit("row", row.key);
    },
    tickOne(key) {
      const on = this.s.selected;
      this.s.selected = on.includes(key) ? on.filter((k) => k !== key) : [...on, key];
      this.$emit("select", this.s.selected);
    },
    tickAll() {
      this.s.selected = this.all ? [] : this.visible.map((row) => row.key);
      this.$emit("select", this.s.selected);
    },
  },
};
