// The big part of the page: icon, word and colour together, so that no one of them has to be seen.

import { icon } from './icons.js';
import { clockTime, has, isolate, onLanguage, say } from './speech.js';

const AGAIN = 2500; // ms

const $ = (id) => document.getElementById(id);

export class Screen {
  #view = { view: 'wait' };
  #motif = 1; // alternates with each green
  #again = 0;

  constructor() {
    onLanguage(() => this.#draw());
    addEventListener('resize', () => this.#fit());
    document.fonts.ready.then(() => this.#fit());
  }

  // verdict shows {outcome: 'admit' | 'refer' | 'deny' | 'late', reason, count, earlier, claims}.
  verdict(v) {
    if (v.outcome === 'admit') this.#motif = 1 - this.#motif;
    this.#show({ ...v, view: v.outcome });
  }

  // rest shows a state between verdicts: 'idle', 'gone', 'lost' or 'wait'.
  rest(view) {
    if (this.#view.view !== view) this.#show({ view });
  }

  // again says that a code was shown before, over whatever is there, and lights nothing.
  again() {
    clearTimeout(this.#again);
    $('again').hidden = false;
    this.#again = setTimeout(() => { $('again').hidden = true; }, AGAIN);
  }

  #show(view) {
    this.#view = view;
    clearTimeout(this.#again);
    $('again').hidden = true;
    this.#draw();
  }

  #draw() {
    const v = this.#view;
    document.body.dataset.view = v.view;
    document.body.dataset.motif = v.view === 'admit' ? this.#motif : '';
    $('icon').replaceChildren(icon(v.view === 'admit' ? `admit${this.#motif}` : v.view));
    $('word').textContent = word(v);
    $('say').textContent = instruction(v);
    $('more').textContent = v.earlier
      ? say('view', 'used', { lane: isolate(v.earlier.lane), time: isolate(clockTime(v.earlier.at)) }) : '';
    $('count').textContent = v.count ? `${say('page', 'number')} ${v.count}` : '';
    $('code').textContent = v.reason && v.reason !== 'ok' ? v.reason : '';
    $('again').replaceChildren(icon('again'), say('view', 'again'));
    const claims = Object.entries(v.claims ?? {});
    $('claims').hidden = claims.length === 0;
    $('claims').replaceChildren(...claims.map(claim));
    this.#fit();
  }

  // fit makes the word as large as its room allows: for verdicts never under a sixth of the screen's height (product
  // requirement); a word that is too wide at that height is narrowed instead. The line is as high as the letters are, not
  // as the font says: Arabic fonts leave room for marks that these words do not have.
  #fit() {
    const e = $('word');
    const verdict = ['admit', 'refer', 'deny', 'late'].includes(this.#view.view);
    const room = e.parentElement.clientWidth;
    const ink = inkOf(e);
    const least = verdict ? (innerHeight / 6) * 1.02 : innerHeight / 14;
    const most = verdict ? innerHeight * (innerHeight > innerWidth ? 0.19 : 0.23) : innerHeight / 9;
    const size = Math.max(least / ink.letter, Math.min(most / ink.letter, room / ink.width));
    const line = (ink.above + ink.below + 2 * MARGIN) * size;
    const shift = (MARGIN + ink.above) * size - (line + (ink.fontAbove - ink.fontBelow) * size) / 2;
    const squeeze = Math.min(1, room / (ink.width * size));
    e.style.fontSize = `${size}px`;
    e.style.lineHeight = `${line}px`;
    e.style.transform = `translateY(${shift}px) scaleX(${squeeze})`;
  }
}

const MARGIN = 0.06; // above and below the word's letters, in em

function claim([name, value]) {
  const pair = document.createElement('div');
  const term = document.createElement('dt');
  term.textContent = has('claim', name) ? say('claim', name) : name;
  const text = document.createElement('dd');
  text.dir = 'auto';
  text.textContent = value;
  pair.append(term, text);
  return pair;
}

function word(v) {
  switch (v.view) {
    case 'admit': case 'refer': case 'deny': return say('outcome', v.view);
    case 'late': return say('outcome', 'refer');
  }
  return say('view', v.view);
}

function instruction(v) {
  if (v.reason) return say('reason', has('reason', v.reason) ? v.reason : 'internal');
  return say('view', `${v.view}_say`);
}

// inkOf measures the word in em: how wide it is, how far it stands above and below the base line, and how high its letters
// are: a capital where there are capitals, so that an accent counts for nothing, else all of the word.
function inkOf(e) {
  const brush = document.createElement('canvas').getContext('2d');
  const style = getComputedStyle(e);
  brush.font = `${style.fontWeight} 100px ${style.fontFamily}`;
  const w = brush.measureText(e.textContent);
  const capital = brush.measureText('H').actualBoundingBoxAscent;
  const above = w.actualBoundingBoxAscent / 100;
  const below = w.actualBoundingBoxDescent / 100;
  return {
    above, below, width: w.width / 100, letter: document.documentElement.dir === 'rtl' ? above + below : capital / 100,
    fontAbove: w.fontBoundingBoxAscent / 100, fontBelow: w.fontBoundingBoxDescent / 100,
  };
}
