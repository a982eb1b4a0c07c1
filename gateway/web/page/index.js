// The list of lanes, with how each stands now.

import { icon } from './icons.js';
import { purposeLine } from './purpose.js';
import { keep, leave, logoutButton, who } from './session.js';
import { language, languageButtons, onLanguage, say, speak } from './speech.js';
import { showStrip } from './strip.js';
import { setUpTablets } from './tablets.js';

const LOOK = 2000; // ms

const $ = (id) => document.getElementById(id);

let state = null;

async function look() {
  try {
    const answer = await fetch('/v1/lanes', { signal: AbortSignal.timeout(LOOK), credentials: 'same-origin' });
    if (answer.status === 401) return leave();
    state = answer.ok ? await answer.json() : null;
  } catch {
    state = null;
  }
  draw();
  setTimeout(look, LOOK);
}

function draw() {
  const notice = !state ? 'no_answer' : state.lanes.length === 0 ? 'no_lanes' : '';
  $('preflight').href = `/preflight?lang=${language()}`;
  $('notice').hidden = notice === '';
  $('notice').textContent = notice && say('page', notice);
  $('lanes').replaceChildren(...(state ? state.lanes.map(card) : []));
  drawTables();
  showStrip($('strip'), state);
}

function card(l) {
  const item = document.createElement('li');
  const link = document.createElement('a');
  link.className = 'card';
  link.href = `/lane/${encodeURIComponent(l.lane)}?lang=${language()}`;
  link.dataset.level = l.connected ? 'good' : 'bad';
  link.append(text('name', l.lane), text('profile', l.profile), scanner(l), counts(l));
  item.append(link);
  return item;
}

function scanner(l) {
  const e = document.createElement('div');
  e.className = 'scanner';
  e.append(icon(l.connected ? 'good' : 'bad'), text('label', say('page', 'scanner')), text('value', say('page', l.connected ? 'connected' : 'disconnected')));
  return e;
}

function counts(l) {
  const e = document.createElement('div');
  e.className = 'counts';
  for (const name of ['admitted', 'referred', 'denied']) {
    const c = document.createElement('div');
    c.append(text('number', String(l[name])), text('label', say('page', name)));
    e.append(c);
  }
  return e;
}

// drawTables shows what the journal counted. Whose role sees none of it gets no table.
function drawTables() {
  const lanes = state ? state.lanes.filter((l) => l.counts) : [];
  const zones = state?.zones ?? [];
  $('tables').hidden = lanes.length === 0;
  table($('lane-table'), ['lane', 'session', 'mode', ...COUNTED], lanes.map(laneRow));
  table($('zone-table'), ['zone', 'inside', 'entered', 'left', 'pending'], zones.map(zoneRow));
  $('zone-table').hidden = zones.length === 0;
}

const COUNTED = ['authorised', 'passed', 'annulled', 'pending'];

function laneRow(l) {
  const purpose = cell(purposeLine(l.session, l.session_level) || '–');
  purpose.dataset.level = l.session_level;
  const mode = cell(say('page', l.mode));
  mode.dataset.level = l.mode === 'normal' ? 'good' : 'warn';
  return [cell(l.lane, 'th'), purpose, mode, ...COUNTED.map((name) => number(l.counts[name]))];
}

function zoneRow(z) {
  return [cell(z.zone || say('page', 'unnamed'), 'th'), ...['inside', 'entered', 'left', 'pending'].map((name) => number(z[name]))];
}

function table(parent, heads, rows) {
  const head = document.createElement('thead');
  head.append(row(heads.map((name) => {
    const e = cell(say('page', name), 'th');
    e.scope = 'col';
    return e;
  })));
  const body = document.createElement('tbody');
  body.append(...rows.map((cells) => {
    cells[0].scope = 'row';
    return row(cells);
  }));
  parent.replaceChildren(head, body);
}

function row(cells) {
  const e = document.createElement('tr');
  e.append(...cells);
  return e;
}

function cell(value, tag = 'td') {
  const e = document.createElement(tag);
  e.append(text('cell', value));
  return e;
}

function number(n) {
  const e = cell(String(n));
  e.className = 'number';
  return e;
}

function text(className, value) {
  const e = document.createElement('bdi');
  e.className = className;
  e.textContent = value;
  return e;
}

languageButtons($('languages'));
onLanguage(draw);
document.documentElement.lang ||= 'en';
speak();
look();

who().then((now) => {
  if (!now || !now.session) return;
  logoutButton($('logout'), now.session);
  if (now.session.role === 'operator') setUpTablets(() => (state ? state.lanes.map((l) => l.lane) : []));
  keep();
});
