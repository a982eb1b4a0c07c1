// Three sounds, made here. A browser plays none until somebody has touched the page: that is what the button is for.

// Each sound is a list of [start in s, length in s, frequency in Hz, shape].
const SOUNDS = {
  admit: [[0, 0.09, 880, 'sine'], [0.1, 0.2, 1318.51, 'sine']], // up
  refer: [[0, 0.14, 587.33, 'triangle'], [0.22, 0.14, 587.33, 'triangle'], [0.44, 0.14, 587.33, 'triangle']], // level, three times
  deny: [[0, 0.26, 233.08, 'square'], [0.3, 0.42, 155.56, 'square']], // down, long
};
SOUNDS.late = SOUNDS.refer;

const LOUD = { sine: 0.5, triangle: 0.55, square: 0.22 }; // so that the three sound equally loud

let player = null;

export function soundIsOn() { return player !== null; }

export function toggleSound() {
  if (player) {
    player.close();
    player = null;
    return;
  }
  player = new AudioContext();
  player.resume();
  play('admit');
}

export function play(name) {
  if (!player) return;
  for (const [start, length, frequency, shape] of SOUNDS[name]) {
    const tone = player.createOscillator();
    const volume = player.createGain();
    const at = player.currentTime + start;
    tone.type = shape;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(LOUD[shape], at + 0.01);
    volume.gain.setValueAtTime(LOUD[shape], at + length - 0.03);
    volume.gain.linearRampToValueAtTime(0, at + length);
    tone.connect(volume).connect(player.destination);
    tone.start(at);
    tone.stop(at + length);
  }
}
