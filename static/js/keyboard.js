/** Every way without a mouse. Letters go by `code`: the key's place is the same on a Russian layout. */

import { $, $$, el } from "./dom.js";
import { heading, isOpen } from "./dialog.js";
import { t } from "./i18n.js";
import { markRead } from "./read.js";
import * as panels from "./panels.js";
import * as switcher from "./switcher.js";

const dialog = $("#shortcuts");
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
const COMMAND = isMac ? "⌘" : "key_ctrl";
const KEYS = [
  ["keys_switcher", [COMMAND, "K"]],
  ["keys_channels", ["key_alt", "↑ ↓"]],
  ["keys_unread", ["key_alt", "key_shift", "↑ ↓"]],
  ["keys_read", ["Esc"]],
  ["keys_edit", ["↑"]],
  ["keys_send", ["key_enter"]],
  ["keys_newline", ["key_shift", "key_enter"]],
  ["keys_messages", ["key_shift", "Tab"]],
  ["keys_message", ["↑ ↓"]],
  ["keys_actions", ["key_enter"]],
  ["keys_edit_this", ["E"]],
  ["keys_copy_link", ["C"]],
  ["keys_delete", ["Delete"]],
  ["keys_help", [COMMAND, "/"]],
];

function fill() {
  const rows = KEYS.map(([meaning, keys]) =>
    el(
      "div",
      { class: "shortcut" },
      el("dt", { text: t(meaning) }),
      el(
        "dd",
        {},
        ...keys.flatMap((key, index) => [index ? "+" : "", el("kbd", { text: t(key) })]),
      ),
    ),
  );
  dialog.append(heading(t("shortcuts_title")), el("dl", { class: "shortcut-list" }, ...rows));
}

function go(step, onlyUnread) {
  const links = $$("#sidebar [data-channel-link]");
  const here = links.findIndex((link) => link.getAttribute("aria-current") === "page");
  const from = here < 0 && step < 0 ? 0 : here;
  for (let count = 1; count <= links.length; count += 1) {
    const link = links[(from + step * count + links.length * count) % links.length];
    if (onlyUnread && !Number(link.dataset.unread)) continue;
    if (link !== links[here]) location.assign(link.href);
    return;
  }
}

function onKey(event) {
  const command = (event.ctrlKey || event.metaKey) && !event.altKey;
  if (command && !event.shiftKey && event.code === "KeyK") switcher.open();
  else if (command && event.code === "Slash") dialog.open ? dialog.close() : dialog.showModal();
  else if (isOpen()) return;
  else if (event.altKey && !command && event.code === "ArrowUp") go(-1, event.shiftKey);
  else if (event.altKey && !command && event.code === "ArrowDown") go(1, event.shiftKey);
  else if (event.code === "Escape" && !event.shiftKey && !event.isComposing)
    panels.closeOpen() || markRead();
  else return;
  event.preventDefault();
}

export function start() {
  if (!dialog) return;
  fill();
  document.addEventListener("keydown", onKey);
  for (const button of $$("[data-opens-dialog]")) {
    button.hidden = false;
    const open = { switcher: switcher.open, shortcuts: () => dialog.showModal() }[
      button.dataset.opensDialog
    ];
    button.addEventListener("click", open);
  }
}
