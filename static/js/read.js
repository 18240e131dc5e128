/** Marks messages as read if the page is visible and focused and the list is at its end. */

import { when } from "./bus.js";
import { $, debounce } from "./dom.js";
import { isLooking } from "./looking.js";
import { CHANNEL_READ, UNREAD } from "./protocol.js";
import { after, setNewLine } from "./separators.js";
import { lastSeq, list } from "./messages.js";
import { room } from "./room.js";
import { isMine } from "./rows.js";
import { box, isAtBottom, show as reveal, steady } from "./scroll.js";
import { ask, isConnected } from "./socket.js";
import { setUnread, unreadOf } from "./unread.js";
import { isSkipping } from "./unread-bar.js";

let sent = 0;
let newest = 0;
let isArriving = false; // what comes now was missed in a channel that one comes back to

async function send(seq = lastSeq()) {
  if (!seq || seq <= sent) return;
  const before = sent;
  const here = room; // another one may have been entered when the answer comes
  sent = seq;
  try {
    const { unread } = await ask(CHANNEL_READ, { channel: here.id, seq });
    here.lastRead = Math.max(here.lastRead, seq);
    setUnread(here.id, unread);
  } catch {
    if (here === room) sent = before; // said again on the next occasion: connecting is one
  }
}

// Whoever looks at the end of the list has not seen what is unread above its beginning.
const check = debounce(() => room.isMember && isLooking() && !isSkipping() && send(), 250);

/** Esc: everything here is read, and the line goes. */
export function markRead() {
  if (!room?.isMember) return;
  steady(() => setNewLine(list, null));
  send(Math.max(lastSeq(), newest));
}

// A line is drawn at the first message that comes while nobody looks, and stays where it is.
function drawLine({ row, isNew, message }) {
  if (!isNew || isMine(row) || room.newSeq !== null || (isLooking() && !isArriving)) return;
  if (message.seq <= room.lastRead || (after(row) && message.seq < lastSeq())) return;
  steady(() => setNewLine(list, message.seq));
}

// Once seen and left, the line has done its work; the next one is for what comes after.
function looksAway() {
  if (room.newSeq !== null && sent >= lastSeq()) steady(() => setNewLine(list, null));
}

// As on a page that is loaded: at the line, if more is new than fits.
function arrived() {
  const line = isArriving && isAtBottom() && $(".new-line", list);
  isArriving = false;
  if (line && line.getBoundingClientRect().top < box.getBoundingClientRect().top)
    reveal(line, "start");
}

// Read in another tab is read here too.
function readElsewhere({ channel, unread }) {
  if (channel !== room.id || unread) return;
  sent = Math.max(sent, lastSeq());
  if (isSkipping()) steady(() => setNewLine(list, null));
}

function shown(event) {
  drawLine(event);
  check();
}

export function enter(signal) {
  if (!room.isMember) return;
  sent = room.lastRead;
  newest = room.lastSeq;
  isArriving = isConnected() && unreadOf(room.id) > 0;
  when("caught-up", arrived, signal);
  when("leaving", looksAway, signal);
  when("shown", shown, signal);
  for (const name of ["stuck", "connected", "caught-up"]) when(name, check, signal);
  when(UNREAD, readElsewhere, signal);
  when("outside", ({ seq }) => (newest = Math.max(newest, seq)), signal);
  when("read-all", markRead, signal);
  addEventListener("focus", check, { signal });
  addEventListener("blur", looksAway, { signal });
  document.addEventListener("visibilitychange", check, { signal });
  check();
}
