/** Nothing jumps: whatever changes in the list, the reader keeps looking at the same words. */

import { tell } from "./bus.js";
import { $ } from "./dom.js";
import { room } from "./room.js";

const scroller = $("#scroller");
const NEAR = 48;

export const box = scroller;

const distance = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
// With a hole below, the last row shown is not the end.
export const isAtBottom = () => !scroller || (stuck && !room?.hasNewer);

// "At the bottom" is what the reader chose last, not what a layout change made of it: a keyboard
// that opens, or an image that loads, must not unstick the list.
let stuck = true;
let lastHeight = 0;

function onScroll() {
  const resized = scroller.scrollHeight !== lastHeight;
  lastHeight = scroller.scrollHeight;
  if (resized && stuck && distance() >= NEAR) return;
  const now = distance() < NEAR;
  if (now !== stuck) {
    stuck = now;
    tell("stuck", stuck);
  }
}

export function toBottom() {
  stuck = true;
  scroller.scrollTop = scroller.scrollHeight;
  tell("stuck", true);
}

export function show(row, block = "center") {
  stuck = false;
  row.scrollIntoView({ block, behavior: "instant" });
  onScroll();
}

/** The first row in view, by id, and where it stands. */
export function anchor() {
  const top = scroller.getBoundingClientRect().top;
  for (const row of scroller.querySelectorAll(".message")) {
    const box = row.getBoundingClientRect();
    // The id, not the node: a change may replace the row that we hold on to.
    if (box.bottom > top) return { key: row.id, row, top: box.top };
  }
  return null;
}

/** Bring the row with this id to this height of the list. */
export function holdAt(id, top) {
  const row = document.getElementById(id);
  if (!row) return;
  stuck = false;
  scroller.scrollTop +=
    row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - top;
  onScroll();
}

/** Run `change`, then put the scroll position where the reader was: the bottom, or the same row. */
export function steady(change) {
  if (!scroller) return change();
  const held = isAtBottom() ? null : anchor();
  const result = change();
  if (isAtBottom()) scroller.scrollTop = scroller.scrollHeight;
  else if (held) {
    const row = held.row.isConnected ? held.row : document.getElementById(held.key);
    if (row) scroller.scrollTop += row.getBoundingClientRect().top - held.top;
  }
  lastHeight = scroller.scrollHeight;
  return result;
}

export function start() {
  if (!scroller) return;
  // Where to begin was decided before the first paint (first-view.js).
  if (!scroller.classList.contains("is-steadied")) {
    scroller.classList.add("is-steadied");
    toBottom();
  }
  stuck = distance() < NEAR;
  lastHeight = scroller.scrollHeight;
  $(".message.is-linked")?.focus({ preventScroll: true });
  scroller.addEventListener("scroll", onScroll, { passive: true });
  const follow = new ResizeObserver(() => {
    if (isAtBottom()) scroller.scrollTop = scroller.scrollHeight;
    lastHeight = scroller.scrollHeight;
  });
  follow.observe(scroller);
  follow.observe(scroller.firstElementChild);
}
