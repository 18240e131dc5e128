/** How much is unread, per channel and in all: the sidebar's counts and the title's number. */

import { when } from "./bus.js";
import { $, $$ } from "./dom.js";

const MOST = 99;
const bareTitle = document.title.replace(/^\(\d+\+?\) /, "");

export const linkOf = (channel) => $(`[data-channel-link="${CSS.escape(String(channel))}"]`);
const shown = (count) => (count > MOST ? `${MOST}+` : String(count));

export function paintTitle() {
  const total = $$("[data-channel-link]").reduce((sum, link) => sum + (Number(link.dataset.unread) || 0), 0);
  document.title = total ? `(${shown(total)}) ${bareTitle}` : bareTitle;
}

export function setUnread(channel, count) {
  const link = linkOf(channel);
  if (!link) return false;
  link.dataset.unread = count;
  const badge = $(".unread", link);
  badge.hidden = !count;
  $(".unread-count", badge).textContent = shown(count);
  paintTitle();
  return true;
}

export function start() {
  paintTitle();
  when("unread", ({ channel, unread }) => setUnread(channel, unread));
  when("sidebar:rebuilt", paintTitle);
}
