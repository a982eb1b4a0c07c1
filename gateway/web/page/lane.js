// The lane page: what one lane has just decided, for the steward beside it. It keeps no history and stores nothing.

import { setUpEntry } from './entry.js';
import { icon } from './icons.js';
import { Queue } from './queue.js';
import { Screen } from './screen.js';
import { keep, logoutButton, stayOrLeave, who } from './session.js';
import { play, soundIsOn, toggleSound } from './sound.js';
import { languageButtons, onLanguage, say, speak } from './speech.js';
import { listen } from './stream.js';
import { showStrip } from './strip.js';
import { setUpSupervisor } from './supervise.js';

const $ = (id) => document.getElementById(id);
const { lane, events } = document.body.dataset;

let status = null; // the last one; null while nothing is known
let resting = true; // no verdict is on the screen
let second = 0; // the timer that runs while a second document is awaited

const SECOND = 21000; // ms: the lane gives up a little earlier, and says so
let latest = null; // the last verdict, for a supervisor: its number and outcome, and which one used the ticket before (0: none)

const screen = new Screen();
const queue = new Queue(
  (verdict) => {
    resting = false;
    screen.verdict(verdict);
    play(verdict.outcome);
  },
  rest,
);

function rest() {
  resting = true;
  if (!status) return;
  if (second) screen.rest('second'); // also where the first one was typed because there is no scanner
  else screen.rest(status.connected ? 'idle' : 'gone');
}

// awaitSecond says that the first of two documents is there, until there is a verdict or the lane must have given up.
function awaitSecond(on) {
  clearTimeout(second);
  second = on ? setTimeout(() => { second = 0; if (resting) rest(); }, SECOND) : 0;
}

function setStatus(s) {
  status = s;
  $('profile').textContent = s ? s.profile : '';
  document.body.dataset.mode = s?.mode ?? 'normal';
  $('mode').hidden = !s || !['open', 'rehearsal'].includes(s.mode);
  if (!$('mode').hidden) $('mode').textContent = say('page', s.mode);
  showStrip($('strip'), s);
  if (s && resting) rest();
}

// outcomeOf believes a green only if it is final: on disk, with its use claimed. What it does not know is for a person. Who may
// not see reasons gets none.
function outcomeOf(v) {
  if (v.verdict === 'deny') return { outcome: 'deny', reason: v.reason };
  if (v.verdict === 'admit' && v.mode === 'rehearsal') return { outcome: 'admit', reason: 'ok' }; // said to be one, all over the page
  if (v.verdict === 'admit' && v.final === true && (v.reason === 'ok' || !('reason' in v))) return { outcome: 'admit', reason: 'ok' };
  return { outcome: 'refer', reason: v.verdict === 'refer' ? v.reason : 'internal' };
}

listen(`${events}/v1/lanes/${encodeURIComponent(lane)}/events`, lane, {
  status: setStatus,
  verdict: (v) => {
    const outcome = outcomeOf(v);
    awaitSecond(false);
    latest = { sequence: v.sequence, outcome: outcome.outcome, used: v.earlier?.sequence ?? 0 };
    queue.add({ ...outcome, count: v.count, earlier: v.earlier, claims: v.claims });
  },
  again: () => screen.again(),
  card: () => openSupervisor(), // a supervisor stands here
  second_wanted: () => {
    queue.clear();
    awaitSecond(true);
    rest();
  },
  mode: (e) => setStatus({ ...status, mode: e.mode }),
  late: () => queue.add({ outcome: 'late' }),
  scanner_gone: () => setStatus({ ...status, connected: false }),
  scanner_back: () => setStatus({ ...status, connected: true }),
  trust: (e) => setStatus({ ...status, trust: e.trust }),
  lost: () => {
    queue.clear();
    setStatus(null);
    resting = true;
    screen.rest('lost');
    stayOrLeave(); // it may be that the session is over
  },
});

function drawSound() {
  const text = say('page', soundIsOn() ? 'sound_on' : 'sound_off');
  $('sound').replaceChildren(icon(soundIsOn() ? 'sound' : 'mute'));
  $('sound').setAttribute('aria-label', text);
  $('sound').title = text;
  $('sound').setAttribute('aria-pressed', String(soundIsOn()));
}

$('sound').addEventListener('click', () => {
  toggleSound();
  drawSound();
});
$('key-in').append(icon('keys'));
onLanguage(() => {
  drawSound();
  $('key-in').setAttribute('aria-label', say('page', 'key_in'));
  $('key-in').title = say('page', 'key_in');
  setStatus(status);
});
setUpEntry(lane);
const openSupervisor = setUpSupervisor(lane, () => latest);
languageButtons($('languages'));
speak();

who(lane).then((now) => {
  if (!now || !now.session) return;
  $('supervise').hidden = !now.supervise;
  $('key-in').hidden = now.session.role === 'operator';
  logoutButton($('logout'), now.session);
  keep();
});
