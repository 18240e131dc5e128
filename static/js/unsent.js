/** The rows of unsent and refused messages. */

import { when } from "./bus.js";
import { serverTime } from "./clock.js";
import { $, el, icon, me } from "./dom.js";
import { t } from "./i18n.js";
import { byClientId, discard, insert, list, put } from "./messages.js";
import { placeOf } from "./logic/outbox.js";
import { forget, retry, waiting } from "./outbox.js";
import { room } from "./room.js";
import { rowFromMessage } from "./rows.js";
import { steady, toBottom } from "./scroll.js";

// Shown only if it takes longer, so that a quick answer does not flash a text.
const PATIENCE_MS = 1500;

const here = () => room.id || placeOf(room.other);

function button(className, iconName, label, press) {
  const node = el(
    "button",
    { class: `button small ${className}`, type: "button" },
    icon(iconName),
    el("span", { text: label }),
  );
  node.addEventListener("click", press);
  return node;
}

function paint(row, item) {
  $(".message-status", row)?.remove();
  row.dataset.state = item.state;
  const status = el("div", { class: "message-status" });
  if (item.state === "sending") {
    setTimeout(
      () => status.isConnected && steady(() => (status.textContent = t("waiting"))),
      PATIENCE_MS,
    );
  } else {
    const reason = item.reason ? t("unsent_reason", { reason: item.reason }) : t("unsent");
    status.append(
      el("span", { class: "message-reason", role: "alert", text: reason }),
      button("message-retry", "rotate-cw", t("retry"), () => retry(item)),
      button("message-discard", "trash-2", t("discard"), () => {
        forget(item);
        $("#composer textarea")?.focus();
      }),
    );
  }
  $(".message-content", row).append(status);
}

function show(item) {
  if (item.channel !== here()) return;
  const row = byClientId(item.client_id);
  if (row?.dataset.id) return; // stored meanwhile
  if (row) return steady(() => paint(row, item));
  const fresh = rowFromMessage({
    author: me,
    text: item.text,
    client_id: item.client_id,
    created_at: serverTime(item.at).toISOString(),
  });
  paint(fresh, item);
  steady(() => insert(fresh));
}

// Another tab wrote, sent or deleted something: show what is there now.
function sync() {
  const items = waiting(here());
  items.forEach(show);
  const ids = new Set(items.map((item) => item.client_id));
  for (const row of list.querySelectorAll(".message[data-state]")) {
    // Sent rather than deleted? Then its push replaces the row, or comes with the next catch-up.
    if (!ids.has(row.dataset.clientId)) discard(row);
  }
}

function dropped(item) {
  const row = byClientId(item.client_id);
  if (row && !row.dataset.id) discard(row);
}

export function enter(signal) {
  waiting(here()).forEach(show);
  if (room.wasHere) when("caught-up", sync, signal);
  const added = (item) => {
    if (item.channel !== here()) return;
    show(item);
    toBottom();
  };
  when("outbox:added", added, signal);
  when("outbox:changed", show, signal);
  when("outbox:dropped", dropped, signal);
  when("outbox:sent", ({ item, message }) => item.channel === room.id && put(message), signal);
  when("outbox:other-tab", sync, signal);
}
