// A lazy tree after the WAI-ARIA pattern: arrows move, right opens, left closes, Enter chooses, Space ticks.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  emits: ["open", "select", "tick"],
  data: () => ({ opened: {}, filter: "", focus: "" }),
  computed: {
    lines() {
      const lines = [];
      const words = this.filter.toLowerCase().trim();
      const { nodes, branches } = this.s;
      const hit = (id) => `${nodes[id]?.label} ${nodes[id]?.note}`.toLowerCase().includes(words);
      const below = (id) => (branches[id] || []).some((c) => hit(c) || below(c));
      const walk = (ids, level, inside) => {
        for (const id of ids) {
          const node = nodes[id];
          if (!node) continue;
          const mine = inside || !words || hit(id);
          if (words && !mine && !below(id)) continue;
          const open = this.isOpen(id) || (words !== "" && !inside && below(id));
          lines.push({ id, node, level, open, waiting: open && node.children && !branches[id] && !(id in this.s.failed) });
          if (open && branches[id]) walk(branches[id], level + 1, words !== "" && mine);
          else if (open && id in this.s.failed) lines.push({ id: id + "#failed", level: level + 1, failed: this.s.failed[id], parent: id });
        }
      };
      walk(this.s.roots || [], 1, false);
      return lines;
    },
    movable() {
      return this.lines.filter((l) => l.node);
    },
    current() {
      const ids = this.movable.map((l) => l.id);
      return ids.includes(this.focus) ? this.focus : ids.includes(this.s.selected) ? this.s.selected : ids[0];
    },
  },
  template: `
    <div class="ls-tree-box">
      <div v-if="s.filterable" class="ls-filter"><i class="ls-icon" aria-hidden="true">filter_list</i>
        <input v-model="filter" type="search" :placeholder="s.words.filter" :aria-label="s.words.filter" /></div>
      <div class="ls-tree" role="tree" :aria-label="s.label || undefined" :aria-multiselectable="s.ticks" @keydown="key">
        <template v-for="line in lines" :key="line.id">
          <p v-if="line.failed !== undefined" class="ls-tree-failed" :style="{ '--level': line.level }">{{ s.words.failed }}
            <button type="button" class="ls-button ls-quiet ls-small" @click="$emit('open', line.parent)">{{ s.words.retry }}</button></p>
          <div v-else class="ls-tree-line" role="treeitem" :data-id="line.id" :aria-level="line.level" :style="{ '--level': line.level }"
               :aria-expanded="line.node.children ? line.open : undefined" :aria-selected="line.id === s.selected"
               :aria-checked="s.ticks && line.node.tickable ? s.ticked.includes(line.id) : undefined"
               :tabindex="line.id === current ? 0 : -1" @click="choose(line)" @focus="focus = line.id">
            <button v-if="line.node.children" type="button" class="ls-twist" tabindex="-1" aria-hidden="true" @click.stop="toggle(line)"></button>
            <i v-else class="ls-twist-none"></i>
            <input v-if="s.ticks && line.node.tickable" type="checkbox" tabindex="-1" aria-hidden="true" :checked="s.ticked.includes(line.id)"
                   @click.stop @change="tick(line)" />
            <i v-if="line.node.symbol" class="ls-icon" aria-hidden="true">{{ line.node.symbol }}</i>
            <span class="ls-tree-label" :title="line.node.label">{{ line.node.label }}</span>
            <span v-if="line.node.look && line.node.look !== 'good'" class="ls-badge ls-badge-bare" :class="'ls-look-' + line.node.look" :title="line.node.statusLabel">
              <i class="ls-shape" role="img" :aria-label="line.node.statusLabel"></i></span>
            <span v-if="line.waiting" class="ls-tree-note">{{ s.words.loading }}</span>
            <span v-else-if="line.node.note" class="ls-tree-note">{{ line.node.note }}</span>
          </div>
        </template>
        <p v-if="s.roots === null" class="ls-muted ls-tree-empty">{{ s.words.loading }}</p>
        <p v-else-if="!lines.length" class="ls-muted ls-tree-empty">{{ filter ? s.words.none : s.words.empty }}</p>
      </div>
    </div>`,
  methods: {
    patch(changes) {
      const { put, ...rest } = changes;
      if (put) this.s.nodes = { ...this.s.nodes, ...put };
      Object.assign(this.s, rest);
    },
    isOpen(id) {
      return this.opened[id] ?? this.s.nodes[id]?.open ?? false;
    },
    toggle(line) {
      const open = !line.open;
      this.opened = { ...this.opened, [line.id]: open };
      if (open && !this.s.branches[line.id]) this.$emit("open", line.id);
    },
    choose(line) {
      this.focus = line.id;
      if (this.s.ticks && line.node.tickable) return this.tick(line);
      if (this.s.ticks) return line.node.children && this.toggle(line);
      this.s.selected = line.id;
      if (line.node.children && !line.open) this.toggle(line);
      if (line.node.href) window.lineshaft.go(line.node.href);
      this.$emit("select", line.id);
    },
    tick(line) {
      const on = this.s.ticked;
      this.s.ticked = on.includes(line.id) ? on.filter((i) => i !== line.id) : [...on, line.id];
      this.$emit("tick", this.s.ticked);
    },
    key(event) {
      if (event.target.closest("button")) return;
      const at = this.movable.findIndex((l) => l.id === this.current);
      const line = this.movable[at];
      if (!line) return;
      const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.movable.length - 1 };
      if (event.key in moves) this.move(moves[event.key]);
      else if (event.key === "ArrowRight" && line.node.children) line.open ? this.move(at + 1) : this.toggle(line);
      else if (event.key === "ArrowLeft" && line.open) this.toggle(line);
      else if (event.key === "ArrowLeft") this.move(this.movable.findLastIndex((l, i) => i < at && l.level < line.level));
      else if (event.key === "Enter" || event.key === " ") this.choose(line);
      else return;
      event.preventDefault();
    },
    move(to) {
      const line = this.movable[to];
      if (!line) return;
      this.focus = line.id;
      this.$nextTick(() => this.$el.querySelector(`[data-id="${CSS.escape(line.id)}"]`)?.focus());
    },
  },
};
