// What a lane is for, and what was counted there, in words.

import { clockTime, isolate, say } from './speech.js';

const FLIGHTS = 2; // named; of more there is only a number

// purpose says what a session is: event or flights, gate, zone, when. It is empty where nothing was said.
export function purpose(session) {
  if (!session) return '';
  const flights = (session.flights ?? []).map((f) => isolate(`${f.carrier}${f.number}${f.suffix ?? ''} ${f.date.slice(8)}/${f.date.slice(5, 7)}`));
  const parts = [session.event && isolate(session.event), ...flights.slice(0, FLIGHTS)];
  if (flights.length > FLIGHTS) parts.push(isolate(`+${flights.length - FLIGHTS}`));
  if (session.gate) parts.push(say('page', 'gate', { name: isolate(session.gate) }));
  if (session.zone) parts.push(say('page', 'zone_of', { name: isolate(session.zone) }));
  if (session.exit) parts.push(say('page', 'way_out'));
  parts.push(times(session));
  return parts.filter(Boolean).join(' · ');
}

function times({ from, until }) {
  if (from && until) return isolate(`${clockTime(from)}–${clockTime(until)}`);
  if (from) return say('page', 'from_time', { time: isolate(clockTime(from)) });
  return until ? say('page', 'until_time', { time: isolate(clockTime(until)) }) : '';
}

// purposeLine is the same in one line for a lane, with what is wrong with it.
export function purposeLine(session, level) {
  if (!session) return level === 'good' ? '' : say('page', 'unset');
  return level === 'good' ? purpose(session) : `${say('page', 'odd')} · ${purpose(session)}`;
}

// countsLine says how many walked through at a lane, and of how many that is not so or not known.
export function countsLine(counts) {
  const shown = ['passed', 'annulled', 'pending'].filter((name) => name === 'passed' || counts[name] > 0);
  return shown.map((name) => `${say('page', name)} ${isolate(counts[name])}`).join(' · ');
}
