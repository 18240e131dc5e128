/** Unread counts: in the sidebar, in the title, and on the menu button for the other channels. */

import { when } from "./bus.js";
import { $, $$, me } from "./dom.js";
import { isLooking } from "./looking.js";
import { shownCount, UnreadCounts } from "./logic/unread.js";
import { MESSAGE_NEW, UNREAD } from "./protocol.js";
import { room } from "./room.js";

// Somebody who looks at the channel in another tab reads it within this time: no flicker here.
const PATIENCE_MS = 500;
export let bareTitle = ""; // without the number
const counts = new UnreadCounts();
const timers = new Map();

export const linkOf = (channel) => $(`[data-channel-link="${CSS.escape(String(channel))}"]`);

function paintBadge(badge, count) {
  badge.hidden = !count;
  $(".unread-count", badge).textContent = shownCount(count);
}

function paintTotals() {
  const links = $$("[data-channel-link]");
  const sumOf = (some) => some.reduce((sum, link) => sum + (Number(link.dataset.unread) || 0), 0);
  const total = sumOf(links);
  document.title = total ? `(${shownCount(total)}) ${bareTitle}` : bareTitle;
  const elsewhere = sumOf(links.filter((link) => link.dataset.channelLink !== room?.id));
  for (const badge of $$("[data-opens=sidebar] .unread")) paintBadge(badge, elsewhere);
}

/** The server's word, which ends all counting on. Says whether the channel is in the sidebar. */
export function setUnread(channel, count, lastSeq) {
  const link = linkOf(channel);
  if (!counts.told(channel, lastSeq)) return Boolean(link);
  clearTimeout(timers.get(channel));
  if (!link) return false;
  link.dataset.unread = count;
  paintBadge($(".unread", link), count);
  paintTotals();
  return true;
}

export const unreadOf = (channel) => Number(linkOf(channel)?.dataset.unread) || 0;

/** Between two words of the server we count on by ourselves: one's own message is never unread. */
function countOn({ message }) {
  const { channel, author, seq } = message;
  if (author.id === me.id || !linkOf(channel) || (channel === room?.id && isLooking())) return;
  if (!counts.pushed(channel, seq)) return;
  clearTimeout(timers.get(channel));
  const sum = () => setUnread(channel, unreadOf(channel) + counts.coming(channel));
  timers.set(channel, setTimeout(sum, PATIENCE_MS));
}

/** The page shows something else now. */
export function entitle(title) {
  bareTitle = title;
  paintTotals();
}

export function start() {
  entitle(document.title.replace(/^\(\d+\+?\) /, ""));
  when(UNREAD, ({ channel, unread, last_seq }) => setUnread(channel, unread, last_seq));
  when(MESSAGE_NEW, countOn);
  when("sidebar:rebuilt", paintTotals);
}
