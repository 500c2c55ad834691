const POLL_MILLISECONDS = 2000;

function theme() {
  const root = document.documentElement, dark = matchMedia('(prefers-color-scheme: dark)');
  let chosen = null;
  const button = el('button', { type: 'button', id: 'theme', onclick: () => apply(root.dataset.theme === 'dark' ? 'light' : 'dark', true) });
  function apply(name, byHand = false) {
    if (byHand) chosen = name;
    root.dataset.theme = name;
    button.textContent = name === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Change to the ${name === 'dark' ? 'light' : 'dark'} theme`);
    lineCharts.forEach(chart => chart.redraw());
  }
  dark.addEventListener('change', () => chosen || apply(dark.matches ? 'dark' : 'light'));
  apply(dark.matches ? 'dark' : 'light');
  return button;
}

// Asks for newer data until the page is closed; the server answers 304 while nothing has changed.
function poll(update, say) {
  let tag = null;
  async function ask() {
    try {
      const answer = await fetch('data.json', { cache: 'no-store', headers: tag ? { 'If-None-Match': tag } : {} });
      if (answer.status === 200) {
        update(await answer.json());
        tag = answer.headers.get('ETag');
        say(`live, updated ${new Date().toLocaleTimeString()}`);
      } else if (answer.status !== 304) say((await answer.text()).slice(0, 300));
    } catch {
      say('the server does not answer; trying again');
    }
    setTimeout(ask, POLL_MILLISECONDS);
  }
  setTimeout(ask, POLL_MILLISECONDS);
}

function start() {
  const source = document.getElementById('data'), data = JSON.parse(source.textContent);
  const button = theme();
  const page = (data.kind === 'sweep' ? sweepPage : runPage)(data);
  const status = el('span', { class: 'status', id: 'status' }), live = el('span', { class: 'live', id: 'live', role: 'status' });
  function update(next) {
    status.textContent = page.status(next);
    page.update(next);
  }
  document.getElementById('page').append(
    el('header', {}, el('div', { class: 'top' }, el('h1', {}, data.title), status, live, button), page.about,
      el('nav', { 'aria-label': 'Sections' }, page.sections.map(section => el('a', { href: `#${section.element.id}` }, section.name)))),
    page.element,
    el('footer', {}, `btrm ${data.btrm}; charts by uPlot (MIT)`));
  update(data);
  if (source.dataset.live === 'true') {
    live.textContent = 'live';
    poll(update, text => { live.textContent = text; });
  }
}

start();
