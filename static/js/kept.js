/** Channels that were left, with their rows as they were: shown at once when one comes back. */

import { when } from "./bus.js";
import { me } from "./dom.js";
import { nodesIn } from "./fragment.js";
import { Recent } from "./logic/recent.js";
import { rows } from "./messages.js";
import { CHANNEL_CHANGED, CHANNEL_REMOVED } from "./protocol.js";
import { room } from "./room.js";
import { isConnected } from "./socket.js";
import { bareTitle, unreadOf } from "./unread.js";

const MOST = 8;
const MOST_ROWS = 300; // of one channel; further up they are fetched again (return.js)
const MOST_MISSED = 40; // who is further behind is told by the server where reading stopped
/** This page is of a log-in that is over: what it is told and shown is, too (connection.js). */
export const ENDS = ["signed-out", "other-account", "other-session"];

const views = new Recent(MOST);
let changes = 0;

/** Keep the channel that is shown, which is about to be left. */
export function keep() {
  if (!room.id || room.isGone || rows().length > MOST_ROWS) return;
  const view = { address: room.address, title: bareTitle, id: room.id, nodes: nodesIn() };
  view.unread = unreadOf(room.id);
  view.isDoubtful = !isConnected();
  views.put(view.address, view);
}

export const isKept = (address) => views.has(address);

export function take(address) {
  const view = views.take(address);
  return view && unreadOf(view.id) - view.unread <= MOST_MISSED ? view : undefined;
}

/** How many changes of channels were told so far: what was asked for before one may not show it. */
export const changesTold = () => changes;

// It is shown all the same, and compared with the server then.
const doubt = (isMeant) => views.drop((view) => void (isMeant(view) && (view.isDoubtful = true)));

function changed({ channel, joined, left }) {
  changes += 1;
  const isThis = ({ id }) => id === channel.id;
  const isAboutOthers = (joined || left) && ![joined, left].includes(me.id);
  if (isAboutOthers) doubt(isThis);
  else views.drop(isThis);
}

export function start() {
  when(CHANNEL_CHANGED, changed);
  when(CHANNEL_REMOVED, ({ channel }) => views.drop(({ id }) => id === channel));
  when("disconnected", () => doubt(() => true));
  for (const name of ENDS) when(name, () => views.drop(() => true));
}
