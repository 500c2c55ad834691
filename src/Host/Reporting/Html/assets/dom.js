// Elements from tag, attributes and children. Texts become text nodes: nothing from the data is ever read as HTML.
const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined));
  return element;
}

const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// The value of a custom property, for canvases, which know no style sheets.
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Calls back with an element's width, now and whenever it changes.
function onWidth(element, callback) {
  let width = 0;
  new ResizeObserver(entries => {
    const now = Math.floor(entries[entries.length - 1].contentRect.width);
    if (now > 0 && now !== width) {
      width = now;
      callback(now);
    }
  }).observe(element);
}

// A part of the page that is built when it is first opened.
function lazyDetails(summary, build, attributes = {}) {
  const details = el('details', attributes, el('summary', {}, summary));
  details.addEventListener('toggle', () => {
    if (details.open && details.childElementCount === 1) details.append(build());
  });
  return details;
}

function table(head, rows, attributes = {}) {
  return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': attributes['aria-label'] || 'table' },
    el('table', attributes,
      head && el('thead', {}, el('tr', {}, head.map(cell => el('th', { scope: 'col' }, cell)))),
      el('tbody', {}, rows.map(row => el('tr', {}, row.map((cell, i) => i === 0 ? el('th', { scope: 'row' }, cell) : el('td', {}, cell)))))));
}

// A choice out of a few, as buttons.
function choice(label, options, selected, onSelect) {
  const buttons = options.map(([value, text]) => el('button', {
    type: 'button',
    'aria-pressed': String(value === selected),
    onclick: () => {
      buttons.forEach((button, i) => button.setAttribute('aria-pressed', String(options[i][0] === value)));
      onSelect(value);
    },
  }, text));
  return el('div', { class: 'choice', role: 'group', 'aria-label': label }, buttons);
}
