// The login. The password leaves the page with the request and is kept nowhere.

import { after, ask } from './session.js';
import { languageButtons, onLanguage, say, speak } from './speech.js';

const $ = (id) => document.getElementById(id);

let note = ''; // the name of what is said
let wait = 0; // seconds

function draw() {
  $('note').textContent = note && say('page', note, { n: wait });
}

function reason(answer) {
  if (!answer) return 'no_answer';
  switch (answer.status) {
    case 401: return 'login_wrong';
    case 403: return 'login_plain';
    case 404: return 'login_none';
    case 429:
      wait = Number(answer.headers.get('Retry-After'));
      return 'login_wait';
  }
  return 'login_busy';
}

$('form').addEventListener('submit', async (e) => {
  e.preventDefault();
  $('send').disabled = true;
  const answer = await ask('POST', '/v1/login', { account: $('account').value.trim().toLowerCase(), password: $('password').value });
  $('send').disabled = false;
  $('password').value = '';
  if (answer && answer.ok) {
    location.replace(after());
    return;
  }
  note = reason(answer);
  draw();
});

languageButtons($('languages'));
onLanguage(draw);
speak();
