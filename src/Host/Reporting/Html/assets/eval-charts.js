// Charts of one evaluation's rows: `of()` gives the figures to draw, those of the best model or of the last evaluation.
const plainPercent = value => `${+(100 * value).toFixed(1)} %`;

function histogramChart(of) {
  return svgChart({
    title: 'Rewards',
    controls: legend([['chosen', 'chosen'], ['rejected', 'rejected']]),
    draw(width, height) {
      const { low, width: bin, chosen, rejected } = of().histogram;
      const most = Math.max(...chosen, ...rejected, 1);
      const [parts, x, y] = axes(width, height,
        { low, high: low + bin * chosen.length, label: 'reward' }, { low: 0, high: most * 1.05, label: 'responses' });
      const bar = (name, n, i) => n > 0 && titled(svg('rect', {
        class: `bar ${name}`, x: x(low + i * bin), width: Math.max(1, x(low + bin) - x(low) - 1), y: y(n), height: y(0) - y(n),
      }), `${name}: ${count(n)} from ${number(low + i * bin)} to ${number(low + (i + 1) * bin)}`);
      return [...parts, ...chosen.map((n, i) => bar('chosen', n, i)), ...rejected.map((n, i) => bar('rejected', n, i))].filter(Boolean);
    },
  });
}

function reliabilityChart(of) {
  return svgChart({
    title: 'Calibration',
    note: 'How often the preferred side is the chosen one, against how sure the model is. Bars: number of pairs. On the dashed line, the two agree.',
    draw(width, height) {
      const bins = of().reliability, most = Math.max(...bins.map(b => b.count), 1);
      const low = Math.min(0.4, ...bins.map(b => b.low));
      const [parts, x, y] = axes(width, height,
        { low: 0.5, high: 1, label: 'confidence, sigmoid(|gap|)', format: plainPercent },
        { low: Math.max(0, low - 0.02), high: 1.02, label: 'right', format: plainPercent });
      const bottom = height - MARGIN.bottom, tallest = (bottom - MARGIN.top) * 0.3;
      for (const b of bins) {
        const h = b.count / most * tallest;
        parts.push(titled(svg('rect', { class: 'bar count', x: x(b.from) + 1, width: x(b.to) - x(b.from) - 2, y: bottom - h, height: h }), `${count(b.count)} pairs`));
      }
      parts.push(svg('line', { class: 'reference', x1: x(0.5), y1: y(0.5), x2: x(1), y2: y(1) }));
      for (const b of bins) {
        parts.push(svg('line', { class: 'whisker', x1: x(b.confidence), x2: x(b.confidence), y1: y(b.low), y2: y(b.high) }),
          titled(svg('circle', { class: 'dot chosen', cx: x(b.confidence), cy: y(b.right), r: 4.5 }),
            `confidence ${percent(b.confidence)}, right ${percent(b.right)} (95% ${percent(b.low)} to ${percent(b.high)}), ${count(b.count)} pairs`));
      }
      return parts;
    },
  });
}

function lengthChart(of) {
  return svgChart({
    title: 'Length bias',
    note: 'Every dot is a pair. The line joins the means of pairs with similar length gaps: a slope is a model that rewards length, or brevity.',
    draw(width, height) {
      const { x: lengths, y: gaps, bins } = of().length;
      const [lowX, highX] = padded(Math.min(...lengths), Math.max(...lengths)), [lowY, highY] = padded(Math.min(...gaps), Math.max(...gaps));
      const [parts, x, y] = axes(width, height,
        { low: lowX, high: highX, label: 'length gap, chosen - rejected (tokens)' }, { low: lowY, high: highY, label: 'reward gap' });
      if (lowY < 0 && highY > 0) parts.push(svg('line', { class: 'reference', x1: x(lowX), x2: x(highX), y1: y(0), y2: y(0) }));
      lengths.forEach((length, i) => parts.push(svg('circle', { class: 'speck', cx: x(length), cy: y(gaps[i]), r: 2.2 })));
      parts.push(svg('polyline', { class: 'means', points: bins.map(b => `${x(b.length)},${y(b.gap)}`).join(' ') }));
      for (const b of bins) {
        parts.push(titled(svg('circle', { class: 'dot rejected', cx: x(b.length), cy: y(b.gap), r: 4 }),
          `length gap ${count(b.from)} to ${count(b.to)}: mean reward gap ${number(b.gap)}, ${count(b.count)} pairs`));
      }
      return parts;
    },
  });
}

const GROUP_TITLES = { domain: 'Accuracy by domain', score_ratio: 'Accuracy by score ratio', length_gap: 'Accuracy by length gap (tokens)', subset: 'Accuracy by subset' };

function groupChart(by, of) {
  const ROW = 24, FOOT = 40, LABELS = 112, COUNTS = 48;
  const groups = () => of().groups.filter(group => group.by === by);
  return svgChart({
    title: GROUP_TITLES[by] || `Accuracy by ${by}`,
    note: 'Whiskers are 95% intervals; numbers at the right count pairs. The dashed line is chance.',
    height: () => groups().length * ROW + FOOT + 6,
    draw(width, height) {
      const right = width - COUNTS, bottom = height - FOOT, parts = [];
      const x = value => LABELS + value * (right - LABELS);
      for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
        parts.push(svg('line', { class: tick === 0.5 ? 'reference' : 'grid', x1: x(tick), x2: x(tick), y1: 4, y2: bottom }),
          svg('text', { class: 'tick', x: x(tick), y: bottom + 14, 'text-anchor': 'middle' }, plainPercent(tick)));
      }
      groups().forEach((group, i) => {
        const y = 4 + ROW * (i + 0.5);
        const name = group.group.length > 17 ? `${group.group.slice(0, 16)}\u2026` : group.group;
        parts.push(titled(svg('text', { class: 'label', x: LABELS - 8, y: y + 4, 'text-anchor': 'end' }, name), group.group),
          svg('line', { class: 'whisker', x1: x(group.accuracy_low), x2: x(group.accuracy_high), y1: y, y2: y }),
          titled(svg('circle', { class: 'dot chosen', cx: x(group.accuracy), cy: y, r: 4.5 }),
            `${group.group}: ${percent(group.accuracy)} (95% ${percent(group.accuracy_low)} to ${percent(group.accuracy_high)}), ${count(group.pairs)} pairs`),
          svg('text', { class: 'tick', x: width - 4, y: y + 4, 'text-anchor': 'end' }, count(group.pairs)));
      });
      parts.push(svg('text', { class: 'axis', x: (LABELS + right) / 2, y: height - 6, 'text-anchor': 'middle' }, 'accuracy'));
      return parts;
    },
  });
}
