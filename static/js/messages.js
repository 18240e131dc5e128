/** The list of messages: each once, sorted by number, whatever the order of events. */

import { tell, when } from "./bus.js";
import { $, $$, me } from "./dom.js";
import { isOutside } from "./logic/timeline.js";
import { MESSAGE_CHANGED, MESSAGE_DELETED, MESSAGE_NEW } from "./protocol.js";
import { blank, createdAt, dress, rowFromMessage } from "./rows.js";
import { room } from "./room.js";
import { steady } from "./scroll.js";
import { after, followDays, seqOf, settle, takeOut } from "./separators.js";

/** The list itself. Null on pages without one. */
export let list = null;

export function find() {
  list = $("#messages");
}

export const rows = () => $$(".message", list);
export const byId = (id) => (id ? $(`.message[data-id="${CSS.escape(id)}"]`, list) : null);
export const byClientId = (id) =>
  id ? $(`.message[data-client-id="${CSS.escape(id)}"]`, list) : null;

/** Rows with a number of the server; unsent ones have none. */
export const stored = () => rows().filter((row) => row.dataset.seq);
export const firstSeq = () => Number(stored()[0]?.dataset.seq) || 0;
export const lastSeq = () => Number(stored().at(-1)?.dataset.seq) || 0;

/** Put a new row where its number belongs; unnumbered ones stay last. */
export function insert(row) {
  let above = list.lastElementChild;
  while (above && !(above.classList.contains("message") && seqOf(above) <= seqOf(row))) {
    above = above.previousElementSibling;
  }
  // Between two rows the separators belong to the lower one: go below the upper row, above them.
  if (above) above.after(row);
  else list.prepend(row);
  settle(row);
  settle(after(row));
  $("#empty")?.remove();
}

export function discard(row) {
  steady(() => takeOut(row));
}

// A message in a hole of what is shown comes when it is scrolled to.
function isInHole({ seq }) {
  const { hasOlder, hasNewer } = room;
  return isOutside(seq, { first: firstSeq(), last: lastSeq(), hasOlder, hasNewer });
}

function keepWhatIsInHand(old, row) {
  const form = $(".edit-form", old);
  if (form) {
    $(".message-content", row).append(form);
    row.classList.toggle("is-editing", !("deleted" in row.dataset));
  }
  if (old.classList.contains("is-linked")) row.classList.add("is-linked");
  const bar = $("#message-actions", old);
  if (bar && !("deleted" in row.dataset)) row.append(bar);
}

function replace(old, row) {
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const next = after(old);
  keepWhatIsInHand(old, row);
  if (seqOf(old) === seqOf(row)) old.replaceWith(row);
  else {
    takeOut(old);
    insert(row);
  }
  settle(row);
  settle(next);
  settle(after(row));
  if (active) (active.isConnected ? active : row).focus({ preventScroll: true });
}

// One's own message that is still on its way is known by its client id only.
const rowOf = (message) =>
  byId(message.id) || (message.author.id === me.id ? byClientId(message.client_id) : null);

const isUpToDate = ({ dataset }, { rev = 0 }) => dataset.id && Number(dataset.rev) >= rev;

/** Show a message as it is now. Returns the row if it was not there before. */
export function put(message) {
  if (message.channel && message.channel !== room.id) return null;
  const old = rowOf(message);
  if (old && isUpToDate(old, message)) return null;
  if (!old && isInHole(message)) {
    tell("outside", message);
    return null;
  }
  const row = rowFromMessage(message);
  steady(() => (old ? replace(old, row) : insert(row)));
  tell("shown", { message, row, isNew: !old });
  return old ? null : row;
}

export function markDeleted({ id, rev = 0 }) {
  const row = byId(id);
  if (!row || "deleted" in row.dataset) return;
  row.dataset.rev = Math.max(rev, Number(row.dataset.rev));
  steady(() => {
    blank(row);
    settle(row);
    settle(after(row));
  });
  tell("deleted", row);
}

/** Add a page of history above or below what is there. */
export function addPage(messages, where) {
  const fresh = messages
    .filter((message) => !byId(message.id))
    .map((message) => rowFromMessage(message));
  if (!fresh.length) return;
  const seam = where === "above" ? $(".message", list) : null;
  steady(() => {
    if (where === "above") list.prepend(...fresh);
    else fresh.forEach(insert);
    fresh.forEach(settle);
    // Separators that stood above the old first row belong between it and the page now.
    if (seam) settle(seam);
  });
  tell("page");
}

/** Forget the rows shown and start from this newest page; unsent ones stay. */
export function startOver(messages) {
  const waiting = rows().filter((row) => !row.dataset.seq);
  list.replaceChildren(...messages.map((message) => rowFromMessage(message)), ...waiting);
  rows().forEach(settle);
  tell("page");
}

// What the page says of itself when it comes; a channel that was left and is shown again is known.
function readPage() {
  const first = $(".new-line", list);
  const skipped = Number($("#unread-bar")?.dataset.seq) || null;
  room.newSeq = first ? seqOf(after(first)) : skipped;
  if (first) room.newAt = createdAt(after(first));
  knowOwn(JSON.parse(list.dataset.own || "{}"));
  rows().forEach(dress);
  rows().forEach(settle);
}

// Rows of the page are the same for every reader; the outbox knows one's own by their client ids.
function knowOwn(clientIds) {
  for (const [seq, id] of Object.entries(clientIds)) {
    const row = document.getElementById(`m${seq}`);
    if (row) row.dataset.clientId = id;
  }
}

export function enter(signal) {
  if (!room.wasHere) readPage();
  followDays(list, signal);
  when(MESSAGE_NEW, ({ message }) => put(message), signal);
  when(MESSAGE_CHANGED, ({ message }) => put(message), signal);
  when(MESSAGE_DELETED, (event) => event.channel === room.id && markDeleted(event), signal);
}
