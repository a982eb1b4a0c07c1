// Pairing: a tablet has read a code that holds this page's address and, in its fragment, a secret that is good for once. It is
// taken out of the address at once, and sent when somebody says so: a browser that only looks ahead uses nothing up.

import { ask } from './session.js';
import { language, languageButtons, onLanguage, say, speak } from './speech.js';

const $ = (id) => document.getElementById(id);

const code = location.hash.slice(1);
history.replaceState(null, '', location.pathname + location.search);

let note = code === '' ? 'pair_none' : '';

function draw() {
  $('note').textContent = note && say('page', note);
}

$('send').disabled = code === '';
$('form').addEventListener('submit', async (e) => {
  e.preventDefault();
  $('send').disabled = true;
  const answer = await ask('POST', '/v1/pair', { code });
  if (answer && answer.ok) {
    const { lane } = await answer.json();
    location.replace(`/lane/${encodeURIComponent(lane)}?lang=${language()}`);
    return;
  }
  const failed = answer !== null; // the code is used up, or was never good
  note = failed ? 'pair_failed' : 'no_answer';
  $('send').disabled = failed;
  draw();
});

languageButtons($('languages'));
onLanguage(draw);
speak();
