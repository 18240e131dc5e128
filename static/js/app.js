/**
 * Everything of the signed-in pages. First each module that others ask finds its part of the page,
 * then the behaviours start: listeners first, the connection last, so no event is missed.
 */

import * as catchup from "./catchup.js";
import * as clock from "./clock.js";
import * as composer from "./composer.js";
import * as connection from "./connection.js";
import * as conversation from "./conversation.js";
import * as copy from "./copy.js";
import * as dialog from "./dialog.js";
import * as edit from "./edit.js";
import * as field from "./field.js";
import * as history from "./history.js";
import * as i18n from "./i18n.js";
import * as keyboard from "./keyboard.js";
import * as listKeys from "./list-keys.js";
import * as members from "./members.js";
import * as messages from "./messages.js";
import * as notices from "./notices.js";
import * as outbox from "./outbox.js";
import * as panels from "./panels.js";
import * as presence from "./presence.js";
import * as read from "./read.js";
import * as returning from "./return.js";
import * as roomOfPage from "./room.js";
import * as rows from "./rows.js";
import * as scroll from "./scroll.js";
import * as selection from "./selection.js";
import * as sidebar from "./sidebar.js";
import * as socket from "./socket.js";
import * as switcher from "./switcher.js";
import * as theme from "./theme.js";
import * as typing from "./typing.js";
import * as unread from "./unread.js";
import * as unreadBar from "./unread-bar.js";
import * as unsent from "./unsent.js";

const ASKED = [clock, i18n, roomOfPage, rows, scroll, messages];

const PAGE = [panels, dialog, switcher, keyboard, theme, copy, notices, selection, field];
const AROUND_THE_CHANNEL = [unread, sidebar, members, presence, connection];
const CHANNEL = [conversation, typing, unsent, scroll, composer, edit, history, read, unreadBar];
const LAST = [listKeys, returning, catchup, outbox, socket];

export function start() {
  for (const part of ASKED) part.find();
  for (const part of [messages, ...PAGE, ...AROUND_THE_CHANNEL, ...CHANNEL, ...LAST]) part.start();
  document.body.dataset.ready = "true";
}
