/** Keyboard shortcuts for the whole page. */

import { $, $$, el } from "./dom.js";
import { heading, isOpen } from "./dialog.js";
import { t } from "./i18n.js";
import { channelBeside, shortcutOf } from "./logic/shortcuts.js";
import { visit } from "./navigation.js";
import { markRead } from "./read.js";
import * as panels from "./panels.js";
import * as switcher from "./switcher.js";

let dialog = null;
const COMMAND = "command"; // ⌘ or Ctrl, as the device has it
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

const isMac = () => /Mac|iPhone|iPad/.test(navigator.platform);
const keyName = (key) => t(key === COMMAND ? (isMac() ? "⌘" : "key_ctrl") : key);

function fill() {
  const rows = KEYS.map(([meaning, keys]) =>
    el(
      "div",
      { class: "shortcut" },
      el("dt", { text: t(meaning) }),
      el(
        "dd",
        {},
        ...keys.flatMap((key, index) => [index ? "+" : "", el("kbd", { text: keyName(key) })]),
      ),
    ),
  );
  dialog.append(heading(t("shortcuts_title")), el("dl", { class: "shortcut-list" }, ...rows));
}

function go(step, onlyUnread) {
  const channels = $$("#sidebar [data-channel-link]").map((link) => ({
    href: link.href,
    isCurrent: link.getAttribute("aria-current") === "page",
    unread: Number(link.dataset.unread),
  }));
  const next = channelBeside(channels, step, onlyUnread);
  if (next) visit(next.href);
}

const ACTIONS = {
  switcher: () => switcher.open(),
  shortcuts: () => (dialog.open ? dialog.close() : dialog.showModal()),
  previous: ({ shiftKey }) => go(-1, shiftKey),
  next: ({ shiftKey }) => go(1, shiftKey),
  escape: () => panels.closeOpen() || markRead(),
};
const IN_DIALOGS = ["switcher", "shortcuts"];

function onKey(event) {
  const name = shortcutOf(event);
  if (!name || (isOpen() && !IN_DIALOGS.includes(name))) return;
  ACTIONS[name](event);
  event.preventDefault();
}

export function start() {
  dialog = $("#shortcuts");
  if (!dialog) return;
  fill();
  document.addEventListener("keydown", onKey);
  for (const button of $$("[data-opens-dialog]")) {
    button.hidden = false;
    button.addEventListener("click", ACTIONS[button.dataset.opensDialog]);
  }
}
