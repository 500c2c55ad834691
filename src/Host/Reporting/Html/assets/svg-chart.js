// Charts of bars, dots and intervals as SVG, coloured by the style sheet.
const MARGIN = { top: 10, right: 22, bottom: 40, left: 60 };

// About `most` round numbers within [low, high].
function ticks(low, high, most = 6) {
  const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw * 0.999);
  const list = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) list.push(+(i * step).toPrecision(12));
  return list;
}

// spec: { title, note, height, controls, draw(frame, width) }; draw returns the SVG's children.
function svgChart(spec) {
  const host = el('div', { class: 'plot' });
  const element = el('figure', { class: 'card', 'data-chart': spec.title },
    el('figcaption', {}, spec.title), spec.controls || null, host, spec.note ? el('p', { class: 'note' }, spec.note) : null);
  const chart = { element, width: 0, draw };

  function draw() {
    if (chart.width === 0) return;
    const height = typeof spec.height === 'function' ? spec.height() : spec.height || 240;
    host.replaceChildren(svg('svg', { width: chart.width, height, role: 'img', 'aria-label': spec.title, viewBox: `0 0 ${chart.width} ${height}` },
      spec.draw(chart.width, height)));
  }

  onWidth(host, width => {
    chart.width = width;
    draw();
  });
  return chart;
}

// Axes with grid, ticks and labels; returns [elements, x scale, y scale]. x and y: { low, high, label, format }.
function axes(width, height, x, y) {
  const right = width - MARGIN.right, bottom = height - MARGIN.bottom;
  const scaleX = value => MARGIN.left + (value - x.low) / (x.high - x.low) * (right - MARGIN.left);
  const scaleY = value => bottom - (value - y.low) / (y.high - y.low) * (bottom - MARGIN.top);
  const parts = [];
  for (const tick of ticks(y.low, y.high, 5)) {
    parts.push(svg('line', { class: 'grid', x1: MARGIN.left, x2: right, y1: scaleY(tick), y2: scaleY(tick) }),
      svg('text', { class: 'tick', x: MARGIN.left - 6, y: scaleY(tick) + 4, 'text-anchor': 'end' }, (y.format || short)(tick)));
  }
  for (const tick of ticks(x.low, x.high, Math.max(3, Math.floor(width / 80)))) {
    parts.push(svg('line', { class: 'grid', x1: scaleX(tick), x2: scaleX(tick), y1: MARGIN.top, y2: bottom }),
      svg('text', { class: 'tick', x: scaleX(tick), y: bottom + 15, 'text-anchor': 'middle' }, (x.format || short)(tick)));
  }
  parts.push(
    svg('text', { class: 'axis', x: (MARGIN.left + right) / 2, y: height - 6, 'text-anchor': 'middle' }, x.label),
    svg('text', { class: 'axis', x: 12, y: (MARGIN.top + bottom) / 2, 'text-anchor': 'middle', transform: `rotate(-90 12 ${(MARGIN.top + bottom) / 2})` }, y.label));
  return [parts, scaleX, scaleY];
}

// A mark with a text that shows when the pointer rests on it.
const titled = (shape, text) => {
  shape.append(svg('title', {}, text));
  return shape;
};

const legend = items => el('div', { class: 'legend' }, items.map(([className, label]) => el('span', {}, el('i', { class: className }), label)));

// Room above the largest value; a range for values that are all the same.
function padded(low, high, share = 0.05) {
  const room = (high - low || Math.abs(high) || 1) * share;
  return [low - room, high + room];
}
