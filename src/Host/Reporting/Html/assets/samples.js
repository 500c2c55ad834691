// Pairs of samples.jsonl: what the model read, what it gave, and the token ids on demand.
function commonPrefix(a, b) {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  // Both sides begin with a whole word or line.
  const cut = Math.max(a.lastIndexOf('\n', n - 1), a.lastIndexOf(' ', n - 1)) + 1;
  return n === a.length || n === b.length ? cut : Math.min(n, cut);
}

const tokenIds = side => lazyDetails(`Token ids (${count(side.tokens)})`, () =>
  el('pre', { class: 'ids' }, side.ids.join(' ') + (side.ids.length < side.tokens ? ` \u2026 ${count(side.tokens - side.ids.length)} more` : '')));

const cutText = (text, cut) => el('pre', {}, text, cut ? el('span', { class: 'muted' }, ' \u2026 cut here') : null);

function sampleSide(name, side, prefix, reward) {
  return el('div', { class: `side ${name}` },
    el('h4', {}, name, el('span', { class: 'reward' }, number(reward))),
    side.text === null ? el('p', { class: 'muted' }, 'The rows were token ids; there is no text.') : cutText(side.text.slice(prefix), side.text_cut),
    side.text === null ? null : lazyDetails('Rendered text, as the model reads it', () => cutText(side.text, side.text_cut)),
    tokenIds(side));
}

function sampleBody(sample) {
  const { chosen, rejected, rewards } = sample, last = rewards[rewards.length - 1] || [null, null, null];
  const prefix = chosen.text === null || rejected.text === null ? 0 : commonPrefix(chosen.text, rejected.text);
  return el('div', { class: 'sample-body' },
    prefix > 0 ? el('div', { class: 'prompt' }, el('h4', {}, 'shared beginning'), el('pre', {}, chosen.text.slice(0, prefix))) : null,
    el('div', { class: 'sides' }, sampleSide('chosen', chosen, prefix, last[1]), sampleSide('rejected', rejected, prefix, last[2])),
    lazyDetails('Rewards at every evaluation', () => table(['step', 'chosen', 'rejected', 'gap'],
      rewards.map(([step, c, r]) => [count(step), number(c), number(r), isNumber(c) && isNumber(r) ? number(c - r) : MISSING]), { 'aria-label': 'rewards of this pair' })));
}

function sampleList(samples, open) {
  return samples.map(sample => {
    const [, chosen, rejected] = sample.rewards[sample.rewards.length - 1] || [];
    const right = chosen > rejected, gap = isNumber(chosen) && isNumber(rejected) ? chosen - rejected : null;
    const details = lazyDetails([
      el('span', { class: `badge ${right ? 'good' : 'bad'}` }, right ? 'right' : 'wrong'),
      el('span', { class: 'place' }, sample.place),
      el('span', { class: 'gap' }, `gap ${number(gap)}`),
    ], () => sampleBody(sample), { class: 'sample' });
    details.addEventListener('toggle', () => details.open ? open.add(sample.place) : open.delete(sample.place));
    details.open = open.has(sample.place);
    return details;
  });
}
