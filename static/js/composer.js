/** The composer: Enter sends, drafts are kept, and the field never waits for the network. */

import * as api from "./api.js";
import { when } from "./bus.js";
import { serverTime } from "./clock.js";
import { $, $$, debounce, el, me } from "./dom.js";
import { editLastOwn } from "./edit.js";
import { autosize, isSendKey, isTouch } from "./field.js";
import { tn } from "./i18n.js";
import { hasContent, lengthOf } from "./logic/writing.js";
import { placeOf } from "./logic/outbox.js";
import { write } from "./outbox.js";
import { MESSAGE_CHARACTERS, TYPING } from "./protocol.js";
import { room } from "./room.js";
import { createdAt } from "./rows.js";
import { steady } from "./scroll.js";
import { mention } from "./socket.js";
import { load, save } from "./storage.js";
import { during } from "./visit.js";

const WARN_AT = MESSAGE_CHARACTERS - 500;
const TYPING_MS = 3000;
const JUST_MS = 300_000;

let form = null;
let field = null;
let counter = null;
const place = () => room.id || placeOf(room.other);
const draftKey = () => `draft:${place()}`;
const saveDraft = debounce(() => field && save(draftKey(), field.value), 200);

function count() {
  const length = lengthOf(field.value);
  counter.hidden = length < WARN_AT;
  counter.classList.toggle("is-over", length > MESSAGE_CHARACTERS);
  if (counter.hidden) return;
  const left = MESSAGE_CHARACTERS - length;
  counter.textContent = left < 0 ? tn("characters_over", -left) : tn("characters_left", left);
}

function refresh() {
  steady(() => autosize(field));
  count();
}

let typedAt = 0;
function tellTyping() {
  const now = Date.now();
  if (!room.id || !hasContent({ text: field.value }) || now - typedAt < TYPING_MS) return;
  typedAt = now;
  mention(TYPING, { channel: room.id });
}

function send() {
  const text = field.value.trim();
  if (!hasContent({ text })) return;
  // Too long a text stays in the field, with the number of extra characters beside it.
  if (lengthOf(text) > MESSAGE_CHARACTERS) return field.focus();
  field.value = "";
  typedAt = 0;
  save(draftKey(), null);
  refresh();
  write(place(), text);
  field.focus();
}

function onKey(event) {
  if (isSendKey(event)) {
    event.preventDefault();
    form.requestSubmit();
  } else if (event.key === "ArrowUp" && !field.value && !event.isComposing) {
    if (editLastOwn()) event.preventDefault();
  }
}

/** On a slow line the form may be sent before this script runs. What it has just posted was then
 * still in the field when the page was left, and was kept as a draft. */
async function dropPosted(draft) {
  const last = draft && $$(`.message[data-author="${me.id}"]:not([data-seq=""])`).at(-1);
  if (!last || serverTime() - new Date(createdAt(last)) > JUST_MS) return;
  const { text } = await during(api.get(`/api/messages/${last.dataset.id}`));
  if (text !== draft.trim() || field.value !== draft) return;
  field.value = "";
  save(draftKey(), null);
  refresh();
}

// A permalink's reader came for that message, which has the focus.
const isLinked = () => Boolean($(".message.is-linked"));

function addCounter() {
  counter = el("span", { class: "composer-count", role: "status", hidden: true });
  (form.parentElement.querySelector(".composer-foot") || form).append(counter);
}

function onInput() {
  refresh();
  saveDraft();
  tellTyping();
}

// What is being typed belongs to the conversation that has just begun.
function moveDraft() {
  save(`draft:${placeOf(room.other)}`, null);
  save(draftKey(), field.value);
}

function onSubmit(event) {
  event.preventDefault();
  send();
}

function bind(signal) {
  field.addEventListener("keydown", onKey, { signal });
  field.addEventListener("input", onInput, { signal });
  form.addEventListener("submit", onSubmit, { signal });
  addEventListener("pagehide", () => save(draftKey(), field.value), { signal });
  signal.addEventListener("abort", putAway);
  when("begun", moveDraft, signal);
  when("edit:done", () => field.focus(), signal);
}

/** Not on a touch screen, where that would bring up the keyboard. */
export function focusComposer() {
  if (!isTouch()) field?.focus({ preventScroll: true });
}

// A channel that is kept keeps no draft of its own: another tab may go on with it meanwhile.
function putAway() {
  save(draftKey(), field.value);
  field.value = "";
  counter.remove();
}

export function enter(signal) {
  form = $("#composer");
  field = null;
  if (!form) return;
  field = $("textarea", form);
  // The attribute is for pages without a script: it would cut a long paste without a word.
  field.removeAttribute("maxlength");
  form.noValidate = true;
  typedAt = 0;
  addCounter();
  bind(signal);
  field.value ||= load(draftKey(), "");
  if (!room.wasHere) dropPosted(field.value).catch(() => {}); // then it stays, and can be deleted
  refresh();
  if (!isTouch() && !isLinked()) field.focus();
}
