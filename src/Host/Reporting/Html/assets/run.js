// The page of one run.
const train = (column, label = 'train', more = {}) => ({ table: 'train', column, label, color: '--train', smooth: true, ...more });
const evaluation = (column, label = 'eval', more = {}) => ({ table: 'eval', column, label, color: '--eval', points: true, ...more });
const edge = (table, column) => ({ table, column, label: column.replaceAll('_', ' '), color: '--train', hidden: true });

const CURVES = [
  { title: 'Loss', unit: 'loss (nats)', lines: [train('loss'), evaluation('loss')] },
  {
    title: 'Accuracy', unit: 'accuracy', format: percent, reference: 0.5,
    lines: [train('accuracy'), evaluation('accuracy', 'eval (band: 95%)'), edge('eval', 'accuracy_low'), edge('eval', 'accuracy_high')],
    band: ['accuracy_high', 'accuracy_low', '--eval'],
  },
  { title: 'Margin', unit: 'mean reward gap', reference: 0, lines: [train('margin'), evaluation('margin')] },
  {
    title: 'Rewards while training', unit: 'reward',
    lines: [train('mean_reward', 'mean (band: min to max)', { smooth: false }), edge('train', 'min_reward'), edge('train', 'max_reward')],
    band: ['max_reward', 'min_reward', '--train'],
  },
  { title: 'Gradient norm', unit: 'norm before clipping', lines: [train('grad_norm')] },
  { title: 'Learning rate', unit: 'learning rate', lines: [train('learning_rate', 'rate', { smooth: false })] },
  { title: 'Speed', unit: 'tokens/s', format: count, lines: [train('tokens_per_second', 'tokens per second', { smooth: false })] },
  { title: 'Calibration over time', unit: 'error', lines: [evaluation('ece', 'expected calibration error'), evaluation('brier', 'Brier score', { color: '--train', dash: [6, 4] })] },
];

// Units that names of GPU figures end in, and those of figures whose names do not say.
const UNITS = { gib: 'GiB', watts: 'W', mhz: 'MHz' };
const PLAIN_UNITS = { utilization: '%', temperature: '\u00b0C' };

// One chart for gpu_X_mean and gpu_X_max.
function gpuCurves(columns) {
  const names = columns.filter(name => name.startsWith('gpu_') && name !== 'gpu_samples').sort().reverse();
  const figures = new Map();
  for (const column of names) {
    const [, figure, what] = /^gpu_(.*?)(?:_(mean|max))?$/.exec(column);
    const line = train(column, what || figure.replaceAll('_', ' '), { smooth: false, ...(what === 'max' ? { color: '--eval', width: 1 } : {}) });
    figures.set(figure, [...(figures.get(figure) || []), line]);
  }
  return [...figures].map(([figure, lines]) => {
    const words = figure.split('_'), last = words[words.length - 1];
    const name = (UNITS[last] ? words.slice(0, -1) : words).join(' ') || 'figures', unit = UNITS[last] || PLAIN_UNITS[last];
    return { title: `GPU ${name}`, unit: unit ? `${name} (${unit})` : name, lines };
  }).reverse();
}

// Data for a chart: the columns of both tables over all of their steps.
function curveData(run, curve, smoothing) {
  const tables = [], series = [];
  for (const table of ['train', 'eval']) {
    const columns = run[table].columns, own = curve.lines.filter(line => line.table === table && columns[line.column]);
    if (own.length === 0 || columns.step.length === 0) continue;
    const values = [];
    for (const line of own) {
      const raw = columns[line.column];
      if (line.smooth && smoothing > 0) {
        series.push({ ...line, label: `${line.label}, each line of metrics`, alpha: 0.3, width: 1, quiet: true });
        values.push(raw);
      }
      series.push(line);
      values.push(line.smooth && smoothing > 0 ? smooth(raw, smoothing) : raw);
    }
    tables.push([columns.step, ...values]);
  }
  if (series.length === 0) return null;
  const index = column => 1 + series.findIndex(line => line.column === column && !line.quiet);
  const bands = curve.band && series.some(line => line.column === curve.band[0]) ? [[index(curve.band[0]), index(curve.band[1]), curve.band[2]]] : [];
  return { series, bands, data: uPlot.join(tables) };
}

function curvesSection(state) {
  const grid = el('div', { class: 'grid' }), slots = new Map();
  const slider = el('input', {
    type: 'range', min: '0', max: '0.98', step: '0.02', value: String(state.smoothing), id: 'smoothing',
    oninput: event => {
      state.smoothing = Number(event.target.value);
      update(state.run);
    },
  });

  function update(run) {
    for (const curve of [...CURVES, ...gpuCurves(Object.keys(run.train.columns))]) {
      const made = curveData(run, curve, state.smoothing);
      if (!made) continue;
      const key = made.series.map(line => line.label).join();
      const slot = slots.get(curve.title);
      if (slot && slot.key === key) {
        slot.chart.update(made.data);
        continue;
      }
      const chart = lineChart({ ...curve, series: made.series, bands: made.bands });
      if (slot) {
        lineCharts.delete(slot.chart);
        slot.chart.element.replaceWith(chart.element);
      } else grid.append(chart.element);
      slots.set(curve.title, { key, chart });
      chart.update(made.data);
    }
    thinned.hidden = !run.train.thinned && !run.eval.thinned;
    none.hidden = slots.size > 0;
  }

  const thinned = el('p', { class: 'note', hidden: true }, 'The log is long: neighbouring lines are drawn as their smallest and largest values.');
  const none = el('p', { class: 'note' }, 'No line of metrics yet.');
  const element = el('section', { id: 'curves' }, el('h2', {}, 'Training'),
    el('label', { class: 'slider', for: 'smoothing' }, 'Smoothing of the training curves', slider), thinned, none, grid);
  return { element, name: 'Training', update };
}

function evaluationSection(state) {
  const body = el('div'), which = el('div');
  const element = el('section', { id: 'evaluation' }, el('h2', {}, 'Evaluation'), which, body);
  let drawn = '';
  let redraw = [];

  const of = () => state.run.rows[state.rows] || state.run.rows.last || state.run.rows.best;
  const facts = el('p', { class: 'facts' });

  function show() {
    const rows = of();
    facts.textContent = `${count(rows.pairs)} pairs of ${count(rows.clusters)} prompts or posts: accuracy ${percent(rows.accuracy)} (95% ${percent(rows.accuracy_low)} to ${percent(rows.accuracy_high)}), `
      + `${count(rows.ties)} ties, margin ${number(rows.margin)}, calibration error ${number(rows.ece)}, Brier score ${number(rows.brier)}, `
      + `correlation of reward gap and length gap ${number(rows.length_correlation)}`;
    redraw.forEach(chart => chart.draw());
  }

  function update(run) {
    const sets = [['best', 'Best model'], ['last', 'Last evaluation']].filter(([name]) => run.rows[name]);
    const kinds = [...new Set(sets.flatMap(([name]) => run.rows[name].groups.map(group => group.by)))];
    const shape = JSON.stringify([sets, kinds]);
    element.hidden = sets.length === 0;
    if (element.hidden) return;
    if (shape !== drawn) {
      drawn = shape;
      const groups = kinds.map(by => groupChart(by, of));
      redraw = [histogramChart(of), reliabilityChart(of), lengthChart(of), ...groups];
      which.replaceChildren(choice('Which model', sets, run.rows[state.rows] ? state.rows : sets[0][0], name => {
        state.rows = name;
        show();
      }));
      body.replaceChildren(facts, el('div', { class: 'grid' }, redraw.map(chart => chart.element)));
    }
    show();
  }

  return { element, name: 'Evaluation', update };
}

function samplesSection() {
  const open = new Set(), list = el('div'), cut = el('p', { class: 'note' }, 'Only the first pairs are shown.');
  let before = '';
  function update(run) {
    const now = JSON.stringify(run.samples);
    if (now === before) return;
    before = now;
    cut.hidden = !run.samples_cut;
    list.replaceChildren(...(run.samples.length > 0
      ? sampleList(run.samples, open)
      : [el('p', { class: 'note' }, 'No samples: the run was made without ', el('code', {}, '--log-samples N'), '.')]));
  }
  return { element: el('section', { id: 'samples' }, el('h2', {}, 'Samples'), cut, list), name: 'Samples', update };
}

const words = name => name.replaceAll('_', ' ');

// Rows [path, value] of everything in a JSON value.
function flat(value, path = '') {
  if (Array.isArray(value)) return [[path, value.map(item => typeof item === 'object' ? JSON.stringify(item) : asIs(item)).join(', ') || MISSING]];
  if (value === null || typeof value !== 'object') return [[path, isNumber(value) ? number(value) : asIs(value)]];
  const entries = Object.entries(value);
  return entries.length === 0 ? [[path, 'none']] : entries.flatMap(([name, item]) => flat(item, path ? `${path} \u203a ${words(name)}` : words(name)));
}

function dataSection() {
  const body = el('div');
  function update(run) {
    const report = run.data_report || {}, splits = ['train', 'eval'].filter(split => report[split]);
    const columns = splits.map(split => new Map(flat(report[split])));
    const names = [...new Set(columns.flatMap(column => [...column.keys()]))];
    const others = Object.entries(report).filter(([name]) => !splits.includes(name)).flatMap(([name, value]) => flat(value, words(name)));
    body.replaceChildren(
      splits.length > 0 ? table(['', ...splits], names.map(name => [name, ...columns.map(column => column.get(name) || MISSING)]), { 'aria-label': 'data report' }) : el('p', { class: 'note' }, 'run.json has no data report.'),
      others.length > 0 ? table(null, others, { 'aria-label': 'both splits' }) : '');
  }
  return { element: el('section', { id: 'data-report' }, el('h2', {}, 'Data'), body), name: 'Data', update };
}

function settingsSection() {
  const body = el('div');
  const update = run => {
    const about = Object.entries(run.about).filter(([, value]) => value).map(([name, value]) => [words(name), value]);
    body.replaceChildren(table(null, [...about, ...Object.entries(run.settings || {}).map(([name, value]) => [`--${name}`, asIs(value)])], { 'aria-label': 'settings' }));
  };
  return { element: el('section', { id: 'settings' }, el('h2', {}, 'Settings'), body), name: 'Settings', update };
}

function figureCards(figures) {
  return figures.map(figure => {
    const format = FORMATS[figure.format] || number;
    return el('div', { class: 'figure' },
      el('dt', {}, figure.label),
      el('dd', {}, format(figure.value),
        isNumber(figure.low) ? el('span', { class: 'interval' }, `95%: ${format(figure.low).replace(' %', '')} to ${format(figure.high)}`) : null,
        el('span', { class: 'note' }, figure.note)));
  });
}

function runPage(first) {
  const state = { run: first, smoothing: 0.6, rows: 'best' };
  const figures = el('dl', { class: 'figures' });
  const sections = [curvesSection(state), evaluationSection(state), samplesSection(), dataSection(), settingsSection()];
  const about = el('p', { class: 'about' });
  function update(run) {
    state.run = run;
    about.textContent = [run.about.model, run.about.device, run.about.started && `started ${run.about.started.slice(0, 16).replace('T', ' ')} UTC`].filter(Boolean).join(' \u00b7 ');
    figures.replaceChildren(...figureCards(run.figures));
    sections.forEach(section => section.update(run));
  }
  return { status: run => run.status, about, sections, element: el('main', {}, figures, sections.map(section => section.element)), update };
}
