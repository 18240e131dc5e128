/**
 * Starts the signed-in pages. First modules that others use find their part of the page. Then the
 * behaviours start, with those of the channel (channel.js). Listeners come first and the connection
 * last, so that no event is missed.
 */

import * as catchup from "./catchup.js";
import * as channel from "./channel.js";
import * as ahead from "./ahead.js";
import * as clock from "./clock.js";
import * as connection from "./connection.js";
import * as copy from "./copy.js";
import * as dialog from "./dialog.js";
import * as field from "./field.js";
import * as i18n from "./i18n.js";
import * as kept from "./kept.js";
import * as keyboard from "./keyboard.js";
import * as navigation from "./navigation.js";
import * as notices from "./notices.js";
import * as outbox from "./outbox.js";
import * as panels from "./panels.js";
import * as presence from "./presence.js";
import * as sidebar from "./sidebar.js";
import * as socket from "./socket.js";
import * as switcher from "./switcher.js";
import * as theme from "./theme.js";
import * as unread from "./unread.js";

const PAGE = [panels, dialog, switcher, keyboard, theme, copy, notices, field];
const AROUND_THE_CHANNEL = [unread, sidebar, presence, connection];
const TO_OTHERS = [kept, ahead, navigation];
const LAST = [catchup, outbox, socket];

export function start() {
  for (const part of [clock, i18n, channel]) part.find();
  for (const part of [...PAGE, ...AROUND_THE_CHANNEL, ...TO_OTHERS]) part.start();
  channel.enter();
  for (const part of LAST) part.start();
  document.body.dataset.ready = "true";
}
