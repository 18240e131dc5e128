/**
 * Restores a channel as the reader left it: scroll position, focus and caret. It is stored for this
 * tab. first-view.js restores the scroll position before the first paint, this module the rest.
 */

import { when } from "./bus.js";
import { showAround } from "./catchup.js";
import { $, me } from "./dom.js";
import { isTouch } from "./field.js";
import { room } from "./room.js";
import { anchor, box, holdAt, isAtBottom } from "./scroll.js";

let field = null;
const key = () => `chat:${me.id}:view:${room.id}`;
let focus = null; // {row} or {caret}: what had the focus last, in this channel

function note({ target }) {
  const row = target.closest(".message");
  if (row?.id) focus = { row: row.id };
  else if (target === field) focus = { caret: true };
}

function view() {
  const held = isAtBottom() ? null : anchor();
  const kept = held?.key ? { row: held.key, top: held.top - box.getBoundingClientRect().top } : {};
  if (focus?.row) kept.focus = focus.row;
  else if (focus) kept.caret = [field.selectionStart, field.selectionEnd];
  return kept;
}

function keep() {
  if (!room.id) return;
  try {
    sessionStorage.setItem(key(), JSON.stringify(view()));
  } catch {
    // full or blocked: then a channel is entered at its end
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(key())) || {};
  } catch {
    return {};
  }
}

function refocus({ focus: row, caret }) {
  if (row) document.getElementById(row)?.focus({ preventScroll: true });
  else if (caret && field && !isTouch()) {
    field.focus({ preventScroll: true });
    field.setSelectionRange(...caret);
  }
}

// The position is further up than the new page reaches: fetch the rows there.
async function goFurther({ row, top, ...rest }) {
  await showAround(Number(row.slice(1)));
  holdAt(row, top);
  refocus(rest);
}

export function enter(signal) {
  focus = null;
  field = $("#composer textarea");
  room.main.addEventListener("focusin", note, { signal });
  addEventListener("pagehide", keep, { signal });
  when("begun", keep, signal);
  when("leaving", keep, signal);
  if ($(".message.is-linked")) return;
  const before = kept();
  if (before.row && !document.getElementById(before.row)) goFurther(before).catch(() => {});
  else refocus(before);
  note({ target: document.activeElement }); // the composer may have it since before we listened
}
