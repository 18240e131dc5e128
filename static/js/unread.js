/** How much is unread: the sidebar's counts, the title's number, and the menu button's of the rest. */

import { when } from "./bus.js";
import { $, $$, me } from "./dom.js";
import { isLooking } from "./looking.js";
import { MESSAGE_NEW, UNREAD, UNREAD_SHOWN } from "./protocol.js";
import { room } from "./room.js";

// Somebody who looks at the channel in another tab reads it within this time: no flicker here.
const PATIENCE_MS = 500;
let bareTitle = ""; // without the number
const coming = new Map();
// Up to which number the server's last word counted: what is pushed later may be in it already.
const counted = new Map();

export const linkOf = (channel) => $(`[data-channel-link="${CSS.escape(String(channel))}"]`);
const shown = (count) => (count > UNREAD_SHOWN ? `${UNREAD_SHOWN}+` : String(count));

function paintBadge(badge, count) {
  badge.hidden = !count;
  $(".unread-count", badge).textContent = shown(count);
}

function paintTotals() {
  const links = $$("[data-channel-link]");
  const sumOf = (some) => some.reduce((sum, link) => sum + (Number(link.dataset.unread) || 0), 0);
  const total = sumOf(links);
  document.title = total ? `(${shown(total)}) ${bareTitle}` : bareTitle;
  const elsewhere = sumOf(links.filter((link) => link.dataset.channelLink !== room?.id));
  for (const badge of $$("[data-opens=sidebar] .unread")) paintBadge(badge, elsewhere);
}

/** The server's word, which ends all counting on. Says whether the channel is in the sidebar. */
export function setUnread(channel, count, lastSeq) {
  // An older word; 0 is one, too: the list was asked for before the channel's first message.
  if (lastSeq < counted.get(channel)) return Boolean(linkOf(channel));
  if (lastSeq !== undefined) counted.set(channel, lastSeq);
  clearTimeout(coming.get(channel)?.timer);
  coming.delete(channel);
  const link = linkOf(channel);
  if (!link) return false;
  link.dataset.unread = count;
  paintBadge($(".unread", link), count);
  paintTotals();
  return true;
}

/** Between two words of the server we count on by ourselves: one's own message is never unread. */
function countOn({ message }) {
  const { channel, author, seq } = message;
  if (seq <= counted.get(channel)) return;
  if (author.id === me.id || !linkOf(channel) || (channel === room?.id && isLooking())) return;
  const entry = coming.get(channel) || { count: 0, timer: 0 };
  clearTimeout(entry.timer);
  entry.count += 1;
  entry.timer = setTimeout(() => {
    setUnread(channel, (Number(linkOf(channel)?.dataset.unread) || 0) + entry.count);
  }, PATIENCE_MS);
  coming.set(channel, entry);
}

export function start() {
  bareTitle = document.title.replace(/^\(\d+\+?\) /, "");
  paintTotals();
  when(UNREAD, ({ channel, unread, last_seq }) => setUnread(channel, unread, last_seq));
  when(MESSAGE_NEW, countOn);
  when("sidebar:rebuilt", paintTotals);
}
