/** Loads older pages on scrolling up, newer ones after a permalink, and the newest page on request. */

import { when } from "./bus.js";
import { $, el, icon } from "./dom.js";
import { t, tn } from "./i18n.js";
import { addPage, firstSeq, lastSeq } from "./messages.js";
import { catchUp, showNewest, withPage } from "./catchup.js";
import { HISTORY_PAGE } from "./protocol.js";
import { room } from "./room.js";
import { box, isAtBottom, steady, toBottom } from "./scroll.js";
import { toast } from "./toast.js";

const SLOW_MS = 200;
let older = null;
let jump = null;

let isLoading = false;
let below = 0;

// The link is also the sentinel: its height stays when its text changes.
function sayLoading(link, isOn) {
  link.classList.toggle("is-loading", isOn);
  link.textContent = isOn ? t("loading_older") : t("show_older");
}

async function loadOlder() {
  if (isLoading || !room.hasOlder || !firstSeq()) return;
  isLoading = true;
  const slow = setTimeout(sayLoading, SLOW_MS, older, true);
  try {
    await withPage(`?before=${firstSeq()}&limit=${HISTORY_PAGE}`, ({ messages, more }) => {
      addPage(messages, "above");
      room.hasOlder = more && messages.length > 0;
    });
    if (!room.hasOlder) steady(showBeginning);
  } catch (error) {
    toast(error.message, "error");
  } finally {
    clearTimeout(slow);
    sayLoading(older, false);
    isLoading = false;
    rearm();
  }
}

function showBeginning() {
  older.hidden = true;
  const template = $("#beginning-template");
  if (template && !$(".beginning")) older.after(document.importNode(template.content, true));
}

async function loadNewer() {
  if (isLoading || !room.hasNewer) return;
  isLoading = true;
  try {
    await withPage(`?after=${lastSeq()}&limit=${HISTORY_PAGE}`, ({ messages, more }) => {
      addPage(messages, "below");
      room.hasNewer = more;
    });
  } finally {
    isLoading = false;
    paintJump();
    rearm();
  }
}

let watch = null;
// After a short page the sentinel stays in view and does not fire again.
function rearm() {
  const latest = $("#latest");
  watch.disconnect();
  if (room.hasOlder) watch.observe(older);
  if (room.hasNewer) watch.observe(latest);
}

function paintJump() {
  jump.hidden = isAtBottom() && !room.hasNewer;
  const words = below ? tn("new_messages", below) : t("jump_latest");
  jump.replaceChildren(icon("arrow-down"), el("span", { text: words }));
  jump.classList.toggle("has-new", below > 0);
}

async function jumpToLatest(event) {
  event.preventDefault();
  below = 0;
  if (room.hasNewer) {
    try {
      await showNewest();
      room.address = `/channels/${encodeURIComponent(room.slug)}`;
      history.replaceState(null, "", room.address);
      catchUp();
    } catch {
      return location.assign(jump.href);
    }
  } else toBottom();
  paintJump();
  $("#composer textarea")?.focus({ preventScroll: true });
}

// A page that began at the first message has no link yet, but may need one after a long time offline.
const olderLink = () =>
  $("#load-older") || el("a", { id: "load-older", class: "load-older", href: "?", hidden: true });

function seen(entries) {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) (target === older ? loadOlder : loadNewer)();
  }
}

function onOlder(event) {
  event.preventDefault();
  loadOlder();
}

function onStuck(isStuck) {
  if (isStuck && !room.hasNewer) below = 0;
  paintJump();
}

function countBelow() {
  below += 1;
  paintJump();
}

function startedOver() {
  older.hidden = !room.hasOlder;
  if (room.hasOlder) sayLoading(older, false);
  rearm();
  paintJump();
}

function follow(signal) {
  when("older-wanted", loadOlder, signal);
  when("stuck", onStuck, signal);
  when(
    "shown",
    ({ isNew, row }) => isNew && !isAtBottom() && row.dataset.seq && countBelow(),
    signal,
  );
  when("outside", ({ seq }) => seq > lastSeq() && countBelow(), signal);
  when("started-over", startedOver, signal);
}

export function enter(signal) {
  isLoading = false;
  below = 0;
  older = olderLink();
  jump = $("#jump-latest");
  watch = new IntersectionObserver(seen, { root: box, rootMargin: "600px 0px" });
  signal.addEventListener("abort", () => watch.disconnect());
  rearm();
  if (!older.isConnected) $("#messages").before(older);
  older.tabIndex = -1; // passing it would load a page: by keyboard, going up the list does
  older.addEventListener("click", onOlder, { signal });
  jump.addEventListener("click", jumpToLatest, { signal });
  follow(signal);
  paintJump();
}
