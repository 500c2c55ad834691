// The overview of a folder of runs: a sortable table, which is the legend of the curves as well.
const RUN_COLORS = 8;
const DASHES = [undefined, [8, 4], [2, 3], [10, 3, 2, 3]];
const MOST_IN_LEGEND = 8; // more are told apart by the table
const runColor = i => `--run-${i % RUN_COLORS}`;

const SWEEP_CURVES = [
  { key: 'eval_accuracy', title: 'Evaluation accuracy', unit: 'accuracy', format: percent, points: true },
  { key: 'eval_loss', title: 'Evaluation loss', unit: 'loss (nats)', points: true },
  { key: 'train_loss', title: 'Training loss, smoothed', unit: 'loss (nats)', smooth: 0.9 },
  { key: 'eval_margin', title: 'Evaluation margin', unit: 'mean reward gap', points: true },
  { key: 'eval_ece', title: 'Calibration error', unit: 'error', points: true },
  { key: 'train_grad_norm', title: 'Gradient norm, smoothed', unit: 'norm before clipping', smooth: 0.9 },
  { key: 'train_learning_rate', title: 'Learning rate', unit: 'learning rate' },
];

const interval = (run, which) => isNumber(run[`${which}_accuracy`])
  ? [percent(run[`${which}_accuracy`]), el('span', { class: 'interval' }, `${percent(run[`${which}_low`])} to ${percent(run[`${which}_high`])}`)]
  : MISSING;

const SWEEP_COLUMNS = [
  { name: 'Best accuracy', value: run => run.best_accuracy, cell: run => interval(run, 'best') },
  { name: 'at step', value: run => run.best_step, cell: run => count(run.best_step) },
  { name: 'Last accuracy', value: run => run.last_accuracy, cell: run => interval(run, 'last') },
  { name: 'Last loss', value: run => run.loss, cell: run => number(run.loss) },
  { name: 'Margin', value: run => run.margin, cell: run => number(run.margin) },
  { name: 'Calibration error', value: run => run.ece, cell: run => number(run.ece) },
  { name: 'Steps', value: run => run.step, cell: run => count(run.step) },
  { name: 'Tokens/s', value: run => run.tokens_per_second, cell: run => count(run.tokens_per_second) },
  { name: 'Time', value: run => run.seconds, cell: run => duration(run.seconds) },
  { name: 'Status', value: run => run.status, cell: run => run.status },
];

// Numbers before texts, nothing last.
function compare(a, b) {
  const missing = value => value === null || value === undefined;
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? String(a).localeCompare(String(b)) : x - y;
}

function runsTable(state, onShow) {
  const settings = Object.keys(state.sweep.different);
  const columns = [
    { name: 'Run', value: run => run.name, cell: (run, i) => el('span', { class: 'run' }, swatch(i, run), el('a', { href: run.link }, run.name)) },
    ...settings.map(name => ({ name: `--${name}`, value: (run, i) => state.sweep.different[name][i], cell: (run, i) => asIs(state.sweep.different[name][i]) })),
    ...SWEEP_COLUMNS,
  ];

  function swatch(i, run) {
    const mark = svg('svg', { width: 22, height: 10, 'aria-hidden': 'true' },
      svg('line', { class: `swatch run-${i % RUN_COLORS}`, x1: 0, x2: 22, y1: 5, y2: 5, 'stroke-dasharray': (DASHES[Math.floor(i / RUN_COLORS) % DASHES.length] || []).join(' ') || null }));
    return [el('input', { type: 'checkbox', checked: !state.hidden.has(run.name), 'aria-label': `Show ${run.name} in the charts`, onchange: event => onShow(i, run, event.target.checked) }), mark];
  }

  const head = el('tr'), body = el('tbody');
  function draw() {
    const sorted = state.sweep.runs.map((run, i) => [run, i]);
    const column = columns.find(c => c.name === state.sort.name);
    if (column) {
      sorted.sort(([a, i], [b, j]) => {
        const [x, y] = [column.value(a, i), column.value(b, j)];
        const missing = (x === null || x === undefined) || (y === null || y === undefined);
        return missing || !state.sort.down ? compare(x, y) : -compare(x, y);
      });
    }
    head.replaceChildren(...columns.map(c => el('th', { scope: 'col', 'aria-sort': c.name === state.sort.name ? (state.sort.down ? 'descending' : 'ascending') : 'none' },
      el('button', { type: 'button', class: 'sort', onclick: () => sortBy(c.name) }, c.name))));
    body.replaceChildren(...sorted.map(([run, i]) => el('tr', {}, columns.map((c, k) => el(k === 0 ? 'th' : 'td', k === 0 ? { scope: 'row' } : {}, c.cell(run, i))))));
  }

  function sortBy(name) {
    state.sort = { name, down: state.sort.name === name ? !state.sort.down : true };
    draw();
    head.querySelector('[aria-sort=ascending] button, [aria-sort=descending] button').focus();
  }

  draw();
  return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'runs' }, el('table', { id: 'runs' }, el('thead', {}, head), body));
}

function sweepCharts(state) {
  const charts = [];
  for (const curve of SWEEP_CURVES) {
    const runs = state.sweep.runs.map((run, i) => [run, i]).filter(([run]) => run.curves[curve.key] && run.curves[curve.key].x.length > 0);
    if (runs.length === 0) continue;
    const chart = lineChart({
      ...curve,
      quietLegend: runs.length > MOST_IN_LEGEND,
      series: runs.map(([run, i]) => ({ label: run.name, color: runColor(i), dash: DASHES[Math.floor(i / RUN_COLORS) % DASHES.length], points: curve.points && run.curves[curve.key].x.length < 60 })),
    });
    chart.show = (i, shown) => {
      const at = runs.findIndex(([, index]) => index === i);
      if (at >= 0 && chart.plot) chart.plot.setSeries(at + 1, { show: shown });
    };
    chart.update(uPlot.join(runs.map(([run]) => {
      const { x, y } = run.curves[curve.key];
      return [x, curve.smooth ? smooth(y, curve.smooth) : y];
    })));
    charts.push(chart);
  }
  return charts;
}

function sweepPage(first) {
  const state = { sweep: first, hidden: new Set(), sort: { name: 'Best accuracy', down: true } };
  const runs = el('div'), curves = el('div', { class: 'grid' }), shared = el('div');
  let charts = [];
  function show(i, run, shown) {
    if (shown) state.hidden.delete(run.name);
    else state.hidden.add(run.name);
    charts.forEach(chart => chart.show(i, shown));
  }
  function update(sweep) {
    state.sweep = sweep;
    runs.replaceChildren(runsTable(state, show));
    charts.forEach(chart => lineCharts.delete(chart));
    charts = sweepCharts(state);
    curves.replaceChildren(...charts.map(chart => chart.element));
    shared.replaceChildren(table(null, Object.entries(sweep.settings).map(([name, value]) => [`--${name}`, asIs(value)]), { 'aria-label': 'settings' }));
  }
  const sections = [
    { element: el('section', { id: 'table' }, el('h2', {}, 'Runs'), el('p', { class: 'note' }, 'Intervals are at 95%. Runs are scored on the same pairs, so a paired test (btrm analyze) sees smaller differences than these intervals do.'), runs), name: 'Runs' },
    { element: el('section', { id: 'curves' }, el('h2', {}, 'Curves'), curves), name: 'Curves' },
    { element: el('section', { id: 'settings' }, el('h2', {}, 'Settings that all runs share'), shared), name: 'Settings' },
  ];
  return { status: sweep => `${sweep.runs.length} runs`, about: el('p', { class: 'about' }), sections, element: el('main', {}, sections.map(section => section.element)), update };
}
