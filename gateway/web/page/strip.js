// The freshness strip: what every verdict leans on. Each value has a mark of its own shape besides its colour.

import { icon } from './icons.js';
import { countsLine, purposeLine } from './purpose.js';
import { age, isolate, say } from './speech.js';

// showStrip shows a status; one of them is null as long as there is none, or none that could be believed.
export function showStrip(strip, status) {
  strip.replaceChildren(...(status ? items(status) : []));
}

function items(s) {
  if (!('session_level' in s)) return facts(s);
  const row = document.createElement('div');
  row.className = 'facts';
  row.append(...facts(s));
  return [purposeOf(s), row];
}

function facts(s) {
  const all = [];
  if ('connected' in s) all.push(item('scanner', say('page', s.connected ? 'connected' : 'disconnected'), s.connected ? 'good' : 'bad'));
  all.push(
    item('trust', s.trust.version === 0 ? say('page', 'none') : say('page', 'old', { age: isolate(age(s.trust.age)) }), s.trust.level),
    item('clock', say('page', s.clock.class), s.clock.level),
    item('journal', say('page', s.journal.state), s.journal.level),
    item('reports', reports(s.reports), s.reports ? s.reports.level : 'good'),
  );
  if (s.devices.foreign > 0) all.push(item('devices', say('page', 'foreign', { n: s.devices.foreign }), s.devices.level));
  return all;
}

// purposeOf is what the lane is for and what was counted there: a low line of its own above the rest.
function purposeOf(s) {
  const text = purposeLine(s.session, s.session_level);
  const e = item('session', text, s.session_level);
  e.classList.add('purpose');
  for (const part of e.children) part.toggleAttribute('hidden', text === '');
  const counts = document.createElement('span');
  counts.className = 'counted';
  counts.textContent = countsLine(s.counts);
  e.append(counts);
  return e;
}

function reports(r) {
  if (!r) return say('page', 'off');
  if (r.parked > 0) return say('page', 'parked', { n: r.parked });
  return say('page', 'backlog', { n: r.backlog });
}

function item(name, value, level) {
  const known = ['good', 'warn', 'bad'].includes(level) ? level : 'bad';
  const e = document.createElement('div');
  e.className = 'item';
  e.dataset.item = name;
  e.dataset.level = known;
  const label = document.createElement('span');
  label.className = 'label';
  label.textContent = say('page', name);
  const text = document.createElement('span');
  text.className = 'value';
  text.textContent = value;
  e.append(icon(known), label, text);
  return e;
}
