/** Nothing jumps: whatever changes in the list, the reader keeps looking at the same words. */

import { tell } from "./bus.js";
import { $ } from "./dom.js";
import { room } from "./room.js";

const NEAR = 48;

/** What scrolls: the box round the list of messages. Null on other pages. */
export let box = null;

export function find() {
  box = $("#scroller");
}

const distance = () => box.scrollHeight - box.scrollTop - box.clientHeight;
// With a hole below, the last row shown is not the end.
export const isAtBottom = () => !box || (stuck && !room?.hasNewer);

// "At the bottom" is what the reader chose last, not what a layout change made of it: a keyboard
// that opens, or an image that loads, must not unstick the list.
let stuck = true;
let lastHeight = 0;

function onScroll() {
  const resized = box.scrollHeight !== lastHeight;
  lastHeight = box.scrollHeight;
  if (resized && stuck && distance() >= NEAR) return;
  const now = distance() < NEAR;
  if (now !== stuck) {
    stuck = now;
    tell("stuck", stuck);
  }
}

export function toBottom() {
  stuck = true;
  box.scrollTop = box.scrollHeight;
  tell("stuck", true);
}

export function show(row, block = "center") {
  stuck = false;
  row.scrollIntoView({ block, behavior: "instant" });
  onScroll();
}

/** The first row in view, by id, and where it stands. */
export function anchor() {
  const top = box.getBoundingClientRect().top;
  for (const row of box.querySelectorAll(".message")) {
    const place = row.getBoundingClientRect();
    // The id, not the node: a change may replace the row that we hold on to.
    if (place.bottom > top) return { key: row.id, row, top: place.top };
  }
  return null;
}

/** Bring the row with this id to this height of the list. */
export function holdAt(id, top) {
  const row = document.getElementById(id);
  if (!row) return;
  stuck = false;
  box.scrollTop += row.getBoundingClientRect().top - box.getBoundingClientRect().top - top;
  onScroll();
}

/** Run `change`, then put the scroll position where the reader was: the bottom, or the same row. */
export function steady(change) {
  if (!box) return change();
  const held = isAtBottom() ? null : anchor();
  const result = change();
  if (isAtBottom()) box.scrollTop = box.scrollHeight;
  else if (held) {
    const row = held.row.isConnected ? held.row : document.getElementById(held.key);
    if (row) box.scrollTop += row.getBoundingClientRect().top - held.top;
  }
  lastHeight = box.scrollHeight;
  return result;
}

export function enter(signal) {
  // Where to begin was decided before the first paint (first-view.js).
  if (!box.classList.contains("is-steadied")) {
    box.classList.add("is-steadied");
    toBottom();
  }
  stuck = distance() < NEAR;
  lastHeight = box.scrollHeight;
  $(".message.is-linked")?.focus({ preventScroll: true });
  box.addEventListener("scroll", onScroll, { passive: true, signal });
  const follow = new ResizeObserver(() => {
    if (isAtBottom()) box.scrollTop = box.scrollHeight;
    lastHeight = box.scrollHeight;
  });
  follow.observe(box);
  follow.observe(box.firstElementChild);
  signal.addEventListener("abort", () => follow.disconnect());
}
