// What happened when: lanes with stretches and moments.
const { part } = window.lineshaft;
export default {
  mixins: [part],
  template: `
    <div class="ls-timeline" role="group" :aria-label="s.label">
      <div v-for="row in s.rows" :key="row.name" class="ls-timeline-row" role="list" :aria-label="row.name">
        <span class="ls-timeline-name">{{ row.name }}</span>
        <span class="ls-timeline-track">
          <i v-for="(one, n) in row.stretches" :key="'s' + n" role="listitem" :title="one.told" :aria-label="one.told"
             :class="'ls-timeline-stretch ls-look-' + one.look"
             :style="{ left: one.left + '%', width: 'max(2px, ' + one.width + '%)' }">{{ one.label }}</i>
          <b v-for="(one, n) in row.moments" :key="'m' + n" role="listitem" tabindex="0" :title="one.told"
             :aria-label="one.told" :class="'ls-timeline-moment ls-look-' + one.look"
             :style="{ left: one.left + '%' }"></b>
        </span>
      </div>
      <div class="ls-timeline-row" aria-hidden="true">
        <span></span>
        <span class="ls-timeline-axis">
          <u v-for="(one, n) in s.ticks" :key="n" :style="{ left: one.left + '%' }">{{ one.text }}</u>
        </span>
      </div>
    </div>`,
};
