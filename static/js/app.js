/** Everything of the signed-in pages. Listeners first, the connection last: no event is missed. */

import * as catchup from "./catchup.js";
import * as composer from "./composer.js";
import * as connection from "./connection.js";
import * as conversation from "./conversation.js";
import * as copy from "./copy.js";
import * as dialog from "./dialog.js";
import * as edit from "./edit.js";
import * as history from "./history.js";
import * as keyboard from "./keyboard.js";
import * as members from "./members.js";
import * as listKeys from "./list-keys.js";
import * as messages from "./messages.js";
import * as notices from "./notices.js";
import * as outbox from "./outbox.js";
import * as panels from "./panels.js";
import * as presence from "./presence.js";
import * as read from "./read.js";
import * as returning from "./return.js";
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
import { room } from "./room.js";

export function start() {
  if (room) messages.start();
  for (const part of [
    panels,
    dialog,
    switcher,
    keyboard,
    theme,
    copy,
    notices,
    selection, // the page
    unread,
    sidebar,
    members,
    presence,
    connection, // what is around the channel
    conversation,
    typing,
    unsent,
    scroll,
    composer,
    edit, // the channel
    history,
    read,
    unreadBar,
    listKeys,
    returning,
    catchup,
    outbox,
    socket,
  ]) {
    part.start();
  }
  document.body.dataset.ready = "true";
}
