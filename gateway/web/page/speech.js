// What the page says, in which language. The language stands in the address (?lang=) and nowhere else: nothing is stored.

import words from './words.js';

export const languages = Object.keys(words);

const listeners = [];

export function onLanguage(f) { listeners.push(f); }

export function language() { return document.documentElement.lang; }

// has says whether the table has a text of that name: not one that every object has, like "constructor".
export function has(section, name) { return Object.hasOwn(words[language()][section], name); }

// say returns a text of the table with its {places} filled in, and nothing for a name that it does not have.
export function say(section, name, places = {}) {
  const text = has(section, name) ? words[language()][section][name] : '';
  return text.replace(/\{(\w+)\}/g, (_, place) => places[place] ?? '');
}

// isolate keeps a name or number in its own direction inside a sentence of the other (Unicode, UAX 9: FSI and PDI).
export function isolate(text) { return '\u2068' + text + '\u2069'; }

export function setLanguage(l) {
  document.documentElement.lang = l;
  document.documentElement.dir = words[l].dir;
  const address = new URL(location.href);
  address.searchParams.set('lang', l);
  history.replaceState(null, '', address);
  speak();
}

// speak fills in all that stands in the document, and has the listeners say theirs again.
export function speak() {
  for (const e of document.querySelectorAll('[data-say]')) e.textContent = say('page', e.dataset.say);
  for (const b of document.querySelectorAll('[data-language]')) b.setAttribute('aria-pressed', String(b.dataset.language === language()));
  for (const f of listeners) f();
}

export function languageButtons(parent) {
  for (const l of languages) {
    const b = document.createElement('button');
    b.type = 'button';
    b.className = 'tool';
    b.lang = l;
    b.dataset.language = l;
    b.textContent = words[l].button;
    b.setAttribute('aria-label', words[l].name);
    b.addEventListener('click', () => setLanguage(l));
    parent.append(b);
  }
}

// age says how long a number of seconds is, in one unit.
export function age(seconds) {
  if (seconds < 120) return say('page', 'seconds', { n: seconds });
  if (seconds < 120 * 60) return say('page', 'minutes', { n: Math.floor(seconds / 60) });
  if (seconds < 48 * 3600) return say('page', 'hours', { n: Math.floor(seconds / 3600) });
  return say('page', 'days', { n: Math.floor(seconds / 86400) });
}

// clockTime says when something was: the time, and the day if it was another.
export function clockTime(stamp, now = new Date()) {
  const t = new Date(stamp);
  const two = (n) => String(n).padStart(2, '0');
  const time = `${two(t.getHours())}:${two(t.getMinutes())}`;
  return t.toDateString() === now.toDateString() ? time : `${two(t.getDate())}/${two(t.getMonth() + 1)} ${time}`;
}
