// Curves over steps, drawn by uPlot. A chart keeps its zoom and its hidden series when new data comes.
const lineCharts = new Set();
const CHART_HEIGHT = 230;

// spec: { title, unit, x, format, series: [{ label, color, width, alpha, dash, hidden, quiet, points }], bands: [[upper, lower, color]], reference, quietLegend }
// where color is the name of a custom property. update(data) takes [x, series 1, ...].
function lineChart(spec) {
  const plot = el('div', { class: 'plot', tabindex: '0', role: 'img', 'aria-label': `${spec.title}. The arrow keys read values, the table below holds them.` });
  const values = lazyTable(() => chart);
  const element = el('figure', { class: 'card', 'data-chart': spec.title },
    el('figcaption', {}, spec.title), plot, values);
  const chart = { element, spec, plot: null, data: null, update, redraw: () => chart.plot && chart.plot.redraw(true, true) };
  let width = 0;

  function update(data) {
    chart.data = data;
    if (chart.plot) {
      const [min, max] = [chart.plot.scales.x.min, chart.plot.scales.x.max];
      chart.plot.setData(data, !chart.zoomed);
      if (chart.zoomed) chart.plot.setScale('x', { min, max });
    } else if (width > 0) {
      chart.plot = new uPlot(options(spec, width, chart), data, plot);
      reachLegend(chart.plot);
    }
    values.refresh();
  }

  onWidth(plot, now => {
    width = now;
    if (chart.plot) chart.plot.setSize({ width, height: CHART_HEIGHT });
    else if (chart.data) update(chart.data);
  });
  plot.addEventListener('keydown', event => moveCursor(event, chart));
  lineCharts.add(chart);
  return chart;
}

function options(spec, width, chart) {
  const format = spec.format || number;
  const axis = label => ({
    label,
    labelSize: 18,
    labelFont: '12px system-ui, sans-serif',
    font: '11px system-ui, sans-serif',
    stroke: () => css('--muted'),
    grid: { stroke: () => css('--grid'), width: 1 },
    ticks: { stroke: () => css('--grid'), width: 1, size: 4 },
  });
  return {
    width,
    height: CHART_HEIGHT,
    legend: { show: !spec.quietLegend },
    scales: { x: { time: false }, y: {} },
    cursor: { sync: { key: 'steps' }, points: { size: 6 }, y: false, dataIdx: nearestValue },
    axes: [
      { ...axis(spec.x || 'step'), size: 26, values: (_, ticks) => ticks.map(tick => Number.isInteger(tick) ? short(tick) : '') },
      {
        ...axis(spec.unit),
        size: (_, ticks) => ticks ? 14 + 6.5 * Math.max(...ticks.map(tick => tick.length)) : 40,
        values: (_, ticks) => ticks.map(tick => tick === null ? '' : spec.format === percent ? `${+(100 * tick).toFixed(2)} %` : short(tick)),
      },
    ],
    series: [
      { label: spec.x || 'step', value: (_, value) => value === null ? MISSING : count(value) },
      ...spec.series.map(series => ({
        label: series.label,
        stroke: series.hidden ? 'transparent' : () => withAlpha(series.color, series.alpha),
        width: series.width || 2,
        dash: series.dash,
        spanGaps: true,
        class: series.hidden || series.quiet ? 'no-legend' : 'in-legend',
        points: { show: series.points || false, size: 5, fill: () => css('--card') },
        value: (_, value) => value === null || value === undefined ? MISSING : format(value),
      })),
    ],
    bands: (spec.bands || []).map(([upper, lower, color]) => ({ series: [upper, lower], fill: () => withAlpha(color, 0.16) })),
    hooks: {
      setScale: [(u, key) => {
        if (key === 'x' && u.data[0].length > 1) chart.zoomed = u.scales.x.min > u.data[0][0] || u.scales.x.max < u.data[0][u.data[0].length - 1];
      }],
      drawAxes: isNumber(spec.reference) ? [u => referenceLine(u, spec.reference)] : [],
    },
  };
}

// Curves have values at different steps; the legend reads each where it has one, next to the pointer.
function nearestValue(u, series, at) {
  const values = u.data[series];
  for (let distance = 0; distance < values.length; distance++) {
    for (const i of [at - distance, at + distance]) if (isNumber(values[i])) return i;
  }
  return at;
}

function withAlpha(color, alpha = 1) {
  const hex = css(color);
  return alpha === 1 ? hex : hex + Math.round(alpha * 255).toString(16).padStart(2, '0');
}

function referenceLine(u, value) {
  const { ctx, bbox } = u, y = u.valToPos(value, 'y', true);
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.save();
  ctx.strokeStyle = css('--muted');
  ctx.setLineDash([6, 4]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

// The library's legend switches series on a click; keys must do the same.
function reachLegend(u) {
  for (const label of u.root.querySelectorAll('.u-series.in-legend th')) {
    label.tabIndex = 0;
    label.setAttribute('role', 'button');
    label.addEventListener('keydown', event => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        label.click();
      }
    });
  }
}

function moveCursor(event, chart) {
  const u = chart.plot, step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!u || !step || u.data[0].length === 0 || event.target.closest('th')) return;
  event.preventDefault();
  const from = u.cursor.idx === null || u.cursor.idx === undefined ? (step > 0 ? -1 : u.data[0].length) : u.cursor.idx;
  const to = Math.min(u.data[0].length - 1, Math.max(0, from + step));
  u.setCursor({ left: u.valToPos(u.data[0][to], 'x'), top: 10 });
}

// The same values as text, for those who cannot see the picture or want to copy them.
function lazyTable(chartOf) {
  const MOST = 200;
  const details = lazyDetails('Table', () => el('div'), { class: 'values' });
  details.refresh = () => {
    if (!details.open) return;
    const { data, spec } = chartOf(), shown = spec.series.map((s, i) => [s, i + 1]).filter(([s]) => !s.quiet);
    const stride = Math.ceil(data[0].length / MOST) || 1, format = spec.format || number;
    const rows = [...data[0].keys()].filter(i => i % stride === 0 || i === data[0].length - 1);
    details.lastElementChild.replaceChildren(table(
      [spec.x || 'step', ...shown.map(([s]) => s.label)],
      rows.map(i => [count(data[0][i]), ...shown.map(([, column]) => isNumber(data[column][i]) ? format(data[column][i]) : MISSING)]),
      { 'aria-label': `${spec.title}, values` }));
  };
  details.addEventListener('toggle', details.refresh);
  return details;
}

// Exponential moving average without the pull towards its start.
function smooth(values, weight) {
  let sum = 0, norm = 0;
  return values.map(value => {
    if (!isNumber(value)) return value;
    sum = weight * sum + (1 - weight) * value;
    norm = weight * norm + (1 - weight);
    return sum / norm;
  });
}
