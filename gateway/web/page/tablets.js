// Pairing on the list of lanes, for an operator: a code that a tablet reads, for one lane.

import { ask } from './session.js';
import { isolate, onLanguage, say } from './speech.js';

const SVG = 'http://www.w3.org/2000/svg';
const QUIET = 4; // modules around a QR code (ISO/IEC 18004, section 5.3.8)
const ROLES = ['steward', 'retail', 'airline'];

const $ = (id) => document.getElementById(id);

// setUpTablets lets an operator pair a tablet; lanes() returns the lanes' names.
export function setUpTablets(lanes) {
  const dialog = $('tablet');
  let lane = null;

  const clear = () => {
    lane = null;
    $('tablet-steps').replaceChildren();
    $('tablet-note').textContent = '';
  };

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
    $('tablet-steps').replaceChildren(list);
  }

  function chooseLane() {
    choices(lanes().map((id) => [isolate(id), () => {
      lane = id;
      choices(ROLES.map((role) => [say('role', role), () => pair(role)]));
    }]));
  }

  async function pair(role) {
    const answer = await ask('POST', '/v1/pairings', { lane, role });
    if (!answer || answer.status !== 201) {
      $('tablet-note').textContent = say('page', answer ? 'pair_refused' : 'no_answer');
      return;
    }
    const { qr } = await answer.json();
    $('tablet-steps').replaceChildren(drawn(qr));
    $('tablet-note').textContent = say('page', 'pair_read', { lane: isolate(lane) });
  }

  $('pair').hidden = false;
  $('pair').addEventListener('click', () => {
    clear();
    chooseLane();
    dialog.showModal();
  });
  $('tablet-cancel').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', clear); // a code does not stay on a screen
  onLanguage(() => { if (dialog.open && lane === null) chooseLane(); });
}

// drawn makes a picture of rows of modules.
function drawn(rows) {
  const size = rows.length + 2 * QUIET;
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('class', 'qr');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', say('page', 'pair'));
  const path = document.createElementNS(SVG, 'path');
  let d = '';
  rows.forEach((row, y) => [...row].forEach((m, x) => { if (m === '1') d += `M${x + QUIET} ${y + QUIET}h1v1h-1z`; }));
  path.setAttribute('d', d);
  svg.append(path);
  return svg;
}
