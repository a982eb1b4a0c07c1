// Manual entry: for a phone whose screen is broken. What was typed leaves the page with the request and is kept nowhere.

import { say } from './speech.js';

const $ = (id) => document.getElementById(id);

export function setUpEntry(lane) {
  const dialog = $('entry');
  const field = $('entry-code');

  const forget = () => {
    field.value = '';
    $('entry-note').textContent = '';
  };
  const close = () => {
    forget();
    dialog.close();
  };
  $('key-in').addEventListener('click', () => {
    forget();
    dialog.showModal();
    field.focus();
  });
  $('entry-cancel').addEventListener('click', close);
  dialog.addEventListener('close', forget); // also by the Escape key
  $('entry-form').addEventListener('submit', async (e) => {
    e.preventDefault();
    const code = field.value.trim();
    if (code === '') return;
    $('entry-send').disabled = true;
    const note = await send(lane, code);
    $('entry-send').disabled = false;
    if (note === '') close();
    else $('entry-note').textContent = say('page', note);
  });
}

// send returns the name of what to say, or '' if the lane has the code.
async function send(lane, code) {
  try {
    const answer = await fetch(`/v1/lanes/${encodeURIComponent(lane)}/scan`, {
      method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: code, credentials: 'same-origin', signal: AbortSignal.timeout(5000),
    });
    switch (answer.status) {
      case 202: return '';
      case 413: return 'entry_long';
      case 503: return 'entry_busy';
    }
  } catch {
    // said below
  }
  return 'entry_failed';
}
