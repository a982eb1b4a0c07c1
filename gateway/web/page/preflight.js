// Whether the doors can be opened, what speaks against it first. It looks again as long as it is open; what the box said before is not
// shown when it does not answer.

import { icon } from './icons.js';
import { keep, leave, logoutButton, who } from './session.js';
import { has, language, languageButtons, onLanguage, say, speak } from './speech.js';

const LOOK = 1000; // ms between two looks
const PATIENCE = 900; // ms for an answer: after both a box that is gone is on the screen

const $ = (id) => document.getElementById(id);

let state = null; // what the box says; null where it does not answer
let asked = false;

async function look() {
  let next = null;
  try {
    const answer = await fetch('/v1/preflight', { signal: AbortSignal.timeout(PATIENCE), credentials: 'same-origin' });
    if (answer.status === 401) return leave();
    next = answer.ok ? await answer.json() : null;
  } catch { /* it does not answer */ }
  const before = JSON.stringify(state && { ...state, at: '' });
  state = next;
  if (!asked || before !== JSON.stringify(state && { ...state, at: '' })) draw();
  asked = true;
  setTimeout(look, LOOK);
}

function draw() {
  const ready = !state ? 'lost' : state.ready === true ? 'yes' : 'no';
  document.body.dataset.ready = ready;
  $('ready').textContent = say('page', { yes: 'ready_yes', no: 'ready_no', lost: 'no_answer' }[ready]);
  $('findings').replaceChildren(...(state ? state.checks.map(finding) : []));
  $('home').href = `/?lang=${language()}`;
}

function finding(f) {
  const item = document.createElement('li');
  item.className = 'finding';
  item.dataset.level = f.level;
  const name = has('page', f.check) ? say('page', f.check) : f.check;
  item.append(
    icon(f.level === 'good' ? 'good' : f.level === 'warn' ? 'warn' : 'bad'),
    text('what', f.lane ? `${name} – ${say('page', 'lane')} \u2068${f.lane}\u2069` : name), foreign('text', f.text),
  );
  if (f.fix) item.append(foreign('fix', `→ ${f.fix}`));
  return item;
}

function text(className, value) {
  const e = document.createElement('div');
  e.className = className;
  e.textContent = value;
  return e;
}

// foreign is text of the box for whoever looks after it, in English.
function foreign(className, value) {
  const e = text(className, value);
  e.lang = 'en';
  e.dir = 'ltr';
  return e;
}

languageButtons($('languages'));
onLanguage(draw);
speak();
look();

who().then((now) => {
  if (!now || !now.session) return;
  logoutButton($('logout'), now.session);
  keep();
});
