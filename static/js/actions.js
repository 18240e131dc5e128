/**
 * What can be done with a message: one toolbar for the whole list. It is in the row in hand: where
 * the pointer is, or what has the focus, whichever moved last. What its buttons do is edit.js's and
 * copy.js's concern.
 */

import { when } from "./bus.js";
import { $, $$, me } from "./dom.js";
import { list } from "./messages.js";
import { room } from "./room.js";
import { isMine, setReachable } from "./rows.js";

let bar = null;

export function find() {
  bar = $("#message-actions") ?? bar; // it may have left with a row that was replaced
}

const rowOf = (node) => node?.closest?.(".message");
const hasFocus = (node) => node.contains(document.activeElement);

function allowed({ dataset }, isOwn) {
  const isStored = Boolean(dataset.id) && !("deleted" in dataset);
  return {
    "copy-link": isStored,
    edit: isStored && isOwn && room.canWrite,
    delete: isStored && (isOwn || me.isModerator) && room.canWrite,
  };
}

// With a deleted message nothing can be done any more.
function release(row) {
  if (!row.contains(bar)) return;
  if (hasFocus(bar)) row.focus({ preventScroll: true });
  bar.remove();
}

/** Bring the toolbar to a row. */
export function take(row) {
  if (bar.parentElement === row) return;
  const may = allowed(row, isMine(row));
  // Moved nodes lose the focus: it stays in the row where it was.
  if (hasFocus(bar)) rowOf(bar).focus({ preventScroll: true });
  for (const button of $$("[data-action]", bar)) button.hidden = !may[button.dataset.action];
  bar.hidden = false;
  if (Object.values(may).some(Boolean)) row.append(bar);
  setReachable(row, hasFocus(row));
}

/** Do something with a message, if that is offered. */
export function act(row, name) {
  take(row);
  const button = $(`[data-action="${name}"]:not([hidden])`, row);
  button?.click();
  return Boolean(button);
}

/** Go to what can be done with a message. */
export function goInside(row) {
  take(row);
  $("[data-action]:not([hidden])", row)?.focus();
}

function takeFor({ target }) {
  const row = rowOf(target);
  if (row) take(row);
}

function onMove(event) {
  if (event.pointerType !== "touch") takeFor(event);
}

// The link of the page without scripts: a stop for screen readers that go through the text.
function onClick(event) {
  if (!event.target.closest(".message-more")) return;
  event.preventDefault();
  goInside(rowOf(event.target));
}

export function enter(signal) {
  when("deleted", release, signal);
  list.addEventListener("focusin", takeFor, { signal });
  list.addEventListener("keydown", takeFor, { signal });
  // Not "over": what moves under a pointer that rests is not in hand.
  list.addEventListener("pointermove", onMove, { signal });
  list.addEventListener("pointerleave", () => takeFor({ target: document.activeElement }), {
    signal,
  });
  list.addEventListener("click", onClick, { signal });
}
