/**
 * The parts of the page that belong to the shown channel. Each adds its listeners when a channel is
 * entered, with a signal that removes them when the channel is left.
 */

import * as actions from "./actions.js";
import { tell } from "./bus.js";
import * as catchup from "./catchup.js";
import * as composer from "./composer.js";
import * as conversation from "./conversation.js";
import * as copy from "./copy.js";
import * as edit from "./edit.js";
import * as history from "./history.js";
import * as listKeys from "./list-keys.js";
import * as members from "./members.js";
import * as messages from "./messages.js";
import * as panels from "./panels.js";
import * as read from "./read.js";
import * as returning from "./return.js";
import * as roomOfPage from "./room.js";
import * as rows from "./rows.js";
import * as scroll from "./scroll.js";
import * as selection from "./selection.js";
import * as typing from "./typing.js";
import * as unreadBar from "./unread-bar.js";
import * as unsent from "./unsent.js";
import * as visit from "./visit.js";

const ASKED = [roomOfPage, rows, scroll, messages, actions];
const AROUND = [messages, actions, panels, copy, selection, members];
const PARTS = [conversation, typing, unsent, scroll, composer, edit, history, read, unreadBar];
const LAST = [listKeys, returning, catchup];

/** Find the elements that several parts use. On a page without a channel `room` is null. */
export function find() {
  for (const part of ASKED) part.find();
}

/** All that was bound for the channel ends, once everybody has put away what they know of it. */
export function leave() {
  tell("leaving");
  visit.end();
  roomOfPage.room.wasHere = true;
}

export function enter() {
  if (!roomOfPage.room) return;
  const signal = visit.begin();
  for (const part of [...AROUND, ...PARTS, ...LAST]) part.enter(signal);
}
