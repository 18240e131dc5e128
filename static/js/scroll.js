/** Keeps the scroll position: when the list changes, the reader still sees the same rows. */

import { tell } from "./bus.js";
import { $ } from "./dom.js";
import { room } from "./room.js";

const NEAR = 48;

/** The scrolling box around the list of messages. Null on other pages. */
export let box = null;

export function find() {
  box = $("#scroller");
}

const distance = () => box.scrollHeight - box.scrollTop - box.clientHeight;
// With a gap below, the last shown row is not the end.
export const isAtBottom = () => !box || (stuck && !room?.hasNewer);

// Only the reader's own scrolling changes "at the bottom". A layout change does not: the list must
// stay at the bottom when a keyboard opens or an image loads.
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

/** The id of the first row in view, and its position. */
export function anchor() {
  const top = box.getBoundingClientRect().top;
  for (const row of box.querySelectorAll(".message")) {
    const place = row.getBoundingClientRect();
    // The id, not the node: a change may replace the row that we hold on to.
    if (place.bottom > top) return { key: row.id, row, top: place.top };
  }
  return null;
}

/** Scroll the row with this id to this position. */
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
  // The first position was set before the first paint (first-view.js).
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
