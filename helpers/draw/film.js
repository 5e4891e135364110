// Plays a film (film.py makes it): the kitchen at a moment, the timeline, and the code.

const CSS = `
.task-cards-film { color: var(--jp-content-font-color1, CanvasText); font: 13px/1.35
  var(--jp-ui-font-family, system-ui, sans-serif); max-width: 75em; container-type: inline-size; }
.task-cards-film h3 { font-size: 15px; line-height: 1.2; margin: 2px 0; }
.task-cards-film p { margin: 1px 0; }
.task-cards-film .about, .task-cards-film .names { opacity: 0.8; }
.task-cards-film .stage { display: grid; grid-template-columns: minmax(0, 1fr); gap: 4px 14px; }
@container (min-width: 720px) { .task-cards-film .coded {
  grid-template-columns: minmax(0, 1fr) minmax(0, 0.85fr); } }
.task-cards-film .kitchen { display: grid; gap: 0 10px; grid-template-columns: max-content
  minmax(0, 1fr) max-content minmax(0, 1fr); }
.task-cards-film .wide { grid-column: 2 / 5; }
@container (max-width: 480px) {
  .task-cards-film .kitchen { grid-template-columns: max-content minmax(0, 1fr); }
  .task-cards-film .wide { grid-column: 2; } }
.task-cards-film .place { opacity: 0.8; line-height: 21px; }
.task-cards-film .cards { margin: 0; height: 21px; display: flex; gap: 5px; align-items: center;
  overflow: hidden; white-space: nowrap; }
.task-cards-film .card { border: 1.5px solid var(--look); border-radius: 4px; padding: 0 6px;
  line-height: 17px; max-width: 16em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.task-cards-film .full { background: var(--look); color: #fff; }
.task-cards-film svg { display: block; width: 100%; touch-action: none; cursor: ew-resize; }
.task-cards-film svg text { fill: currentColor; font-size: 11px; }
.task-cards-big :is(.task-cards-film, .task-cards-lab) { zoom: 1.4; }
.task-cards-big .task-cards-lab .task-cards-film { zoom: 1; }
.task-cards-film .bar { display: flex; flex-wrap: wrap; gap: 4px; align-items: center; }
.task-cards-film button, .task-cards-film select { font: inherit; color: inherit; padding: 2px 8px;
  background: transparent; border: 1px solid #8c959f; border-radius: 4px; min-height: 26px; }
.task-cards-film option { color: CanvasText; background: Canvas; }
.task-cards-film button[aria-disabled=true] { opacity: 0.45; }
.task-cards-film :focus-visible { outline: 3px solid #ee7d11; outline-offset: 1px; }
.task-cards-film input { flex: 1 1 8em; min-width: 6em; accent-color: #2373bd; }
.task-cards-film .say { height: 2.4em; line-height: 1.2; overflow: hidden auto; }
.task-cards-film .signs { font-size: 12px; }
.task-cards-film .signs span { margin-right: 10px; display: inline-block; }
.task-cards-film.pale svg { opacity: 0.35; pointer-events: none; }
.task-cards-film.pale :is(.about, .kitchen, .bar, .say, .number, .head) { visibility: hidden; }
.jp-OutputArea:has(.task-cards-film) .task-cards-asleep { display: none; }
.task-cards-film pre { margin: 0; overflow: auto; max-height: 380px; font: 12px/1.45
  var(--jp-code-font-family, ui-monospace, monospace); }
.task-cards-film pre > div { white-space: pre; padding: 0 4px; }
.task-cards-film .now { background: rgba(35, 115, 189, 0.25); box-shadow: inset 3px 0 #2373bd; }
.task-cards-film .names { font-style: italic; }
.task-cards-film .changed { color: var(--jp-content-font-color1, CanvasText); font-weight: 700; }
`;
const [RUNNING, READY, IDLE] = [0, 1, 2]; // their places in film.states
const EPSILON = 1e-9;
const HEIGHT = 186, LEAST = 110; // of the timeline's rows, in pixels
const STAGE = 290; // of a lab, whose picture and controls are on one screen: down to the last row

// What a film has to be played by; a pale one is its timeline alone.
const STILL = { end: 0, part: "", chefs: [], lanes: [], steps: [], code: [], visits: [] };

// When a step's card was ready for it. By step, the step that made it so is what tells.
const readyAt = (film, [, ready, , , , , queued]) =>
  (film.byStep && queued !== null ? film.steps[queued][3] : ready);

// When in a step the last card was made ready that is so before the step ends; by the step. Who is
// taken up before that, a branch or an eager task or by another chef, has not to be seen to wait. (In
// a step of no length it cannot be told.)
function madeReady(film) {
  const moments = new Map(), seen = new Set();
  for (const step of film.steps) {
    const [lane, , begins, , , , queued] = step, ready = readyAt(film, step);
    const isNew = !seen.has(lane) && !film.lanes[lane][3];
    seen.add(lane);
    const [by, , start, end] = film.steps[queued] ?? [lane];
    const waits = begins >= end - EPSILON && (ready < end - EPSILON || (isNew && ready <= end));
    if (by !== lane && waits) moments.set(queued, Math.max(moments.get(queued) ?? start, ready));
  }
  return moments;
}

// Every frame: the step that it belongs to, from when to when it lasts, and which line, if any. In
// the last of a step that made others ready, these are on the rail, its own card still in hand.
// Where steps end and none begins for a while, a frame waits; the last one shows the end.
export function framesOf(film) {
  const frames = [], made = madeReady(film);
  let busy = film.steps[0]?.[2] ?? 0;
  film.steps.forEach(([, , start, end], step) => {
    const next = film.steps[step + 1]?.[2] ?? film.end;
    const until = Math.min(end, Math.max(next, start)); // of a team, others may begin meanwhile
    const lines = film.visits[step] ?? [];
    const begins = lines.map(([, , at], n) =>
      (film.byStep ? start + n / lines.length : n ? Math.max(at, start) : start));
    begins.forEach((from, n) =>
      frames.push({ step, line: n, from, to: begins[n + 1] ?? Math.max(from, until) }));
    if (!lines.length) frames.push({ step, line: -1, from: start, to: until });
    const last = frames.at(-1), from = Math.max(made.get(step), last.from); // NaN where none was
    if (lines.length && from <= last.from + EPSILON) last.made = true;
    else if (from <= last.to + EPSILON) {
      frames.push({ ...last, from, made: true });
      last.to = from;
    }
    busy = Math.max(busy, end);
    const rest = { step, line: -1, waits: true };
    const others = Math.min(busy, next); // others are at work until then
    if (others > end + EPSILON) frames.push({ ...rest, from: end, to: others });
    if (next > busy + EPSILON) frames.push({ ...rest, from: busy, to: next });
  });
  const { end, steps } = film;
  const over = { step: steps.length - 1, line: -1, from: end, to: end, over: true };
  const isLate = frames.some(({ from }, n) => from < frames[n - 1]?.from - EPSILON);
  return [...(isLate ? byTime(film, frames) : frames), over];
}

// Where threads or eager tasks begin between a step's lines: frames in the order of time. One without
// a line shows that of the step that is under way, and `begun` is the last step that has.
function byTime(film, frames) {
  const sorted = [];
  const isOver = ({ step, from }) =>
    film.steps[step][2] < from - EPSILON && film.steps[step][3] <= from + EPSILON;
  frames.sort((a, b) => a.from - b.from || isOver(b) - isOver(a));
  for (const frame of frames) {
    const under = frame.line < 0
      && sorted.findLast(x => x.line >= 0 && film.steps[x.step][3] > frame.from + EPSILON);
    const shown = under ? { step: under.step, line: under.line, waits: false } : {};
    const begun = Math.max(frame.step, sorted.at(-1)?.begun ?? 0);
    sorted.push({ ...frame, ...shown, begun });
  }
  sorted.forEach((frame, n) => { frame.to = sorted[n + 1]?.from ?? film.end; });
  return sorted;
}

// Each lane's steps, by their numbers.
function stepsOf(film) {
  if (!film.own) {
    film.own = film.lanes.map(() => []);
    film.steps.forEach(([lane], n) => film.own[lane].push(n));
  }
  return film.own;
}

// Where every lane is at a frame: in whose hand, on the rail in order, in an oven, waiting, ended.
export function kitchenAt(film, frame, now = frame.from) {
  const kitchen = { hands: [], rail: [], ovens: [], waits: [], ended: [] };
  const resting = frame.waits || frame.over, begun = frame.begun ?? frame.step;
  stepsOf(film).forEach((own, lane) => {
    const [, end, outcome, before, after] = film.lanes[lane];
    const past = own.filter(n => n <= begun);
    const next = own[past.length];
    const inHand = past.filter(n => film.steps[n][3] > now
      || (n === frame.step && !resting && film.steps[n][3] >= now - EPSILON)).pop();
    if (inHand !== undefined) {
      kitchen.hands.push({ lane, chef: film.steps[inHand][4] });
    } else if (next !== undefined) {
      const [, , , , chef, by, queued] = film.steps[next], ready = readyAt(film, film.steps[next]);
      const isOver = resting || frame.made || ready < now - EPSILON;
      const come = ready <= now + EPSILON
        && (queued === null || (queued <= begun && (queued !== frame.step || isOver)));
      if (come) kitchen.rail.push({ lane, next, chef, by, queued });
      else if (past.length || before) {
        if (by === film.timer) kitchen.ovens.push({ lane, left: ready - now });
        else kitchen.waits.push({ lane, by });
      }
    } else if (after && now < end) kitchen.waits.push({ lane, by: "a later step" });
    else if (outcome === "pending") kitchen.waits.push({ lane, by: null });
    else kitchen.ended.push({ lane, outcome, end });
  });
  kitchen.rail.sort((a, b) => a.next - b.next);
  kitchen.ovens.sort((a, b) => a.left - b.left);
  kitchen.ended.sort((a, b) => b.end - a.end); // the last first
  if (film.team) shareOut(film, kitchen);
  return kitchen;
}

// Of a team: what a card in some chef's hand made ready lies on that chef's own board, and the last
// of it in the pocket, if that chef takes it; what nobody in the kitchen made ready, by the door.
function shareOut(film, kitchen) {
  const boards = film.chefs.map(() => []);
  const home = card => (card.queued >= 0 ? film.steps[card.queued]?.[4] : undefined);
  const atHome = card => film.chefs[home(card)]?.startsWith("worker");
  kitchen.rail.filter(card => card.queued !== null && atHome(card))
    .forEach(card => boards[home(card)].push(card));
  kitchen.rail = kitchen.rail.filter(card => !boards.some(board => board.includes(card)));
  kitchen.boards = boards.map((board, chef) => {
    const last = Math.max(...board.map(card => card.queued));
    const pocket = board.find(c => c.queued === last && c.chef === chef && c.by !== c.lane);
    return { pocket, board: board.filter(card => card !== pocket) };
  });
}

const number = value => `${+value.toPrecision(6)}`;
const short = value => `${value < 1000 ? +value.toPrecision(3) : Math.round(value)}`;

// A frame in words.
export function say(film, frame, kitchen = kitchenAt(film, frame), now = frame.from) {
  const name = lane => film.lanes[lane][0];
  const listed = cards => cards.slice(0, 5).map(card => name(card.lane)).join(", ")
    + (cards.length > 5 ? ` and ${cards.length - 5} more` : "");
  const digits = Math.min(9, Math.max(0, Math.ceil(3 - Math.log10(film.end || 1))));
  const moment = now === frame.from ? number(now) : +now.toFixed(digits); // where a mouse points
  const at = film.byStep ? "" : `At ${moment} ${film.unit}: `;
  const line = lineAt(film, frame), whose = film.steps[frame.step]?.[0];
  const parts = kitchen.hands.map(({ lane, chef }) =>
    `${name(lane)} is in hand${film.chefs.length > 1 ? ` of ${film.chefs[chef]}` : ""}${
      line && lane === whose ? `, at line ${line[1]}` : ""}`);
  const ready = [...kitchen.rail, ...(kitchen.boards ?? []).flatMap(b => [b.pocket ?? [], b.board]).flat()];
  const over = film.part && film.end < film.to - EPSILON ? "here this part ends" : "it is over";
  if (!parts.length) parts.push(frame.over ? over : ready.length ? "nobody is in hand yet"
    : film.team ? "all chefs are free" : "the chef is free");
  if (ready.length) parts.push(`ready: ${listed(ready)}`);
  if (kitchen.ovens.length) parts.push(`in the oven: ${listed(kitchen.ovens)}`);
  for (const { lane, by } of kitchen.waits.slice(0, 3))
    parts.push(`${name(lane)} waits ${by === null ? "for ever" : `until ${whom(film, by)} wakes it`}`);
  return `${at}${parts.join("; ")}.`;
}

const whom = (film, by) => (typeof by === "number" ? film.lanes[by][0] : by);
const lineAt = (film, frame) => film.visits[frame.step]?.[frame.line];

// The line at which each lane was last seen, and the names that its line before has changed.
export function linesAt(film, frame) {
  const at = new Map(), { begun = frame.step } = frame;
  for (let step = 0; step <= begun && film.visits.length; step++) {
    const seen = film.visits[step];
    const come = frame.begun === undefined ? seen : seen.filter(x => x[2] <= frame.from + EPSILON);
    const last = step === frame.step && frame.line >= 0 ? frame.line : come.length - 1;
    if (last >= 0) at.set(film.steps[step][0], seen[last]);
  }
  return at;
}

// For how many seconds each frame is shown: a step long enough to be read, a wait by its length.
export function screenSeconds(film, frames) {
  const waits = frames.map(x => (x.line < 0 || x.to > x.from ? x.to - x.from : 0));
  const scale = Math.min(8, 0.8 * frames.length) / (waits.reduce((a, b) => a + b, 0) || 1);
  const step = Math.min(0.7, 60 / frames.length);
  return frames.map((frame, n) => (frame.waits ? 0.15 : step) + scale * waits[n]);
}

function make(tag, inside = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(inside))
    key in node ? (node[key] = value) : node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// Change only what is not so already: a page is laid out anew for less.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function refill(node, children) {
  const before = [...node.children];
  if (before.length !== children.length || children.some((child, n) => !child.isEqualNode(before[n])))
    node.replaceChildren(...children);
}

const escape = text => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);

// A film whose question is open: no more is told of the run than what was before the first end or
// request to stop, nor for how much of the time a chef is busy. An axis as long as the run would tell
// of the rest. What is told later has its room already.
export function asking(film) {
  const told = [...film.ends.map(([, at]) => at), ...film.events.map(([at]) => at)];
  const from = Math.min(...told.filter(at => at > 0), film.to);
  const events = film.events.filter(([, row]) => row < 0);
  const to = Math.max(from * 1.6, ...events.map(([at]) => at * 1.1));
  const rows = film.rows.map(([name, ...more]) => [name.replace(/ [\d.,]+ %$/, ""), ...more]);
  const bars = film.bars.filter(([, , begun]) => begun < from)
    .map(([row, state, begun, over, ...more]) => [row, state, begun, Math.min(over, from), ...more]);
  const density = film.density && [film.density[0], Object.fromEntries(Object.entries(film.density[1])
    .map(([state, of]) => [state, of.slice(0, Math.round(from / film.density[0]))]))];
  const hasEvents = film.events.length > 0;
  return { ...film, rows, bars, density, ends: [], events, hasEvents, to, unknown: from };
}

// How many of one unit another is; NaN where there is no way.
const SECONDS = { s: 1, ms: 1e-3 };
const ratio = (unit, other) => (other === unit ? 1 : SECONDS[other] / SECONDS[unit]);

// Another film in this one's unit, to be drawn on one axis with it; none where there is no way.
export function inUnitOf(film, other) {
  if (other?.unit === film.unit) return other;
  const factor = other ? ratio(film.unit, other.unit) : NaN;
  if (!(factor > 0)) return undefined;
  const bars = other.bars.map(([row, state, from, to, ...more]) =>
    [row, state, from * factor, to * factor, ...more]);
  return { ...other, unit: film.unit, to: other.to * factor, bars };
}

// Whether the steps of the run before are seen below those of this one.
const isGhost = (film, before) => before?.rows.length === film.rows.length && !film.density
  && film.unknown === undefined;

// The timeline of the whole run, `height` pixels high for its rows and what stands above them.
function drawSvg(film, width, height, before) {
  const id = `film-${Math.random().toString(36).slice(2)}`; // what it refers to is its own
  const { rows, states, outcomes, to: end } = film;
  const longest = Math.max(...rows.map(([name, depth]) => name.length + 2 * depth), 6);
  const named = Math.min(6.6 * longest + 14, width * 0.32);
  const top = film.density ? Math.min(110, height * 0.5)
    : film.hasEvents ?? film.events.length ? 28 : 0;
  const pitch = Math.min(20, (height - top) / Math.max(rows.length, 1));
  const under = top + pitch * rows.length;
  const wide = Math.max(width - named - 24, 40);
  const x = t => named + (t / (end || 1)) * wide;
  const middle = row => top + pitch * (row + 0.5);
  const parts = [`<defs><pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse"
    patternTransform="rotate(45)"><rect width="6" height="6" fill="${states[READY][0]}"/>
    <rect width="2" height="6" fill="#ffe9cf"/></pattern><clipPath id="${id}-names">
    <rect width="${named - 6}" height="${under + 3}"/></clipPath></defs>`];
  const fill = state => (state === READY ? `url(#${id})` : states[state][0]);
  const small = Math.min(11, Math.max(8, pitch));
  for (const row of namedRows(rows, pitch)) {
    const [name, depth, isTitle] = rows[row];
    parts.push(`<text x="${10 * depth}" y="${Math.max(small, middle(row) + small / 3)}"
      style="font-size: ${small}px" clip-path="url(#${id}-names)" opacity="${isTitle ? 0.7 : 1}">${escape(name)}</text>`);
  }
  const paths = states.map(() => []); // one of each state: a thousand bars are drawn in time
  for (const [row, state, from, to, shift = 0, share = 1, below = 0] of film.bars) {
    const high = pitch * (share < 1 ? 0.74 * share : states[state][1]);
    const y = share < 1 ? middle(row) + pitch * (0.37 - 0.74 * (below + share)) : middle(row) - high / 2;
    const long = Math.max(x(to) - x(from), state === RUNNING && share === 1 ? 3 : 0);
    const [left, wide, tall] = [x(from) + 4 * shift, long, high].map(size => size.toFixed(1));
    paths[state].push(`M${left} ${y.toFixed(1)}h${wide}v${tall}h-${wide}z`);
  }
  if (isGhost(film, before)) {
    const steps = before.bars.filter(bar => bar[1] === RUNNING && !(bar[5] < 1)).map(([row, , from, to]) =>
      `M${x(from).toFixed(1)} ${(middle(row) + 0.45 * pitch).toFixed(1)}h${
        Math.max(x(to) - x(from), 3).toFixed(1)}`);
    parts.push(`<path class="ghost" d="${steps.join("")}" stroke="#8c959f" stroke-width="2"/>`);
  }
  for (const state of [IDLE, READY, RUNNING])
    if (paths[state].length) parts.push(`<path d="${paths[state].join("")}" fill="${fill(state)}"/>`);
  if (pitch >= 7) for (const [row, at, outcome, how] of film.ends) {
    const [colour, sign] = outcomes[outcome];
    parts.push(`<text x="${x(at) + 5}" y="${middle(row) + 4}" style="fill:${colour}">${sign}<title>${
      escape(how)}</title></text>`);
  }
  const free = [-Infinity, -Infinity]; // up to where each line of words is taken
  for (const [at, row, text] of film.events) {
    const short = text.length > 34 ? `${text.slice(0, 33)}…` : text;
    const left = Math.max(0, Math.min(x(at) + 4, width - 6.2 * short.length));
    const line = film.density ? -1 : free.findIndex(taken => taken < left);
    parts.push(`<path d="M${x(at)} ${top - 4}V${row < 0 ? under : middle(row)}" stroke="#b83ba0"
      stroke-dasharray="3 2"><title>${escape(text)}</title></path>`);
    if (line < 0) continue;
    free[line] = left + 6.2 * short.length + 8;
    parts.push(`<text x="${left}" y="${11 + 12 * line}" style="fill:#b83ba0">${escape(short)}</text>`);
  }
  if (film.density) parts.push(areas(film, x, top - 14, fill), `<text y="11">tasks</text>`);
  parts.push(axisOf(film, x, under, width, end));
  if (film.unknown !== undefined) parts.push(`<text x="${x((film.unknown + end) / 2)}"
    y="${(top + under) / 2 + 10}" text-anchor="middle" style="font-size: 28px">?</text>`);
  if (film.guess !== undefined) parts.push(`<path d="M${x(film.guess)} 2V${under}" stroke="#8f56c9"
    stroke-width="2" stroke-dasharray="5 3"/><text class="guess" x="${x(film.guess)}" y="${under + 16}"
    text-anchor="${x(film.guess) > width / 2 ? "end" : "start"}" style="fill:#8f56c9; paint-order: stroke" stroke-width="4"
    stroke="var(--jp-layout-color0, Canvas)"> your guess </text>`);
  return { svg: parts.join(""), height: under + 20, under, x, time: px => ((px - named) / wide) * end };
}

// The rows that have their names: all, or where they are too close, the first of each kind ("bell",
// "card 1") before the others.
function namedRows(rows, pitch) {
  const kinds = new Set();
  const isFirst = rows.map(([name]) => {
    const kind = name.replace(/[\d\s]+$/, "");
    return !kinds.has(kind) && Boolean(kinds.add(kind));
  });
  const places = rows.map((_, row) => row).filter(row => pitch >= 8 || !rows[row][2]);
  const shown = [];
  for (const row of [...places.filter(row => isFirst[row]), ...places])
    if (shown.every(other => Math.abs(other - row) * pitch >= 8)) shown.push(row);
  return shown;
}

// How many tasks are in each state over time, one state on top of another.
function areas(film, x, high, fill) {
  const [step, of] = film.density;
  const states = Object.keys(of).map(Number);
  const sums = of[states[0]].map((_, n) => states.reduce((sum, state) => sum + of[state][n], 0));
  const most = Math.max(...sums, 1);
  let below = sums.map(() => 0);
  const drawn = states.map(state => {
    const above = below.map((level, n) => level + of[state][n]);
    const y = level => (high + 4 - (level / most) * (high - 8)).toFixed(1);
    const along = above.map((level, n) => `L${x(n * step).toFixed(1)} ${y(level)}H${x((n + 1) * step).toFixed(1)}`);
    const back = below.map((level, n) => `L${x((n + 1) * step).toFixed(1)} ${y(level)}H${x(n * step).toFixed(1)}`);
    below = above;
    return `<path d="M${x(0)} ${high + 4}${along.join("")}${back.reverse().join("")}Z" fill="${fill(state)}"/>`;
  });
  return `${drawn.join("")}<text x="${x(0) - 6}" y="13" text-anchor="end">${
    Math.round(most).toLocaleString("en")}</text>`;
}

function axisOf(film, x, under, width, end) {
  const size = 10 ** Math.floor(Math.log10(end / 2 || 1));
  const fits = step => end / step <= Math.max(2, width / 110);
  const step = [1, 2, 5, 10].map(k => k * size).find(fits) ?? 10 * size;
  const parts = [`<path d="M${x(0)} ${under}H${x(end)}" stroke="#8c959f"/>`];
  for (let n = 0; n * step <= end * (1 + EPSILON); n++)
    parts.push(`<path d="M${x(n * step)} ${under}v5" stroke="#8c959f"/><text class="number"
      x="${x(n * step)}" y="${under + 16}" text-anchor="middle">${number(n * step)}</text>`);
  return parts.join("");
}

// What the colours and signs of a timeline mean, of those that are in it.
function signs(film, before) {
  const seen = new Set(film.bars.map(([, state]) => state));
  for (const state of Object.keys(film.density?.[1] ?? {})) seen.add(Number(state));
  const looks = film.states.map(([colour, , words, sign]) => [colour, sign, words]);
  const ends = [...new Set(film.ends.map(([, , outcome]) => outcome))]
    .map(outcome => [...film.outcomes[outcome], outcome]);
  const ghost = isGhost(film, before) ? [["#8c959f", "▁", "the run before"]] : [];
  return [...looks.filter((_, state) => seen.has(state)), ...ends, ...ghost, ["", "→", film.axis]].map(([colour, sign, words]) => {
    const mark = make("b", { textContent: sign });
    mark.style.color = colour;
    return make("span", {}, mark, ` ${words}`);
  });
}

// Build the player of a film in an element. `load` puts another film in its place, in front of the
// steps of one before; `stop` takes the player down again.
export function play(element, film) {
  let before, frames, lasts, lines; // of a line of code, "file line" -> its element
  let at = 0, now = 0, playing = false, asked = 0, drawn, width = 0;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const kitchen = make("div", { className: "kitchen" });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const seek = make("input", { type: "range", min: 0, value: 0,
    "aria-label": "Frame of the film" });
  const speed = make("select", { "aria-label": "Speed" }, ...["0.25", "0.5", "1", "2", "4"].map(n =>
    make("option", { value: n, textContent: `${n} x`, selected: n === "1" })));
  const button = (text, name, action) => {
    const one = make("button", { type: "button", textContent: text, title: name, onclick: action });
    one.setAttribute("aria-label", name);
    return one;
  };
  const back = button("◀ Back", "One frame back", () => go(at - 1));
  const toggle = button("▶ Play", "Play", () => (playing ? pause() : start()));
  const step = button("Step ▶", "One frame on", () => go(at + 1));
  const change = button("Next card »", "On to the next card", () => go(nextSwitch()));
  const large = button("A+", "Presentation size", () => { // of all labs and films of the page
    const is = document.documentElement.classList.toggle("task-cards-big");
    for (const one of document.querySelectorAll(".task-cards-film .large"))
      one.setAttribute("aria-pressed", is);
    root.scrollIntoView({ block: "nearest" });
  });
  large.classList.add("large");
  large.setAttribute("aria-pressed", document.documentElement.classList.contains("task-cards-big"));
  const told = make("p", { className: "say", role: "status" });
  const code = make("pre", { tabIndex: 0 });
  code.setAttribute("aria-label", "The code that runs");
  const bar = make("div", { className: "bar" }, back, toggle, step, change, speed, seek, large);
  const key = make("p", { className: "signs" });
  const left = make("div", {}, kitchen, svg, key, bar, told);
  const stage = make("div", { className: "stage" }, left, code);
  const title = make("h3"), about = make("p", { className: "about" });
  if (!document.getElementById("task-cards-film"))
    document.head.append(make("style", { id: "task-cards-film", textContent: CSS }));
  const root = make("section", { className: "task-cards-film" }, title, about, stage);
  root.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab keeps arrows for itself
  element.append(root);

  function load(next, behind) {
    pause();
    [film, before] = [{ ...STILL, ...next }, behind];
    frames = framesOf(film);
    lasts = screenSeconds(film, frames);
    seek.max = frames.length - 1;
    write(title, film.title.replaceAll("`", ""));
    write(about, film.about + film.part);
    refill(key, signs(film, before));
    root.classList.toggle("pale", Boolean(film.pale));
    root.setAttribute("aria-label", `Film of a run: ${film.title}`);
    stage.classList.toggle("coded", film.code.length > 0);
    code.hidden = change.hidden = !film.code.length;
    lines = new Map();
    code.replaceChildren();
    film.code.forEach(([name, first, texts], file) => {
      if (film.code.length > 1) code.append(make("div", { className: "names", textContent: name }));
      texts.forEach((text, n) => {
        const line = make("div");
        line.text = `${String(first + n).padStart(3)}  ${text}`;
        lines.set(`${file} ${first + n}`, line);
        code.append(line);
      });
    });
    show(0); // what it fills is above the timeline, which gets what is left
    draw();
  }

  function nextSwitch() {
    const lane = film.steps[frames[at].step]?.[0];
    const found = frames.findIndex((x, n) =>
      n > at && !x.waits && (x.over || film.steps[x.step][0] !== lane));
    return found < 0 ? frames.length - 1 : found;
  }

  function go(n, moment) {
    pause();
    show(Math.max(0, Math.min(frames.length - 1, n)), moment);
  }

  function show(n, moment = frames[n].from) {
    at = n;
    now = moment;
    const frame = frames[at], found = kitchenAt(film, frame, now);
    fill(found);
    markCode(frame, found);
    movePlayhead();
    seek.value = at;
    // Not `disabled`, which would take the focus from who steps by keyboard.
    back.setAttribute("aria-disabled", at === 0);
    for (const one of [step, change]) one.setAttribute("aria-disabled", at === frames.length - 1);
    const words = say(film, frame, found, now);
    seek.setAttribute("aria-valuetext", words);
    told.setAttribute("aria-live", playing ? "off" : "polite"); // else every frame would be read
    write(told, words);
  }

  function cardText({ lane, by, left, outcome }, state) {
    const [name] = film.lanes[lane];
    const sign = outcome ? ` ${film.outcomes[outcome][1]}` : "";
    const more = left !== undefined ? ` ${short(Math.max(left, 0))} ${film.unit}`
      : by === undefined || state !== IDLE ? sign : by === null ? " ∞" : ` → ${whom(film, by)}`;
    return name + more;
  }

  function card(of, state, full) {
    const textContent = cardText(of, state), { outcome } = of;
    const one = make("span", { className: full ? "card full" : "card", textContent });
    one.style.setProperty("--look", outcome ? film.outcomes[outcome][0] : film.states[state][0]);
    one.title = textContent;
    return one;
  }

  function fill({ hands, rail, ovens, waits, ended, boards }) {
    const rows = [];
    const row = (name, cards, state, { full, half } = {}) => {
      let left = width / (half && width > 480 ? 2 : 1) - 150;
      const some = cards.slice(0, 60); // nothing below may move
      const fits = some.findIndex(one => (left -= 7 * cardText(one, state).length + 20) < 0);
      const most = fits < 0 ? some.length : Math.max(1, fits);
      const shown = some.slice(0, most).map(one => card(one, state, full));
      if (cards.length > most) shown.push(`and ${cards.length - most} more`);
      rows.push(make("div", { className: "place", textContent: name }),
        make("div", { className: half ? "cards" : "cards wide" }, ...shown));
    };
    if (boards) film.chefs.forEach((chef, n) => {
      row(chef, hands.filter(x => x.chef === n), RUNNING, { full: true });
      if (boards[n].pocket) rows.at(-1).append("pocket:", card(boards[n].pocket, READY));
      if (boards[n].board.length)
        rows.at(-1).append("board:", ...boards[n].board.map(one => card(one, READY)));
    });
    else row("in hand", hands.filter(x => x.chef === 0), RUNNING, { full: true, half: true });
    if (!boards) row("ended", ended, IDLE, { half: true });
    row(boards ? "by the door" : "ready, in order", rail, READY);
    if (!boards && film.chefs.length > 1)
      row("in threads", hands.filter(x => x.chef > 0), RUNNING, { full: true });
    row("in the oven, for", ovens, IDLE, { half: true });
    row("waits, until", waits, IDLE, { half: true });
    if (boards) row("ended", ended, IDLE);
    refill(kitchen, rows);
  }

  function markCode(frame, found) {
    const running = frame.waits || frame.over ? undefined : film.steps[frame.step]?.[0];
    const here = new Map(), seen = linesAt(film, frame);
    for (const [lane, [file, line]] of seen)
      here.set(`${file} ${line}`, [...(here.get(`${file} ${line}`) ?? []), lane]);
    const ended = new Set(found.ended.map(x => x.lane));
    for (const [key, line] of lines) {
      const lanes = (here.get(key) ?? []).filter(lane => lane === running || !ended.has(lane));
      const isNow = lanes.includes(running);
      line.className = isNow ? "now" : "";
      const names = lanes.filter(lane => lane !== running).map(lane => film.lanes[lane][0]);
      const changed = isNow ? seen.get(running)[3].map(([name, value]) => `${name} = ${value}`) : [];
      line.replaceChildren(line.text,
        ...(names.length ? [make("span", { className: "names", textContent: `   ← ${names.join(", ")}` })] : []),
        ...(changed.length ? [make("span", { className: "changed", textContent: `   ${changed.join("; ")}` })] : []));
      if (isNow && code.scrollHeight > code.clientHeight)
        code.scrollTop = line.offsetTop - code.offsetTop - code.clientHeight / 2;
    }
  }

  function draw() {
    if (!width) return; // hidden
    const above = kitchen.offsetTop + kitchen.offsetHeight - root.offsetTop;
    const high = film.small ? Math.max(LEAST, Math.min(HEIGHT, STAGE - above)) : HEIGHT;
    drawn = drawSvg(film, width, high, before);
    svg.setAttribute("height", drawn.height);
    svg.innerHTML = `${drawn.svg}<path class="head" stroke="#b83ba0" stroke-width="2"/>`;
    movePlayhead();
  }

  function movePlayhead() {
    svg.querySelector(".head")?.setAttribute("d", `M${drawn.x(now)} 0V${drawn.under + 2}`);
  }

  // The first frame of a moment; none may begin there, and so the last that began before it counts.
  function frameAt(moment) {
    const after = frames.findIndex(frame => frame.from >= moment - EPSILON);
    if (after >= 0 && frames[after].from <= moment + EPSILON) return after;
    return Math.max(0, (after < 0 ? frames.length : after) - 1);
  }

  function drag(event) {
    if (!(event.buttons & 1)) return;
    const box = svg.getBoundingClientRect(); // in the page's pixels, which may be larger
    const px = ((event.clientX - box.left) * svg.clientWidth) / box.width;
    const moment = Math.max(frames[0].from, Math.min(film.end, drawn.time(px)));
    const n = frameAt(moment);
    go(n, Math.max(moment, frames[n].from));
  }

  function start() {
    if (at === frames.length - 1) show(0);
    playing = true;
    toggle.textContent = "⏸ Pause";
    toggle.setAttribute("aria-label", "Pause");
    let before = performance.now(), spent = 0;
    asked = requestAnimationFrame(function tick(time) {
      spent += ((time - before) / 1000) * Number(speed.value);
      before = time;
      let n = at;
      while (n < frames.length - 1 && spent >= lasts[n]) spent -= lasts[n++];
      const { from, to } = frames[n], part = calm ? 0 : Math.min(1, spent / lasts[n]);
      if (n !== at || to > from) show(n, from + part * (to - from));
      if (n === frames.length - 1) return pause();
      asked = requestAnimationFrame(tick);
    });
  }

  function pause() {
    cancelAnimationFrame(asked);
    playing = false;
    toggle.textContent = "▶ Play";
    toggle.setAttribute("aria-label", "Play");
  }

  seek.addEventListener("input", () => go(Number(seek.value)));
  svg.addEventListener("pointerdown", event => { svg.setPointerCapture(event.pointerId); drag(event); });
  svg.addEventListener("pointermove", drag);
  root.addEventListener("keydown", event => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: frames.length - 1 };
    const key = event.key;
    if (event.target === speed || event.altKey || event.ctrlKey || event.metaKey) return;
    if (key in moves) go(moves[key]);
    else if (key === " " && event.target.tagName !== "BUTTON") playing ? pause() : start();
    else return;
    event.preventDefault();
  });
  const observer = new ResizeObserver(() => {
    if (width === svg.clientWidth) return;
    width = svg.clientWidth;
    show(at, now);
    draw();
  });
  observer.observe(svg);
  width = svg.clientWidth;
  load(film);
  return { load, stop: () => { pause(); observer.disconnect(); } };
}

// ipywidgets' sliders have no name, and its toggles no state, for who does not see them.
function nameControls(panel) {
  for (const slider of panel.querySelectorAll(".widget-hslider"))
    slider.querySelector("[role=slider]")?.setAttribute("aria-label",
      slider.querySelector("label")?.textContent ?? "");
  for (const toggle of panel.querySelectorAll(".widget-toggle-button"))
    toggle.setAttribute("aria-pressed", toggle.classList.contains("mod-active"));
}

async function render({ model, el }) {
  const store = await model.widget_manager.get_model(model.get("_store"));
  let player, asked, text, film, before;
  let held, longer; // while a slider is held, the axis is as long as ever: then longer than its run
  const draw = () => {
    asked = undefined;
    const next = store.get("film");
    if (next !== text && film?.bars.length && !film.pale) before = film;
    text = next;
    film = JSON.parse(text);
    film = film.open ? asking(film) : film;
    before = inUnitOf(film, before);
    const { unit } = film, to = held ? held.to * ratio(unit, held.unit) || 0 : 0;
    longer = to > film.to;
    film.to = Math.max(film.to, to);
    if (to) held = { unit, to: film.to };
    if (player) player.load(film, before);
    else player = play(el, film);
  };
  const hold = event => {
    if (event.target.closest(".widget-hslider")) held = { unit: film.unit, to: film.to };
  };
  const release = () => {
    if (held && longer) soon();
    held = undefined;
  };
  const run = event => { // a number was typed
    if (event.key === "Enter" && event.target.closest(".widget-text"))
      panel.querySelector("button.mod-primary").click();
  };
  const soon = () => { asked ??= requestAnimationFrame(draw); }; // of several, the last
  store.on("change:film", soon);
  draw();
  let panel;
  const changes = new MutationObserver(records => {
    if (records.some(({ target }) => !el.contains(target))) nameControls(panel);
  });
  const shown = new ResizeObserver(() => { // not before is it in its panel
    if (panel || !(panel = el.closest(".task-cards-lab"))) return;
    changes.observe(panel, { subtree: true, childList: true, attributeFilter: ["class"] });
    nameControls(panel);
    panel.addEventListener("pointerdown", hold);
    panel.addEventListener("keydown", run);
  });
  shown.observe(el);
  addEventListener("pointerup", release);
  return () => {
    changes.disconnect();
    shown.disconnect();
    panel?.removeEventListener("pointerdown", hold);
    panel?.removeEventListener("keydown", run);
    removeEventListener("pointerup", release);
    store.off("change:film", soon);
    cancelAnimationFrame(asked);
    player.stop();
  };
}

export default { render };
