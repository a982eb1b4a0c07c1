// The supervisor's panel: what to do, why, and who says so. Each step is one touch; nothing is typed but a PIN, and that is kept
// nowhere. What may be done and why comes from the server.

import { icon } from './icons.js';
import { ask, who } from './session.js';
import { isolate, onLanguage, say } from './speech.js';

const $ = (id) => document.getElementById(id);
const LONGEST = 12; // digits of a PIN
const SHORTEST = 6;
const DONE = 1500; // ms for which "done" stays

// setUpSupervisor makes the panel of a lane and returns what opens it. latest() returns what the last verdict was,
// {sequence, outcome, used}, or null.
export function setUpSupervisor(lane, latest) {
  const dialog = $('super');
  let can = null; // what the server says of supervisors; null where nobody is logged in
  let chosen = {}; // deed, on, sequence, time, reason, account
  let pin = '';
  let step = () => {};
  let closing = 0;

  const forget = () => {
    clearTimeout(closing);
    chosen = {};
    pin = '';
    step = () => {};
    $('super-steps').replaceChildren();
    $('super-note').textContent = '';
  };
  const note = (name, places) => { $('super-note').textContent = name && say('page', name, places); };

  function show(title, next, ...parts) {
    step = next;
    $('super-title').textContent = title;
    $('super-steps').replaceChildren(...parts);
  }

  // What to do.
  function deeds() {
    const last = latest();
    const stopped = last && last.sequence > 0 && last.outcome !== 'admit';
    show(say('page', 'supervisor'), deeds, choices([
      ...(stopped ? [[say('deed', 'override'), () => why({ deed: 'override', sequence: last.sequence })]] : []),
      ...(stopped && last.used ? [[say('deed', 'free'), () => why({ deed: 'free', sequence: last.used })]] : []),
      ...['open', 'rehearsal'].flatMap((deed) => [true, false].map((on) => [say('deed', `${deed}_${on ? 'on' : 'off'}`), () => why({ deed, on })])),
      [say('deed', 'clock'), clock],
    ]));
  }

  function clock() {
    const field = document.createElement('input');
    field.type = 'datetime-local';
    field.id = 'super-time';
    field.setAttribute('aria-label', say('deed', 'clock'));
    const now = new Date();
    field.value = new Date(now - now.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
    show(say('page', 'clock_is'), clock, field, choices([[say('page', 'next'), () => {
      const time = new Date(field.value);
      if (!Number.isNaN(time.getTime())) why({ deed: 'clock', time: `${time.toISOString().slice(0, 19)}Z` });
    }]]));
  }

  // Why.
  function why(what) {
    chosen = what;
    show(say('page', 'why'), () => why(what), choices(can.reasons[what.deed].map((reason) => [say('why', reason), () => {
      chosen = { ...what, reason };
      if (can.self || can.card) send();
      else account();
    }])));
  }

  // Who says so.
  function account() {
    if (can.accounts.length === 0) return note('no_supervisor');
    if (can.accounts.length === 1) return pad(can.accounts[0]);
    return show(say('page', 'account'), account, choices(can.accounts.map((name) => [isolate(name), () => pad(name)])));
  }

  function pad(name) {
    pin = '';
    chosen.account = name;
    const dots = document.createElement('output');
    dots.className = 'dots';
    dots.id = 'super-dots';
    const press = (next) => {
      pin = next.slice(0, LONGEST);
      dots.textContent = '•'.repeat(pin.length);
      keys.querySelector('.enter').disabled = pin.length < SHORTEST;
    };
    const keys = document.createElement('div');
    keys.className = 'pad';
    keys.dir = 'ltr';
    for (const digit of '123456789') keys.append(key(digit, digit, () => press(pin + digit)));
    keys.append(
      key(icon('erase'), say('page', 'erase'), () => press(pin.slice(0, -1))), key('0', '0', () => press(pin + '0')),
      key(icon('enter'), say('page', 'send'), () => send()),
    );
    keys.lastChild.classList.add('enter', 'main');
    show(say('page', 'pin', { name: isolate(name) }), () => pad(name), dots, keys);
    press('');
  }

  async function send() {
    const { deed, ...body } = chosen;
    if (pin !== '') body.pin = pin;
    pin = '';
    const path = deed === 'clock' ? '/v1/clock' : `/v1/lanes/${encodeURIComponent(lane)}/${deed}`;
    const answer = await ask('POST', path, body);
    if (!dialog.open) return;
    if (answer && answer.status === 204) {
      show(say('page', 'done'), () => {});
      note('');
      closing = setTimeout(() => dialog.close(), DONE);
      return;
    }
    if ($('super-dots')) pad(chosen.account);
    const [name, places] = refusal(answer);
    note(name, places);
  }

  async function open() {
    const now = await who(lane);
    can = now ? now.supervise : null;
    if (!can) return;
    forget();
    deeds();
    if (!dialog.open) dialog.showModal();
  }

  $('supervise').addEventListener('click', open);
  $('super-cancel').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', forget); // also by the Escape key

  const name = () => {
    $('supervise').setAttribute('aria-label', say('page', 'supervisor'));
    $('supervise').title = say('page', 'supervisor');
    step();
  };
  $('supervise').append(icon('supervisor'));
  onLanguage(name);
  return open;
}

// refusal returns the name of what to say of an answer that is no success, and what stands in it.
function refusal(answer) {
  if (!answer) return ['no_answer', {}];
  switch (answer.status) {
    case 401: return ['login_over', {}];
    case 403: return ['pin_wrong', {}];
    case 409: return ['not_now', {}];
    case 429: return ['login_wait', { n: answer.headers.get('Retry-After') }];
    case 503: return ['login_busy', {}];
  }
  return ['deed_failed', {}];
}

function choices(all) {
  const list = document.createElement('div');
  list.className = 'choices';
  for (const [text, act] of all) {
    const b = document.createElement('button');
    b.type = 'button';
    b.className = 'tool wide';
    b.textContent = text;
    b.addEventListener('click', act);
    list.append(b);
  }
  return list;
}

function key(face, name, act) {
  const b = document.createElement('button');
  b.type = 'button';
  b.className = 'tool key';
  b.append(face);
  b.setAttribute('aria-label', name);
  b.addEventListener('click', act);
  return b;
}
