/**
 * Another channel takes its place on the page: by a link, a key, the switcher, "back" or "forward".
 * One that was here before is shown at once as it was left, and caught up with; any other one is
 * fetched. Where that is not possible the browser loads the ordinary page.
 */

import * as ahead from "./ahead.js";
import { tell, when } from "./bus.js";
import * as channel from "./channel.js";
import { focusComposer } from "./composer.js";
import { $, $$, el } from "./dom.js";
import { NeedsPage, nodesIn } from "./fragment.js";
import * as kept from "./kept.js";
import { addressOf, isChannel, isPlainClick } from "./logic/addresses.js";
import { closeOpen, isPanelOpen } from "./panels.js";
import { CHANNELS_REMEMBERED } from "./protocol.js";
import { room } from "./room.js";
import { rebuild } from "./sidebar.js";
import { toast } from "./toast.js";
import { entitle } from "./unread.js";

const YEAR_S = 31_536_000;

let wanted = null; // the switch under way: its address, and what stops its request
let isOver = false; // the log-in for which the page was made: only another page helps

// -- the page ------------------------------------------------------------------------------------

/** Where one is going is marked at once: the next key goes on from there. */
function markCurrent() {
  const isIt = wanted
    ? (link) => addressOf(link) === wanted.address
    : (link) => link.dataset.channelLink === room.id;
  for (const link of $$("#sidebar [data-channel-link]")) {
    if (isIt(link)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  $("#channel").toggleAttribute("data-leaving", Boolean(wanted));
}

// Where `/` leads next time, before the channels that were shown earlier (chat.views.channel_page).
function remember() {
  if (!room.id) return;
  const before = /(?:^|; )last_channel=([^;]*)/.exec(document.cookie)?.[1].split(".") ?? [];
  const others = before.filter((id) => id !== room.id);
  const shown = [room.id, ...others].slice(0, CHANNELS_REMEMBERED).join(".");
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `last_channel=${shown}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax${secure}`;
}

function setAddress(target, isBack) {
  if (isBack) return history.replaceState(history.state, "", target);
  if (!isPanelOpen()) return history.pushState(null, "", target);
  // The open panel has an entry in the history, which the channel takes. The style sheet goes by
  // :target, so only a real step to another fragment closes the panel.
  location.replace("#channel");
  history.replaceState(null, "", target);
}

// Where the list begins is decided as on any page (first-view.js), before anything listens.
function beginView() {
  const first = el("first-view", { hidden: true });
  document.body.append(first);
  first.remove();
}

function show(view, hash, isBack) {
  wanted = null;
  const old = nodesIn();
  channel.leave();
  kept.keep();
  $("#channel").removeAttribute("data-leaving");
  setAddress(view.address + hash, isBack);
  old.forEach((node, index) => node.replaceWith(view.nodes[index]));
  channel.find();
  beginView();
  channel.enter();
  if (!room.main.contains(document.activeElement)) room.main.focus({ preventScroll: true });
  entitle(view.title);
  markCurrent();
  remember();
  tell("entered");
  if (view.isDoubtful) rebuild();
}

// -- going there ---------------------------------------------------------------------------------

function stop() {
  wanted?.stop.abort();
  wanted = null;
}

// The channel cannot be had now: one stays where one is, and is told why.
function stay(error, isBack) {
  wanted = null;
  markCurrent();
  if (isBack) history.replaceState(null, "", room.address);
  toast(error.message, "error");
}

async function fetchAndShow(url, isBack) {
  const { address, stop: stopped } = wanted;
  const isLate = () => wanted?.stop !== stopped;
  const before = kept.changesTold();
  markCurrent();
  try {
    const view = await ahead.fetchOnce(address, stopped);
    if (isLate()) return;
    ahead.forget(address);
    view.isDoubtful = before !== kept.changesTold();
    show(view, url.hash, isBack);
  } catch (error) {
    if (isLate()) return;
    if (!(error instanceof NeedsPage)) stay(error, isBack);
    else if (isBack) location.reload();
    else location.assign(url);
  }
}

// To where one is: whatever was on its way is no longer wanted.
function comeBack(isBack) {
  markCurrent();
  if (isBack) return;
  if (addressOf(location) !== room.address) history.pushState(null, "", room.address);
  closeOpen();
  focusComposer();
}

function go(url, isBack) {
  const address = addressOf(url);
  if (address === wanted?.address) return;
  stop();
  if (address === room.address) return comeBack(isBack);
  const view = kept.take(address);
  if (view) return show(view, url.hash, isBack);
  wanted = { address, stop: new AbortController() };
  fetchAndShow(url, isBack);
}

/** Show what lies at an address: on this page, if both are channels of this site. */
export function visit(href) {
  const url = new URL(href, location.href);
  if (room && !isOver && isChannel(url, location.origin)) go(url, false);
  else location.assign(url);
}

function onClick(event) {
  const link = event.target.closest("a[href]");
  if (!link || isOver || event.defaultPrevented || !isPlainClick(event)) return;
  if (link.target || !isChannel(link, location.origin)) return;
  if (link.hash && addressOf(link) === room.address) return; // a place on this very page
  event.preventDefault();
  visit(link.href);
}

function onPopState() {
  if (!isChannel(location, location.origin)) return;
  if (!wanted && addressOf(location) === room.address) return;
  if (isOver) location.reload();
  else go(new URL(location.href), true);
}

export function start() {
  if (!room) return;
  document.addEventListener("click", onClick);
  addEventListener("popstate", onPopState);
  when("sidebar:rebuilt", markCurrent);
  when("connected", () => (isOver = false));
  for (const name of kept.ENDS) when(name, () => (isOver = true));
}
