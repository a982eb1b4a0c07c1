// Who is logged in. The session itself is in a cookie that no script can read.

import { icon } from './icons.js';
import { language, onLanguage, say } from './speech.js';

const HERE = 60000; // ms between two signs that somebody is there
const PATIENCE = 5000; // ms for an answer

// ask sends a request to this server and returns its answer, or null if there was none.
export async function ask(method, path, body) {
  const options = { method, credentials: 'same-origin', signal: AbortSignal.timeout(PATIENCE) };
  if (body !== undefined) {
    options.headers = { 'Content-Type': 'application/json' };
    options.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, options);
  } catch {
    return null;
  }
}

// who returns {login, session, supervise}, or null if the box does not answer.
export async function who(lane = '') {
  const answer = await ask('GET', `/v1/session?lane=${encodeURIComponent(lane)}`);
  return answer && answer.ok ? answer.json() : null;
}

// leave goes to the login, from where the way leads back here.
export function leave() {
  location.replace(`/login?next=${encodeURIComponent(location.pathname)}&lang=${language()}`);
}

// stayOrLeave goes to the login if somebody has to log in and nobody has.
export async function stayOrLeave() {
  const now = await who();
  if (now && now.login && !now.session) leave();
}

// after returns where a login leads: the page that was asked for, on this server and nowhere else.
export function after() {
  const next = URL.parse(new URLSearchParams(location.search).get('next') ?? '/', location.origin);
  const known = next && next.origin === location.origin && (['/', '/preflight'].includes(next.pathname) || /^\/lane\/[^/]+$/.test(next.pathname));
  return `${known ? next.pathname : '/'}?lang=${language()}`;
}

// keep tells the server, now and then, that whoever is logged in touches the page: those who see identity are logged out when
// they are away.
export function keep() {
  let told = performance.now();
  for (const kind of ['pointerdown', 'keydown']) {
    addEventListener(kind, () => {
      if (performance.now() - told < HERE) return;
      told = performance.now();
      ask('POST', '/v1/session');
    });
  }
}

// logoutButton shows a button for a person who is logged in; a tablet has nobody to log out.
export function logoutButton(button, session) {
  button.hidden = !session || session.lane !== '';
  if (button.hidden) return;
  button.replaceChildren(icon('leave'));
  const name = () => {
    button.setAttribute('aria-label', say('page', 'logout'));
    button.title = `${say('page', 'logout')}: ${session.name}`;
  };
  onLanguage(name);
  name();
  button.addEventListener('click', async () => {
    await ask('POST', '/v1/logout');
    leave();
  });
}
