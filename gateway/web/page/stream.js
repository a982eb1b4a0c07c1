// The lane's events. The server sends something every second; when nothing comes for longer than the page's patience the
// connection is lost, whatever the browser believes, and is opened anew until the server is back.

// TIMES are in ms; with this patience a lost connection is on the screen within 2 s.
export const TIMES = { patience: 1750, retry: 1000, look: 50 };

const NAMES = ['status', 'verdict', 'again', 'late', 'second_wanted', 'card', 'mode', 'scanner_gone', 'scanner_back', 'trust'];

// listen calls on[name](data) for each event of the lane, and on.lost() once when the connection is lost.
export function listen(address, lane, on) {
  let source;
  let heard = performance.now(); // when something came last
  let tried = heard;
  let lost = false;

  function open() {
    source?.close();
    source = new EventSource(address, { withCredentials: true }); // the cookie of this page's session goes to that port, too
    tried = performance.now();
    for (const name of NAMES) source.addEventListener(name, (e) => take(source, name, e));
  }

  function take(from, name, e) {
    if (from !== source) return; // of a connection that was given up
    let data;
    try {
      data = JSON.parse(e.data);
    } catch {
      return; // not ours; if nothing else comes, the connection counts as lost
    }
    if (data.lane !== lane) return;
    if (lost && name !== 'status') return; // after a gap, how things stand comes first
    heard = performance.now();
    lost = false;
    on[name](data);
  }

  setInterval(() => {
    const now = performance.now();
    if (now - heard < TIMES.patience) return;
    if (!lost) {
      lost = true;
      on.lost();
    }
    if (now - tried >= TIMES.retry) open();
  }, TIMES.look);

  open();
}
