/** "120 new messages since 10:42", above a list that does not reach back to where reading stopped. */

import { tell, when } from "./bus.js";
import { serverTime } from "./clock.js";
import { $, el, icon } from "./dom.js";
import { clockTime, dateAtTime, t, tn } from "./i18n.js";
import { dayKey } from "./logic/phrasebook.js";
import { firstSeq, lastSeq } from "./messages.js";
import { room } from "./room.js";
import { steady } from "./scroll.js";

let bar = null;

/** Whether there are unread messages above the loaded ones. */
export const isSkipping = () => room.newSeq !== null && room.newSeq < firstSeq();

function since(iso) {
  const date = new Date(iso);
  return dayKey(date) === dayKey(serverTime()) ? clockTime(date) : dateAtTime(date);
}

// Rendered by the server, which may not have known the device's time zone.
function localise() {
  const { at, count, shown } = bar.dataset;
  $("p", bar).textContent = tn("new_since", Number(count), { count: shown, time: since(at) });
}

// The page has the bar from the start, unless the reader fell behind after opening it.
function build() {
  const count = Math.max(lastSeq(), room.lastSeq) - room.newSeq + 1;
  const words = tn("new_since", count, { time: since(room.newAt) });
  const path = `/channels/${encodeURIComponent(room.slug)}/m/${room.newSeq}#m${room.newSeq}`;
  return el(
    "div",
    { id: "unread-bar", class: "unread-bar" },
    icon("arrow-up"),
    el("p", { text: words }),
    el("a", { class: "button small", href: path, text: t("jump_first") }),
    el("button", {
      class: "button small",
      type: "button",
      text: t("mark_read"),
      data: { action: "mark-read" },
    }),
  );
}

export function paint() {
  const isShown = isSkipping();
  if (!isShown && !bar) return;
  steady(() => {
    if (!bar) $("#scroller").before((bar = build()));
    bar.hidden = !isShown;
  });
}

function markRead(event) {
  if (!event.target.closest("#unread-bar [data-action=mark-read]")) return;
  event.preventDefault();
  tell("read-all");
  $("#composer textarea")?.focus({ preventScroll: true });
}

export function enter(signal) {
  bar = $("#unread-bar");
  if (!room.isMember) return;
  if (bar?.dataset.at) localise();
  when("page", paint, signal);
  when("new-line", paint, signal);
  room.main.addEventListener("click", markRead, { signal });
}
