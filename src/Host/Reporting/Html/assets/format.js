const MISSING = '\u2013';
const isNumber = value => typeof value === 'number' && Number.isFinite(value);

// Digits that a reader needs: 0.6931, 12.35, 1,234, 1.0e-5.
function number(value) {
  if (!isNumber(value)) return MISSING;
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential(2);
  if (size >= 1000) return count(value);
  return value.toFixed(size < 10 ? 4 : 2).replace(/\.?0+$/, '') || '0';
}

const count = value => isNumber(value) ? Math.round(value).toLocaleString('en-US') : MISSING;
const percent = value => isNumber(value) ? `${(100 * value).toFixed(1)} %` : MISSING;
const asIs = value => value === null || value === undefined ? MISSING : String(value);

function duration(seconds) {
  if (!isNumber(seconds)) return MISSING;
  const whole = Math.round(seconds), h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = whole % 60;
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min ${s} s` : `${number(seconds < 10 ? seconds : whole)} s`;
}

// Labels of an axis: 12k instead of 12,000.
function short(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return `${+(value / 1e9).toFixed(2)}G`;
  if (size >= 1e6) return `${+(value / 1e6).toFixed(2)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toFixed(2)}k`;
  return size !== 0 && size < 1e-3 ? value.toExponential(1).replace('.0e', 'e') : String(+value.toFixed(6));
}

const FORMATS = { number, count, percent, seconds: duration };
