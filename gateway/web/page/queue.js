// Which verdict is on the screen, and for how long. A verdict stays for MIN at least. Those that come in the meantime wait,
// at most WAITING of them; then the oldest green goes first. The newest wins: a green, or a "no answer", that a newer verdict has overtaken is skipped,
// for its lamp has been seen. A refusal is never skipped for a green.

export const MIN = 1000; // ms
export const HOLD = { admit: 2000, refer: 8000, deny: 8000, late: 8000 }; // ms until the screen rests again
const WAITING = 3;

export class Queue {
  #show;
  #rest;
  #waiting = [];
  #timer = 0;
  #free = true; // what is on the screen has had its time

  constructor(show, rest) {
    this.#show = show;
    this.#rest = rest;
  }

  add(verdict) {
    this.#waiting.push(verdict);
    if (this.#waiting.length > WAITING) {
      const passing = this.#waiting.findIndex((v) => ['admit', 'late'].includes(v.outcome));
      this.#waiting.splice(Math.max(passing, 0), 1);
    }
    if (this.#free) this.#next();
  }

  // clear forgets all: after it nothing is shown until the next add.
  clear() {
    clearTimeout(this.#timer);
    this.#waiting = [];
    this.#free = true;
  }

  #next() {
    clearTimeout(this.#timer);
    while (this.#waiting.length > 1 && ['admit', 'late'].includes(this.#waiting[0].outcome)) this.#waiting.shift();
    const verdict = this.#waiting.shift();
    const min = verdict.outcome === 'late' ? 0 : MIN; // a verdict that comes late is shown at once
    this.#free = min === 0;
    this.#show(verdict);
    this.#timer = setTimeout(() => this.#had(verdict, min), min);
  }

  #had(verdict, min) {
    this.#free = true;
    if (this.#waiting.length > 0) {
      this.#next();
      return;
    }
    this.#timer = setTimeout(this.#rest, HOLD[verdict.outcome] - min);
  }
}
