// Icons, drawn here so that nothing is fetched and nothing is parsed. Each is a list of shapes on a square of 100 by 100:
// "solid" is filled with the text's colour, "cut" is drawn over it in the ground's, "line" is drawn in the text's colour.

const SVG = 'http://www.w3.org/2000/svg';

const corners = 'M8 30V16a8 8 0 0 1 8-8h14M70 8h14a8 8 0 0 1 8 8v14M92 70v14a8 8 0 0 1-8 8H70M30 92H16a8 8 0 0 1-8-8V70';
const reader = 'M20 22h46a10 10 0 0 1 10 10v14a10 10 0 0 1-10 10H52l-6 26a6 6 0 0 1-6 4h-8a6 6 0 0 1-6-7l4-23H20a8 8 0 0 1-8-8V30a8 8 0 0 1 8-8Z';

const ICONS = {
  admit0: [['solid', 'M50 3a47 47 0 1 1 0 94a47 47 0 0 1 0-94Z'], ['cut', 'M26 52l17 17l32-36']],
  admit1: [['solid', 'M18 4h64a14 14 0 0 1 14 14v64a14 14 0 0 1-14 14H18a14 14 0 0 1-14-14V18a14 14 0 0 1 14-14Z'], ['cut', 'M26 52l17 17l32-36']],
  deny: [['solid', 'M32 3h36l29 29v36l-29 29H32L3 68V32Z'], ['cut', 'M33 33l34 34M67 33l-34 34']],
  refer: [['solid', 'M50 5a8 8 0 0 1 7 4l39 71a9 9 0 0 1-8 14H12a9 9 0 0 1-8-14L43 9a8 8 0 0 1 7-4Z'], ['cut', 'M39 45a11.500 11.500 0 1 1 16 11q-5 3-5 9'], ['dot', 'M50 80h.1']],
  late: [['solid', 'M50 3a47 47 0 1 1 0 94a47 47 0 0 1 0-94Z'], ['cut', 'M50 22v30l19 13']],
  idle: [['line', corners], ['line', 'M28 34v32M42 34v32M58 34v32M72 34v32']],
  second: [['line', 'M14 26h46a6 6 0 0 1 6 6v28a6 6 0 0 1-6 6H14a6 6 0 0 1-6-6V32a6 6 0 0 1 6-6Z'], ['solid', 'M42 46h46a6 6 0 0 1 6 6v28a6 6 0 0 1-6 6H42a6 6 0 0 1-6-6V52a6 6 0 0 1 6-6Z']],
  wait: [['line', corners]],
  gone: [['line', reader], ['line', 'M86 24l8-4M88 39h8M86 54l8 4'], ['slash', 'M8 92L92 8']],
  lost: [['line', 'M10 40a58 58 0 0 1 80 0M25 57a36 36 0 0 1 50 0M40 73a15 15 0 0 1 20 0'], ['slash', 'M12 92L88 8']],
  again: [['line', 'M78 30a34 34 0 1 0 6 26'], ['line', 'M82 8v24H58']],
  sound: [['solid', 'M10 38h16l22-20v64L26 62H10Z'], ['line', 'M62 34a22 22 0 0 1 0 32M74 22a38 38 0 0 1 0 56']],
  mute: [['solid', 'M10 38h16l22-20v64L26 62H10Z'], ['line', 'M64 38l24 24M88 38l-24 24']],
  keys: [['line', 'M12 24h76a6 6 0 0 1 6 6v40a6 6 0 0 1-6 6H12a6 6 0 0 1-6-6V30a6 6 0 0 1 6-6Z'], ['line', 'M22 42h.1M36 42h.1M50 42h.1M64 42h.1M78 42h.1M30 60h40']],
  supervisor: [['line', 'M50 8a20 20 0 1 1 0 40a20 20 0 0 1 0-40Z'], ['line', 'M14 92v-6a24 24 0 0 1 24-24h24a24 24 0 0 1 24 24v6'], ['line', 'M50 66l6 10h-12Z']],
  leave: [['line', 'M56 12H20a6 6 0 0 0-6 6v64a6 6 0 0 0 6 6h36'], ['line', 'M40 50h48M70 30l20 20l-20 20']],
  erase: [['line', 'M34 20h54a6 6 0 0 1 6 6v48a6 6 0 0 1-6 6H34L6 50Z'], ['line', 'M48 38l24 24M72 38l-24 24']],
  enter: [['line', 'M16 54l24 24l46-54']],
  good: [['solid', 'M50 14a36 36 0 1 1 0 72a36 36 0 0 1 0-72Z']],
  warn: [['solid', 'M50 8l46 82H4Z']],
  bad: [['solid', 'M12 12h76v76H12Z']],
};

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 100 100');
  svg.setAttribute('class', 'drawn');
  svg.setAttribute('aria-hidden', 'true');
  for (const [kind, d] of ICONS[name]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', kind);
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}
