/** Shows who is typing. It expires by itself, because the "stopped" event may be lost. */

import { when } from "./bus.js";
import { $, me } from "./dom.js";
import { t } from "./i18n.js";
import { MESSAGE_NEW, TYPING } from "./protocol.js";
import { room } from "./room.js";

const SHOWN_MS = 5000;
let line = null;
const writers = new Map();

function words() {
  const names = [...writers.values()].map(({ nickname }) => nickname);
  if (!names.length) return "";
  if (names.length === 1) return t("typing_one", { name: names[0] });
  if (names.length === 2) return t("typing_two", { first: names[0], second: names[1] });
  return t("typing_many");
}

function stop(id) {
  clearTimeout(writers.get(id)?.timer);
  if (writers.delete(id)) line.textContent = words();
}

function show({ channel, user }) {
  if (channel !== room.id || user.id === me.id) return;
  clearTimeout(writers.get(user.id)?.timer);
  const timer = setTimeout(() => stop(user.id), SHOWN_MS);
  writers.set(user.id, { nickname: user.nickname, timer });
  line.textContent = words();
}

const stopAll = () => [...writers.keys()].forEach(stop);

export function enter(signal) {
  line = $("#typing");
  if (!line) return;
  const hears = ({ message }) => message.channel === room.id && stop(message.author.id);
  when(TYPING, show, signal);
  when(MESSAGE_NEW, hears, signal);
  when("disconnected", stopAll, signal);
  signal.addEventListener("abort", stopAll);
}
